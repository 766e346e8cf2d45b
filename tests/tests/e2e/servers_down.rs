//! Neo4j, Elasticsearch and OpenSearch that die, stand still and come back in the middle of a load.

use astload_fixtures::servers::Own;
use astload_tests::{ElasticStore, NeoStore, Sandbox, wait_until};

use crate::postgres::equals_a_fresh_load;
use crate::postgres_down::{FILES, events, is_ill, large, start, states, the_other_one_is_done};
use crate::{elastic, neo4j};

/// A store in a server of its own.
enum Store {
    Neo4j(NeoStore),
    Elastic(ElasticStore),
}

impl Store {
    fn new(name: &'static str, own: &Own) -> Self {
        match name {
            "neo4j" => Self::Neo4j(NeoStore::at(own.folder.clone())),
            elastic => Self::Elastic(ElasticStore::at(elastic, own.folder.clone())),
        }
    }

    fn url(&self) -> String {
        match self {
            Self::Neo4j(store) => store.url(),
            Self::Elastic(store) => store.url(),
        }
    }

    /// Requires that it has all of the repository, and nothing else.
    fn is_clean(&self, sandbox: &Sandbox) {
        equals_a_fresh_load(sandbox, &self.url());
        sandbox.run(&["gc", &self.url()]).exits(0);
        match self {
            Self::Neo4j(store) => neo4j::has_no_orphans(store),
            Self::Elastic(store) => elastic::has_no_orphans(store),
        }
    }
}

#[test]
fn servers_that_die_or_stand_still_get_the_rest() {
    for name in ["neo4j", "elasticsearch", "opensearch"] {
        let Some(own) = Own::started(name, "") else { continue };
        one_that_was_killed_and_restarted_gets_the_rest(name, &own);
        one_that_stood_still_gets_the_rest(name, &own);
        one_that_died_is_told_and_the_other_store_is_whole(name, &own);
    }
}

fn begun(sandbox: &Sandbox, name: &str) {
    wait_until("some units are written", || !events(sandbox, "write", name).is_empty());
}

fn one_that_was_killed_and_restarted_gets_the_rest(name: &'static str, own: &Own) {
    let (store, sandbox) = (Store::new(name, own), large());
    let load = start(&sandbox, &store.url(), "60s");
    begun(&sandbox, name);
    own.kill();
    wait_until("it is told to be ill", || states(&sandbox, name).iter().any(|it| is_ill(it)));
    own.start();
    let report = load.finish().exits(0).json();
    assert_eq!(report["units"]["written"], 2 * FILES, "{report}");
    // It was ill, and is well again by itself; the other one never was.
    let [its, others] = [states(&sandbox, name), states(&sandbox, "sqlite")];
    assert!(!others.iter().any(|state| is_ill(state)), "{others:?}");
    assert!(its.ends_with(&["draining".into(), "closed".into()]), "{its:?}");
    store.is_clean(&sandbox);
}

fn one_that_stood_still_gets_the_rest(name: &'static str, own: &Own) {
    let (store, sandbox) = (Store::new(name, own), large());
    let mut load = start(&sandbox, &store.url(), "60s");
    begun(&sandbox, name);
    own.freeze();
    the_other_one_is_done(&sandbox);
    load.until_told(name);
    own.thaw();
    load.finish().exits(0);
    store.is_clean(&sandbox);
}

fn one_that_died_is_told_and_the_other_store_is_whole(name: &'static str, own: &Own) {
    let (store, sandbox) = (Store::new(name, own), large());
    let load = start(&sandbox, &store.url(), "2s");
    begun(&sandbox, name);
    own.kill();
    let report = load.finish().exits(3).json();
    let [dead, beside] = [0, 1].map(|at| report["backends"][at].clone());
    assert_eq!((&dead["status"], &beside["status"]), (&"incomplete".into(), &"complete".into()));
    assert!(dead["error"]["hint"].is_string(), "{dead}");
    sandbox.is_clean("beside a server that died", "beside.db");
    own.start();
    // The same command completes it.
    start(&sandbox, &store.url(), "60s").finish().exits(0);
    store.is_clean(&sandbox);
}
