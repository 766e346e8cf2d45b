//! A server of a test's own, to be stopped, killed and started again.

use std::fs;
use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};

use crate::server::Server;
use crate::store::until;

/// A server that ends with the test.
pub(crate) struct Own {
    pub(crate) server: Server,
    launcher: Child,
}

const SERVICES: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../tests/services");

impl Own {
    /// One from the launcher, where there is one for other tests too.
    pub(crate) fn started() -> Option<Self> {
        Server::started()?;
        let mut launcher = Command::new(format!("{SERVICES}/run"))
            // It ends with its input.
            .args(["postgres", "--", "sh", "-c", "echo $ASTLOAD_TEST_POSTGRES && exec cat"])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("the launcher starts");
        let mut folder = String::new();
        let output = launcher.stdout.take().expect("its output");
        BufReader::new(output).read_line(&mut folder).expect("a folder");
        let server = Server::at(Path::new(folder.trim()).to_owned());
        Some(Self { server, launcher })
    }

    /// Sends all its processes a signal. The first of them starts the others, so it is stopped before
    /// they are counted.
    fn signal(&self, signal: &str) {
        let file = fs::read_to_string(self.server.file("data/postmaster.pid")).expect("it runs");
        let first = file.lines().next().expect("its id");
        kill("-STOP", &[first]);
        let others = Command::new("ps").args(["-o", "pid=", "--ppid", first]).output();
        let others = String::from_utf8(others.expect("ps runs").stdout).expect("ids");
        kill(signal, &others.split_whitespace().collect::<Vec<_>>());
        kill(signal, &[first]);
    }

    /// Stops it, as a machine that hangs does.
    pub(crate) fn freeze(&self) {
        self.signal("-STOP");
    }

    pub(crate) fn thaw(&self) {
        self.signal("-CONT");
    }

    /// Ends all of it at once.
    pub(crate) fn kill(&self) {
        self.signal("-KILL");
    }

    /// Starts it again with the data that it has, once those who were killed are gone.
    pub(crate) async fn start_again(&self) {
        until("the server starts again", async || tokio::task::block_in_place(|| self.starts()))
            .await;
    }

    fn starts(&self) -> bool {
        let start = format!(
            ". {SERVICES}/lib.sh && . {SERVICES}/postgres/service.sh &&
             as postgres $programs/pg_ctl -D \"$1/data\" -l \"$1/log\" -w -t 60 start >/dev/null"
        );
        let started = Command::new("bash")
            .args(["-c", &start, "bash", &self.server.file("")])
            .stdin(Stdio::null())
            .stderr(Stdio::null())
            .status();
        started.expect("bash runs").success()
    }
}

/// One that has ended meanwhile is not missed.
fn kill(signal: &str, processes: &[&str]) {
    let mut kill = Command::new("kill");
    kill.arg(signal).args(processes).stderr(Stdio::null()).status().expect("kill runs");
}

impl Drop for Own {
    fn drop(&mut self) {
        drop(self.launcher.stdin.take());
        self.launcher.wait().expect("the launcher ends");
    }
}
