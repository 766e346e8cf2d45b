//! What a seed decides: the lanes and their weather, every version of every unit, and when which of
//! them are sent.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::time::Duration;

use astload_backends::{Origin, OtherRoot, RepoClaim, RepoState};
use astload_fixtures::units::{UnitValue, batch_of, tree};
use astload_model::{Batch, Op, UnitId};
use astload_pipeline::channel::Lanes;
use astload_pipeline::journal::JournalSettings;
use fastrand::Rng;

use crate::weather::{Law, Phase};

/// The repository of all units.
pub(crate) const UNITS_OF: &str = "example";

/// Everything that a seed decides.
#[derive(Debug)]
pub(crate) struct Plan {
    pub(crate) seed: u64,
    pub(crate) lanes: Vec<LanePlan>,
    pub(crate) journal: JournalSettings,
    pub(crate) sends: Vec<Send>,
    pub(crate) drive: Drive,
}

/// How the lanes are driven.
#[derive(Debug)]
pub(crate) enum Drive {
    /// Over a temporary journal, until they end or are stopped.
    Temporary { stop_after: Option<Duration> },
    /// Over a durable one, and the process ends after so long, again and again.
    Durable { crashes: Vec<Duration> },
}

/// A lane and its backend.
#[derive(Debug)]
pub(crate) struct LanePlan {
    /// It ends where nothing is written for so long; else it waits.
    pub(crate) gives_up: bool,
    pub(crate) rows: usize,
    pub(crate) bytes: usize,
    pub(crate) concurrency: usize,
    pub(crate) phases: Vec<Phase>,
    pub(crate) law: Law,
}

/// Versions that are sent as one batch.
#[derive(Debug, Clone)]
pub(crate) struct Send {
    /// How long the source takes for it.
    pub(crate) after: Duration,
    /// A repository that is claimed before; every lane wants it.
    pub(crate) claim: Option<RepoClaim>,
    pub(crate) versions: Vec<Version>,
}

/// A version of a unit. Its content follows from it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Version {
    pub(crate) unit: u16,
    pub(crate) generation: u64,
    pub(crate) is_delete: bool,
    /// The lanes that want it.
    pub(crate) lanes: Lanes,
}

impl Version {
    fn value(&self) -> UnitValue {
        let path = path_of(self.unit);
        if self.is_delete {
            return UnitValue::delete(&path).at_generation(self.generation);
        }
        // Small units and large ones.
        let leaves = 1 + usize::from(self.unit) * 7 % 23;
        let mut nodes = tree(&format!("module(function:f {})", "leaf ".repeat(leaves)));
        for (leaf, node) in nodes.iter_mut().enumerate().skip(1) {
            node.text = Some(format!("{leaf} of {path} at {}", self.generation));
        }
        UnitValue::new(&path, nodes).at_generation(self.generation)
    }

    pub(crate) fn id(&self) -> UnitId {
        unit_id(self.unit)
    }

    pub(crate) fn op(&self) -> Op {
        if self.is_delete { Op::Delete } else { Op::Replace }
    }

    /// The version alone.
    pub(crate) fn batch(&self) -> Batch {
        batch_of(&[self.value()])
    }
}

impl Send {
    /// The batch, and which lanes want each of its units.
    pub(crate) fn batch(&self) -> (Batch, Vec<Lanes>) {
        let values: Vec<UnitValue> = self.versions.iter().map(Version::value).collect();
        (batch_of(&values), self.versions.iter().map(|version| version.lanes).collect())
    }
}

fn path_of(unit: u16) -> String {
    format!("{unit:03}")
}

pub(crate) fn unit_id(unit: u16) -> UnitId {
    UnitId::of(UNITS_OF, &path_of(unit), "ast")
}

impl Plan {
    pub(crate) fn of(seed: u64) -> Self {
        let mut random = Rng::with_seed(seed);
        let is_durable = random.u8(0..3) == 0;
        let lanes =
            (0..random.usize(1..=4)).map(|_| LanePlan::of(&mut random, is_durable)).collect();
        let journal = journal(&mut random);
        let always = if random.bool() { Lanes::MAX } else { 0 };
        let mut sends = sends(&mut random, always);
        let drive = match is_durable {
            true => Drive::Durable {
                crashes: (0..random.usize(1..=3)).map(|_| soon(&mut random)).collect(),
            },
            false => {
                let is_stopped = random.u8(0..8) == 0;
                Drive::Temporary { stop_after: is_stopped.then(|| soon(&mut random)) }
            }
        };
        // By other dice, so that these change nothing of what a seed decides besides.
        let mut random = Rng::with_seed(seed ^ 0x4e70);
        for send in &mut sends {
            send.claim = (random.u8(0..3) == 0).then(|| claim(&mut random));
        }
        Self { seed, lanes, journal, sends, drive }
    }

    /// Every repository as it stands when all is recorded, in the order in which it was sent.
    pub(crate) fn repos(&self) -> BTreeMap<String, RepoState> {
        let mut repos: BTreeMap<String, RepoState> = BTreeMap::new();
        for sent in self.sends.iter().filter_map(|send| send.claim.as_ref()) {
            let claimed = sent.over(repos.get(&sent.repo)).expect("none contradicts another");
            repos.insert(sent.repo.clone(), claimed);
        }
        repos
    }

    /// Every version that a lane is to get, once.
    pub(crate) fn wanted_by(&self, lane: usize) -> BTreeSet<Version> {
        let all = self.sends.iter().flat_map(|send| &send.versions);
        all.filter(|version| version.lanes & 1 << lane != 0).copied().collect()
    }

    /// Where a version is sent last.
    pub(crate) fn last_sent(&self, version: &Version) -> Option<usize> {
        self.sends.iter().rposition(|send| send.versions.contains(version))
    }
}

fn soon(random: &mut Rng) -> Duration {
    Duration::from_millis(random.u64(0..60_000))
}

fn one_of<T: Copy>(random: &mut Rng, choices: &[T]) -> T {
    choices[random.usize(..choices.len())]
}

impl LanePlan {
    fn of(random: &mut Rng, is_durable: bool) -> Self {
        Self {
            gives_up: !is_durable && random.u8(0..3) == 0,
            rows: one_of(random, &[1, 40, 200, 32_768]),
            bytes: one_of(random, &[4_000, 16 << 20, 16 << 20]),
            concurrency: one_of(random, &[1, 1, 2, 4]),
            phases: (0..random.usize(0..=6)).map(|_| Phase::of(random)).collect(),
            law: Law::of(random),
        }
    }
}

fn journal(random: &mut Rng) -> JournalSettings {
    JournalSettings {
        memory_bytes: one_of(random, &[1, 4_000, 20_000, 32 << 20]),
        segment_bytes: one_of(random, &[1, 20_000, 80_000, 64 << 20]),
        disk_bytes_max: one_of(random, &[60_000, 200_000, u64::MAX, u64::MAX]),
    }
}

/// Versions of some units, by and large in their order, now and then an older one later, or one
/// again. The lanes in `always` want most of them.
fn sends(random: &mut Rng, always: Lanes) -> Vec<Send> {
    let units = random.u16(1..=40);
    // Of each unit, what is still to be sent, the next one last.
    let mut left: Vec<Vec<Version>> =
        (0..units).map(|unit| versions(random, unit, always)).collect();
    let mut sends: Vec<Send> = Vec::new();
    while left.iter().any(|versions| !versions.is_empty()) {
        let after = Duration::from_millis(one_of(random, &[0, 0, 0, 10, 500, 5_000]));
        if !sends.is_empty() && random.u8(0..10) == 0 {
            let again = sends[random.usize(..sends.len())].clone();
            sends.push(Send { after, ..again });
            continue;
        }
        let most = random.usize(1..=12);
        let mut waiting: Vec<&mut Vec<Version>> =
            left.iter_mut().filter(|v| !v.is_empty()).collect();
        random.shuffle(&mut waiting);
        let versions = waiting.into_iter().take(most).filter_map(Vec::pop).collect();
        sends.push(Send { after, claim: None, versions });
    }
    sends
}

/// A claim of one of a few repositories: that of the units, and others, which move about.
fn claim(random: &mut Rng) -> RepoClaim {
    RepoClaim {
        repo: [UNITS_OF, "empty", "another"][random.usize(..3)].into(),
        layer: "ast".into(),
        root: (random.u8(0..4) > 0).then(|| format!("/{}", random.u8(0..20))),
        remote: None,
        other_root: OtherRoot::Replace,
        origin: Origin::Ours,
        generation: random.u64(0..20),
        ended: None,
    }
}

fn versions(random: &mut Rng, unit: u16, always: Lanes) -> Vec<Version> {
    let (lanes, count) = (random.u64(..) | always, one_of(random, &[1, 2, 3, 6]));
    let version = |generation| {
        let lanes = if random.u8(0..6) == 0 { random.u64(..) } else { lanes };
        Version { unit, generation, is_delete: random.u8(0..7) == 0, lanes }
    };
    let mut versions: Vec<Version> = (1..=count).rev().map(version).collect();
    if random.u8(0..3) == 0 {
        random.shuffle(&mut versions);
    }
    versions
}

impl fmt::Display for Plan {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "seed {}: {:?}, {:?}", self.seed, self.drive, self.journal)?;
        for (at, lane) in self.lanes.iter().enumerate() {
            writeln!(f, "  lane {at}: {lane:?}")?;
        }
        write!(f, "  {} batches", self.sends.len())
    }
}
