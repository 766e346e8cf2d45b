//! `astload load`.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use astload_backends::Registry;
use astload_model::LANGUAGES;
use astload_pipeline::folders;
use astload_pipeline::languages::Language;
use astload_pipeline::letters::DeadLetters;
use astload_pipeline::load::{
    Approach, Input, LaneOptions, LoadOptions, LoadProgress, Outcome, TargetSpec, Targets, load,
};
use astload_pipeline::source::directory::{NodeChoice, PathGlobs};
use astload_pipeline::source::stream::StreamFormat;
use serde_json::json;
use tokio::signal::unix::{SignalKind, signal};
use tokio_util::sync::CancellationToken;

use super::args::{DEFAULT_STORE, Durability, Format, LoadArgs, Nodes};
use super::config;
use super::inputs::inputs;
use super::logs;
use super::output::{Audience, Failure, print_json, tell, tell_json};
use super::progress::{Style, Work, wait, watch};
use super::store::url;
use super::summary;

pub(super) async fn run(args: LoadArgs) -> Result<u8, Failure> {
    let inputs = inputs(&args)?;
    let options = options(&args)?;
    logs::listen(args.audit.as_deref())?;
    let registry = Registry::with_builtins();
    let specs = specs(&args, &registry)?;
    let cancelled = stop_on_signal();
    let (dry_run, patience) = (args.dry_run, args.patience);
    let approach = Approach { dry_run, patience, stopping: cancelled.clone() };
    let style = Style::of(args.json, args.quiet);
    let connecting = Targets::connect(&registry, &specs, approach);
    let mut targets = wait("connecting", style, connecting).await?;
    let progress = Arc::new(LoadProgress::of(&targets));
    let are_directories = inputs.iter().all(|input| matches!(input, Input::Directory(_)));
    let work = if are_directories { Work::FILES } else { Work::UNITS };
    let loading = load(&inputs, &options, &mut targets, &progress, &cancelled);
    let report = watch(&progress, (work, style), loading).await;
    let told = match &report {
        Ok(report) if args.json => print_json(report).map(|()| true),
        Ok(report) => summary::tell(report, &targets, &args).await,
        Err(_) => Ok(true),
    };
    wait("closing", style, targets.close()).await;
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

fn options(args: &LoadArgs) -> Result<LoadOptions, Failure> {
    let globs = PathGlobs::new(&args.include, &args.exclude)
        .map_err(|error| Failure::usage(error.to_string()))?;
    if let Some(unknown) = args.languages.iter().find(|name| Language::by_name(name).is_none()) {
        let known = LANGUAGES.map(str::to_owned);
        let meant = astload_config::suggestion(unknown, &known);
        return Err(Failure::usage(format!("there is no grammar for `{unknown}`{meant}"))
            .with_hint(format!("there are {}", known.join(", "))));
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
        rename: args.rename,
        allow_mass_delete: args.allow_mass_delete,
        strict: args.strict,
        dry_run: args.dry_run,
        workers: args.jobs.map_or(cores, usize::from),
        lanes: lanes(args.patience, args.dead_letters.as_deref()),
    })
}

/// How batches get to the backends, and where dead letters are kept if somebody says.
pub(super) fn lanes(patience: Duration, dead_letters: Option<&Path>) -> LaneOptions {
    LaneOptions { letters: self::dead_letters(dead_letters), ..LaneOptions::new(patience) }
}

/// The dead letters in a folder, or where the user has such things.
pub(super) fn dead_letters(folder: Option<&Path>) -> DeadLetters {
    DeadLetters::within(folder.map_or_else(folders::dead_letters, Path::to_path_buf))
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
    for (text, number) in urls.iter().zip(1..) {
        let url = url(&format!("--to number {number}"), text)?;
        specs.push(TargetSpec::of_url(registry, &url, &defaults)?);
    }
    Ok(specs)
}

/// A backend by its name in a configuration, else by its URL; `what` is the argument that names it.
pub(super) fn named(
    registry: &Registry,
    file: Option<&Path>,
    what: &str,
    name: &str,
) -> Result<TargetSpec, Failure> {
    if let Some(file) = file
        && !name.contains(':')
    {
        let mut found = configured(registry, file, &[name.to_owned()])?;
        return found.pop().ok_or_else(|| Failure::usage(format!("there is no backend {name}")));
    }
    let url = url(what, name).map_err(|failure| match file {
        None if !name.contains(':') && !failure.has_hint() => {
            failure.with_hint("for a name, add --config FILE")
        }
        _ => failure,
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
    let specs = backends.into_iter().map(|backend| TargetSpec::of_settings(registry, backend));
    Ok(specs.collect::<Result<_, _>>()?)
}

/// A token that the first signal cancels (Ctrl-C, or the one that asks a service to end); the
/// second one ends the process.
pub(super) fn stop_on_signal() -> CancellationToken {
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
        match Audience::of_process() {
            Audience::Machines => tell_json(&json!({ "event": "stopping" })),
            Audience::People => {
                tell("\nstopping when what is in work is written; once more stops at once\n")
            }
        }
        next().await;
        std::process::exit(Outcome::Stopped.code().into());
    });
    cancelled
}
