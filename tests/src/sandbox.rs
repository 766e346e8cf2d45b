//! A place of its own for every test: a repository, stores, a home without stamps.

use std::ffi::OsStr;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value;
use tempfile::TempDir;

use crate::process::{Finished, Running, binary};
use crate::store::Stored;

/// A temporary directory with a repository `repo` in it, from which the binary is run.
#[derive(Debug)]
pub struct Sandbox {
    folder: TempDir,
}

impl Default for Sandbox {
    fn default() -> Self {
        Self::new()
    }
}

impl Sandbox {
    /// An empty one.
    ///
    /// # Panics
    /// Where there is no room for it.
    pub fn new() -> Self {
        let folder = tempfile::Builder::new().prefix("astload-").tempdir().expect("a folder");
        fs::create_dir(folder.path().join("repo")).expect("a folder");
        Self { folder }
    }

    /// One whose repository has these files.
    pub fn with(files: &[(&str, &str)]) -> Self {
        let sandbox = Self::new();
        for (path, text) in files {
            sandbox.write(path, text);
        }
        sandbox
    }

    /// One with a few small Python files.
    pub fn with_python() -> Self {
        Self::with(&[
            ("a.py", "def first(x):\n    return second(x)\n"),
            ("b.py", "def second(y):\n    return y\n"),
            ("pkg/c.py", "from a import first\n\n\nfirst(1)\n"),
        ])
    }

    /// A path in the sandbox.
    pub fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// A path in its repository.
    pub fn file(&self, name: &str) -> PathBuf {
        self.folder.path().join("repo").join(name)
    }

    /// Writes a file of its repository.
    ///
    /// # Panics
    /// Where it cannot.
    pub fn write(&self, name: &str, content: impl AsRef<[u8]>) {
        let path = self.file(name);
        fs::create_dir_all(path.parent().expect("it has a folder")).expect("a folder");
        fs::write(path, content).expect("written");
    }

    /// Removes a file of its repository.
    ///
    /// # Panics
    /// Where it cannot.
    pub fn remove(&self, name: &str) {
        fs::remove_file(self.file(name)).expect("removed");
    }

    /// The command, ready to be started: with a home of its own, and nothing of the user's.
    pub fn command<A: AsRef<OsStr>>(&self, arguments: &[A]) -> Command {
        self.command_of(&binary(), arguments)
    }

    /// Any program, in the same surroundings.
    pub fn command_of<A: AsRef<OsStr>>(&self, program: &Path, arguments: &[A]) -> Command {
        let mut command = Command::new(program);
        command
            .args(arguments.iter().map(AsRef::as_ref))
            .current_dir(self.folder.path())
            .env("HOME", self.path("home"))
            .env("XDG_CACHE_HOME", self.path("cache"))
            .env("XDG_STATE_HOME", self.path("state"))
            .env_remove("ASTLOAD_STATE")
            .env_remove("RUST_LOG");
        command
    }

    /// Starts `astload`.
    pub fn start<A: AsRef<OsStr>>(&self, arguments: &[A]) -> Running {
        Running::start(self.command(arguments))
    }

    /// Runs `astload` to its end.
    pub fn run<A: AsRef<OsStr>>(&self, arguments: &[A]) -> Finished {
        self.start(arguments).finish()
    }

    /// Runs `astload` with this standard input.
    pub fn run_with_input<A: AsRef<OsStr>>(&self, arguments: &[A], input: &[u8]) -> Finished {
        let mut running = self.start(arguments);
        running.feed(input);
        running.finish()
    }

    /// Loads the repository into `sqlite:<store>`, with more arguments, and expects it to be done.
    #[track_caller]
    pub fn load(&self, store: &str, more: &[&str]) -> Value {
        self.load_exits(store, more, 0)
    }

    /// The same, which is expected to end with this code.
    #[track_caller]
    pub fn load_exits(&self, store: &str, more: &[&str], code: i32) -> Value {
        let url = format!("sqlite:{store}");
        let mut arguments = vec!["load", "repo", "--json", "--to", &url];
        arguments.extend(more);
        self.run(&arguments).exits(code).json()
    }

    /// A store of the sandbox.
    pub fn store(&self, name: &str) -> Stored {
        Stored::open(&self.path(name))
    }

    /// Requires that a store is as if it had been loaded afresh.
    #[track_caller]
    pub fn is_clean(&self, what: &str, store: &str) {
        let folder = tempfile::tempdir_in(self.folder.path()).expect("a folder");
        let clean = folder.path().join("clean.db");
        self.load(clean.to_str().expect("utf-8"), &[]);
        self.store(store).equals(what, &clean);
    }

    /// What a fresh load of the repository stores: what every other way has to come to.
    #[track_caller]
    pub fn clean_dump(&self, more: &[&str]) -> Vec<String> {
        let folder = tempfile::tempdir_in(self.folder.path()).expect("a folder");
        let store = folder.path().join("clean.db");
        self.load(store.to_str().expect("utf-8"), more);
        Stored::open(&store).dump()
    }

    /// Has `gc` forget tombstones and symbols that nothing refers to.
    #[track_caller]
    pub fn gc(&self, store: &str) {
        self.run(&["gc", &format!("sqlite:{store}")]).exits(0);
    }
}
