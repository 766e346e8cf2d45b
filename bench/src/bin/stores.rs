//! `astload load` of one directory into each of several stores, and into all at once; then what users do
//! with two stores that hold the same.

use std::ffi::OsString;
use std::fs::{self, OpenOptions};
use std::io::{Write, stdout};
use std::path::PathBuf;

use anyhow::{Context, Result, ensure};
use astload_bench::{Finished, Machine, Scratch, Server, Started, Table, astload, copy, run};
use clap::Parser;

/// Measures what a load into SQLite costs, into each store whose server was started, and into all of them at
/// once: wall, CPU of the client and of all programs together, peak memory, and the bytes of the journal
/// on disk. Then, store by store: an unchanged reload, files that changed, comparing with SQLite, filling another
/// store from SQLite, and removing the repository. Targets: 300 MB for SQLite and Postgres, 350 MB for five stores.
#[derive(Debug, Parser)]
#[command(
    after_help = "Example:\n  ASTLOAD_TEST_FSYNC=on tests/services/run postgres neo4j elasticsearch opensearch -- \\\n    target/release/stores --corpus \"$(bench/corpus ansible)/ansible_collections/community\""
)]
struct Args {
    /// A directory of source
    #[arg(long, value_name = "DIR")]
    corpus: PathBuf,
    /// How often
    #[arg(long, default_value_t = 1)]
    rounds: usize,
    /// Files of Python that change
    #[arg(long, value_name = "COUNT", default_value_t = 1000)]
    changed: usize,
    /// Where the corpus is copied to, and SQLite's stores are made [default: where temporary files go]
    #[arg(long, value_name = "DIR")]
    scratch: Option<PathBuf>,
}

fn main() -> Result<()> {
    let args = Args::parse();
    let scratch = Scratch::new(args.scratch.as_deref())?;
    writeln!(stdout(), "{}\n", Machine::here())?;
    let header = [
        "what",
        "store",
        "units",
        "wall s",
        "CPU s",
        "all CPU s",
        "peak MB",
        "journal MB",
        "stores, s",
    ];
    let mut bench = Bench {
        stores: stores(&scratch)?,
        postgres: Started::named("postgres").map(|_| Server::started()).transpose()?,
        corpus: scratch.path("corpus"),
        scratch,
        changes: 0,
        table: Table::new(&header),
    };
    copy(&args.corpus, &bench.corpus)?;
    for _ in 0..args.rounds {
        bench.round(args.changed)?;
    }
    bench.table.print()?;
    writeln!(stdout(), "\nafterwards: {}", Machine::here())?;
    Ok(())
}

/// A place for stores: where `{}` stands, the name of one.
struct Place {
    name: &'static str,
    url: String,
}

impl Place {
    fn url(&self, store: &str) -> String {
        self.url.replace("{}", store)
    }
}

/// SQLite first, then those whose servers were started.
fn stores(scratch: &Scratch) -> Result<Vec<Place>> {
    let sqlite = format!("sqlite:{}/{{}}.db", scratch.path("").display());
    let mut all = vec![Place { name: "SQLite", url: sqlite }];
    if Started::named("postgres").is_some() {
        let url = format!("{}&schema={{}}", Server::started()?.url());
        all.push(Place { name: "Postgres", url });
    }
    for (name, server, url) in [
        ("Neo4j", "neo4j", "bolt://neo4j:testpassword@127.0.0.1:PORT?prefix={}"),
        ("Elasticsearch", "elasticsearch", "elasticsearch+http://127.0.0.1:PORT?prefix={}"),
        ("OpenSearch", "opensearch", "opensearch+http://127.0.0.1:PORT?prefix={}"),
    ] {
        if let Some(started) = Started::named(server) {
            let url = url.replace("PORT", &started.port()?.to_string());
            all.push(Place { name, url });
        }
    }
    Ok(all)
}

struct Bench {
    stores: Vec<Place>,
    postgres: Option<Server>,
    scratch: Scratch,
    corpus: PathBuf,
    changes: usize,
    table: Table,
}

impl Bench {
    fn round(&mut self, changed: usize) -> Result<()> {
        let all: Vec<usize> = (0..self.stores.len()).collect();
        for &one in &all {
            self.clean()?;
            self.load("load", &[one], "--no-trust-mtime")?;
        }
        if all.len() > 1 {
            self.clean()?;
            self.load("load", &all, "--no-trust-mtime")?;
            self.load("unchanged", &all, "--quiet")?;
        }
        for &one in &all {
            self.load("unchanged", &[one], "--quiet")?;
        }
        for &one in &all[1..] {
            let (sqlite, other) = (self.stores[0].url("one"), self.stores[one].url("one"));
            self.astload("verify", one, &["verify", &sqlite, &other])?;
            let second = self.stores[one].url("two");
            self.astload("backfill", one, &["backfill", &sqlite, &second])?;
        }
        self.change(changed)?;
        for &one in &all {
            self.load(&format!("{changed} changed"), &[one], "--quiet")?;
        }
        for &one in &all {
            let url = self.stores[one].url("one");
            self.astload("rm", one, &["rm", "corpus", "--from", &url])?;
        }
        Ok(())
    }

    /// Leaves no store, and nothing that a server still has to do for one.
    fn clean(&self) -> Result<()> {
        for store in ["one", "two"] {
            self.scratch.fresh(&format!("{store}.db"))?;
            for place in &self.stores[1..] {
                // Where there is none, there is nothing to drop.
                let url = place.url(store);
                let mut drop = std::process::Command::new(astload()?);
                drop.args(["schema", "drop", &url, "--yes"]);
                let output = drop.output()?;
                let said = String::from_utf8_lossy(&output.stderr);
                ensure!(output.status.success() || said.contains("there is no store"), "{said}");
            }
        }
        self.postgres.as_ref().map_or(Ok(()), Server::checkpoint)
    }

    /// Gives so many files a definition more.
    fn change(&mut self, count: usize) -> Result<()> {
        self.changes += 1;
        let mut folders = vec![self.corpus.clone()];
        let mut files = Vec::new();
        while let Some(folder) = folders.pop() {
            for entry in fs::read_dir(folder)? {
                let path = entry?.path();
                match path.is_dir() {
                    true => folders.push(path),
                    false if path.extension().is_some_and(|extension| extension == "py") => {
                        files.push(path);
                    }
                    false => {}
                }
            }
        }
        files.sort();
        ensure!(files.len() >= count, "there are {} files of Python", files.len());
        // Spread over all of it.
        for at in 0..count {
            let mut file =
                OpenOptions::new().append(true).open(&files[at * files.len() / count])?;
            write!(file, "\ndef changed{}():\n    pass\n", self.changes)?;
        }
        Ok(())
    }

    fn load(&mut self, what: &str, into: &[usize], more: &str) -> Result<()> {
        let corpus = self.corpus.display().to_string();
        let mut arguments = vec!["load", &corpus, "--repo", "corpus", more];
        let urls: Vec<String> = into.iter().map(|&one| self.stores[one].url("one")).collect();
        urls.iter().for_each(|url| arguments.extend(["--to", url.as_str()]));
        let finished = self.run(&arguments)?;
        let name = match into {
            [one] => self.stores[*one].name,
            _ => "all",
        };
        self.row(what, name, &finished)
    }

    fn astload(&mut self, what: &str, store: usize, arguments: &[&str]) -> Result<()> {
        let finished = self.run(arguments)?;
        self.row(what, self.stores[store].name, &finished)
    }

    fn run(&self, arguments: &[&str]) -> Result<(Finished, f64)> {
        let mut command: Vec<OsString> = vec![astload()?.into()];
        command.extend(arguments.iter().map(OsString::from));
        command.push("--json".into());
        let (cache, state) = (self.scratch.path("cache"), self.scratch.path("state"));
        let variables =
            [("XDG_CACHE_HOME", cache.as_os_str()), ("XDG_STATE_HOME", state.as_os_str())];
        let before = busy()?;
        let finished = run(&self.scratch.path(""), &variables, &command)?;
        Ok((finished, busy()? - before))
    }

    fn row(&mut self, what: &str, store: &str, (finished, busy): &(Finished, f64)) -> Result<()> {
        let report = finished.json()?;
        let units = ["/units/written", "/same", "/sent", "/units"];
        let units = units.into_iter().find_map(|path| report.pointer(path)?.as_u64());
        let backends = report["backends"].as_array().into_iter().flatten();
        let seconds = backends.filter_map(|backend| backend["seconds"].as_f64());
        let seconds: Vec<String> = seconds.map(|seconds| format!("{seconds:.1}")).collect();
        self.table.row([
            what.to_owned(),
            store.to_owned(),
            units.unwrap_or_default().to_string(),
            format!("{:.2}", finished.spent.wall.as_secs_f64()),
            format!("{:.1}", finished.spent.cpu.as_secs_f64()),
            format!("{busy:.1}"),
            format!("{:.0}", finished.peak as f64 / 1e6),
            format!("{:.0}", finished.unnamed as f64 / 1e6),
            seconds.join(", "),
        ]);
        Ok(())
    }
}

/// The seconds that all cores have worked, for whatever program.
fn busy() -> Result<f64> {
    let stat = fs::read_to_string("/proc/stat")?;
    let all = stat.lines().next().context("no cores")?;
    let ticks: Vec<f64> = all.split_whitespace().skip(1).filter_map(|n| n.parse().ok()).collect();
    // All but those of idleness and of waiting; a hundredth of a second each, on Linux.
    let idle: f64 = ticks.iter().skip(3).take(2).sum();
    Ok((ticks.iter().take(8).sum::<f64>() - idle) / 100.0)
}
