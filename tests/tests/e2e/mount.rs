//! A file system of its own, that is full soon.

use std::path::PathBuf;
use std::process::Command;

use astload_tests::{Sandbox, is_root, skipped};

/// A file system in memory, for root alone.
pub(crate) struct Tmpfs {
    path: PathBuf,
}

impl Tmpfs {
    /// Mounts one in a sandbox; says so where that is not possible.
    pub(crate) fn mount(sandbox: &Sandbox, name: &str, size: &str) -> Option<Self> {
        let path = sandbox.path(name);
        std::fs::create_dir(&path).expect("a folder");
        let mut mount = Command::new("mount");
        mount.args(["-t", "tmpfs", "-o", &format!("size={size}"), "tmpfs"]).arg(&path);
        if is_root() && mount.output().is_ok_and(|output| output.status.success()) {
            return Some(Self { path });
        }
        skipped("only root can mount a file system that is full soon");
        None
    }

    /// Gives it more room.
    pub(crate) fn grow(&self, size: &str) {
        let mut remount = Command::new("mount");
        remount.args(["-o", &format!("remount,size={size}")]).arg(&self.path);
        assert!(remount.status().expect("mount").success());
    }
}

impl Drop for Tmpfs {
    fn drop(&mut self) {
        // Lazily: a test that failed may still have a file of it open.
        let mut unmount = Command::new("umount");
        unmount.arg("-l").arg(&self.path);
        assert!(unmount.status().is_ok_and(|status| status.success()), "still mounted");
    }
}
