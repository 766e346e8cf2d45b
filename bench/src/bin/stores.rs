//! `astload load` of one directory into SQLite, into Postgres, and into both at once; then `verify` and
//! `backfill` between them.

use std::ffi::OsString;
use std::io::{Write, stdout};
use std::path::PathBuf;

use anyhow::Result;
use astload_bench::{Finished, Machine, Scratch, Server, Table, astload, run};
use clap::Parser;

/// Measures what one load costs beside another, as wall, CPU of the client and peak memory, and how fast two
/// stores are compared and filled from each other. Target: 300 MB.
#[derive(Debug, Parser)]
#[command(
    after_help = "Example:\n  ASTLOAD_TEST_FSYNC=on tests/services/run postgres -- \\\n    target/release/stores --corpus \"$(bench/corpus ansible)\""
)]
struct Args {
    /// A directory of source
    #[arg(long, value_name = "DIR")]
    corpus: PathBuf,
    /// How often
    #[arg(long, default_value_t = 2)]
    rounds: usize,
    /// Where the SQLite stores are made [default: where temporary files go]
    #[arg(long, value_name = "DIR")]
    scratch: Option<PathBuf>,
}

fn main() -> Result<()> {
    let (args, server) = (Args::parse(), Server::started()?);
    let scratch = Scratch::new(args.scratch.as_deref())?;
    writeln!(stdout(), "{}\n", Machine::here())?;
    let mut bench = Bench {
        args: &args,
        server: &server,
        scratch: &scratch,
        table: Table::new(&["what", "units", "wall s", "CPU s", "peak MB", "backends, s"]),
    };
    for _ in 0..args.rounds {
        bench.round()?;
    }
    bench.table.print()?;
    writeln!(stdout(), "\nafterwards: {}", Machine::here())?;
    Ok(())
}

struct Bench<'a> {
    args: &'a Args,
    server: &'a Server,
    scratch: &'a Scratch,
    table: Table,
}

impl Bench<'_> {
    fn round(&mut self) -> Result<()> {
        let (sqlite, postgres) = (self.sqlite("a.db"), self.postgres("astload"));
        for (what, to) in [
            ("load into SQLite", vec![&sqlite]),
            ("load into Postgres", vec![&postgres]),
            ("load into both", vec![&sqlite, &postgres]),
        ] {
            self.clean()?;
            self.load(what, &to, "--no-trust-mtime")?;
        }
        self.load("the same, unchanged", &[&sqlite, &postgres], "--quiet")?;
        self.astload("verify", &["verify", &sqlite, &postgres])?;
        self.astload("backfill into Postgres", &["backfill", &sqlite, &self.postgres("other")])?;
        self.astload("backfill into SQLite", &["backfill", &postgres, &self.sqlite("b.db")])
    }

    fn sqlite(&self, name: &str) -> String {
        format!("sqlite:{}", self.scratch.path(name).display())
    }

    fn postgres(&self, schema: &str) -> String {
        format!("{}&schema={schema}", self.server.url())
    }

    fn clean(&self) -> Result<()> {
        for store in ["a.db", "b.db"] {
            self.scratch.fresh(store)?;
        }
        let drop = "SET client_min_messages = warning; DROP SCHEMA IF EXISTS astload CASCADE;
            DROP SCHEMA IF EXISTS other CASCADE;";
        self.server.psql(drop)?;
        self.server.checkpoint()
    }

    fn load(&mut self, what: &str, to: &[&String], more: &str) -> Result<()> {
        let corpus = self.args.corpus.canonicalize()?.display().to_string();
        let mut arguments = vec!["load", &corpus, "--repo", "corpus", more];
        to.iter().for_each(|url| arguments.extend(["--to", url.as_str()]));
        self.astload(what, &arguments)
    }

    fn astload(&mut self, what: &str, arguments: &[&str]) -> Result<()> {
        let mut command: Vec<OsString> = vec![astload()?.into()];
        command.extend(arguments.iter().map(OsString::from));
        command.push("--json".into());
        let (cache, state) = (self.scratch.path("cache"), self.scratch.path("state"));
        let variables =
            [("XDG_CACHE_HOME", cache.as_os_str()), ("XDG_STATE_HOME", state.as_os_str())];
        let finished = run(&self.scratch.path(""), &variables, &command)?;
        self.row(what, &finished)
    }

    fn row(&mut self, what: &str, finished: &Finished) -> Result<()> {
        let report = finished.json()?;
        let units = [&report["units"]["written"], &report["same"], &report["sent"]];
        let units = units.into_iter().find_map(serde_json::Value::as_u64).unwrap_or_default();
        let backends = report["backends"].as_array().into_iter().flatten();
        let seconds = backends.filter_map(|backend| backend["seconds"].as_f64());
        let seconds: Vec<String> = seconds.map(|seconds| format!("{seconds:.1}")).collect();
        self.table.row([
            what.to_owned(),
            units.to_string(),
            format!("{:.2}", finished.spent.wall.as_secs_f64()),
            format!("{:.1}", finished.spent.cpu.as_secs_f64()),
            format!("{:.0}", finished.peak as f64 / 1e6),
            seconds.join(", "),
        ]);
        Ok(())
    }
}
