//! Stores in the server that the launcher started.

use std::fs;
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicUsize, Ordering};

use rustix::process::{Pid, Signal, kill_process};

use crate::{is_root, skipped, wait_until};

static STORES: AtomicUsize = AtomicUsize::new(0);

/// A schema of the server's database `app`, which is dropped with this.
#[derive(Debug)]
pub struct PgStore {
    folder: PathBuf,
    port: String,
    schema: String,
}

impl PgStore {
    /// One that nobody else uses; without a server, says that the test is skipped.
    ///
    /// # Panics
    /// Where the server's folder is not what the launcher makes.
    pub fn new() -> Option<Self> {
        let Some(folder) = std::env::var_os("ASTLOAD_TEST_POSTGRES").map(PathBuf::from) else {
            skipped("there is no PostgreSQL: tests/run starts one");
            return None;
        };
        Some(Self::in_folder(folder))
    }

    /// One in the server of this folder.
    ///
    /// # Panics
    /// Where it is not what the launcher makes.
    pub fn in_folder(folder: PathBuf) -> Self {
        let port = fs::read_to_string(folder.join("port")).expect("a port").trim().to_owned();
        let number = STORES.fetch_add(1, Ordering::Relaxed);
        Self { folder, port, schema: format!("e{}_{number}", std::process::id()) }
    }

    /// Its URL, over TLS, all verified.
    pub fn url(&self) -> String {
        let (port, schema) = (&self.port, &self.schema);
        let authority = self.folder.join("ca.crt").display().to_string();
        format!(
            "postgres://app:apppw@localhost:{port}/app?schema={schema}&sslmode=verify-full&sslrootcert={authority}"
        )
    }

    /// The port on which it listens.
    pub fn port(&self) -> &str {
        &self.port
    }

    /// What the superuser's `psql` says to statements, in which the schema comes first.
    ///
    /// # Panics
    /// Where it fails.
    #[track_caller]
    pub fn psql(&self, statements: &str) -> String {
        let output = self.command(statements).output().expect("psql runs");
        let said = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{statements}: {said}");
        String::from_utf8(output.stdout).expect("UTF-8").trim_end().to_owned()
    }

    /// The superuser's `psql`, ready to be started.
    pub fn command(&self, statements: &str) -> Command {
        let mut command = Command::new("psql");
        command
            .arg("-h")
            .arg(&self.folder)
            .args(["-p", &self.port, "-U", "postgres", "-d", "app", "-qAtX"])
            .args(["-v", "ON_ERROR_STOP=1", "-c", statements])
            .env("PGOPTIONS", format!("-c search_path={},pg_catalog", self.schema));
        command
    }
}

impl Drop for PgStore {
    fn drop(&mut self) {
        // A server that a test has stopped takes its stores along.
        let drop = format!("DROP SCHEMA IF EXISTS {} CASCADE", self.schema);
        self.command(&drop).output().ok();
    }
}

/// A server of one's own, which a test may stop and kill.
#[derive(Debug)]
pub struct PgServer {
    launcher: Child,
    folder: PathBuf,
}

impl PgServer {
    /// Starts one, where the launcher may; else says that the test is skipped.
    ///
    /// # Panics
    /// Where the launcher cannot be run.
    pub fn start() -> Option<Self> {
        if std::env::var_os("ASTLOAD_TEST_POSTGRES").is_none() {
            skipped("there is no PostgreSQL: tests/run starts one");
            return None;
        }
        let launcher = Path::new(env!("CARGO_MANIFEST_DIR")).join("services/run");
        let mut launcher = Command::new(launcher)
            .args(["postgres", "--", "sh", "-c", "echo $ASTLOAD_TEST_POSTGRES; cat >/dev/null"])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("the launcher runs");
        let mut folder = String::new();
        let said = launcher.stdout.take().expect("piped");
        BufReader::new(said).read_line(&mut folder).expect("a folder");
        assert!(!folder.trim().is_empty(), "no server was started");
        Some(Self { launcher, folder: folder.trim().into() })
    }

    /// A store in it.
    pub fn store(&self) -> PgStore {
        PgStore::in_folder(self.folder.clone())
    }

    /// Sends a signal to the server and to all of its sessions.
    ///
    /// # Panics
    /// Where it does not run.
    pub fn signal(&self, signal: Signal) {
        let postmaster = self.postmaster().expect("it runs");
        // The first makes the others.
        for process in std::iter::once(postmaster).chain(children(postmaster)) {
            let process = Pid::from_raw(process).expect("a process");
            // A session may have ended meanwhile.
            kill_process(process, signal).ok();
        }
    }

    /// Starts it again, with what it has on its disk.
    ///
    /// # Panics
    /// Where it does not start.
    pub fn restart(&self) {
        let (data, log) = (self.folder.join("data"), self.folder.join("log"));
        // One that was killed is taken for alive until somebody has waited for it.
        if let Some(old) = self.postmaster() {
            wait_until("the old server has ended", || !runs(old));
            let port = fs::read_to_string(self.folder.join("port")).expect("a port");
            let socket = format!(".s.PGSQL.{}.lock", port.trim());
            for lock in [data.join("postmaster.pid"), self.folder.join(socket)] {
                fs::remove_file(lock).ok();
            }
        }
        let start = format!(
            "/usr/lib/postgresql/15/bin/pg_ctl -D {} -l {} -w -t 60 start",
            data.display(),
            log.display()
        );
        let user = if is_root() { "runuser -u postgres --" } else { "" };
        let started = Command::new("sh").args(["-c", &format!("cd / && {user} {start}")]).output();
        let started = started.expect("pg_ctl runs");
        let said = fs::read_to_string(&log).unwrap_or_default();
        assert!(started.status.success(), "{said}");
    }

    fn postmaster(&self) -> Option<i32> {
        let file = fs::read_to_string(self.folder.join("data/postmaster.pid")).ok()?;
        file.lines().next()?.trim().parse().ok()
    }
}

/// Whether a process runs; one that has ended and was not waited for does not.
fn runs(process: i32) -> bool {
    let stat = fs::read_to_string(format!("/proc/{process}/stat")).unwrap_or_default();
    stat.rsplit_once(") ").is_some_and(|(_, rest)| !rest.starts_with('Z'))
}

/// The processes that a process has made.
fn children(parent: i32) -> Vec<i32> {
    let processes = fs::read_dir("/proc").into_iter().flatten().flatten();
    let is_child = |entry: fs::DirEntry| {
        let stat = fs::read_to_string(entry.path().join("stat")).ok()?;
        // The name, in brackets, may hold anything.
        let (_, rest) = stat.rsplit_once(") ")?;
        let its_parent: i32 = rest.split(' ').nth(1)?.parse().ok()?;
        (its_parent == parent).then(|| entry.file_name().to_str()?.parse().ok())?
    };
    processes.filter_map(is_child).collect()
}

impl Drop for PgServer {
    fn drop(&mut self) {
        drop(self.launcher.stdin.take());
        self.launcher.wait().ok();
    }
}
