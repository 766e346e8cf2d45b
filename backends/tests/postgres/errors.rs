//! What stands in a write's way, which kind of error it is, and that the next write is as ever.

use std::time::Duration;

use astload_backends::ErrorKind::{Misconfigured, Refused, Transient};
use astload_fixtures::units::{UnitValue, batch_of};
use astload_model::UnitId;
use serde_json::json;
use tokio_postgres::Client;

use crate::server::{PASSWORD, Server, connect};
use crate::store::{Store, deliver, says, unit, units, until};

/// A trigger of this body for each unit that is written.
async fn trigger(store: &Store, body: &str) {
    let statements = format!(
        "CREATE FUNCTION SCHEMA.meet() RETURNS trigger LANGUAGE plpgsql AS
         $$ BEGIN {body}; RETURN NEW; END $$;
         CREATE TRIGGER meet BEFORE INSERT ON SCHEMA.unit
         FOR EACH ROW EXECUTE FUNCTION SCHEMA.meet()"
    );
    store.execute(&statements).await;
}

async fn without_trigger(store: &Store) {
    store.execute("DROP FUNCTION SCHEMA.meet CASCADE").await;
}

async fn lock(session: &Client, store: &Store, unit: &UnitValue) {
    let id = UnitId::of(&unit.repo, &unit.path, &unit.layer).as_i64();
    let lock = format!("SELECT FROM {}.unit WHERE unit_id = {id} FOR UPDATE", store.schema);
    session.batch_execute(&lock).await.expect("locked");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_lock_of_another_session_is_waited_for_so_long_and_worth_another_attempt() {
    let Some(server) = Server::started() else { return };
    let store = Store::with(&server, json!({ "lock_timeout": "100ms" })).await;
    store.write(&[unit("a", 1)]).await;
    let session = server.superuser().await;
    session.batch_execute("BEGIN").await.expect("begun");
    lock(&session, &store, &unit("a", 1)).await;
    let error = store.refused(&[unit("a", 2)]).await;
    says(&error, Transient, "lock timeout", "lock_timeout");
    // Others are written meanwhile.
    store.write(&[unit("b", 1)]).await;
    session.batch_execute("ROLLBACK").await.expect("rolled back");
    store.write(&[unit("a", 2)]).await;
    store.holds(&[unit("a", 2), unit("b", 1)]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn after_a_table_was_locked_the_next_writes_are_as_before() {
    let Some(server) = Server::started() else { return };
    let store = Store::with(&server, json!({ "lock_timeout": "100ms", "connections": 1 })).await;
    store.write(&[unit("a", 1)]).await;
    let session = server.superuser().await;
    let lock = format!("BEGIN; LOCK TABLE {}.node", store.schema);
    session.batch_execute(&lock).await.expect("locked");
    for generation in 2..5 {
        let error = store.refused(&[unit("b", generation)]).await;
        says(&error, Transient, "lock timeout", "lock_timeout");
    }
    session.batch_execute("ROLLBACK").await.expect("unlocked");
    for generation in 5..9 {
        store.write(&[unit("b", generation), unit("c", generation)]).await;
    }
    store.holds(&[unit("a", 1), unit("b", 8), unit("c", 8)]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn after_a_table_was_changed_statements_are_prepared_anew() {
    let Some(server) = Server::started() else { return };
    let store = Store::with(&server, json!({ "connections": 1 })).await;
    store.write(&[unit("a", 1)]).await;
    store.write(&[unit("a", 2)]).await;
    store
        .execute(
            "DROP VIEW SCHEMA.units, SCHEMA.nodes, SCHEMA.mentions, SCHEMA.edges, SCHEMA.vectors",
        )
        .await;
    store.execute("ALTER TABLE SCHEMA.unit ALTER COLUMN path TYPE varchar").await;
    let error = store.refused(&[unit("a", 3)]).await;
    says(&error, Transient, "cached plan", "");
    store.write(&[unit("a", 3)]).await;
    store.holds(&[unit("a", 3)]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn who_is_chosen_to_end_a_deadlock_may_try_again() {
    let Some(server) = Server::started() else { return };
    let store = Store::new(&server).await;
    let mut both = [unit("a", 1), unit("b", 1)];
    store.write(&both).await;
    both.sort_by_key(|unit| UnitId::of(&unit.repo, &unit.path, &unit.layer).as_i64());
    let session = server.superuser().await;
    // The other one looks for a deadlock first, and ends it.
    session.batch_execute("SET deadlock_timeout = '10min'; BEGIN").await.expect("begun");
    lock(&session, &store, &both[1]).await;
    let newer = batch_of(&[unit("a", 2), unit("b", 2)]);
    let write = store.backend.write_batch(&newer);
    let meet = async {
        until("the writer waits", async || {
            let waiting = "SELECT count(*) FROM pg_locks WHERE NOT granted AND locktype IN
                ('transactionid', 'tuple') AND pid IN (SELECT pid FROM pg_stat_activity WHERE
                query LIKE '%' || 'SCHEMA' || '%')";
            store.number(waiting).await > 0
        })
        .await;
        lock(&session, &store, &both[0]).await;
        session.batch_execute("ROLLBACK").await.expect("rolled back");
    };
    let (written, ()) = tokio::join!(write, meet);
    says(&written.expect_err("a deadlock"), Transient, "deadlock", "");
    store.write(&[unit("a", 2), unit("b", 2)]).await;
    store.holds(&[unit("a", 2), unit("b", 2)]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_statement_that_takes_too_long_is_worth_another_attempt() {
    let Some(server) = Server::started() else { return };
    let store = Store::with(&server, json!({ "statement_timeout": "200ms" })).await;
    trigger(&store, "PERFORM pg_sleep(30)").await;
    let error = store.refused(&[unit("a", 1)]).await;
    says(&error, Transient, "statement timeout", "statement_timeout");
    without_trigger(&store).await;
    store.write(&[unit("a", 1)]).await;
    store.holds(&[unit("a", 1)]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_with_too_many_connections_is_overloaded() {
    let Some(server) = Server::started() else { return };
    let role = server.role("CONNECTION LIMIT 0").await;
    let options = json!({ "url": role.url(), "schema": server.name() });
    let error = connect(&options).await.expect_err("no room");
    says(&error, Transient, "too many connections", "connections");
    assert!(error.overloaded);
}

/// The sessions of backends that write into a store's schema.
fn sessions(store: &Store) -> String {
    let name = store.options["schema"].as_str().expect("a name");
    format!(
        "FROM pg_stat_activity WHERE pid <> pg_backend_pid() AND application_name = 'astload'
         AND query LIKE '%{name}%'"
    )
}

#[tokio::test(flavor = "multi_thread")]
async fn sessions_that_are_ended_amid_a_write_cost_an_attempt_and_no_more() {
    let Some(server) = Server::started() else { return };
    let store = Store::new(&server).await;
    store.write(&units("a", 4, 1)).await;
    trigger(&store, "PERFORM pg_sleep(30)").await;
    let newer = batch_of(&units("a", 4, 2));
    let write = store.backend.write_batch(&newer);
    let end = async {
        until("the writer sleeps", async || {
            let asleep = format!("SELECT count(*) {} AND wait_event = 'PgSleep'", sessions(&store));
            server.number(&asleep).await > 0
        })
        .await;
        let ended = format!("SELECT count(pg_terminate_backend(pid, 5000)) {}", sessions(&store));
        assert!(server.number(&ended).await > 0, "a session was ended");
    };
    let (written, ()) = tokio::join!(write, end);
    says(&written.expect_err("ended"), Transient, "", "");
    without_trigger(&store).await;
    store.write(&units("a", 4, 2)).await;
    store.holds(&units("a", 4, 2)).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn idle_sessions_that_are_ended_are_replaced() {
    let Some(server) = Server::started() else { return };
    let role = server.role("").await;
    role.execute("GRANT CREATE ON DATABASE app TO NAME").await;
    let store = Store::with(&server, json!({ "url": role.url() })).await;
    for generation in 1..6 {
        let end = "SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity
                   WHERE usename = 'NAME'";
        role.execute(end).await;
        // Whether the end is known when the write begins is a matter of luck.
        deliver(&*store.backend, &batch_of(&units("a", 2, generation))).await;
    }
    store.holds(&units("a", 2, 5)).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_trigger_that_refuses_one_unit_lets_the_others_pass() {
    let Some(server) = Server::started() else { return };
    let store = Store::new(&server).await;
    trigger(&store, "IF NEW.path = 'a/3' THEN RAISE EXCEPTION 'not welcome'; END IF").await;
    let mut all = units("a", 8, 1);
    let error = store.refused(&all).await;
    says(&error, Refused, "not welcome", "");
    let alone = all.remove(3);
    store.write(&all).await;
    let error = store.refused(&[alone]).await;
    says(&error, Refused, "not welcome", "");
    store.holds(&all).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_check_of_the_users_forbids_is_refused() {
    let Some(server) = Server::started() else { return };
    let store = Store::new(&server).await;
    store.execute("ALTER TABLE SCHEMA.node ADD CONSTRAINT short CHECK (length(name) < 9)").await;
    let mut long = unit("a", 1);
    long.nodes[1].name = Some("longer_than_that".into());
    let error = store.refused(&[unit("b", 1), long]).await;
    says(&error, Refused, "short", "");
    store.write(&[unit("b", 1)]).await;
    store.holds(&[unit("b", 1)]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_column_that_a_user_drops_amid_a_load_is_for_somebody_to_act_on() {
    let Some(server) = Server::started() else { return };
    let store = Store::new(&server).await;
    store.write(&[unit("a", 1)]).await;
    store.execute("ALTER TABLE SCHEMA.edge RENAME COLUMN flags TO banners").await;
    let error = store.refused(&[unit("a", 2)]).await;
    says(&error, Misconfigured, "flags", "schema plan");
    store.execute("ALTER TABLE SCHEMA.edge RENAME COLUMN banners TO flags").await;
    store.write(&[unit("a", 2)]).await;
    store.holds(&[unit("a", 2)]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_store_that_another_process_makes_anew_is_written_to_as_ever() {
    let Some(server) = Server::started() else { return };
    let store = Store::new(&server).await;
    store.write(&units("a", 3, 5)).await;
    store.backend.settle().await.expect("settled");
    let other = store.other().await;
    other.admin().expect("an admin").drop_schema().await.expect("dropped");
    let error = store.refused(&[unit("a", 6)]).await;
    says(&error, Misconfigured, "does not exist", "schema plan");
    let again = store.other().await;
    again.write_batch(&batch_of(&[unit("other", 1)])).await.expect("written");
    store.write(&units("a", 3, 1)).await;
    store.holds(&[units("a", 3, 1), vec![unit("other", 1)]].concat()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_password_that_changes_concerns_new_connections_alone() {
    let Some(server) = Server::started() else { return };
    let role = server.role("").await;
    role.execute("GRANT CREATE ON DATABASE app TO NAME").await;
    let store = Store::with(&server, json!({ "url": role.url(), "connections": 1 })).await;
    store.write(&[unit("a", 1)]).await;
    role.execute("ALTER ROLE NAME PASSWORD 'another'").await;
    store.write(&[unit("a", 2)]).await;
    let end = "SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity WHERE usename = 'NAME'";
    role.execute(end).await;
    // The first to come may still find the connection that was ended.
    until("the password is asked for", async || {
        let written = store.backend.write_batch(&batch_of(&[unit("a", 3)])).await;
        let error = written.expect_err("no connection");
        match error.kind {
            Transient => false,
            _ => {
                says(&error, Misconfigured, "password authentication failed", "password");
                true
            }
        }
    })
    .await;
    role.execute(&format!("ALTER ROLE NAME PASSWORD '{PASSWORD}'")).await;
    store.write(&[unit("a", 3)]).await;
    store.holds(&[unit("a", 3)]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_call_that_is_dropped_frees_its_locks_soon() {
    let Some(server) = Server::started() else { return };
    let store = Store::new(&server).await;
    store.write(&[unit("a", 1)]).await;
    trigger(&store, "PERFORM pg_sleep(30)").await;
    let newer = batch_of(&[unit("a", 2)]);
    let write = store.backend.write_batch(&newer);
    tokio::time::timeout(Duration::from_millis(500), write).await.expect_err("it sleeps");
    without_trigger(&store).await;
    store.write(&[unit("a", 2)]).await;
    store.holds(&[unit("a", 2)]).await;
}
