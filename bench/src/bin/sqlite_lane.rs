//! Rows a second of the SQLite lane against the best bare loop over the same rows, batch by batch.

use std::io::{Write, stdout};
use std::path::PathBuf;

use anyhow::{Result, ensure};
use astload_bench::{
    Bare, Lane, Machine, Meter, Numbering, Scratch, Spent, Table, afresh, at_generation, collect,
    median, of_hundred_rows, tree_of,
};
use astload_model::Batch;
use clap::Parser;
use tokio::runtime::Runtime;

/// As the binary has it: it is what SQLite allocates with, too.
#[global_allocator]
static ALLOCATOR: tikv_jemallocator::Jemalloc = tikv_jemallocator::Jemalloc;

/// Measures the SQLite lane against a bare loop that writes the same rows to the same schema, both
/// taking turns batch by batch. Target: 0.9 of the bare loop.
#[derive(Debug, Parser)]
#[command(after_help = "Example:\n  sqlite_lane --corpus ~/src/django --rows 500000 --rounds 1")]
struct Args {
    /// A directory of source
    #[arg(long, value_name = "DIR")]
    corpus: PathBuf,
    /// Rows to write, for each a line of the table
    #[arg(long, value_delimiter = ',', default_value = "1000000,10000000")]
    rows: Vec<usize>,
    /// How often
    #[arg(long, default_value_t = 3)]
    rounds: usize,
    /// Where the stores are made [default: where temporary files go]
    #[arg(long, value_name = "DIR")]
    scratch: Option<PathBuf>,
    /// Lane alone, for a profiler
    #[arg(long)]
    lane_only: bool,
    /// Bare loop alone, for a profiler
    #[arg(long, conflicts_with = "lane_only")]
    bare_only: bool,
}

/// Who writes.
const LANE: usize = 0;
const BARE: usize = 1;

/// What each took for a part of the work.
type Took = [Spent; 2];

/// One round: all batches, `settle`, 1 % replaced.
#[derive(Debug, Default)]
struct Round {
    rows: usize,
    replaced: usize,
    write: Took,
    settle: Took,
    replace: Took,
    /// Bytes of each store after `settle`.
    bytes: [u64; 2],
}

fn main() -> Result<()> {
    let args = Args::parse();
    let runtime = Runtime::new()?;
    writeln!(stdout(), "{}\n", Machine::here())?;
    let most = args.rows.iter().copied().max().unwrap_or_default();
    let corpus = collect(&runtime, &args.corpus, most)?;
    let scratch = Scratch::new(args.scratch.as_deref())?;
    let who = match (args.lane_only, args.bare_only) {
        (true, _) => vec![LANE],
        (_, true) => vec![BARE],
        _ => vec![LANE, BARE],
    };
    let mut table =
        Table::new(&["units", "what", "rows", "lane M/s", "bare M/s", "lane/bare", "(CPU)"]);
    let mut sizes = Table::new(&["units", "rows", "bytes a row"]);
    for &rows in &args.rows {
        let real = up_to(&corpus, rows);
        let small = of_hundred_rows(&corpus, rows)?;
        for (name, batches) in [("real", real), ("100 rows", small)] {
            let mut rounds = Vec::new();
            for number in 0..args.rounds {
                rounds.push(round(&runtime, &scratch, &batches, &who, number)?);
            }
            print(name, &rounds, &mut table, &mut sizes);
        }
    }
    table.print()?;
    writeln!(stdout())?;
    sizes.print()?;
    writeln!(stdout(), "\nafterwards: {}", Machine::here())?;
    Ok(())
}

/// As many of the batches as make up these rows.
fn up_to(batches: &[Batch], rows: usize) -> Vec<Batch> {
    let mut taken = 0;
    let enough = |batch: &&Batch| {
        let before = taken;
        taken += batch.rows();
        before < rows
    };
    batches.iter().take_while(enough).cloned().collect()
}

fn round(
    runtime: &Runtime,
    scratch: &Scratch,
    batches: &[Batch],
    who: &[usize],
    number: usize,
) -> Result<Round> {
    let stores: Vec<PathBuf> =
        (0..2).map(|store| scratch.fresh(&format!("{store}.db"))).collect::<Result<_>>()?;
    let mut writers = Writers::open(runtime, &stores)?;
    let mut round = Round::default();
    let mut later = Vec::new();
    let mut hundredth = Hundredth::default();
    let generation = batches.iter().flat_map(Batch::units).filter_map(|unit| unit.generation());
    let generation = generation.max().unwrap_or_default() + 1;
    for (at, batch) in batches.iter().enumerate() {
        let batch = afresh(batch)?;
        round.rows += writers.write(&batch, who, at + number, &mut round.write)?;
        later.extend(hundredth.of(&batch, generation)?);
    }
    for &who in who {
        round.settle[who] = writers.settle(who)?;
        round.bytes[who] = std::fs::metadata(&stores[who])?.len();
    }
    for (at, batch) in Batch::concat(&later).iter().enumerate() {
        round.replaced += writers.write(&afresh(batch)?, who, at + number, &mut round.replace)?;
    }
    let close = |lane: &Lane| runtime.block_on(lane.backend.close());
    close(&writers.lane)?;
    drop(writers);
    if who.len() == 2 {
        let trees = stores.iter().map(|store| tree_of(store)).collect::<Result<Vec<_>>>()?;
        ensure!(trees.windows(2).all(|two| two[0] == two[1]), "the stores differ: {trees:?}");
    }
    Ok(round)
}

/// Takes about 1 % of the rows that come by, as whole units.
#[derive(Debug, Default)]
struct Hundredth {
    seen: usize,
    taken: usize,
}

impl Hundredth {
    /// The units of a batch that are due, at a later generation.
    fn of(&mut self, batch: &Batch, generation: u64) -> Result<Option<Batch>> {
        let mut units = Vec::new();
        for (position, unit) in batch.units().enumerate() {
            let rows = unit.nodes().len() + unit.edges().len();
            self.seen += rows;
            if (self.taken + rows) * 100 <= self.seen {
                self.taken += rows;
                units.push(position);
            }
        }
        match units.is_empty() {
            true => Ok(None),
            false => at_generation(batch, &units, generation).map(Some),
        }
    }
}

/// The two that take turns.
struct Writers<'r> {
    runtime: &'r Runtime,
    lane: Lane,
    bare: Bare,
    numbering: Numbering,
}

impl<'r> Writers<'r> {
    fn open(runtime: &'r Runtime, stores: &[PathBuf]) -> Result<Self> {
        let lane = Lane::open(runtime, &stores[LANE])?;
        // The backend makes the schema, so that it is the same.
        let made = Lane::open(runtime, &stores[BARE])?;
        runtime.block_on(made.backend.close())?;
        let bare = Bare::open(&stores[BARE], &made.indexes)?;
        Ok(Self { runtime, lane, bare, numbering: Numbering::default() })
    }

    /// Writes a batch with each, in turns; returns its rows.
    fn write(
        &mut self,
        batch: &Batch,
        who: &[usize],
        turn: usize,
        took: &mut Took,
    ) -> Result<usize> {
        let ready = self.numbering.ready(batch);
        for position in 0..who.len() {
            let who = who[(position + turn) % who.len()];
            let meter = Meter::start();
            match who {
                LANE => drop(self.runtime.block_on(self.lane.backend.write_batch(batch))?),
                _ => self.bare.write(&ready)?,
            }
            took[who] += meter.spent();
        }
        Ok(ready.len())
    }

    fn settle(&self, who: usize) -> Result<Spent> {
        let meter = Meter::start();
        match who {
            LANE => self.runtime.block_on(self.lane.backend.settle())?,
            _ => self.bare.settle()?,
        }
        Ok(meter.spent())
    }
}

fn print(units: &str, rounds: &[Round], table: &mut Table, sizes: &mut Table) {
    let Some(first) = rounds.first() else { return };
    let mut line = |what: &str, rows: usize, took: fn(&Round) -> &Took| {
        let speed = |who: usize| {
            let seconds = median(rounds.iter().map(|round| took(round)[who].wall.as_secs_f64()));
            format!("{:.2}", rows as f64 / seconds / 1e6)
        };
        let ratio = |of: fn(&Spent) -> f64| {
            let each = rounds.iter().map(|round| of(&took(round)[BARE]) / of(&took(round)[LANE]));
            format!("{:.2}", median(each))
        };
        let wall = |spent: &Spent| spent.wall.as_secs_f64();
        let cpu = |spent: &Spent| spent.cpu.as_secs_f64();
        table.row([
            units.to_owned(),
            what.to_owned(),
            rows.to_string(),
            speed(LANE),
            speed(BARE),
            ratio(wall),
            ratio(cpu),
        ]);
    };
    line("write", first.rows, |round| &round.write);
    line("settle", first.rows, |round| &round.settle);
    line("replace 1 %", first.replaced, |round| &round.replace);
    let bytes = format!("{:.1}", first.bytes[BARE] as f64 / first.rows as f64);
    sizes.row([units.to_owned(), first.rows.to_string(), bytes]);
}
