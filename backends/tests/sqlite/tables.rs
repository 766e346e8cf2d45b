//! The numbered clauses of the contract, and what this store adds to them.

use astload_backends::{ErrorKind, Origin, RepoState};
use astload_fixtures::units::{UnitValue, batch_of, tree};

use crate::store::{Comparable, Store, held};

fn unit(path: &str, generation: u64) -> UnitValue {
    UnitValue { generation: Some(generation), ..UnitValue::sample(path) }
}

fn delete(path: &str, generation: u64) -> UnitValue {
    UnitValue { generation: Some(generation), ..UnitValue::delete(path) }
}

#[tokio::test]
async fn a_unit_is_read_back_as_it_was_written() {
    let store = Store::new().await;
    let receipt = store.write(&[unit("a", 1)]).await;
    assert_eq!((receipt.written, receipt.rows.nodes, receipt.rows.symbols), (1, 6, 2));
    let held: Vec<_> = store.held().await.into_values().collect();
    assert_eq!(held, [(1, Comparable::of(unit("a", 1)))]);
}

#[tokio::test]
async fn a_replaced_unit_leaves_no_row_behind() {
    let store = Store::new().await;
    store.write(&[unit("a", 1), unit("b", 1)]).await;
    let smaller = UnitValue { generation: Some(2), ..UnitValue::new("a", tree("module")) };
    store.write(&[smaller]).await;
    assert_eq!(store.sql("SELECT count(*) FROM node"), 1 + 6);
    assert_eq!(store.sql("SELECT count(*) FROM edge"), 3);
    assert_eq!(store.sql("SELECT count(*) FROM vector"), 1);
}

#[tokio::test]
async fn a_replay_changes_nothing() {
    let store = Store::new().await;
    store.write(&[unit("a", 1)]).await;
    let before = store.sql("SELECT number FROM unit");
    let receipt = store.write(&[unit("a", 1)]).await;
    assert_eq!((receipt.written, receipt.rows.nodes), (1, 0));
    assert_eq!(store.sql("SELECT number FROM unit"), before);
}

#[tokio::test]
async fn an_older_generation_is_superseded() {
    let store = Store::new().await;
    store.write(&[unit("a", 5)]).await;
    let receipt = store.write(&[delete("a", 4), unit("b", 1)]).await;
    assert_eq!((receipt.superseded, receipt.deleted, receipt.written), (1, 0, 1));
}

#[tokio::test]
async fn a_late_replay_cannot_resurrect_a_deleted_unit_until_gc() {
    let store = Store::new().await;
    store.write(&[unit("a", 1)]).await;
    store.write(&[delete("a", 2)]).await;
    assert_eq!(store.write(&[unit("a", 1)]).await.superseded, 1);
    assert!(store.held().await.is_empty());
    store.backend.admin().expect("an admin").gc().await.expect("collected");
    assert_eq!(store.write(&[unit("a", 1)]).await.written, 1);
}

#[tokio::test]
async fn a_foreign_unit_under_the_same_id_is_refused_and_nothing_is_mixed() {
    let store = Store::new().await;
    store.write(&[unit("a", 1)]).await;
    let connection = rusqlite::Connection::open(store.path()).expect("opens");
    connection.execute("UPDATE unit SET path = 'collides'", []).expect("changed");
    let error = store.backend.write_batch(&batch_of(&[unit("b", 2), unit("a", 2)])).await;
    let error = error.expect_err("refused");
    assert_eq!(error.kind, ErrorKind::Refused);
    assert_eq!(error.rejected.len(), 1);
    assert!(error.rejected[0].1.contains("example:a has the id"), "{}", error.rejected[0].1);
    assert_eq!(store.sql("SELECT count(*) FROM unit"), 1);
}

#[tokio::test]
async fn removing_a_path_takes_all_below_it_and_nothing_beside_it() {
    let store = Store::new().await;
    store.write(&[unit("a/b", 1), unit("a/b/c", 1), unit("a/bc", 1), unit("a", 1)]).await;
    let admin = store.backend.admin().expect("an admin");
    assert_eq!(admin.remove("example", Some("a/b")).await.expect("removed").deleted, 2);
    assert_eq!(store.sql("SELECT count(*) FROM unit WHERE path IN ('a', 'a/bc')"), 2);
    assert_eq!(store.write(&[unit("a/b", 1)]).await.superseded, 1);
    assert_eq!(store.write(&[unit("a/b", 2)]).await.written, 1);
}

#[tokio::test]
async fn gc_forgets_symbols_that_nothing_refers_to_and_keeps_the_others() {
    let store = Store::new().await;
    store.write(&[unit("a", 1)]).await;
    let plain = UnitValue { generation: Some(2), ..UnitValue::new("b", unit("a", 1).nodes) };
    store.write(&[plain, delete("a", 2)]).await;
    let report = store.backend.admin().expect("an admin").gc().await.expect("collected");
    assert_eq!((report.symbols, report.tombstones), (2, 1));
    store.write(&[unit("a", 3)]).await;
    assert_eq!(
        store.sql("SELECT count(*) FROM edges WHERE kind = 'CALL' AND symbol IS NOT NULL"),
        1
    );
}

#[tokio::test]
async fn what_another_process_collected_is_written_again() {
    let store = Store::new().await;
    store.write(&[unit("a", 1)]).await;
    let other = store.other().await;
    other.write_batch(&batch_of(&[delete("a", 2)])).await.expect("deleted");
    other.admin().expect("an admin").gc().await.expect("collected");
    store.write(&[unit("a", 3)]).await;
    let missing = "SELECT count(*) FROM edge LEFT JOIN symbol ON number = dst_symbol
                   WHERE dst_symbol IS NOT NULL AND number IS NULL";
    assert_eq!(store.sql(missing), 0);
}

#[tokio::test]
async fn two_writers_at_once_lose_nothing() {
    let store = Store::new().await;
    let other = store.other().await;
    for round in 0..20 {
        let ours = batch_of(&[unit(&format!("ours{round}"), 1)]);
        let theirs = batch_of(&[unit(&format!("theirs{round}"), 1)]);
        let (ours, theirs) =
            tokio::join!(store.backend.write_batch(&ours), other.write_batch(&theirs));
        ours.expect("written");
        theirs.expect("written");
    }
    assert_eq!(held(&*other).await.len(), 40);
}

#[tokio::test]
async fn settle_and_close_may_be_called_twice_and_after_close_all_else_fails() {
    let store = Store::new().await;
    store.write(&[unit("a", 1)]).await;
    store.backend.settle().await.expect("settled");
    store.backend.settle().await.expect("settled again");
    assert!(
        store.backend.admin().expect("an admin").plan_schema().await.expect("a plan").is_empty()
    );
    store.backend.close().await.expect("closed");
    store.backend.close().await.expect("closed again");
    let error = store.backend.write_batch(&batch_of(&[unit("b", 1)])).await.expect_err("closed");
    assert_eq!(error.kind, ErrorKind::Misconfigured);
    assert!(store.backend.reader().expect("a reader").repos().await.is_err());
}

#[tokio::test]
async fn a_repository_keeps_its_root_its_origin_and_its_greatest_generation() {
    let store = Store::new().await;
    let state = RepoState {
        repo: "example".into(),
        layer: "ast".into(),
        root: Some("/here".into()),
        origin: Origin::Ours,
        generation: 3,
        units: 0,
    };
    store.backend.admin().expect("an admin").put_repo(&state).await.expect("put");
    store.write(&[unit("a", 7), delete("b", 9)]).await;
    let repos = store.backend.reader().expect("a reader").repos().await.expect("repos");
    assert_eq!(repos, [RepoState { generation: 9, units: 1, ..state }]);
}

#[tokio::test]
async fn dropping_the_schema_leaves_an_empty_file_that_can_be_used_again() {
    let store = Store::new().await;
    store.write(&[unit("a", 1)]).await;
    store.backend.admin().expect("an admin").drop_schema().await.expect("dropped");
    assert_eq!(store.sql("SELECT count(*) FROM sqlite_master WHERE name NOT LIKE 'sqlite_%'"), 0);
    store.backend.close().await.expect("closed");
    let again = store.other().await;
    again.write_batch(&batch_of(&[unit("a", 1)])).await.expect("written");
}
