//! Reads what cannot be read again, and can be told to stop.
//!
//! A thread waits for a pipe, which may never say anything more, and hands on what comes. Told to stop,
//! the reader gets what was read, and then the end. The thread may be left waiting: it ends with the
//! process.

use std::collections::VecDeque;
use std::io::{self, Read};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::Duration;

/// Read at once.
const PIECE_BYTES: usize = 256 << 10;

/// Pieces that are read ahead.
const AHEAD: usize = 4;

/// How long what was read just now may take to be here.
const GRACE: Duration = Duration::from_millis(100);

/// What was read, and what is to become of the rest.
#[derive(Debug, Default)]
struct State {
    pieces: VecDeque<Vec<u8>>,
    /// Whether the thread reads: it may wait, or may have read something.
    is_reading: bool,
    error: Option<io::Error>,
    ended: bool,
    stopped: bool,
}

#[derive(Debug, Default)]
struct Shared {
    state: Mutex<State>,
    changed: Condvar,
}

impl Shared {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Waits a moment for what the thread may be reading.
    fn wait_for_the_last<'a>(&self, state: MutexGuard<'a, State>) -> MutexGuard<'a, State> {
        let may_come =
            |state: &mut State| state.pieces.is_empty() && state.is_reading && !state.ended;
        let waited = self.changed.wait_timeout_while(state, GRACE, may_come);
        waited.unwrap_or_else(PoisonError::into_inner).0
    }

    fn wait(&self, while_true: impl Fn(&State) -> bool) -> MutexGuard<'_, State> {
        let waited = self.changed.wait_while(self.state(), |state| while_true(state));
        waited.unwrap_or_else(PoisonError::into_inner)
    }
}

/// Has the reader come to its end with what was read so far.
#[derive(Debug, Clone, Default)]
pub struct Stop(Arc<Shared>);

impl Stop {
    /// No more is read.
    pub fn stop(&self) {
        self.0.state().stopped = true;
        self.0.changed.notify_all();
    }

    /// Reads an input on a thread of its own, on which it is opened, too: that may take for ever.
    pub(super) fn reader(
        &self,
        open: impl FnOnce() -> io::Result<Box<dyn Read>> + Send + 'static,
    ) -> io::Result<Pumped> {
        let shared = self.0.clone();
        let pump = thread::Builder::new().name("pump".into());
        pump.spawn(move || {
            let result = open().and_then(|input| pump_all(&shared, input));
            let mut state = shared.state();
            (state.error, state.ended) = (result.err(), true);
            drop(state);
            shared.changed.notify_all();
        })?;
        Ok(Pumped { shared: self.0.clone(), piece: Vec::new(), at: 0 })
    }
}

fn pump_all(shared: &Shared, mut input: Box<dyn Read>) -> io::Result<()> {
    loop {
        let mut state = shared.wait(|state| state.pieces.len() >= AHEAD && !state.stopped);
        if state.stopped {
            return Ok(());
        }
        state.is_reading = true;
        drop(state);
        let mut piece = vec![0; PIECE_BYTES];
        let read = match input.read(&mut piece) {
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            read => read?,
        };
        if read == 0 {
            return Ok(());
        }
        piece.truncate(read);
        let mut state = shared.state();
        state.is_reading = false;
        state.pieces.push_back(piece);
        drop(state);
        shared.changed.notify_all();
    }
}

/// What a thread reads.
#[derive(Debug)]
pub(super) struct Pumped {
    shared: Arc<Shared>,
    piece: Vec<u8>,
    /// What of the piece was given.
    at: usize,
}

impl Read for Pumped {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        if self.at == self.piece.len() {
            let shared = &self.shared;
            let nothing = |state: &State| state.pieces.is_empty() && !state.ended && !state.stopped;
            let mut state = shared.wait(nothing);
            if state.stopped {
                state = shared.wait_for_the_last(state);
            }
            match (state.pieces.pop_front(), state.error.take()) {
                (Some(piece), error) => {
                    state.error = error;
                    (self.piece, self.at) = (piece, 0);
                }
                (None, Some(error)) => return Err(error),
                (None, None) => return Ok(0),
            }
            drop(state);
            shared.changed.notify_all();
        }
        let read = (&self.piece[self.at..]).read(into)?;
        self.at += read;
        Ok(read)
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use super::*;

    fn reader(input: impl Read + Send + 'static) -> (Stop, Pumped) {
        let stop = Stop::default();
        let reader = stop.reader(move || Ok(Box::new(input))).expect("a thread");
        (stop, reader)
    }

    #[test]
    fn everything_comes_through_in_order() {
        let all: Vec<u8> = (0..3_000_000_u32).map(|byte| byte as u8).collect();
        let (_, mut reader) = reader(io::Cursor::new(all.clone()));
        let mut read = Vec::new();
        reader.read_to_end(&mut read).expect("read");
        assert!(read == all);
    }

    #[test]
    fn told_to_stop_it_gives_what_was_read_and_then_the_end() {
        let (output, mut input) = io::pipe().expect("a pipe");
        let (stop, mut reader) = reader(output);
        input.write_all(b"one two").expect("written");
        let mut start = [0; 4];
        reader.read_exact(&mut start).expect("it was read");
        stop.stop();
        // The pipe stays open, and nothing more comes.
        let mut rest = Vec::new();
        reader.read_to_end(&mut rest).expect("read");
        assert_eq!((&start, rest.as_slice()), (b"one ", &b"two"[..]));
        drop(input);
    }

    #[test]
    fn what_cannot_be_opened_is_an_error() {
        let stop = Stop::default();
        let opened = stop.reader(|| Err(io::Error::other("there is none")));
        let read = opened.expect("a thread").read(&mut [0; 8]);
        assert_eq!(read.expect_err("an error").to_string(), "there is none");
    }
}
