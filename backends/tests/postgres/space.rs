//! A disk that is full.

use std::fs;
use std::path::Path;

use astload_backends::ErrorKind::Misconfigured;
use astload_fixtures::disk::SmallDisk;
use serde_json::json;

use crate::forms::{Tablespace, own};
use crate::server::Server;
use crate::store::{Store, says, units};

#[tokio::test(flavor = "multi_thread")]
async fn a_full_disk_is_for_somebody_to_act_on_and_then_all_goes_on() {
    let Some(server) = Server::started() else { return };
    let folder = server.file(&server.name());
    fs::create_dir(&folder).expect("made");
    let Some(disk) = SmallDisk::over(Path::new(&folder), 4) else { return };
    own(&folder);
    let space = Tablespace::new(&server, &folder).await;
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
