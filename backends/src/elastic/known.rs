//! Symbols that are there, so that they are not sent again. It holds for one epoch, which ends when
//! somebody collects garbage.

use std::collections::HashSet;

use astload_model::SymbolId;
use foldhash::fast::RandomState;

/// Symbols that are remembered; past it, all are forgotten. About 9 MB.
const SYMBOLS_MAX: usize = 1 << 18;

#[derive(Debug, Default)]
pub(super) struct Known {
    epoch: u64,
    symbols: HashSet<SymbolId, RandomState>,
}

impl Known {
    pub(super) fn has(&mut self, epoch: u64, id: SymbolId) -> bool {
        self.enter(epoch);
        self.symbols.contains(&id)
    }

    pub(super) fn add(&mut self, epoch: u64, ids: Vec<SymbolId>) {
        self.enter(epoch);
        if self.symbols.len() >= SYMBOLS_MAX {
            self.symbols.clear();
        }
        self.symbols.extend(ids);
    }

    fn enter(&mut self, epoch: u64) {
        if self.epoch != epoch {
            *self = Self { epoch, symbols: HashSet::default() };
        }
    }
}
