//! Peak memory of `astload load`, from one million nodes to a hundred.

use std::io::{Write, stdout};
use std::path::{Path, PathBuf};

use anyhow::{Result, ensure};
use astload_bench::{Load, Loaded, Machine, Scratch, Table, grow};
use clap::Parser;

/// Measures the peak memory of `astload load` for corpora of several sizes, made of salted copies of
/// one directory of Python, and for others as they are. Target: at most 300 MB, whatever the size.
#[derive(Debug, Parser)]
#[command(after_help = "Example:\n  memory --from ~/src/django --nodes 1000000")]
struct Args {
    /// A directory with Python, to be copied
    #[arg(long, value_name = "DIR")]
    from: PathBuf,
    /// Named nodes to generate, for each a line of the table
    #[arg(long, value_delimiter = ',', default_value = "1000000,10000000,100000000")]
    nodes: Vec<u64>,
    /// A directory to load as it is; repeat it for more
    #[arg(long, value_name = "DIR")]
    corpus: Vec<PathBuf>,
    /// Where corpora and stores are made [default: where temporary files go]; 100 M nodes take 12 GB
    #[arg(long, value_name = "DIR")]
    scratch: Option<PathBuf>,
}

fn main() -> Result<()> {
    let args = Args::parse();
    writeln!(stdout(), "{}\n", Machine::here())?;
    let mut table =
        Table::new(&["corpus", "files", "nodes", "symbols", "seconds", "store MB", "peak MB"]);
    let scratch = Scratch::new(args.scratch.as_deref())?;
    let copies = scratch.path("copies");
    grow(&args.from, &copies, 1)?;
    let one = load(&scratch, &copies)?;
    let nodes = one.0.count(&["nodes"]);
    ensure!(nodes > 0, "no nodes in a copy");
    let mut sizes = args.nodes.clone();
    sizes.sort_unstable();
    for size in sizes {
        grow(&args.from, &copies, usize::try_from(size.div_ceil(nodes))?)?;
        row(&mut table, "generated", &load(&scratch, &copies)?);
    }
    for corpus in &args.corpus {
        let name = corpus.file_name().unwrap_or_default().to_string_lossy();
        row(&mut table, &name, &load(&scratch, corpus)?);
    }
    table.print()?;
    writeln!(stdout(), "\ntarget 300 MB; afterwards: {}", Machine::here())?;
    Ok(())
}

/// Loads into a new store; returns its bytes too.
fn load(scratch: &Scratch, directory: &Path) -> Result<(Loaded, u64)> {
    let store = scratch.fresh("memory.db")?;
    let load = Load { scratch, directory, store: "memory.db" };
    let loaded = load.run(&["--no-trust-mtime"])?;
    let bytes = std::fs::metadata(&store)?.len();
    scratch.fresh("memory.db")?;
    Ok((loaded, bytes))
}

fn row(table: &mut Table, corpus: &str, (loaded, bytes): &(Loaded, u64)) {
    table.row([
        corpus.to_owned(),
        loaded.count(&["units", "written"]).to_string(),
        loaded.count(&["nodes"]).to_string(),
        loaded.count(&["symbols"]).to_string(),
        format!("{:.1}", loaded.finished.spent.wall.as_secs_f64()),
        format!("{:.0}", *bytes as f64 / 1e6),
        format!("{:.0}", loaded.finished.peak as f64 / 1e6),
    ]);
}
