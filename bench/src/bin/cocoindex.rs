//! `astload load` into Postgres against CocoIndex, from the same directory into the same server.

use std::ffi::{OsStr, OsString};
use std::io::{Write, stdout};
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use astload_bench::{Finished, Machine, PgSchema, Scratch, Server, Table, astload, median, run};
use clap::Parser;

/// Measures a first load of the Python of a directory into Postgres, in turns with CocoIndex, which
/// writes one row for each named node (`bench/cocoindex/flow.py`). astload stores these nodes, and the
/// symbols, edges and indexes besides. Target: 15 times the rows a second.
#[derive(Debug, Parser)]
#[command(
    after_help = "Example:\n  ASTLOAD_TEST_FSYNC=on tests/services/run postgres -- \\\n    target/release/cocoindex --corpus \"$(bench/corpus django)\" --peer \"$(bench/corpus cocoindex)\""
)]
struct Args {
    /// A directory of Python
    #[arg(long, value_name = "DIR")]
    corpus: PathBuf,
    /// Where CocoIndex is
    #[arg(long, value_name = "DIR")]
    peer: PathBuf,
    /// How often
    #[arg(long, default_value_t = 2)]
    rounds: usize,
}

fn main() -> Result<()> {
    let (args, server) = (Args::parse(), Server::started()?);
    let scratch = Scratch::new(None)?;
    writeln!(stdout(), "{}\n", Machine::here())?;
    let mut rounds = Vec::new();
    for _ in 0..args.rounds {
        rounds.push([ours(&args, &server, &scratch)?, theirs(&args, &server, &scratch)?]);
    }
    let mut table = Table::new(&["program", "rows", "seconds", "rows/s", "CPU s", "peak MB"]);
    let rate = |who: usize| {
        median(
            rounds.iter().map(|round| round[who].0 as f64 / round[who].1.spent.wall.as_secs_f64()),
        )
    };
    for (who, name) in ["astload", "CocoIndex"].into_iter().enumerate() {
        let of =
            |number: fn(&Finished) -> f64| median(rounds.iter().map(|round| number(&round[who].1)));
        table.row([
            name.to_owned(),
            rounds.first().map_or(0, |round| round[who].0).to_string(),
            format!("{:.2}", of(|finished| finished.spent.wall.as_secs_f64())),
            format!("{:.0}", rate(who)),
            format!("{:.1}", of(|finished| finished.spent.cpu.as_secs_f64())),
            format!("{:.0}", of(|finished| finished.peak as f64 / 1e6)),
        ]);
    }
    table.print()?;
    writeln!(stdout(), "\n{:.1} times the rows a second (target 15)", rate(0) / rate(1))?;
    Ok(())
}

/// Rows of nodes, edges and symbols, and what they took.
fn ours(args: &Args, server: &Server, scratch: &Scratch) -> Result<(u64, Finished)> {
    let schema = PgSchema::there(server, "astload");
    server.psql("SET client_min_messages = warning; DROP SCHEMA IF EXISTS astload CASCADE;")?;
    let mut command: Vec<OsString> =
        vec![astload()?.into(), "load".into(), args.corpus.canonicalize()?.into()];
    let url = server.url();
    command.extend(
        ["--repo", "corpus", "--languages", "python", "--quiet", "--json", "--to", &url]
            .map(OsString::from),
    );
    let cache = scratch.path("cache");
    let finished = run(&scratch.path(""), &[("XDG_CACHE_HOME", cache.as_os_str())], &command)?;
    Ok((schema.rows()?, finished))
}

/// One row for each named node.
fn theirs(args: &Args, server: &Server, scratch: &Scratch) -> Result<(u64, Finished)> {
    server.psql("SET client_min_messages = warning; DROP SCHEMA IF EXISTS peer CASCADE; CREATE SCHEMA peer;")?;
    let state = scratch.path("cocoindex.lmdb");
    std::fs::remove_dir_all(&state).ok();
    let flow = Path::new(env!("CARGO_MANIFEST_DIR")).join("cocoindex/flow.py");
    let program = args.peer.join("bin/cocoindex");
    let command =
        [program.as_os_str(), OsStr::new("update"), OsStr::new("--quiet"), flow.as_os_str()];
    let (url, root) = (OsString::from(server.peer_url("peer")), args.corpus.canonicalize()?);
    let variables = [
        ("PEER_URL", url.as_os_str()),
        ("PEER_ROOT", root.as_os_str()),
        ("COCOINDEX_DB", state.as_os_str()),
        ("COCOINDEX_DISABLE_USAGE_TRACKING", OsStr::new("1")),
    ];
    let finished = run(&scratch.path(""), &variables, &command).context("CocoIndex")?;
    let rows = server.psql("SELECT count(*) FROM peer.nodes;")?;
    Ok((rows.parse()?, finished))
}
