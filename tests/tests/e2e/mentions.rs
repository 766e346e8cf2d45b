//! What units say of symbols: theirs alone, in whatever order they came, and no column of it changes unseen.

use astload_tests::Sandbox;
use serde_json::json;

/// A line about a unit of one node, which says this of the symbol `S`.
fn line(path: &str, kind: &str, name: &str) -> String {
    let symbols = json!([
        { "symbol": "S", "kind": kind, "name": name, "package": "p" },
        { "symbol": "listed alone", "kind": "term" },
        { "symbol": "name go only" , "name": "only" },
    ]);
    let edges = json!([{ "src": 0, "kind": "REF", "dst_symbol": 0 }]);
    let nodes = json!([{ "kind": "m" }]);
    json!({ "repo": "x", "path": path, "nodes": nodes, "symbols": symbols, "edges": edges })
        .to_string()
}

fn load(sandbox: &Sandbox, store: &str, lines: &[String]) {
    let (to, input) = (format!("sqlite:{store}"), lines.join("\n"));
    sandbox.run_with_input(&["load", "-", "--to", &to], input.as_bytes()).exits(0);
}

fn verify(sandbox: &Sandbox) -> astload_tests::Finished {
    sandbox.run(&["verify", "sqlite:a.db", "sqlite:b.db"])
}

const SHOWN: &str = "SELECT symbol, kind, name, package FROM symbols ORDER BY symbol";

#[test]
fn what_a_store_shows_of_a_symbol_does_not_depend_on_who_came_first() {
    let sandbox = Sandbox::new();
    let [one, other] = [line("one", "type", "Foo"), line("other", "macro", "New")];
    load(&sandbox, "a.db", &[one.clone(), other.clone()]);
    load(&sandbox, "b.db", &[other, one]);
    verify(&sandbox).exits(0);
    let shown = sandbox.store("a.db").ask(SHOWN);
    assert_eq!(shown, sandbox.store("b.db").ask(SHOWN));
    assert_eq!(shown[0], r#""S"|"macro"|"New"|"p""#, "the least of what is said");
}

#[test]
fn what_a_unit_said_goes_with_its_version() {
    let sandbox = Sandbox::new();
    let [before, after] = [line("one", "type", "Foo"), line("one", "macro", "New")];
    load(&sandbox, "a.db", &[before]);
    load(&sandbox, "a.db", std::slice::from_ref(&after));
    load(&sandbox, "b.db", &[after]);
    verify(&sandbox).exits(0);
    for store in ["a.db", "b.db"] {
        assert_eq!(sandbox.store(store).ask(SHOWN)[0], r#""S"|"macro"|"New"|"p""#);
        let from = format!("sqlite:{store}");
        sandbox.run(&["refs", "New", "--from", &from]).exits(0).says("one");
        sandbox.run(&["refs", "Foo", "--from", &from]).exits(1);
    }
}

#[test]
fn symbols_that_no_edge_ends_at_are_held_until_their_unit_goes() {
    let sandbox = Sandbox::new();
    load(&sandbox, "a.db", &[line("one", "type", "Foo")]);
    sandbox.gc("a.db");
    let listed = "SELECT symbol, kind, name FROM mentions WHERE symbol <> 'S' ORDER BY symbol";
    let rows = [r#""listed alone"|"term"|NULL"#, r#""name go only"|"name"|"only""#];
    assert_eq!(sandbox.store("a.db").ask(listed), rows);
    sandbox.run(&["rm", "x", "--from", "sqlite:a.db"]).exits(0);
    sandbox.gc("a.db");
    assert_eq!(sandbox.store("a.db").number("SELECT count(*) FROM symbols"), 0);
}

/// Every column of every list of the model, changed by hand.
#[test]
fn verify_finds_a_change_of_any_column() {
    let sandbox = Sandbox::new();
    let unit = json!({
        "repo": "x", "path": "u", "language": "go", "revision": "r", "line_count": 3,
        "size_bytes": 30, "properties": {"a": 1},
        "nodes": [
            { "ord": 0, "last": 1, "kind": "m", "text": "t" },
            { "ord": 1, "parent": 0, "last": 1, "label": "Symbol", "kind": "f", "field": "body", "name": "n",
              "text": "t", "start_byte": 1, "end_byte": 2, "start_line": 1, "start_col": 1,
              "end_line": 1, "end_col": 2, "flags": 1, "properties": {"b": 1} },
        ],
        "symbols": [{ "symbol": "S", "kind": "type", "name": "Foo", "package": "p" }],
        "edges": [
            { "src": 1, "kind": "REF", "dst_symbol": 0, "start_byte": 1, "end_byte": 2,
              "start_line": 1, "start_col": 1, "flags": 1, "properties": {"c": 1} },
            { "src": 0, "kind": "CFG", "dst_node": 1 },
        ],
        "vectors": [{ "node": 0, "model": "tiny", "text_hash": "00".repeat(16), "vector": [0.5] }],
    });
    load(&sandbox, "a.db", &[unit.to_string()]);
    load(&sandbox, "b.db", &[unit.to_string()]);
    verify(&sandbox).exits(0);
    let word = "(SELECT id FROM word WHERE word = 'another')";
    sandbox.store("b.db").execute("INSERT INTO word(word) VALUES ('another')");
    let (numbers, texts) = (["ord = 1", "src = 1", "node = 0", "1"], "'other'");
    let [node, edge, vector, all] = numbers;
    let changes = [
        (
            "unit",
            all,
            "revision line_count size_bytes position_encoding flags properties language extractor",
        ),
        (
            "node",
            node,
            "last label kind field name text start_byte end_byte start_line start_col \
                        end_line end_col flags properties",
        ),
        ("symbol", all, "symbol"),
        ("mention", all, "kind name package"),
        ("edge", edge, "kind ord start_byte end_byte start_line start_col flags properties"),
        ("vector", vector, "model text_hash vector"),
    ];
    for (table, row, columns) in changes {
        for column in columns.split_whitespace() {
            let of_words = ["language", "extractor", "label", "field", "model"].contains(&column)
                || column == "kind" && table != "mention";
            let value = match column {
                _ if of_words => word,
                "properties" => r#"'{"other":1}'"#,
                "revision" | "name" | "text" | "kind" | "symbol" | "package" => texts,
                "text_hash" => "randomblob(16)",
                "vector" => "x'0000803f'",
                "last" => "2",
                "position_encoding" => "2",
                _ => "77",
            };
            let store = sandbox.store("b.db");
            let before = store.ask(&format!("SELECT quote({column}) FROM {table} WHERE {row}"));
            let before = before[0].trim_matches('"').replace("\\\"", "\"");
            store.execute(&format!("UPDATE {table} SET {column} = {value} WHERE {row}"));
            let found = verify(&sandbox);
            assert_eq!(found.code(), 1, "{table}.{column} = {value}: {}", found.all());
            store.execute(&format!("UPDATE {table} SET {column} = {before} WHERE {row}"));
        }
    }
    verify(&sandbox).exits(0);
}
