//! What a report counts is the truth: held against a model of what every store was offered.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use astload_backends::{
    Backend, BackendConfig, BackendFactory, Error, ErrorKind, Registry, Result, TypeInfo,
};
use astload_config::BackendUrl;
use astload_fixtures::backends::{Faults, Faulty, MemoryFactory, Refuses, Scripted, dead};
use astload_model::UnitId;
use astload_pipeline::load::{LoadReport, UnitCounts};
use async_trait::async_trait;
use fastrand::Rng;
use serde_json::{Value, json};

use crate::setup::{Setup, spec};

const PATHS: usize = 12;

/// How a store is in a load.
#[derive(Debug, Clone)]
enum Mood {
    Good,
    /// It refuses these paths.
    Refuses(HashSet<usize>),
    /// It answers nothing but what it holds.
    Dead,
    /// It cannot be connected to.
    Unreachable,
}

/// Memory stores, called by their number, each in its mood.
#[derive(Debug)]
struct Stores {
    memory: Arc<MemoryFactory>,
    moods: Vec<Mood>,
}

#[async_trait]
impl BackendFactory for Stores {
    fn info(&self) -> TypeInfo {
        self.memory.info()
    }

    fn options_schema(&self) -> Value {
        self.memory.options_schema()
    }

    fn options_from_url(&self, url: &BackendUrl) -> Result<Value> {
        self.memory.options_from_url(url)
    }

    fn place(&self, options: &Value) -> Result<String> {
        self.memory.place(options)
    }

    fn schema(&self, _: &Value) -> Result<Vec<String>> {
        Ok(Vec::new())
    }

    async fn exists(&self, options: &Value) -> Result<bool> {
        self.memory.exists(options).await
    }

    async fn connect(&self, config: BackendConfig) -> Result<Arc<dyn Backend>> {
        let name = config.options["name"].as_str().expect("a name");
        let memory = Arc::new(self.memory.open(name));
        let faults: Box<dyn Faults> = match &self.moods[name.parse::<usize>().expect("a number")] {
            Mood::Good => Box::new(Scripted::default()),
            Mood::Refuses(paths) => Box::new(Refuses::these(paths.iter().map(|path| id(*path)))),
            Mood::Dead => Box::new(dead()),
            Mood::Unreachable => return Err(Error::new(ErrorKind::Misconfigured, "not there")),
        };
        Ok(Arc::new(Faulty::new(memory, faults)))
    }
}

fn id(path: usize) -> UnitId {
    UnitId::of("r", &path.to_string(), "ast")
}

/// A line of a stream: a version of a unit, or its delete.
#[derive(Debug, Clone, Copy)]
struct Line {
    path: usize,
    /// `None` deletes it.
    version: Option<u8>,
    hashed: bool,
}

impl Line {
    fn random(random: &mut Rng) -> Self {
        let version = (random.u8(..8) > 0).then(|| random.u8(..3));
        Self { path: random.usize(..PATHS), version, hashed: random.u8(..4) > 0 }
    }

    fn json(self) -> Value {
        let path = self.path.to_string();
        let Some(version) = self.version else {
            return json!({"repo": "r", "path": path, "op": "delete"});
        };
        let nodes = json!([{"kind": "module", "text": version.to_string()}]);
        let mut unit = json!({"repo": "r", "path": path, "nodes": nodes});
        if self.hashed {
            unit["content_hash"] = format!("{version:02x}").repeat(32).into();
        }
        unit
    }
}

/// What a store holds with a hash, by path.
type Held = HashMap<usize, u8>;

/// What has to become of the lines in each store, which changes what it holds. What is known to be
/// held of a unit is forgotten once a version of it is sent to any store.
fn expected(lines: &[Line], moods: &[Mood], held: &mut [Held]) -> Vec<UnitCounts> {
    let mut counts = vec![UnitCounts::default(); moods.len()];
    let (before, mut sent) = (held.to_vec(), HashSet::new());
    for line in lines {
        let hashed = line.version.filter(|_| line.hashed);
        let is_known = hashed.is_some() && !sent.contains(&line.path);
        for (at, mood) in moods.iter().enumerate() {
            let counts = &mut counts[at];
            match mood {
                Mood::Unreachable => continue,
                _ if is_known && before[at].get(&line.path).copied() == hashed => {
                    counts.skipped += 1;
                    continue;
                }
                Mood::Dead => counts.missing += 1,
                Mood::Refuses(paths) if paths.contains(&line.path) => counts.refused += 1,
                Mood::Good | Mood::Refuses(_) => {
                    match hashed {
                        Some(version) => held[at].insert(line.path, version),
                        None => held[at].remove(&line.path),
                    };
                    match line.version {
                        Some(_) => counts.written += 1,
                        None => counts.deleted += 1,
                    }
                }
            }
            sent.insert(line.path);
        }
    }
    counts
}

fn mood(random: &mut Rng) -> Mood {
    match random.u8(..6) {
        0 | 1 => Mood::Good,
        2 | 3 => Mood::Refuses((0..2).map(|_| random.usize(..PATHS)).collect()),
        4 => Mood::Dead,
        _ => Mood::Unreachable,
    }
}

async fn load(memory: &Arc<MemoryFactory>, moods: &[Mood], lines: &[Line]) -> LoadReport {
    let registry = Registry::default();
    let stores = Stores { memory: memory.clone(), moods: moods.to_vec() };
    registry.register(Arc::new(stores)).expect("free");
    let specs: Vec<_> =
        (0..moods.len()).map(|at| spec(&registry, &format!("memory:{at}"))).collect();
    let text: String = lines.iter().map(|line| format!("{}\n", line.json())).collect();
    Setup::default().load(&registry, &specs, &text).await
}

fn json_counts(of: &Value) -> UnitCounts {
    let count = |what: &str| of[what].as_u64().expect("a number");
    UnitCounts {
        written: count("written"),
        skipped: count("skipped"),
        deleted: count("deleted"),
        superseded: count("superseded"),
        refused: count("refused"),
        missing: count("missing"),
    }
}

#[tokio::test(start_paused = true)]
async fn what_each_backend_is_offered_counts_there_once_and_the_total_is_the_sum() {
    for seed in 0..60 {
        let mut random = Rng::with_seed(seed);
        let memory = Arc::new(MemoryFactory::default());
        let stores = random.usize(1..4);
        let mut held: Vec<Held> = vec![Held::new(); stores];
        for _ in 0..3 {
            let moods: Vec<Mood> = (0..stores).map(|_| mood(&mut random)).collect();
            let lines: Vec<Line> =
                (0..random.usize(1..30)).map(|_| Line::random(&mut random)).collect();
            let wanted = expected(&lines, &moods, &mut held);
            let report = load(&memory, &moods, &lines).await;
            let found: Vec<UnitCounts> =
                report.backends.iter().map(|backend| backend.units).collect();
            assert_eq!(found, wanted, "seed {seed}: {moods:?}\n{lines:#?}");
            let mut sum = UnitCounts::default();
            found.iter().for_each(|counts| sum += *counts);
            assert_eq!(report.units(), sum);
            let told = serde_json::to_value(&report).expect("JSON");
            assert_eq!(json_counts(&told["units"]), sum);
            for (at, counts) in found.iter().enumerate() {
                assert_eq!(json_counts(&told["backends"][at]["units"]), *counts);
                let offered = if matches!(moods[at], Mood::Unreachable) { 0 } else { lines.len() };
                assert_eq!(counts.total(), offered as u64, "seed {seed}: {moods:?}");
            }
        }
    }
}
