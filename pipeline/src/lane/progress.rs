//! How far a lane is, for whoever watches.

use std::sync::atomic::{AtomicU8, AtomicU64, Ordering};

/// What a lane is at.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
#[repr(u8)]
pub enum LaneStage {
    /// It writes what comes.
    #[default]
    Writing,
    /// All is written, and the backend records that, and builds its indexes.
    Indexing,
    /// It has ended, and the backend is complete.
    Done,
    /// It has ended, and the backend is not.
    GivenUp,
}

/// What a lane has done so far, for whoever watches.
#[derive(Debug, Default)]
pub struct LaneProgress {
    /// Entries of the journal.
    pub received: AtomicU64,
    /// Entries that it is done with.
    pub finished: AtomicU64,
    /// Units that it is done with.
    pub units: AtomicU64,
    stage: AtomicU8,
}

impl LaneProgress {
    /// What it is at.
    pub fn stage(&self) -> LaneStage {
        use LaneStage::{Done, GivenUp, Indexing, Writing};
        let known = [Writing, Indexing, Done, GivenUp];
        let stage = self.stage.load(Ordering::Relaxed);
        known.into_iter().find(|known| *known as u8 == stage).unwrap_or_default()
    }

    pub(super) fn enter(&self, stage: LaneStage) {
        self.stage.store(stage as u8, Ordering::Relaxed);
    }

    /// Units that wait or are being written, of those that it was sent. Those that it passed over for
    /// a newer version count until it has caught up.
    pub fn behind(&self, sent: u64) -> u64 {
        match self.lag() {
            0 => 0,
            _ => sent.saturating_sub(self.units.load(Ordering::Relaxed)).max(1),
        }
    }

    /// Entries that wait or are being written.
    pub fn lag(&self) -> u64 {
        let finished = self.finished.load(Ordering::Relaxed);
        self.received.load(Ordering::Relaxed).saturating_sub(finished)
    }
}
