//! Joins entries of the journal up to what a backend likes.

use std::collections::HashSet;

use astload_backends::RepoState;
use astload_model::{Batch, BatchBuilder, Selection, UnitId};

use super::{Lane, Seq, Tail, TailError};
use crate::channel::{Cargo, Lanes};
use crate::journal::Entry;

/// What is written at once.
#[derive(Debug)]
pub(super) enum Load {
    Repo(RepoState),
    /// As a rule one batch; more where they do not fit into one.
    Units(Vec<Batch>),
}

/// What of one entry is for this lane.
#[derive(Debug)]
enum Piece {
    Repo(RepoState),
    Units(Batch),
}

/// Entries that are written at once.
#[derive(Debug)]
pub(super) struct Group {
    pub(super) entries: Vec<Seq>,
    pub(super) load: Load,
}

impl Group {
    /// Whether there is nothing in it for this backend.
    pub(super) fn is_empty(&self) -> bool {
        matches!(&self.load, Load::Units(batches) if batches.is_empty())
    }
}

/// What was taken from the journal and is not in a group yet.
#[derive(Debug)]
pub(super) struct Gathered {
    bit: Lanes,
    selection: Selection,
    rows_max: usize,
    bytes_max: usize,
    /// What goes into the next group.
    entries: Vec<Seq>,
    batches: Vec<Batch>,
    units: HashSet<UnitId>,
    rows: usize,
    bytes: usize,
    /// What did not fit into the last one.
    left: Option<(Seq, Piece)>,
}

impl Gathered {
    pub(super) fn new(lane: &Lane) -> Self {
        let settings = &lane.settings;
        Self {
            bit: lane.bit(),
            selection: settings.selection.clone(),
            rows_max: settings.rows,
            bytes_max: settings.bytes,
            entries: Vec::new(),
            batches: Vec::new(),
            units: HashSet::new(),
            rows: 0,
            bytes: 0,
            left: None,
        }
    }

    /// The next group: one entry, waited for, and with it those that are there already and fit. May
    /// be dropped while it waits: what was taken stays here.
    pub(super) async fn next(&mut self, tail: &mut Tail) -> Result<Option<Group>, TailError> {
        if let Some((seq, piece)) = self.left.take() {
            if let Some(group) = self.add(seq, piece) {
                return Ok(Some(group));
            }
        } else if self.entries.is_empty() {
            let Some(entry) = tail.next().await? else { return Ok(None) };
            if let Some(group) = self.take(&entry) {
                return Ok(Some(group));
            }
        }
        while self.rows < self.rows_max && self.bytes < self.bytes_max {
            let Some(entry) = tail.next_now().await? else { break };
            if let Some(group) = self.take(&entry) {
                return Ok(Some(group));
            }
        }
        Ok(Some(self.group()))
    }

    /// Takes what of an entry this lane wants.
    fn take(&mut self, entry: &Entry) -> Option<Group> {
        let piece = match entry.cargo.as_ref() {
            Cargo::Repo(repo) if !self.selection.selects_repo(&repo.repo) => {
                Piece::Units(BatchBuilder::default().finish())
            }
            Cargo::Repo(repo) => Piece::Repo(repo.clone()),
            Cargo::Units(batch, wanted) => {
                let wanted = wanted.iter().enumerate();
                let mine = wanted.filter(|(_, lanes)| *lanes & self.bit != 0);
                let positions: Vec<usize> = mine.map(|(position, _)| position).collect();
                Piece::Units(select(&self.selection, &batch.take(&positions)))
            }
        };
        self.add(entry.seq, piece)
    }

    /// Adds to the group; gives it where it is complete without what is added.
    fn add(&mut self, seq: Seq, piece: Piece) -> Option<Group> {
        let batch = match piece {
            Piece::Repo(repo) if self.entries.is_empty() => {
                return Some(Group { entries: vec![seq], load: Load::Repo(repo) });
            }
            Piece::Units(batch) if self.fits(&batch) => batch,
            piece => {
                self.left = Some((seq, piece));
                return Some(self.group());
            }
        };
        self.entries.push(seq);
        if !batch.is_empty() {
            self.units.extend(batch.units().map(|unit| unit.id()));
            self.rows += batch.rows();
            self.bytes += batch.bytes();
            self.batches.push(batch);
        }
        None
    }

    /// Whether a batch may join the group; the first one always may.
    fn fits(&self, batch: &Batch) -> bool {
        self.batches.is_empty()
            || self.rows + batch.rows() <= self.rows_max
                && self.bytes + batch.bytes() <= self.bytes_max
                && !batch.units().any(|unit| self.units.contains(&unit.id()))
    }

    fn group(&mut self) -> Group {
        let (entries, batches) =
            (std::mem::take(&mut self.entries), std::mem::take(&mut self.batches));
        self.units.clear();
        (self.rows, self.bytes) = (0, 0);
        let batches = if batches.is_empty() { batches } else { Batch::concat(&batches) };
        Group { entries, load: Load::Units(batches) }
    }
}

/// What a selection leaves of units that a lane is to write: those that it does not hold the lane is
/// told of because the store has them from before, and they are deleted there.
fn select(selection: &Selection, batch: &Batch) -> Batch {
    if selection.is_everything() {
        return batch.clone();
    }
    let (held, gone): (Vec<usize>, Vec<usize>) =
        (0..batch.len()).partition(|&position| selection.holds(&batch.unit(position)));
    let narrowed = selection.apply(&batch.take(&held));
    let mut parts = vec![narrowed.unwrap_or_else(|_| unreachable!("a part fits, too"))];
    if !gone.is_empty() {
        parts.push(batch.deletes(&gone));
    }
    let joined = <[Batch; 1]>::try_from(Batch::concat(&parts));
    joined.map_or_else(|_| unreachable!("the words of one batch fit into another"), |[one]| one)
}
