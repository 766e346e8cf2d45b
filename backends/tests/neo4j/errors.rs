//! What stands in a write's way, which kind of error it is, and that the next write is as ever.

use std::io::{Read, Write};
use std::net::TcpListener;

use astload_backends::ErrorKind::{Misconfigured, Refused, Transient};
use astload_backends::neo4j::Neo4jFactory;
use astload_backends::{BackendFactory, Error};
use astload_fixtures::delivery::{deliver, unit, units, until};
use astload_fixtures::units::batch_of;
use astload_model::UnitId;
use neo4rs::query;
use serde_json::json;

use crate::server::{Server, connect};
use crate::store::{Store, says};

async fn exists(options: serde_json::Value) -> Error {
    Neo4jFactory.exists(&options).await.expect_err("cannot be asked")
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_url_has_wrong_is_told_with_what_would_be_right() {
    let Some(server) = Server::started() else { return };
    let (port, http) = (server.port(), server.http_port());
    let wrong = format!("bolt://neo4j:wr0ng-pw@127.0.0.1:{port}");
    for (url, kind, words, hint) in [
        (wrong, Misconfigured, "refuses this user or password", "check `user` and `password`"),
        ("bolt://127.0.0.1:1".into(), Transient, "refused", "does the server run"),
        (format!("bolt://127.0.0.1:{http}"), Misconfigured, "does not speak Bolt", "7687"),
        ("http://127.0.0.1:1".into(), Misconfigured, "its scheme is none of", "neo4j+s://"),
        ("bolt://x?y=1".into(), Misconfigured, "takes no parameters", ""),
        (format!("{}/nowhere", server.url()), Misconfigured, "nowhere", "check `database`"),
        (format!("bolt+s://127.0.0.1:{port}"), Transient, "tls", "bolt://"),
        ("bolt://nowhere.invalid".into(), Transient, "connecting: ", "is the host right"),
    ] {
        // A server that is asked for others tells the same.
        for url in [url.clone(), url.replacen("bolt", "neo4j", 1)] {
            says(&exists(json!({ "url": url })).await, kind, words, hint);
        }
    }
    // Nobody is locked out by our attempts: the right one is taken at once.
    let store = Store::new(&server).await;
    store.write(&[unit("a", 1)]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_wrong_password_is_not_tried_again_and_again() {
    let Some(server) = Server::started() else { return };
    let store = Store::new(&server).await;
    store.write(&[unit("a", 1)]).await;
    let name = format!("u{}", store.prefix.to_lowercase());
    let own = format!("CREATE USER {name} SET PLAINTEXT PASSWORD 'first-pw-1' CHANGE NOT REQUIRED");
    server.serve(&own).await;
    let mut options = store.options.clone();
    options["url"] = format!("bolt://127.0.0.1:{}", server.port()).into();
    options["user"] = name.clone().into();
    options["password"] = "first-pw-1".into();
    let backend = connect(&options).await.expect("connects");
    server.serve(&format!("ALTER USER {name} SET PLAINTEXT PASSWORD 'other-pw-1'")).await;
    // Connections that are open stay so: this is one that is made now.
    let backend = {
        backend.close().await.expect("closed");
        connect(&options).await
    };
    says(&backend.expect_err("refused"), Misconfigured, "refuses this user or password", "");
    server.serve(&format!("ALTER USER {name} SET PLAINTEXT PASSWORD 'first-pw-1'")).await;
    let again = connect(&options).await.expect("taken, as it was refused but once");
    again.close().await.expect("closed");
    server.serve(&format!("DROP USER {name}")).await;
}

/// Answers whoever asks with these bytes.
fn answering(bytes: [u8; 4]) -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let port = listener.local_addr().expect("an address").port();
    std::thread::spawn(move || {
        let (mut stream, _) = listener.accept().expect("somebody");
        let mut asked = [0; 20];
        stream.read_exact(&mut asked).expect("asked");
        stream.write_all(&bytes).expect("answered");
    });
    port
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_speaks_another_bolt_is_told_by_its_version() {
    for (answer, words) in
        [([0, 0, 0, 3], "Bolt 3.0"), ([0, 0, 7, 5], "Bolt 5.7"), ([0; 4], "no version of Bolt")]
    {
        let url = format!("bolt://127.0.0.1:{}", answering(answer));
        says(&exists(json!({ "url": url })).await, Misconfigured, words, "5.26");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_lock_of_another_session_is_waited_for_so_long_and_worth_another_attempt() {
    let Some(server) = Server::started() else { return };
    let store = Store::with(&server, json!({ "timeout": "3s" })).await;
    deliver(&*store.backend, &batch_of(&[unit("a", 1)])).await;
    let mut session = server.driver().start_txn().await.expect("begun");
    let lock = format!("MATCH (unit:{}Unit {{path: 'a'}}) SET unit.mine = true", store.prefix);
    session.run(query(&lock)).await.expect("locked");
    says(&store.refused(&[unit("a", 2)]).await, Transient, "within 3s", "`timeout`");
    // Others are written meanwhile, and the server has forgotten the one who waited.
    store.write(&[unit("b", 1)]).await;
    session.rollback().await.expect("rolled back");
    store.write(&[unit("a", 2)]).await;
    store.holds(&[unit("a", 2), unit("b", 1)]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn who_is_chosen_to_end_a_deadlock_tries_again_by_itself() {
    let Some(server) = Server::started() else { return };
    let store = Store::new(&server).await;
    let mut both = [unit("a", 1), unit("b", 1)];
    store.write(&both).await;
    both.sort_by_key(|unit| UnitId::of(&unit.repo, &unit.path, &unit.layer));
    let lock = |at: usize| {
        let (prefix, path) = (&store.prefix, &both[at].path);
        query(&format!("MATCH (unit:{prefix}Unit {{path: '{path}'}}) SET unit.mine = true"))
    };
    let mut session = server.driver().start_txn().await.expect("begun");
    session.run(lock(1)).await.expect("locked");
    let newer = batch_of(&[unit("a", 2), unit("b", 2)]);
    let write = store.backend.write_batch(&newer);
    let meet = async {
        until("the writer waits", async || {
            let waiting = "SHOW TRANSACTIONS YIELD status WHERE status STARTS WITH 'Blocked'
                RETURN count(*) AS number";
            server.number(waiting).await > 0
        })
        .await;
        // One of the two is chosen; the other goes on.
        session.run(lock(0)).await.ok();
        session.rollback().await.ok();
    };
    let (written, ()) = tokio::join!(write, meet);
    written.expect("written");
    store.holds(&[unit("a", 2), unit("b", 2)]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_constraint_of_somebody_elses_forbids_is_refused_and_the_rest_is_not() {
    let Some(server) = Server::started() else { return };
    let store = Store::new(&server).await;
    store
        .execute("CREATE CONSTRAINT P_mine FOR (unit:P_Unit) REQUIRE unit.revision IS UNIQUE")
        .await;
    let mut twins = [unit("a", 1), unit("b", 1)];
    for twin in &mut twins {
        twin.revision = Some("same".into());
    }
    says(&store.refused(&twins).await, Refused, "already exists", "");
    store.write(&twins[..1]).await;
    store.execute("DROP CONSTRAINT P_mine").await;
    store.write(&twins).await;
    store.holds(&twins).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_store_that_is_dropped_under_a_writer_is_told_so() {
    let Some(server) = Server::started() else { return };
    let store = Store::new(&server).await;
    store.write(&units("a", 3, 1)).await;
    let other = store.other().await;
    other.admin().expect("an admin").drop_schema().await.expect("dropped");
    let error = store.refused(&units("a", 3, 2)).await;
    says(&error, Misconfigured, "", "schema");
    // Whoever connects makes it anew.
    let again = store.other().await;
    again.write_batch(&batch_of(&units("a", 3, 2))).await.expect("written");
    store.holds(&units("a", 3, 2)).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_index_that_was_dropped_by_hand_is_planned_and_made_again() {
    let Some(server) = Server::started() else { return };
    let store = Store::new(&server).await;
    store.write(&units("a", 3, 1)).await;
    store.execute("DROP CONSTRAINT P_astload_unit").await;
    let error = store.backend.health_check().await.expect_err("lacks it");
    says(&error, Misconfigured, "astload_unit", "astload schema apply");
    let plan = store.backend.admin().expect("an admin").plan_schema().await.expect("planned");
    assert!(matches!(&plan[..], [one] if one.contains("astload_unit")), "{plan:?}");
    let again = store.other().await;
    again.write_batch(&batch_of(&units("a", 3, 2))).await.expect("written");
    store.holds(&units("a", 3, 2)).await;
}
