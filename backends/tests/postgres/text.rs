//! Names and texts that look like something else.

use astload_backends::ErrorKind::Misconfigured;
use astload_fixtures::units::{SymbolValue, UnitValue};
use astload_model::limits::{NAME_MAX, PATH_MAX, PROPERTIES_DEPTH_MAX, SYMBOL_MAX};
use serde_json::json;

use crate::server::{Server, connect};
use crate::store::{Store, says, unit, units};

/// What is left in the database of what is called so.
async fn left(server: &Server, schema: &str) -> i64 {
    let named = schema.replace('\'', "''");
    server
        .number(&format!(
            "SELECT (SELECT count(*) FROM pg_namespace WHERE nspname = '{named}') +
             (SELECT count(*) FROM pg_class WHERE relnamespace IN
              (SELECT oid FROM pg_namespace WHERE nspname = '{named}'))"
        ))
        .await
}

/// Everything that a store is asked, over names that are anything.
async fn works(store: &Store, prefix: &str) {
    let (reader, admin, query) =
        (store.backend.reader(), store.backend.admin(), store.backend.query());
    let (reader, admin, query) = (reader.expect("one"), admin.expect("one"), query.expect("one"));
    store.write(&units("a", 3, 1)).await;
    assert_eq!(admin.plan_schema().await.expect("planned").len(), 11);
    store.backend.settle().await.expect("settled");
    assert_eq!(admin.plan_schema().await.expect("planned").len(), 0);
    store.write(&units("a", 2, 2)).await;
    store.write(&[UnitValue::delete("a/2").at_generation(2)]).await;
    assert_eq!(admin.gc().await.expect("collected").tombstones, 1);
    let expected = units("a", 2, 2);
    let found = reader.units(&Default::default()).await.expect("listed");
    assert_eq!(found.len(), expected.len());
    assert_eq!(query.find("0").await.expect("found").len(), 1);
    assert_eq!(query.references("main", 9).await.expect("found").len(), 2);
    let quoted = format!("{prefix}unit").replace('"', "\"\"");
    assert_eq!(store.number(&format!("SELECT count(*) FROM SCHEMA.\"{quoted}\"")).await, 2);
    let named = |name: &str| format!("{prefix}{name}").replace('\'', "''");
    for index in ["node_key", "edge_symbol", "unit_path"] {
        let there = format!("SELECT count(*) FROM pg_class WHERE relname = '{}'", named(index));
        assert!(store.number(&there).await > 0, "{index}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_schema_and_a_prefix_may_be_called_anything() {
    let Some(server) = Server::started() else { return };
    let unique = server.name();
    let longest = format!("{unique}{}", "x".repeat(63 - unique.len()));
    for (schema, prefix) in [
        (format!("{unique} a\"b'c"), "p\"'\\"),
        (format!("{unique}\"; DROP SCHEMA public CASCADE; --"), "\"; DROP TABLE x; --"),
        (format!("{unique} Größe 日本 😀"), "ünder_"),
        (format!("{unique} {{node}} $1"), "{node} WHERE {} ON $1"),
        (longest, &"q".repeat(32)),
    ] {
        let options = json!({ "schema": schema, "prefix": prefix });
        let store = Store::with(&server, options).await;
        works(&store, prefix).await;
        store.backend.admin().expect("an admin").drop_schema().await.expect("dropped");
        assert_eq!(left(&server, &schema).await, 0, "{schema}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_name_that_the_server_would_cut_short_is_not_taken() {
    let Some(server) = Server::started() else { return };
    for (option, name) in [
        ("schema", "é".repeat(32)),
        ("schema", "x".repeat(64)),
        ("prefix", "😀".repeat(9)),
        ("tablespace", "é".repeat(32)),
    ] {
        let mut options = json!({ "url": server.url(), "schema": server.name() });
        options[option] = name.into();
        let error = connect(&options).await.expect_err("too long");
        says(&error, Misconfigured, option, "");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_others_have_in_the_schema_stays_when_ours_is_dropped() {
    let Some(server) = Server::started() else { return };
    let store = Store::with(&server, json!({ "prefix": "p_" })).await;
    store.execute("CREATE TABLE SCHEMA.theirs AS SELECT 1").await;
    let mut options = store.options.clone();
    options["prefix"] = "q_".into();
    let neighbour = connect(&options).await.expect("connects");
    store.write(&[unit("a", 1)]).await;
    store.backend.admin().expect("an admin").drop_schema().await.expect("dropped");
    neighbour.health_check().await.expect("it is well");
    assert_eq!(store.number("SELECT count(*) FROM SCHEMA.theirs").await, 1);
    assert_eq!(store.number("SELECT count(*) FROM SCHEMA.q_store").await, 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn names_on_the_search_path_of_a_role_are_not_met() {
    let Some(server) = Server::started() else { return };
    let role = server.role("").await;
    role.execute(
        "GRANT CREATE ON DATABASE app TO NAME;
         CREATE SCHEMA NAME_trap;
         GRANT USAGE ON SCHEMA NAME_trap TO NAME;
         CREATE FUNCTION NAME_trap.trap() RETURNS void LANGUAGE plpgsql AS
         $$ BEGIN RAISE EXCEPTION 'trapped'; END $$;
         CREATE FUNCTION NAME_trap.now() RETURNS timestamptz LANGUAGE sql AS
         $$ SELECT NAME_trap.trap(); SELECT NULL::timestamptz $$;
         CREATE FUNCTION NAME_trap.unnest(anyarray) RETURNS SETOF anyelement LANGUAGE sql AS
         $$ SELECT NAME_trap.trap(); SELECT NULL LIMIT 0 $$;
         CREATE FUNCTION NAME_trap.pg_advisory_xact_lock_shared(bigint) RETURNS void LANGUAGE sql
         AS $$ SELECT NAME_trap.trap() $$;
         CREATE FUNCTION NAME_trap.to_regclass(text) RETURNS regclass LANGUAGE sql AS
         $$ SELECT NAME_trap.trap(); SELECT NULL::regclass $$;
         CREATE TABLE NAME_trap.unit (no int); CREATE TABLE NAME_trap.store (no int);
         CREATE TABLE NAME_trap.word (no int); CREATE TABLE NAME_trap.pg_class (no int);
         ALTER ROLE NAME SET search_path = NAME_trap, pg_catalog",
    )
    .await;
    let store = Store::with(&server, json!({ "url": role.url() })).await;
    works(&store, "").await;
    store.backend.admin().expect("an admin").drop_schema().await.expect("dropped");
    role.execute("DROP SCHEMA NAME_trap CASCADE").await;
}

/// Text of all kinds that may be anywhere.
const TEXTS: [&str; 10] = [
    "😀👩‍👩‍👧‍👦",
    "שלום \u{202e}right to left",
    "e\u{301}\u{327} combining",
    "\u{ffff}\u{fffe}\u{10ffff}\u{feff}",
    "\u{1}\u{7f}\u{80}\u{2028}",
    "tab\tnew\nline\r\n",
    "\\N \\. \\x00 \\u0000",
    "'quote\" `$$ $1 {node} %s --",
    "\u{fffd}",
    " ",
];

const JSON: [&str; 8] = [
    r#"{"a":"\u0000","b":"\ud83d\ude00","c":"\ud800"}"#,
    r#"{"huge":1e400,"small":-1E-400,"long":123456789012345678901234567890.12345678901234567890}"#,
    r#"{"a":1,"a":2,"A":{"":null}}"#,
    r#"{ "spaces" :	[ 1 , 2 ] }"#,
    r#"{"\u0061\n\/":"\b\f"}"#,
    r#"{"😀":"שלום","e":"\u00e9"}"#,
    "{}",
    r#"{"minus":-0,"zero":0.0,"e":1E+2}"#,
];

#[tokio::test(flavor = "multi_thread")]
async fn text_of_any_kind_is_kept_as_it_is_everywhere() {
    let Some(server) = Server::started() else { return };
    let store = Store::new(&server).await;
    let of = |(at, text): (usize, &&str)| {
        let mut unit = unit(&format!("{text}/{at}"), 1);
        unit.repo = format!("repo {text}");
        unit.layer = format!("layer {text}");
        unit.revision = Some(text.to_string());
        unit.language = Some(text.to_string());
        unit.nodes[1].text = Some(text.to_string());
        unit.nodes[1].name = Some(text.to_string());
        unit.nodes[1].field = Some(text.to_string());
        unit.nodes[1].kind = text.to_string();
        unit.symbols[0] = SymbolValue {
            symbol: format!("symbol {text}"),
            kind: text.to_string(),
            name: Some(text.to_string()),
            package: Some(text.to_string()),
        };
        unit
    };
    let all: Vec<_> = TEXTS.iter().enumerate().map(of).collect();
    store.write(&all).await;
    store.holds(&all).await;
    store.backend.settle().await.expect("settled");
    let found = store.backend.query().expect("a query").references(TEXTS[1], 9).await;
    assert_eq!(found.expect("found").len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn properties_are_kept_to_the_letter() {
    let Some(server) = Server::started() else { return };
    let store = Store::new(&server).await;
    let deepest = "[".repeat(PROPERTIES_DEPTH_MAX - 1) + &"]".repeat(PROPERTIES_DEPTH_MAX - 1);
    let deepest = format!(r#"{{"deep":{deepest}}}"#);
    let all = JSON.iter().copied().chain([deepest.as_str()]).enumerate();
    let all: Vec<_> = all
        .map(|(at, json)| {
            let mut unit = unit(&format!("{at}"), 1);
            unit.properties = Some(json.into());
            unit.nodes[2].properties = Some(json.into());
            unit.edges[1].properties = Some(json.into());
            unit
        })
        .collect();
    store.write(&all).await;
    store.holds(&all).await;
    for (at, unit) in all.iter().enumerate() {
        let json = unit.properties.as_deref().expect("some").replace('\'', "''");
        let same = format!(
            "SELECT count(*) FROM SCHEMA.unit AS unit JOIN SCHEMA.node ON unit = number
             WHERE path = '{at}' AND unit.properties::text = '{json}'
               AND node.properties::text = '{json}'"
        );
        assert_eq!(store.number(&same).await, 1, "{json}");
    }
}

/// Text so long that nothing makes it smaller.
fn noise(bytes: usize, random: &mut fastrand::Rng) -> String {
    (0..bytes).map(|_| random.alphanumeric()).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn names_as_long_as_the_model_takes_fit_into_every_index() {
    let Some(server) = Server::started() else { return };
    let store = Store::new(&server).await;
    let mut random = fastrand::Rng::with_seed(3);
    let mut name = || noise(NAME_MAX, &mut random);
    let mut long = unit(&"p".repeat(PATH_MAX), 1);
    long.repo = name();
    long.layer = name();
    long.extractor = name();
    long.language = Some(name());
    long.nodes[1].kind = name();
    long.nodes[1].name = Some(name());
    long.nodes[1].field = Some(name());
    long.edges[1].kind = "K".repeat(NAME_MAX);
    long.vectors[0].model = name();
    long.symbols[0].name = Some(name());
    long.symbols[0].package = Some(name());
    long.symbols[0].kind = name();
    long.symbols[0].symbol = noise(SYMBOL_MAX, &mut random);
    long.path = noise(PATH_MAX, &mut random);
    store.write(&[long.clone()]).await;
    store.backend.settle().await.expect("settled");
    store.holds(&[long.clone()]).await;
    long.generation = Some(2);
    store.write(&[long.clone()]).await;
    store.holds(&[long]).await;
}
