//! Bounds what is in work at the same time: source that is parsed, for trees are large, and files that wait.

use std::sync::{Condvar, Mutex, PoisonError};

/// Lets so many bytes, or files, through at once.
#[derive(Debug)]
pub(super) struct Gate {
    free: Mutex<u64>,
    freed: Condvar,
    bytes_max: u64,
}

/// What is in use until this is dropped.
#[derive(Debug)]
pub(super) struct Pass<'a> {
    gate: &'a Gate,
    bytes: u64,
}

impl Gate {
    pub(super) fn new(bytes_max: u64) -> Self {
        Self { free: Mutex::new(bytes_max), freed: Condvar::new(), bytes_max }
    }

    /// Waits until there is room. What is larger than the gate goes alone.
    pub(super) fn pass(&self, bytes: u64) -> Pass<'_> {
        let bytes = bytes.min(self.bytes_max);
        let free = self.free.lock().unwrap_or_else(PoisonError::into_inner);
        let room = self.freed.wait_while(free, |free| *free < bytes);
        *room.unwrap_or_else(PoisonError::into_inner) -= bytes;
        Pass { gate: self, bytes }
    }
}

impl Drop for Pass<'_> {
    fn drop(&mut self) {
        *self.gate.free.lock().unwrap_or_else(PoisonError::into_inner) += self.bytes;
        self.gate.freed.notify_all();
    }
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc;

    use super::*;

    #[test]
    fn what_is_larger_than_the_gate_goes_alone() {
        let gate = Gate::new(10);
        let alone = gate.pass(1_000);
        let (passed, passes) = mpsc::channel();
        std::thread::scope(|scope| {
            scope.spawn(|| {
                let pass = gate.pass(1);
                passed.send(()).expect("heard");
                drop(pass);
            });
            assert!(passes.try_recv().is_err());
            drop(alone);
            passes.recv().expect("let through");
        });
        assert_eq!(*gate.free.lock().expect("whole"), 10);
    }
}
