//! The definitions and references of the samples, which the queries find in whole trees and from
//! their roots alike.

use tree_sitter::{Node, Parser, Query, QueryCursor, StreamingIterator, Tree};

use super::{Language, compiled};

macro_rules! sample {
    ($path:literal) => {
        include_str!(concat!(env!("CARGO_MANIFEST_DIR"), "/../fixtures/languages/", $path))
    };
}

/// A capture of a name: where it starts, what it is called, and its role and kind.
#[derive(Clone, Debug, Eq, Ord, PartialEq, PartialOrd)]
struct Tag {
    start: usize,
    end: usize,
    line: usize,
    role: String,
}

fn parsed(language: &Language, source: &str) -> Tree {
    let mut parser = Parser::new();
    parser.set_language(&language.grammar()).unwrap();
    parser.parse(source, None).unwrap()
}

fn tags_at(cursor: &mut QueryCursor, query: &Query, node: Node, source: &str) -> Vec<Tag> {
    let mut tags = Vec::new();
    let mut matches = cursor.matches(query, node, source.as_bytes());
    while let Some(found) = matches.next() {
        let role_of = |index: u32| query.capture_names()[index as usize];
        let (mut name, mut role) = (None, None);
        for capture in found.captures() {
            match role_of(capture.index) {
                "name" => assert!(name.replace(capture.node).is_none()),
                _ => assert!(role.replace(capture).is_none()),
            }
        }
        let (name, role) = (name.unwrap(), role.unwrap());
        assert!(role.node.byte_range().contains(&name.start_byte()));
        tags.push(Tag {
            start: name.start_byte(),
            end: name.end_byte(),
            line: name.start_position().row + 1,
            role: role_of(role.index).to_owned(),
        });
    }
    tags
}

fn whole(language: &Language, source: &str) -> Vec<Tag> {
    let tree = parsed(language, source);
    tags_at(&mut QueryCursor::new(), &compiled(language), tree.root_node(), source)
}

fn from_roots(language: &Language, source: &str) -> Vec<Tag> {
    let (tree, query) = (parsed(language, source), compiled(language));
    let roots = language.tag_roots(&query);
    let mut cursor = QueryCursor::new();
    cursor.set_max_start_depth(Some(0));
    let (mut tags, mut walk) = (Vec::new(), tree.walk());
    for index in 0..tree.root_node().descendant_count() {
        walk.goto_descendant(index);
        if roots.contains(&walk.node().kind_id()) {
            tags.extend(tags_at(&mut cursor, &query, walk.node(), source));
        }
    }
    tags
}

/// One line for each line of the source that has tags: `12: definition.method add, ...`.
fn listing(mut tags: Vec<Tag>, source: &str) -> String {
    tags.sort();
    let mut lines = String::new();
    let mut last = 0;
    for tag in tags {
        let separator = if tag.line == last { ", " } else { "\n" };
        if tag.line == last {
            lines.push_str(separator);
        } else {
            lines.push_str(&format!("{separator}{}: ", tag.line));
        }
        lines.push_str(&format!("{} {}", tag.role, &source[tag.start..tag.end]));
        last = tag.line;
    }
    lines
}

#[test]
fn p() {
    for (l, s) in [
        ("c", sample!("c/sample.c")),
        ("cpp", sample!("cpp/sample.cpp")),
        ("csharp", sample!("csharp/sample.cs")),
        ("go", sample!("go/sample.go")),
        ("java", sample!("java/sample.java")),
        ("javascript", sample!("javascript/sample.js")),
        ("php", sample!("php/sample.php")),
        ("python", sample!("python/sample.py")),
        ("ruby", sample!("ruby/sample.rb")),
        ("rust", sample!("rust/sample.rs")),
        ("tsx", sample!("tsx/sample.tsx")),
        ("typescript", sample!("typescript/sample.ts")),
    ] {
        let language = Language::by_name(l).unwrap();
        println!("== {l}{}", listing(whole(language, s), s));
        assert_eq!(listing(whole(language, s), s), listing(from_roots(language, s), s));
    }
}
