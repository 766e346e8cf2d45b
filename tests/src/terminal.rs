//! The binary as it is seen on a terminal.

use std::fs::{File, OpenOptions};
use std::io::Read;
use std::os::fd::OwnedFd;
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;

use rustix::pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt};
use rustix::termios::{Winsize, tcsetwinsize};

use crate::wait_until;

/// A process whose output is a terminal, and whose input is a pipe.
#[derive(Debug)]
pub struct Terminal {
    child: Child,
    stdin: Option<ChildStdin>,
    shown: Arc<Mutex<String>>,
    reading: JoinHandle<()>,
}

impl Terminal {
    /// Starts a command on a terminal of so many columns.
    ///
    /// # Panics
    /// Where there is none to be had.
    pub fn start(mut command: Command, columns: u16) -> Self {
        let master = openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY).expect("a terminal");
        grantpt(&master).expect("a terminal");
        unlockpt(&master).expect("a terminal");
        let name = ptsname(&master, Vec::new()).expect("its name").into_string().expect("a name");
        let slave = OpenOptions::new().read(true).write(true).open(name).expect("its other end");
        let size = Winsize { ws_row: 30, ws_col: columns, ws_xpixel: 0, ws_ypixel: 0 };
        tcsetwinsize(&slave, size).expect("its size is set");
        let end = || Stdio::from(OwnedFd::from(slave.try_clone().expect("one more")));
        let mut child = command
            .env("TERM", "xterm")
            .env_remove("NO_COLOR")
            .stdin(Stdio::piped())
            .stdout(end())
            .stderr(end())
            .spawn()
            .expect("the binary starts");
        // The command holds its ends, too.
        drop((command, slave));
        let stdin = child.stdin.take();
        let shown = Arc::new(Mutex::new(String::new()));
        let seen = shown.clone();
        let reading = std::thread::spawn(move || {
            let (mut master, mut bytes) = (File::from(master), [0; 4_096]);
            // It fails when nobody has the other end any more.
            while let Ok(read @ 1..) = master.read(&mut bytes) {
                let text = String::from_utf8_lossy(&bytes[..read]);
                seen.lock().unwrap_or_else(PoisonError::into_inner).push_str(&text);
            }
        });
        Self { child, stdin, shown, reading }
    }

    /// Its standard input.
    ///
    /// # Panics
    /// Where it was closed.
    pub fn stdin(&mut self) -> &mut ChildStdin {
        self.stdin.as_mut().expect("open")
    }

    /// All that was written to it so far, with what moves its cursor.
    pub fn shown(&self) -> String {
        self.shown.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Waits until this is shown.
    ///
    /// # Panics
    /// Where it is not in time, or the process ends before.
    #[track_caller]
    pub fn until_shown(&mut self, words: &str) {
        wait_until(words, || {
            let ended = self.child.try_wait().expect("it is asked").is_some();
            ended || self.shown().contains(words)
        });
        assert!(self.shown().contains(words), "it ended; it showed:\n{}", self.shown());
    }

    /// Closes its input, waits for its end, and gives all that was shown.
    ///
    /// # Panics
    /// Where it does not end.
    pub fn finish(mut self) -> (Option<i32>, String) {
        drop(self.stdin.take());
        let status = self.child.wait().expect("it ends");
        self.reading.join().expect("it was read");
        let shown = self.shown.lock().unwrap_or_else(PoisonError::into_inner).clone();
        (status.code(), shown)
    }
}
