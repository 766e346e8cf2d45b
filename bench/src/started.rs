//! A server that `tests/services/run` started.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context, Result};

/// A server's folder, as the launcher left it.
#[derive(Debug, Clone)]
pub struct Started {
    folder: PathBuf,
}

impl Started {
    /// The one of this name, where it was started.
    pub fn named(name: &str) -> Option<Self> {
        let folder = std::env::var_os(format!("ASTLOAD_TEST_{}", name.to_uppercase()))?;
        Some(Self { folder: folder.into() })
    }

    /// The one of this name.
    ///
    /// # Errors
    /// Where it was not started.
    pub fn required(name: &str) -> Result<Self> {
        Self::named(name)
            .with_context(|| format!("no server: tests/services/run {name} -- PROGRAM …"))
    }

    /// Where it keeps what it says of itself.
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// Where it listens.
    ///
    /// # Errors
    /// Where it does not say so.
    pub fn port(&self) -> Result<u16> {
        Ok(fs::read_to_string(self.folder.join("port"))?.trim().parse()?)
    }

    /// The time that its process has spent on all cores.
    ///
    /// # Errors
    /// Where there is no such process.
    pub fn cpu(&self) -> Result<Duration> {
        let pid = fs::read_to_string(self.folder.join("pid"))?;
        let stat = fs::read_to_string(format!("/proc/{}/stat", pid.trim()))?;
        let (_, rest) = stat.rsplit_once(") ").context("no stat")?;
        let ticks: u64 =
            rest.split(' ').skip(11).take(2).filter_map(|n| n.parse::<u64>().ok()).sum();
        // A hundredth of a second each, on Linux.
        Ok(Duration::from_millis(10 * ticks))
    }
}
