//! A lane's place in a journal.

use std::collections::BTreeSet;
use std::io;
use std::pin::pin;
use std::sync::Arc;

use tokio::task::spawn_blocking;

use super::Shared;
use super::disk::DiskFile;
use super::frame::Seq;
use super::segment::{FrameRef, ReadError};
use super::state::{Entry, State};
use crate::excerpt::Excerpt;

/// Why a lane gets nothing more.
#[derive(Debug, thiserror::Error)]
pub enum TailError {
    /// It held back more of the journal than it may.
    #[error("it held back more of the journal than it may, and was cut off")]
    Detached,
    /// The journal cannot be read.
    #[error("the journal cannot be read: {0}")]
    Disk(#[from] io::Error),
}

/// A lane's place in a journal. Dropped, the lane holds nothing back any more, unless the journal is
/// durable: there its cursor waits for it.
#[derive(Debug)]
pub struct Tail {
    name: String,
    shared: Arc<Shared>,
    /// What was given and is not done.
    outstanding: BTreeSet<Seq>,
    /// What could not be read, and was passed over.
    lost: Excerpt<String>,
}

/// Where the next entry is.
enum Next {
    Memory(Entry),
    Disk(Arc<dyn DiskFile>, FrameRef, Vec<usize>),
    /// A frame with nothing for this lane.
    Nothing,
    /// Not there yet.
    Wait,
    End,
}

impl Tail {
    pub(super) fn new(name: String, shared: Arc<Shared>) -> Self {
        Self { name, shared, outstanding: BTreeSet::new(), lost: Excerpt::default() }
    }

    /// The next entry; waits for one. `None` when there are no more.
    ///
    /// May be dropped while it waits, without loss.
    ///
    /// # Errors
    /// [`TailError`] where there is no going on.
    pub async fn next(&mut self) -> Result<Option<Entry>, TailError> {
        let shared = self.shared.clone();
        loop {
            let mut appended = pin!(shared.appended.notified());
            appended.as_mut().enable();
            match self.next_or_end().await? {
                Some(end_or_entry) => return Ok(end_or_entry),
                None => appended.await,
            }
        }
    }

    /// The next entry that is there already.
    ///
    /// # Errors
    /// As [`next`](Self::next).
    pub async fn next_now(&mut self) -> Result<Option<Entry>, TailError> {
        Ok(self.next_or_end().await?.flatten())
    }

    /// An entry, the end, or neither yet.
    async fn next_or_end(&mut self) -> Result<Option<Option<Entry>>, TailError> {
        loop {
            match self.find()? {
                Next::Memory(entry) => return Ok(Some(Some(entry))),
                Next::Nothing => {}
                Next::Wait => return Ok(None),
                Next::End => return Ok(Some(None)),
                Next::Disk(file, frame, wanted) => {
                    let seq = frame.header.seq;
                    let read =
                        spawn_blocking(move || frame.read_units(file.as_ref(), &wanted)).await;
                    let read = read.map_err(io::Error::other)?;
                    self.given(seq);
                    match read {
                        Ok(cargo) => {
                            return Ok(Some(Some(Entry { seq, cargo: Arc::new(cargo) })));
                        }
                        Err(ReadError::Disk(error)) => return Err(error.into()),
                        Err(ReadError::Frame(error)) => {
                            self.lost.push(format!("frame {seq} of the journal: {error}"));
                            self.shared.state().log.set_broken(seq);
                            self.done(seq);
                        }
                    }
                }
            }
        }
    }

    fn find(&mut self) -> Result<Next, TailError> {
        let shared = self.shared.clone();
        let state = &mut *shared.state();
        let (given, bit) = match state.lanes.get(&self.name) {
            Some(lane) if !lane.detached => (lane.given, lane.bit),
            _ => return Err(TailError::Detached),
        };
        let from = given + 1;
        if from > state.last {
            return Ok(if state.closed { Next::End } else { Next::Wait });
        }
        if let Some(entry) = state.recent_from(from).cloned() {
            self.given_in(state, entry.seq);
            return Ok(Next::Memory(entry));
        }
        let Some((file, frame)) = state.log.find(from) else {
            // What stood between the disk and the memory is gone: compacted, or broken.
            let next = state.recent.front().map_or(state.last, |recent| recent.entry.seq - 1);
            self.skip_to(state, next);
            return Ok(Next::Nothing);
        };
        let wanted = |mark: &super::Mark| mark.lanes & bit != 0 && !state.is_superseded(mark, bit);
        let marks = frame.marks.iter().enumerate();
        let wanted: Vec<usize> = marks.filter(|(_, m)| wanted(m)).map(|(at, _)| at).collect();
        if wanted.is_empty() && !frame.marks.is_empty() {
            self.skip_to(state, frame.header.seq);
            return Ok(Next::Nothing);
        }
        Ok(Next::Disk(file, frame, wanted))
    }

    fn given(&mut self, seq: Seq) {
        let shared = self.shared.clone();
        self.given_in(&mut shared.state(), seq);
    }

    fn given_in(&mut self, state: &mut State, seq: Seq) {
        if let Some(lane) = state.lanes.get_mut(&self.name) {
            lane.given = seq;
        }
        self.outstanding.insert(seq);
    }

    /// There is nothing for this lane up to here.
    fn skip_to(&mut self, state: &mut State, seq: Seq) {
        if let Some(lane) = state.lanes.get_mut(&self.name) {
            lane.given = lane.given.max(seq);
        }
        self.advance(state);
        self.shared.room.notify_waiters();
    }

    /// The lane is done with an entry, in whatever order.
    pub fn done(&mut self, seq: Seq) {
        self.outstanding.remove(&seq);
        let shared = self.shared.clone();
        self.advance(&mut shared.state());
        shared.room.notify_waiters();
    }

    /// Moves the cursor up to what is not done yet.
    fn advance(&mut self, state: &mut State) {
        if let Some(lane) = state.lanes.get_mut(&self.name) {
            lane.done = self.outstanding.first().map_or(lane.given, |first| first - 1);
        }
        match self.shared.durable {
            true => state.forget(self.shared.settings.memory_bytes),
            false => state.let_go(self.shared.settings.memory_bytes),
        }
    }

    /// Everything up to this the lane is done with.
    pub fn cursor(&self) -> Seq {
        self.shared.state().lanes.get(&self.name).map_or(0, |lane| lane.done)
    }

    /// What could not be read since this was asked last, and was passed over.
    pub fn take_lost(&mut self) -> Excerpt<String> {
        std::mem::take(&mut self.lost)
    }
}

impl Drop for Tail {
    fn drop(&mut self) {
        let mut state = self.shared.state();
        match (self.shared.durable, state.lanes.get_mut(&self.name)) {
            (true, Some(lane)) => {
                lane.attached = false;
                lane.given = lane.done;
            }
            _ => {
                state.lanes.remove(&self.name);
                state.let_go(self.shared.settings.memory_bytes);
            }
        }
        drop(state);
        self.shared.room.notify_waiters();
    }
}
