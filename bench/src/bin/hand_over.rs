//! What a batch pays for its way through channel, coordinator and lane.

use std::io::{Write, stdout};
use std::iter::repeat_n;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use astload_backends::GuardSettings;
use astload_bench::{Carrying, Machine, Meter, SinkFactory, Table, lane_to, median, of_one_node};
use astload_pipeline::journal::JournalSettings;
use clap::Parser;
use tokio::runtime::Runtime;

/// As the binary has it.
#[global_allocator]
static ALLOCATOR: tikv_jemallocator::Jemalloc = tikv_jemallocator::Jemalloc;

/// Sends batches through channel, coordinator and lanes into backends that do nothing, and prints
/// what each takes. Target: 10 µs a batch.
#[derive(Debug, Parser)]
struct Args {
    /// Batches a round
    #[arg(long, default_value_t = 100_000)]
    batches: usize,
    /// How often
    #[arg(long, default_value_t = 7)]
    rounds: usize,
}

fn main() -> Result<()> {
    let args = Args::parse();
    let runtime = Runtime::new()?;
    writeln!(stdout(), "{}\n", Machine::here())?;
    let mut table = Table::new(&["lanes", "batches", "µs a batch, wall", "µs a batch, CPU"]);
    for lanes in [1, 2, 4] {
        let mut wall = Vec::new();
        let mut cpu = Vec::new();
        for _ in 0..args.rounds {
            let (sent, spent) = Meter::of(|| runtime.block_on(send(args.batches, lanes)));
            sent?;
            let each = |time: Duration| time.as_secs_f64() * 1e6 / args.batches as f64;
            wall.push(each(spent.wall));
            cpu.push(each(spent.cpu));
        }
        table.row([
            lanes.to_string(),
            args.batches.to_string(),
            format!("{:.2}", median(wall)),
            format!("{:.2}", median(cpu)),
        ]);
    }
    table.print()?;
    writeln!(stdout(), "\ntarget 10 µs; afterwards: {}", Machine::here())?;
    Ok(())
}

async fn send(batches: usize, lanes: usize) -> Result<()> {
    let sinks = SinkFactory::dropping();
    let guard = GuardSettings::for_concurrency(1);
    let lane = |index| lane_to(Arc::new(sinks.sink()), guard, index);
    let lanes = (0..lanes).map(lane).collect::<Result<Vec<_>>>()?;
    let source = repeat_n(of_one_node()?, batches).map(Ok);
    let arrived = Carrying::start(JournalSettings::default(), lanes, source).arrived().await?;
    let written = arrived.lanes.first().context("no lane ran")?.receipt.written;
    ensure!(written == batches as u64, "{written} of {batches} batches arrived");
    Ok(())
}
