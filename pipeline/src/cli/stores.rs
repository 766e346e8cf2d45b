//! `astload verify` and `astload backfill`: two stores side by side.

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use astload_backends::{Registry, RowCounts, UnitFilter};
use astload_model::SelectionRules;
use astload_pipeline::load::{Approach, BackendReport, LoadProgress, Outcome, TargetSpec, Targets};
use astload_pipeline::source::directory::SourceProgress;
use astload_pipeline::stores::{self, Backfilled, Difference, Kind, Side, Verified};
use clap::Args;
use serde_json::json;
use tokio_util::sync::CancellationToken;

use super::args::patience;
use super::load::{lanes, named, stop_on_signal};
use super::output::{Failure, count, one_line, plural, print, print_json};
use super::progress::{Style, Work, wait, watch, watch_source};
use super::{FAILED, logs};

/// Repositories and layers that are named; of more, it is told how many.
const NAMED_MAX: usize = 5;

/// Compare two stores, unit by unit
///
/// Reads every unit of both and compares all of its rows, in a form that does not depend on the store;
/// finds one changed byte, and says where. Only what both are meant to hold is compared; when something
/// was written does not matter.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  astload verify sqlite:code.db postgres://me@host/code
  astload verify local warehouse --config code.yaml

Exit codes: 0 they hold the same, 1 they differ or cannot be read, 2 wrong usage.")]
pub(super) struct VerifyArgs {
    /// A store: its URL, or its name in the configuration
    #[arg(value_name = "STORE")]
    first: String,
    /// The other one
    #[arg(value_name = "OTHER")]
    second: String,
    /// The file that configures backends
    #[arg(long, value_name = "FILE", value_hint = clap::ValueHint::FilePath)]
    config: Option<PathBuf>,
    /// Only this repository
    #[arg(long, value_name = "NAME")]
    repo: Option<String>,
    /// Differences to name
    #[arg(long, value_name = "N", default_value_t = 20)]
    most: usize,
    /// Give a store up when it does not answer for so long
    #[arg(long, value_name = "DURATION", default_value = "30s", value_parser = patience)]
    patience: Duration,
    /// JSON on stdout
    #[arg(long)]
    json: bool,
}

/// Give a store what another one has
///
/// Every unit that the second store lacks, or has in an older version, is written to it as it is in
/// the first, with its generation. What it has besides is left alone. The same command again goes on
/// where one ended.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  astload backfill sqlite:code.db postgres://me@host/code
  astload backfill local warehouse --config code.yaml --repo github.com/org/name

Exit codes: 0 done, 2 wrong usage, 3 partly done, 130 stopped by Ctrl-C: run it again to go on.")]
pub(super) struct BackfillArgs {
    /// The store to read from: its URL, or its name in the configuration
    #[arg(value_name = "FROM")]
    from: String,
    /// The store to fill
    #[arg(value_name = "TO")]
    to: String,
    /// The file that configures backends
    #[arg(long, value_name = "FILE", value_hint = clap::ValueHint::FilePath)]
    config: Option<PathBuf>,
    /// Only this repository
    #[arg(long, value_name = "NAME")]
    repo: Option<String>,
    /// Where units are kept that a store refuses [default: ~/.local/state/astload/dead-letters]
    #[arg(long, value_name = "DIR", value_hint = clap::ValueHint::DirPath)]
    dead_letters: Option<PathBuf>,
    /// Say how much would be written, and write nothing
    #[arg(long)]
    dry_run: bool,
    /// Give a store up when it makes no progress for so long
    #[arg(long, value_name = "DURATION", default_value = "30s", value_parser = patience)]
    patience: Duration,
    /// Append what happens to the stores to this file, as JSON lines
    #[arg(long, value_name = "FILE", value_hint = clap::ValueHint::FilePath)]
    audit: Option<PathBuf>,
    /// JSON on stdout, progress as JSON lines on stderr
    #[arg(long)]
    json: bool,
    /// No progress
    #[arg(long, short)]
    quiet: bool,
}

pub(super) async fn verify(args: VerifyArgs) -> Result<u8, Failure> {
    logs::listen(None)?;
    let registry = Registry::with_builtins();
    let spec = |what, name| named(&registry, args.config.as_deref(), what, name);
    let (first, second) = (spec("STORE", &args.first)?, spec("OTHER", &args.second)?);
    // Nothing is written: a signal ends the process.
    let never = CancellationToken::new();
    let style = Style::of_question(args.json);
    let connecting = futures::future::try_join(
        Side::connect(&registry, &first, args.patience, &never),
        Side::connect(&registry, &second, args.patience, &never),
    );
    let (first, second) = wait("connecting", style, connecting).await?;
    let filter = UnitFilter { repo: args.repo.clone(), layer: None };
    let (progress, start) = (SourceProgress::default(), Instant::now());
    let verifying = stores::verify(&first, &second, &filter, &progress);
    let verified = watch_source(&progress, (Work::COMPARISON, style), verifying).await;
    let closing = futures::future::join(first.close(), second.close());
    wait("closing", style, closing).await;
    let verified = verified?;
    let differs = !verified.differing.is_empty();
    let compared = progress.done.load(Ordering::Relaxed);
    match args.json {
        true => print_json(&json!({
            "same": verified.same,
            "compared": compared,
            "nodes": verified.rows.nodes,
            "rows": verified.rows,
            "selection": {
                "repo": args.repo,
                "repos": verified.repos,
                "layers": verified.layers,
                "select": { "first": first.selection.rules(), "second": second.selection.rules() },
            },
            "seconds": start.elapsed().as_secs_f64(),
            "differing": verified.differing.iter().map(object).collect::<Vec<_>>(),
        }))?,
        false => print(&told(&verified, [&first, &second], args.most, start))?,
    }
    if verified.same == 0 && !differs && !args.json {
        return Err(Failure::new("neither store has anything that both are meant to hold"));
    }
    Ok(if differs { FAILED } else { 0 })
}

fn object(difference: &Difference) -> serde_json::Value {
    let Difference { unit, kind } = difference;
    let (kind, message) = match kind {
        Kind::OnlyFirst => ("only in the first", None),
        Kind::OnlySecond => ("only in the second", None),
        Kind::Content(at) => ("content", Some(at)),
    };
    // A path into the unit's NDJSON, and what is there on either side.
    let place = message.map(|message| message.split_once(": ").map_or(&**message, |(at, _)| at));
    json!({
        "kind": kind, "repo": unit.repo, "path": unit.path, "layer": unit.layer,
        "place": place, "message": message,
    })
}

fn told(verified: &Verified, sides: [&Side; 2], most: usize, start: Instant) -> String {
    let mut text = String::new();
    for Difference { unit, kind } in verified.differing.iter().take(most) {
        text += &match kind {
            Kind::OnlyFirst => format!("{unit}: only in {}\n", sides[0].name),
            Kind::OnlySecond => format!("{unit}: only in {}\n", sides[1].name),
            Kind::Content(at) => format!("{unit}: {at}\n"),
        };
    }
    if verified.differing.len() > most {
        text += &format!("… and {} more\n", count((verified.differing.len() - most) as u64));
    }
    let seconds = start.elapsed().as_secs_f64();
    let rate = count((verified.rows.nodes as f64 / seconds.max(0.001)) as u64);
    text += &compared(verified, sides);
    let differing = match verified.differing.len() {
        0 => "no difference".to_owned(),
        some => format!("{} not alike", plural(some as u64, "unit")),
    };
    let same = plural(verified.same, "unit");
    text + &format!("{same} alike, {differing}; {seconds:.2} s, {rate} nodes/s\n")
}

/// What was compared: which rows, and of what.
fn compared(verified: &Verified, sides: [&Side; 2]) -> String {
    let RowCounts { nodes, edges, symbols, vectors } = verified.rows;
    let mut text = format!(
        "compared {}, {}, {} and {} of {} in {}\n",
        plural(nodes, "node"),
        plural(edges, "edge"),
        plural(symbols, "symbol"),
        plural(vectors, "vector"),
        listed(&verified.repos, "repository", "repositories"),
        listed(&verified.layers, "layer", "layers"),
    );
    for side in sides.into_iter().filter(|side| !side.selection.is_everything()) {
        let rules = selected(side.selection.rules());
        text += &format!("only what {} selects: {rules}\n", side.name);
    }
    text
}

/// A few names, or how many there are.
fn listed(names: &BTreeSet<String>, one: &str, several: &str) -> String {
    let named = || names.iter().map(|name| one_line(name)).collect::<Vec<_>>().join(", ");
    match names.len() {
        1 => format!("{one} {}", named()),
        2..=NAMED_MAX => format!("{several} {}", named()),
        many => format!("{} {several}", count(many as u64)),
    }
}

/// A selection in words.
fn selected(rules: &SelectionRules) -> String {
    let SelectionRules {
        labels,
        kinds,
        flags,
        with_name,
        languages,
        other_languages,
        repos,
        paths,
    } = rules;
    let lists = [
        ("labels", labels),
        ("kinds", kinds),
        ("flags", flags),
        ("languages", languages),
        ("other languages", other_languages),
        ("repos", repos),
        ("paths", paths),
    ];
    let lists = lists
        .into_iter()
        .filter_map(|(name, list)| list.as_ref().map(|list| format!("{name} {}", list.join(", "))));
    let named = with_name.then(|| "nodes with a name".to_owned());
    named.into_iter().chain(lists).collect::<Vec<_>>().join("; ")
}

pub(super) async fn backfill(args: BackfillArgs) -> Result<u8, Failure> {
    logs::listen(args.audit.as_deref())?;
    let registry = Registry::with_builtins();
    let spec = |what, name| named(&registry, args.config.as_deref(), what, name);
    let (from, to) = (spec("FROM", &args.from)?, spec("TO", &args.to)?);
    TargetSpec::are_two(&registry, &from, &to)?;
    let cancelled = stop_on_signal();
    let style = Style::of(args.json, args.quiet);
    let connecting = Side::connect(&registry, &from, args.patience, &cancelled);
    let from = wait("connecting", style, connecting).await?;
    let (dry_run, patience) = (args.dry_run, args.patience);
    let approach = Approach { dry_run, patience, stopping: cancelled.clone() };
    let to = [to];
    let connecting = Targets::connect(&registry, &to, approach);
    let mut targets = wait("connecting", style, connecting).await?;
    let progress = Arc::new(LoadProgress::of(&targets));
    let filter = UnitFilter { repo: args.repo.clone(), layer: None };
    let options = lanes(args.patience, args.dead_letters.as_deref());
    let start = Instant::now();
    let filling = stores::backfill(
        &from,
        &filter,
        &options,
        &mut targets,
        &progress,
        &cancelled,
        args.dry_run,
    );
    let filled = watch(&progress, (Work::UNITS, style), filling).await;
    wait("closing", style, futures::future::join(from.close(), targets.close())).await;
    let filled = filled?;
    let is_partial =
        filled.broken.is_some() || filled.backends.iter().any(|backend| !backend.is_complete());
    let outcome = match (cancelled.is_cancelled(), is_partial) {
        (true, _) => Outcome::Stopped,
        (false, true) => Outcome::Partly,
        (false, false) => Outcome::Done,
    };
    match args.json {
        true => print_json(&json!({
            "sent": filled.sent,
            "held": filled.held,
            "only_there": filled.only_there,
            "dry_run": args.dry_run,
            "seconds": start.elapsed().as_secs_f64(),
            "error": filled.broken.as_ref().map(ToString::to_string),
            "stopped": outcome == Outcome::Stopped,
            "backends": filled.backends,
        }))?,
        false => print(&filled_told(&filled, args.dry_run, outcome, start))?,
    }
    Ok(outcome.code())
}

fn filled_told(filled: &Backfilled, dry_run: bool, outcome: Outcome, start: Instant) -> String {
    let mut text = String::new();
    if let Some(error) = &filled.broken {
        text += &format!("error: {error}\n");
    }
    text += &filled.backends.iter().map(backend_told).collect::<String>();
    let rows: u64 = filled.backends.iter().map(|backend| backend.rows.nodes).sum();
    let seconds = start.elapsed().as_secs_f64();
    let (units, held) = (plural(filled.sent, "unit"), count(filled.held));
    text += &match dry_run {
        true => format!("dry run: {units} would be written, {held} are there already\n"),
        false => format!(
            "{units} sent, {held} there already; {}; {seconds:.2} s, {} nodes/s\n",
            plural(rows, "node"),
            count((rows as f64 / seconds.max(0.001)) as u64)
        ),
    };
    if filled.only_there > 0 {
        text += &format!(
            "{} it has that the other one has not; `astload rm` removes what should not be there\n",
            plural(filled.only_there, "unit")
        );
    }
    match outcome {
        Outcome::Stopped => {
            text += "stopped; the same command again goes on where this one ended\n"
        }
        Outcome::Partly => text += "partly done: the same command again completes it\n",
        Outcome::Done | Outcome::Nothing => {}
    }
    text
}

fn backend_told(backend: &BackendReport) -> String {
    let mut text = String::new();
    if let Some(error) = &backend.error {
        text += &format!("error: {} is incomplete: {}\n", backend.name, error.message);
        text += &error.hint.iter().map(|hint| format!("  hint: {hint}\n")).collect::<String>();
    }
    for refused in backend.refused.first() {
        text += &format!("error: {} refused {}: {}\n", backend.name, refused.unit, refused.reason);
    }
    text
}
