//! The constraints and indexes, which are there before the first node is.

use super::names::Names;

/// The version of the schema that this build reads and writes.
pub(super) const VERSION: i64 = 3;

/// A constraint or an index.
pub(super) struct Rule {
    /// Its name, without prefix.
    pub(super) name: &'static str,
    is_constraint: bool,
    on: &'static str,
}

/// Where writers meet, and what they look for: units and symbols by their ids. Nodes of a tree have no
/// index: they are reached from their unit, and an index would cost each of them.
pub(super) const RULES: [Rule; 6] = [
    Rule {
        name: "astload_store",
        is_constraint: true,
        on: "FOR (store:{AstloadStore}) REQUIRE store.prefix IS UNIQUE",
    },
    Rule {
        name: "astload_unit",
        is_constraint: true,
        on: "FOR (unit:{Unit}) REQUIRE unit.unit_id IS UNIQUE",
    },
    Rule {
        name: "astload_symbol",
        is_constraint: true,
        on: "FOR (symbol:{SharedSymbol}) REQUIRE symbol.symbol_id IS UNIQUE",
    },
    Rule {
        name: "astload_repo",
        is_constraint: true,
        on: "FOR (repo:{Repo}) REQUIRE (repo.repo, repo.layer) IS UNIQUE",
    },
    Rule {
        name: "astload_unit_path",
        is_constraint: false,
        on: "FOR (unit:{Unit}) ON (unit.path)",
    },
    Rule {
        name: "astload_symbol_name",
        is_constraint: false,
        on: "FOR (symbol:{SharedSymbol}) ON (symbol.name)",
    },
];

impl Rule {
    /// As the server knows it.
    pub(super) fn full_name(&self, names: &Names) -> String {
        format!("{}{}", names.prefix(), self.name)
    }

    pub(super) fn create(&self, names: &Names) -> String {
        let kind = self.kind();
        let (name, on) = (self.full_name(names), names.cypher(self.on));
        format!("CREATE {kind} {name} IF NOT EXISTS {on}")
    }

    pub(super) fn drop(&self, names: &Names) -> String {
        format!("DROP {} {} IF EXISTS", self.kind(), self.full_name(names))
    }

    fn kind(&self) -> &'static str {
        if self.is_constraint { "CONSTRAINT" } else { "INDEX" }
    }
}

/// What says that there is a store.
pub(super) fn store(names: &Names) -> String {
    names.cypher(&format!(
        "MERGE (store:{{AstloadStore}} {{prefix: '{{prefix}}'}})
         ON CREATE SET store.version = {VERSION}
         RETURN [store.version] AS row"
    ))
}
