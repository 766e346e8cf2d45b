//! What the queries find, in whole trees and from their roots alike.

use std::fmt::Write as _;

use tree_sitter::{Node, Parser, Query, QueryCursor, StreamingIterator, Tree};

use super::{Language, compiled};

/// A match: the place and the line of the name, and the role and kind in which it stands.
#[derive(Debug, Eq, Ord, PartialEq, PartialOrd)]
struct Tag {
    start: usize,
    end: usize,
    line: usize,
    role: String,
}

fn parsed(language: &Language, source: &str) -> Tree {
    let mut parser = Parser::new();
    parser.set_language(&language.grammar()).expect("a grammar of this version");
    parser.parse(source, None).expect("a parser with a language")
}

fn tags_at(cursor: &mut QueryCursor, query: &Query, node: Node, source: &str) -> Vec<Tag> {
    let mut tags = Vec::new();
    let mut matches = cursor.matches(query, node, source.as_bytes());
    while let Some(found) = matches.next() {
        let (mut name, mut role) = (None, None);
        for capture in found.captures() {
            match query.capture_names()[capture.index as usize] {
                "name" => assert!(name.replace(capture.node).is_none(), "two names"),
                kind => assert!(role.replace((kind, capture.node)).is_none(), "two roles"),
            }
        }
        let (name, (kind, around)) = name.zip(role).expect("a name and a role");
        assert!(around.start_byte() <= name.start_byte() && name.end_byte() <= around.end_byte());
        tags.push(Tag {
            start: name.start_byte(),
            end: name.end_byte(),
            line: name.start_position().row + 1,
            role: kind.replace("definition.", "def ").replace("reference.", "ref "),
        });
    }
    tags
}

/// The matches of a cursor that runs over the whole tree.
fn in_whole(query: &Query, tree: &Tree, source: &str) -> Vec<Tag> {
    tags_at(&mut QueryCursor::new(), query, tree.root_node(), source)
}

/// The matches of a cursor that runs on the roots of tags alone.
fn from_roots(language: &Language, query: &Query, tree: &Tree, source: &str) -> Vec<Tag> {
    let roots = language.tag_roots(query);
    let mut cursor = QueryCursor::new();
    cursor.set_max_start_depth(Some(0));
    let (mut tags, mut walk) = (Vec::new(), tree.walk());
    for index in 0..tree.root_node().descendant_count() {
        walk.goto_descendant(index);
        if roots.contains(&walk.node().kind_id()) {
            tags.extend(tags_at(&mut cursor, query, walk.node(), source));
        }
    }
    tags
}

/// `12: def method add, ref type Word` for each line that has tags.
fn listing(mut tags: Vec<Tag>, source: &str) -> String {
    tags.sort();
    let (mut text, mut last) = (String::new(), 0);
    for Tag { start, end, line, role } in tags {
        let separator = match last {
            0 => format!("{line}: "),
            _ if line == last => ", ".to_owned(),
            _ => format!("\n{line}: "),
        };
        write!(text, "{separator}{role} {}", &source[start..end]).expect("text");
        last = line;
    }
    text
}

/// A name has one definition, and no two references of one kind.
fn assert_once(tags: &[Tag]) {
    for (index, tag) in tags.iter().enumerate() {
        for other in tags[..index].iter().filter(|other| other.start == tag.start) {
            let both_references = tag.role.starts_with("ref") && other.role.starts_with("ref");
            assert!(both_references && tag.role == "ref type" && other.role != tag.role);
        }
    }
}

pub(super) fn assert_tags(language: &str, source: &str, expected: &str) {
    let language = Language::by_name(language).expect("a known language");
    let (tree, query) = (parsed(language, source), compiled(language));
    let mut whole = in_whole(query, &tree, source);
    assert_once(&whole);
    let mut roots = from_roots(language, query, &tree, source);
    whole.sort();
    roots.sort();
    assert_eq!(whole, roots, "{}", language.name);
    let found = listing(whole, source);
    let expected = expected.trim_ascii();
    assert!(found == expected, "{}\n{found}\n\ninstead of\n{expected}", language.name);
}
