//! The journal against a bare loop on the same disk, and a lane that is far behind.

use std::fs::File;
use std::io::{Write, stdout};
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use anyhow::{Result, ensure};
use astload_backends::GuardSettings;
use astload_bench::{
    Carrying, Machine, Scratch, SinkFactory, Table, Times, collect, endless, forget_peak, lane_to,
    median, of_hundred_rows, peak, resident,
};
use astload_model::Batch;
use astload_pipeline::channel::Cargo;
use astload_pipeline::journal::{Appender, Frame, Journal, JournalSettings, Retention, Seq, Tail};
use clap::{Parser, ValueEnum};
use tokio::runtime::Runtime;
use tokio_util::sync::CancellationToken;

/// As the binary has it.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// Appends groups of batches to a durable journal, and the same bytes to a bare file that is synced
/// after each group, in turns. Then lets one of two lanes lag behind in a temporary journal, and
/// drains it, against a tenth of the lag and none. Targets: 0.8 of the bare loop; draining takes no
/// more memory than lagging, and a lag ten times as long little more: what is known of each unit.
#[derive(Debug, Parser)]
#[command(after_help = "Example:\n  journal --corpus ~/src/django --only lag --lag-rows 1000000")]
struct Args {
    /// A directory of source
    #[arg(long, value_name = "DIR")]
    corpus: PathBuf,
    /// Bytes to append for each line of the table, in megabytes …
    #[arg(long, default_value_t = 48)]
    megabytes: usize,
    /// … but no more groups than this
    #[arg(long, default_value_t = 150)]
    groups_max: usize,
    /// Rows by which the lane lags
    #[arg(long, default_value_t = 10_000_000)]
    lag_rows: usize,
    /// How often
    #[arg(long, default_value_t = 3)]
    rounds: usize,
    /// One of the two alone
    #[arg(long, value_enum)]
    only: Option<Part>,
    /// Where journal and bare file are made [default: where temporary files go]
    #[arg(long, value_name = "DIR")]
    scratch: Option<PathBuf>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Part {
    /// Appending
    Append,
    /// A lane that lags
    Lag,
}

/// Rows that are taken of the corpus.
const ROWS: usize = 500_000;

/// Batches a group: one that comes alone, and as many as the coordinator appends at once.
const GROUPS: [usize; 2] = [1, 16];

fn main() -> Result<()> {
    let args = Args::parse();
    let runtime = Runtime::new()?;
    writeln!(stdout(), "{}\n", Machine::here())?;
    let corpus = collect(&runtime, &args.corpus, ROWS)?;
    if args.only != Some(Part::Lag) {
        append(&runtime, &args, &corpus)?;
    }
    if args.only != Some(Part::Append) {
        lag(&runtime, &args, &corpus)?;
    }
    writeln!(stdout(), "\nafterwards: {}", Machine::here())?;
    Ok(())
}

/// What one round of appending took, a group.
#[derive(Debug, Default)]
struct Appended {
    journal: Times,
    bare: Times,
    encoding: Times,
    bytes: usize,
}

fn append(runtime: &Runtime, args: &Args, corpus: &[Batch]) -> Result<()> {
    let mut table = Table::new(&[
        "batches of",
        "a group",
        "KB a group",
        "journal ms",
        "bare ms",
        "encoding ms",
        "rate, journal/bare",
        "(bare + encoding)/journal",
    ]);
    let scratch = Scratch::new(args.scratch.as_deref())?;
    // A unit a batch, as one that pushes files one by one sends them.
    let small: Vec<Batch> = of_hundred_rows(corpus, 100_000)?
        .iter()
        .flat_map(|batch| (0..batch.len()).map(|unit| batch.take(&[unit])))
        .collect();
    for (of, batches) in [("100 rows", small.as_slice()), ("32,768 rows", corpus)] {
        for size in GROUPS {
            let round = |_| {
                let folder = tempfile::tempdir_in(scratch.path(""))?;
                let both = Both::open(folder.path())?;
                runtime.block_on(both.append(args, batches, size))
            };
            let rounds: Vec<Appended> = (0..args.rounds).map(round).collect::<Result<_>>()?;
            let of_rounds = |number: fn(&Appended) -> f64| median(rounds.iter().map(number));
            table.row([
                of.to_owned(),
                size.to_string(),
                format!("{:.0}", of_rounds(|round| round.bytes as f64 / 1e3)),
                format!("{:.2}", of_rounds(|round| round.journal.mean() * 1e3)),
                format!("{:.2}", of_rounds(|round| round.bare.mean() * 1e3)),
                format!("{:.2}", of_rounds(|round| round.encoding.mean() * 1e3)),
                format!("{:.2}", of_rounds(|round| round.bare.mean() / round.journal.mean())),
                format!(
                    "{:.2}",
                    of_rounds(|round| {
                        (round.bare.mean() + round.encoding.mean()) / round.journal.mean()
                    })
                ),
            ]);
        }
    }
    table.print()?;
    Ok(writeln!(stdout(), "\ntarget 0.8\n")?)
}

/// A journal with one lane, and a bare file beside it.
struct Both {
    appender: Appender,
    tail: Tail,
    file: File,
    end: u64,
}

impl Both {
    fn open(folder: &Path) -> Result<Self> {
        let settings = JournalSettings::default();
        let (appender, journal, _) = Journal::open(settings, &folder.join("journal"))?;
        let tail = journal.attach("lane", 1, Retention::default());
        Ok(Self { appender, tail, file: File::create(folder.join("bare"))?, end: 0 })
    }

    /// Appends groups of so many batches with each in turns.
    async fn append(mut self, args: &Args, batches: &[Batch], size: usize) -> Result<Appended> {
        let mut took = Appended::default();
        let mut all = batches.iter().cycle();
        let (mut bytes, mut groups, mut seq): (usize, usize, Seq) = (0, 0, 1);
        while groups < args.groups_max && bytes < args.megabytes * 1_000_000 {
            let cargo = |batch: &Batch| Cargo::Units(batch.clone(), vec![1; batch.len()]);
            let group: Vec<Cargo> = all.by_ref().take(size).map(cargo).collect();
            let encoded = took.encoding.of(|| encode(&group, seq))?;
            if groups.is_multiple_of(2) {
                self.append_bare(&encoded, &mut took.bare)?;
            }
            let start = Instant::now();
            self.appender.append(group).await?;
            took.journal.push(start.elapsed());
            if !groups.is_multiple_of(2) {
                self.append_bare(&encoded, &mut took.bare)?;
            }
            while let Some(entry) = self.tail.next_now().await? {
                self.tail.done(entry.seq);
            }
            (bytes, groups, seq) = (bytes + encoded.len(), groups + 1, seq + size as Seq);
        }
        took.bytes = bytes / groups.max(1);
        Ok(took)
    }

    fn append_bare(&mut self, bytes: &[u8], times: &mut Times) -> Result<()> {
        times.of(|| {
            self.file.write_all_at(bytes, self.end)?;
            self.file.sync_data()
        })?;
        self.end += bytes.len() as u64;
        Ok(())
    }
}

/// The bytes of a group, as the journal writes them.
fn encode(group: &[Cargo], first: Seq) -> Result<Vec<u8>> {
    let mut bytes = Vec::new();
    for (seq, cargo) in (first..).zip(group) {
        Frame::of(cargo)?.write(seq, &mut bytes);
    }
    Ok(bytes)
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
    let runs = [
        ("keeps up", args.lag_rows, false),
        ("lags", args.lag_rows / 10, true),
        ("lags", args.lag_rows, true),
    ];
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
