//! What a node costs on its way through the model: about 64k nodes in 100 units, as a parser makes
//! them. The targets, a core: filling 45 ns, reading 8 ns, IPC 25 ns each way, NDJSON 600 ns.

#![allow(missing_docs, reason = "criterion's macros write a function")]

use std::fmt::Write as _;
use std::hint::black_box;

use astload_model::ipc::{self, Compression};
use astload_model::{
    Batch, BatchBuilder, Intake, NodeRow, Selection, SelectionRules, SymbolId, UnitId, UnitRow,
    ndjson,
};
use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};

#[global_allocator]
static ALLOCATOR: tikv_jemallocator::Jemalloc = tikv_jemallocator::Jemalloc;

const UNITS: usize = 100;
const UNIT_NODES: u32 = 655;
const KINDS: usize = 90;

/// A node as a parser meets it: the kind is a number of its grammar.
struct Parsed {
    parent: Option<u32>,
    last: u32,
    kind: usize,
    field: Option<usize>,
    name: Option<String>,
    text: Option<String>,
    start: u32,
    end: u32,
}

/// A tree with the shape of a file: wide, about ten levels deep, half of it leaves with text.
fn parse() -> Vec<Parsed> {
    let mut nodes: Vec<Parsed> = Vec::new();
    let mut open: Vec<u32> = Vec::new();
    let mut random = 0x9e37_79b9_u32;
    for ord in 0..UNIT_NODES {
        random = random.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        let roll = random >> 16;
        let keep = 1 + (roll as usize % open.len().clamp(1, 10));
        if ord > 0 && !roll.is_multiple_of(3) {
            open.truncate(keep.max(open.len().saturating_sub(2)).max(1));
        }
        let word = |length: u32| "identifier_of_a_name"[..length as usize].to_owned();
        nodes.push(Parsed {
            parent: open.last().copied(),
            last: ord,
            kind: (roll as usize % 10) * (roll as usize % 9),
            field: (roll % 5 < 2).then_some(roll as usize % 8),
            name: (roll.is_multiple_of(20)).then(|| word(4 + roll % 12)),
            text: (roll.is_multiple_of(2)).then(|| word(1 + roll % 12)),
            start: ord * 7,
            end: ord * 7 + 6,
        });
        open.iter().for_each(|&above| nodes[above as usize].last = ord);
        if open.len() < 12 {
            open.push(ord);
        }
    }
    nodes
}

/// The keys of a grammar's words, asked for once.
struct Grammar {
    kinds: Vec<u16>,
    fields: Vec<u16>,
    labels: [u16; 2],
}

impl Grammar {
    fn new(batch: &mut BatchBuilder) -> Self {
        let kind = |kind| batch.nodes.kind.key(&format!("kind_of_node_{kind}")).expect("a key");
        let kinds = (0..KINDS).map(kind).collect();
        let field = |field| batch.nodes.field.key(&format!("field_{field}")).expect("a key");
        let fields = (0..8).map(field).collect();
        let labels = ["File", "Ast"].map(|label| batch.nodes.label.key(label).expect("a key"));
        Self { kinds, fields, labels }
    }
}

fn fill(batch: &mut BatchBuilder, grammar: &Grammar, nodes: &[Parsed], paths: &[String]) -> Batch {
    for path in paths {
        for (ord, node) in nodes.iter().enumerate() {
            batch.nodes.push(NodeRow {
                ord: ord as u32,
                parent: node.parent,
                last: node.last,
                label: grammar.labels[usize::from(ord > 0)],
                kind: grammar.kinds[node.kind],
                field: node.field.map(|field| grammar.fields[field]),
                name: node.name.as_deref(),
                text: node.text.as_deref(),
                start_byte: Some(node.start),
                end_byte: Some(node.end),
                start_line: Some(node.start / 40),
                start_col: Some(node.start % 40),
                end_line: Some(node.end / 40),
                end_col: Some(node.end % 40 + 40),
                flags: 1,
                properties: None,
            });
        }
        let repo = batch.units.repo.key("example").expect("a key");
        let layer = batch.units.layer.key("ast").expect("a key");
        let extractor = batch.units.extractor.key("bench@1").expect("a key");
        batch.finish_unit(UnitRow { extractor, ..UnitRow::of(repo, path, layer) });
    }
    batch.finish()
}

fn read(batch: &Batch) -> u64 {
    let nodes = batch.nodes();
    let mut sum = 0_u64;
    for unit in batch.units() {
        for i in unit.nodes() {
            sum += u64::from(nodes.ord[i]) + u64::from(nodes.kind.keys[i]);
            sum += u64::from(nodes.parent.get(i).unwrap_or_default());
            sum += nodes.text.get(i).map_or(0, str::len) as u64;
        }
    }
    sum
}

fn ndjson(batch: &Batch) -> Vec<u8> {
    let mut writer = ndjson::Writer::new(Vec::new());
    writer.write(batch).expect("a vector takes all");
    writer.into_inner()
}

/// A node with the fields that most dumps of trees have, but for its last brace.
fn field_values(to: &mut String, node: &Parsed) {
    let Parsed { kind, start, end, .. } = node;
    write!(to, r#"{{"kind":"kind_of_node_{kind}","start_byte":{start},"end_byte":{end}"#)
        .and_then(|()| match &node.text {
            Some(text) => write!(to, r#","text":"{text}""#),
            None => Ok(()),
        })
        .and_then(|()| write!(to, r#","start_line":{},"end_line":{}"#, start / 40, end / 40))
        .expect("a string takes all");
}

/// The same units as such dumps write them, with `parent` in a flat list.
fn flat(nodes: &[Parsed], paths: &[String]) -> String {
    let mut list = String::new();
    for (ord, node) in nodes.iter().enumerate() {
        list += if ord > 0 { "," } else { "" };
        field_values(&mut list, node);
        if let Some(parent) = node.parent {
            write!(list, r#","parent":{parent}"#).expect("a string takes all");
        }
        list.push('}');
    }
    lines(paths, &list)
}

/// The same with nested nodes.
fn nested(nodes: &[Parsed], paths: &[String]) -> String {
    let mut tree = String::new();
    let mut open: Vec<u32> = Vec::new();
    for (ord, node) in nodes.iter().enumerate() {
        while open.last().is_some_and(|&last| last < ord as u32) {
            tree += "]}";
            open.pop();
        }
        if ord > 0 && !tree.ends_with('[') {
            tree.push(',');
        }
        field_values(&mut tree, node);
        if node.last > ord as u32 {
            tree += ",\"children\":[";
            open.push(node.last);
        } else {
            tree.push('}');
        }
    }
    open.iter().for_each(|_| tree += "]}");
    lines(paths, &tree)
}

fn lines(paths: &[String], nodes: &str) -> String {
    let line = |path| format!("{{\"repo\":\"example\",\"path\":\"{path}\",\"nodes\":[{nodes}]}}\n");
    paths.iter().map(line).collect()
}

fn batches(criterion: &mut Criterion) {
    let nodes = parse();
    let paths: Vec<String> = (0..UNITS).map(|unit| format!("src/package/file_{unit}.py")).collect();
    let mut builder = BatchBuilder::default();
    let grammar = Grammar::new(&mut builder);
    let batch = fill(&mut builder, &grammar, &nodes, &paths);
    assert_eq!(Intake::validate(batch.clone()).refusals, []);

    let mut group = criterion.benchmark_group("node");
    group.throughput(Throughput::Elements(batch.node_range().len() as u64));
    group.sample_size(30);
    group.bench_function("fill", |bencher| {
        bencher.iter(|| fill(&mut builder, &grammar, &nodes, &paths));
    });
    group.bench_function("read", |bencher| bencher.iter(|| read(black_box(&batch))));
    group.bench_function("validate", |bencher| {
        bencher.iter(|| Intake::validate(black_box(&batch).clone()));
    });
    let rules = SelectionRules {
        kinds: Some((0..KINDS).step_by(2).map(|kind| format!("kind_of_node_{kind}")).collect()),
        ..SelectionRules::default()
    };
    let selection = Selection::new(rules).expect("the rules can be");
    group.bench_function("select", |bencher| bencher.iter(|| selection.apply(black_box(&batch))));
    group.bench_function("concat", |bencher| {
        let units: Vec<Batch> = (0..UNITS).map(|unit| batch.slice(unit..unit + 1)).collect();
        bencher.iter(|| Batch::concat(black_box(&units)));
    });

    for compression in [Compression::None, Compression::Lz4] {
        let name = |what: &str| BenchmarkId::new(format!("ipc {what}"), format!("{compression:?}"));
        let mut stream = Vec::new();
        let mut encode = || {
            stream.clear();
            let writer = ipc::Writer::new(&mut stream, compression);
            let mut writer = writer.expect("a vector takes all");
            writer.write(black_box(&batch)).expect("a vector takes all");
            writer.finish().expect("a vector takes all");
        };
        encode();
        group.bench_function(name("encode"), |bencher| bencher.iter(&mut encode));
        group.bench_function(name("decode"), |bencher| {
            bencher.iter(|| ipc::Reader::new(black_box(&stream[..])).count());
        });
    }

    group.bench_function("ndjson encode", |bencher| bencher.iter(|| ndjson(black_box(&batch))));
    for (name, text) in [
        ("flat", flat(&nodes, &paths).into_bytes()),
        ("nested", nested(&nodes, &paths).into_bytes()),
        ("every column", ndjson(&batch)),
    ] {
        for decoded in ndjson::Reader::new(&text[..]) {
            assert_eq!(decoded.expect("is read").problems, []);
        }
        group.bench_function(BenchmarkId::new("ndjson decode", name), |bencher| {
            bencher.iter(|| ndjson::Reader::new(black_box(&text[..])).count());
        });
    }
    group.finish();
}

/// What ids cost, and what they would by a hash that is quick and can be made to collide.
fn ids(criterion: &mut Criterion) {
    let keys: Vec<String> = (0..1000)
        .map(|at| format!("name python {}", &"identifier_of_a_name_in_code"[..4 + at % 24]))
        .collect();
    let paths: Vec<String> =
        (0..1000).map(|at| format!("django/contrib/gis/gdal/prototypes/module_{at}.py")).collect();
    let mut group = criterion.benchmark_group("id");
    group.throughput(Throughput::Elements(keys.len() as u64));
    group.bench_function("symbol", |bencher| {
        bencher.iter(|| keys.iter().map(|key| SymbolId::of(black_box(key))).max());
    });
    group.bench_function("symbol, by xxh3", |bencher| {
        let hash = |key: &String| xxhash_rust::xxh3::xxh3_128(black_box(key.as_bytes()));
        bencher.iter(|| keys.iter().map(hash).max());
    });
    group.bench_function("unit", |bencher| {
        let id = |path: &String| UnitId::of("django", black_box(path), "ast");
        bencher.iter(|| paths.iter().map(id).max());
    });
    group.finish();
}

criterion_group!(benches, batches, ids);
criterion_main!(benches);
