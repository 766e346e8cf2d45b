//! What may be spent on one file: time, and memory.
//!
//! A parser of ambiguous grammars can be made to take hundreds of times what a file of its size
//! takes. It asks now and then whether to go on, and then it is known what its thread has allocated
//! since it began. What a common file takes is covered by the gate; who needs more than that goes
//! alone, so that one such file at a time is in memory, however many threads there are.

use std::cell::Cell;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use tikv_jemalloc_ctl::thread::{ThreadLocal, allocatedp, deallocatedp};

use super::ExtractError;

/// Longest work on one file: grammars and queries are quadratic on some inputs.
const TIME_MAX: Duration = Duration::from_secs(20);

/// Memory that any file may take while it is parsed …
const MEMORY_MIN: u64 = 64 << 20;

/// … and a large one for each of its bytes. Dense code takes up to three hundred.
const MEMORY_PER_BYTE: u64 = 400;

/// What a file may take beside others: a common one takes thirty times its size.
const COVERED_MIN: u64 = 8 << 20;
const COVERED_PER_BYTE: u64 = 40;

/// Held by the one file that takes more than is covered.
pub(in crate::source::directory) type Large = Mutex<()>;

/// What is spent on one file.
pub(super) struct Effort<'a> {
    stopped: &'a dyn Fn() -> bool,
    until: Cell<Instant>,
    memory: Option<Memory>,
    covered: u64,
    memory_max: u64,
    large: &'a Large,
    alone: Cell<Option<MutexGuard<'a, ()>>>,
    spent: Cell<Option<Spent>>,
}

/// What there is no more of.
#[derive(Debug, Clone, Copy)]
enum Spent {
    Stopped,
    Time,
    Memory,
}

impl<'a> Effort<'a> {
    /// Begins work on a file of this size.
    pub(super) fn new(bytes: usize, large: &'a Large, stopped: &'a dyn Fn() -> bool) -> Self {
        let bytes = bytes as u64;
        Self {
            stopped,
            until: Cell::new(Instant::now() + TIME_MAX),
            memory: Memory::now(),
            covered: COVERED_MIN.max(bytes * COVERED_PER_BYTE),
            memory_max: MEMORY_MIN.max(bytes * MEMORY_PER_BYTE),
            large,
            alone: Cell::new(None),
            spent: Cell::new(None),
        }
    }

    /// Whether it is time to give up.
    pub(super) fn is_spent(&self) -> bool {
        let taken = self.memory.as_ref().map_or(0, Memory::taken);
        if taken > self.covered {
            self.go_alone();
        }
        let spent = match taken {
            _ if (self.stopped)() => Some(Spent::Stopped),
            taken if taken > self.memory_max => Some(Spent::Memory),
            _ if Instant::now() > self.until.get() => Some(Spent::Time),
            _ => None,
        };
        if spent.is_some() && self.spent.get().is_none() {
            self.spent.set(spent);
        }
        self.spent.get().is_some()
    }

    /// Waits until no other file takes more than is covered, at nobody's expense.
    fn go_alone(&self) {
        let held = self.alone.take();
        if held.is_some() {
            return self.alone.set(held);
        }
        let waiting = Instant::now();
        let alone = self.large.lock().unwrap_or_else(PoisonError::into_inner);
        self.alone.set(Some(alone));
        self.until.set(self.until.get() + waiting.elapsed());
    }

    /// Why the work on the file was given up.
    pub(super) fn error(&self) -> ExtractError {
        match self.spent.get() {
            Some(Spent::Memory) => ExtractError::Memory,
            Some(Spent::Time) => ExtractError::Timeout,
            Some(Spent::Stopped) | None => ExtractError::Stopped,
        }
    }
}

/// What this thread has allocated and freed, as the allocator counts it.
struct Memory {
    allocated: ThreadLocal<u64>,
    freed: ThreadLocal<u64>,
    before: u64,
}

impl Memory {
    fn now() -> Option<Self> {
        let (allocated, freed) = (allocatedp::read().ok()?, deallocatedp::read().ok()?);
        let before = allocated.get().wrapping_sub(freed.get());
        Some(Self { allocated, freed, before })
    }

    /// What is in use now and was not then; what was freed of before counts against it.
    fn taken(&self) -> u64 {
        let now = self.allocated.get().wrapping_sub(self.freed.get());
        u64::try_from(now.wrapping_sub(self.before).cast_signed()).unwrap_or(0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_thread_allocates_is_counted_and_too_much_is_refused() {
        let (large, stopped) = (Large::default(), || false);
        let effort = Effort::new(1, &large, &stopped);
        assert!(!effort.is_spent());
        let some = vec![1_u8; COVERED_MIN as usize + 1];
        assert!(!effort.is_spent());
        assert!(large.try_lock().is_err(), "it goes alone");
        let more = vec![1_u8; MEMORY_MIN as usize];
        assert!(effort.is_spent());
        drop((some, more));
        assert!(effort.is_spent() && effort.error() == ExtractError::Memory);
        drop(effort);
        assert!(large.try_lock().is_ok());
    }

    #[test]
    fn a_load_that_is_stopped_gives_up_at_once() {
        let (large, stopped) = (Large::default(), || true);
        let effort = Effort::new(1, &large, &stopped);
        assert!(effort.is_spent() && effort.error() == ExtractError::Stopped);
    }
}
