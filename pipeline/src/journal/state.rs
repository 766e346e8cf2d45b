//! What the appender and the lanes of a journal share.

use std::collections::{BTreeMap, HashMap, VecDeque};
use std::sync::Arc;

use astload_model::UnitId;

use super::cursors::Cursor;
use super::frame::{Mark, Seq, marks_of};
use super::log::Log;
use super::segment::Segment;
use crate::channel::{Cargo, Lanes};

/// What a lane gets from a journal.
#[derive(Debug, Clone)]
pub struct Entry {
    /// Its number.
    pub seq: Seq,
    /// What is to be written.
    pub cargo: Arc<Cargo>,
}

/// What becomes of a lane that holds back more than it may.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum AtBound {
    /// It is cut off, and has to be brought up to date from elsewhere.
    Detach,
    /// The source waits for it.
    #[default]
    Wait,
}

/// How much of a journal a lane may hold back, and what becomes of it then.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Retention {
    /// Bytes on the disk.
    pub bytes_max: u64,
    /// What becomes of it.
    pub at_bound: AtBound,
}

impl Default for Retention {
    fn default() -> Self {
        Self { bytes_max: u64::MAX, at_bound: AtBound::default() }
    }
}

/// A lane as its journal sees it.
#[derive(Debug)]
pub(super) struct Reading {
    /// Which bit it has in an index.
    pub(super) bit: Lanes,
    /// Everything up to this it is done with.
    pub(super) done: Seq,
    /// Everything up to this it was given.
    pub(super) given: Seq,
    pub(super) retention: Retention,
    /// It was cut off.
    pub(super) detached: bool,
    /// Somebody reads; if not, a cursor alone holds its frames back.
    pub(super) attached: bool,
}

impl Reading {
    /// What is kept of it.
    pub(super) fn cursor(&self) -> Cursor {
        let index = self.bit.trailing_zeros().min(Lanes::BITS - 1);
        Cursor { done: self.done, index, detached: self.detached }
    }

    /// A lane that is done with everything up to an entry.
    pub(super) fn new(done: Seq, bit: Lanes) -> Self {
        let retention = Retention::default();
        Self { bit, done, given: done, retention, detached: false, attached: true }
    }
}

/// The newest version of a unit.
#[derive(Debug, Clone, Copy)]
struct Newest {
    generation: u64,
    seq: Seq,
    lanes: Lanes,
}

/// What the appender and the lanes share.
#[derive(Debug, Default)]
pub(super) struct State {
    pub(super) log: Log,
    /// The latest entries, in memory.
    pub(super) recent: VecDeque<Recent>,
    pub(super) recent_bytes: usize,
    /// The number of the last entry.
    pub(super) last: Seq,
    /// Everything up to this is on the disk.
    pub(super) stored: Seq,
    /// The last segment is being written to.
    pub(super) writing: bool,
    /// Nothing is appended any more.
    pub(super) closed: bool,
    pub(super) lanes: BTreeMap<String, Reading>,
    newest: HashMap<UnitId, Newest>,
}

/// An entry that is in memory.
#[derive(Debug)]
pub(super) struct Recent {
    pub(super) entry: Entry,
    pub(super) bytes: usize,
}

impl State {
    /// Lanes that still read.
    pub(super) fn reading(&self) -> impl Iterator<Item = &Reading> {
        self.lanes.values().filter(|lane| !lane.detached)
    }

    /// Whether anybody reads.
    pub(super) fn is_read(&self) -> bool {
        self.lanes.values().any(|lane| lane.attached && !lane.detached)
    }

    /// Everything up to this all lanes are done with.
    pub(super) fn done_by_all(&self) -> Seq {
        self.reading().map(|lane| lane.done).min().unwrap_or(self.last)
    }

    /// Whether all that is left on the disk is the last segment, which no lane needs any more.
    pub(super) fn is_let_go(&self) -> bool {
        self.log.segments().count() <= 1 && self.done_by_all() == self.last
    }

    /// Everything up to this at least one lane is done with.
    pub(super) fn done_by_any(&self) -> Seq {
        self.reading().map(|lane| lane.done).max().unwrap_or(self.last)
    }

    /// Adds an entry, whose number is the next one.
    pub(super) fn push(&mut self, entry: Entry, bytes: usize) {
        self.last = entry.seq;
        self.learn(entry.seq, &marks_of(&entry.cargo));
        self.recent_bytes += bytes;
        self.recent.push_back(Recent { entry, bytes });
    }

    /// Takes note of the versions that a frame holds.
    pub(super) fn learn(&mut self, seq: Seq, marks: &[Mark]) {
        for mark in marks {
            let Mark { id, generation, lanes } = *mark;
            let newest = self.newest.entry(id).or_insert(Newest { generation, seq, lanes });
            if (newest.generation, newest.seq) < (generation, seq) {
                *newest = Newest { generation, seq, lanes };
            }
        }
    }

    /// Whether a newer version of the unit, which these lanes also get, makes this one pointless.
    pub(super) fn is_superseded(&self, mark: &Mark, lanes: Lanes) -> bool {
        let wanted = mark.lanes & lanes;
        self.newest.get(&mark.id).is_some_and(|newest| {
            newest.generation > mark.generation && wanted & !newest.lanes == 0
        })
    }

    /// The entry of a number, if it is in memory.
    pub(super) fn recent_from(&self, seq: Seq) -> Option<&Entry> {
        let first = self.recent.front()?.entry.seq;
        let at = usize::try_from(seq.checked_sub(first)?).ok()?;
        self.recent.get(at).map(|recent| &recent.entry)
    }

    /// Lets go of what nobody needs in memory: what all are done with, and, past `bytes_max`, what
    /// is on the disk.
    pub(super) fn forget(&mut self, bytes_max: usize) {
        let done = self.done_by_all();
        while let Some(Recent { entry, bytes }) = self.recent.front() {
            let is_done = entry.seq <= done;
            if !is_done && (entry.seq > self.stored || self.recent_bytes <= bytes_max) {
                return;
            }
            self.recent_bytes -= bytes;
            if is_done && entry.seq > self.stored {
                let (seq, marks) = (entry.seq, marks_of(&entry.cargo));
                self.forget_versions(seq, &marks);
            }
            self.recent.pop_front();
        }
    }

    /// In a temporary journal, lets go of everything that all lanes are done with.
    pub(super) fn let_go(&mut self, memory_bytes: usize) {
        self.forget(memory_bytes);
        // Their files have no names: they are gone with this.
        drop(self.take_passed(self.done_by_all(), !self.writing));
    }

    /// Takes out the segments that end at or before an entry.
    pub(super) fn take_passed(&mut self, through: Seq, with_last: bool) -> Vec<Segment> {
        let passed = self.log.take_passed(through, with_last);
        for frame in passed.iter().flat_map(|segment| &segment.frames) {
            self.forget_versions(frame.header.seq, &frame.marks);
        }
        passed
    }

    /// Forgets the versions of a frame that is gone.
    fn forget_versions(&mut self, seq: Seq, marks: &[Mark]) {
        for mark in marks {
            if self.newest.get(&mark.id).is_some_and(|newest| newest.seq == seq) {
                self.newest.remove(&mark.id);
            }
        }
    }
}
