//! A disk that is full.

use std::fs;
use std::process::Command;

use astload_backends::ErrorKind::Transient;
use astload_fixtures::delivery::{deliver, units, until};
use astload_fixtures::disk::SmallDisk;
use astload_fixtures::servers::Own;
use astload_fixtures::units::batch_of;

use crate::server::Server;
use crate::store::{Store, says};

#[tokio::test(flavor = "multi_thread")]
async fn a_full_disk_stops_the_server_and_once_it_is_restarted_all_goes_on() {
    let Some(own) = Own::started("neo4j", "") else { return };
    let server = Server::at(own.folder.clone());
    let store = Store::new(&server).await;
    store.write(&units("a", 4, 1)).await;
    own.kill();
    let Some(disk) = moved_to_a_small_disk(&own) else { return };
    own.start();
    deliver(&*store.backend, &batch_of(&units("a", 4, 2))).await;
    disk.fill();
    let error = store.refused(&units("b", 600, 1)).await;
    // The server does not say why it could not append to its log, and takes nothing any more until it
    // is restarted.
    says(&error, Transient, "Could not append transaction", "is its disk full?");
    let unwell = store.backend.health_check().await.expect_err("unwell");
    says(&unwell, Transient, "needs to be restarted", "is its disk full?");
    disk.empty();
    own.kill();
    own.start();
    until("it is well", async || store.backend.health_check().await.is_ok()).await;
    store.holds(&units("a", 4, 2)).await;
    store.write(&units("b", 600, 1)).await;
    store.holds(&[units("a", 4, 2), units("b", 600, 1)].concat()).await;
}

/// Moves what a server that has ended has.
fn moved_to_a_small_disk(own: &Own) -> Option<SmallDisk> {
    let [data, before] = ["data", "before"].map(|name| own.folder.join(name));
    fs::rename(&data, &before).expect("moved");
    fs::create_dir(&data).expect("made");
    let disk = SmallDisk::over(&data, 64)?;
    let copied = Command::new("cp").arg("-a").arg(before.join(".")).arg(&data).status();
    assert!(copied.expect("cp runs").success(), "copied");
    Some(disk)
}
