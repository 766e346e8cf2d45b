//! Joins entries of the journal up to what a backend likes, and splits those that are far larger.

use std::collections::{HashMap, HashSet, VecDeque};

use astload_backends::RepoClaim;
use astload_model::{Batch, BatchBuilder, Selection, UnitId};

use super::{Lane, Seq, Tail, TailError};
use crate::channel::{Cargo, Lanes};
use crate::journal::Entry;

/// What is written at once.
#[derive(Debug)]
pub(super) enum Load {
    Repo(RepoClaim),
    /// As a rule one batch; more where they do not fit into one.
    Units(Vec<Batch>),
}

/// What of one entry is for this lane.
#[derive(Debug)]
enum Piece {
    Repo(RepoClaim),
    Units(Batch),
}

/// An entry larger than so many of what the backend likes is split.
const SPLIT: usize = 2;

/// Batches that are joined at most: each takes memory besides its rows and bytes.
const JOINED_MAX: usize = 1_024;

/// Entries that are written at once, or a part of one.
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
    /// What did not fit into the last one, and further parts of an entry.
    left: VecDeque<(Seq, Piece)>,
    /// Parts that are not done, of entries that were split.
    parts: HashMap<Seq, usize>,
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
            left: VecDeque::new(),
            parts: HashMap::new(),
        }
    }

    /// The next group: one entry, waited for, and with it those that are there already and fit. May
    /// be dropped while it waits: what was taken stays here.
    pub(super) async fn next(&mut self, tail: &mut Tail) -> Result<Option<Group>, TailError> {
        if self.left.is_empty() && self.entries.is_empty() {
            let Some(entry) = tail.next().await? else { return Ok(None) };
            self.take(&entry);
        }
        loop {
            while let Some((seq, piece)) = self.left.pop_front() {
                if let Some(group) = self.add(seq, piece) {
                    return Ok(Some(group));
                }
            }
            if self.rows >= self.rows_max || self.bytes >= self.bytes_max {
                break;
            }
            let Some(entry) = tail.next_now().await? else { break };
            self.take(&entry);
        }
        Ok(Some(self.group()))
    }

    /// Whether a group was the last that held something of an entry. To be asked once for each time
    /// that the group names the entry.
    pub(super) fn was_last(&mut self, seq: Seq) -> bool {
        let Some(parts) = self.parts.get_mut(&seq) else { return true };
        *parts -= 1;
        let is_last = *parts == 0;
        if is_last {
            self.parts.remove(&seq);
        }
        is_last
    }

    /// Takes what of an entry this lane wants.
    fn take(&mut self, entry: &Entry) {
        let pieces = match entry.cargo.as_ref() {
            Cargo::Repo(repo) if !self.selection.selects_repo(&repo.repo) => {
                vec![Piece::Units(BatchBuilder::default().finish())]
            }
            Cargo::Repo(repo) => vec![Piece::Repo(repo.clone())],
            Cargo::Units(batch, wanted) => {
                let wanted = wanted.iter().enumerate();
                let mine = wanted.filter(|(_, lanes)| *lanes & self.bit != 0);
                let positions: Vec<usize> = mine.map(|(position, _)| position).collect();
                let batch = select(&self.selection, &batch.take(&positions));
                self.split(batch).into_iter().map(Piece::Units).collect()
            }
        };
        if pieces.len() > 1 {
            self.parts.insert(entry.seq, pieces.len());
        }
        self.left.extend(pieces.into_iter().map(|piece| (entry.seq, piece)));
    }

    /// The parts of a batch: itself, unless it is far larger than what the backend likes.
    fn split(&self, batch: Batch) -> Vec<Batch> {
        let is_far_above = |found: usize, most: usize| found > most.saturating_mul(SPLIT);
        if !is_far_above(batch.rows(), self.rows_max)
            && !is_far_above(batch.bytes(), self.bytes_max)
        {
            return vec![batch];
        }
        let (mut parts, mut start, mut rows, mut bytes) = (Vec::new(), 0, 0, 0);
        for (position, unit) in batch.units().enumerate() {
            (rows, bytes) = (rows + unit.rows(), bytes + unit.bytes());
            if position > start && (rows > self.rows_max || bytes > self.bytes_max) {
                parts.push(batch.slice(start..position));
                (start, rows, bytes) = (position, unit.rows(), unit.bytes());
            }
        }
        parts.push(batch.slice(start..batch.len()));
        parts
    }

    /// Adds to the group; gives it where it is complete without what is added.
    fn add(&mut self, seq: Seq, piece: Piece) -> Option<Group> {
        let batch = match piece {
            Piece::Repo(repo) if self.entries.is_empty() => {
                return Some(Group { entries: vec![seq], load: Load::Repo(repo) });
            }
            Piece::Units(batch) if self.fits(&batch) => batch,
            piece => {
                self.left.push_front((seq, piece));
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
            || self.batches.len() < JOINED_MAX
                && self.rows + batch.rows() <= self.rows_max
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
