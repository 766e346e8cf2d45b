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
        ("kinds", "kind nodes"),
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
        looks_up(&store, question);
    }
}

/// Requires that a question reads neither all nodes nor all edges, and works out no view whole.
#[track_caller]
fn looks_up(store: &Stored, question: &str) {
    let plan = store.ask(&format!("EXPLAIN QUERY PLAN {question}"));
    let whole = ["SCAN node", "SCAN edge", "SCAN mention", "MATERIALIZE"];
    let is_whole = |step: &String| whole.iter().any(|whole| step.contains(whole));
    assert!(!plan.iter().any(is_whole), "{question}: {plan:#?}");
}

#[test]
fn a_symbol_is_looked_up_by_its_name() {
    let (_sandbox, store) = store();
    let plan = store.ask("EXPLAIN QUERY PLAN SELECT symbol FROM symbols WHERE name = 'top'");
    assert!(plan.iter().all(|step| step.contains("USING INDEX symbol_shown")), "{plan:#?}");
}

/// SQLite works out whole what stands there, if it is a view that joins.
#[test]
fn a_view_over_one_table_is_looked_up_to_the_right_of_a_left_join() {
    let (_sandbox, store) = store();
    for question in [
        "SELECT nodes.kind, units.repo, units.language FROM nodes
         LEFT JOIN units ON units.unit_id = nodes.unit_id WHERE nodes.path = 'a.py'",
        "SELECT edges.kind, symbols.name FROM edges
         LEFT JOIN symbols ON symbols.symbol_id = edges.symbol_id WHERE edges.path = 'a.py'",
        "SELECT edges.kind, units.extractor FROM edges
         LEFT JOIN units USING (unit_id) WHERE edges.symbol = 'name python top'",
    ] {
        looks_up(&store, question);
    }
}

/// What docs/stores/sqlite.md says instead of a `LEFT JOIN` of the other views.
#[test]
fn a_view_is_looked_up_by_a_subquery_for_each_row() {
    let (_sandbox, store) = store();
    for question in [
        "SELECT nodes.kind, (SELECT parent.kind FROM nodes AS parent
         WHERE parent.unit_id = nodes.unit_id AND parent.ord = nodes.parent)
         FROM nodes WHERE nodes.path = 'a.py'",
        "SELECT nodes.name FROM nodes WHERE nodes.path = 'a.py' AND NOT EXISTS
         (SELECT 1 FROM edges WHERE edges.unit_id = nodes.unit_id AND edges.path = nodes.path
          AND edges.src = nodes.ord)",
        "SELECT symbol, (SELECT count(*) FROM edges WHERE edges.symbol_id = symbols.symbol_id)
         FROM symbols WHERE name = 'top'",
        "SELECT symbol, (SELECT mentions.name FROM mentions
         WHERE mentions.symbol_id = symbols.symbol_id) FROM symbols WHERE name = 'top'",
        "SELECT kind, (SELECT count(*) FROM vectors
         WHERE vectors.unit_id = nodes.unit_id AND vectors.node = nodes.ord)
         FROM nodes WHERE path = 'a.py'",
    ] {
        looks_up(&store, question);
    }
}

#[test]
fn the_counts_of_kinds_are_those_of_the_nodes() {
    let (sandbox, store) = store();
    let agree = || {
        let counted = store.ask("SELECT kind, count(*) FROM nodes GROUP BY 1 ORDER BY 1");
        assert_eq!(store.ask("SELECT kind, nodes FROM kinds ORDER BY 1"), counted);
    };
    agree();
    sandbox.write("a.py", "class Other:\n    pass\n");
    std::fs::remove_file(sandbox.file("b.py")).expect("removed");
    sandbox.load("a.db", &[]);
    agree();
    sandbox.run(&["rm", "repo", "pkg", "--from", "sqlite:a.db"]).exits(0);
    agree();
}
