//! A lane that is far behind in the journal.

use std::io::{Write, stdout};
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use anyhow::{Result, ensure};
use astload_backends::GuardSettings;
use astload_bench::{
    Carrying, Machine, SinkFactory, Table, collect, endless, forget_peak, lane_to, median, peak,
    resident,
};
use astload_model::Batch;
use astload_pipeline::journal::JournalSettings;
use clap::Parser;
use tokio::runtime::Runtime;
use tokio_util::sync::CancellationToken;

/// As the binary has it.
#[global_allocator]
static ALLOCATOR: tikv_jemallocator::Jemalloc = tikv_jemallocator::Jemalloc;

/// Lets one of two lanes lag behind in a temporary journal, and drains it, against a tenth of the lag
/// and none. Target: draining takes no more memory than lagging, and a lag ten times as long little
/// more: what is known of each unit.
#[derive(Debug, Parser)]
#[command(after_help = "Example:\n  lag --corpus ~/src/django --rows 1000000")]
struct Args {
    /// A directory of source
    #[arg(long, value_name = "DIR")]
    corpus: PathBuf,
    /// Rows by which the lane lags
    #[arg(long, default_value_t = 10_000_000)]
    rows: usize,
    /// How often
    #[arg(long, default_value_t = 3)]
    rounds: usize,
}

/// Rows that are taken of the corpus.
const ROWS: usize = 500_000;

fn main() -> Result<()> {
    let args = Args::parse();
    let runtime = Runtime::new()?;
    writeln!(stdout(), "{}\n", Machine::here())?;
    let corpus = collect(&runtime, &args.corpus, ROWS)?;
    lag(&runtime, &args, &corpus)?;
    writeln!(stdout(), "\nafterwards: {}", Machine::here())?;
    Ok(())
}

/// One load through a temporary journal.
#[derive(Debug)]
struct Drained {
    /// Bytes in memory before it.
    before: u64,
    /// At most while the source sends …
    sending: u64,
    /// … and after that.
    draining: u64,
    source: Duration,
    rest: Duration,
    spilled: u64,
}

impl Drained {
    fn peak(&self) -> u64 {
        self.sending.max(self.draining)
    }
}

fn lag(runtime: &Runtime, args: &Args, corpus: &[Batch]) -> Result<()> {
    let mut table = Table::new(&[
        "the second lane",
        "rows",
        "sending s",
        "draining s",
        "drained M rows/s",
        "MB on disk",
        "MB before",
        "peak MB, sending",
        "peak MB, draining",
    ]);
    // Without a lag first, so that what an allocator keeps counts against the lag.
    let runs =
        [("keeps up", args.rows, false), ("lags", args.rows / 10, true), ("lags", args.rows, true)];
    let mut rounds = runs.map(|_| Vec::new());
    for _ in 0..args.rounds {
        for ((_, rows, lags), drained) in runs.into_iter().zip(&mut rounds) {
            drained.push(runtime.block_on(drain(rows, corpus, lags))?);
        }
    }
    for ((name, rows, lags), rounds) in runs.into_iter().zip(&rounds) {
        let of = |number: &dyn Fn(&Drained) -> f64| median(rounds.iter().map(number));
        let megabytes =
            |bytes: fn(&Drained) -> u64| format!("{:.0}", of(&|round| bytes(round) as f64 / 1e6));
        let rest = of(&|round| round.rest.as_secs_f64());
        let rate = if lags { format!("{:.2}", rows as f64 / rest / 1e6) } else { String::new() };
        table.row([
            name.to_owned(),
            rows.to_string(),
            format!("{:.2}", of(&|round| round.source.as_secs_f64())),
            format!("{rest:.2}"),
            rate,
            megabytes(|round| round.spilled),
            megabytes(|round| round.before),
            megabytes(|round| round.sending),
            megabytes(|round| round.draining),
        ]);
    }
    table.print()?;
    let peak = |run: usize| median(rounds[run].iter().map(|round| round.peak() as f64));
    let draining = rounds[2].iter().map(|round| round.draining as f64 / round.sending as f64);
    writeln!(
        stdout(),
        "\npeak with the lag / with a tenth of it: {:.2}, without: {:.2}; draining / sending: {:.2}",
        peak(2) / peak(1),
        peak(2) / peak(0),
        median(draining)
    )?;
    Ok(())
}

/// Carries rows to two lanes that take them at once, the second perhaps only when all are sent.
async fn drain(rows: usize, corpus: &[Batch], lags: bool) -> Result<Drained> {
    let opened = CancellationToken::new();
    if !lags {
        opened.cancel();
    }
    let hour = Duration::from_secs(3_600);
    let guard = GuardSettings {
        attempt_timeout: hour,
        deadline: hour,
        ..GuardSettings::for_concurrency(1)
    };
    let sink = || SinkFactory::dropping().sink();
    let lanes = vec![
        lane_to(Arc::new(sink()), guard, 0)?,
        lane_to(Arc::new(sink().once(opened.clone())), guard, 1)?,
    ];
    let (before, start) = (resident()?, Instant::now());
    forget_peak()?;
    let (units, mut left) = (Arc::new(AtomicUsize::new(0)), rows);
    let counted = units.clone();
    let batches = endless(corpus.to_vec()).map_while(move |batch| {
        if left == 0 {
            return None;
        }
        left = left.saturating_sub(batch.as_ref().map_or(0, Batch::rows));
        counted.fetch_add(batch.as_ref().map_or(0, Batch::len), Ordering::Relaxed);
        Some(batch)
    });
    let mut carrying = Carrying::start(JournalSettings::default(), lanes, batches);
    carrying.sent().await?;
    let (source, sending) = (start.elapsed(), peak()?);
    forget_peak()?;
    opened.cancel();
    let arrived = carrying.arrived().await?;
    let rest = start.elapsed() - source;
    let units = units.load(Ordering::Relaxed) as u64;
    for lane in &arrived.lanes {
        ensure!(lane.receipt.written == units, "not all {units} units were written: {lane:?}");
    }
    Ok(Drained { before, sending, draining: peak()?, source, rest, spilled: arrived.spilled })
}
