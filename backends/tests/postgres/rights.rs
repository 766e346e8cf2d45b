//! Roles that may do less than the owner of the tables.

use astload_backends::ErrorKind::Misconfigured;
use astload_fixtures::units::{UnitValue, batch_of};
use serde_json::json;

use crate::server::{Role, Server, connect};
use crate::store::{Store, held, says, unit, units};

/// What docs/stores/postgres.md says that a role needs that owns nothing.
async fn grant(store: &Store, role: &Role) {
    let statements = "GRANT USAGE ON SCHEMA SCHEMA TO NAME;
        GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA SCHEMA TO NAME;
        GRANT USAGE ON ALL SEQUENCES IN SCHEMA SCHEMA TO NAME";
    role.execute(&statements.replace("SCHEMA SCHEMA", &format!("SCHEMA {}", store.schema))).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_role_that_may_not_make_a_schema_is_told_so() {
    let Some(server) = Server::started() else { return };
    let role = server.role("").await;
    let options = json!({ "url": role.url(), "schema": server.name() });
    let error = connect(&options).await.expect_err("may not");
    says(&error, Misconfigured, "permission denied for database app", "schema apply");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_role_that_may_not_look_into_the_schema_is_told_so() {
    let Some(server) = Server::started() else { return };
    let store = Store::new(&server).await;
    let role = server.role("").await;
    let error = store.by(&role.url()).await.expect_err("may not");
    says(&error, Misconfigured, "permission denied for schema", "grant");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_role_with_the_rights_of_the_manual_does_all_but_make_tables() {
    let Some(server) = Server::started() else { return };
    let store = Store::new(&server).await;
    store.backend.settle().await.expect("settled");
    let role = server.role("").await;
    grant(&store, &role).await;
    let backend = store.by(&role.url()).await.expect("connects");
    let write =
        async |units: &[UnitValue]| backend.write_batch(&batch_of(units)).await.expect("written");
    write(&units("a", 3, 1)).await;
    write(&units("a", 2, 2)).await;
    write(&[UnitValue::delete("a/2").at_generation(2)]).await;
    backend.settle().await.expect("settled");
    let report = backend.admin().expect("an admin").gc().await.expect("collected");
    assert_eq!(report.tombstones, 1);
    write(&[unit("b", 1)]).await;
    assert_eq!(backend.admin().expect("an admin").plan_schema().await.expect("planned").len(), 0);
    let summary = backend.query().expect("a query").summary(5).await.expect("summed up");
    assert_eq!(summary.units, 3);
    store.holds(&[units("a", 2, 2), vec![unit("b", 1)]].concat()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn before_the_owner_has_settled_a_role_that_owns_nothing_writes_and_replaces() {
    let Some(server) = Server::started() else { return };
    let store = Store::new(&server).await;
    let role = server.role("").await;
    grant(&store, &role).await;
    let backend = store.by(&role.url()).await.expect("connects");
    for generation in 1..3 {
        let batch = batch_of(&units("a", 3, generation));
        backend.write_batch(&batch).await.expect("written");
    }
    let error = backend.settle().await.expect_err("may not");
    says(&error, Misconfigured, "must be owner of table", "schema apply");
    store.holds(&units("a", 3, 2)).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn each_right_that_is_missing_is_named_and_nothing_is_half_written() {
    let Some(server) = Server::started() else { return };
    let store = Store::new(&server).await;
    let role = server.role("").await;
    for (right, object) in [
        ("INSERT", "TABLE SCHEMA.node"),
        ("INSERT", "TABLE SCHEMA.unit"),
        ("INSERT", "TABLE SCHEMA.word"),
        ("UPDATE", "TABLE SCHEMA.unit"),
        ("SELECT", "TABLE SCHEMA.store"),
        ("USAGE", "SEQUENCE SCHEMA.unit_number"),
    ] {
        grant(&store, &role).await;
        let object = object.replace("SCHEMA", &store.schema);
        let backend = store.by(&role.url()).await.expect("connects");
        role.execute(&format!("REVOKE {right} ON {object} FROM NAME")).await;
        let written = backend.write_batch(&batch_of(&[unit("a", 1)])).await;
        let error = written.expect_err("may not");
        let name = object.rsplit('.').next().expect("a name");
        says(&error, Misconfigured, "permission denied for", "schema apply");
        assert!(error.message.contains(name), "{object}: {error}");
        role.execute(&format!("GRANT {right} ON {object} TO NAME")).await;
    }
    assert!(held(&*store.backend).await.is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_session_that_is_read_only_is_told_so() {
    let Some(server) = Server::started() else { return };
    let role = server.role("").await;
    role.execute("GRANT CREATE ON DATABASE app TO NAME").await;
    let store = Store::with(&server, json!({ "url": role.url() })).await;
    role.execute("ALTER ROLE NAME SET default_transaction_read_only = on").await;
    let backend = store.other().await;
    let written = backend.write_batch(&batch_of(&[unit("a", 1)])).await;
    let error = written.expect_err("may not");
    says(&error, Misconfigured, "read-only transaction", "default_transaction_read_only");
    let options = json!({ "url": role.url(), "schema": server.name() });
    let error = connect(&options).await.expect_err("may not");
    says(&error, Misconfigured, "read-only transaction", "target_session_attrs=read-write");
}
