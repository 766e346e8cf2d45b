//! The memory that this process has, and the most that it had.

use std::fs;

use anyhow::{Context, Result};

/// What this process has in memory now, in bytes.
///
/// # Errors
/// Where the system does not say.
pub fn resident() -> Result<u64> {
    status("VmRSS:")
}

/// The most that it had since [`forget_peak`], in bytes.
///
/// # Errors
/// Where the system does not say.
pub fn peak() -> Result<u64> {
    status("VmHWM:")
}

/// From now on the peak is counted anew.
///
/// # Errors
/// Where the system does not allow it.
pub fn forget_peak() -> Result<()> {
    fs::write("/proc/self/clear_refs", "5").context("forgetting the peak of memory")
}

fn status(field: &str) -> Result<u64> {
    let status = fs::read_to_string("/proc/self/status")?;
    let line = status.lines().find_map(|line| line.strip_prefix(field));
    let kib = line.and_then(|value| value.trim().strip_suffix(" kB")).context("no such field")?;
    Ok(kib.trim().parse::<u64>()? * 1_024)
}
