//! The rules that a schema cannot say: between files, between fields, and of globs.

use std::collections::HashMap;
use std::collections::hash_map::Entry;

use astload_model::{Selection, SelectionError, SelectionRules};

use serde_json::Value;

use super::Fault;
use super::files::File;
use super::resolve::Draft;
use crate::FileSchema;
use crate::quantity;
use crate::words::quoted;
use crate::yaml::{Content, Node};

/// Fields of which the first is no more than the second.
const ORDERED: [[&[&str]; 2]; 4] = [
    [&["write", "attempt_timeout"], &["write", "deadline"]],
    [&["write", "retry", "first"], &["write", "retry", "max"]],
    [&["write", "breaker", "cooldown"], &["write", "breaker", "cooldown_max"]],
    [&["write", "concurrency", "min"], &["write", "concurrency", "max"]],
];

/// Holds all files against them.
pub(super) fn check(
    files: &[File],
    defaults: Option<&Node>,
    drafts: &[Draft<'_>],
    schema: &FileSchema,
    faults: &mut Vec<Fault>,
) {
    included(files, faults);
    if let Some(defaults) = defaults {
        globs(0, defaults, faults);
    }
    let mut named: HashMap<&str, &Draft<'_>> = HashMap::new();
    for draft in drafts {
        match named.entry(&draft.entry.key) {
            Entry::Occupied(first) => faults.push(twice(files, draft, first.get())),
            Entry::Vacant(free) => drop(free.insert(draft)),
        }
        globs(draft.file, &draft.entry.value, faults);
        for [low, high] in ORDERED {
            ordered(draft, defaults, [low, high], faults);
        }
        durability(draft, defaults, faults);
    }
    if faults.is_empty() {
        one_store(files, schema, drafts, faults);
    }
    if drafts.is_empty() && faults.is_empty() {
        let hint = "begin with: `backends: {local: {type: sqlite, path: code.db}}`";
        faults.push(Fault::new(0, 0..0, "no backends are configured").with_hint(hint));
    }
}

/// An included file has backends, and nothing else.
fn included(files: &[File], faults: &mut Vec<Fault>) {
    for (number, file) in files.iter().enumerate().filter(|(_, file)| file.included) {
        for field in ["include", "defaults"] {
            if let Some(entry) = file.root.entry(field) {
                let message = format!("an included file has `backends` only, not `{field}`");
                let hint = format!("move `{field}` to {}", files[0].source.path.display());
                faults.push(Fault::new(number, entry.key_span.clone(), message).with_hint(hint));
            }
        }
    }
}

/// A name stands for one backend, in whatever file.
fn twice(files: &[File], draft: &Draft<'_>, first: &Draft<'_>) -> Fault {
    let message =
        format!("backend {} is already in {}", quoted(&draft.entry.key), at(files, first));
    Fault::new(draft.file, draft.entry.key_span.clone(), message)
}

/// No store is written through two backends.
fn one_store(files: &[File], schema: &FileSchema, drafts: &[Draft<'_>], faults: &mut Vec<Fault>) {
    let mut places: HashMap<(&str, String), &Draft<'_>> = HashMap::new();
    for draft in drafts {
        let type_name = draft.entry.value.entry("type").and_then(|entry| entry.value.text());
        let type_name = type_name.unwrap_or_default();
        let options = Value::Object(draft.options.clone());
        let Some(place) = schema.place_of(type_name, &options) else { continue };
        match places.entry((type_name, place)) {
            Entry::Vacant(free) => drop(free.insert(draft)),
            Entry::Occupied(first) => {
                let first = first.get();
                let (name, other) = (quoted(&draft.entry.key), quoted(&first.entry.key));
                let message =
                    format!("backend {name} is the same store as {other} in {}", at(files, first));
                faults.push(Fault::new(draft.file, draft.entry.key_span.clone(), message));
            }
        }
    }
}

/// Where a backend is, for people.
fn at(files: &[File], draft: &Draft<'_>) -> String {
    let source = &files[draft.file].source;
    let (line, column) = source.place(draft.entry.key_span.start);
    format!("{}:{line}:{column}", source.path.display())
}

fn globs(file: usize, node: &Node, faults: &mut Vec<Fault>) {
    let Some(select) = node.entry("select") else { return };
    for field in ["repos", "paths"] {
        let items = select.value.entry(field).map(|entry| entry.value.items());
        for item in items.unwrap_or_default() {
            let Some(pattern) = item.text() else { continue };
            let rules =
                SelectionRules { paths: Some(vec![pattern.to_owned()]), ..Default::default() };
            let reason = match Selection::new(rules) {
                Ok(_) => continue,
                Err(SelectionError::Glob(reason)) => reason,
                Err(
                    SelectionError::Label(_)
                    | SelectionError::Flag(_)
                    | SelectionError::Language(_),
                ) => continue,
            };
            // The library begins with the pattern, which is at the place already.
            let reason = reason.rsplit_once("': ").map_or("it does not parse", |(_, why)| why);
            let message = format!("{} is no glob: {reason}", quoted(pattern));
            faults.push(Fault::new(file, item.span.clone(), message).shown());
        }
    }
}

/// A field of a backend, else of the defaults, with its file.
fn field<'n>(
    draft: &Draft<'n>,
    defaults: Option<&'n Node>,
    path: &[&str],
) -> Option<(usize, &'n Node)> {
    let of = |node: &'n Node| {
        path.iter().try_fold(node, |node, part| node.entry(part).map(|entry| &entry.value))
    };
    let own = of(&draft.entry.value).map(|node| (draft.file, node));
    own.or_else(|| defaults.and_then(of).map(|node| (0, node)))
}

fn ordered(
    draft: &Draft<'_>,
    defaults: Option<&Node>,
    [low, high]: [&[&str]; 2],
    faults: &mut Vec<Fault>,
) {
    let (Some(least), Some(most)) = (field(draft, defaults, low), field(draft, defaults, high))
    else {
        return;
    };
    let (Some(least_is), Some(most_is)) = (measure(least.1), measure(most.1)) else { return };
    if least_is <= most_is {
        return;
    }
    let name = |path: &[&str]| path[path.len() - 1].to_owned();
    let said = |node: &Node| node.content.to_json().to_string().replace('"', "");
    let (low, high) = (name(low), name(high));
    let message =
        format!("`{low}` is {}, more than `{high}`, which is {}", said(least.1), said(most.1));
    // What the backend says itself is what is to be changed.
    let (file, node) = if is_own(draft, least.1) { least } else { most };
    faults.push(Fault::new(file, node.span.clone(), message).shown());
}

/// Whether a field is among the backend's own, rather than among the defaults.
fn is_own(draft: &Draft<'_>, field: &Node) -> bool {
    fn holds(node: &Node, field: &Node) -> bool {
        std::ptr::eq(node, field) || node.entries().iter().any(|entry| holds(&entry.value, field))
    }
    holds(&draft.entry.value, field)
}

/// A duration in seconds, or a number.
fn measure(node: &Node) -> Option<f64> {
    match &node.content {
        Content::Text(text) => quantity::duration(text).ok().map(|long| long.as_secs_f64()),
        Content::Number(number) => number.as_f64(),
        Content::Null | Content::Bool(_) | Content::List(_) | Content::Mapping(_) => None,
    }
}

/// `write.durability` is for types that know what to do with it, and said once.
fn durability(draft: &Draft<'_>, defaults: Option<&Node>, faults: &mut Vec<Fault>) {
    let path = ["write", "durability"];
    let (Some((file, node)), Some(_)) = (field(draft, defaults, &path), draft.options_schema)
    else {
        return;
    };
    let option = draft.entry.value.entry("durability");
    if !draft.options.contains_key("durability") {
        let backend = quoted(&draft.entry.key);
        let type_name = draft.entry.value.entry("type").and_then(|entry| entry.value.text());
        let message = format!(
            "backend {backend} cannot choose its durability, for type {} has no such option",
            quoted(type_name.unwrap_or_default())
        );
        faults.push(Fault::new(file, node.span.clone(), message).shown());
    } else if let (Some(option), true) = (option, is_own(draft, node)) {
        let message = "`durability` is given twice: here, and in `write`";
        faults.push(Fault::new(draft.file, option.key_span.clone(), message));
    }
}
