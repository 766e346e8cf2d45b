//! Names in SQL: always quoted, always with their schema.

use xxhash_rust::xxh3::xxh3_64;

/// What is done by one alone, or not while others write.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Lock {
    /// Making tables. Stores of other prefixes make the same schema.
    Tables,
    /// Building indexes of nodes.
    NodeIndexes,
    /// Building the others.
    Indexes,
    /// Collecting garbage; those who write share it.
    Garbage,
}

/// The names of a store's tables, views and indexes.
#[derive(Debug, Clone)]
pub(super) struct Names {
    schema: String,
    prefix: String,
}

impl Names {
    pub(super) fn new(schema: &str, prefix: &str) -> Self {
        Self { schema: schema.to_owned(), prefix: prefix.to_owned() }
    }

    /// A name of ours, quoted and with its schema.
    pub(super) fn of(&self, name: &str) -> String {
        format!("{}.{}", self.schema(), self.bare(name))
    }

    /// The same without its schema: an index is named so when it is made.
    pub(super) fn bare(&self, name: &str) -> String {
        quoted(&format!("{}{name}", self.prefix))
    }

    /// The schema and the name as the catalog has them.
    pub(super) fn in_catalog(&self, name: &str) -> [String; 2] {
        [self.schema.clone(), format!("{}{name}", self.prefix)]
    }

    /// The schema, quoted.
    pub(super) fn schema(&self) -> String {
        quoted(&self.schema)
    }

    /// A statement in which `{name}` stands for a name of ours.
    pub(super) fn sql(&self, template: &str) -> String {
        let mut text = String::with_capacity(template.len() + 64);
        let mut rest = template;
        while let Some((before, after)) = rest.split_once('{') {
            let (name, after) = after.split_once('}').unwrap_or((after, ""));
            text += before;
            text += &self.of(name);
            rest = after;
        }
        text + rest
    }

    /// The number of an advisory lock: all who use the store agree on it.
    pub(super) fn lock(&self, lock: Lock) -> i64 {
        let (purpose, prefix) = match lock {
            Lock::Tables => ("tables", ""),
            Lock::NodeIndexes => ("node indexes", self.prefix.as_str()),
            Lock::Indexes => ("indexes", self.prefix.as_str()),
            Lock::Garbage => ("gc", self.prefix.as_str()),
        };
        xxh3_64(format!("astload\0{purpose}\0{}\0{prefix}", self.schema).as_bytes()) as i64
    }
}

/// An identifier, whatever it is called.
pub(super) fn quoted(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\"\""))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_quoted_whatever_it_is() {
        let names = Names::new("a\"; DROP SCHEMA b; --", "p'");
        assert_eq!(names.of("node"), "\"a\"\"; DROP SCHEMA b; --\".\"p'node\"");
        let names = Names::new("s", "");
        assert_eq!(
            names.sql("SELECT 1 FROM {a} JOIN {b} b"),
            "SELECT 1 FROM \"s\".\"a\" JOIN \"s\".\"b\" b"
        );
    }

    #[test]
    fn stores_have_locks_of_their_own() {
        let number = |schema: &str, prefix: &str, lock| Names::new(schema, prefix).lock(lock);
        assert_ne!(number("a", "b", Lock::Garbage), number("ab", "", Lock::Garbage));
        assert_ne!(number("a", "b", Lock::Indexes), number("a", "c", Lock::Indexes));
        assert_ne!(number("a", "", Lock::Garbage), number("a", "", Lock::Indexes));
        assert_eq!(number("a", "b", Lock::Tables), number("a", "c", Lock::Tables));
    }
}
