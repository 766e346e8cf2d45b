//! What stands in a write's way, which kind of error it is, and that the next write is as ever.

use astload_backends::ErrorKind::{Misconfigured, Refused, Transient};
use astload_fixtures::delivery::{says, unit, units, until};
use astload_fixtures::units::batch_of;
use serde_json::{Value, json};

use crate::server::{Kind, Server, both};
use crate::store::Store;

#[tokio::test(flavor = "multi_thread")]
async fn what_a_url_has_wrong_is_told_with_what_would_be_right() {
    for kind in both() {
        let Some(server) = Server::started(kind) else { continue };
        let port = server.port();
        for (options, error, words, hint) in [
            (json!({ "url": "http://127.0.0.1:1" }), Transient, "refused", "does the server run"),
            (
                json!({ "url": format!("https://127.0.0.1:{port}") }),
                Misconfigured,
                "TLS",
                "http://",
            ),
            (
                json!({ "url": "ftp://x" }),
                Misconfigured,
                "neither http nor https",
                "https://host:9200",
            ),
            (json!({ "url": server.url(), "ca": "/nowhere" }), Misconfigured, "`ca`", ""),
            (json!({ "url": server.url(), "user": "a", "token": "b" }), Misconfigured, "one", ""),
            (
                json!({ "url": server.url(), "leftover_age": "10ms" }),
                Misconfigured,
                "`leftover_age` is 10ms, and must be at least 1s",
                "being written",
            ),
        ] {
            let failed = kind.factory().exists(&options).await.expect_err("wrong");
            says(&failed, error, words, hint, &[]);
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_other_of_the_two_is_told_by_its_version() {
    let Some(server) = Server::started(Kind::OpenSearch) else { return };
    let options = json!({ "url": server.url() });
    let error = Kind::Elasticsearch.factory().exists(&options).await.expect_err("another");
    says(&error, Misconfigured, "version 3", "opensearch://", &[]);
}

/// Sets a setting of the store's nodes, and takes it back.
fn set(store: &Store, name: &str, value: Value) {
    let done = store.ask("PUT", "nodes", "_settings", &json!({ "index": { name: value } }));
    assert_eq!(done["acknowledged"], true, "{done}");
}

#[tokio::test(flavor = "multi_thread")]
async fn blocks_of_an_index_are_told_with_what_lifts_them() {
    for kind in both() {
        let Some(server) = Server::started(kind) else { continue };
        let store = Store::new(&server).await;
        store.write(&[unit("a", 1)]).await;
        for (block, hint) in
            [("blocks.read_only_allow_delete", "flood stage"), ("blocks.write", "index.blocks")]
        {
            set(&store, block, true.into());
            says(&store.refused(&[unit("a", 2)]).await, Misconfigured, "blocked", hint, &[]);
            let unwell = store.backend.health_check().await.expect_err("unwell");
            says(&unwell, Misconfigured, "blocked", hint, &[]);
            set(&store, block, Value::Null);
            store.backend.health_check().await.expect("well");
        }
        store.write(&[unit("a", 2)]).await;
        store.holds(&[unit("a", 2)]).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_index_that_was_deleted_by_hand_is_not_made_by_the_server() {
    for kind in both() {
        let Some(server) = Server::started(kind) else { continue };
        let store = Store::new(&server).await;
        store.write(&units("a", 3, 1)).await;
        let index = format!("{}-nodes-v3", store.prefix);
        server.ask("DELETE", &index, &Value::Null);
        let error = store.refused(&units("a", 3, 2)).await;
        says(&error, Misconfigured, "", "astload schema", &[]);
        let unwell = store.backend.health_check().await.expect_err("unwell");
        says(&unwell, Misconfigured, "-nodes", "load again", &[]);
        let plan = store.backend.admin().expect("an admin").plan_schema().await.expect("planned");
        assert_eq!(plan.len(), 2, "a template and an index: {plan:?}");
        // Whoever connects makes it anew, and what is loaded is there.
        let again = store.other().await;
        again.write_batch(&batch_of(&units("a", 3, 2))).await.expect("written");
        store.holds(&units("a", 3, 2)).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_store_that_somebody_else_makes_right_now_is_waited_for() {
    for kind in both() {
        let Some(server) = Server::started(kind) else { continue };
        let store = Store::new(&server).await;
        let index = format!("{}-store-v3", store.prefix);
        // Its shard has no place, as long as it may be on no node.
        let place = |node: Value| json!({ "index.routing.allocation.require._name": node });
        server.ask("DELETE", &index, &Value::Null);
        let unplaced = json!({ "settings": place("nobody".into()) });
        server.ask("PUT", &format!("{index}?wait_for_active_shards=0"), &unplaced);
        let found = async {
            until("somebody waits for it", async || {
                let tasks = server.ask("GET", "_tasks?actions=*/health", &Value::Null);
                tasks.to_string().contains("cluster:monitor/health")
            })
            .await;
            server.ask("PUT", &format!("{index}/_settings"), &place(Value::Null));
        };
        let (other, ()) = tokio::join!(store.other(), found);
        other.write_batch(&batch_of(&units("a", 3, 1))).await.expect("written");
        store.holds(&units("a", 3, 1)).await;
    }
}

/// Puts another index in the place of one, with a mapping of somebody else's.
fn remap(store: &Store, properties: &Value) {
    let index = format!("{}-nodes-v3", store.prefix);
    store.server.ask("DELETE", &index, &Value::Null);
    let made = json!({
        "aliases": { format!("{}-nodes", store.prefix): {} },
        "mappings": { "properties": properties },
    });
    let made = store.server.ask("PUT", &index, &made);
    assert_eq!(made["acknowledged"], true, "{made}");
}

#[tokio::test(flavor = "multi_thread")]
async fn units_that_a_mapping_changed_by_hand_refuses_are_named_and_the_others_are_not() {
    for kind in both() {
        let Some(server) = Server::started(kind) else { continue };
        let store = Store::new(&server).await;
        remap(&store, &json!({ "start_byte": { "type": "byte" } }));
        let mut bad = unit("bad", 1);
        (bad.nodes[1].start_byte, bad.nodes[1].end_byte) = (Some(300), Some(400));
        let error = store.refused(&[unit("good", 1), bad.clone()]).await;
        says(&error, Refused, "300", "", &[]);
        assert_eq!(error.rejected.len(), 1, "{error:?}");
        store.write(&[unit("good", 1)]).await;
        store.holds(&[unit("good", 1)]).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_first_load_is_fast_and_settling_restores_what_was_switched_off_whoever_does_it() {
    for kind in both() {
        let Some(server) = Server::started(kind) else { continue };
        let store = Store::with(&server, json!({ "refresh": "7s" })).await;
        let settings = || {
            let all = store.ask("GET", "nodes", "_settings?flat_settings=true", &Value::Null);
            all[format!("{}-nodes-v3", store.prefix)]["settings"].clone()
        };
        assert_eq!(settings()["index.refresh_interval"], "-1");
        store.write(&units("a", 3, 1)).await;
        // As after a crash: another process, which knows nothing of the first.
        let other = store.other().await;
        assert_eq!(settings()["index.refresh_interval"], "-1");
        other.settle().await.expect("settled");
        let settled = settings();
        assert_eq!(settled["index.refresh_interval"], "7s");
        assert_eq!(settled["index.auto_expand_replicas"], "0-1");
        store.backend.settle().await.expect("settled again");
        assert_eq!(settings(), settled);
    }
}
