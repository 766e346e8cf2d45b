//! What the registry costs among many types, and what it takes to open a store that is there.

use std::collections::BTreeMap;
use std::io::{Write, stdout};
use std::path::{Path, PathBuf};
use std::sync::{Arc, PoisonError, RwLock, RwLockWriteGuard};

use anyhow::{Context, Result, ensure};
use astload_backends::sqlite::{SqliteFactory, SqliteOptions};
use astload_backends::{
    Access, Backend, BackendConfig, BackendFactory, RegisteredType, Registry, TypeInfo,
};
use astload_bench::{Lane, Machine, Scratch, Table, Times, median, of_one_node};
use astload_config::{BackendUrl, parse_options};
use async_trait::async_trait;
use clap::Parser;
use rusqlite::{Connection, OpenFlags, ToSql};
use serde::Deserialize;
use serde_json::{Value, json};
use tokio::runtime::Runtime;

/// As the binary has it.
#[global_allocator]
static ALLOCATOR: tikv_jemallocator::Jemalloc = tikv_jemallocator::Jemalloc;

/// Measures registering, deregistering and discovering among many types, against a bare map under a
/// lock, and opening an existing SQLite store through the registry, against rusqlite alone with the
/// same connections and pragmas. Target: ≤ 1 ms each.
#[derive(Debug, Parser)]
struct Args {
    /// Types that are registered
    #[arg(long, default_value_t = 1_000)]
    types: usize,
    /// Calls of each kind a round
    #[arg(long, default_value_t = 500)]
    calls: usize,
    /// How often
    #[arg(long, default_value_t = 5)]
    rounds: usize,
    /// Where the store is made [default: where temporary files go]
    #[arg(long, value_name = "DIR")]
    scratch: Option<PathBuf>,
}

/// A call, and what it is held against.
#[derive(Debug, Default)]
struct Pair {
    ours: Times,
    bare: Times,
}

fn main() -> Result<()> {
    let args = Args::parse();
    let runtime = Runtime::new()?;
    writeln!(stdout(), "{}\n", Machine::here())?;
    let mut table = Table::new(&["call", "median µs", "p99 µs", "bare, median µs", "call/bare"]);
    let rounds: Vec<[Pair; 3]> =
        (0..args.rounds).map(|_| changes(args.types, args.calls)).collect::<Result<_>>()?;
    for (at, call) in ["register", "deregister", "discover"].into_iter().enumerate() {
        let pairs: Vec<&Pair> = rounds.iter().map(|round| &round[at]).collect();
        row(&mut table, &format!("{call}, {} types", args.types), &pairs);
    }
    let scratch = Scratch::new(args.scratch.as_deref())?;
    let store = scratch.fresh("registry.db")?;
    fill(&runtime, &store)?;
    let rounds: Vec<[Pair; 2]> =
        (0..args.rounds).map(|_| opens(&runtime, &store, args.calls)).collect::<Result<_>>()?;
    let (opened, options): (Vec<&Pair>, Vec<&Pair>) =
        rounds.iter().map(|[opened, options]| (opened, options)).unzip();
    row(&mut table, "open an SQLite store", &opened);
    row(&mut table, "of it, checking options", &options);
    table.print()?;
    writeln!(stdout(), "\ntarget 1,000 µs; afterwards: {}", Machine::here())?;
    Ok(())
}

/// The median over the rounds of what each of them measured.
fn row(table: &mut Table, call: &str, rounds: &[&Pair]) {
    let of = |number: fn(&Pair) -> f64| median(rounds.iter().map(|pair| number(pair)));
    table.row([
        call.to_owned(),
        format!("{:.1}", of(|pair| pair.ours.percentile(50.0))),
        format!("{:.1}", of(|pair| pair.ours.percentile(99.0))),
        format!("{:.1}", of(|pair| pair.bare.percentile(50.0))),
        format!("{:.2}", of(|pair| pair.ours.percentile(50.0) / pair.bare.percentile(50.0))),
    ]);
}

/// A type of another name than its own; it is asked for its options each time that it is registered.
#[derive(Debug)]
struct Named {
    name: &'static str,
    example: &'static str,
}

impl Named {
    fn new(number: usize) -> Self {
        // A registry's names live as long as the program.
        let name: &'static str = format!("type-{number}").leak();
        Self { name, example: format!("{name}:a.db").leak() }
    }
}

#[async_trait]
impl BackendFactory for Named {
    fn info(&self) -> TypeInfo {
        TypeInfo { name: self.name, example: self.example, ..SqliteFactory.info() }
    }

    fn options_schema(&self) -> Value {
        SqliteFactory.options_schema()
    }

    fn options_from_url(&self, url: &BackendUrl) -> astload_backends::Result<Value> {
        SqliteFactory.options_from_url(url)
    }

    fn place(&self, options: &Value) -> astload_backends::Result<String> {
        SqliteFactory.place(options)
    }

    fn schema(&self, _: &Value) -> astload_backends::Result<Vec<String>> {
        Ok(Vec::new())
    }

    async fn exists(&self, options: &Value) -> astload_backends::Result<bool> {
        SqliteFactory.exists(options).await
    }

    async fn connect(&self, config: BackendConfig) -> astload_backends::Result<Arc<dyn Backend>> {
        SqliteFactory.connect(config).await
    }
}

/// What the registry would be if it checked nothing and told nobody.
type Map = RwLock<BTreeMap<&'static str, RegisteredType>>;

fn write(map: &Map) -> RwLockWriteGuard<'_, BTreeMap<&'static str, RegisteredType>> {
    map.write().unwrap_or_else(PoisonError::into_inner)
}

/// Registers one more type among so many, takes it away, and lists all; each against a bare map.
fn changes(types: usize, calls: usize) -> Result<[Pair; 3]> {
    let registry = Registry::default();
    for number in 0..types {
        registry.register(Arc::new(Named::new(number)))?;
    }
    let map: Map = RwLock::new(
        registry.discover().into_iter().map(|known| (known.info.name, known)).collect(),
    );
    let one_more: Arc<dyn BackendFactory> = Arc::new(Named::new(types));
    let name = one_more.info().name;
    let [mut register, mut deregister, mut discover] = [(); 3].map(|()| Pair::default());
    for _ in 0..calls {
        register.ours.of(|| registry.register(one_more.clone()))?;
        let listed = discover.ours.of(|| registry.discover());
        ensure!(listed.len() == types + 1, "{} types are listed", listed.len());
        deregister.ours.of(|| registry.deregister(name))?;

        let known = listed.into_iter().find(|known| known.info.name == name).context("listed")?;
        register.bare.of(|| write(&map).insert(name, known));
        let listed: Vec<RegisteredType> = discover
            .bare
            .of(|| map.read().unwrap_or_else(PoisonError::into_inner).values().cloned().collect());
        ensure!(listed.len() == types + 1, "{} types are in the map", listed.len());
        drop(deregister.bare.of(|| write(&map).remove(name)));
    }
    Ok([register, deregister, discover])
}

/// Makes a store that is indexed and closed.
fn fill(runtime: &Runtime, path: &Path) -> Result<()> {
    let lane = Lane::open(runtime, path)?;
    let batch = of_one_node()?;
    runtime.block_on(async {
        lane.backend.write_batch(&batch).await?;
        lane.backend.settle().await?;
        lane.backend.close().await
    })?;
    Ok(())
}

/// Opens the store in turns; closing is not measured. Then the part of it that is reading the
/// options, by their schema and by serde alone.
fn opens(runtime: &Runtime, path: &Path, calls: usize) -> Result<[Pair; 2]> {
    let registry = Registry::with_builtins();
    let options = json!({ "path": path });
    let config =
        || BackendConfig { options: options.clone(), access: Access::Write, selection: None };
    let [mut open, mut check] = [Pair::default(), Pair::default()];
    for _ in 0..calls {
        let opened = open.ours.of(|| runtime.block_on(registry.create("sqlite", config())))?;
        runtime.block_on(opened.close())?;
        // The reader goes first, as it does in the backend.
        let (writer, reader) = open.bare.of(|| open_bare(path))?;
        drop(reader);
        drop(writer);
        let checked: SqliteOptions =
            check.ours.of(|| parse_options(&options, &SqliteFactory.options_schema()))?;
        let read = check.bare.of(|| SqliteOptions::deserialize(&options))?;
        ensure!(checked.path == read.path, "the options differ");
    }
    Ok([open, check])
}

/// The two connections of a backend, with the pragmas that it sets and what it asks of the file.
fn open_bare(path: &Path) -> rusqlite::Result<(Connection, Connection)> {
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let writer = Connection::open_with_flags(path, flags)?;
    look(&writer)?;
    let pragmas: [(&str, &dyn ToSql); 6] = [
        ("page_size", &16_384),
        ("journal_mode", &"WAL"),
        ("synchronous", &"NORMAL"),
        ("wal_autocheckpoint", &4_000),
        ("cache_size", &-32_768),
        ("threads", &2),
    ];
    for (pragma, value) in pragmas {
        writer.pragma_update(None, pragma, value)?;
    }
    let reader = Connection::open_with_flags(path, flags)?;
    look(&reader)?;
    reader.pragma_update(None, "query_only", true)?;
    for pragma in ["page_count", "page_size"] {
        number(&reader, pragma)?;
    }
    Ok((writer, reader))
}

/// Whether the file is one of ours.
fn look(connection: &Connection) -> rusqlite::Result<()> {
    number(connection, "user_version")?;
    number(connection, "application_id")?;
    let tables = "SELECT count(*) FROM sqlite_master WHERE name NOT LIKE 'sqlite_%'";
    connection.query_row(tables, [], |row| row.get::<_, i64>(0)).map(drop)
}

fn number(connection: &Connection, pragma: &str) -> rusqlite::Result<i64> {
    connection.pragma_query_value(None, pragma, |row| row.get(0))
}
