//! A disk that is full.

use std::fs;
use std::process::Command;

use astload_backends::ErrorKind::Misconfigured;
use astload_fixtures::servers::skipped;
use serde_json::json;

use crate::forms::{Tablespace, own};
use crate::server::Server;
use crate::store::{Store, says, units};

/// A small file system, which ends with the test.
struct SmallDisk {
    folder: String,
}

impl SmallDisk {
    /// Where we may mount one; else says that the test is skipped.
    fn mounted(server: &Server) -> Option<Self> {
        let folder = server.file(&server.name());
        fs::create_dir(&folder).expect("made");
        let mount = Command::new("mount")
            .args(["-t", "tmpfs", "-o", "size=4m,mode=755", "tmpfs", &folder])
            .output()
            .expect("mount runs");
        if !mount.status.success() {
            skipped("no file system may be mounted here");
            return None;
        }
        own(&folder);
        Some(Self { folder })
    }

    /// Takes all the space that is left.
    fn fill(&self) {
        let mut bytes = 1 << 20;
        for part in 0.. {
            let file = format!("{}/ballast{part}", self.folder);
            while bytes > 512 && fs::write(&file, vec![1; bytes]).is_err() {
                fs::remove_file(&file).expect("removed");
                bytes /= 2;
            }
            if bytes <= 512 {
                return;
            }
        }
    }

    fn empty(&self) {
        for file in fs::read_dir(&self.folder).expect("a folder").flatten() {
            if file.file_name().to_string_lossy().starts_with("ballast") {
                fs::remove_file(file.path()).expect("removed");
            }
        }
    }
}

impl Drop for SmallDisk {
    fn drop(&mut self) {
        let unmount = Command::new("umount").arg("-l").arg(&self.folder).status();
        assert!(unmount.expect("umount runs").success(), "unmounted");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_full_disk_is_for_somebody_to_act_on_and_then_all_goes_on() {
    let Some(server) = Server::started() else { return };
    let Some(disk) = SmallDisk::mounted(&server) else { return };
    let space = Tablespace::new(&server, &disk.folder).await;
    let store = Store::with(&server, json!({ "tablespace": space.name })).await;
    store.write(&units("a", 4, 1)).await;
    disk.fill();
    let many = units("b", 600, 1);
    let error = store.refused(&many).await;
    says(&error, Misconfigured, "No space left", "free some space");
    // What is there can be read.
    store.holds(&units("a", 4, 1)).await;
    store.backend.health_check().await.expect("it is well");
    disk.empty();
    store.write(&many).await;
    store.backend.settle().await.expect("settled");
    store.holds(&[units("a", 4, 1), many].concat()).await;
}
