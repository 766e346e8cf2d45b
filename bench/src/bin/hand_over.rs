//! What a batch pays for its way through channel, coordinator and lane.

use std::io::{Write, stdout};
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use astload_backends::{GuardSettings, Guarded};
use astload_bench::{Machine, Meter, SinkFactory, Table, median};
use astload_model::{Batch, BatchBuilder, NodeRow, UnitRow};
use astload_pipeline::channel::channel;
use astload_pipeline::health::{Monitor, MonitorSettings};
use astload_pipeline::journal::{Journal, JournalSettings};
use astload_pipeline::lane::{Lane, LaneSettings, Patience};
use astload_pipeline::letters::DeadLetters;
use astload_pipeline::{coordinator, folders};
use clap::Parser;
use tokio::runtime::Runtime;
use tokio_util::sync::CancellationToken;

/// As the binary has it.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

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
    let patience = Duration::from_secs(30);
    let lane = |index| -> Result<Lane> {
        let (name, sink) = (format!("sink {index}"), Arc::new(sinks.sink()));
        let settings = LaneSettings::for_backend(sink.as_ref(), Patience::GiveUp(patience));
        Ok(Lane {
            index,
            settings,
            backend: Arc::new(Guarded::new(&name, sink, GuardSettings::for_concurrency(1))),
            monitor: Monitor::new(&name, MonitorSettings::default()),
            // The sink refuses nothing, so nothing is ever there.
            letters: DeadLetters::within(folders::spill().join("astload-bench"))
                .of(&name, &name)?,
            name,
            progress: Arc::default(),
            cancelled: CancellationToken::new(),
        })
    };
    let lanes_of = |count: usize| (0..count).map(lane).collect::<Result<Vec<_>>>();
    let journal = Journal::temporary(JournalSettings::default(), &folders::spill());
    // As deep as that of a load.
    let (sender, receiver) = channel(8, 16 << 20);
    let running = tokio::spawn(coordinator::run(receiver, journal, lanes_of(lanes)?));
    let batch = batch()?;
    // The source is a thread that may block.
    let source = tokio::task::spawn_blocking(move || {
        let handle = tokio::runtime::Handle::current();
        let all = (1 << lanes) - 1;
        (0..batches).try_for_each(|_| handle.block_on(sender.send(batch.clone(), vec![all])))
    });
    source.await??;
    let carried = running.await?;
    let written = carried.lanes.first().context("no lane ran")?.1.receipt.written;
    ensure!(written == batches as u64, "{written} of {batches} batches arrived");
    Ok(())
}

/// A batch of one unit with one node: nothing in it takes time.
fn batch() -> Result<Batch> {
    let mut builder = BatchBuilder::default();
    let (kind, label) = (builder.nodes.kind.key("module")?, builder.nodes.label.key("File")?);
    builder.nodes.push(NodeRow { kind, label, ..NodeRow::at(0, None, 0) });
    let units = &mut builder.units;
    let (repo, layer) = (units.repo.key("example")?, units.layer.key("ast")?);
    let extractor = units.extractor.key("upstream")?;
    let row = UnitRow { extractor, generation: Some(1), ..UnitRow::of(repo, "a", layer) };
    builder.finish_unit(row);
    Ok(builder.finish())
}
