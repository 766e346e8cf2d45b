//! `astload show`: what is in a store.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use astload_backends::{Access, RepoUnits, StoreSummary};
use indicatif::HumanBytes;

use super::args::ShowArgs;
use super::logs;
use super::output::{Failure, count, plural, print, print_json, table};
use super::progress::{Style, wait};
use super::store::Store;

/// Digits of a commit's id that people are shown.
const REVISION_DIGITS: usize = 12;

pub(super) async fn run(args: ShowArgs) -> Result<u8, Failure> {
    logs::listen(None)?;
    let style = Style::of_question(args.json);
    let store = wait("connecting", style, Store::open(&args.url, Access::Read)).await?;
    let summary = wait("counting", style, store.query()?.summary(args.most.into())).await?;
    let url = store.url().to_owned();
    store.close().await?;
    if args.json {
        print_json(&summary)?;
    } else {
        print(&text(&url, &summary))?;
    }
    Ok(0)
}

/// The summary as a person reads it.
pub(super) fn text(url: &str, summary: &StoreSummary) -> String {
    let rows = &summary.rows;
    let mut text = format!(
        "{url}: {}, {}, {}, {}",
        plural(summary.units, "unit"),
        plural(rows.nodes, "node"),
        plural(rows.edges, "edge"),
        plural(rows.symbols, "symbol")
    );
    if rows.vectors > 0 {
        text += &format!(", {}", plural(rows.vectors, "vector"));
    }
    // Not every store says how large it is.
    if summary.bytes > 0 {
        text += &format!(", {}", HumanBytes(summary.bytes));
    }
    if let Some(at) = summary.last_load {
        text += &format!(", loaded {}", ago(at));
    }
    text.push('\n');
    let repos = summary.repos.iter().map(|repo| {
        vec![
            repo.repo.clone(),
            count(repo.units),
            "units".into(),
            count(repo.nodes),
            "nodes".into(),
            source(repo),
        ]
    });
    section(&mut text, "repositories", repos.collect());
    let languages = summary.languages.iter().map(|language| {
        vec![
            language.language.clone(),
            count(language.units),
            "units".into(),
            count(language.nodes),
            "nodes".into(),
            count(language.lines),
            "lines".into(),
        ]
    });
    section(&mut text, "languages", languages.collect());
    let kinds = summary.kinds.iter().map(|kind| vec![kind.kind.clone(), count(kind.nodes)]);
    section(&mut text, "most frequent kinds", kinds.collect());
    let symbols = summary.symbols.iter();
    let symbols = symbols.map(|symbol| vec![symbol.symbol.clone(), count(symbol.references)]);
    section(&mut text, "most referenced symbols", symbols.collect());
    if summary.units_with_errors > 0 {
        let errors: Vec<_> = summary.errors.iter().map(|path| vec![path.clone()]).collect();
        let title = format!("{} with syntax errors", plural(summary.units_with_errors, "file"));
        section(&mut text, &title, errors);
    }
    text
}

/// Where a repository was read, at which revision and when.
fn source(repo: &RepoUnits) -> String {
    let mut parts = Vec::new();
    parts.extend(repo.root.as_ref().map(|root| format!("from {root}")));
    parts.extend(repo.revision.as_ref().map(|revision| format!("at {}", shortened(revision))));
    let place = parts.join(" ");
    match repo.loaded_at.map(ago) {
        None => place,
        Some(ago) if place.is_empty() => format!("loaded {ago}"),
        Some(ago) => format!("{place}, loaded {ago}"),
    }
}

/// The beginning of a revision, as git shows it; what no commit's id is, is a name, and stays whole.
fn shortened(revision: &str) -> &str {
    let is_id = revision.len() >= 40 && revision.bytes().all(|byte| byte.is_ascii_hexdigit());
    if is_id { &revision[..REVISION_DIGITS] } else { revision }
}

fn section(text: &mut String, title: &str, rows: Vec<Vec<String>>) {
    if !rows.is_empty() {
        *text += &format!("{title}\n{}", table(&rows));
    }
}

/// How long ago, in words.
fn ago(microseconds: u64) -> String {
    let at = UNIX_EPOCH + Duration::from_micros(microseconds);
    match SystemTime::now().duration_since(at) {
        Ok(since) if since.as_secs() > 0 => format!("{} ago", indicatif::HumanDuration(since)),
        _ => "just now".into(),
    }
}
