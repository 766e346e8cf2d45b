//! The binary under test: started, listened to, signalled, waited for.

use std::io::{BufRead, BufReader, Read, Write};
use std::os::unix::process::ExitStatusExt;
use std::path::PathBuf;
use std::process::{Child, ChildStdin, Command, ExitStatus, Stdio};
use std::sync::{Arc, Mutex, PoisonError, mpsc};
use std::thread::JoinHandle;
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;

use crate::{PATIENCE, wait_until};

/// The binary under test: `ASTLOAD_BIN`, else the one that was built beside this test.
///
/// # Panics
/// Where there is none.
pub fn binary() -> PathBuf {
    if let Some(named) = std::env::var_os("ASTLOAD_BIN") {
        return PathBuf::from(named);
    }
    let test = std::env::current_exe().expect("the path of this test");
    let beside = test.ancestors().skip(1).map(|folder| folder.join("astload"));
    let found = beside.take(2).find(|path| path.is_file());
    found.expect("no binary to test: run `cargo build -p astload` first, or set ASTLOAD_BIN")
}

/// What a process left.
#[derive(Debug, Clone)]
pub struct Finished {
    /// How it ended.
    pub status: ExitStatus,
    /// All that it printed.
    pub stdout: String,
    /// All that it told.
    pub stderr: String,
}

impl Finished {
    /// The exit code; that of a shell where a signal ended it.
    pub fn code(&self) -> i32 {
        self.status.code().unwrap_or_else(|| 128 + self.status.signal().unwrap_or(0))
    }

    /// The same, which ended with this code.
    ///
    /// # Panics
    /// Where it ended with another one, or panicked.
    #[track_caller]
    pub fn exits(self, code: i32) -> Self {
        assert!(!self.stderr.contains("panicked at"), "it panicked:\n{}", self.stderr);
        let (out, err) = (&self.stdout, &self.stderr);
        assert_eq!(self.code(), code, "exit code; stdout:\n{out}\nstderr:\n{err}");
        self
    }

    /// The one JSON object that it printed.
    ///
    /// # Panics
    /// Where it printed anything else.
    #[track_caller]
    pub fn json(&self) -> Value {
        let parsed = serde_json::from_str(&self.stdout);
        parsed.unwrap_or_else(|error| panic!("{error} in:\n{}\n{}", self.stdout, self.stderr))
    }

    /// All that was said, wherever.
    pub fn all(&self) -> String {
        format!("{}{}", self.stdout, self.stderr)
    }

    /// Requires words in what was said.
    ///
    /// # Panics
    /// Where they are missing.
    #[track_caller]
    pub fn says(self, words: &str) -> Self {
        let (out, err) = (&self.stdout, &self.stderr);
        assert!(self.all().contains(words), "{words:?} is not in stdout:\n{out}\nstderr:\n{err}");
        self
    }
}

/// A process that runs.
#[derive(Debug)]
pub struct Running {
    pid: Pid,
    stdin: Option<ChildStdin>,
    stdout: JoinHandle<Vec<u8>>,
    stderr: JoinHandle<()>,
    told: Arc<Mutex<String>>,
    ended: mpsc::Receiver<ExitStatus>,
    status: Option<ExitStatus>,
}

impl Running {
    /// Starts a command.
    ///
    /// # Panics
    /// Where it cannot be started.
    pub fn start(mut command: Command) -> Self {
        let piped = command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child: Child = piped.spawn().expect("the binary starts");
        let pid = Pid::from_child(&child);
        let stdin = child.stdin.take();
        let mut output = child.stdout.take().expect("piped");
        let errors = BufReader::new(child.stderr.take().expect("piped"));
        let told = Arc::new(Mutex::new(String::new()));
        let heard = told.clone();
        let stdout = std::thread::spawn(move || {
            let mut all = Vec::new();
            output.read_to_end(&mut all).expect("its output is read");
            all
        });
        let stderr = std::thread::spawn(move || {
            for line in errors.split(b'\n') {
                let line = line.expect("its errors are read");
                let mut heard = heard.lock().unwrap_or_else(PoisonError::into_inner);
                *heard += &String::from_utf8_lossy(&line);
                heard.push('\n');
            }
        });
        let (end, ended) = mpsc::channel();
        std::thread::spawn(move || {
            // Nobody may wait for it any more.
            end.send(child.wait().expect("it is waited for")).ok();
        });
        Self { pid, stdin, stdout, stderr, told, ended, status: None }
    }

    /// Writes to its standard input, which stays open.
    ///
    /// # Panics
    /// Where it does not take it.
    pub fn feed(&mut self, input: &[u8]) {
        let stdin = self.stdin.as_mut().expect("open");
        stdin.write_all(input).expect("it reads its input");
        stdin.flush().expect("it reads its input");
    }

    /// Waits until it has read all of its standard input so far.
    ///
    /// # Panics
    /// Where it does not in time.
    pub fn until_read(&self) {
        let stdin = self.stdin.as_ref().expect("open");
        wait_until("its input is read", || rustix::io::ioctl_fionread(stdin) == Ok(0));
    }

    /// Closes its standard input.
    pub fn end_of_input(&mut self) {
        drop(self.stdin.take());
    }

    /// Sends a signal, if it still runs.
    pub fn signal(&self, signal: Signal) {
        // It may have ended just now.
        kill_process(self.pid, signal).ok();
    }

    /// Its number.
    pub fn id(&self) -> i32 {
        self.pid.as_raw_nonzero().get()
    }

    /// The most memory that it had so far, in KiB.
    ///
    /// # Panics
    /// Where it has ended.
    pub fn peak_kib(&self) -> u64 {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.id()));
        let status = status.expect("it runs");
        let peak = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).expect("it runs");
        peak.trim().trim_end_matches(" kB").parse().expect("a number")
    }

    /// What it told so far.
    pub fn told(&self) -> String {
        self.told.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Waits until it tells this.
    ///
    /// # Panics
    /// Where it does not in time, or ends before it does.
    #[track_caller]
    pub fn until_told(&mut self, words: &str) {
        wait_until(words, || {
            self.wait(Duration::ZERO);
            self.status.is_some() || self.told().contains(words)
        });
        assert!(self.told().contains(words), "it ended; it told:\n{}", self.told());
    }

    /// Whether it has ended by now.
    pub fn has_ended(&mut self) -> bool {
        self.wait(Duration::ZERO);
        self.status.is_some()
    }

    /// Waits for its end so long, and no longer.
    pub fn wait(&mut self, longest: Duration) {
        if let Ok(status) = self.ended.recv_timeout(longest) {
            self.status = Some(status);
        }
    }

    /// Waits for its end.
    ///
    /// # Panics
    /// Where it does not end in time; then it is killed.
    pub fn finish(mut self) -> Finished {
        self.end_of_input();
        self.wait(if self.status.is_some() { Duration::ZERO } else { PATIENCE });
        let Some(status) = self.status else {
            self.signal(Signal::KILL);
            panic!("it did not end in {PATIENCE:?}; it told:\n{}", self.told());
        };
        let stdout = self.stdout.join().expect("its output was read");
        self.stderr.join().expect("its errors were read");
        let stderr = std::mem::take(&mut *self.told.lock().unwrap_or_else(PoisonError::into_inner));
        Finished { status, stdout: String::from_utf8_lossy(&stdout).into_owned(), stderr }
    }

    /// Waits for its end, with its standard input left open.
    ///
    /// # Panics
    /// Where it does not end in time; then it is killed.
    pub fn finish_without_input_end(mut self) -> Finished {
        let open = self.stdin.take();
        let finished = self.finish();
        drop(open);
        finished
    }
}
