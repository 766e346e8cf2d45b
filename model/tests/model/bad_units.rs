//! Lines that are well formed, of units that break a rule.

use crate::bad_ndjson::{check, edge, nodes, properties, unit};

#[test]
fn nodes_that_do_not_nest_are_refused_by_position() {
    let deep = |depth: usize| {
        let open = r#"{"kind":"k","children":["#.repeat(depth - 1);
        nodes(&format!(r#"{open}{{"kind":"k"}}{}"#, "]}".repeat(depth - 1)))
    };
    check(&[
        (
            "children twice",
            nodes(r#"{"kind":"m","children":[{"kind":"f"}],"children":[{"kind":"g"}]}"#),
            "line 2: nodes[0]: children: is given twice, at column 82",
        ),
        (
            "children that are no list",
            nodes(r#"{"kind":"m","children":{}}"#),
            "line 2: nodes[0]: children: expected array but found object, at column 56",
        ),
        (
            "a child that is no object",
            nodes(r#"{"kind":"m","children":[1]}"#),
            "line 2: nodes[0]: children: a child is no object, at column 57",
        ),
        (
            "a later child that is no object",
            nodes(r#"{"kind":"m","children":[{"kind":"f"},"g"]}"#),
            "line 2: nodes[0]: children: a child is no object, at column 70",
        ),
        (
            "a child with an ord",
            nodes(r#"{"kind":"m","children":[{"kind":"f","ord":1}]}"#),
            "line 2: nodes[1]: ord: is computed where nodes are nested, at column 75",
        ),
        (
            "a second root",
            nodes(r#"{"kind":"m","children":[]},{"kind":"n"}"#),
            "line 2: nodes[1]: is a second root; nodes are nested below one, at column 60",
        ),
        (
            "children of a flat node",
            nodes(r#"{"kind":"m"},{"kind":"f","parent":0,"children":[]}"#),
            "line 2: nodes[1]: children: nodes are nested below one root, which is the only node of the list, at column 80",
        ),
        (
            "a root of another ord",
            nodes(r#"{"ord":3,"kind":"m","children":[{"kind":"f"}]}"#),
            "line 2: unit r:p: nodes[0]: ord, parent: the first node is the root, with ord 0 and no parent",
        ),
        (
            "an unclosed child",
            nodes(r#"{"kind":"m","children":[{"kind":"f"]}"#),
            "line 2: nodes[1]: expected `,` or `}`, at column 68",
        ),
        (
            "10,001 levels",
            deep(10_001),
            "line 2: nodes[10000]: lies deeper than 10000 nodes, at column 240033",
        ),
        (
            "100,000 levels",
            deep(100_000),
            "line 2: nodes[10000]: lies deeper than 10000 nodes, at column 240033",
        ),
    ]);
}

#[test]
fn units_that_break_a_rule_are_refused_by_place() {
    check(&[
        (
            "escaped U+0000 in a text",
            nodes(r#"{"kind":"m","text":"a\u0000"}"#),
            "line 2: unit r:p: nodes[0]: text: holds U+0000, which stores do not take; send U+FFFD",
        ),
        (
            "escaped U+0000 in a repo",
            br#"{"repo":"r\u0000","path":"p","op":1}"#.into(),
            "line 2: unit r\0:p: repo: holds U+0000, which stores do not take; send U+FFFD",
        ),
        (
            "no nodes",
            br#"{"repo":"r","path":"p"}"#.into(),
            "line 2: unit r:p: nodes: there is none, not even a root",
        ),
        ("an empty object", b"{}".into(), "line 2: repo: is missing"),
        (
            "an unknown label",
            nodes(r#"{"kind":"m"},{"parent":0,"kind":"f","label":"Function"}"#),
            "line 2: unit r:p: nodes[1]: label: `Function` is none of File, Symbol, Local, Ast, Token, Comment, Chunk, Type, Cfg, Diagnostic, Tag, Meta",
        ),
        (
            "an edge kind in lower case",
            edge(r#"{"src":0,"kind":"calls","dst_node":0}"#),
            "line 2: unit r:p: edges[0]: kind: `calls` is not in UPPER_SNAKE",
        ),
        (
            "an edge to nowhere",
            edge(r#"{"src":0,"kind":"CALL","dst_node":7}"#),
            "line 2: unit r:p: edges[0]: dst_node: 7 is no node of the unit",
        ),
        (
            "a delete with nodes",
            unit(r#""op":"delete","nodes":[{"kind":"m"}]"#),
            "line 2: unit r:p: op: a delete has neither nodes nor symbols, edges or vectors",
        ),
        (
            "properties that are a list",
            properties("[]"),
            "line 2: nodes[0]: properties: is no object, at column 58",
        ),
        (
            "properties that are a text",
            properties(r#""{}""#),
            "line 2: nodes[0]: properties: is no object, at column 58",
        ),
        (
            "properties with NaN",
            properties(r#"{"a":NaN}"#),
            "line 2: nodes[0]: properties: there is no JSON value, at column 63",
        ),
        (
            "properties with escaped U+0000",
            properties(r#"{"a":"\u0000"}"#),
            "line 2: unit r:p: nodes[0]: properties: a string holds U+0000 at line 1 column 13",
        ),
        (
            "properties with a lone surrogate",
            properties(r#"{"a":"\udc00"}"#),
            "line 2: nodes[0]: properties: an escape is half a surrogate pair, or cut off, at column 63",
        ),
        (
            "properties with a name twice",
            properties(r#"{"a":1,"a":2}"#),
            "line 2: unit r:p: nodes[0]: properties: `a` is there twice at line 1 column 13",
        ),
        (
            "65 levels of properties",
            properties(&format!("{{\"a\":{}{}}}", "[".repeat(64), "]".repeat(64))),
            "line 2: unit r:p: nodes[0]: properties: nests deeper than 64 levels at line 1 column 70",
        ),
        (
            "100,000 levels of properties",
            properties(&format!("{{\"a\":{}{}}}", "[".repeat(100_000), "]".repeat(100_000))),
            "line 2: nodes[0]: properties: nests deeper than 64 levels, at column 263",
        ),
        (
            "properties with a large number",
            properties(r#"{"a":1e999}"#),
            "line 2: unit r:p: nodes[0]: properties: number out of range at line 1 column 10",
        ),
    ]);
}
