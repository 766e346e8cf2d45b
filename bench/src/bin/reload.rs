//! A load of what is loaded already, and of one file that changed.

use std::fs::OpenOptions;
use std::io::{Write, stdout};
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use astload_bench::{Load, Machine, Scratch, Table, copy, median};
use clap::Parser;

/// Stamps of files that changed just before they were read prove nothing.
const RACY: Duration = Duration::from_millis(2_500);

/// Measures the wall of a second `astload load` of an unchanged directory, and then with one changed
/// file. Target: ≤ 0.5 s for 10,000 files.
#[derive(Debug, Parser)]
#[command(after_help = "Example:\n  reload --corpus ~/src/ansible --rounds 5")]
struct Args {
    /// A directory of source; it is copied
    #[arg(long, value_name = "DIR")]
    corpus: PathBuf,
    /// How often
    #[arg(long, default_value_t = 9)]
    rounds: usize,
    /// Where copy and store are made [default: where temporary files go]
    #[arg(long, value_name = "DIR")]
    scratch: Option<PathBuf>,
}

fn main() -> Result<()> {
    let args = Args::parse();
    writeln!(stdout(), "{}\n", Machine::here())?;
    let scratch = Scratch::new(args.scratch.as_deref())?;
    let tree = scratch.path("tree");
    let files = copy(&args.corpus, &tree)?;
    std::thread::sleep(RACY);
    let load = Load { scratch: &scratch, directory: &tree, store: "reload.db" };
    let first = load.run(&[])?;
    let units = first.count(&["units", "written"]);
    let unchanged = measure(&load, args.rounds, |_| Ok(()), (0, units))?;
    let changed = changed_file(&tree)?;
    let one = measure(&load, args.rounds, |_| touch(&changed), (1, units - 1))?;
    let reread = {
        let loads = (0..args.rounds).map(|_| load.run(&["--no-trust-mtime"]));
        let loads = loads.collect::<Result<Vec<_>>>()?;
        loads.iter().map(|loaded| loaded.finished.spent.wall.as_secs_f64()).collect::<Vec<_>>()
    };
    let mut table = Table::new(&["load", "files", "units", "median s", "best s", "worst s"]);
    for (name, seconds) in [
        ("first", vec![first.finished.spent.wall.as_secs_f64()]),
        ("unchanged", unchanged),
        ("one file changed", one),
        ("unchanged, every file read", reread),
    ] {
        let worst = seconds.iter().copied().fold(f64::MIN, f64::max);
        let best = seconds.iter().copied().fold(f64::MAX, f64::min);
        table.row([
            name.to_owned(),
            files.to_string(),
            units.to_string(),
            format!("{:.3}", median(seconds)),
            format!("{best:.3}"),
            format!("{worst:.3}"),
        ]);
    }
    table.print()?;
    writeln!(stdout(), "\ntarget 0.5 s; afterwards: {}", Machine::here())?;
    Ok(())
}

/// Seconds of loads that write and skip so many units, each after a change.
fn measure(
    load: &Load<'_>,
    rounds: usize,
    change: impl Fn(usize) -> Result<()>,
    (written, skipped): (u64, u64),
) -> Result<Vec<f64>> {
    let mut seconds = Vec::new();
    for round in 0..rounds {
        change(round)?;
        let loaded = load.run(&[])?;
        let units = |what| loaded.count(&["units", what]);
        ensure!(
            (units("written"), units("skipped")) == (written, skipped),
            "it was to write {written} and to skip {skipped}: {}",
            loaded.report["units"]
        );
        seconds.push(loaded.finished.spent.wall.as_secs_f64());
    }
    Ok(seconds)
}

/// Some file of the middle.
fn changed_file(tree: &Path) -> Result<PathBuf> {
    let mut folders = vec![tree.to_path_buf()];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder)? {
            let path = entry?.path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|extension| extension == "py") {
                return Ok(path);
            }
        }
    }
    None.context("no Python to change")
}

fn touch(file: &Path) -> Result<()> {
    let mut file = OpenOptions::new().append(true).open(file)?;
    Ok(writeln!(file, "# changed")?)
}
