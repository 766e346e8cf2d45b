//! A server of a test's own, to be stopped, killed and started again.

use std::fs;
use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};

use crate::server::Server;

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
            .args(["neo4j", "--", "sh", "-c", "echo $ASTLOAD_TEST_NEO4J && exec cat"])
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

    fn signal(&self, signal: &str) {
        let pid = fs::read_to_string(self.server.folder().join("pid")).expect("it runs");
        let sent = Command::new("kill").args([signal, pid.trim()]).status().expect("kill runs");
        assert!(sent.success(), "{signal} {pid}");
    }

    /// Stops it, as a machine that hangs does.
    pub(crate) fn freeze(&self) {
        self.signal("-STOP");
    }

    pub(crate) fn thaw(&self) {
        self.signal("-CONT");
    }

    /// Ends it at once, and starts it again with the data that it has.
    pub(crate) fn kill_and_start(&self) {
        self.signal("-KILL");
        let start = format!(
            ". {SERVICES}/lib.sh && here={SERVICES} && . {SERVICES}/neo4j/service.sh &&
             while runs $(cat \"$1/pid\"); do sleep 0.05; done && serve \"$1\""
        );
        let started = Command::new("bash")
            .args(["-euc", &start, "bash"])
            .arg(self.server.folder())
            .stdin(Stdio::null())
            .stderr(Stdio::null())
            .status();
        assert!(started.expect("bash runs").success(), "it starts again");
    }
}

impl Drop for Own {
    fn drop(&mut self) {
        drop(self.launcher.stdin.take());
        self.launcher.wait().expect("the launcher ends");
    }
}
