//! Runs the binary as somebody who may not read everything.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use astload_tests::process::{Finished, Running, binary};
use astload_tests::{Sandbox, is_root, skipped};

const SETPRIV: &str = "/usr/bin/setpriv";

/// Runs `astload` without root's rights; says so where that is not possible.
pub(crate) fn run(sandbox: &Sandbox, arguments: &[&str]) -> Option<Finished> {
    if !is_root() {
        return Some(sandbox.run(arguments));
    }
    // Others may go in, and write the store's neighbours; the binary is where they can reach it.
    fs::set_permissions(sandbox.path(""), fs::Permissions::from_mode(0o777)).expect("set");
    let copy = sandbox.path("astload");
    if !copy.exists() && fs::hard_link(binary(), &copy).is_err() {
        fs::copy(binary(), &copy).expect("copied");
    }
    if !Path::new(SETPRIV).exists() {
        skipped("root reads everything, and there is no setpriv to become somebody else");
        return None;
    }
    let copy = copy.to_str().expect("utf-8").to_owned();
    let who = ["--reuid", "65534", "--regid", "65534", "--clear-groups", &copy];
    let all = [&who[..], arguments].concat();
    let mut command = sandbox.command_of(Path::new(SETPRIV), &all);
    command.env("XDG_CACHE_HOME", sandbox.path("cache-of-nobody"));
    Some(Running::start(command).finish())
}

/// Loads the repository with a folder's rights narrowed.
pub(crate) fn run_where(sandbox: &Sandbox, folder: &str, mode: u32, url: &str) -> Option<Finished> {
    let set = |mode| fs::set_permissions(sandbox.path(folder), fs::Permissions::from_mode(mode));
    set(mode).expect("set");
    let finished = run(sandbox, &["load", "repo", "--to", url]);
    set(0o755).expect("set");
    finished
}
