//! What is told at the end of a load.

use std::collections::BTreeSet;
use std::time::Duration;

use astload_backends::Error;
use astload_pipeline::load::{
    BackendReport, LoadReport, Outcome, ReadThrough, Renamed, Targets, UnitCounts,
};
use astload_pipeline::source::directory::{FileProblem, ProblemFile};
use tokio::time::timeout;

use super::args::LoadArgs;
use super::output::{Failure, count, plural, print};
use super::progress::{Style, wait};
use super::show;

/// Problems of one kind that are named.
const NAMED_MAX: usize = 5;

/// The summary as a person reads it, and a short look at each store; says whether each lets itself
/// be looked at.
pub(super) async fn tell(
    report: &LoadReport,
    targets: &Targets,
    args: &LoadArgs,
) -> Result<bool, Failure> {
    let letters = match &args.dead_letters {
        None => "see `astload dlq list`".to_owned(),
        Some(folder) => format!("see `astload dlq list --dead-letters {}`", folder.display()),
    };
    let mut text = match &report.plan {
        Some(plan) if args.verbose => {
            let list = |sign: &str, paths: &[String]| -> String {
                paths.iter().map(|path| format!("{sign} {path}\n")).collect()
            };
            format!("{}{}", list("write ", &plan.write), list("delete", &plan.delete))
        }
        _ => String::new(),
    };
    text += &problems(report, &letters);
    text += &summary(report);
    if report.plan.is_some() && !args.verbose {
        text += "-v names every unit\n";
    }
    let mut all_seen = true;
    if report.plan.is_none() && !report.stopped {
        let looking = look(targets, args.patience);
        let style = Style::of(args.json, args.quiet);
        let (shown, seen) = wait("asking what is there now", style, looking).await;
        text += &shown;
        all_seen = seen;
    }
    if report.stopped {
        text += &stopped(report);
    }
    print(&text)?;
    Ok(all_seen)
}

/// How to go on. What came through a pipe is gone from it.
fn stopped(report: &LoadReport) -> String {
    let Some(read) = report.read_through.as_ref().filter(|read| !read.to_its_end) else {
        return "stopped; the same command again goes on where this one ended\n".into();
    };
    let ReadThrough { input, through, unit, .. } = read;
    let read = format!("stopped: {input} was read through {unit} {}", count(*through));
    match report.backends.iter().all(BackendReport::is_complete) {
        true => {
            format!("{read}, and all of that is written; another run needs what comes after it\n")
        }
        false => format!("{read}, and not all of that is written: another run needs it again\n"),
    }
}

async fn look(targets: &Targets, patience: Duration) -> (String, bool) {
    let (mut text, mut all_seen) = (String::new(), true);
    for target in targets.iter() {
        let Ok(Some(backend)) = &target.backend else { continue };
        let Some(query) = backend.query() else { continue };
        let summary = timeout(patience, query.summary(0)).await;
        match summary
            .unwrap_or_else(|_| Err(Error::transient(format!("no answer for {patience:?}"))))
        {
            Ok(summary) => text += &show::text(&target.name, &summary),
            Err(error) => {
                all_seen = false;
                text += &format!("error: {} does not let itself be read: {error}\n", target.name);
                if let Some(hint) = error.hint {
                    text += &format!("  hint: {hint}\n");
                }
            }
        }
    }
    (text, all_seen)
}

/// What went wrong, most important first; `letters` says where refused units are seen.
fn problems(report: &LoadReport, letters: &str) -> String {
    let mut text = String::new();
    for backend in &report.backends {
        if let Some(error) = &backend.error {
            text += &format!("error: {} is incomplete: {}\n", backend.name, error.message);
            if let Some(hint) = &error.hint {
                text += &format!("  hint: {hint}\n");
            }
        }
        for refused in backend.refused.first().iter().take(NAMED_MAX) {
            text +=
                &format!("error: {} refused {}: {}\n", backend.name, refused.unit, refused.reason);
        }
        text += &and_more(backend.refused.beyond(NAMED_MAX));
        if !backend.refused.is_empty() {
            let units = plural(backend.refused.count(), "unit");
            text += &format!("  hint: {units} kept with the reason, {letters}\n");
        }
    }
    for problem in report.problems.first().iter().take(4 * NAMED_MAX) {
        text += &format!("error: {problem}\n");
        text += &problem.hint.iter().map(|hint| format!("  hint: {hint}\n")).collect::<String>();
    }
    text += &and_more(report.problems.beyond(4 * NAMED_MAX));
    if report.kept_lines > 0 {
        let lines = plural(report.kept_lines, "refused line");
        text += &format!("  hint: {lines} kept with the reason, {letters}\n");
    }
    for (problem, count, first) in report.files.iter() {
        text += &file_problem(problem, count, first);
    }
    for hint in &report.hints {
        text += &format!("hint: {hint}\n");
    }
    if !report.without_grammar.is_empty() {
        let mut kinds: Vec<_> = report.without_grammar.iter().collect();
        kinds.sort_by_key(|(name, files)| (std::cmp::Reverse(**files), (*name).clone()));
        let all: u64 = kinds.iter().map(|(_, files)| **files).sum();
        let named: Vec<String> = kinds
            .iter()
            .take(8)
            .map(|(name, files)| format!("{} {name}", count(**files)))
            .collect();
        let more = if kinds.len() > 8 { " …" } else { "" };
        text += &format!("{} without a grammar: {}{more}\n", plural(all, "file"), named.join(", "));
    }
    text
}

fn and_more(more: u64) -> String {
    if more == 0 { String::new() } else { format!("  … and {} more\n", count(more)) }
}

fn file_problem(problem: FileProblem, count: u64, first: &BTreeSet<ProblemFile>) -> String {
    let level = if problem.is_warning() { "warning" } else { "note" };
    let mut text = format!("{level}: {}: {}\n", plural(count, "file"), problem.text());
    // Links and the like are the rule in some trees; that they are there is enough.
    let named = if problem.is_warning() { NAMED_MAX } else { 3 };
    for file in first.iter().take(named) {
        let detail = file.detail.as_ref().map(|detail| format!(" ({detail})")).unwrap_or_default();
        text += &format!("  {}{detail}\n", file.path);
    }
    text + &and_more(count.saturating_sub(named as u64))
}

fn summary(report: &LoadReport) -> String {
    let seconds = report.elapsed.as_secs_f64();
    if let Some(plan) = &report.plan {
        return format!(
            "dry run: {} would be written, {} deleted, {} are there already; {seconds:.2} s\n",
            plural(plan.write.len() as u64, "unit"),
            count(plan.delete.len() as u64),
            count(plan.held)
        );
    }
    let (units, rows) = (report.units(), report.rows());
    let mut text = each_backend(report);
    text += &format!(
        "{} written, {} skipped, {} deleted, {} failed; {}, {}, {}; {seconds:.2} s",
        plural(units.written, "unit"),
        count(units.skipped),
        count(units.deleted),
        count(report.failed()),
        plural(rows.nodes, "node"),
        plural(rows.edges, "edge"),
        plural(rows.symbols, "new symbol")
    );
    text += &rare(&units);
    if rows.nodes > 0 {
        text += &format!(", {} nodes/s", count((rows.nodes as f64 / seconds.max(0.001)) as u64));
    }
    if report.backends.len() > 1 {
        text += &format!(", in {} backends", report.backends.len());
    }
    text.push('\n');
    for Renamed { backend, from, to, units } in &report.renamed {
        text +=
            &format!("{backend}: {from} is {to} now; {} of it removed\n", plural(*units, "unit"));
    }
    match report.outcome() {
        Outcome::Nothing if has_errors(report) => {
            text += "nothing was loaded: see the errors above\n";
        }
        Outcome::Nothing => {
            text += "nothing was loaded: no file or line here could be read as a unit\n";
        }
        Outcome::Partly if report.withheld > 0 => {
            text += "partly done: what is gone from the source was kept\n";
        }
        Outcome::Partly => {
            text +=
                "partly done: once the errors above are mended, the same command completes it\n";
        }
        Outcome::Done | Outcome::Stopped => {}
    }
    text
}

/// Where there are several backends, what became of the units in each: the last line is their sum.
fn each_backend(report: &LoadReport) -> String {
    let line = |backend: &BackendReport| {
        let UnitCounts { written, skipped, deleted, refused, .. } = backend.units;
        let mut line = format!(
            "{}: {} written, {} skipped, {} deleted, {} refused",
            backend.name,
            plural(written, "unit"),
            count(skipped),
            count(deleted),
            count(refused),
        );
        line += &rare(&backend.units);
        line.push('\n');
        line
    };
    match report.backends.as_slice() {
        [_] => String::new(),
        several => several.iter().map(line).collect(),
    }
}

/// What does not become of units as a rule.
fn rare(units: &UnitCounts) -> String {
    let mut text = String::new();
    if units.superseded > 0 {
        text += &format!("; {} superseded by newer versions", count(units.superseded));
    }
    if units.missing > 0 {
        text += &format!("; {} not written", count(units.missing));
    }
    text
}

fn has_errors(report: &LoadReport) -> bool {
    let failed = report.backends.iter().any(|backend| backend.error.is_some());
    report.broken || failed || !report.problems.is_empty()
}
