//! What the Postgres backend takes, against `psql` that copies ready files into the same tables.

use std::io::{Write, stdout};
use std::path::PathBuf;
use std::time::{Duration, Instant};

use anyhow::{Result, ensure};
use astload_bench::{
    Machine, Meter, PgSchema, Scratch, Server, Spent, Table, Times, at_generation, collect, joined,
    median, write_all,
};
use astload_model::Batch;
use clap::Parser;
use tokio::runtime::Runtime;
use tokio::task::JoinSet;

/// As the binary has it.
#[global_allocator]
static ALLOCATOR: tikv_jemallocator::Jemalloc = tikv_jemallocator::Jemalloc;

/// Units that are replaced.
const REPLACED: usize = 1_000;

/// Measures the Postgres backend on a server that syncs, over TLS: a first load with its indexes and an
/// append to tables with their keys, against `psql \copy` of files that were made ready; several batch
/// sizes and connections; replacing 1,000 units and deleting a repository; connecting to a schema that
/// is there, and how long a connection is waited for under load.
#[derive(Debug, Parser)]
#[command(
    after_help = "Example:\n  ASTLOAD_TEST_FSYNC=on tests/services/run postgres -- \\\n    target/release/postgres --corpus \"$(bench/corpus ansible)\" --rows 1000000"
)]
struct Args {
    /// A directory of source
    #[arg(long, value_name = "DIR")]
    corpus: PathBuf,
    /// Rows that are loaded
    #[arg(long, default_value_t = 1_000_000)]
    rows: usize,
    /// How often each is measured
    #[arg(long, default_value_t = 3)]
    rounds: usize,
    /// Rows of a batch, for each a line of the second table
    #[arg(long, value_delimiter = ',', default_value = "8192,32768,65536,131072,262144")]
    sizes: Vec<usize>,
    /// Only the first table
    #[arg(long)]
    copy_only: bool,
    /// Only replacing and deleting
    #[arg(long)]
    replace_only: bool,
}

/// The default of a lane.
const BATCH_ROWS: usize = 65_536;

fn main() -> Result<()> {
    let args = Args::parse();
    let (runtime, server) = (Runtime::new()?, Server::started()?);
    writeln!(
        stdout(),
        "{}\nPostgreSQL {}\n",
        Machine::here(),
        server.psql("SHOW server_version;")?
    )?;
    let batches = collect(&runtime, &args.corpus, args.rows)?;
    let bench = Bench { args: &args, runtime: &runtime, server: &server, batches };
    if !args.replace_only {
        bench.copying()?;
    }
    if !args.copy_only && !args.replace_only {
        bench.sizes()?;
        bench.connecting()?;
    }
    if !args.copy_only {
        bench.replacing()?;
    }
    writeln!(stdout(), "\nafterwards: {}", Machine::here())?;
    Ok(())
}

struct Bench<'a> {
    args: &'a Args,
    runtime: &'a Runtime,
    server: &'a Server,
    batches: Vec<Batch>,
}

/// Whether indexes come after the rows, or the keys before them.
#[derive(Clone, Copy)]
enum Order {
    First,
    Append,
}

impl Bench<'_> {
    fn bare(&self, order: Order) -> Result<PgSchema> {
        let schema = PgSchema::bare(self.server, "bench")?;
        if let Order::Append = order {
            let indexes = schema.indexes()?;
            schema
                .sql(&format!("{}; UPDATE store SET indexed = true;", indexes[..3].join(";\n")))?;
        }
        self.server.checkpoint()?;
        Ok(schema)
    }

    /// Ours, with batches of so many rows and so many connections.
    fn ours(&self, order: Order, rows: usize, connections: usize) -> Result<(Spent, u64)> {
        let batches = joined(&self.batches, rows);
        let schema = self.bare(order)?;
        let backend = schema.connect(self.runtime, connections)?;
        let meter = Meter::start();
        write_all(self.runtime, &backend, &batches, connections)?;
        if let Order::First = order {
            self.runtime.block_on(backend.settle())?;
        }
        let spent = meter.spent();
        self.runtime.block_on(backend.close())?;
        Ok((spent, schema.rows()?))
    }

    /// `psql`, which copies the ready files.
    fn theirs(&self, order: Order, files: &Scratch) -> Result<Duration> {
        let schema = self.bare(order)?;
        let start = Instant::now();
        schema.restore(&files.path(""))?;
        if let Order::First = order {
            let settings = "SET maintenance_work_mem = '256MB'";
            schema.sql(&format!(
                "{settings}; {}; ANALYZE word, unit, symbol, node, edge, vector;",
                schema.indexes()?.join(";\n")
            ))?;
        }
        Ok(start.elapsed())
    }

    /// Against `psql`.
    fn copying(&self) -> Result<()> {
        let files = Scratch::new(None)?;
        self.ours(Order::First, BATCH_ROWS, 2)?;
        // What both write is what the backend wrote.
        let schema = self.bare(Order::Append)?;
        let backend = schema.connect(self.runtime, 2)?;
        write_all(self.runtime, &backend, &joined(&self.batches, BATCH_ROWS), 2)?;
        self.runtime.block_on(backend.close())?;
        schema.dump(&files.path(""))?;
        let mut table = Table::new(&[
            "what",
            "connections",
            "rows",
            "M rows/s",
            "psql M rows/s",
            "psql/ours",
            "CPU s per M rows",
        ]);
        for (what, order) in
            [("first load with indexes", Order::First), ("append, keys in place", Order::Append)]
        {
            for connections in [1, 2] {
                let mut rounds = Vec::new();
                let mut rows = 0;
                for round in 0..self.args.rounds {
                    let (mut ours, mut theirs) = (None, None);
                    for turn in 0..2 {
                        if (turn + round) % 2 == 0 {
                            let (spent, written) = self.ours(order, BATCH_ROWS, connections)?;
                            (ours, rows) = (Some(spent), written);
                        } else {
                            theirs = Some(self.theirs(order, &files)?.as_secs_f64());
                        }
                    }
                    rounds.extend(ours.zip(theirs));
                }
                let of = |number: &dyn Fn(&(Spent, f64)) -> f64| median(rounds.iter().map(number));
                let (count, wall) = (rows as f64, |spent: &Spent| spent.wall.as_secs_f64());
                table.row([
                    what.to_owned(),
                    connections.to_string(),
                    rows.to_string(),
                    format!("{:.2}", count / of(&|(ours, _)| wall(ours)) / 1e6),
                    format!("{:.2}", count / of(&|(_, theirs)| *theirs) / 1e6),
                    format!("{:.2}", of(&|(ours, theirs)| theirs / wall(ours))),
                    format!("{:.2}", of(&|(ours, _)| ours.cpu.as_secs_f64()) / count * 1e6),
                ]);
            }
        }
        table.print()?;
        writeln!(stdout(), "target: psql/ours ≥ 1.0, CPU ≤ 0.3 s\n")?;
        Ok(())
    }

    /// Why the defaults are what they are.
    fn sizes(&self) -> Result<()> {
        let mut table = Table::new(&[
            "rows a batch",
            "connections",
            "first load, M rows/s",
            "append, M rows/s",
            "CPU s per M rows",
        ]);
        for &size in &self.args.sizes {
            for connections in [1, 2, 3] {
                let mut seconds = [Vec::new(), Vec::new()];
                let (mut rows, mut cpu) = (0, Vec::new());
                for _ in 0..self.args.rounds {
                    for (at, order) in [Order::First, Order::Append].into_iter().enumerate() {
                        let (spent, written) = self.ours(order, size, connections)?;
                        seconds[at].push(spent.wall.as_secs_f64());
                        cpu.push(spent.cpu.as_secs_f64());
                        rows = written;
                    }
                }
                let rate = |seconds: &Vec<f64>| rows as f64 / median(seconds.iter().copied()) / 1e6;
                table.row([
                    size.to_string(),
                    connections.to_string(),
                    format!("{:.2}", rate(&seconds[0])),
                    format!("{:.2}", rate(&seconds[1])),
                    format!("{:.2}", median(cpu) / rows as f64 * 1e6),
                ]);
            }
        }
        table.print()?;
        writeln!(stdout())?;
        Ok(())
    }

    /// Connecting to a store that is there, and waiting for a connection while it is written to.
    fn connecting(&self) -> Result<()> {
        let (_, rows) = self.ours(Order::First, BATCH_ROWS, 2)?;
        ensure!(rows > 0, "nothing was written");
        let schema = PgSchema::there(self.server, "bench");
        let mut connecting = Times::default();
        for _ in 0..50 {
            let backend = connecting.of(|| schema.connect(self.runtime, 2))?;
            self.runtime.block_on(backend.close())?;
        }
        let backend = schema.connect(self.runtime, 4)?;
        let mut waiting = Times::default();
        for times in self.runtime.block_on(async {
            let mut probes = JoinSet::new();
            for _ in 0..4 {
                let backend = backend.clone();
                probes.spawn(async move {
                    let mut times = Times::default();
                    for _ in 0..500 {
                        let report = backend.health_check().await?;
                        times.push(report.latency);
                    }
                    Ok::<_, astload_backends::Error>(times)
                });
            }
            probes.join_all().await
        }) {
            waiting.extend(times?);
        }
        self.runtime.block_on(backend.close())?;
        let millis = |micros: f64| format!("{:.2}", micros / 1e3);
        let mut table = Table::new(&["what", "p50 ms", "p99 ms"]);
        for (what, times) in [
            ("connect over TLS, the schema in place", &connecting),
            ("checkout and a probe, 4 at once", &waiting),
        ] {
            table.row([
                what.to_owned(),
                millis(times.percentile(50.0)),
                millis(times.percentile(99.0)),
            ]);
        }
        table.print()?;
        writeln!(stdout(), "targets: 10 ms; checkout p99 5 ms\n")?;
        Ok(())
    }

    /// Replacing units of a store, and deleting the repository.
    fn replacing(&self) -> Result<()> {
        let (_, rows) = self.ours(Order::First, BATCH_ROWS, 2)?;
        let schema = PgSchema::there(self.server, "bench");
        let backend = schema.connect(self.runtime, 2)?;
        let mut table =
            Table::new(&["rows in the store", "what", "units", "rows", "seconds", "M rows/s"]);
        let units: usize = self.batches.iter().map(Batch::len).sum();
        let step = (units / REPLACED).max(1);
        for round in 0..self.args.rounds as u64 {
            let mut changed = Vec::new();
            let mut at = 0;
            for batch in &self.batches {
                let chosen: Vec<usize> =
                    (0..batch.len()).filter(|unit| (at + unit) % step == 0).collect();
                at += batch.len();
                if !chosen.is_empty() {
                    changed.push(at_generation(batch, &chosen, (1 << 61) + round)?);
                }
            }
            let changed = joined(&changed, BATCH_ROWS);
            let rows_changed: usize = changed.iter().map(Batch::rows).sum();
            let meter = Meter::start();
            write_all(self.runtime, &backend, &changed, 2)?;
            let seconds = meter.spent().wall.as_secs_f64();
            let count: usize = changed.iter().map(Batch::len).sum();
            table.row([
                rows.to_string(),
                "replace".to_owned(),
                count.to_string(),
                rows_changed.to_string(),
                format!("{seconds:.2}"),
                format!("{:.2}", rows_changed as f64 / seconds / 1e6),
            ]);
        }
        let meter = Meter::start();
        let admin = backend.admin().ok_or_else(|| anyhow::anyhow!("no admin"))?;
        let receipt = self.runtime.block_on(admin.remove("corpus", None))?;
        let seconds = meter.spent().wall.as_secs_f64();
        table.row([
            rows.to_string(),
            "delete the repository".to_owned(),
            receipt.deleted.to_string(),
            rows.to_string(),
            format!("{seconds:.2}"),
            format!("{:.2}", rows as f64 / seconds / 1e6),
        ]);
        self.runtime.block_on(backend.close())?;
        table.print()?;
        Ok(())
    }
}
