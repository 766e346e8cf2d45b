//! The one who appends to a journal.

use std::collections::BTreeMap;
use std::io;
use std::ops::Range;
use std::pin::pin;
use std::sync::Arc;

use astload_model::ipc::Compression;
use tokio::task::spawn_blocking;

use super::Shared;
use super::cursors::Cursor;
use super::encoding::Encoding;
use super::frame::{Frame, FrameError, Seq};
use super::group::Group;
use super::log::{aside, rewrite};
use super::segment::{FrameRef, LiveFrame, Segment};
use super::state::{AtBound, Entry, State};
use super::store::{StoreError, store};
use crate::channel::Cargo;

/// Why something was not appended.
#[derive(Debug, thiserror::Error)]
pub enum AppendError {
    /// All lanes are gone; in a durable journal, and there is no room left.
    #[error("nobody reads the journal any more")]
    Unread,
    /// It cannot be encoded.
    #[error(transparent)]
    Frame(#[from] FrameError),
    /// The disk did not take it, and it is not there. Another attempt may succeed.
    #[error("the journal cannot be written: {0}")]
    Disk(#[source] io::Error),
    /// What is on the disk is not known any more; the journal has to be opened again.
    #[error("the journal failed: {0}")]
    Failed(String),
}

/// The one who appends to a journal. Dropped, it says to the lanes that there is no more.
#[derive(Debug)]
pub struct Appender {
    shared: Arc<Shared>,
    /// Why nothing is appended any more.
    failed: Option<String>,
    /// Segments were begun since it was last looked for what is worth compacting.
    rolled: bool,
    /// Where to look next.
    looked: Seq,
    /// The cursors that survive.
    saved: BTreeMap<String, Cursor>,
}

impl Appender {
    pub(super) fn new(shared: Arc<Shared>) -> Self {
        Self { shared, failed: None, rolled: false, looked: 0, saved: BTreeMap::new() }
    }

    /// Appends entries as one group.
    ///
    /// # Errors
    /// As [`append_group`](Self::append_group).
    pub async fn append(&mut self, entries: Vec<Cargo>) -> Result<(), AppendError> {
        let mut group = Group::new(self.shared.durable);
        entries.into_iter().for_each(|cargo| group.push(cargo));
        self.append_group(group).await
    }

    /// Appends a group of this journal, and waits while there is no room. In a durable journal all of
    /// its entries survive a power cut when this returns, and no lane sees them before.
    ///
    /// # Errors
    /// [`AppendError`]: of a durable journal, none of them was appended; of a temporary one, some may
    /// have been.
    pub async fn append_group(&mut self, mut group: Group) -> Result<(), AppendError> {
        if let Some(failed) = &self.failed {
            return Err(AppendError::Failed(failed.clone()));
        }
        group.close();
        if self.shared.durable {
            let mut frames = Vec::with_capacity(group.entries.len());
            for encoding in group.encodings {
                encoding.finish(&mut frames).await?;
            }
            if frames.len() != group.entries.len() {
                return Err(AppendError::Failed("it is a group of another journal".into()));
            }
            return self.append_durably(group.entries, frames).await;
        }
        for cargo in group.entries {
            self.append_in_memory(cargo).await?;
            // Before anybody waits for room for the next one.
            self.shared.appended.notify_waiters();
        }
        Ok(())
    }

    async fn append_durably(
        &mut self,
        entries: Vec<Arc<Cargo>>,
        frames: Vec<Frame>,
    ) -> Result<(), AppendError> {
        let bytes: usize = frames.iter().map(Frame::bytes).sum();
        let shared = self.shared.clone();
        loop {
            let mut room = pin!(shared.room.notified());
            room.as_mut().enable();
            if self.make_room(bytes as u64) {
                break;
            }
            self.maintain().await?;
            // The last segment stays, whether a lane needs it or not.
            if self.make_room(bytes as u64) || self.shared.state().is_let_go() {
                break;
            }
            if !self.shared.state().is_read() {
                return Err(AppendError::Unread);
            }
            room.await;
        }
        let first = self.shared.state().last + 1;
        let stored = self.store(first, frames).await?;
        let mut state = self.shared.state();
        for (frame, cargo) in stored.iter().zip(entries) {
            state.push(Entry { seq: frame.header.seq, cargo: cargo.clone() }, cargo.bytes());
        }
        state.stored = state.last;
        state.forget(self.shared.settings.memory_bytes);
        self.shared.appended.notify_waiters();
        Ok(())
    }

    async fn append_in_memory(&mut self, cargo: Arc<Cargo>) -> Result<(), AppendError> {
        let bytes = cargo.bytes();
        let most = self.shared.settings.memory_bytes.saturating_sub(bytes);
        let shared = self.shared.clone();
        loop {
            let mut room = pin!(shared.room.notified());
            room.as_mut().enable();
            let late = {
                let mut state = self.shared.state();
                if !state.is_read() {
                    return Err(AppendError::Unread);
                }
                state.forget(most);
                if state.recent.is_empty() || state.recent_bytes <= most {
                    let seq = state.last + 1;
                    state.push(Entry { seq, cargo }, bytes);
                    return Ok(());
                }
                late_entries(&state, bytes.max(self.shared.settings.memory_bytes / 8))
            };
            match late.first() {
                // Even the fastest lane has not come so far.
                None => room.await,
                Some(first) => {
                    if !self.spill(first.seq, &late).await? {
                        room.await;
                    }
                }
            }
            if self.rolled {
                self.compact().await?;
            }
        }
    }

    /// Moves what only some lanes still need to the disk. Says whether there was room.
    async fn spill(&mut self, first: Seq, late: &[Entry]) -> Result<bool, AppendError> {
        let late = late.iter().map(|entry| entry.cargo.clone()).collect();
        let mut frames = Vec::new();
        // It is gone soon: compressing it would cost more than it saves.
        Encoding::begin(late, Compression::None).finish(&mut frames).await?;
        let bytes: usize = frames.iter().map(Frame::bytes).sum();
        if !self.make_room(bytes as u64) {
            return Ok(false);
        }
        match self.store(first, frames).await {
            Ok(stored) => {
                let mut state = self.shared.state();
                state.stored = stored.last().map_or(state.stored, |frame| frame.header.seq);
                Ok(true)
            }
            Err(AppendError::Disk(error)) => {
                // As good as full: the slower lanes pace the source, until there is room again.
                tracing::warn!(%error, "a temporary file cannot be written; the slowest backend paces the load");
                Ok(false)
            }
            Err(error) => Err(error),
        }
    }

    /// Whether so many bytes more are within the bounds. Lanes that may be cut off are, before
    /// anybody waits, as far as they hold something back.
    fn make_room(&self, bytes: u64) -> bool {
        let mut state = self.shared.state();
        loop {
            let all = state.log.bytes() + bytes;
            let State { log, lanes, .. } = &mut *state;
            let over = lanes.iter_mut().filter(|(_, lane)| !lane.detached).filter(|(_, lane)| {
                let held = log.bytes_from(lane.done + 1);
                let most = lane.retention.bytes_max.min(self.shared.settings.disk_bytes_max);
                held > 0 && held + bytes > most
            });
            let Some((name, worst)) =
                over.min_by_key(|(_, lane)| (lane.retention.at_bound == AtBound::Wait, lane.done))
            else {
                return all <= self.shared.settings.disk_bytes_max || log.bytes() == 0;
            };
            match worst.retention.at_bound {
                AtBound::Wait => return false,
                AtBound::Detach => {
                    worst.detached = true;
                    let (backend, done) = (name.as_str(), worst.done);
                    tracing::warn!(backend, done, "it holds back more than it may, and is cut off");
                    tracing::info!(target: "audit", event = "detach", backend, done);
                }
            }
            if !self.shared.durable {
                state.let_go(self.shared.settings.memory_bytes);
            }
            // It learns of it where it waits.
            self.shared.appended.notify_waiters();
        }
    }

    /// Writes frames to the disk, and syncs them where the journal is durable.
    async fn store(
        &mut self,
        first: Seq,
        frames: Vec<Frame>,
    ) -> Result<Vec<FrameRef>, AppendError> {
        let shared = self.shared.clone();
        let stored = spawn_blocking(move || store(&shared, first, frames)).await;
        let (stored, rolled) = stored.map_err(|error| self.fail(&error.to_string()))?;
        self.rolled |= rolled;
        stored.map_err(|error| match error {
            StoreError::Undone(error) => AppendError::Disk(error),
            StoreError::Unknown(error) => self.fail(&error.to_string()),
        })
    }

    fn fail(&mut self, why: &str) -> AppendError {
        self.failed = Some(why.to_owned());
        AppendError::Failed(why.to_owned())
    }

    /// Keeps the lanes' cursors, lets go of the segments that all have passed, and writes those
    /// anew in which much is superseded. To be called now and then.
    ///
    /// # Errors
    /// [`AppendError::Failed`] where the disk does not take it.
    pub async fn maintain(&mut self) -> Result<(), AppendError> {
        if !self.shared.durable {
            return Ok(());
        }
        let cursors: BTreeMap<String, Cursor> = {
            let state = self.shared.state();
            let lanes = state.lanes.iter();
            lanes.map(|(name, lane)| (name.clone(), lane.cursor())).collect()
        };
        let reading = cursors.values().filter(|cursor| !cursor.detached);
        let done = reading.map(|cursor| cursor.done).min();
        if cursors != self.saved {
            let (shared, saving) = (self.shared.clone(), cursors.clone());
            let saved = spawn_blocking(move || shared.cursors.save(&saving)).await;
            let saved = saved.map_err(io::Error::other).flatten();
            saved.map_err(|error| self.fail(&error.to_string()))?;
            self.saved = cursors;
        }
        // Only what is known to be passed even after a crash goes.
        self.drop_passed(done.unwrap_or(0));
        if self.rolled {
            self.compact().await?;
        }
        Ok(())
    }

    /// Lets go of the segments that end at or before an entry.
    fn drop_passed(&self, through: Seq) {
        let passed = self.shared.state().take_passed(through, false);
        for segment in passed {
            self.discard(&segment);
        }
    }

    fn discard(&self, segment: &Segment) {
        let disk = &self.shared.disk;
        let gone = match segment.broken {
            true => disk.rename(&segment.name, &aside(&segment.name)),
            false => disk.remove(&segment.name),
        };
        if let Err(error) = gone {
            tracing::warn!(segment = segment.name, %error, "a segment that is done with stays");
        }
    }

    /// Writes segments anew without what is superseded.
    async fn compact(&mut self) -> Result<(), AppendError> {
        self.rolled = false;
        while let Some((seqs, frames)) = self.superseded_segments() {
            let (shared, range) = (self.shared.clone(), seqs.clone());
            let written = spawn_blocking(move || {
                rewrite(shared.disk.as_ref(), &range, &frames, shared.durable)
            });
            let segment = match written.await.map_err(|error| self.fail(&error.to_string()))? {
                Ok(segment) => segment,
                Err(error) => {
                    tracing::warn!(%error, "the journal was not compacted");
                    return Ok(());
                }
            };
            let name = segment.name.clone();
            let old = self.shared.state().log.replace(&seqs, segment);
            for segment in old.iter().filter(|segment| segment.name != name) {
                self.discard(segment);
            }
        }
        Ok(())
    }

    fn superseded_segments(&mut self) -> Option<(Range<Seq>, Vec<LiveFrame>)> {
        let state = self.shared.state();
        let most = self.shared.settings.segment_bytes;
        let is_dead = |mark: &super::Mark| state.is_superseded(mark, u64::MAX);
        let (seqs, next) = state.log.worth_compacting(self.looked, most, is_dead);
        self.looked = next;
        let seqs = seqs?;
        let frames = state.log.live_frames_in(&seqs, is_dead);
        Some((seqs, frames))
    }
}

impl Appender {
    /// Says to the lanes that there is no more. What they are done with can still be kept.
    pub fn end(&mut self) {
        self.shared.state().closed = true;
        self.shared.appended.notify_waiters();
    }
}

impl Drop for Appender {
    fn drop(&mut self) {
        self.end();
    }
}

/// The oldest entries of at least so many bytes that are in memory alone, and that the fastest lane
/// is done with.
fn late_entries(state: &State, bytes: usize) -> Vec<Entry> {
    let done = state.done_by_any();
    let in_memory = state.recent.iter().skip_while(|recent| recent.entry.seq <= state.stored);
    let mut taken = 0;
    let late = in_memory.take_while(|recent| {
        let wanted = recent.entry.seq <= done && taken < bytes;
        taken += recent.bytes;
        wanted
    });
    late.map(|recent| recent.entry.clone()).collect()
}
