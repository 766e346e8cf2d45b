//! What the guard around a backend costs a batch.

use std::io::{Write, stdout};
use std::sync::Arc;
use std::time::Instant;

use anyhow::Result;
use astload_backends::{Backend, GuardSettings, Guarded};
use astload_bench::{Machine, SinkFactory, Table, Times, median, of_one_node};
use clap::Parser;
use tokio::runtime::{Builder, Runtime};
use tracing::Level;
use tracing::subscriber::{NoSubscriber, with_default};

/// As the binary has it.
#[global_allocator]
static ALLOCATOR: tikv_jemallocator::Jemalloc = tikv_jemallocator::Jemalloc;

/// Writes batches to a backend that does nothing, through its guard and without it, in turns. Once
/// where nobody listens to spans and once where all are written as JSON lines that go nowhere.
/// `hand_over` measures the guard and all else on the way of a batch. Target: 10 µs a batch.
#[derive(Debug, Parser)]
struct Args {
    /// Batches a turn
    #[arg(long, default_value_t = 1_000)]
    batches: usize,
    /// Turns of each a round
    #[arg(long, default_value_t = 100)]
    turns: usize,
    /// How often
    #[arg(long, default_value_t = 7)]
    rounds: usize,
}

fn main() -> Result<()> {
    let args = Args::parse();
    let runtime = Builder::new_current_thread().enable_all().build()?;
    writeln!(stdout(), "{}\n", Machine::here())?;
    let mut table = Table::new(&[
        "spans",
        "bare, µs a batch",
        "guarded, µs a batch",
        "guard, µs a batch",
        "worst turn, µs a batch",
    ]);
    let json = tracing_subscriber::fmt().json().with_writer(std::io::sink);
    let written = json.with_max_level(Level::DEBUG).finish();
    let nobody = with_default(NoSubscriber::new(), || rounds(&args, &runtime))?;
    let written = with_default(written, || rounds(&args, &runtime))?;
    for (spans, rounds) in [("nobody listens", nobody), ("written, every event", written)] {
        let of =
            |number: fn(&[Times; 2]) -> f64| format!("{:.2}", median(rounds.iter().map(number)));
        table.row([
            spans.to_owned(),
            of(|[bare, _]| bare.percentile(50.0)),
            of(|[_, guarded]| guarded.percentile(50.0)),
            of(|[bare, guarded]| guarded.percentile(50.0) - bare.percentile(50.0)),
            of(|[_, guarded]| guarded.percentile(100.0)),
        ]);
    }
    table.print()?;
    writeln!(stdout(), "\ntarget: guard 10 µs; afterwards: {}", Machine::here())?;
    Ok(())
}

/// Each round's times a batch: bare, and guarded.
fn rounds(args: &Args, runtime: &Runtime) -> Result<Vec<[Times; 2]>> {
    let bare: Arc<dyn Backend> = Arc::new(SinkFactory::dropping().sink());
    let settings = GuardSettings::for_concurrency(bare.info().capabilities.concurrency);
    let guarded: Arc<dyn Backend> = Arc::new(Guarded::new("sink", bare.clone(), settings));
    let batch = of_one_node()?;
    let turn = |backend: &Arc<dyn Backend>| -> Result<_> {
        let start = Instant::now();
        runtime.block_on(async {
            for _ in 0..args.batches {
                backend.write_batch(&batch).await?;
            }
            Ok::<_, astload_backends::Error>(())
        })?;
        Ok(start.elapsed() / u32::try_from(args.batches.max(1))?)
    };
    let round = |_| {
        let mut times = [Times::default(), Times::default()];
        for _ in 0..args.turns {
            times[0].push(turn(&bare)?);
            times[1].push(turn(&guarded)?);
        }
        Ok(times)
    };
    (0..args.rounds).map(round).collect()
}
