//! `astload schema`: the tables of a store, for whoever answers for the database.

use std::path::PathBuf;
use std::sync::Arc;

use astload_backends::{
    Access, Addressed, Admin, Backend, BackendConfig, BackendFactory, Registry, RepoState, Terms,
};
use astload_config::Options;
use clap::{Args, Subcommand};
use serde_json::json;

use super::logs;
use super::output::{Failure, plural, print, print_json};
use super::store::addressed;

/// Plan, apply or drop the tables of a store
///
/// A load makes what it needs by itself, if its role may. Where it may not, somebody else runs what
/// `plan` prints, or `apply`; from then on a role with rights to the data alone is enough.
#[derive(Debug, Args)]
pub(super) struct SchemaArgs {
    #[command(subcommand)]
    command: SchemaCommand,
}

#[derive(Debug, Subcommand)]
enum SchemaCommand {
    /// Print the statements that the store lacks, and run none
    Plan(PlanArgs),
    /// Make what the store lacks: tables, views and indexes
    Apply(ApplyArgs),
    /// Drop everything that astload made, with all that is in it
    Drop(DropArgs),
}

#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  astload schema plan postgres://me@host/code
  astload schema plan --new 'postgres://me@host/code?partitions=16' > schema.sql")]
struct PlanArgs {
    /// The store
    #[arg(value_name = "URL")]
    url: String,
    /// Print all that makes a new store, without connecting
    #[arg(long)]
    new: bool,
    /// JSON on stdout
    #[arg(long)]
    json: bool,
}

#[derive(Debug, Args)]
#[command(after_help = "Example:\n  astload schema apply postgres://owner@host/code")]
struct ApplyArgs {
    /// The store
    #[arg(value_name = "URL")]
    url: String,
    /// Append what happens to the store to this file, as JSON lines
    #[arg(long, value_name = "FILE", value_hint = clap::ValueHint::FilePath)]
    audit: Option<PathBuf>,
    /// JSON on stdout
    #[arg(long)]
    json: bool,
}

#[derive(Debug, Args)]
#[command(after_help = "Example:\n  astload schema drop postgres://owner@host/code --yes")]
struct DropArgs {
    /// The store
    #[arg(value_name = "URL")]
    url: String,
    /// Drop it without asking
    #[arg(long)]
    yes: bool,
    /// Append what happens to the store to this file, as JSON lines
    #[arg(long, value_name = "FILE", value_hint = clap::ValueHint::FilePath)]
    audit: Option<PathBuf>,
    /// JSON on stdout
    #[arg(long)]
    json: bool,
}

pub(super) async fn run(args: SchemaArgs) -> Result<u8, Failure> {
    match args.command {
        SchemaCommand::Plan(args) => plan(args).await,
        SchemaCommand::Apply(args) => apply(args).await,
        SchemaCommand::Drop(args) => drop_all(args).await,
    }
}

/// A store by its URL, which may not be there yet.
struct Place {
    registry: Registry,
    factory: Arc<dyn BackendFactory>,
    options: Options,
    name: String,
}

impl Place {
    fn of(url: &str) -> Result<Self, Failure> {
        let registry = Registry::with_builtins();
        let Addressed { name, options, factory } = addressed(&registry, "the store", url)?;
        Ok(Self { registry, factory, options, name })
    }

    async fn exists(&self) -> Result<bool, Failure> {
        let terms = Terms::of(&self.name, self.options.secrets());
        let type_name = self.factory.info().name;
        Ok(self.registry.exists_on(&terms, type_name, self.options.value()).await?)
    }

    fn statements_of_new(&self) -> Result<Vec<String>, Failure> {
        Ok(self.factory.schema(self.options.value())?)
    }

    async fn open(&self, access: Access) -> Result<Arc<dyn Backend>, Failure> {
        let options = self.options.value().clone();
        let config = BackendConfig { options, access, selection: None };
        let terms = Terms::of(&self.name, self.options.secrets());
        Ok(self.registry.create_on(&terms, self.factory.info().name, config).await?)
    }
}

fn admin(backend: &dyn Backend) -> Result<&dyn Admin, Failure> {
    backend.admin().ok_or_else(|| Failure::new("this type of store has no schema to manage"))
}

async fn plan(args: PlanArgs) -> Result<u8, Failure> {
    logs::listen(None)?;
    let place = Place::of(&args.url)?;
    let statements = match !args.new && place.exists().await? {
        false => place.statements_of_new()?,
        true => {
            let backend = place.open(Access::Read).await?;
            let planned = admin(backend.as_ref())?.plan_schema().await;
            backend.close().await?;
            planned?
        }
    };
    match args.json {
        true => print_json(&statements)?,
        false if statements.is_empty() => print("-- the schema is up to date\n")?,
        false => print(&statements.iter().map(|one| format!("{one};\n")).collect::<String>())?,
    }
    Ok(0)
}

async fn apply(args: ApplyArgs) -> Result<u8, Failure> {
    logs::listen(args.audit.as_deref())?;
    let place = Place::of(&args.url)?;
    let is_new = !place.exists().await?;
    // Whoever may write makes the tables, and indexes are what settling builds.
    let backend = place.open(Access::Write).await?;
    let planned = admin(backend.as_ref())?.plan_schema().await;
    let settled = backend.settle().await;
    backend.close().await?;
    settled?;
    let made = planned?.len() as u64;
    match (args.json, is_new) {
        (true, _) => print_json(&json!({ "new": is_new, "indexes": made }))?,
        (false, true) => print("the schema was made\n")?,
        (false, false) if made == 0 => print("the schema was up to date\n")?,
        (false, false) => print(&format!("{} made\n", plural(made, "statement")))?,
    }
    Ok(0)
}

async fn drop_all(args: DropArgs) -> Result<u8, Failure> {
    logs::listen(args.audit.as_deref())?;
    let place = Place::of(&args.url)?;
    if !place.exists().await? {
        return Err(Failure::new(format!("there is no store at {}", place.name)));
    }
    let backend = place.open(Access::Drop).await?;
    let dropped = match args.yes {
        true => admin(backend.as_ref())?.drop_schema().await,
        false => {
            let repos = match backend.reader() {
                Some(reader) => reader.repos().await.ok(),
                None => None,
            };
            backend.close().await?;
            let units = |repos: Vec<RepoState>| repos.iter().map(|repo| repo.units).sum::<u64>();
            // What an older version holds cannot always be counted.
            let holds = repos.map_or("a store".to_owned(), |repos| plural(units(repos), "unit"));
            return Err(Failure::usage(format!(
                "{} holds {holds}, which would be gone",
                place.name
            ))
            .with_hint("add --yes to drop it"));
        }
    };
    backend.close().await?;
    let left = dropped?;
    match (args.json, left.as_slice()) {
        (true, left) => print_json(&json!({ "dropped": true, "left": left }))?,
        (false, []) => print("dropped\n")?,
        (false, left) => {
            print(&format!("dropped; left is what is not astload's: {}\n", left.join(", ")))?
        }
    }
    Ok(0)
}
