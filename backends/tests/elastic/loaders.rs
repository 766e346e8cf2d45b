//! Many who write to one store.

use std::sync::atomic::{AtomicU64, Ordering};

use astload_fixtures::delivery::{deliver, held, units, until, versions};
use astload_fixtures::units::{UnitValue, batch_of};
use astload_model::SymbolId;
use serde_json::{Value, json};
use tokio_util::sync::CancellationToken;

use crate::server::{Server, both};
use crate::store::Store;

/// How often they write, and how often it is collected, at least.
const ROUNDS: u64 = 25;
const COLLECTED: u64 = 4;

/// Units and symbols that are garbage come back while it is collected.
#[tokio::test(flavor = "multi_thread")]
async fn garbage_that_is_collected_beside_writers_is_none_of_theirs() {
    for kind in both() {
        let Some(server) = Server::started(kind) else { continue };
        let store = Store::with(&server, json!({ "leftover_age": "1h" })).await;
        let writer = store.other().await;
        let (done, collected) = (CancellationToken::new(), AtomicU64::new(0));
        let write = async {
            let mut round = 0;
            // However slow the machine is, they have met often.
            while round < ROUNDS || collected.load(Ordering::Relaxed) < COLLECTED {
                round += 1;
                let all = batch_of(&units("a", 3, 2 * round));
                deliver(&*writer, &all).await;
                assert_eq!(held(&*writer).await, versions(&all), "round {round}");
                has_symbols(&store, &units("a", 3, 2 * round)).await;
                let deleted = units("a", 3, 2 * round)
                    .into_iter()
                    .map(|unit| UnitValue::delete(&unit.path).at_generation(2 * round + 1));
                deliver(&*writer, &batch_of(&deleted.collect::<Vec<_>>())).await;
            }
            done.cancel();
        };
        let collect = async {
            while !done.is_cancelled() {
                store.backend.admin().expect("an admin").gc().await.expect("collected");
                collected.fetch_add(1, Ordering::Relaxed);
            }
        };
        tokio::join!(write, collect);
    }
}

/// Waits until symbols that edges refer to have documents: they may be about to be made again.
async fn has_symbols(store: &Store, units: &[UnitValue]) {
    for symbol in units.iter().flat_map(|unit| &unit.symbols) {
        let path = format!("_doc/{}", SymbolId::of(&symbol.symbol));
        let is_there = async || store.ask("GET", "symbols", &path, &Value::Null)["found"] == true;
        until(&format!("there is {}", symbol.symbol), is_there).await;
    }
}
