//! `astload tree`: a stored tree, indented, with names and spans.

use astload_backends::{Access, Origin, StoredUnit};
use astload_model::{Batch, ndjson};

use super::args::TreeArgs;
use super::logs;
use super::output::{Failure, one_line, print, print_json_lines};
use super::store::Store;

pub(super) async fn run(args: TreeArgs) -> Result<u8, Failure> {
    let file = args.file.strip_prefix("./").unwrap_or(&args.file);
    let (path, line) = split_line(file);
    if line == Some(0) {
        return Err(Failure::new("lines are counted from 1"));
    }
    logs::listen(None)?;
    let store = Store::open(&args.from, Access::Read).await?;
    let mut found = store.query()?.find(path).await?;
    if found.is_empty() && line.is_some() {
        found = store.query()?.find(file).await?;
    }
    found.retain(|unit| args.repo.as_ref().is_none_or(|repo| unit.name.repo == *repo));
    let unit = one(path, &found)?;
    let mut batch = store.reader()?.read_units(&[unit.id]).await?;
    // What astload numbers is not numbered for whoever is given it.
    if args.json && !is_pushed(&store, unit).await? {
        batch = batch.without_generations();
    }
    store.close().await?;
    if args.json {
        let mut writer = ndjson::Writer::new(Vec::new());
        writer.write(&batch).map_err(|error| Failure::new(error.to_string()))?;
        print_json_lines(&String::from_utf8_lossy(&writer.into_inner()))?;
    } else {
        let nodes = lines(&batch, line);
        if let (Some(line), true) = (line, nodes.is_empty()) {
            let message = format!("no node of {} is on line {line}", unit.name.path);
            let lines = batch.units().next().and_then(|unit| unit.line_count());
            return Err(match lines {
                Some(lines) => Failure::new(message).with_hint(format!("it has {lines} lines")),
                None => Failure::new(message),
            });
        }
        print(&format!("{}\n{nodes}", one_line(&unit.name.to_string())))?;
    }
    Ok(0)
}

/// Whether its generation comes from upstream.
async fn is_pushed(store: &Store, unit: &StoredUnit) -> Result<bool, Failure> {
    let repos = store.reader()?.repos().await?;
    let mut its = repos.iter().filter(|known| known.repo == unit.name.repo);
    Ok(its.any(|known| known.layer == unit.name.layer && known.origin == Origin::Upstream))
}

/// `FILE:LINE` in its parts.
fn split_line(file: &str) -> (&str, Option<u32>) {
    let split = file.rsplit_once(':').and_then(|(path, line)| Some((path, line.parse().ok()?)));
    split.map_or((file, None), |(path, line)| (path, Some(line)))
}

/// The unit that is meant: the only one, or the only one whose whole path it is.
fn one<'a>(path: &str, found: &'a [StoredUnit]) -> Result<&'a StoredUnit, Failure> {
    let exact: Vec<&StoredUnit> = found.iter().filter(|unit| unit.name.path == path).collect();
    match (found, exact.as_slice()) {
        ([unit], _) => Ok(unit),
        (_, [unit]) => Ok(*unit),
        ([], _) => Err(Failure::new(format!("no file {path} in the store"))
            .with_hint("name it as the store does: astload show, or SELECT path FROM units")),
        (many, _) => {
            let names: Vec<String> =
                many.iter().take(10).map(|unit| unit.name.to_string()).collect();
            Err(Failure::new(format!("{path} is any of {}", names.join(", ")))
                .with_hint("write more of the path, or add --repo"))
        }
    }
}

/// One line a node; with a line number, only the nodes that cover it.
fn lines(batch: &Batch, line: Option<u32>) -> String {
    let nodes = batch.nodes();
    let mut text = String::new();
    for unit in batch.units() {
        let mut open: Vec<u32> = Vec::new();
        for i in unit.nodes() {
            while open.last().is_some_and(|last| *last < nodes.ord[i]) {
                open.pop();
            }
            let depth = open.len();
            open.push(nodes.last[i]);
            let (start, end) = (nodes.start_line.get(i), nodes.end_line.get(i));
            let covers =
                |line: u32| start.is_some_and(|s| s < line) && end.is_none_or(|e| line <= e + 1);
            if line.is_some_and(|line| !covers(line)) {
                continue;
            }
            text += &"  ".repeat(depth);
            if let Some(field) = nodes.field.get(i) {
                text += &format!("{field}: ");
            }
            text += &one_line(nodes.kind.at(i));
            if let Some(name) = nodes.name.get(i) {
                text += &format!(" {}", one_line(name));
            } else if let Some(leaf) = nodes.text.get(i) {
                text += &format!(" {}", quoted(leaf));
            }
            if let (Some(start), Some(end)) = (start, end) {
                let column = |column: Option<u32>| column.map_or(0, |column| column + 1);
                let (from, to) = (column(nodes.start_col.get(i)), column(nodes.end_col.get(i)));
                text += &format!("  {}:{from}-{}:{to}", start + 1, end + 1);
            }
            text.push('\n');
        }
    }
    text
}

/// A leaf's text on one line, cut where it is long.
fn quoted(text: &str) -> String {
    let cut: String = text.chars().take(60).collect();
    let rest = if cut.len() < text.len() { "…" } else { "" };
    format!("{cut:?}{rest}")
}
