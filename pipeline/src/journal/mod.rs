//! One log that all lanes read, each at its own place.
//!
//! What is appended is written once, however many lanes there are. The latest entries are read from
//! memory, older ones from the disk. A *durable* journal is a folder: an append returns when it
//! survives a power cut, and what a lane is done with survives with it. A *temporary* one is in
//! memory, and on the disk only as far as one lane is slower than another: what the fastest lane is
//! done with and a slower one still needs is moved there; where even the fastest is behind, the
//! source waits.
//!
//! Only the newest version of a unit matters to a lane that lags: it is not given older ones, and
//! segments in which much is superseded are written anew without it.

mod appender;
mod cursors;
pub mod disk;
mod encoding;
mod frame;
mod group;
mod inspect;
mod log;
mod segment;
mod state;
mod store;
mod tail;
mod units;

use std::io;
use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::Notify;

pub use appender::{AppendError, Appender};
pub use cursors::Cursor;
use cursors::Cursors;
use disk::{Disk, Folder, Unnamed};
pub use frame::{Frame, FrameError, FrameKind, HEADER_BYTES, Header, Mark, Seq};
pub use group::Group;
pub use inspect::{BrokenReport, FrameReport, Inspection, Look, SegmentReport, inspect, repair};
use log::Log;
pub use log::Recovery;
pub use segment::{Broken, FrameRef, ReadError};
pub use state::{AtBound, Entry, Retention};
use state::{Reading, State};
pub use tail::{Tail, TailError};
pub(crate) use units::{decode_units, encode_units};

use crate::channel::Lanes;

/// The file with the lanes' cursors.
const CURSORS: &str = "cursors.redb";

/// How much a journal holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct JournalSettings {
    /// Bytes of entries in memory.
    pub memory_bytes: usize,
    /// Bytes of a segment; a larger group of entries has one of its own. Each is an open file.
    pub segment_bytes: u64,
    /// Bytes of all segments.
    pub disk_bytes_max: u64,
}

impl Default for JournalSettings {
    fn default() -> Self {
        Self { memory_bytes: 32 << 20, segment_bytes: 256 << 20, disk_bytes_max: 64 << 30 }
    }
}

/// A journal, as lanes and whoever watches see it. Clones share it.
#[derive(Debug, Clone)]
pub struct Journal(Arc<Shared>);

#[derive(Debug)]
struct Shared {
    settings: JournalSettings,
    durable: bool,
    disk: Box<dyn Disk>,
    cursors: Cursors,
    state: Mutex<State>,
    /// Something was appended, or nothing will be.
    appended: Notify,
    /// A lane is done with something, or gone.
    room: Notify,
}

/// How full a journal is, and how far its lanes are.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct JournalStatus {
    /// Number of the last entry.
    pub last: Seq,
    /// Segments on the disk.
    pub segments: usize,
    /// Their bytes.
    pub disk_bytes: u64,
    /// Bytes of entries in memory.
    pub memory_bytes: usize,
    /// The lanes, by name.
    pub lanes: Vec<LaneStatus>,
}

/// How far a lane is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LaneStatus {
    /// Its name.
    pub name: String,
    /// Everything up to this it is done with.
    pub done: Seq,
    /// Bytes of the segments that it still needs.
    pub disk_bytes: u64,
    /// It held back more than it may, and was cut off.
    pub detached: bool,
}

impl Journal {
    /// A journal that is gone with the process, and its only appender. `folder` has room for what
    /// does not stay in memory.
    pub fn temporary(settings: JournalSettings, folder: &Path) -> (Appender, Self) {
        let disk = Box::new(Unnamed::within(folder.to_path_buf()));
        let journal = Self::new(settings, disk, Cursors::Memory, false);
        (Appender::new(journal.0.clone()), journal)
    }

    /// The journal of a folder, which is made where it is missing, and its only appender.
    ///
    /// What a crash left is mended, and told.
    ///
    /// # Errors
    /// Where the folder cannot be read or written, or another process has it open.
    pub fn open(
        settings: JournalSettings,
        folder: &Path,
    ) -> io::Result<(Appender, Self, Recovery)> {
        let disk = Box::new(Folder::create(folder)?);
        let cursors =
            Cursors::open(&folder.join(CURSORS)).map_err(|error| {
                match Cursors::is_in_use(&error) {
                    true => {
                        io::Error::new(io::ErrorKind::ResourceBusy, "another process has it open")
                    }
                    false => error,
                }
            })?;
        Self::open_on(settings, disk, cursors)
    }

    /// The same on any disk, with cursors in memory.
    ///
    /// # Errors
    /// Where the disk cannot be read or written.
    pub fn open_disk(
        settings: JournalSettings,
        disk: Box<dyn Disk>,
    ) -> io::Result<(Appender, Self, Recovery)> {
        Self::open_on(settings, disk, Cursors::Memory)
    }

    fn open_on(
        settings: JournalSettings,
        disk: Box<dyn Disk>,
        cursors: Cursors,
    ) -> io::Result<(Appender, Self, Recovery)> {
        let (log, recovery) = Log::open(disk.as_ref())?;
        let known = cursors.load()?;
        let journal = Self::new(settings, disk, cursors, true);
        {
            let mut state = journal.0.state();
            // A number is never given twice, not even one whose frame was lost.
            state.last = known.values().map(|cursor| cursor.done).fold(log.last(), Seq::max);
            state.stored = state.last;
            for frame in log.segments().flat_map(|segment| &segment.frames) {
                state.learn(frame.header.seq, &frame.marks);
            }
            state.log = log;
            state.log.seal();
            for (name, Cursor { done, index, detached }) in known {
                let lane = Reading::new(done, 1 << index);
                state.lanes.insert(name, Reading { attached: false, detached, ..lane });
            }
        }
        Ok((Appender::new(journal.0.clone()), journal, recovery))
    }

    fn new(
        settings: JournalSettings,
        disk: Box<dyn Disk>,
        cursors: Cursors,
        durable: bool,
    ) -> Self {
        Self(Arc::new(Shared {
            settings,
            durable,
            disk,
            cursors,
            state: Mutex::default(),
            appended: Notify::new(),
            room: Notify::new(),
        }))
    }

    /// A group that is to be appended to this journal, of nothing yet.
    pub fn group(&self) -> Group {
        Group::new(self.0.durable)
    }

    /// The bit in the lanes that want a unit that is free for a lane of this name: the one that it had
    /// before, for frames that wait say by their bits who wants what. `None` where all are taken.
    pub fn bit_for(&self, name: &str) -> Option<Lanes> {
        let state = self.0.state();
        let taken = state.lanes.values().fold(0, |taken, lane| taken | lane.bit);
        let free = || (!taken != 0).then(|| 1 << (!taken).trailing_zeros());
        state.lanes.get(name).map(|lane| lane.bit).or_else(free)
    }

    /// Gives a lane its place: where it was before, or else before everything that is kept. One that
    /// was cut off stays so until it is [forgotten](Self::forget).
    ///
    /// `bit` is its own in the lanes that want a unit; one that was here before keeps the one that
    /// [`bit_for`](Self::bit_for) says.
    pub fn attach(&self, name: &str, bit: Lanes, retention: Retention) -> Tail {
        let mut state = self.0.state();
        let first = state.log.first().or(state.recent.front().map(|r| r.entry.seq));
        let before_all = first.map_or(state.last, |first| first - 1);
        let lane = state.lanes.entry(name.to_owned()).or_insert(Reading::new(before_all, bit));
        *lane = Reading { retention, detached: lane.detached, ..Reading::new(lane.done, lane.bit) };
        drop(state);
        Tail::new(name.to_owned(), self.0.clone())
    }

    /// Forgets a lane that will not come back, or has got elsewhere what it was cut off from; lets go
    /// of what it alone needs.
    pub fn forget(&self, name: &str) {
        self.0.state().lanes.remove(name);
        self.0.room.notify_waiters();
    }

    /// The number of the last entry.
    pub fn last(&self) -> Seq {
        self.0.state().last
    }

    /// How full it is, and how far its lanes are.
    pub fn status(&self) -> JournalStatus {
        let state = self.0.state();
        let lane = |(name, lane): (&String, &Reading)| LaneStatus {
            name: name.clone(),
            done: lane.done,
            disk_bytes: state.log.bytes_from(lane.done + 1),
            detached: lane.detached,
        };
        JournalStatus {
            last: state.last,
            segments: state.log.segments().count(),
            disk_bytes: state.log.bytes(),
            memory_bytes: state.recent_bytes,
            lanes: state.lanes.iter().map(lane).collect(),
        }
    }
}

impl Shared {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
