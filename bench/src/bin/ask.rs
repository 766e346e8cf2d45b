//! How long a store takes to answer what its page, README and the command line ask.

use std::io::{Write, stdout};
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use astload_bench::{Load, Machine, Scratch, Server, Started, Table, Times, astload, grow, run};
use astload_tests::page::Page;
use clap::Parser;
use rusqlite::{Connection, OpenFlags};

/// Loads a corpus into SQLite, and into PostgreSQL where it was started, and asks each store the
/// questions of its page and of README, some more about joins, and `show`, `refs` and `tree`. Target: each
/// within a second at 17 M nodes, or its page names the index that it wants.
#[derive(Debug, Parser)]
#[command(
    after_help = "Example:\n  ASTLOAD_TEST_FSYNC=on tests/services/run postgres -- \\\n    target/release/ask --corpus \"$(bench/corpus django)\" --index kind"
)]
struct Args {
    /// A directory of source to load as it is; repeat it for more
    #[arg(long, value_name = "DIR")]
    corpus: Vec<PathBuf>,
    /// A directory with Python, to be copied until there are `--nodes`
    #[arg(long, value_name = "DIR", requires = "nodes")]
    from: Option<PathBuf>,
    /// Named nodes to generate; 100 M take 14 GB
    #[arg(long, value_name = "COUNT", requires = "from")]
    nodes: Option<u64>,
    /// How often each question is asked
    #[arg(long, default_value_t = 5)]
    rounds: usize,
    /// An optional index to make before; repeat it for more
    #[arg(long, value_name = "NAME")]
    index: Vec<String>,
    /// A name that is defined and used in the corpus
    #[arg(long, default_value = "get_option")]
    name: String,
    /// Where corpora and stores are made [default: where temporary files go]
    #[arg(long, value_name = "DIR")]
    scratch: Option<PathBuf>,
}

/// What is asked: a title and a statement.
type Asked = (String, String);

/// What is asked besides, of the views in every place of a join.
const JOINS: [(&str, &str); 6] = [
    (
        "the parent of each node of a file, JOIN",
        "SELECT n.kind, p.kind FROM nodes AS n
         JOIN nodes AS p ON p.unit_id = n.unit_id AND p.ord = n.parent WHERE n.path = 'PATH'",
    ),
    (
        "the same, also of the root, by a subquery",
        "SELECT n.kind, (SELECT p.kind FROM nodes AS p
         WHERE p.unit_id = n.unit_id AND p.ord = n.parent) FROM nodes AS n WHERE n.path = 'PATH'",
    ),
    (
        "the same, LEFT JOIN",
        "SELECT n.kind, p.kind FROM nodes AS n
         LEFT JOIN nodes AS p ON p.unit_id = n.unit_id AND p.ord = n.parent WHERE n.path = 'PATH'",
    ),
    (
        "the language of each node of a file, LEFT JOIN",
        "SELECT n.kind, u.language FROM nodes AS n
         LEFT JOIN units AS u ON u.unit_id = n.unit_id WHERE n.path = 'PATH'",
    ),
    (
        "the symbols of a file, LEFT JOIN",
        "SELECT e.kind, s.name FROM edges AS e
         LEFT JOIN symbols AS s ON s.symbol_id = e.symbol_id WHERE e.path = 'PATH'",
    ),
    ("symbols of a name", "SELECT symbol FROM symbols WHERE name = 'NAME'"),
];

fn main() -> Result<()> {
    let args = Args::parse();
    writeln!(stdout(), "{}\n", Machine::here())?;
    let scratch = Scratch::new(args.scratch.as_deref())?;
    for corpus in &args.corpus {
        bench(&args, &scratch, corpus)?;
    }
    if let (Some(from), Some(nodes)) = (&args.from, args.nodes) {
        let copies = scratch.path("copies");
        grow(from, &copies, 1)?;
        let load = Load { scratch: &scratch, directory: &copies, store: "one.db" };
        let one = load.run(&[])?.count(&["nodes"]);
        ensure!(one > 0, "no nodes in a copy");
        scratch.fresh("one.db")?;
        grow(from, &copies, usize::try_from(nodes.div_ceil(one))?)?;
        bench(&args, &scratch, &copies)?;
    }
    writeln!(stdout(), "afterwards: {}", Machine::here())?;
    Ok(())
}

/// A store that questions are asked of.
trait Asks {
    /// Rows of a statement, and how long it took.
    fn ask(&self, statement: &str) -> Result<(usize, Duration)>;
}

impl Asks for Connection {
    fn ask(&self, statement: &str) -> Result<(usize, Duration)> {
        let mut times = Times::default();
        let rows = times.of(|| -> Result<usize> {
            let mut select = self.prepare(statement)?;
            let mut rows = select.query([])?;
            let mut count = 0;
            while rows.next()?.is_some() {
                count += 1;
            }
            Ok(count)
        })?;
        Ok((rows, Duration::from_secs_f64(times.mean())))
    }
}

impl Asks for Server {
    fn ask(&self, statement: &str) -> Result<(usize, Duration)> {
        let session = format!(
            "SET search_path = {SCHEMA};\n\\timing on\n\\o /dev/null\n{statement};\n\\o\n\
             \\timing off\n\\echo :ROW_COUNT\n"
        );
        let said = self.psql(&session)?;
        let time = said.lines().find_map(|line| line.strip_prefix("Time: ")?.split(' ').next());
        let milliseconds: f64 = time.context("psql tells no time")?.parse()?;
        let rows = said.lines().last().context("psql tells no rows")?.parse()?;
        Ok((rows, Duration::from_secs_f64(milliseconds / 1000.0)))
    }
}

const STORE: &str = "ask.db";
const SCHEMA: &str = "ask";

fn bench(args: &Args, scratch: &Scratch, corpus: &Path) -> Result<()> {
    let path = scratch.fresh(STORE)?;
    let loaded = Load { scratch, directory: corpus, store: STORE }.run(&["--no-trust-mtime"])?;
    let nodes = loaded.count(&["nodes"]);
    let url = format!("sqlite:{}", path.display());
    prepare(args, scratch, &url)?;
    let sqlite = Connection::open_with_flags(&path, OpenFlags::SQLITE_OPEN_READ_WRITE)?;
    let file: String = sqlite.query_row(
        "SELECT path FROM unit ORDER BY nodes DESC LIMIT 1 OFFSET 9",
        [],
        |row| row.get(0),
    )?;
    let title = format!("SQLite, {nodes} nodes");
    report(args, &title, &sqlite, &questions("docs/stores/sqlite.md", args, &file))?;
    commands(args, scratch, &url, &file)?;
    if Started::named("postgres").is_some() {
        let server = Server::started()?;
        let url = format!("{}&schema={SCHEMA}", server.url());
        let drop = format!("DROP SCHEMA IF EXISTS {SCHEMA} CASCADE");
        server.psql(&format!("SET client_min_messages = warning; {drop}"))?;
        let corpus = corpus.display().to_string();
        command(scratch, &["load", &corpus, "--repo", "corpus", "--to", &url, "--quiet"])?;
        prepare(args, scratch, &url)?;
        let title = format!("PostgreSQL, {nodes} nodes");
        report(args, &title, &server, &questions("docs/stores/postgres.md", args, &file))?;
        commands(args, scratch, &url, &file)?;
        server.psql(&drop)?;
    }
    scratch.fresh(STORE)?;
    Ok(())
}

fn prepare(args: &Args, scratch: &Scratch, url: &str) -> Result<()> {
    for index in &args.index {
        let took = command(scratch, &["index", "make", index, "--from", url])?;
        writeln!(stdout(), "index {index}: {:.1} s", took.as_secs_f64())?;
    }
    Ok(())
}

/// The questions of a page and of README, about a name and a file of the corpus.
fn questions(page: &str, args: &Args, file: &str) -> Vec<Asked> {
    let ours = |text: &str| {
        let symbol = format!("name python {}", args.name);
        let text = text.replace("name python price", &symbol).replace("PATH", file);
        text.replace("name python parse_url", &symbol).replace("NAME", &args.name)
    };
    let of_page = Page::read(page).questions().into_iter().map(|one| (one.asks, one.answer));
    let of_readme = Page::read("README.md").sql("Ask with SQL");
    let statements: Vec<&str> =
        of_readme.split(';').map(str::trim).filter(|one| !one.is_empty()).collect();
    let of_readme = statements.iter().map(|one| {
        let title = one.lines().next().unwrap_or_default().trim_start_matches("-- ");
        (format!("README: {title}"), (*one).to_owned())
    });
    let joins = JOINS.iter().map(|(title, statement)| ((*title).into(), (*statement).to_owned()));
    let all = of_page.chain(of_readme).chain(joins);
    all.map(|(title, statement)| (title, ours(statement.trim().trim_end_matches(';')))).collect()
}

fn report(args: &Args, title: &str, store: &impl Asks, questions: &[Asked]) -> Result<()> {
    let mut table = Table::new(&[title, "rows", "p50 ms", "max ms"]);
    for (title, statement) in questions {
        let mut times = Times::default();
        let mut rows = 0;
        for _ in 0..args.rounds {
            let (found, took) = store.ask(statement).with_context(|| title.clone())?;
            rows = found;
            times.push(took);
        }
        table.row([title.clone(), rows.to_string(), ms(&times, 50.0), ms(&times, 100.0)]);
    }
    table.print()?;
    Ok(())
}

fn ms(times: &Times, percent: f64) -> String {
    format!("{:.1}", times.percentile(percent) / 1000.0)
}

/// The commands that ask, each as a process of its own.
fn commands(args: &Args, scratch: &Scratch, url: &str, file: &str) -> Result<()> {
    let mut table = Table::new(&["command", "p50 ms", "max ms"]);
    for arguments in [
        vec!["show", url],
        vec!["refs", &args.name, "--from", url],
        vec!["tree", file, "--from", url],
    ] {
        let mut times = Times::default();
        for _ in 0..args.rounds {
            times.push(command(scratch, &arguments)?);
        }
        table.row([arguments[0].to_owned(), ms(&times, 50.0), ms(&times, 100.0)]);
    }
    table.print()?;
    writeln!(stdout())?;
    Ok(())
}

fn command(scratch: &Scratch, arguments: &[&str]) -> Result<Duration> {
    let mut command = vec![astload()?.into_os_string()];
    command.extend(arguments.iter().map(Into::into));
    let cache = scratch.path("cache");
    let variables = [("XDG_CACHE_HOME", cache.as_os_str())];
    Ok(run(&scratch.path(""), &variables, &command)?.spent.wall)
}
