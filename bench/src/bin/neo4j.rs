//! What a load costs a Neo4j server, by the shape of the statements that write it.

use std::ffi::{OsStr, OsString};
use std::fs;
use std::io::{BufWriter, Write, stdout};
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context, Result};
use astload_backends::neo4j::Neo4jFactory;
use astload_backends::{Access, BackendConfig, BackendFactory};
use astload_bench::{Machine, Meter, Scratch, Started, Table, collect, joined, median, run};
use astload_model::{Batch, Selection, SelectionRules, Unit};
use clap::Parser;
use serde_json::{Value, json};
use tokio::runtime::Runtime;

#[global_allocator]
static ALLOCATOR: tikv_jemallocator::Jemalloc = tikv_jemallocator::Jemalloc;

/// Measures the Neo4j backend, in turns with other ways to write the same elements through the official
/// driver of Python (`bench/neo4j/shapes.py`), on one warm server: the time on the wall, and on the cores
/// of server and client, for a node or a relationship. Targets: no shape costs the server less; the wall is
/// no more than that of the best through the driver, the client's CPU a quarter of it.
#[derive(Debug, Parser)]
#[command(
    after_help = "Example:\n  tests/services/run neo4j -- target/release/neo4j \\\n    --corpus \"$(bench/corpus django)\" --driver \"$(bench/corpus neo4j)\""
)]
struct Args {
    /// A directory of source
    #[arg(long, value_name = "DIR")]
    corpus: PathBuf,
    /// An environment of Python's with the driver
    #[arg(long, value_name = "DIR")]
    driver: PathBuf,
    /// Named nodes that are read of it; what is loaded is their definitions
    #[arg(long, default_value_t = 700_000)]
    rows: usize,
    /// How often, after a round that only warms the server
    #[arg(long, default_value_t = 3)]
    rounds: usize,
}

/// Rows of a batch, as a lane has them.
const BATCH_ROWS: usize = 16_384;

/// What is measured, the backend first.
const SHAPES: [&str; 5] = ["astload", "one", "groups", "keyed", "rows"];

/// Seconds.
#[derive(Debug, Clone, Copy)]
struct Took {
    elements: f64,
    wall: f64,
    server: f64,
    client: f64,
}

fn main() -> Result<()> {
    let args = Args::parse();
    let bench = Bench { server: Started::required("neo4j")? };
    let (runtime, scratch) = (Runtime::new()?, Scratch::new(None)?);
    writeln!(stdout(), "{}\n", Machine::here())?;
    let batches = definitions(&runtime, &args)?;
    let file = scratch.path("elements.jsonl");
    let elements = write_elements(&batches, &file)?;
    let mut rounds: Vec<Vec<Took>> = Vec::new();
    for round in 0..=args.rounds {
        let mut took = vec![bench.ours(&runtime, &batches, elements)?];
        took.extend(bench.theirs(&args, &scratch, &file)?);
        // The first warms the server.
        if round > 0 {
            rounds.push(took);
        }
    }
    let mut table = Table::new(&["shape", "elements", "wall, µs", "server, µs", "client, µs"]);
    for (at, shape) in SHAPES.iter().enumerate() {
        let each = |of: fn(&Took) -> f64| {
            median(rounds.iter().map(|round| 1e6 * of(&round[at]) / round[at].elements))
        };
        table.row([
            (*shape).to_owned(),
            format!("{:.0}", rounds.first().map_or(0.0, |round| round[at].elements)),
            format!("{:.1}", each(|took| took.wall)),
            format!("{:.1}", each(|took| took.server)),
            format!("{:.1}", each(|took| took.client)),
        ]);
    }
    table.print()?;
    writeln!(stdout(), "\nafterwards: {}", Machine::here())?;
    Ok(())
}

/// What the backend is given where nobody says.
fn definitions(runtime: &Runtime, args: &Args) -> Result<Vec<Batch>> {
    let rules =
        SelectionRules { flags: Some(vec!["definition".into()]), ..SelectionRules::default() };
    let selection = Selection::new(rules)?;
    let all = collect(runtime, &args.corpus, args.rows)?;
    let all: Result<Vec<Batch>, _> = all.iter().map(|batch| selection.apply(batch)).collect();
    Ok(joined(&all?, BATCH_ROWS))
}

/// A line for each batch, as the script reads it; gives back how many nodes and relationships there are.
fn write_elements(batches: &[Batch], file: &Path) -> Result<usize> {
    let mut output = BufWriter::new(fs::File::create(file)?);
    let mut total = 0;
    for batch in batches {
        let (line, elements) = elements_of(batch);
        total += elements;
        writeln!(output, "{line}")?;
    }
    output.flush()?;
    Ok(total)
}

/// What a batch is, as the backend sends it: the root of a unit is the unit's own node, and positions count
/// these first.
fn elements_of(batch: &Batch) -> (Value, usize) {
    let (nodes, symbols) = (batch.nodes(), batch.symbols());
    let (mut units, mut rows, mut children) = (Vec::new(), Vec::new(), Vec::new());
    let (mut edges, mut labels, mut types) = (Vec::new(), Once::default(), Once::default());
    for (at, unit) in batch.units().enumerate() {
        let range = unit.nodes();
        let ords = &nodes.ord[range.clone()];
        let first = batch.len() + rows.len();
        let place = |ord: u32| match ords.binary_search(&ord) {
            Ok(0) | Err(_) => at,
            Ok(place) => first + place - 1,
        };
        units.push(json!([unit.id().as_i64(), ["Code", "File"], properties_of(&unit, batch)]));
        for i in range.skip(1) {
            children.push(json!([
                place(nodes.parent.get(i).unwrap_or_default()),
                batch.len() + rows.len()
            ]));
            rows.push(json!([
                labels.number(json!([nodes.label.at(i), nodes.kind.at(i)])),
                nodes.ord[i],
                nodes.last[i],
                nodes.flags[i],
                nodes.name.get(i),
                nodes.start_byte.get(i),
                nodes.end_byte.get(i),
                nodes.start_line.get(i),
                nodes.start_col.get(i),
                nodes.end_line.get(i),
                nodes.end_col.get(i),
                nodes.field.get(i),
                nodes.text.get(i),
                nodes.properties.get(i),
            ]));
        }
        edges_of(&unit, batch, place, &mut types, &mut edges);
    }
    let keys: Vec<Value> = (0..batch.symbol_ids().len())
        .map(|row| {
            let id = batch.symbol_ids()[row].to_string();
            json!([id, symbols.symbol.at(row), symbols.kind.at(row), symbols.name.get(row)])
        })
        .collect();
    let elements = units.len() + rows.len() + children.len() + edges.len();
    let line = json!({
        "units": units, "labels": labels.values, "nodes": rows, "children": children, "symbols": keys,
        "types": types.values, "edges": edges,
    });
    (line, elements)
}

/// Values that are sent once, and their numbers.
#[derive(Default)]
struct Once {
    values: Vec<Value>,
}

impl Once {
    fn number(&mut self, value: Value) -> usize {
        let known = self.values.iter().position(|known| *known == value);
        known.unwrap_or_else(|| {
            self.values.push(value);
            self.values.len() - 1
        })
    }
}

fn properties_of(unit: &Unit<'_>, batch: &Batch) -> Value {
    let (nodes, root) = (batch.nodes(), unit.nodes().start);
    json!({
        "unit_id": unit.id().as_i64(),
        "generation": unit.generation(),
        "repo": unit.repo(),
        "path": unit.path(),
        "layer": unit.layer(),
        "language": unit.language(),
        "content_hash": unit.content_hash().map(|hash| {
            hash.iter().map(|byte| format!("{byte:02x}")).collect::<String>()
        }),
        "extractor": unit.extractor(),
        "size_bytes": unit.size_bytes(),
        "line_count": unit.line_count(),
        "position_encoding": unit.position_encoding(),
        "unit_flags": unit.flags(),
        "nodes": unit.nodes().len(),
        "edges": unit.edges().len(),
        "vectors": 0,
        "ord": 0,
        "last": nodes.last[root],
        "flags": nodes.flags[root],
        "start_byte": nodes.start_byte.get(root),
        "end_byte": nodes.end_byte.get(root),
        "start_line": nodes.start_line.get(root),
        "start_col": nodes.start_col.get(root),
        "end_line": nodes.end_line.get(root),
        "end_col": nodes.end_col.get(root),
        "kind": nodes.kind.at(root),
    })
}

fn edges_of(
    unit: &Unit<'_>,
    batch: &Batch,
    place: impl Fn(u32) -> usize,
    types: &mut Once,
    all: &mut Vec<Value>,
) {
    let (edges, first) = (batch.edges(), unit.symbols().start);
    all.extend(unit.edges().filter_map(|i| {
        let symbol = edges.dst_symbol.get(i)?;
        Some(json!([
            place(edges.src[i]),
            first + symbol as usize,
            types.number(edges.kind.at(i).into()),
            edges.ord[i],
            edges.flags[i],
            edges.start_byte.get(i),
            edges.end_byte.get(i),
            edges.start_line.get(i),
            edges.start_col.get(i),
            edges.properties.get(i),
        ]))
    }));
}

/// What is measured, and where.
struct Bench {
    server: Started,
}

impl Bench {
    fn cpu(&self) -> Result<Duration> {
        self.server.cpu()
    }

    fn ours(&self, runtime: &Runtime, batches: &[Batch], elements: usize) -> Result<Took> {
        let url = format!("bolt://neo4j:testpassword@127.0.0.1:{}", self.server.port()?);
        let options = json!({ "url": url, "prefix": "Bench" });
        runtime.block_on(async {
            let config = BackendConfig { options, access: Access::Write, selection: None };
            let backend = Neo4jFactory.connect(config).await?;
            let admin = backend.admin().context("an admin")?;
            let mut measured = None;
            // The first time the server plans the statements.
            for _ in 0..2 {
                let (meter, server) = (Meter::start(), self.cpu()?);
                for batch in batches {
                    backend.write_batch(batch).await?;
                }
                measured = Some((meter.spent(), self.cpu()? - server));
                admin.remove("corpus", None).await?;
                admin.gc().await?;
            }
            let (spent, server) = measured.context("a measurement")?;
            admin.drop_schema().await?;
            backend.close().await?;
            Ok(Took {
                elements: elements as f64,
                wall: spent.wall.as_secs_f64(),
                server: server.as_secs_f64(),
                client: spent.cpu.as_secs_f64(),
            })
        })
    }

    fn theirs(&self, args: &Args, scratch: &Scratch, file: &Path) -> Result<Vec<Took>> {
        let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("neo4j/shapes.py");
        let pid = self.server.folder().join("pid");
        let mut command: Vec<OsString> = vec![
            args.driver.join("bin/python").into(),
            script.into(),
            self.server.port()?.to_string().into(),
        ];
        command.extend([pid.into(), OsString::from(file)]);
        command.extend(SHAPES[1..].iter().map(OsString::from));
        let none: [(&str, &OsStr); 0] = [];
        let finished = run(&scratch.path(""), &none, &command)?;
        let number = |value: &Value| value.as_f64().unwrap_or(f64::NAN);
        let said = finished.json()?;
        let took = SHAPES[1..].iter().map(|shape| Took {
            elements: number(&said[shape]["elements"]),
            wall: number(&said[shape]["wall"]),
            server: number(&said[shape]["server"]),
            client: number(&said[shape]["client"]),
        });
        Ok(took.collect())
    }
}
