//! Options that change what is made: partitions, tables that are not logged, tablespaces.

use std::fs;
use std::process::Command;

use astload_backends::ErrorKind::Misconfigured;
use astload_fixtures::units::UnitValue;
use serde_json::json;

use crate::server::{Server, connect};
use crate::store::{Store, says, unit, units};

/// All that a store is asked to do, whatever it is made of.
async fn works(store: &Store) {
    let admin = store.backend.admin().expect("an admin");
    store.write(&units("a", 6, 1)).await;
    store.backend.settle().await.expect("settled");
    store.write(&units("a", 3, 2)).await;
    store.write(&[UnitValue::delete("a/5").at_generation(2)]).await;
    let report = admin.gc().await.expect("collected");
    assert_eq!(report.tombstones, 1);
    let kept = units("a", 5, 1).into_iter().skip(3);
    store.holds(&units("a", 3, 2).into_iter().chain(kept).collect::<Vec<_>>()).await;
    assert!(admin.plan_schema().await.expect("planned").is_empty());
    let summary = store.backend.query().expect("a query").summary(5).await.expect("summed up");
    assert_eq!((summary.units, summary.rows.nodes), (5, 30));
    assert!(summary.bytes > 0);
}

async fn leaves_nothing(store: &Store) {
    store.backend.admin().expect("an admin").drop_schema().await.expect("dropped");
    let name = store.options["schema"].as_str().expect("a name").replace('\'', "''");
    let left = format!("SELECT count(*) FROM pg_namespace WHERE nspname = '{name}'");
    assert_eq!(store.server.number(&left).await, 0);
}

/// How many relations of a store are of these kinds and fulfil a condition.
async fn relations(store: &Store, kinds: &str, condition: &str) -> i64 {
    let name = store.options["schema"].as_str().expect("a name");
    let question = format!(
        "SELECT count(*) FROM pg_class WHERE relnamespace = '{name}'::regnamespace
         AND relkind::text = ANY (string_to_array('{kinds}', NULL)) AND {condition}"
    );
    store.server.number(&question).await
}

#[tokio::test(flavor = "multi_thread")]
async fn tables_of_nodes_and_edges_are_split_into_so_many_parts() {
    let Some(server) = Server::started() else { return };
    let store = Store::with(&server, json!({ "partitions": 4 })).await;
    assert_eq!(relations(&store, "p", "true").await, 2);
    assert_eq!(relations(&store, "r", "relispartition").await, 8);
    works(&store).await;
    leaves_nothing(&store).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn tables_that_are_not_logged_are_as_good_as_others_until_a_crash() {
    let Some(server) = Server::started() else { return };
    for partitions in [0, 4] {
        let options = json!({ "unlogged": true, "partitions": partitions });
        let store = Store::with(&server, options).await;
        // What others rely on stays.
        let logged = "relpersistence <> 'u' AND relname !~ '^(store|word|repo|symbol)'";
        assert_eq!(relations(&store, "r", logged).await, 0);
        works(&store).await;
        assert_eq!(relations(&store, "i", logged).await, 0);
        leaves_nothing(&store).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn all_that_grows_is_in_the_tablespace() {
    let Some(server) = Server::started() else { return };
    for partitions in [0, 4] {
        let space = Tablespace::new(&server, &folder(&server)).await;
        let options = json!({ "tablespace": space.name, "partitions": partitions });
        let store = Store::with(&server, options).await;
        works(&store).await;
        let elsewhere = "reltablespace = 0";
        assert_eq!(relations(&store, "ri", elsewhere).await, 0, "{partitions} partitions");
        leaves_nothing(&store).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_tablespace_that_is_not_there_is_named() {
    let Some(server) = Server::started() else { return };
    let options = json!({
        "url": server.url(), "schema": server.name(), "tablespace": "no\" where"
    });
    let error = connect(&options).await.expect_err("there is none");
    says(&error, Misconfigured, "no\" where", "tablespace");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_as_durable_as_normal_is_written_all_the_same() {
    let Some(server) = Server::started() else { return };
    let store = Store::with(&server, json!({ "durability": "normal" })).await;
    store
        .execute(
            "CREATE TABLE SCHEMA.met AS SELECT ''::text AS setting LIMIT 0;
             GRANT ALL ON SCHEMA.met TO app;
             CREATE FUNCTION SCHEMA.meet() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
             INSERT INTO SCHEMA.met SELECT current_setting('synchronous_commit'); RETURN NEW;
             END $$;
             CREATE TRIGGER meet BEFORE INSERT ON SCHEMA.unit
             FOR EACH ROW EXECUTE FUNCTION SCHEMA.meet()",
        )
        .await;
    store.write(&[unit("a", 1)]).await;
    assert_eq!(store.number("SELECT count(*) FROM SCHEMA.met WHERE setting = 'off'").await, 1);
    store.holds(&[unit("a", 1)]).await;
}

/// A folder of the server's for a tablespace.
fn folder(server: &Server) -> String {
    let folder = server.file(&server.name());
    fs::create_dir(&folder).expect("made");
    own(&folder);
    folder
}

/// Gives a folder to the server's user, where it is not our own.
pub(crate) fn own(folder: &str) {
    let is_root = Command::new("id").arg("-u").output().expect("id runs").stdout == b"0\n";
    if is_root {
        let owned = Command::new("chown").args(["postgres", folder]).status().expect("chown runs");
        assert!(owned.success(), "{folder} is given to the server");
    }
}

/// A tablespace that everybody may use, gone when it is dropped.
pub(crate) struct Tablespace {
    server: Server,
    pub(crate) name: String,
}

impl Tablespace {
    pub(crate) async fn new(server: &Server, folder: &str) -> Self {
        let name = server.name();
        server.execute(&format!("CREATE TABLESPACE {name} LOCATION '{folder}'")).await;
        server.execute(&format!("GRANT CREATE ON TABLESPACE {name} TO app")).await;
        Self { server: server.clone(), name }
    }
}

impl Drop for Tablespace {
    fn drop(&mut self) {
        self.server.clean_up(&format!("DROP TABLESPACE {}", self.name));
    }
}
