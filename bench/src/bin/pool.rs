//! How long a connection is waited for where many want one.

use std::convert::Infallible;
use std::io::{Write, stdout};
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::Result;
use astload_bench::{Machine, Table, Times, median};
use astload_connection::{PoolSettings, pool};
use clap::Parser;
use deadpool::managed::{Manager, Metrics, Pool, RecycleResult};
use tokio::runtime::Runtime;
use tokio::sync::Semaphore;
use tokio::task::{JoinSet, yield_now};

/// As the binary has it.
#[global_allocator]
static ALLOCATOR: tikv_jemallocator::Jemalloc = tikv_jemallocator::Jemalloc;

/// Measures how long tasks wait for a connection of a pool, against a bare semaphore of the same
/// size. Who has one uses it for one turn of the scheduler, so that what is measured is the hand-over
/// and not how long somebody else needs a connection. Target: p99 ≤ 100 µs at 64 contenders.
#[derive(Debug, Parser)]
struct Args {
    /// Tasks that want a connection
    #[arg(long, default_value_t = 64)]
    contenders: usize,
    /// Connections, for each a line of the table
    #[arg(long, value_delimiter = ',', default_value = "4,16,64")]
    sizes: Vec<usize>,
    /// Checkouts of each task a round
    #[arg(long, default_value_t = 2_000)]
    checkouts: usize,
    /// How often
    #[arg(long, default_value_t = 9)]
    rounds: usize,
}

/// Makes connections that are there at once and always live.
#[derive(Debug)]
struct Free;

impl Manager for Free {
    type Type = ();
    type Error = Infallible;

    async fn create(&self) -> Result<(), Infallible> {
        Ok(())
    }

    async fn recycle(&self, (): &mut (), _: &Metrics) -> RecycleResult<Infallible> {
        Ok(())
    }
}

/// What is checked out.
#[derive(Debug, Clone)]
enum Supply {
    Pool(Pool<Free>),
    Semaphore(Arc<Semaphore>),
}

impl Supply {
    /// How long one was waited for.
    async fn checkout(&self) -> Result<Duration> {
        match self {
            Self::Pool(pool) => Ok(used(pool.get()).await?),
            Self::Semaphore(semaphore) => Ok(used(semaphore.acquire()).await?),
        }
    }
}

/// Waits for one, uses it, and gives it back; how long it was waited for.
async fn used<T, E>(get: impl Future<Output = Result<T, E>>) -> Result<Duration, E> {
    let start = Instant::now();
    let held = get.await?;
    let waited = start.elapsed();
    yield_now().await;
    drop(held);
    Ok(waited)
}

fn main() -> Result<()> {
    let args = Args::parse();
    let runtime = Runtime::new()?;
    writeln!(stdout(), "{}\n", Machine::here())?;
    let mut table = Table::new(&[
        "contenders",
        "connections",
        "of",
        "p50 µs",
        "p99 µs",
        "max µs",
        "p99, pool/semaphore",
    ]);
    for &size in &args.sizes {
        let settings = PoolSettings { size, ..PoolSettings::default() };
        let mut rounds = Vec::new();
        for _ in 0..args.rounds {
            let pool = Supply::Pool(pool(Free, settings)?);
            let semaphore = Supply::Semaphore(Arc::new(Semaphore::new(size)));
            rounds.push([
                runtime.block_on(contend(&args, &pool))?,
                runtime.block_on(contend(&args, &semaphore))?,
            ]);
        }
        let of = |number: &dyn Fn(&[Times; 2]) -> f64| median(rounds.iter().map(number));
        for (at, name) in ["pool", "semaphore"].into_iter().enumerate() {
            let percentile =
                |percent: f64| format!("{:.1}", of(&|round| round[at].percentile(percent)));
            let ratio = || {
                let [pool, semaphore] =
                    [0, 1].map(|at| move |round: &[Times; 2]| round[at].percentile(99.0));
                format!("{:.1}", of(&|round| pool(round) / semaphore(round)))
            };
            table.row([
                args.contenders.to_string(),
                size.to_string(),
                name.to_owned(),
                percentile(50.0),
                percentile(99.0),
                percentile(100.0),
                if at == 0 { ratio() } else { String::new() },
            ]);
        }
    }
    table.print()?;
    writeln!(stdout(), "\ntarget: p99 of the pool 100 µs; afterwards: {}", Machine::here())?;
    Ok(())
}

/// How long each checkout of each task took.
async fn contend(args: &Args, supply: &Supply) -> Result<Times> {
    let mut tasks = JoinSet::new();
    for _ in 0..args.contenders {
        let (supply, checkouts) = (supply.clone(), args.checkouts);
        tasks.spawn(async move {
            let mut times = Times::default();
            for _ in 0..checkouts {
                times.push(supply.checkout().await?);
            }
            Ok::<_, anyhow::Error>(times)
        });
    }
    let mut all = Times::default();
    while let Some(times) = tasks.join_next().await {
        all.extend(times??);
    }
    Ok(all)
}
