//! `astload load`.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use std::time::Duration;

use astload_backends::{Error, Registry};
use astload_config::BackendUrl;
use astload_pipeline::languages::Language;
use astload_pipeline::load::{
    Approach, Input, LaneOptions, LoadOptions, LoadProgress, LoadReport, Outcome, TargetSpec,
    Targets, load,
};
use astload_pipeline::source::directory::{FileProblem, NodeChoice, PathGlobs, repo_name};
use astload_pipeline::source::stream::{StreamFormat, StreamInput};
use tokio::signal::unix::{SignalKind, signal};
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;

use super::args::{DEFAULT_STORE, Durability, Format, LoadArgs, Nodes};
use super::config;
use super::logs;
use super::output::{Failure, count, plural, print, print_json, tell};
use super::progress::{Style, watch};
use super::show;

/// Problems of one kind that are named.
const NAMED_MAX: usize = 5;

pub(super) async fn run(args: LoadArgs) -> Result<u8, Failure> {
    let inputs = inputs(&args)?;
    let options = options(&args)?;
    logs::listen(args.json, args.audit.as_deref())?;
    let registry = Registry::with_builtins();
    let specs = specs(&args, &registry)?;
    let cancelled = stop_on_signal(args.json);
    let approach = Approach { dry_run: args.dry_run, patience: args.patience };
    let mut targets = Targets::connect(&registry, &specs, approach).await?;
    let progress = Arc::new(LoadProgress::of(&targets));
    let report = tokio::select! {
        report = load(&inputs, &options, &mut targets, &progress, &cancelled) => report,
        () = watch(progress.clone(), Style::of(args.json, args.quiet)) => unreachable!("it never ends"),
    };
    let told = match &report {
        Ok(report) if args.json => print_json(report).map(|()| true),
        Ok(report) => tell_report(report, &targets, args.patience).await,
        Err(_) => Ok(true),
    };
    targets.close().await;
    let code = match (report?.outcome(), &told) {
        (Outcome::Done, Ok(false)) => Outcome::Partly.code(),
        (outcome, _) => outcome.code(),
    };
    match told {
        Err(failure) if !failure.is_silent() => Err(failure),
        // Where nobody reads what is printed, the code still tells how it ended.
        _ => Ok(code),
    }
}

/// What each PATH is.
fn inputs(args: &LoadArgs) -> Result<Vec<Input>, Failure> {
    if args.paths.iter().filter(|path| *path == Path::new("-")).count() > 1 {
        return Err(Failure::usage("standard input, -, is named twice"));
    }
    let inputs: Vec<Input> =
        args.paths.iter().map(|path| input(path, args)).collect::<Result<_, _>>()?;
    let directories = inputs.iter().filter(|input| matches!(input, Input::Directory { .. }));
    match (args.repo.is_some(), directories.count()) {
        (true, 0) => Err(Failure::usage("--repo names a directory, and there is none")
            .with_hint("units from a file or standard input carry the name of their repository")),
        (true, 2..) => Err(Failure::usage("--repo takes one directory")
            .with_hint("load them one by one, each with its own name")),
        _ => Ok(inputs),
    }
}

fn input(path: &Path, args: &LoadArgs) -> Result<Input, Failure> {
    if path == Path::new("-") {
        return Ok(Input::Stream(StreamInput::Stdin));
    }
    if path.is_dir() {
        let root = path
            .canonicalize()
            .map_err(|error| Failure::usage(format!("{}: {error}", path.display())))?;
        let repo = args.repo.clone().unwrap_or_else(|| repo_name(&root));
        if repo.is_empty() || repo.contains('\0') || repo.len() > astload_model::limits::NAME_MAX {
            return Err(Failure::usage("the name of a repository has 1 to 1024 bytes"));
        }
        return Ok(Input::Directory { root, repo });
    }
    let extension = path.extension().and_then(|extension| extension.to_str()).unwrap_or_default();
    let is_stream = ["ndjson", "jsonl", "arrow", "arrows"].contains(&extension);
    match std::fs::metadata(path) {
        Err(error) => Err(Failure::usage(format!("{}: {error}", path.display()))),
        Ok(_) if is_stream || args.format != Format::Auto => {
            Ok(Input::Stream(StreamInput::File(PathBuf::from(path))))
        }
        Ok(_) => Err(Failure::usage(format!(
            "{} is neither a directory nor .ndjson, .jsonl, .arrow or .arrows",
            path.display()
        ))
        .with_hint("name its directory, with --include for the file; or add --format")),
    }
}

fn options(args: &LoadArgs) -> Result<LoadOptions, Failure> {
    let globs = PathGlobs::new(&args.include, &args.exclude)
        .map_err(|error| Failure::usage(error.to_string()))?;
    let names =
        || Language::all().iter().map(|language| language.name).collect::<Vec<_>>().join(", ");
    if let Some(unknown) = args.languages.iter().find(|name| Language::by_name(name).is_none()) {
        return Err(Failure::usage(format!("there is no grammar for `{unknown}`"))
            .with_hint(format!("there are {}", names())));
    }
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    Ok(LoadOptions {
        globs,
        languages: args.languages.clone(),
        nodes: match args.nodes {
            Nodes::Named => NodeChoice::Named,
            Nodes::All => NodeChoice::All,
        },
        file_bytes_max: args
            .max_file_size
            .as_u64()
            .min(astload_model::limits::UNIT_BYTES_MAX as u64),
        trust_mtime: !args.no_trust_mtime,
        format: match args.format {
            Format::Auto => StreamFormat::Auto,
            Format::Ndjson => StreamFormat::Ndjson,
            Format::Arrow => StreamFormat::Arrow,
        },
        root_moved: args.root_moved,
        allow_mass_delete: args.allow_mass_delete,
        dry_run: args.dry_run,
        workers: args.jobs.map_or(cores, usize::from),
        lanes: LaneOptions::new(args.patience),
    })
}

fn specs(args: &LoadArgs, registry: &Registry) -> Result<Vec<TargetSpec>, Failure> {
    let durability = args.durability.map(|durability| match durability {
        Durability::Full => "full",
        Durability::Normal => "normal",
    });
    let defaults: Vec<(&str, serde_json::Value)> =
        durability.map(|durability| ("durability", durability.into())).into_iter().collect();
    let mut specs = match &args.config {
        Some(file) => configured(registry, file, &args.backend)?,
        None => Vec::new(),
    };
    let default = [DEFAULT_STORE.to_owned()];
    let urls = match (&args.config, args.to.as_slice()) {
        (None, []) => default.as_slice(),
        (_, urls) => urls,
    };
    for text in urls {
        let url = BackendUrl::parse(text).map_err(|error| Failure::usage(error.to_string()))?;
        specs.push(TargetSpec::of_url(registry, &url, &defaults)?);
    }
    Ok(specs)
}

/// A backend by its name in a configuration, else by its URL.
pub(super) fn named(
    registry: &Registry,
    file: Option<&Path>,
    name: &str,
) -> Result<TargetSpec, Failure> {
    if let Some(file) = file
        && !name.contains(':')
    {
        let mut found = configured(registry, file, &[name.to_owned()])?;
        return found.pop().ok_or_else(|| Failure::usage(format!("there is no backend {name}")));
    }
    let url = BackendUrl::parse(name).map_err(|error| {
        let failure = Failure::usage(error.to_string());
        match file {
            None if !name.contains(':') => failure.with_hint("for a name, add --config FILE"),
            _ => failure,
        }
    })?;
    Ok(TargetSpec::of_url(registry, &url, &[])?)
}

/// The backends of a configuration, or those of these names.
pub(super) fn configured(
    registry: &Registry,
    file: &Path,
    names: &[String],
) -> Result<Vec<TargetSpec>, Failure> {
    let mut backends = config::backends(registry, file)?;
    let known = |name: &&String| backends.iter().any(|backend| backend.name.as_str() == **name);
    if let Some(unknown) = names.iter().find(|name| !known(name)) {
        let all: Vec<&str> = backends.iter().map(|backend| backend.name.as_str()).collect();
        return Err(Failure::usage(format!("{} has no backend `{unknown}`", file.display()))
            .with_hint(format!("it has {}", all.join(", "))));
    }
    backends.retain(|backend| names.is_empty() || names.iter().any(|n| n == backend.name.as_str()));
    let specs = backends.into_iter().map(TargetSpec::of_settings);
    Ok(specs.collect::<Result<_, _>>()?)
}

/// A token that the first signal cancels (Ctrl-C, or the one that asks a service to end); the
/// second one ends the process.
pub(super) fn stop_on_signal(json: bool) -> CancellationToken {
    let cancelled = CancellationToken::new();
    let token = cancelled.clone();
    // Listening begins here, and does not pause between the two.
    let (Ok(mut interrupt), Ok(mut terminate)) =
        (signal(SignalKind::interrupt()), signal(SignalKind::terminate()))
    else {
        return cancelled;
    };
    tokio::spawn(async move {
        let mut next =
            async || tokio::select! { _ = interrupt.recv() => {}, _ = terminate.recv() => {} };
        next().await;
        token.cancel();
        match json {
            true => tell("{\"event\":\"stopping\"}\n"),
            false => tell("\nstopping after the batch in flight; once more stops at once\n"),
        }
        next().await;
        std::process::exit(Outcome::Stopped.code().into());
    });
    cancelled
}

/// The summary as a person reads it, and a short look at each store; says whether each lets itself
/// be looked at.
async fn tell_report(
    report: &LoadReport,
    targets: &Targets,
    patience: Duration,
) -> Result<bool, Failure> {
    let mut text = match &report.plan {
        Some(plan) => {
            let list = |sign: &str, paths: &[String]| -> String {
                paths.iter().map(|path| format!("{sign} {path}\n")).collect()
            };
            format!("{}{}", list("write ", &plan.write), list("delete", &plan.delete))
        }
        None => String::new(),
    };
    text += &problems(report);
    text += &summary(report);
    let mut all_seen = true;
    if report.plan.is_none() && !report.stopped {
        let (shown, seen) = look(targets, patience).await;
        text += &shown;
        all_seen = seen;
    }
    if report.stopped {
        text += "stopped; the same command again goes on where this one ended\n";
    }
    print(&text)?;
    Ok(all_seen)
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

/// What went wrong, most important first.
fn problems(report: &LoadReport) -> String {
    let mut text = String::new();
    for backend in &report.backends {
        if let Some(error) = &backend.error {
            text += &format!("error: {} is incomplete: {}\n", backend.name, error.message);
            if let Some(hint) = &error.hint {
                text += &format!("  hint: {hint}\n");
            }
        }
        for refused in backend.refused.iter().take(NAMED_MAX) {
            text +=
                &format!("error: {} refused {}: {}\n", backend.name, refused.unit, refused.reason);
        }
        if backend.refused.len() > NAMED_MAX {
            text += &format!("  … and {} more\n", backend.refused.len() - NAMED_MAX);
        }
        if !backend.refused.is_empty() {
            let units = plural(backend.refused.len() as u64, "unit");
            text += &format!("  hint: {units} kept with the reason, see `astload dlq list`\n");
        }
    }
    for problem in report.problems.iter().take(4 * NAMED_MAX) {
        text += &format!("error: {problem}\n");
    }
    if report.problems.len() > 4 * NAMED_MAX {
        text += &format!("  … and {} more\n", report.problems.len() - 4 * NAMED_MAX);
    }
    let mut files = report.files.as_slice();
    while let [first, ..] = files {
        let alike = files.iter().take_while(|file| file.problem == first.problem).count();
        text += &file_problem(first.problem, &files[..alike]);
        files = &files[alike..];
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

fn file_problem(
    problem: FileProblem,
    files: &[astload_pipeline::source::directory::ProblemFile],
) -> String {
    let level = if problem.is_failure() { "warning" } else { "note" };
    let mut text = format!("{level}: {}: {}\n", plural(files.len() as u64, "file"), problem.text());
    // Links and the like are the rule in some trees; that they are there is enough.
    let named = if problem.is_failure() { NAMED_MAX } else { 3 };
    for file in files.iter().take(named) {
        let detail = file.detail.as_ref().map(|detail| format!(" ({detail})")).unwrap_or_default();
        text += &format!("  {}{detail}\n", file.path);
    }
    if files.len() > named {
        text += &format!("  … and {} more\n", files.len() - named);
    }
    text
}

fn summary(report: &LoadReport) -> String {
    let seconds = report.elapsed.as_secs_f64();
    let rows = report.rows();
    if let Some(plan) = &report.plan {
        return format!(
            "dry run: {} would be written, {} deleted, {} are there already; {seconds:.2} s\n",
            plural(plan.write.len() as u64, "unit"),
            count(plan.delete.len() as u64),
            count(report.skipped)
        );
    }
    let mut text = format!(
        "{} written, {} skipped, {} deleted, {} failed; {}, {}, {}; {seconds:.2} s",
        plural(report.written(), "unit"),
        count(report.skipped),
        count(report.deleted()),
        count(report.failed()),
        plural(rows.nodes, "node"),
        plural(rows.edges, "edge"),
        plural(rows.symbols, "new symbol")
    );
    if report.superseded() > 0 {
        text += &format!("; {} superseded by newer versions", count(report.superseded()));
    }
    if rows.nodes > 0 {
        text += &format!(", {} nodes/s", count((rows.nodes as f64 / seconds.max(0.001)) as u64));
    }
    text.push('\n');
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

fn has_errors(report: &LoadReport) -> bool {
    let failed = report.backends.iter().any(|backend| backend.error.is_some());
    report.broken || failed || !report.problems.is_empty()
}
