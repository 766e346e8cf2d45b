//! Which file system a folder is on, as far as that proves that a file is the one of before.
//!
//! Two images may be mounted in turn at one path, with the same sizes, times and inodes in them. A
//! file system that is written to sets the time of a change itself; there, its identity is enough.
//! On one that is only read, all times are those of whoever made it: the same mount alone proves.

use std::collections::HashMap;
use std::os::fd::OwnedFd;
use std::sync::OnceLock;

use rustix::fs::{AtFlags, Stat, StatVfsMountFlags, StatxFlags, fstat, fstatvfs, statx};
use xxhash_rust::xxh3::Xxh3;

/// Asks for a number that no later mount has again (Linux 6.8).
const UNIQUE_MOUNT: StatxFlags = StatxFlags::from_bits_retain(0x4000);

/// The file systems that a walk came by, by their device.
#[derive(Debug, Default)]
pub(super) struct Mounts {
    known: HashMap<u64, Option<u64>>,
}

impl Mounts {
    /// Learns of the file system of a folder that is open.
    pub(super) fn meet(&mut self, folder: &OwnedFd) {
        let Ok(stat) = fstat(folder) else { return };
        self.known.entry(device(&stat)).or_insert_with(|| identity(folder, &stat));
    }

    /// What tells the file system of a file from others; `None` where nothing proves it.
    pub(super) fn of(&self, file: &Stat) -> Option<u64> {
        self.known.get(&device(file)).copied().flatten()
    }
}

fn device(stat: &Stat) -> u64 {
    #[allow(clippy::useless_conversion, reason = "its type is the platform's")]
    u64::from(stat.st_dev)
}

fn identity(folder: &OwnedFd, stat: &Stat) -> Option<u64> {
    let system = fstatvfs(folder).ok()?;
    let mut identity = Xxh3::new();
    identity.update(&device(stat).to_le_bytes());
    identity.update(&system.f_fsid.to_le_bytes());
    if system.f_flag.contains(StatVfsMountFlags::RDONLY) {
        let mount = statx(folder, "", AtFlags::EMPTY_PATH, UNIQUE_MOUNT).ok()?;
        if mount.stx_mask & UNIQUE_MOUNT.bits() == 0 {
            return None;
        }
        identity.update(&mount.stx_mnt_id.to_le_bytes());
        identity.update(boot()?.as_bytes());
    }
    Some(identity.digest())
}

/// What no other start of the machine has.
fn boot() -> Option<&'static str> {
    static BOOT: OnceLock<Option<String>> = OnceLock::new();
    let read = || std::fs::read_to_string("/proc/sys/kernel/random/boot_id").ok();
    BOOT.get_or_init(read).as_deref()
}
