//! Holds units against the rules of the model, once, where they enter.

use std::collections::HashSet;
use std::fmt;

use serde::de::IgnoredAny;

use crate::batch::{Batch, Unit};
use crate::column::{Numbers, Texts, Words};
use crate::limits;
use crate::schema::{
    EDGE_FLAGS, Edges, LABELS, NODE_FLAGS, Nodes, OPS, Op, POSITION_ENCODINGS, ROOT_LABEL,
    UNIT_FLAGS, UNNUMBERED,
};

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
        write!(f, "{}:{}", self.repo, self.path)?;
        if self.layer != "ast" {
            write!(f, " ({})", self.layer)?;
        }
        Ok(())
    }
}

impl Unit<'_> {
    /// What it is called.
    pub fn name(&self) -> UnitName {
        let (repo, path, layer) = (self.repo().into(), self.path().into(), self.layer().into());
        UnitName { repo, path, layer }
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
        if let Some(Place { list, position }) = self.place {
            write!(f, "{list}[{position}]: ")?;
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
        let mut seen = HashSet::with_capacity(self.len());
        let mut refusals = Vec::new();
        for (position, unit) in self.units().enumerate() {
            let checked = if seen.insert(unit.id()) {
                check(&unit, &words)
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

fn check(unit: &Unit<'_>, words: &WordRules) -> Checked {
    own_columns(unit)?;
    if unit.op() == Op::Delete {
        let empty = unit.nodes().is_empty() && unit.edges().is_empty();
        return if empty { Ok(()) } else { broken("a delete has neither nodes nor edges") };
    }
    if unit.nodes().len() > limits::UNIT_NODES_MAX {
        return broken(format!("has more than {} nodes", limits::UNIT_NODES_MAX));
    }
    if unit.bytes() > limits::UNIT_BYTES_MAX {
        return broken(format!("has more than {} bytes", limits::UNIT_BYTES_MAX));
    }
    tree(unit)?;
    node_columns(unit, words)?;
    symbols(unit, words)?;
    edges(unit, words)?;
    vectors(unit, words)
}

fn own_columns(unit: &Unit<'_>) -> Checked {
    let path = unit.path();
    name("repo", unit.repo(), limits::NAME_MAX).or_else(broken)?;
    name("layer", unit.layer(), limits::NAME_MAX).or_else(broken)?;
    name("extractor", unit.extractor(), limits::NAME_MAX).or_else(broken)?;
    name("path", path, limits::PATH_MAX).or_else(broken)?;
    if path.starts_with('/') {
        return broken(format!("path `{path}` is not relative"));
    }
    for (column, text) in [("language", unit.language()), ("revision", unit.revision())] {
        text.map_or(Ok(()), |text| name(column, text, limits::NAME_MAX)).or_else(broken)?;
    }
    let op = unit.op_code();
    if op as usize >= OPS.len() {
        return broken(format!("op {op} is neither 0 (replace) nor 1 (delete)"));
    }
    if unit.position_encoding() as usize >= POSITION_ENCODINGS.len() {
        return broken(format!("position_encoding {} is unknown", unit.position_encoding()));
    }
    if unit.generation().is_some_and(|generation| i64::try_from(generation).is_err()) {
        return broken("generation does not fit 63 bits");
    }
    if unit.size_bytes().is_some_and(|size| i64::try_from(size).is_err()) {
        return broken("size_bytes does not fit 63 bits");
    }
    known_flags(unit.flags(), &UNIT_FLAGS).or_else(broken)?;
    unit.properties().map_or(Ok(()), properties).or_else(broken)
}

/// `parent < ord ≤ last`, ascending, properly nested: one walk with the open ancestors on a stack.
fn tree(unit: &Unit<'_>) -> Checked {
    const LIST: &str = "nodes";
    let (range, nodes) = (unit.nodes(), unit.node_view());
    if range.is_empty() {
        return broken("has no nodes, not even a root");
    }
    let mut open: Vec<(u32, u32)> = Vec::new();
    let mut previous = None;
    for (position, i) in range.enumerate() {
        let (ord, last, parent) = (nodes.ord[i], nodes.last[i], nodes.parent.get(i));
        if position == 0 && (ord != 0 || parent.is_some()) {
            return at(LIST, 0, "the root has ord 0 and no parent");
        }
        if previous.is_some_and(|previous| ord <= previous) {
            return at(LIST, position, format!("ord {ord} does not ascend"));
        }
        if last < ord || last == UNNUMBERED {
            return at(LIST, position, format!("last {last} is before ord {ord} or missing"));
        }
        while open.last().is_some_and(|&(_, end)| end < ord) {
            open.pop();
        }
        let inner = open.last().copied();
        match (inner, parent) {
            (None, None) if position == 0 => {}
            (_, None) => return at(LIST, position, "only the root has no parent"),
            (_, Some(parent)) if parent >= ord => {
                return at(LIST, position, format!("parent {parent} is not before ord {ord}"));
            }
            (Some((innermost, end)), Some(parent)) if parent == innermost => {
                if last > end {
                    let rule = format!("last {last} is past the parent's, which is {end}");
                    return at(LIST, position, rule);
                }
            }
            (_, Some(parent)) => {
                let rule = format!("parent {parent} is not the innermost open node: not nested");
                return at(LIST, position, rule);
            }
        }
        if open.len() >= limits::TREE_DEPTH_MAX {
            let rule = format!("lies deeper than {} nodes", limits::TREE_DEPTH_MAX);
            return at(LIST, position, rule);
        }
        open.push((ord, last));
        previous = Some(ord);
    }
    Ok(())
}

fn node_columns(unit: &Unit<'_>, words: &WordRules) -> Checked {
    const LIST: &str = "nodes";
    let (range, nodes) = (unit.nodes(), unit.node_view());
    if nodes.label.at(range.start) != ROOT_LABEL {
        return at(LIST, 0, format!("the root is labelled {ROOT_LABEL}"));
    }
    let has_properties = nodes.properties.any(range.clone());
    for (position, i) in range.enumerate() {
        let here = |rule: String| at(LIST, position, rule);
        words.label.check(&nodes.label, i).or_else(here)?;
        words.node_kind.check(&nodes.kind, i).or_else(here)?;
        words.field.check(&nodes.field, i).or_else(here)?;
        nodes
            .name
            .get(i)
            .map_or(Ok(()), |text| name("name", text, limits::NAME_MAX))
            .or_else(here)?;
        text(&nodes.text, i).or_else(here)?;
        spans(&nodes, i).or_else(here)?;
        known_flags(nodes.flags[i], &NODE_FLAGS).or_else(here)?;
        if has_properties {
            nodes.properties.get(i).map_or(Ok(()), properties).or_else(here)?;
        }
    }
    Ok(())
}

fn spans(nodes: &Nodes<'_>, i: usize) -> Result<(), String> {
    ordered("byte", &nodes.start_byte, &nodes.end_byte, i)?;
    match (nodes.start_line.get(i), nodes.end_line.get(i)) {
        (None, None) => Ok(()),
        (Some(start), Some(end)) => {
            let start = (start, nodes.start_col.get(i).unwrap_or(0));
            let end = (end, nodes.end_col.get(i).unwrap_or(u32::MAX));
            if start <= end {
                return Ok(());
            }
            Err(format!("the span ends at {end:?} before it starts at {start:?}"))
        }
        _ => Err("start_line and end_line come together".into()),
    }
}

fn ordered(
    what: &str,
    start: &Numbers<'_, u32>,
    end: &Numbers<'_, u32>,
    i: usize,
) -> Result<(), String> {
    match (start.get(i), end.get(i)) {
        (None, None) => Ok(()),
        (Some(start), Some(end)) if start <= end => Ok(()),
        (Some(start), Some(end)) => Err(format!("end_{what} {end} is before start_{what} {start}")),
        _ => Err(format!("start_{what} and end_{what} come together")),
    }
}

fn symbols(unit: &Unit<'_>, words: &WordRules) -> Checked {
    const LIST: &str = "symbols";
    let symbols = unit.symbol_view();
    let mut keys = HashSet::with_capacity(unit.symbols().len());
    for (position, i) in unit.symbols().enumerate() {
        let here = |rule: String| at(LIST, position, rule);
        let key = symbols.symbol.at(i);
        name("symbol", key, limits::SYMBOL_MAX).or_else(here)?;
        if !keys.insert(key) {
            return here(format!("symbol `{}` is there already", shorten(key)));
        }
        words.symbol_kind.check(&symbols.kind, i).or_else(here)?;
        for (column, texts) in [("name", symbols.name), ("package", symbols.package)] {
            texts
                .get(i)
                .map_or(Ok(()), |text| name(column, text, limits::SYMBOL_MAX))
                .or_else(here)?;
        }
    }
    Ok(())
}

fn edges(unit: &Unit<'_>, words: &WordRules) -> Checked {
    const LIST: &str = "edges";
    let (range, edges) = (unit.edges(), unit.edge_view());
    let ords = &unit.node_view().ord[unit.nodes()];
    let symbols = unit.symbols().len();
    for (position, i) in range.clone().enumerate() {
        let here = |rule: String| at(LIST, position, rule);
        if !has_node(ords, edges.src[i]) {
            return here(format!("src {} is no node of the unit", edges.src[i]));
        }
        match (edges.dst_node.get(i), edges.dst_symbol.get(i)) {
            (Some(node), None) if !has_node(ords, node) => {
                return here(format!("dst_node {node} is no node of the unit"));
            }
            (None, Some(symbol)) if symbol as usize >= symbols => {
                return here(format!("dst_symbol {symbol} is past the unit's {symbols} symbols"));
            }
            (Some(_), None) | (None, Some(_)) => {}
            _ => return here("has exactly one of dst_node and dst_symbol".into()),
        }
        words.edge_kind.check(&edges.kind, i).or_else(here)?;
        ordered("byte", &edges.start_byte, &edges.end_byte, i).or_else(here)?;
        known_flags(edges.flags[i], &EDGE_FLAGS).or_else(here)?;
        edges.properties.get(i).map_or(Ok(()), properties).or_else(here)?;
    }
    distinct_edges(unit, &edges)
}

fn distinct_edges(unit: &Unit<'_>, edges: &Edges<'_>) -> Checked {
    let key = |i: usize| {
        let end = (edges.dst_node.get(i), edges.dst_symbol.get(i));
        (edges.src[i], edges.kind.keys[i], end, edges.ord[i])
    };
    let range = unit.edges();
    let ascending = range.clone().zip(range.clone().skip(1)).all(|(a, b)| key(a) < key(b));
    if ascending {
        return Ok(());
    }
    let mut sorted: Vec<usize> = range.clone().collect();
    sorted.sort_unstable_by_key(|&i| (key(i), i));
    match sorted.windows(2).find(|pair| key(pair[0]) == key(pair[1])) {
        None => Ok(()),
        Some(pair) => {
            let first = pair[0] - range.start;
            at(
                "edges",
                pair[1] - range.start,
                format!("is edges[{first}] again: number them by ord"),
            )
        }
    }
}

fn vectors(unit: &Unit<'_>, words: &WordRules) -> Checked {
    const LIST: &str = "vectors";
    let vectors = unit.vector_view();
    let ords = &unit.node_view().ord[unit.nodes()];
    let mut seen = HashSet::new();
    for (position, i) in unit.vectors().enumerate() {
        let here = |rule: String| at(LIST, position, rule);
        let (node, numbers) = (vectors.node[i], vectors.vector.at(i));
        if !has_node(ords, node) {
            return here(format!("node {node} is no node of the unit"));
        }
        words.vector_model.check(&vectors.model, i).or_else(here)?;
        if numbers.is_empty() || numbers.len() > limits::VECTOR_MAX {
            let rule =
                format!("vector has {} numbers, not 1 to {}", numbers.len(), limits::VECTOR_MAX);
            return here(rule);
        }
        if !numbers.iter().all(|number| number.is_finite()) {
            return here("vector has a number that is not finite".into());
        }
        if !seen.insert((node, vectors.model.keys[i])) {
            return here(format!("node {node} has a vector of this model already"));
        }
    }
    Ok(())
}

/// Whether a unit has the node; `ords` ascend, and mostly without gaps.
fn has_node(ords: &[u32], ord: u32) -> bool {
    ords.get(ord as usize) == Some(&ord) || ords.binary_search(&ord).is_ok()
}

fn known_flags(flags: u16, names: &[&str]) -> Result<(), String> {
    match flags >> names.len() {
        0 => Ok(()),
        _ => Err(format!("flags {flags} has bits past the {} that are named", names.len())),
    }
}

fn name(column: &str, text: &str, max: usize) -> Result<(), String> {
    if text.is_empty() {
        return Err(format!("{column} is empty"));
    }
    if text.len() > max {
        return Err(format!("{column} is longer than {max} bytes"));
    }
    if text.contains('\0') {
        return Err(format!("{column} holds U+0000"));
    }
    Ok(())
}

fn text(texts: &Texts<'_>, i: usize) -> Result<(), String> {
    match texts.get(i) {
        Some(text) if text.contains('\0') => Err("text holds U+0000".into()),
        _ => Ok(()),
    }
}

fn properties(json: &str) -> Result<(), String> {
    if json.len() > limits::PROPERTIES_MAX {
        return Err(format!("properties are longer than {} bytes", limits::PROPERTIES_MAX));
    }
    if json.contains('\0') {
        return Err("properties hold U+0000".into());
    }
    if !json.starts_with('{') {
        return Err("properties are no JSON object".into());
    }
    if json_depth(json) > limits::PROPERTIES_DEPTH_MAX {
        return Err(format!("properties nest deeper than {}", limits::PROPERTIES_DEPTH_MAX));
    }
    match serde_json::from_str::<IgnoredAny>(json) {
        Ok(_) => Ok(()),
        Err(error) => Err(format!("properties are no JSON: {error}")),
    }
}

/// How deep brackets nest; right for JSON that parses, an upper bound for what does not.
fn json_depth(json: &str) -> usize {
    let (mut depth, mut deepest) = (0_usize, 0);
    let (mut quoted, mut escaped) = (false, false);
    for byte in json.bytes() {
        match byte {
            _ if escaped => escaped = false,
            b'\\' if quoted => escaped = true,
            b'"' => quoted = !quoted,
            b'{' | b'[' if !quoted => {
                depth += 1;
                deepest = deepest.max(depth);
            }
            b'}' | b']' if !quoted => depth = depth.saturating_sub(1),
            _ => {}
        }
    }
    deepest
}

fn shorten(text: &str) -> String {
    match text.char_indices().nth(60) {
        None => text.to_owned(),
        Some((end, _)) => format!("{}…", &text[..end]),
    }
}

/// What is wrong with each word of the columns' dictionaries: checked once a word, not a row.
struct WordRules {
    label: WordRule,
    node_kind: WordRule,
    field: WordRule,
    symbol_kind: WordRule,
    edge_kind: WordRule,
    vector_model: WordRule,
}

struct WordRule {
    faults: Vec<Option<String>>,
}

impl WordRules {
    fn new(batch: &Batch) -> Self {
        let plain = |column: &'static str, words: &Words<'_>| {
            WordRule::new(words, |word| name(column, word, limits::NAME_MAX))
        };
        let (nodes, edges) = (batch.nodes(), batch.edges());
        Self {
            label: WordRule::new(&nodes.label, |word| match LABELS.contains(&word) {
                true => Ok(()),
                false => Err(format!("label `{}` is none of {}", shorten(word), LABELS.join(" "))),
            }),
            node_kind: plain("kind", &nodes.kind),
            field: plain("field", &nodes.field),
            symbol_kind: plain("kind", &batch.symbols().kind),
            edge_kind: WordRule::new(&edges.kind, |word| {
                name("kind", word, limits::NAME_MAX)?;
                let upper_snake = |byte| matches!(byte, b'A'..=b'Z' | b'0'..=b'9' | b'_');
                match word.bytes().all(upper_snake) {
                    true => Ok(()),
                    false => Err(format!("kind `{}` is not in UPPER_SNAKE", shorten(word))),
                }
            }),
            vector_model: plain("model", &batch.vectors().model),
        }
    }
}

impl WordRule {
    fn new(words: &Words<'_>, rule: impl Fn(&str) -> Result<(), String>) -> Self {
        let fault = |key: usize| rule(words.word(key as u16)).err();
        Self { faults: (0..words.len()).map(fault).collect() }
    }

    #[inline]
    fn check(&self, words: &Words<'_>, i: usize) -> Result<(), String> {
        match words.key(i).and_then(|key| self.faults[key as usize].as_ref()) {
            None => Ok(()),
            Some(fault) => Err(fault.clone()),
        }
    }
}
