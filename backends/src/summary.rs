//! What a store answers to the few questions of the command line.

use serde::Serialize;

use crate::contract::RowCounts;

/// What is in a store.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct StoreSummary {
    /// Repositories, by name.
    pub repos: Vec<RepoUnits>,
    /// Languages, most nodes first.
    pub languages: Vec<Language>,
    /// Units.
    pub units: u64,
    /// Rows.
    pub rows: RowCounts,
    /// Bytes on disk.
    pub bytes: u64,
    /// The most frequent kinds of nodes.
    pub kinds: Vec<KindCount>,
    /// The most referenced symbols.
    pub symbols: Vec<SymbolCount>,
    /// How many units have syntax errors.
    pub units_with_errors: u64,
    /// Paths of some of them.
    pub errors: Vec<String>,
    /// When a load came to its end last, in microseconds since 1970.
    pub last_load: Option<u64>,
}

impl StoreSummary {
    /// Takes what a store has of each (repository, layer), by repository. Of several layers the one that
    /// was loaded last says when, and at which revision.
    pub(crate) fn take_repos(&mut self, layers: impl IntoIterator<Item = RepoUnits>) {
        for layer in layers {
            match self.repos.last_mut() {
                Some(repo) if repo.repo == layer.repo => repo.add(layer),
                _ => self.repos.push(layer),
            }
        }
    }
}

/// A repository and what it has.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct RepoUnits {
    /// The repository.
    pub repo: String,
    /// Where it was read.
    pub root: Option<String>,
    /// The revision that its last load read.
    pub revision: Option<String>,
    /// When that came to its end, in microseconds since 1970.
    pub loaded_at: Option<u64>,
    /// Its units.
    pub units: u64,
    /// Their nodes.
    pub nodes: u64,
}

impl RepoUnits {
    /// Adds another layer of the same repository.
    fn add(&mut self, other: Self) {
        self.units += other.units;
        self.nodes += other.nodes;
        self.root = self.root.take().max(other.root);
        if other.loaded_at > self.loaded_at {
            (self.loaded_at, self.revision) = (other.loaded_at, other.revision);
        }
    }
}

/// A language and what there is of it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Language {
    /// The language.
    pub language: String,
    /// Its units.
    pub units: u64,
    /// Their nodes.
    pub nodes: u64,
    /// Their lines.
    pub lines: u64,
}

/// A kind of nodes, and how many.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct KindCount {
    /// The kind.
    pub kind: String,
    /// How many.
    pub nodes: u64,
}

/// A symbol, and how often it is referred to.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct SymbolCount {
    /// Its name, else its key.
    pub symbol: String,
    /// Edges to it, but for definitions.
    pub references: u64,
}

/// An edge between a symbol and the place that defines or uses it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Reference {
    /// DEFINES, CALL, REF …
    pub kind: String,
    /// The symbol's key.
    pub symbol: String,
    /// The repository.
    pub repo: String,
    /// The file.
    pub path: String,
    /// The line, from 1.
    pub line: Option<u32>,
    /// The column, from 1.
    pub column: Option<u32>,
    /// Of a definition, the kind of what is defined, as its grammar calls it.
    pub defined: Option<String>,
    /// The definition around the place: the nearest node around what is defined, or at or around what
    /// uses it, that has a name and is no root.
    pub within: Option<Enclosing>,
}

/// A node that has a name, around a place.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Enclosing {
    /// Its kind, as its grammar calls it.
    pub kind: String,
    /// Its name.
    pub name: String,
}

impl Enclosing {
    /// A node, if it has a name.
    pub(crate) fn of(name: Option<String>, kind: Option<String>) -> Option<Self> {
        name.map(|name| Self { kind: kind.unwrap_or_default(), name })
    }
}
