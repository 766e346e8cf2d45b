//! Entries that are appended together.

use std::collections::HashSet;
use std::sync::Arc;

use astload_model::ipc::Compression;
use astload_model::{Batch, UnitId};

use super::encoding::Encoding;
use crate::channel::{Cargo, Lanes};

/// A batch of fewer bytes is joined with its neighbours …
const SMALL_BYTES: usize = 64 << 10;

/// … until they have so many.
const JOINED_BYTES: usize = 128 << 10;

/// Entries that are appended together.
///
/// Those of a durable journal begin to be encoded at once, while perhaps another group is being synced.
/// In it, small batches that follow one another and share no unit become one entry: a frame costs what
/// hundreds of rows do.
#[derive(Debug)]
pub struct Group {
    durable: bool,
    pub(super) entries: Vec<Arc<Cargo>>,
    pub(super) encodings: Vec<Encoding>,
    small: Small,
}

impl Group {
    pub(super) fn new(durable: bool) -> Self {
        let (entries, encodings) = (Vec::new(), Vec::new());
        Self { durable, entries, encodings, small: Small::default() }
    }

    /// Adds what comes next.
    ///
    /// # Panics
    /// Outside of a runtime, where it has to be encoded.
    pub fn push(&mut self, cargo: Cargo) {
        match cargo {
            Cargo::Units(batch, wanted) if self.durable && batch.bytes() < SMALL_BYTES => {
                if !self.small.may_take(&batch) {
                    self.close();
                }
                self.small.take(batch, wanted);
                if self.small.bytes >= JOINED_BYTES {
                    self.close();
                }
            }
            cargo => {
                self.close();
                self.begin(vec![cargo]);
            }
        }
    }

    /// Nothing more is joined with what is there.
    pub(super) fn close(&mut self) {
        let joined = std::mem::take(&mut self.small).into_cargo();
        self.begin(joined);
    }

    fn begin(&mut self, cargo: Vec<Cargo>) {
        let entries: Vec<Arc<Cargo>> = cargo.into_iter().map(Arc::new).collect();
        if self.durable && !entries.is_empty() {
            self.encodings.push(Encoding::begin(entries.clone(), Compression::Lz4));
        }
        self.entries.extend(entries);
    }
}

/// Small batches that become one.
#[derive(Debug, Default)]
struct Small {
    batches: Vec<Batch>,
    wanted: Vec<Vec<Lanes>>,
    units: HashSet<UnitId>,
    bytes: usize,
}

impl Small {
    fn may_take(&self, batch: &Batch) -> bool {
        let is_new = |unit: astload_model::Unit<'_>| !self.units.contains(&unit.id());
        batch.units().all(is_new)
    }

    fn take(&mut self, batch: Batch, wanted: Vec<Lanes>) {
        self.units.extend(batch.units().map(|unit| unit.id()));
        self.bytes += batch.bytes();
        self.batches.push(batch);
        self.wanted.push(wanted);
    }

    fn into_cargo(self) -> Vec<Cargo> {
        if self.batches.is_empty() {
            return Vec::new();
        }
        match <[Batch; 1]>::try_from(Batch::concat(&self.batches)) {
            Ok([one]) => vec![Cargo::Units(one, self.wanted.concat())],
            // They do not fit into one.
            Err(batches) => {
                let cargo = |(batch, wanted)| Cargo::Units(batch, wanted);
                batches.into_iter().zip(self.wanted).map(cargo).collect()
            }
        }
    }
}
