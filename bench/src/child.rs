//! Programs that run as children: their time, their peak memory, what they print.
//!
//! A child runs below the program `spent` of this crate and not below the one that asks: Linux
//! counts the parent's memory at the moment of the fork as the child's.

use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

use anyhow::{Context, Result, bail};
use serde_json::Value;

use crate::spent::Spent;

/// What a child left.
#[derive(Debug, Clone)]
pub struct Finished {
    /// The time that it took, with all its own children.
    pub spent: Spent,
    /// Its peak memory, or its largest child's, in bytes.
    pub peak: u64,
    /// The most that its files without a name had on disk, in bytes: those of a temporary journal.
    pub unnamed: u64,
    /// How it ended.
    pub code: i64,
    /// What it printed.
    pub stdout: String,
}

impl Finished {
    /// The one JSON object that it printed.
    ///
    /// # Errors
    /// Where it printed anything else.
    pub fn json(&self) -> Result<Value> {
        serde_json::from_str(&self.stdout).with_context(|| format!("no JSON: {}", self.stdout))
    }
}

/// Runs a command in a directory with these variables, and waits for it.
///
/// # Errors
/// Where it cannot be run, or fails.
pub fn run(
    folder: &Path,
    variables: &[(&str, &OsStr)],
    command: &[impl AsRef<OsStr>],
) -> Result<Finished> {
    let mut spent = Command::new(beside("spent")?);
    spent.args(command).current_dir(folder).envs(variables.iter().copied());
    let output = spent.stdin(Stdio::null()).stderr(Stdio::inherit()).output()?;
    let report: Value = serde_json::from_slice(&output.stdout).context("`spent` said nothing")?;
    let seconds = |name: &str| Duration::from_secs_f64(report[name].as_f64().unwrap_or_default());
    let finished = Finished {
        spent: Spent { wall: seconds("wall"), cpu: seconds("cpu") },
        peak: report["peak"].as_u64().unwrap_or_default(),
        unnamed: report["unnamed"].as_u64().unwrap_or_default(),
        code: report["code"].as_i64().unwrap_or(-1),
        stdout: report["stdout"].as_str().unwrap_or_default().to_owned(),
    };
    if finished.code != 0 {
        bail!("it exited with {}: {}", finished.code, finished.stdout);
    }
    Ok(finished)
}

/// The `astload` that is measured: `ASTLOAD_BIN`, else the one that was built beside this program.
///
/// # Errors
/// Where there is none.
pub fn astload() -> Result<PathBuf> {
    match std::env::var_os("ASTLOAD_BIN") {
        Some(named) => Ok(named.into()),
        None => beside("astload"),
    }
}

fn beside(name: &str) -> Result<PathBuf> {
    let path = std::env::current_exe()?.with_file_name(name);
    if !path.is_file() {
        bail!("there is no `{name}` beside this program: cargo build --release --workspace");
    }
    Ok(path)
}
