//! Four stores of different speeds, alone and together, and together with one that is ill.

use std::io::{Write, stdout};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use astload_backends::GuardSettings;
use astload_bench::{
    Carrying, Encoding, Machine, Meter, SinkFactory, Spent, Table, collect, lane_to, median,
};
use astload_fixtures::backends::{Fault, Faults, Faulty, dead, hanging};
use astload_model::Batch;
use astload_pipeline::health::Health;
use astload_pipeline::journal::JournalSettings;
use clap::Parser;
use tokio::runtime::Runtime;
use tokio_util::sync::CancellationToken;

/// As the binary has it.
#[global_allocator]
static ALLOCATOR: tikv_jemallocator::Jemalloc = tikv_jemallocator::Jemalloc;

/// Loads the same batches into four stores that take so many rows a second: into each alone, into
/// all at once, and into all while one is dead, slow or hangs. A store's client encodes what it
/// sends, and waits for the store without using a core. Targets: the wall of all ≤ 1.1 × that of the
/// slowest alone, their CPU ≤ 1.05 × the sum; beside a store that is ill the others keep 0.95 of
/// their rate.
#[derive(Debug, Parser)]
#[command(after_help = "Example:\n  lanes --corpus ~/src/django --encoding ipc --memory-mb 256")]
struct Args {
    /// A directory of source
    #[arg(long, value_name = "DIR")]
    corpus: PathBuf,
    /// Rows to load
    #[arg(long, default_value_t = 800_000)]
    rows: usize,
    /// How long the slowest takes for them; the others a half, a third and a quarter of that
    #[arg(long, default_value_t = 2.0)]
    seconds: f64,
    /// What the clients make of a batch
    #[arg(long, value_enum, default_value_t = Encoding::Ndjson)]
    encoding: Encoding,
    /// Megabytes of batches that the journal has in memory [default: as in a load]
    #[arg(long)]
    memory_mb: Option<usize>,
    /// How often
    #[arg(long, default_value_t = 3)]
    rounds: usize,
}

/// How many times as fast as the slowest each store is.
const SPEEDS: [f64; 4] = [4.0, 3.0, 2.0, 1.0];

/// The one that falls ill.
const ILL: usize = 1;

/// What a slow one keeps of its speed.
const SLOW: f64 = 0.1;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Illness {
    Dead,
    Slow,
    Hanging,
}

const ILLNESSES: [(&str, Illness); 3] =
    [("dead", Illness::Dead), ("slow", Illness::Slow), ("hanging", Illness::Hanging)];

/// A store that takes so many rows a second, one batch after another.
#[derive(Debug)]
struct Throttled {
    rows_a_second: f64,
    free_at: Instant,
}

impl Throttled {
    fn to(rows_a_second: f64) -> Self {
        Self { rows_a_second, free_at: Instant::now() }
    }
}

impl Faults for Throttled {
    fn next(&mut self, batch: &Batch) -> Fault {
        let now = Instant::now();
        let takes = Duration::from_secs_f64(batch.rows() as f64 / self.rows_a_second);
        self.free_at = self.free_at.max(now) + takes;
        Fault::Slow(self.free_at - now)
    }
}

/// One load.
#[derive(Debug)]
struct Run {
    spent: Spent,
    /// How long each of its lanes took.
    lanes: Vec<Duration>,
    spilled: u64,
}

impl Run {
    fn wall(&self) -> f64 {
        self.spent.wall.as_secs_f64()
    }

    fn cpu(&self) -> f64 {
        self.spent.cpu.as_secs_f64()
    }
}

#[derive(Debug)]
struct Round {
    alone: Vec<Run>,
    together: Run,
    ill: Vec<Run>,
}

impl Round {
    /// Against the slowest alone.
    fn wall(&self) -> f64 {
        self.together.wall() / self.alone.iter().map(Run::wall).fold(0.0, f64::max)
    }

    /// Against the sum of all alone.
    fn cpu(&self) -> f64 {
        self.together.cpu() / self.alone.iter().map(Run::cpu).sum::<f64>()
    }

    /// What is left of the rate of the lane that suffers most beside one that is ill.
    fn kept(&self, illness: usize) -> f64 {
        let (with, without) = (&self.ill[illness].lanes, &self.together.lanes);
        let well = (0..SPEEDS.len()).filter(|&lane| lane != ILL);
        let kept = well.map(|lane| without[lane].as_secs_f64() / with[lane].as_secs_f64());
        kept.fold(f64::INFINITY, f64::min)
    }
}

fn main() -> Result<()> {
    let args = Args::parse();
    let runtime = Runtime::new()?;
    writeln!(stdout(), "{}\n", Machine::here())?;
    let load = Load { batches: collect(&runtime, &args.corpus, args.rows)?, args: &args };
    let all: Vec<usize> = (0..SPEEDS.len()).collect();
    let mut rounds = Vec::new();
    for _ in 0..args.rounds {
        let run = |lanes: &[usize], illness| runtime.block_on(load.run(lanes, illness));
        rounds.push(Round {
            alone: all.iter().map(|&lane| run(&[lane], None)).collect::<Result<_>>()?,
            together: run(&all, None)?,
            ill: ILLNESSES.iter().map(|(_, ill)| run(&all, Some(*ill))).collect::<Result<_>>()?,
        });
    }
    print(&load, &rounds)?;
    writeln!(stdout(), "\nafterwards: {}", Machine::here())?;
    Ok(())
}

/// What is loaded, again and again.
struct Load<'a> {
    batches: Vec<Batch>,
    args: &'a Args,
}

impl Load<'_> {
    fn rows(&self) -> usize {
        self.batches.iter().map(Batch::rows).sum()
    }

    /// Loads into these stores; the one that is ill is left alone once the others are done.
    async fn run(&self, stores: &[usize], illness: Option<Illness>) -> Result<Run> {
        let is_ill = |store: usize| store == ILL && illness.is_some();
        let (mut lanes, mut well, mut ill) = (Vec::new(), Vec::new(), Vec::new());
        for (index, &store) in stores.iter().enumerate() {
            let backend = Arc::new(self.store(store, illness.filter(|_| is_ill(store))));
            let lane = lane_to(backend, self.guard(), index)?;
            match is_ill(store) {
                true => ill.push(lane.cancelled.clone()),
                false => well.push(lane.monitor.watch()),
            }
            lanes.push(lane);
        }
        let mut settings = JournalSettings::default();
        if let Some(megabytes) = self.args.memory_mb {
            settings.memory_bytes = megabytes << 20;
        }
        let meter = Meter::start();
        let carrying = Carrying::start(settings, lanes, self.batches.clone().into_iter().map(Ok));
        let ended = async {
            for mut health in well {
                health.wait_for(|health| *health == Health::Draining).await?;
            }
            ill.iter().for_each(CancellationToken::cancel);
            Ok::<_, anyhow::Error>(())
        };
        let (arrived, ended) = tokio::join!(carrying.arrived(), ended);
        ended.context("nobody watches a lane")?;
        let (arrived, spent) = (arrived?, meter.spent());
        let units: usize = self.batches.iter().map(Batch::len).sum();
        for (&store, report) in stores.iter().zip(&arrived.lanes) {
            let written = report.receipt.written;
            ensure!(is_ill(store) || written == units as u64, "{written} of {units}: {report:?}");
        }
        let lanes = arrived.lanes.iter().map(|report| report.elapsed).collect();
        Ok(Run { spent, lanes, spilled: arrived.spilled })
    }

    fn store(&self, store: usize, illness: Option<Illness>) -> Faulty {
        let sink = Arc::new(SinkFactory::dropping().sink().encoding(self.args.encoding));
        let pace = self.rows() as f64 / self.args.seconds * SPEEDS[store];
        let ill = |faults: fn() -> Box<dyn Faults>| {
            let store = Faulty::new(sink.clone(), faults());
            store.turn_health(faults());
            store
        };
        match illness {
            None => Faulty::new(sink, Throttled::to(pace)),
            Some(Illness::Slow) => Faulty::new(sink, Throttled::to(pace * SLOW)),
            Some(Illness::Dead) => ill(|| Box::new(dead())),
            Some(Illness::Hanging) => ill(|| Box::new(hanging())),
        }
    }

    /// An attempt may take as long as the slow one needs, and not much longer.
    fn guard(&self) -> GuardSettings {
        let attempt_timeout = Duration::from_secs_f64(self.args.seconds.max(1.0));
        GuardSettings { attempt_timeout, ..GuardSettings::for_concurrency(1) }
    }
}

fn print(load: &Load<'_>, rounds: &[Round]) -> Result<()> {
    let of = |number: &dyn Fn(&Round) -> f64| median(rounds.iter().map(number));
    let megabytes = |run: &Run| run.spilled as f64 / 1e6;
    let mut table = Table::new(&["stores", "rows", "wall s", "CPU s", "MB on disk"]);
    let mut line = |stores: String, run: &dyn Fn(&Round) -> &Run| {
        table.row([
            stores,
            load.rows().to_string(),
            format!("{:.2}", of(&|round| run(round).wall())),
            format!("{:.3}", of(&|round| run(round).cpu())),
            format!("{:.0}", of(&|round| megabytes(run(round)))),
        ]);
    };
    for (store, speed) in SPEEDS.iter().enumerate() {
        line(format!("speed {speed}, alone"), &|round| &round.alone[store]);
    }
    line("all".into(), &|round| &round.together);
    table.print()?;
    writeln!(stdout())?;
    let mut ratios = Table::new(&["all together", "median", "worst", "target"]);
    let mut ratio = |what: String, target: &str, number: &dyn Fn(&Round) -> f64| {
        let each = || rounds.iter().map(number);
        // What is to be small is worst where it is great.
        let worst = match target.starts_with('≤') {
            true => each().fold(0.0, f64::max),
            false => each().fold(f64::INFINITY, f64::min),
        };
        ratios.row([what, format!("{:.3}", median(each())), format!("{worst:.3}"), target.into()]);
    };
    ratio("wall / the slowest alone".into(), "≤ 1.1", &Round::wall);
    ratio("CPU / the sum of all alone".into(), "≤ 1.05", &Round::cpu);
    for (at, (illness, _)) in ILLNESSES.into_iter().enumerate() {
        let what = format!("rate beside one that is {illness} / beside it well");
        ratio(what, "≥ 0.95", &|round| round.kept(at));
    }
    Ok(ratios.print()?)
}
