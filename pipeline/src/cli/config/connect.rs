//! `astload check --connect`: whether each backend answers.

use std::time::Duration;

use astload_backends::{Access, BackendConfig, Error, Registry, Terms};
use astload_config::BackendSettings;
use astload_model::Selection;
use astload_pipeline::health::MonitorSettings;
use futures::StreamExt;
use serde_json::{Value, json};

use crate::cli::output::{one_line, table};

/// Backends that are asked at the same time.
const AT_ONCE: usize = 8;

/// What came of asking a backend.
pub(super) struct Probe {
    name: String,
    type_name: String,
    outcome: Outcome,
}

enum Outcome {
    /// It answers.
    Well { version: String, latency: Duration },
    /// There is no store yet, which a load changes.
    Absent,
    /// It does not answer, or not well.
    Failed { message: String, hint: Option<String> },
}

/// Asks every backend, in their order.
pub(super) async fn probe(registry: &Registry, backends: &[BackendSettings]) -> Vec<Probe> {
    let probes = backends.iter().map(|backend| probe_one(registry, backend));
    futures::stream::iter(probes).buffered(AT_ONCE).collect().await
}

async fn probe_one(registry: &Registry, backend: &BackendSettings) -> Probe {
    let longest = MonitorSettings::default().configured(&backend.health).timeout;
    let outcome = match tokio::time::timeout(longest, ask(registry, backend, longest)).await {
        Ok(Ok(outcome)) => outcome,
        Ok(Err(error)) => {
            let Error { message, hint, .. } = error.without(backend.options.secrets());
            Outcome::Failed { message, hint }
        }
        Err(_) => {
            let message = format!("no answer for {}", humantime::format_duration(longest));
            let hint = Some("`health.timeout` says how long it may take".to_owned());
            Outcome::Failed { message, hint }
        }
    };
    let (name, type_name) = (backend.name.to_string(), backend.type_name.clone());
    Probe { name, type_name, outcome }
}

async fn ask(
    registry: &Registry,
    backend: &BackendSettings,
    longest: Duration,
) -> Result<Outcome, Error> {
    let cannot = |reason: String| Error::misconfigured(reason);
    let factory =
        registry.factory(&backend.type_name).map_err(|error| cannot(error.to_string()))?;
    let options = backend.options.value().clone();
    let terms = Terms::of(backend.name.as_str(), backend.options.secrets());
    let terms = terms.configured(&backend.write).within(longest);
    if !registry.exists_on(&terms, &backend.type_name, &options).await? {
        return Ok(Outcome::Absent);
    }
    let rules = backend.select.clone().unwrap_or_else(|| factory.selection());
    let selection = Selection::new(rules);
    let selection = selection.map_err(|error| cannot(error.to_string()))?.digest();
    let config = BackendConfig { options, access: Access::Read, selection };
    let connected = registry.create_on(&terms, &backend.type_name, config).await?;
    let health = connected.health_check().await;
    let version = connected.info().version.clone();
    let closed = connected.close().await;
    let latency = health?.latency;
    closed?;
    Ok(Outcome::Well { version, latency })
}

impl Probe {
    pub(super) fn failed(&self) -> bool {
        matches!(self.outcome, Outcome::Failed { .. })
    }

    pub(super) fn to_json(&self) -> Value {
        let Self { name, type_name, outcome } = self;
        match outcome {
            Outcome::Well { version, latency } => json!({
                "backend": name, "type": type_name, "outcome": "well",
                "version": version, "latency_ms": latency.as_secs_f64() * 1_000.0,
            }),
            Outcome::Absent => json!({ "backend": name, "type": type_name, "outcome": "absent" }),
            Outcome::Failed { message, hint } => json!({
                "backend": name, "type": type_name, "outcome": "failed",
                "message": message, "hint": hint,
            }),
        }
    }

    fn row(&self) -> Vec<String> {
        let said = match &self.outcome {
            Outcome::Well { version, latency } => {
                format!("version {version}, answers in {:.1} ms", latency.as_secs_f64() * 1_000.0)
            }
            Outcome::Absent => "not there yet; load creates it".to_owned(),
            Outcome::Failed { message, hint: None } => format!("error: {message}"),
            Outcome::Failed { message, hint: Some(hint) } => format!("error: {message}; {hint}"),
        };
        vec![self.name.clone(), self.type_name.clone(), one_line(&said).into_owned()]
    }
}

/// A line for each backend.
pub(super) fn table_of(probes: &[Probe]) -> String {
    table(&probes.iter().map(Probe::row).collect::<Vec<_>>())
}
