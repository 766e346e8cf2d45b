//! What a tree of named nodes would lose: an operator, `async`, the dots of a relative import.
//!
//! Tokens have no nodes of their own where only named nodes are kept, so that `a == b` and `a != b`
//! would be the same rows. Those that tell something become the text of the node that they are in.

use tree_sitter::{Language, Node};

/// Longest text that is made of tokens, and most children that are looked at for it.
const TEXT_MAX: usize = 64;
const CHILDREN_MAX: u32 = 32;

/// Parts of the names of kinds whose tokens all tell something …
const OPERATORS: [&str; 13] = [
    "binary",
    "unary",
    "operator",
    "comparison",
    "boolean",
    "logical",
    "assignment",
    "update",
    "prefix",
    "postfix",
    "pointer_expression",
    "range",
    "modifier",
];

/// … and of those that begin with words, some of which do.
const BEGINNINGS: [&str; 12] = [
    "function",
    "method",
    "lambda",
    "arrow",
    "for_",
    "foreach",
    "with_statement",
    "in_clause",
    "class",
    "import",
    "export",
    "declaration",
];

const WORDS: [&str; 21] = [
    "*", "abstract", "async", "await", "const", "declare", "default", "extern", "get", "global",
    "let", "move", "new", "override", "readonly", "set", "static", "type", "typeof", "unsafe",
    "var",
];

/// Which tokens of a kind of node tell something.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Telling {
    /// None, as long as it has named children.
    None,
    /// All but brackets.
    All,
    /// Words before its first named child.
    Words,
}

/// What tells something, by kind.
#[derive(Debug, Default)]
pub(super) struct Tokens(Vec<Telling>);

impl Tokens {
    pub(super) fn of(grammar: &Language) -> Self {
        let telling = |kind: &str| match kind {
            kind if OPERATORS.iter().any(|part| kind.contains(part)) => Telling::All,
            kind if BEGINNINGS.iter().any(|part| kind.contains(part)) => Telling::Words,
            _ => Telling::None,
        };
        let kinds = 0..grammar.node_kind_count() as u16;
        Self(kinds.map(|id| telling(grammar.node_kind_for_id(id).unwrap_or_default())).collect())
    }

    /// Adds what the tokens of a node tell.
    #[inline]
    pub(super) fn tell(&self, node: &Node<'_>, kind_id: u16, source: &[u8], text: &mut String) {
        text.clear();
        if node.named_child_count() == 0 {
            return whole(node, source, text);
        }
        match self.0.get(usize::from(kind_id)) {
            Some(Telling::All) => tokens(node, text, |token| !is_bracket(token), false),
            Some(Telling::Words) => {
                tokens(node, text, |token| WORDS.binary_search(&token).is_ok(), true)
            }
            Some(Telling::None) | None => {}
        }
    }
}

/// The text of a node that has tokens alone, and not only brackets.
fn whole(node: &Node<'_>, source: &[u8], text: &mut String) {
    let bytes = source.get(node.byte_range()).unwrap_or_default();
    let Ok(whole) = std::str::from_utf8(bytes) else { return };
    let tells = whole.split_ascii_whitespace().any(|word| !is_bracket(word));
    if whole.len() <= TEXT_MAX && tells && !whole.contains('\0') {
        text.push_str(whole);
    }
}

fn tokens(node: &Node<'_>, text: &mut String, tells: impl Fn(&str) -> bool, beginning: bool) {
    for child in (0..CHILDREN_MAX).map_while(|at| node.child(at)) {
        if child.is_named() {
            if beginning && !child.is_extra() {
                return;
            }
            continue;
        }
        let token = child.kind();
        if !tells(token) || child.is_missing() || text.len() + token.len() >= TEXT_MAX {
            continue;
        }
        if !text.is_empty() {
            text.push(' ');
        }
        text.push_str(token);
    }
}

/// Whether a token only holds others together.
fn is_bracket(token: &str) -> bool {
    token.bytes().all(|byte| b"()[]{};,".contains(&byte))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_can_be_searched() {
        assert!(WORDS.is_sorted());
    }
}
