//! What a backend wants of the units: the only implementation of `select:`.

use globset::{Glob, GlobSet, GlobSetBuilder};
use serde::{Deserialize, Serialize};

use crate::batch::Batch;
use crate::builder::BatchBuilder;
use crate::column::{BatchFull, Words};
use crate::schema::{
    EdgeRow, LABELS, LANGUAGES, NODE_FLAGS, NodeRow, Nodes, Op, SymbolRow, VectorRow, flags,
};
use crate::unit::Unit;

/// A selection as a user writes it. What is absent selects everything; what is given must all hold.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SelectionRules {
    /// Labels of nodes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub labels: Option<Vec<String>>,
    /// Native kinds of nodes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub kinds: Option<Vec<String>>,
    /// Flags of nodes, of which one must be set.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub flags: Option<Vec<String>>,
    /// Nodes that have a name alone.
    #[serde(default, skip_serializing_if = "is_false")]
    pub with_name: bool,
    /// Languages of units, of those that astload parses.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub languages: Option<Vec<String>>,
    /// Languages of units, whatever they are called: those of units from elsewhere.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub other_languages: Option<Vec<String>>,
    /// Repositories of units, as globs.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub repos: Option<Vec<String>>,
    /// Paths of units, as globs.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub paths: Option<Vec<String>>,
}

/// A rule that cannot be.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SelectionError {
    /// A label that no node can have.
    #[error("label `{0}` is none of {known}", known = LABELS.join(" "))]
    Label(String),
    /// A flag that no node can have.
    #[error("flag `{0}` is none of {known}", known = NODE_FLAGS.join(" "))]
    Flag(String),
    /// A language that astload does not parse.
    #[error(
        "language `{0}` is none of {known}; that of units from elsewhere is one of `other_languages`",
        known = LANGUAGES.join(" ")
    )]
    Language(String),
    /// A pattern that does not parse.
    #[error("{0}")]
    Glob(String),
}

/// A selection, ready to be applied.
#[derive(Debug, Clone, Default)]
pub struct Selection {
    rules: SelectionRules,
    flags: Option<u16>,
    repos: Option<GlobSet>,
    paths: Option<GlobSet>,
}

impl Selection {
    /// Prepares a selection.
    ///
    /// # Errors
    /// Where a label, a flag or a language does not exist, or a pattern does not parse.
    pub fn new(rules: SelectionRules) -> Result<Self, SelectionError> {
        let labels = rules.labels.iter().flatten();
        if let Some(label) = labels.into_iter().find(|label| !LABELS.contains(&label.as_str())) {
            return Err(SelectionError::Label(label.clone()));
        }
        let is_unknown = |language: &&String| !LANGUAGES.contains(&language.as_str());
        if let Some(language) = rules.languages.iter().flatten().find(is_unknown) {
            return Err(SelectionError::Language(language.clone()));
        }
        let bit = |bits, flag: &String| match flags(&NODE_FLAGS, &[flag]) {
            Some(flag) => Ok(bits | flag),
            None => Err(SelectionError::Flag(flag.clone())),
        };
        let flags = rules.flags.as_ref().map(|set| set.iter().try_fold(0, bit)).transpose()?;
        let repos = rules.repos.as_deref().map(globs).transpose()?;
        let paths = rules.paths.as_deref().map(globs).transpose()?;
        Ok(Self { rules, flags, repos, paths })
    }

    /// What it was made of.
    pub fn rules(&self) -> &SelectionRules {
        &self.rules
    }

    /// Whether it narrows nothing.
    pub fn is_everything(&self) -> bool {
        self.rules == SelectionRules::default()
    }

    /// Names the selection, so that a store can tell what it was given; `None` for everything.
    pub fn digest(&self) -> Option<u64> {
        if self.is_everything() {
            return None;
        }
        let mut rules = self.rules.clone();
        let SelectionRules {
            labels,
            kinds,
            flags,
            with_name: _,
            languages,
            other_languages,
            repos,
            paths,
        } = &mut rules;
        let languages = [languages, other_languages];
        for list in [labels, kinds, flags, repos, paths].into_iter().chain(languages).flatten() {
            list.sort_unstable();
            list.dedup();
        }
        let text = serde_json::to_vec(&rules).unwrap_or_default();
        let first = blake3::hash(&text).as_bytes().first_chunk().copied().unwrap_or_default();
        Some(u64::from_be_bytes(first) >> 1)
    }

    /// Whether a backend holds this unit at all. A delete always passes.
    pub fn holds(&self, unit: &Unit<'_>) -> bool {
        unit.op() == Op::Delete || self.selects(unit.repo(), unit.path(), unit.language())
    }

    /// Whether a backend holds a unit of which this is known.
    pub fn selects(&self, repo: &str, path: &str, language: Option<&str>) -> bool {
        let SelectionRules { languages, other_languages, .. } = &self.rules;
        let mut named = languages.iter().chain(other_languages).flatten();
        let is_any = languages.is_none() && other_languages.is_none();
        (is_any || language.is_some_and(|language| named.any(|known| known == language)))
            && self.selects_repo(repo)
            && self.paths.as_ref().is_none_or(|paths| paths.is_match(path))
    }

    /// Whether a backend holds units of this repository.
    pub fn selects_repo(&self, repo: &str) -> bool {
        self.repos.as_ref().is_none_or(|repos| repos.is_match(repo))
    }

    /// What is left of a batch: units that are held, and of their nodes the root and those that
    /// are selected.
    ///
    /// Edges and vectors that lose an own end go, so do symbols that no edge refers to any more;
    /// `parent` becomes the nearest kept ancestor; `ord` and `last` stay.
    ///
    /// # Errors
    /// [`BatchFull`] never for a batch that was valid.
    pub fn apply(&self, batch: &Batch) -> Result<Batch, BatchFull> {
        if self.is_everything() {
            return Ok(batch.clone());
        }
        let held: Vec<usize> = batch
            .units()
            .enumerate()
            .filter_map(|(position, unit)| self.holds(&unit).then_some(position))
            .collect();
        let SelectionRules { labels, kinds, flags, with_name, .. } = &self.rules;
        if labels.is_none() && kinds.is_none() && flags.is_none() && !with_name {
            return Ok(batch.take(&held));
        }
        let nodes = batch.nodes();
        let mut narrowing = Narrowing {
            labels: wanted(labels.as_deref(), &nodes.label),
            kinds: wanted(kinds.as_deref(), &nodes.kind),
            flags: self.flags,
            with_name: *with_name,
            builder: BatchBuilder::like(batch),
            batch,
        };
        for position in held {
            narrowing.unit(&batch.unit(position))?;
        }
        Ok(narrowing.builder.finish())
    }
}

fn is_false(value: &bool) -> bool {
    !value
}

fn globs(patterns: &[String]) -> Result<GlobSet, SelectionError> {
    let mut set = GlobSetBuilder::new();
    for pattern in patterns {
        set.add(Glob::new(pattern).map_err(|error| SelectionError::Glob(error.to_string()))?);
    }
    set.build().map_err(|error| SelectionError::Glob(error.to_string()))
}

/// Whether each word of a dictionary is wanted; `None` where all are.
fn wanted(list: Option<&[String]>, words: &Words<'_>) -> Option<Vec<bool>> {
    let list = list?;
    let wanted = |key: usize| list.iter().any(|word| word == words.word(key as u16));
    Some((0..words.len()).map(wanted).collect())
}

struct Narrowing<'a> {
    labels: Option<Vec<bool>>,
    kinds: Option<Vec<bool>>,
    flags: Option<u16>,
    with_name: bool,
    /// Its dictionaries are those of the batch, so keys are copied.
    builder: BatchBuilder,
    batch: &'a Batch,
}

impl Narrowing<'_> {
    fn keeps(&self, nodes: &Nodes<'_>, i: usize) -> bool {
        let word = |wanted: &Option<Vec<bool>>, key: u16| {
            wanted.as_ref().is_none_or(|wanted| wanted[key as usize])
        };
        nodes.ord[i] == 0
            || word(&self.labels, nodes.label.keys[i])
                && word(&self.kinds, nodes.kind.keys[i])
                && self.flags.is_none_or(|flags| nodes.flags[i] & flags != 0)
                && !(self.with_name && nodes.name.get(i).is_none())
    }

    fn unit(&mut self, unit: &Unit<'_>) -> Result<(), BatchFull> {
        let kept = self.nodes(unit);
        let has = |ord: u32| kept.binary_search(&ord).is_ok();
        self.edges(unit, has);
        self.vectors(unit, has);
        let tables = self.batch.tables();
        self.builder.finish_unit_of(tables, unit)
    }

    /// The kept nodes' ords.
    fn nodes(&mut self, unit: &Unit<'_>) -> Vec<u32> {
        let nodes = self.batch.nodes();
        let mut kept = Vec::new();
        let mut open: Vec<(u32, u32)> = Vec::new();
        for i in unit.nodes() {
            if !self.keeps(&nodes, i) {
                continue;
            }
            let (ord, last) = (nodes.ord[i], nodes.last[i]);
            while open.last().is_some_and(|&(_, end)| end < ord) {
                open.pop();
            }
            self.builder.nodes.push(NodeRow {
                ord,
                parent: open.last().map(|&(ord, _)| ord),
                last,
                label: nodes.label.keys[i],
                kind: nodes.kind.keys[i],
                field: nodes.field.key(i),
                name: nodes.name.get(i),
                text: nodes.text.get(i),
                start_byte: nodes.start_byte.get(i),
                end_byte: nodes.end_byte.get(i),
                start_line: nodes.start_line.get(i),
                start_col: nodes.start_col.get(i),
                end_line: nodes.end_line.get(i),
                end_col: nodes.end_col.get(i),
                flags: nodes.flags[i],
                properties: nodes.properties.get(i),
            });
            open.push((ord, last));
            kept.push(ord);
        }
        kept
    }

    fn edges(&mut self, unit: &Unit<'_>, has: impl Fn(u32) -> bool) {
        let (edges, symbols) = (self.batch.edges(), self.batch.symbols());
        let first = unit.symbols().start;
        let mut moved: Vec<Option<u32>> = vec![None; unit.symbols().len()];
        let mut mentioned = 0;
        for i in unit.edges() {
            if !has(edges.src[i]) || edges.dst_node.get(i).is_some_and(|node| !has(node)) {
                continue;
            }
            let dst_symbol = match edges.dst_symbol.get(i) {
                None => None,
                Some(position) => Some(match moved[position as usize] {
                    Some(moved) => moved,
                    None => {
                        let from = first + position as usize;
                        let row = SymbolRow {
                            symbol: symbols.symbol.at(from),
                            kind: symbols.kind.keys[from],
                            name: symbols.name.get(from),
                            package: symbols.package.get(from),
                        };
                        self.builder.symbols.push(row);
                        mentioned += 1;
                        *moved[position as usize].insert(mentioned - 1)
                    }
                }),
            };
            self.builder.edges.push(EdgeRow {
                src: edges.src[i],
                kind: edges.kind.keys[i],
                dst_node: edges.dst_node.get(i),
                dst_symbol,
                ord: edges.ord[i],
                start_byte: edges.start_byte.get(i),
                end_byte: edges.end_byte.get(i),
                start_line: edges.start_line.get(i),
                start_col: edges.start_col.get(i),
                flags: edges.flags[i],
                properties: edges.properties.get(i),
            });
        }
    }

    fn vectors(&mut self, unit: &Unit<'_>, has: impl Fn(u32) -> bool) {
        let vectors = self.batch.vectors();
        for i in unit.vectors().filter(|&i| has(vectors.node[i])) {
            self.builder.vectors.push(VectorRow {
                node: vectors.node[i],
                model: vectors.model.keys[i],
                text_hash: vectors.text_hash.get(i).unwrap_or(&[0; 16]),
                vector: vectors.vector.at(i),
            });
        }
    }
}
