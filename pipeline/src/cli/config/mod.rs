//! `astload check` and `astload config`: what a configuration says, and whether it can be.

mod args;
mod connect;

use std::collections::HashMap;
use std::path::Path;
use std::sync::Arc;

use astload_backends::{BackendFactory, Registry};
use astload_config::{
    BackendSettings, CannotRead, Config, FileSchema, Problem, Problems, TypeSchema,
};
use serde_json::{Value, json};

use super::output::{
    self, Audience, Failure, plural, print, print_json, print_pretty_json, tell_json,
};
use super::{FAILED, logs};
use args::ConfigCommand;

pub(super) use args::{CheckArgs, ConfigArgs};

/// A configuration, or what is wrong with it.
type Checked = Result<Config, Problems>;

pub(super) async fn check(args: CheckArgs) -> Result<u8, Failure> {
    logs::listen(args.audit.as_deref())?;
    let registry = Registry::with_builtins();
    let config = match read(&args.file, &registry)? {
        Ok(config) => config,
        Err(problems) => {
            tell(&problems, &args)?;
            return Ok(FAILED);
        }
    };
    if !args.json {
        let backends = plural(config.backends.len() as u64, "backend");
        print(&format!("{}: {backends}, no problems\n", args.file.display()))?;
    }
    if !args.connect {
        return Ok(0);
    }
    let probes = connect::probe(&registry, &config.backends).await;
    match args.json {
        true => probes.iter().try_for_each(|probe| print_json(&probe.to_json()))?,
        false => print(&connect::table_of(&probes))?,
    }
    Ok(if probes.iter().any(connect::Probe::failed) { FAILED } else { 0 })
}

pub(super) fn config(args: ConfigArgs) -> Result<u8, Failure> {
    let registry = Registry::with_builtins();
    match args.command {
        ConfigCommand::Schema => {
            print_pretty_json(&file_schema(&registry)?.for_editors())?;
        }
        ConfigCommand::Show(args) => {
            let config = read(&args.file, &registry)?.map_err(|problems| {
                let count = plural(problems.count() as u64, "problem");
                Failure::new(format!("{count} in {}", args.file.display()))
                    .with_hint(format!("astload check {} shows them", args.file.display()))
            })?;
            match args.json {
                true => print_json(config.effective())?,
                false => print(&config.effective_yaml())?,
            }
        }
    }
    Ok(0)
}

/// The schema of a configuration of the registered types.
fn file_schema(registry: &Registry) -> Result<FileSchema, Failure> {
    let known = registry.discover();
    let factories: HashMap<&'static str, Arc<dyn BackendFactory>> = known
        .iter()
        .filter_map(|known| Some((known.info.name, registry.factory(known.info.name).ok()?)))
        .collect();
    let types = known.into_iter();
    let types = types.map(|known| TypeSchema {
        name: known.info.name.to_owned(),
        schema: known.options.as_ref().clone(),
    });
    let schema = FileSchema::new(types.collect());
    let schema = schema.map_err(|error| Failure::new(error.to_string()))?;
    Ok(schema.with_places(move |name, options| factories.get(name)?.place(options).ok()))
}

fn read(path: &Path, registry: &Registry) -> Result<Checked, Failure> {
    match Config::read(path, &file_schema(registry)?) {
        Ok(config) => Ok(Ok(config)),
        Err(CannotRead::Problems(problems)) => Ok(Err(problems)),
        Err(error @ CannotRead::File { .. }) => Err(Failure::usage(error.to_string())),
    }
}

/// The backends that a file configures; what is wrong with it is told as `check` tells it.
pub(super) fn backends(registry: &Registry, file: &Path) -> Result<Vec<BackendSettings>, Failure> {
    let config = read(file, registry)?.map_err(|problems| {
        match Audience::of_process() {
            Audience::Machines => problems.told().iter().map(object).for_each(|p| tell_json(&p)),
            Audience::People => output::tell(&problems.to_string()),
        }
        Failure::usage(format!(
            "{} in {}",
            plural(problems.count() as u64, "problem"),
            file.display()
        ))
    })?;
    match config.backends.is_empty() {
        true => Err(Failure::usage(format!("{} configures no backend", file.display()))),
        false => Ok(config.backends),
    }
}

fn tell(problems: &Problems, args: &CheckArgs) -> Result<(), Failure> {
    if args.json {
        return problems.told().iter().try_for_each(|problem| print_json(&object(problem)));
    }
    let count = plural(problems.count() as u64, "problem");
    print(&format!("{problems}{count} in {}\n", args.file.display()))
}

fn object(problem: &Problem) -> Value {
    let Problem { file, line, column, message, hint, snippet: _ } = problem;
    // A path may be no UTF-8.
    let file = file.to_string_lossy();
    json!({ "kind": "configuration", "file": file, "line": line, "column": column, "message": message, "hint": hint })
}

#[cfg(test)]
mod tests {
    use astload_backends::GuardSettings;
    use astload_pipeline::health::MonitorSettings;

    const PAGE: &str = include_str!("../../../../docs/configuration.md");

    /// The default that the documentation gives a field of `write` or `health`.
    fn documented(field: &str) -> &'static str {
        let row = PAGE.lines().find(|line| line.starts_with(&format!("| `{field}` | ")));
        row.and_then(|row| row.split(" | ").nth(1)).unwrap_or_else(|| panic!("{field} has no row"))
    }

    #[test]
    fn the_defaults_of_the_documentation_are_those_of_the_code() {
        let GuardSettings { attempt_timeout, deadline, backoff, budget, breaker, limit: _ } =
            GuardSettings::for_concurrency(1);
        let health = MonitorSettings::default();
        for (field, default) in [
            ("attempt_timeout", attempt_timeout),
            ("deadline", deadline),
            ("retry.first", backoff.first),
            ("retry.max", backoff.longest),
            ("breaker.cooldown", breaker.cooldown),
            ("breaker.cooldown_max", breaker.cooldown_max),
            ("interval", health.interval),
            ("unhealthy_interval", health.unhealthy_interval),
            ("timeout", health.timeout),
        ] {
            assert_eq!(humantime::parse_duration(documented(field)), Ok(default), "{field}");
        }
        for (field, default) in [
            ("retry.budget.ratio", budget.ratio),
            ("retry.budget.per_second", budget.per_second),
            ("retry.budget.most", budget.most),
            ("breaker.faults", f64::from(breaker.faults)),
        ] {
            assert_eq!(documented(field).parse(), Ok(default), "{field}");
        }
    }
}
