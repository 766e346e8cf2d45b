//! The wall of a real load against what its two halves take alone.

use std::io::{Write, stdout};
use std::path::{Path, PathBuf};

use anyhow::Result;
use astload_bench::{
    Lane, Load, Machine, Meter, Scratch, SinkFactory, Spent, Table, collect, median, parse,
};
use clap::Parser;
use tokio::runtime::Runtime;
use tokio_util::sync::CancellationToken;

/// As the binary has it.
#[global_allocator]
static ALLOCATOR: tikv_jemallocator::Jemalloc = tikv_jemallocator::Jemalloc;

/// Measures P, the CPU seconds of parsing alone (into a sink), W, those of writing alone (`settle`
/// included, from batches in memory), and the wall of `astload load`.
/// Target: wall ≤ 1.25 × max(W, (P + W) / 2) on two cores.
#[derive(Debug, Parser)]
#[command(after_help = "Example:\n  end_to_end --corpus ~/src/django --rounds 1")]
struct Args {
    /// A directory of source
    #[arg(long, value_name = "DIR")]
    corpus: PathBuf,
    /// How often
    #[arg(long, default_value_t = 3)]
    rounds: usize,
    /// Where the stores are made [default: where temporary files go]
    #[arg(long, value_name = "DIR")]
    scratch: Option<PathBuf>,
    /// Parsing alone, for a profiler
    #[arg(long)]
    parse_only: bool,
}

#[derive(Debug)]
struct Round {
    parse: Spent,
    write: Spent,
    load: Spent,
    peak: u64,
    nodes: u64,
}

impl Round {
    /// What two cores would need if nothing were lost.
    fn ideal(&self) -> f64 {
        let (p, w) = (self.parse.cpu.as_secs_f64(), self.write.cpu.as_secs_f64());
        w.max(f64::midpoint(p, w))
    }

    fn ratio(&self) -> f64 {
        self.load.wall.as_secs_f64() / self.ideal()
    }
}

fn main() -> Result<()> {
    let args = Args::parse();
    let runtime = Runtime::new()?;
    writeln!(stdout(), "{}\n", Machine::here())?;
    if args.parse_only {
        for _ in 0..args.rounds {
            let (_, spent) = parse_alone(&runtime, &args.corpus)?;
            writeln!(
                stdout(),
                "P {:.2} s, wall {:.2} s",
                spent.cpu.as_secs_f64(),
                spent.wall.as_secs_f64()
            )?;
        }
        return Ok(());
    }
    let scratch = Scratch::new(args.scratch.as_deref())?;
    let mut rounds = Vec::new();
    for _ in 0..args.rounds {
        rounds.push(round(&runtime, &args.corpus, &scratch)?);
    }
    let mut table = Table::new(&[
        "nodes",
        "P",
        "W",
        "max(W, (P+W)/2)",
        "wall",
        "ratio",
        "M nodes/s",
        "load CPU",
        "peak MB",
    ]);
    for round in &rounds {
        let wall = round.load.wall.as_secs_f64();
        table.row([
            round.nodes.to_string(),
            format!("{:.2}", round.parse.cpu.as_secs_f64()),
            format!("{:.2}", round.write.cpu.as_secs_f64()),
            format!("{:.2}", round.ideal()),
            format!("{wall:.2}"),
            format!("{:.2}", round.ratio()),
            format!("{:.2}", round.nodes as f64 / wall / 1e6),
            format!("{:.2}", round.load.cpu.as_secs_f64()),
            format!("{:.0}", round.peak as f64 / 1e6),
        ]);
    }
    table.print()?;
    let middle = median(rounds.iter().map(Round::ratio));
    writeln!(stdout(), "\nratio, median of {}: {middle:.2} (target 1.25)", rounds.len())?;
    writeln!(stdout(), "afterwards: {}", Machine::here())?;
    Ok(())
}

fn round(runtime: &Runtime, corpus: &Path, scratch: &Scratch) -> Result<Round> {
    let (nodes, parse) = parse_alone(runtime, corpus)?;
    let write = write_alone(runtime, corpus, &scratch.fresh("alone.db")?)?;
    scratch.fresh("alone.db")?;
    scratch.fresh("load.db")?;
    let load = Load { scratch, directory: corpus, store: "load.db" };
    let loaded = load.run(&["--no-trust-mtime"])?.finished;
    scratch.fresh("load.db")?;
    Ok(Round { parse, write, load: loaded.spent, peak: loaded.peak, nodes })
}

fn parse_alone(runtime: &Runtime, corpus: &Path) -> Result<(u64, Spent)> {
    let sinks = SinkFactory::dropping();
    let never = CancellationToken::new();
    let (report, spent) = Meter::of(|| parse(runtime, corpus, &sinks, &never));
    Ok((report?.rows().nodes, spent))
}

fn write_alone(runtime: &Runtime, corpus: &Path, store: &Path) -> Result<Spent> {
    let batches = collect(runtime, corpus, usize::MAX)?;
    let lane = Lane::open(runtime, store)?;
    let meter = Meter::start();
    runtime.block_on(async {
        for batch in &batches {
            lane.backend.write_batch(batch).await?;
        }
        lane.backend.settle().await?;
        lane.backend.close().await
    })?;
    let spent = meter.spent();
    drop(batches);
    Ok(spent)
}
