//! What is told while something runs: warnings, and on demand the audit stream.

use std::fs::OpenOptions;
use std::path::Path;
use std::sync::Mutex;

use tracing::level_filters::LevelFilter;
use tracing_subscriber::filter::{FilterExt, filter_fn};
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::util::SubscriberInitExt;
use tracing_subscriber::{Layer, fmt};

use super::output::Failure;

/// The `tracing` target of everything that happens to backends: writes and other changes, probes,
/// registrations, changes of health, dead letters.
const AUDIT: &str = "audit";

/// Tells warnings on standard error, and appends the audit stream to a file, as JSON lines.
pub(super) fn listen(json: bool, audit: Option<&Path>) -> Result<(), Failure> {
    let warnings = fmt::layer().with_writer(std::io::stderr).with_ansi(false).with_target(false);
    let warnings = match json {
        true => warnings.without_time().json().boxed(),
        false => warnings.without_time().compact().boxed(),
    };
    let warnings = warnings.with_filter(LevelFilter::WARN);
    let audit = audit.map(audit_layer).transpose()?;
    // Where somebody else listens already, they do.
    tracing_subscriber::registry().with(warnings).with(audit).try_init().ok();
    Ok(())
}

fn audit_layer<S>(path: &Path) -> Result<impl Layer<S> + use<S>, Failure>
where
    S: tracing::Subscriber + for<'a> tracing_subscriber::registry::LookupSpan<'a>,
{
    let file = OpenOptions::new().create(true).append(true).open(path);
    let file =
        file.map_err(|error| Failure::usage(format!("--audit {}: {error}", path.display())))?;
    let is_audit = filter_fn(|event| event.target() == AUDIT && event.is_event());
    let lines = fmt::layer()
        .json()
        .flatten_event(true)
        .with_current_span(false)
        .with_span_list(false)
        .with_target(false)
        .with_level(false)
        .with_writer(Mutex::new(file));
    Ok(lines.with_filter(is_audit.and(LevelFilter::DEBUG)))
}
