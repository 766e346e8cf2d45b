//! Appending to a durable journal, against a bare loop on the same disk.

use std::fs::File;
use std::io::{Write, stdout};
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Result, ensure};
use astload_backends::GuardSettings;
use astload_bench::{
    Carrying, Machine, Scratch, SinkFactory, Table, collect, lane_to, median, of_hundred_rows,
};
use astload_model::Batch;
use astload_model::ipc::Compression;
use astload_pipeline::channel::Cargo;
use astload_pipeline::journal::{Frame, Journal, JournalSettings, Retention};
use clap::Parser;
use tokio::runtime::Runtime;

/// As the binary has it.
#[global_allocator]
static ALLOCATOR: tikv_jemallocator::Jemalloc = tikv_jemallocator::Jemalloc;

/// Makes batches durable in a journal: one by one, each sent when the one before is durable, and
/// following one another through channel and coordinator, to a lane that drops them. Against a loop
/// that encodes each group just so, appends it to a file and calls fdatasync, and against the same loop
/// with bytes that were made ready, compressed too, beforehand: what the disk alone takes. Target: 0.8
/// of the loop.
#[derive(Debug, Parser)]
#[command(after_help = "Example:\n  append --corpus ~/src/django --rounds 9")]
struct Args {
    /// A directory of source
    #[arg(long, value_name = "DIR")]
    corpus: PathBuf,
    /// Batches of a hundred rows a round
    #[arg(long, default_value_t = 2_000)]
    small: usize,
    /// Batches of 32,768 rows a round
    #[arg(long, default_value_t = 60)]
    large: usize,
    /// How often
    #[arg(long, default_value_t = 5)]
    rounds: usize,
    /// Where journal and bare files are made [default: where temporary files go]
    #[arg(long, value_name = "DIR")]
    scratch: Option<PathBuf>,
}

/// Rows that are taken of the corpus.
const ROWS: usize = 500_000;

/// Batches that wait in the channel, and so may be synced together: of small and of large ones.
const SMALL_WAIT: usize = 64;
const LARGE_WAIT: usize = 3;

/// Their bytes.
const WAIT_BYTES: u32 = 16 << 20;

fn main() -> Result<()> {
    let args = Args::parse();
    let runtime = Runtime::new()?;
    writeln!(stdout(), "{}\n", Machine::here())?;
    let large = collect(&runtime, &args.corpus, ROWS)?;
    // A unit a batch, as one that pushes files one by one sends them.
    let small: Vec<Batch> = of_hundred_rows(&large, 100_000)?
        .iter()
        .flat_map(|batch| (0..batch.len()).map(|unit| batch.take(&[unit])))
        .collect();
    let mut table = Table::new(&[
        "batches of",
        "sent",
        "a group of the loop",
        "KB a batch",
        "loop, µs a batch",
        "of ready bytes, µs",
        "journal, µs",
        "rate, journal/loop",
        "journal/ready bytes",
    ]);
    for (of, batches, count, wait) in [
        ("100 rows", &small, args.small, SMALL_WAIT),
        ("32,768 rows", &large, args.large, LARGE_WAIT),
    ] {
        let batches: Vec<Batch> = batches.iter().cycle().take(count).cloned().collect();
        let scratch = Scratch::new(args.scratch.as_deref())?;
        for (sent, group) in [("one by one", 1), ("following", wait)] {
            let round = |_| Round::run(&runtime, &batches, group, &scratch.path(""));
            let rounds: Vec<Round> = (0..args.rounds).map(round).collect::<Result<_>>()?;
            let head = [of.to_owned(), sent.to_owned(), group.to_string()];
            table.row(head.into_iter().chain(cells(&rounds)));
        }
    }
    table.print()?;
    writeln!(stdout(), "\ntarget: rate, journal/loop 0.8; afterwards: {}", Machine::here())?;
    Ok(())
}

fn cells(rounds: &[Round]) -> Vec<String> {
    let of = |number: fn(&Round) -> f64| median(rounds.iter().map(number));
    let micros = |seconds: fn(&Round) -> f64| format!("{:.0}", of(seconds) * 1e6);
    vec![
        format!("{:.1}", of(|round| round.bytes / 1e3)),
        micros(|round| round.encoding),
        micros(|round| round.ready),
        micros(|round| round.journal),
        format!("{:.2}", of(|round| round.encoding / round.journal)),
        format!("{:.2}", of(|round| round.ready / round.journal)),
    ]
}

/// Bytes and seconds a batch.
#[derive(Debug)]
struct Round {
    bytes: f64,
    /// Of the loop with what it encodes, and without.
    encoding: f64,
    ready: f64,
    journal: f64,
}

impl Round {
    fn run(runtime: &Runtime, batches: &[Batch], group: usize, scratch: &Path) -> Result<Self> {
        let folder = tempfile::tempdir_in(scratch)?;
        let place = folder.path().join("journal");
        let took = match group {
            1 => runtime.block_on(one_by_one(batches, &place))?,
            _ => runtime.block_on(following(batches.to_vec(), group, &place))?,
        };
        let bare = bare_loop(batches, group, &folder.path().join("bare"))?;
        let each = |took: Duration| took.as_secs_f64() / batches.len() as f64;
        Ok(Self {
            bytes: bare.bytes as f64 / batches.len() as f64,
            encoding: each(bare.encoding + bare.storing),
            ready: each(bare.storing),
            journal: each(took),
        })
    }
}

#[derive(Debug, Default)]
struct Bare {
    bytes: u64,
    encoding: Duration,
    storing: Duration,
}

/// Encodes groups of batches, appends them, and syncs after each.
fn bare_loop(batches: &[Batch], group: usize, place: &Path) -> Result<Bare> {
    let file = File::create(place)?;
    let mut bare = Bare::default();
    for group in batches.chunks(group) {
        let start = Instant::now();
        let mut bytes = Vec::new();
        for batch in group {
            bytes.extend_from_slice(Frame::of(&cargo(batch), Compression::Lz4)?.numbered(1).1);
        }
        bare.encoding += start.elapsed();
        let start = Instant::now();
        file.write_all_at(&bytes, bare.bytes)?;
        file.sync_data()?;
        bare.storing += start.elapsed();
        bare.bytes += bytes.len() as u64;
    }
    Ok(bare)
}

fn cargo(batch: &Batch) -> Cargo {
    Cargo::Units(batch.clone(), vec![1; batch.len()])
}

/// Sends each batch when the one before is durable.
async fn one_by_one(batches: &[Batch], folder: &Path) -> Result<Duration> {
    let (mut appender, journal, _) = Journal::open(JournalSettings::default(), folder)?;
    let mut tail = journal.attach("lane", 1, Retention::default());
    let start = Instant::now();
    for batch in batches {
        appender.append(vec![cargo(batch)]).await?;
        while let Some(entry) = tail.next_now().await? {
            tail.done(entry.seq);
        }
    }
    Ok(start.elapsed())
}

/// Sends batches as fast as there is room for them.
async fn following(batches: Vec<Batch>, wait: usize, folder: &Path) -> Result<Duration> {
    let (appender, journal, _) = Journal::open(JournalSettings::default(), folder)?;
    let sink = Arc::new(SinkFactory::dropping().sink());
    let lanes = vec![lane_to(sink, GuardSettings::for_concurrency(1), 0)?];
    let units: usize = batches.iter().map(Batch::len).sum();
    let start = Instant::now();
    let carrying = Carrying::through(
        (appender, journal),
        (wait, WAIT_BYTES),
        lanes,
        batches.into_iter().map(Ok),
    );
    let arrived = carrying.arrived().await?;
    let took = start.elapsed();
    let written: u64 = arrived.lanes.iter().map(|lane| lane.receipt.written).sum();
    ensure!(written == units as u64, "{written} of {units} units arrived");
    Ok(took)
}
