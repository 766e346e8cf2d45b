//! Holds units against the rules of the model, once, where they enter.

mod edges;
mod nodes;
mod properties;
mod words;

use std::collections::HashSet;
use std::fmt;

use crate::batch::Batch;
use crate::limits;
use crate::schema::{OPS, Op, POSITION_ENCODINGS, UNIT_FLAGS};
use crate::unit::Unit;
use properties::properties;
use words::WordRules;

/// What a unit is called.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct UnitName {
    /// The repository.
    pub repo: String,
    /// The path in it.
    pub path: String,
    /// The layer.
    pub layer: String,
}

impl fmt::Display for UnitName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let line = |text: &str| shorten(text).replace('\n', "\\n");
        write!(f, "{}:{}", line(&self.repo), line(&self.path))?;
        if self.layer != "ast" {
            write!(f, " ({})", shorten(&self.layer))?;
        }
        Ok(())
    }
}

/// Where in a unit something is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Place {
    /// The list: nodes, symbols, edges or vectors.
    pub list: &'static str,
    /// The position in it, from 0.
    pub position: usize,
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}[{}]", self.list, self.position)
    }
}

/// A unit that breaks a rule.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refusal {
    /// The unit.
    pub unit: UnitName,
    /// Where in it; `None` for its own columns.
    pub place: Option<Place>,
    /// The column, and the rule that it breaks.
    pub rule: String,
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "unit {}: ", self.unit)?;
        if let Some(place) = self.place {
            write!(f, "{place}: ")?;
        }
        f.write_str(&self.rule)
    }
}

/// A rule that is broken, before it is known of which unit.
struct Broken {
    place: Option<Place>,
    rule: String,
}

type Checked = Result<(), Broken>;

fn broken(rule: impl Into<String>) -> Checked {
    Err(Broken { place: None, rule: rule.into() })
}

fn at(list: &'static str, position: usize, rule: impl Into<String>) -> Checked {
    Err(Broken { place: Some(Place { list, position }), rule: rule.into() })
}

impl Batch {
    /// The units that break a rule, each with its position in the batch, in order.
    pub(crate) fn refusals(&self) -> Vec<(usize, Refusal)> {
        let words = WordRules::new(self);
        let may_be_large = self.bytes() > limits::UNIT_BYTES_MAX;
        let mut seen = HashSet::with_capacity(self.len());
        let mut refusals = Vec::new();
        for (position, unit) in self.units().enumerate() {
            let checked = if seen.insert(unit.id()) {
                check(&unit, &words, may_be_large)
            } else {
                broken("is named twice in one batch")
            };
            if let Err(Broken { place, rule }) = checked {
                refusals.push((position, Refusal { unit: unit.name(), place, rule }));
            }
        }
        refusals
    }
}

fn check(unit: &Unit<'_>, words: &WordRules, may_be_large: bool) -> Checked {
    own_columns(unit)?;
    let (nodes, symbols) = (unit.nodes().len(), unit.symbols().len());
    if unit.op() == Op::Delete {
        return match nodes + symbols + unit.edges().len() + unit.vectors().len() {
            0 => Ok(()),
            _ => broken("op: a delete has neither nodes nor symbols, edges or vectors"),
        };
    }
    if nodes > limits::UNIT_NODES_MAX {
        return broken(format!("nodes: {nodes} are more than {}", limits::UNIT_NODES_MAX));
    }
    if may_be_large && unit.bytes() > limits::UNIT_BYTES_MAX {
        let (bytes, max) = (unit.bytes(), limits::UNIT_BYTES_MAX);
        return broken(format!("takes {bytes} bytes in memory, more than {max}"));
    }
    nodes::tree(unit)?;
    nodes::columns(unit, words)?;
    edges::symbols(unit, words)?;
    edges::edges(unit, words)?;
    edges::vectors(unit, words)
}

fn own_columns(unit: &Unit<'_>) -> Checked {
    let path = unit.path();
    name("repo", unit.repo(), limits::NAME_MAX).or_else(broken)?;
    name("path", path, limits::PATH_MAX).or_else(broken)?;
    name("layer", unit.layer(), limits::NAME_MAX).or_else(broken)?;
    name("extractor", unit.extractor(), limits::NAME_MAX).or_else(broken)?;
    if path.starts_with('/') {
        return broken(format!("path: `{}` is not relative", shorten(path)));
    }
    for (column, text) in [("language", unit.language()), ("revision", unit.revision())] {
        text.map_or(Ok(()), |text| name(column, text, limits::NAME_MAX)).or_else(broken)?;
    }
    let (op, encoding) = (unit.op_code(), unit.position_encoding());
    if usize::from(op) >= OPS.len() {
        return broken(format!("op: {op} is neither 0 (replace) nor 1 (delete)"));
    }
    if usize::from(encoding) >= POSITION_ENCODINGS.len() {
        let rule = "is none of 0 (utf-8), 1 (utf-16) and 2 (utf-32)";
        return broken(format!("position_encoding: {encoding} {rule}"));
    }
    if unit.generation().is_some_and(|generation| generation > limits::GENERATION_MAX) {
        return broken("generation: does not fit 63 bits");
    }
    if unit.size_bytes().is_some_and(|size| i64::try_from(size).is_err()) {
        return broken("size_bytes: does not fit 63 bits");
    }
    known_flags(unit.flags(), &UNIT_FLAGS).or_else(broken)?;
    unit.properties().map_or(Ok(()), properties).or_else(broken)
}

fn known_flags(flags: u16, names: &[&str]) -> Result<(), String> {
    match flags >> names.len() {
        0 => Ok(()),
        _ => Err(format!("flags: {flags} has bits past the {} that have names", names.len())),
    }
}

/// A text that identifies: not empty, besides the rules for every text.
fn name(column: &str, text: &str, max: usize) -> Result<(), String> {
    if text.is_empty() {
        return Err(format!("{column}: is empty"));
    }
    limited(column, text, max)
}

fn limited(column: &str, text: &str, max: usize) -> Result<(), String> {
    if text.len() > max {
        return Err(format!("{column}: is longer than {max} bytes"));
    }
    without_nul(column, text)
}

fn without_nul(column: &str, text: &str) -> Result<(), String> {
    if text.contains('\0') {
        return Err(format!("{column}: holds U+0000, which stores do not take; send U+FFFD"));
    }
    Ok(())
}

/// As much of a text as an error should show.
pub(crate) fn shorten(text: &str) -> String {
    const SHOWN: usize = 80;
    match text.char_indices().nth(SHOWN) {
        None => text.to_owned(),
        Some((end, _)) => format!("{}…", &text[..end]),
    }
}
