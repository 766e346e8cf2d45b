//! The languages of source files: their grammars, how a file tells its language, and the tags
//! query that finds the definitions and references in its tree.
//!
//! Every language has a query of its own, though most grammars bring one. Those miss much (the
//! ones of C and C++ have no references at all, TypeScript's lacks all that it shares with
//! JavaScript), they name the same thing differently from grammar to grammar, and they gather doc
//! comments by predicates that cost time and that nobody here reads. The queries in `queries/`
//! keep to one form:
//!
//! * A match has two captures: `@name` on the name, and `@definition.<kind>` or
//!   `@reference.<kind>` on the node around it, which is the name itself where no other node is.
//! * `reference.call` is a call, the creation of an object, the use of a macro, a decorator or a
//!   component. All other references need the name without calling it: `class` and
//!   `implementation` where a type is derived, `type`, `import`, `method`.
//! * A name has one definition. It may be two references: a qualified base (`extends outer.Base`)
//!   or created class (`new outer.Inner()`) is also a `type`. The match with the outer node comes
//!   first and is the precise one.
//! * A node may define several names (`const one, two = 1, 2` in Go).
//! * Local variables, parameters, fields and prototypes are no definitions.
//! * The root of a pattern is one kind of node, never a wildcard and never an alternation, so that
//!   [`Language::tag_roots`] knows where a tag can begin.

mod conventions;
mod detection;
mod table;
#[cfg(test)]
mod tests;

use std::path::Path;

use tree_sitter::Query;

pub(crate) use conventions::{is_generated, is_test};

/// A language whose files can be parsed.
#[derive(Debug)]
pub struct Language {
    /// The lower-case name by which configurations and records know the language.
    pub name: &'static str,
    /// The grammar's crate and its minor version: what the shape of a tree depends on.
    pub grammar_version: &'static str,
    grammar: fn() -> tree_sitter::Language,
    extensions: &'static [&'static str],
    file_names: &'static [&'static str],
    interpreters: &'static [&'static str],
    queries: &'static [&'static str],
}

impl Language {
    /// All languages, sorted by name.
    pub fn all() -> &'static [Self] {
        &table::LANGUAGES
    }

    /// The language of this name.
    pub fn by_name(name: &str) -> Option<&'static Self> {
        let languages = Self::all();
        let index = languages.binary_search_by_key(&name, |language| language.name).ok()?;
        languages.get(index)
    }

    /// The language of a file by its name, or else by its extension. Nothing is read.
    pub fn by_path(path: &Path) -> Option<&'static Self> {
        detection::by_path(path)
    }

    /// The language of a script by its first bytes, which name its interpreter after `#!`.
    pub fn by_shebang(head: &[u8]) -> Option<&'static Self> {
        detection::by_shebang(head)
    }

    /// The grammar, to be given to a parser.
    pub fn grammar(&self) -> tree_sitter::Language {
        (self.grammar)()
    }

    /// The text of the query that finds definitions and references.
    ///
    /// Its matches need the source, for the patterns of JSX look at the first letter of a name.
    pub fn tags_query(&self) -> String {
        self.queries.join("\n")
    }

    /// The kinds of node at which a match of the compiled tags query can begin, in order.
    ///
    /// A cursor that runs over a whole tree takes half the time of parsing it, whatever the query
    /// says. Whoever walks the tree anyway gets the same matches for a fraction of that: with
    /// `set_max_start_depth(Some(0))`, the query runs on the nodes of these kinds alone, and
    /// descends no further than its patterns do.
    pub fn tag_roots(&self, tags: &Query) -> Vec<u16> {
        let (text, grammar) = (self.tags_query(), self.grammar());
        let mut roots: Vec<u16> = (0..tags.pattern_count())
            .filter_map(|pattern| root_kind(text.get(tags.start_byte_for_pattern(pattern)..)?))
            .map(|kind| grammar.id_for_node_kind(kind, true))
            .collect();
        roots.sort_unstable();
        roots.dedup();
        roots
    }
}

/// The kind of node with which the pattern at the start of `text` begins.
fn root_kind(text: &str) -> Option<&str> {
    let kind = text.strip_prefix('(')?;
    kind.split(|letter: char| !letter.is_ascii_alphanumeric() && letter != '_').next()
}
