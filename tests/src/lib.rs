//! What the end-to-end tests stand on: a sandbox to run the real binary in, and a look into the
//! stores that it leaves.

pub mod corpus;
pub mod database;
pub mod dice;
pub mod elastic;
pub mod neo4j;
pub mod page;
pub mod postgres;
pub mod process;
pub mod sandbox;
pub mod store;
pub mod terminal;

use std::time::{Duration, Instant};

pub use astload_fixtures::servers::skipped;
pub use dice::Dice;
pub use elastic::ElasticStore;
pub use neo4j::NeoStore;
pub use postgres::{PgServer, PgStore};
pub use process::{Finished, Running};
pub use sandbox::Sandbox;
pub use store::Stored;
pub use terminal::Terminal;

/// Longest that a test waits for anything: far more than it takes, so that a slow machine passes.
pub const PATIENCE: Duration = Duration::from_secs(300);

/// Waits until a condition holds.
///
/// # Panics
/// Where it does not hold in time.
pub fn wait_until(what: &str, mut holds: impl FnMut() -> bool) {
    let start = Instant::now();
    while !holds() {
        assert!(start.elapsed() < PATIENCE, "waited in vain: {what}");
        std::thread::sleep(Duration::from_millis(2));
    }
}

/// Whether the tests run as root, who may mount and become somebody else, and reads everything.
pub fn is_root() -> bool {
    rustix::process::geteuid().is_root()
}
