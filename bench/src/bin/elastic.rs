//! What a load into Elasticsearch and OpenSearch takes, against those who send ready documents.

use std::ffi::{OsStr, OsString};
use std::fs;
use std::io::{BufWriter, Write, stdout};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::{Context, Result, ensure};
use astload_backends::elastic::{ElasticsearchFactory, OpenSearchFactory};
use astload_backends::{Access, Backend, BackendConfig, BackendFactory};
use astload_bench::{
    Machine, Meter, Scratch, Spent, Started, Table, collect, joined, median, run, write_all,
};
use astload_model::{Batch, Selection};
use clap::Parser;
use futures::{StreamExt, TryStreamExt};
use serde::Deserialize;
use serde_json::value::RawValue;
use serde_json::{Value, json};
use tokio::runtime::Runtime;

#[global_allocator]
static ALLOCATOR: tikv_jemallocator::Jemalloc = tikv_jemallocator::Jemalloc;

/// Measures the Elasticsearch and OpenSearch backends, whichever server was started, in turns with a bare
/// HTTP client that sends the same documents as bodies made ready, and with the bulk helpers of the official client of
/// Python (`bench/elastic/helpers.py`), all into indices of one schema, with the settings of a first load.
/// Targets: 0.95 of the pace of the bare client, 3 times that of the helpers.
#[derive(Debug, Parser)]
#[command(
    after_help = "Example:\n  tests/services/run elasticsearch opensearch -- target/release/elastic \\\n    --corpus \"$(bench/corpus ansible)/ansible_collections\" --client \"$(bench/corpus elastic)\""
)]
struct Args {
    /// A directory of source
    #[arg(long, value_name = "DIR")]
    corpus: PathBuf,
    /// An environment of Python's with the clients; without it their helpers are left out
    #[arg(long, value_name = "DIR")]
    client: Option<PathBuf>,
    /// Rows of a batch [default: what the backends prefer]
    #[arg(long, value_name = "ROWS")]
    batch: Option<usize>,
    /// Named nodes that are read of it; what is loaded of them is what the backends select
    #[arg(long, default_value_t = 16_000_000)]
    rows: usize,
    /// How often, after a round that only warms the server
    #[arg(long, default_value_t = 4)]
    rounds: usize,
}

/// Bytes of a body.
const BODY_BYTES: usize = 8 << 20;

/// What is measured, the backend first.
const WAYS: [&str; 4] = ["astload", "ready bodies", "helpers, bulk", "helpers, parallel"];

/// Documents that are read at once.
const PAGE: usize = 5_000;

#[derive(Debug, Clone, Copy)]
struct Took {
    wall: f64,
    server: f64,
    client: f64,
}

fn main() -> Result<()> {
    let args = Args::parse();
    let (runtime, scratch) = (Runtime::new()?, Scratch::new(None)?);
    writeln!(stdout(), "{}\n", Machine::here())?;
    let kinds: [(&str, Arc<dyn BackendFactory>); 2] = [
        ("elasticsearch", Arc::new(ElasticsearchFactory)),
        ("opensearch", Arc::new(OpenSearchFactory)),
    ];
    let mut table = Table::new(&[
        "server",
        "way",
        "documents",
        "wall, µs",
        "server, µs",
        "client, µs",
        "of astload's pace",
    ]);
    for (name, factory) in kinds {
        let Some(server) = Started::named(name) else { continue };
        let selection = Selection::new(factory.selection())?;
        let all = collect(&runtime, &args.corpus, args.rows)?;
        let all: Result<Vec<Batch>, _> = all.iter().map(|batch| selection.apply(batch)).collect();
        let bench = Bench {
            name,
            factory,
            url: format!("http://127.0.0.1:{}", server.port()?),
            server,
            args: &args,
            runtime: &runtime,
            scratch: &scratch,
            batches: all?,
            http: reqwest::Client::new(),
        };
        bench.run(&mut table)?;
    }
    table.print()?;
    writeln!(stdout(), "\nafterwards: {}", Machine::here())?;
    Ok(())
}

struct Bench<'a> {
    name: &'static str,
    factory: Arc<dyn BackendFactory>,
    server: Started,
    url: String,
    args: &'a Args,
    runtime: &'a Runtime,
    scratch: &'a Scratch,
    batches: Vec<Batch>,
    http: reqwest::Client,
}

impl Bench<'_> {
    fn run(&self, table: &mut Table) -> Result<()> {
        let file = self.scratch.path("documents.jsonl");
        let mut rounds = Vec::new();
        let ways = if self.args.client.is_some() { &WAYS[..] } else { &WAYS[..2] };
        let backend = self.connect("ours")?;
        let batches =
            joined(&self.batches, self.args.batch.unwrap_or(backend.info().preferred_rows));
        let at_once = backend.info().capabilities.concurrency;
        self.runtime.block_on(backend.close())?;
        let ours = || {
            self.filled("ours", |backend| {
                write_all(self.runtime, backend, &batches, at_once)?;
                Ok(None)
            })
        };
        // The first warms the server, and says what the others are to write.
        ours()?;
        let all = self.runtime.block_on(self.documents("ours"))?;
        write_actions(&all, &file)?;
        let (documents, bodies) = (all.len(), bodies_of(&all));
        self.drop("ours")?;
        let way = |at: usize| match at {
            0 => ours(),
            1 => self.filled("peer", |_| {
                self.runtime.block_on(self.replay(&bodies))?;
                Ok(None)
            }),
            2 => self.filled("peer", |_| self.helpers(&file, "bulk").map(Some)),
            _ => self.filled("peer", |_| self.helpers(&file, "parallel").map(Some)),
        };
        for round in 0..=self.args.rounds {
            // Each follows upon each other one.
            let turns = (0..ways.len()).map(|turn| (turn + round) % ways.len());
            let mut took = turns
                .map(|at| {
                    let took = way(at)?;
                    self.drop(if at == 0 { "ours" } else { "peer" })?;
                    Ok((at, took))
                })
                .collect::<Result<Vec<_>>>()?;
            took.sort_by_key(|(at, _)| *at);
            if round > 0 {
                rounds.push(took.into_iter().map(|(_, took)| took).collect::<Vec<_>>());
            }
        }
        let ratio = |at: usize| median(rounds.iter().map(|round| round[0].wall / round[at].wall));
        for (at, way) in ways.iter().enumerate() {
            let each = |of: fn(&Took) -> f64| {
                median(rounds.iter().map(|round| 1e6 * of(&round[at]) / documents as f64))
            };
            table.row([
                self.name.to_owned(),
                (*way).to_owned(),
                documents.to_string(),
                format!("{:.1}", each(|took| took.wall)),
                format!("{:.1}", each(|took| took.server)),
                format!("{:.1}", each(|took| took.client)),
                format!("{:.2}", ratio(at)),
            ]);
        }
        Ok(())
    }

    fn connect(&self, prefix: &str) -> Result<Arc<dyn Backend>> {
        let options = json!({ "url": self.url, "prefix": prefix });
        let config = BackendConfig { options, access: Access::Write, selection: None };
        Ok(self.runtime.block_on(self.factory.connect(config))?)
    }

    /// What it takes to fill indices that are there and empty; a program of its own says so itself.
    fn filled(
        &self,
        prefix: &str,
        fill: impl FnOnce(&Arc<dyn Backend>) -> Result<Option<Took>>,
    ) -> Result<Took> {
        let backend = self.connect(prefix)?;
        let (meter, server) = (Meter::start(), self.server.cpu()?);
        let said = fill(&backend)?;
        let (Spent { wall, cpu }, server) = (meter.spent(), self.server.cpu()? - server);
        self.runtime.block_on(backend.close())?;
        Ok(said.unwrap_or(Took {
            wall: wall.as_secs_f64(),
            server: server.as_secs_f64(),
            client: cpu.as_secs_f64(),
        }))
    }

    fn drop(&self, prefix: &str) -> Result<()> {
        let backend = self.connect(prefix)?;
        let admin = backend.admin().context("an admin")?;
        self.runtime.block_on(async {
            admin.drop_schema().await?;
            backend.close().await
        })?;
        Ok(())
    }

    async fn ask(&self, path: &str, kind: &str, body: impl Into<reqwest::Body>) -> Result<Vec<u8>> {
        let sent = self.http.post(format!("{}/{path}", self.url)).header("Content-Type", kind);
        let answer = sent.body(body).send().await?;
        let (status, bytes) = (answer.status(), answer.bytes().await?);
        ensure!(status.is_success(), "{status}: {}", String::from_utf8_lossy(&bytes));
        Ok(bytes.into())
    }

    /// Everything in a store but the store's own document.
    async fn documents(&self, prefix: &str) -> Result<Vec<Document>> {
        const JSON: &str = "application/json";
        let mut all = Vec::new();
        for index in ["nodes", "symbols", "units"] {
            let index = format!("{prefix}-{index}");
            self.ask(&format!("{index}/_refresh"), JSON, "").await?;
            let asked = json!({ "size": PAGE, "sort": ["_doc"] }).to_string();
            let path = format!("{index}/_search?scroll=1m");
            let mut page: Page = serde_json::from_slice(&self.ask(&path, JSON, asked).await?)?;
            while !page.hits.hits.is_empty() {
                all.append(&mut page.hits.hits);
                let asked = json!({ "scroll": "1m", "scroll_id": page.scroll }).to_string();
                let said = self.ask("_search/scroll", JSON, asked).await?;
                page = serde_json::from_slice(&said)?;
            }
        }
        for document in &mut all {
            document.index = document.index.replace("ours-", "peer-").replace("-v3", "");
        }
        Ok(all)
    }

    /// As many on their way as the backend has.
    async fn replay(&self, bodies: &[Vec<u8>]) -> Result<()> {
        let path = "_bulk?require_alias=true&filter_path=items.*.status,items.*.error";
        let sent = bodies.iter().map(|body| async {
            let answer = self.ask(path, "application/x-ndjson", body.clone()).await?;
            let said = String::from_utf8_lossy(&answer);
            ensure!(!said.contains("error"), "{said}");
            Ok(())
        });
        futures::stream::iter(sent).buffer_unordered(2).try_for_each(async |()| Ok(())).await
    }

    fn helpers(&self, file: &Path, how: &str) -> Result<Took> {
        let client = self.args.client.as_ref().context("no clients")?;
        let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("elastic/helpers.py");
        let mut command: Vec<OsString> =
            vec![client.join("bin/python").into(), script.into(), self.name.into()];
        command.extend([OsString::from(&self.url), self.server.folder().join("pid").into()]);
        command.extend([OsString::from(file), how.into()]);
        let none: [(&str, &OsStr); 0] = [];
        let said = run(&self.scratch.path(""), &none, &command)?.json()?;
        let number = |name: &str| said[name].as_f64().with_context(|| format!("no `{name}`"));
        Ok(Took { wall: number("wall")?, server: number("server")?, client: number("client")? })
    }
}

#[derive(Debug, Deserialize)]
struct Page {
    #[serde(rename = "_scroll_id")]
    scroll: String,
    hits: Hits,
}

#[derive(Debug, Deserialize)]
struct Hits {
    hits: Vec<Document>,
}

#[derive(Debug, Deserialize)]
struct Document {
    #[serde(rename = "_index")]
    index: String,
    #[serde(rename = "_id")]
    id: String,
    #[serde(rename = "_source")]
    source: Box<RawValue>,
}

impl Document {
    /// As the backend writes it: symbols and units may be somebody else's already.
    fn op(&self) -> &'static str {
        if self.index.ends_with("nodes") { "index" } else { "create" }
    }
}

fn bodies_of(documents: &[Document]) -> Vec<Vec<u8>> {
    let mut bodies = vec![Vec::new()];
    for document in documents {
        if bodies.last().is_some_and(|body: &Vec<u8>| body.len() >= BODY_BYTES) {
            bodies.push(Vec::new());
        }
        if let Some(body) = bodies.last_mut() {
            let action = json!({ document.op(): { "_index": document.index, "_id": document.id } });
            body.extend_from_slice(format!("{action}\n{}\n", document.source.get()).as_bytes());
        }
    }
    bodies
}

fn write_actions(documents: &[Document], file: &Path) -> Result<()> {
    let mut output = BufWriter::new(fs::File::create(file)?);
    for document in documents {
        let source: Value = serde_json::from_str(document.source.get())?;
        let (op, index, id) = (document.op(), &document.index, &document.id);
        let action = json!({ "_op_type": op, "_index": index, "_id": id, "_source": source });
        writeln!(output, "{action}")?;
    }
    Ok(output.flush()?)
}
