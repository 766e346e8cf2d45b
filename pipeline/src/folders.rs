//! Where astload keeps what is its own, as the XDG base directories have it.
//!
//! <https://specifications.freedesktop.org/basedir-spec/latest/>

use std::env;
use std::path::{Path, PathBuf};

/// What may be lost: `$XDG_CACHE_HOME/astload`, or `~/.cache/astload`; nowhere without a home.
pub fn cache() -> Option<PathBuf> {
    Some(base("XDG_CACHE_HOME", ".cache")?.join("astload"))
}

/// What must not be lost: `$ASTLOAD_STATE`, or `$XDG_STATE_HOME/astload`, or
/// `~/.local/state/astload`; without a home, a folder of the working directory.
pub fn state() -> PathBuf {
    let home = || Some(base("XDG_STATE_HOME", ".local/state")?.join("astload"));
    let named = env::var_os("ASTLOAD_STATE").filter(|path| !path.is_empty()).map(PathBuf::from);
    named.or_else(home).unwrap_or_else(|| "astload-state".into())
}

/// The dead letters, among what must not be lost.
pub fn dead_letters() -> PathBuf {
    state().join("dead-letters")
}

/// What is gone with the process and may be large: `$TMPDIR`, or `/var/tmp`, for `/tmp` is often in
/// memory.
pub fn spill() -> PathBuf {
    let large = || Some(PathBuf::from("/var/tmp")).filter(|path| path.is_dir());
    let named = env::var_os("TMPDIR").filter(|path| !path.is_empty()).map(PathBuf::from);
    named.or_else(large).unwrap_or_else(env::temp_dir)
}

fn base(variable: &str, below_home: &str) -> Option<PathBuf> {
    let absolute = |name| env::var_os(name).map(PathBuf::from).filter(|path| path.is_absolute());
    absolute(variable).or_else(|| Some(absolute("HOME")?.join(Path::new(below_home))))
}
