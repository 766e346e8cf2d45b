//! What the tables hold, where it cannot be read back: numbers, orphans, what is dropped.

use astload_fixtures::units::{UnitValue, batch_of, tree};

use crate::store::Store;

fn unit(path: &str, generation: u64) -> UnitValue {
    UnitValue::sample(path).at_generation(generation)
}

fn delete(path: &str, generation: u64) -> UnitValue {
    UnitValue::delete(path).at_generation(generation)
}

#[tokio::test]
async fn a_replaced_unit_leaves_no_row_behind() {
    let store = Store::new().await;
    store.write(&[unit("a", 1), unit("b", 1)]).await;
    let smaller = UnitValue::new("a", tree("module")).at_generation(2);
    store.write(&[smaller]).await;
    assert_eq!(store.sql("SELECT count(*) FROM node"), 1 + 6);
    assert_eq!(store.sql("SELECT count(*) FROM edge"), 3);
    assert_eq!(store.sql("SELECT count(*) FROM vector"), 1);
}

#[tokio::test]
async fn a_replay_writes_no_row() {
    let store = Store::new().await;
    store.write(&[unit("a", 1)]).await;
    let before = store.sql("SELECT number FROM unit");
    let receipt = store.write(&[unit("a", 1)]).await;
    assert_eq!((receipt.written, receipt.rows.nodes), (1, 0));
    assert_eq!(store.sql("SELECT number FROM unit"), before);
}

#[tokio::test]
async fn gc_forgets_symbols_that_nothing_refers_to_and_keeps_the_others() {
    let store = Store::new().await;
    store.write(&[unit("a", 1)]).await;
    let plain = UnitValue::new("b", unit("a", 1).nodes).at_generation(2);
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
async fn dropping_the_schema_leaves_an_empty_file_that_can_be_used_again() {
    let store = Store::new().await;
    store.write(&[unit("a", 1)]).await;
    store.backend.admin().expect("an admin").drop_schema().await.expect("dropped");
    assert_eq!(store.sql("SELECT count(*) FROM sqlite_master WHERE name NOT LIKE 'sqlite_%'"), 0);
    store.backend.close().await.expect("closed");
    let again = store.other().await;
    again.write_batch(&batch_of(&[unit("a", 1)])).await.expect("written");
}

#[tokio::test]
async fn a_store_whose_file_was_taken_away_does_not_say_that_all_is_well() {
    let store = Store::new().await;
    store.write(&[unit("a", 1)]).await;
    std::fs::remove_file(store.path()).expect("removed");
    let error = store.backend.settle().await.expect_err("it is gone");
    assert!(error.message.contains("removed or replaced"), "{error}");
}
