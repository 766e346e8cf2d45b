//! `astload load` as a child: what a user would run.

use std::ffi::OsString;
use std::path::Path;

use anyhow::Result;
use serde_json::Value;

use crate::child::{Finished, astload, run};
use crate::scratch::Scratch;

/// A load that is to be run, in a scratch directory with a cache of its own.
#[derive(Debug, Clone, Copy)]
pub struct Load<'a> {
    /// Where stores and stamps are.
    pub scratch: &'a Scratch,
    /// The directory to load.
    pub directory: &'a Path,
    /// The name of the store.
    pub store: &'a str,
}

/// What a load says of itself, and what it took.
#[derive(Debug, Clone)]
pub struct Loaded {
    /// What it took.
    pub finished: Finished,
    /// What it printed.
    pub report: Value,
}

impl Load<'_> {
    /// Runs it.
    ///
    /// # Errors
    /// Where it cannot be run, or fails.
    pub fn run(&self, arguments: &[&str]) -> Result<Loaded> {
        let mut url = OsString::from("sqlite:");
        url.push(self.scratch.path(self.store));
        let mut command = vec![astload()?.into_os_string(), "load".into()];
        command.push(self.directory.canonicalize()?.into_os_string());
        command.extend(["--repo", "corpus", "--json", "--quiet", "--to"].map(OsString::from));
        command.push(url);
        command.extend(arguments.iter().map(OsString::from));
        let cache = self.scratch.path("cache");
        let variables = [("XDG_CACHE_HOME", cache.as_os_str())];
        let finished = run(&self.scratch.path(""), &variables, &command)?;
        let report = finished.json()?;
        Ok(Loaded { finished, report })
    }
}

impl Loaded {
    /// A number of its report, as `["units", "written"]` names it.
    pub fn count(&self, path: &[&str]) -> u64 {
        let found = path.iter().fold(&self.report, |value, name| &value[*name]);
        found.as_u64().unwrap_or_default()
    }
}
