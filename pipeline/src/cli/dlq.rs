//! `astload dlq`: the units that backends refused, and the lines of streams that were refused before.

mod args;
mod lines;
mod problem;

use std::collections::BTreeSet;
use std::path::Path;
use std::time::Duration;

use astload_backends::Registry;
use astload_config::BackendUrl;
use astload_model::ndjson;
use astload_pipeline::letters::{Letter, Listing};
use astload_pipeline::load::{
    Approach, BackendReport, LaneOptions, Replayed, TargetSpec, Targets, replay,
};
use serde_json::{Value, json};

use super::load::{configured, stop_on_signal};
use super::logs;
use super::output::{Audience, Failure, count, plural, print, print_json, table, tell, tell_json};
use super::progress::{Style, wait};
use super::store::url;
pub(super) use args::DlqArgs;
use args::{Chosen, DlqCommand, DropArgs, ReplayArgs, ShowArgs};
use problem::Problem;

/// Partly done, as a load has it.
const PARTLY: u8 = 3;

/// Longest error in a list, in characters.
const ERROR_MAX: usize = 60;

pub(super) async fn run(args: DlqArgs) -> Result<u8, Failure> {
    match args.command {
        DlqCommand::List(args) => list(&args.chosen),
        DlqCommand::Show(args) => show(&args),
        DlqCommand::Replay(args) => Box::pin(replay_all(args)).await,
        DlqCommand::Drop(args) => drop_all(&args),
    }
}

fn list(chosen: &Chosen) -> Result<u8, Failure> {
    let (Listing { letters, broken }, lines) = (chosen.list()?, lines::find(chosen)?);
    let code = if broken.is_empty() { 0 } else { PARTLY };
    if chosen.json {
        let mut all: Vec<Value> = letters.iter().map(|stored| json!(stored.letter)).collect();
        all.extend(lines.iter().flat_map(lines::Chosen::json));
        all.extend(
            broken
                .iter()
                .map(|(path, why)| json!({ "file": path.to_string_lossy(), "unreadable": why })),
        );
        print_json(&all)?;
        return Ok(code);
    }
    let unreadable: String = broken
        .iter()
        .map(|(path, why)| format!("error: {} cannot be read: {why}\n", path.display()))
        .collect();
    if !broken.is_empty() {
        let many = plural(broken.len() as u64, "dead letter");
        print(&format!("{unreadable}{many} cannot be read\n"))?;
    }
    if letters.is_empty() && lines.is_empty() && broken.is_empty() {
        print("no dead letters\n")?;
        return Ok(0);
    }
    if !lines.is_empty() {
        print(&lines::table_of(&lines))?;
    }
    if letters.is_empty() {
        return Ok(code);
    }
    let header = ["backend", "unit", "error", "attempts", "last"].map(str::to_owned).to_vec();
    let rows = letters.iter().map(|stored| {
        let letter = &stored.letter;
        let age = Duration::from_secs(letter.age().as_secs());
        vec![
            letter.backend.clone(),
            format!("{} {} ({})", letter.repo, letter.path, letter.layer),
            shortened(&letter.error),
            count(letter.attempts),
            format!("{} ago", humantime::format_duration(age)),
        ]
    });
    let rows: Vec<Vec<String>> = std::iter::once(header).chain(rows).collect();
    let bytes: u64 = letters.iter().map(|stored| stored.bytes).sum();
    let size = bytesize::ByteSize(bytes);
    print(&format!("{}{}, {size}\n", table(&rows), plural(letters.len() as u64, "dead letter")))?;
    Ok(code)
}

/// Tells of a file that is not what it should be.
fn tell_broken(path: &Path, why: &str) {
    match Audience::of_process() {
        Audience::People => tell(&format!("warning: {} {why}\n", path.display())),
        Audience::Machines => {
            let file = path.to_string_lossy();
            tell_json(&json!({ "kind": "no letter", "file": file, "message": why }));
        }
    }
}

fn time(micros: u64) -> String {
    let at = std::time::UNIX_EPOCH + Duration::from_micros(micros);
    humantime::format_rfc3339_seconds(at).to_string()
}

fn shortened(error: &str) -> String {
    match error.char_indices().nth(ERROR_MAX) {
        None => error.to_owned(),
        Some((end, _)) => format!("{}…", &error[..end]),
    }
}

fn show(args: &ShowArgs) -> Result<u8, Failure> {
    let below = format!("/{}", args.file);
    let (mut letters, _) = args.chosen.find()?;
    letters.retain(|s| s.letter.path == args.file || s.letter.path.ends_with(&below));
    let lines = lines::find(&args.chosen)?;
    let lines_shown = lines::show(&lines, &args.file, args.chosen.json)?;
    if letters.is_empty() && !lines_shown {
        return Err(Failure::new(format!("no dead letter of {}", args.file))
            .with_hint("`astload dlq list` shows them all"));
    }
    for stored in &letters {
        let unit = args.chosen.letters().unit(stored);
        let unit = unit.map_err(|error| {
            Failure::new(format!("{} cannot be read: {error}", stored.path.display()))
        })?;
        let mut writer = ndjson::Writer::new(Vec::new());
        writer.write(&unit).map_err(|error| Failure::new(error.to_string()))?;
        let line = writer.into_inner();
        let letter = &stored.letter;
        if args.chosen.json {
            let unit: Value =
                serde_json::from_slice(&line).map_err(|error| Failure::new(error.to_string()))?;
            print_json(&json!({ "letter": letter, "unit": unit }))?;
            continue;
        }
        let rows = [
            ("unit", format!("{} {} ({})", letter.repo, letter.path, letter.layer)),
            ("generation", letter.generation.to_string()),
            ("backend", letter.backend.clone()),
            ("store", letter.place.clone()),
            ("error", format!("{}: {}", letter.kind, letter.error)),
            ("attempts", letter.attempts.to_string()),
            ("first", time(letter.first_at)),
            ("last", time(letter.last_at)),
            ("file", stored.path.display().to_string()),
        ];
        let head: String =
            rows.iter().map(|(name, value)| format!("{name:<11} {value}\n")).collect();
        print(&format!("{head}{}", String::from_utf8_lossy(&line)))?;
    }
    Ok(0)
}

async fn replay_all(args: ReplayArgs) -> Result<u8, Failure> {
    let ((letters, broken), lines) = (args.chosen.find()?, lines::find(&args.chosen)?);
    if letters.is_empty() && lines.is_empty() {
        return Err(Failure::new(match broken {
            0 => "no dead letter was chosen",
            _ => "no dead letter that can be read was chosen",
        }));
    }
    logs::listen(args.audit.as_deref())?;
    let registry = Registry::with_builtins();
    let mut named: BTreeSet<&str> = letters.iter().map(|s| s.letter.backend.as_str()).collect();
    named.extend(lines.iter().flat_map(lines::Chosen::backends));
    let mut specs = match &args.config {
        Some(file) => configured(&registry, file, &[])?,
        None => Vec::new(),
    };
    specs.retain(|spec| named.contains(spec.name.as_str()));
    for (text, number) in args.to.iter().zip(1..) {
        let url = url(&format!("--to number {number}"), text)?;
        specs.push(TargetSpec::of_url(&registry, &url, &[])?);
    }
    // What the letters themselves say of their backends.
    let spec = |name: &str| match BackendUrl::parse(name) {
        Ok(parsed) if !name.contains("***") => Ok(TargetSpec::of_url(&registry, &parsed, &[])?),
        Ok(_) => Err(Failure::usage(format!("{name} is not all of a URL"))
            .with_hint("add --to URL, with its password, or --config FILE")),
        Err(_) => Err(Failure::usage(format!("{name} is named by a configuration"))
            .with_hint("add --config FILE, or --to URL")),
    };
    if args.config.is_none() && args.to.is_empty() {
        specs.extend(named.iter().map(|name| spec(name)).collect::<Result<Vec<_>, _>>()?);
    }
    if specs.is_empty() {
        return Err(Failure::usage("the file has none of the backends of these dead letters"));
    }
    let cancelled = stop_on_signal();
    let (patience, stopping) = (args.patience, cancelled.clone());
    let approach = Approach { dry_run: false, patience, stopping };
    let options = LaneOptions { letters: args.chosen.letters(), ..LaneOptions::new(args.patience) };
    let again = lines::Again {
        registry: &registry,
        specs: &specs,
        is_told: !args.to.is_empty(),
        approach: approach.clone(),
    };
    let style = Style::of_question(args.chosen.json);
    let replaying = Box::pin(again.replay(&lines, &options, &cancelled));
    let of_lines = wait("replaying lines", style, replaying).await?;
    let replayed = match letters.is_empty() {
        true => Ok(Replayed { backends: Vec::new(), forgotten: Vec::new(), unread: Vec::new() }),
        false => {
            let connecting = Targets::connect(&registry, &specs, approach);
            let targets = wait("connecting", style, connecting).await?;
            let replaying = replay(&letters, &options, &targets, &cancelled);
            let replayed = wait("replaying units", style, replaying).await;
            wait("closing", style, targets.close()).await;
            replayed
        }
    };
    let Replayed { mut backends, forgotten, unread } = replayed?;
    backends.extend(of_lines.backends);
    // What was refused again may not be chosen any more: its age and its error are others.
    let left = letters.iter().filter(|stored| stored.path.exists()).count() + of_lines.left;
    let all = letters.len() + lines.iter().map(lines::Chosen::count).sum::<usize>();
    let unread = unread.iter().map(|(stored, error)| Problem {
        letter: Some(stored),
        ..Problem::new("unread", format!("{} cannot be read: {error}", stored.path.display()))
    });
    let forgotten = forgotten.iter().map(|stored| {
        let Letter { backend, repo, path, .. } = &stored.letter;
        let message = format!("{repo}:{path}: {backend} does not know {repo} any more");
        let hint = Some("load it again, or drop the letter");
        Problem { letter: Some(stored), hint, ..Problem::new("forgotten", message) }
    });
    let problems: Vec<Problem<'_>> =
        of_lines.problems.into_iter().chain(forgotten).chain(unread).collect();
    if args.chosen.json {
        print_json(&json!({
            "replayed": all, "left": left, "backends": backends,
            "problems": problems.iter().map(Problem::to_json).collect::<Vec<_>>(),
        }))?;
    } else {
        let mut text: String =
            problems.iter().map(|problem| format!("error: {}\n", problem.words())).collect();
        text += &backends.iter().map(told).collect::<String>();
        let taken = all.saturating_sub(left) as u64;
        text += &format!("{} taken, {} left\n", plural(taken, "dead letter"), count(left as u64));
        print(&text)?;
    }
    Ok(if left == 0 && broken == 0 { 0 } else { PARTLY })
}

fn told(report: &BackendReport) -> String {
    let mut text = String::new();
    if let Some(error) = &report.error {
        text += &format!("error: {}: {}\n", report.name, error.message);
        if let Some(hint) = &error.hint {
            text += &format!("  hint: {hint}\n");
        }
    }
    for refused in report.refused.first() {
        text += &format!("error: {} refused {}: {}\n", report.name, refused.unit, refused.reason);
    }
    text
}

fn drop_all(args: &DropArgs) -> Result<u8, Failure> {
    if args.chosen.is_everything() && !args.all {
        return Err(Failure::usage("which ones?").with_hint(
            "choose by --backend, --older-than, --error, --path or --input, or say --all",
        ));
    }
    let ((letters, _), lines) = (args.chosen.find()?, lines::find(&args.chosen)?);
    let count = letters.len() + lines.iter().map(lines::Chosen::count).sum::<usize>();
    for chosen in &lines {
        chosen.keep(Vec::new())?;
    }
    for stored in &letters {
        args.chosen.letters().remove(stored).map_err(|error| {
            Failure::new(format!("{} cannot be removed: {error}", stored.path.display()))
        })?;
    }
    match args.chosen.json {
        true => print_json(&json!({ "dropped": count }))?,
        false => print(&format!("{} dropped\n", plural(count as u64, "dead letter")))?,
    }
    Ok(0)
}
