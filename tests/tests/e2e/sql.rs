//! What a user sees who opens a store with any SQLite client.

use astload_tests::{Sandbox, Stored, store::VIEWS};

fn store() -> (Sandbox, Stored) {
    let sandbox = Sandbox::with_python();
    sandbox.load("a.db", &[]);
    let store = sandbox.store("a.db");
    (sandbox, store)
}

#[test]
fn kinds_are_words() {
    let (_sandbox, store) = store();
    let kinds = store.ask("SELECT kind, count(*) FROM nodes GROUP BY 1 ORDER BY 1");
    assert!(kinds.contains(&"\"function_definition\"|2".to_owned()), "{kinds:?}");
    assert!(kinds.contains(&"\"module\"|3".to_owned()), "{kinds:?}");
}

#[test]
fn the_views_have_the_columns_of_the_model() {
    let (_sandbox, store) = store();
    let table = [
        (
            "units",
            "unit_id repo path layer revision language content_hash extractor generation \
                   size_bytes line_count position_encoding flags properties nodes edges vectors",
        ),
        (
            "nodes",
            "unit_id path ord parent last label kind field name text start_byte end_byte \
                   start_line start_col end_line end_col flags properties",
        ),
        (
            "edges",
            "unit_id path src kind dst_node symbol_id symbol ord start_byte end_byte \
                   start_line start_col flags properties",
        ),
        ("symbols", "symbol_id symbol kind name package"),
        ("mentions", "unit_id path symbol_id symbol kind name package"),
        ("vectors", "unit_id path node model text_hash vector"),
    ];
    for (view, columns) in table {
        assert_eq!(store.columns(view).join(" "), columns, "{view}");
    }
}

#[test]
fn no_view_shows_a_local_number() {
    let (_sandbox, store) = store();
    for view in VIEWS {
        let local = |column: &String| ["number", "unit", "id", "dst_symbol"].contains(&&**column);
        assert!(!store.columns(view).iter().any(local), "{view}: {:?}", store.columns(view));
    }
    let words = "SELECT DISTINCT typeof(repo), typeof(layer), typeof(language), typeof(extractor) FROM units";
    assert_eq!(store.ask(words), ["\"text\"|\"text\"|\"text\"|\"text\""]);
    let words = "SELECT DISTINCT typeof(label), typeof(kind) FROM nodes";
    assert_eq!(store.ask(words), ["\"text\"|\"text\""]);
}

#[test]
fn units_meet_at_symbols() {
    let (_sandbox, store) = store();
    let question = "SELECT used.path, defined.path FROM edges AS used
         JOIN edges AS defined USING (symbol_id)
         WHERE used.kind = 'CALL' AND defined.kind = 'DEFINES' ORDER BY 1, 2";
    assert_eq!(store.ask(question), ["\"a.py\"|\"b.py\"", "\"pkg/c.py\"|\"a.py\""]);
}

#[test]
fn a_subtree_is_a_range() {
    let (_sandbox, store) = store();
    let question = "SELECT count(*) FROM nodes AS top JOIN nodes AS below
         ON below.unit_id = top.unit_id AND below.ord BETWEEN top.ord AND top.last
         WHERE top.kind = 'function_definition' AND top.path = 'b.py'";
    assert_eq!(store.number(question), 7);
}

#[test]
fn the_content_hash_is_that_of_the_file() {
    let (sandbox, store) = store();
    sandbox.write("copy.py", std::fs::read(sandbox.file("a.py")).expect("read"));
    sandbox.load("a.db", &[]);
    let question = "SELECT count(*), count(DISTINCT content_hash), max(length(content_hash))
         FROM units WHERE path IN ('a.py', 'copy.py')";
    assert_eq!(store.ask(question), ["2|1|64"]);
}

#[test]
fn the_tables_are_strict_and_the_file_says_whose_it_is() {
    let (_sandbox, store) = store();
    let loose = "SELECT count(*) FROM pragma_table_list
         WHERE type = 'table' AND NOT strict AND name NOT LIKE 'sqlite_%'";
    assert_eq!(store.number(loose), 0);
    assert_eq!(store.number("PRAGMA application_id"), 0x6173_746c);
    assert_eq!(store.ask("PRAGMA journal_mode"), ["\"wal\""]);
}

/// Each would read a whole table if a view hid the key that it needs.
#[test]
fn a_view_looks_up_what_is_asked_for_by_its_key() {
    let (_sandbox, store) = store();
    for question in [
        "SELECT kind FROM nodes WHERE path = 'a.py' ORDER BY ord",
        "SELECT path FROM nodes WHERE name = 'top'",
        "SELECT path FROM edges WHERE symbol = 'name python top'",
        "SELECT count(*) FROM edges WHERE path = 'a.py'",
        "SELECT nodes.name FROM edges
         JOIN nodes ON nodes.unit_id = edges.unit_id AND nodes.ord = edges.src
         WHERE edges.path = 'a.py'",
        "SELECT parent.kind FROM nodes
         JOIN nodes AS parent ON parent.unit_id = nodes.unit_id AND parent.ord = nodes.parent
         WHERE nodes.path = 'a.py'",
        "SELECT below.kind FROM nodes AS above JOIN nodes AS below
         ON below.unit_id = above.unit_id AND below.ord BETWEEN above.ord AND above.last
         WHERE above.path = 'a.py' AND above.name = 'top'",
    ] {
        let plan = store.ask(&format!("EXPLAIN QUERY PLAN {question}"));
        let scans = |step: &String| step.contains("SCAN node") || step.contains("SCAN edge");
        assert!(!plan.iter().any(scans), "{question}: {plan:#?}");
    }
}
