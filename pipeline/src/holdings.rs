//! What the targets hold already: who needs a unit, and what is gone from the source.

use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};

use astload_backends::{Origin, StoredUnit};
use astload_model::{Selection, UnitId};

use crate::channel::Lanes;

/// What of a unit decides whether it is the same: content, extractor with its options, selection,
/// and the generation where that is upstream's: of the same content, the later one has to stay.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Fingerprint([u8; 16]);

impl Fingerprint {
    /// The fingerprint of a unit's content; without a hash there is none, and nothing is skipped.
    pub fn of(
        content_hash: Option<&[u8; 32]>,
        extractor: &str,
        selection: Option<u64>,
        upstream_generation: Option<u64>,
    ) -> Option<Self> {
        let mut hash = blake3::Hasher::new();
        hash.update(content_hash?);
        hash.update(&selection.map_or([0xff; 8], u64::to_le_bytes));
        hash.update(&upstream_generation.map_or([0xff; 8], u64::to_le_bytes));
        hash.update(extractor.as_bytes());
        hash.finalize().as_bytes().first_chunk().copied().map(Self)
    }
}

/// What no lane holds in any version.
const NO_VERSION: (Lanes, Fingerprint) = (0, Fingerprint([0; 16]));

/// What a source says of a unit before it is read whole.
#[derive(Debug, Clone, Copy)]
pub struct Offer<'a> {
    /// The unit.
    pub id: UnitId,
    /// Its repository.
    pub repo: &'a str,
    /// Its file.
    pub path: &'a str,
    /// Its language.
    pub language: Option<&'a str>,
    /// BLAKE3 of the file; without it nothing is skipped.
    pub content_hash: Option<&'a [u8; 32]>,
    /// What reads the file.
    pub extractor: &'a str,
    /// Its generation, where that is upstream's.
    pub upstream_generation: Option<u64>,
}

/// Who needs a unit: of the lanes that are given it, those to which it is something new, and the others.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Need {
    /// Lanes that do not hold this version.
    pub lacking: Lanes,
    /// Lanes that hold it.
    pub held: Lanes,
}

/// Lanes that are given the same part of the units.
#[derive(Debug)]
struct Selecting {
    selection: Selection,
    digest: Option<u64>,
    lanes: Lanes,
}

/// A unit that at least one target holds. There is one for each unit of a repository: it is small.
#[derive(Debug)]
struct Held {
    path: Box<str>,
    /// Which lanes hold it.
    lanes: Lanes,
    /// The version that most of them hold, as a rule all, and which ones; none where it has no hash.
    version: (Lanes, Fingerprint),
    /// What the others hold.
    others: Box<[(Lanes, Fingerprint)]>,
    /// Lanes that are given it, for it is in the source.
    seen: AtomicU64,
    /// Lanes whose backend refused it, and may not hold it at all.
    refused: Lanes,
    /// The bytes of the file that it was read from, of the largest version; no file is larger.
    size: u32,
}

impl Held {
    fn of(path: &str) -> Self {
        Self {
            path: path.into(),
            lanes: 0,
            version: NO_VERSION,
            others: Box::default(),
            seen: AtomicU64::new(0),
            refused: 0,
            size: 0,
        }
    }

    /// Takes note that lanes hold a version.
    fn add(&mut self, lanes: Lanes, version: Fingerprint) {
        let mut versions = std::iter::once(&mut self.version).chain(&mut self.others);
        if let Some((holding, _)) = versions.find(|(_, held)| *held == version) {
            *holding |= lanes;
        } else if self.version == NO_VERSION {
            self.version = (lanes, version);
        } else {
            self.others = [&*self.others, &[(lanes, version)]].concat().into();
        }
    }

    /// The lanes that hold a version.
    fn holding(&self, version: Fingerprint) -> Lanes {
        let mut versions = std::iter::once(&self.version).chain(&self.others);
        versions.find(|(_, held)| *held == version).map_or(0, |(lanes, _)| *lanes)
    }

    fn forget_versions(&mut self) {
        (self.version, self.others) = (NO_VERSION, Box::default());
    }
}

/// What all targets hold of one (repository, layer).
#[derive(Debug, Default)]
pub struct Holdings {
    units: HashMap<UnitId, Held>,
    /// Units of each lane.
    counts: Vec<u64>,
    /// All lanes that write, by what they are given.
    selecting: Vec<Selecting>,
}

impl Holdings {
    /// Adds what a lane, which is given this part of the units, holds of a repository whose
    /// generations come from there.
    pub fn add(
        &mut self,
        lane: usize,
        selection: &Selection,
        units: Vec<StoredUnit>,
        origin: Origin,
    ) {
        let bit = 1 << lane;
        let digest = selection.digest();
        match self.selecting.iter_mut().find(|known| known.digest == digest) {
            Some(known) => known.lanes |= bit,
            None => {
                let selection = selection.clone();
                self.selecting.push(Selecting { selection, digest, lanes: bit });
            }
        }
        self.counts.resize(self.counts.len().max(lane + 1), 0);
        self.counts[lane] = units.len() as u64;
        for unit in units {
            let generation = (origin == Origin::Upstream).then_some(unit.generation);
            let (hash, extractor) = (unit.content_hash.as_ref(), &unit.extractor);
            let version = Fingerprint::of(hash, extractor, unit.selection, generation);
            let held = self.units.entry(unit.id).or_insert_with(|| Held::of(&unit.name.path));
            held.lanes |= bit;
            let size = u32::try_from(unit.size_bytes.unwrap_or(0)).unwrap_or(u32::MAX);
            held.size = held.size.max(size);
            if let Some(version) = version {
                held.add(bit, version);
            }
        }
    }

    /// Adds a unit that the backend of a lane refused.
    pub fn add_refused(&mut self, lane: usize, unit: UnitId, path: &str) {
        self.units.entry(unit).or_insert_with(|| Held::of(path)).refused |= 1 << lane;
    }

    /// The units that a lane's backend refused and that were not seen, or are not selected any more.
    pub fn refused_unseen(&self, lane: usize) -> Vec<UnitId> {
        let bit = 1 << lane;
        let is_gone = |held: &Held| held.refused & !held.seen.load(Ordering::Relaxed) & bit != 0;
        self.units.iter().filter(|(_, held)| is_gone(held)).map(|(id, _)| *id).collect()
    }

    /// Whether no lane said what it holds.
    pub fn is_of_none(&self) -> bool {
        self.selecting.is_empty()
    }

    /// Who needs the unit, which is hereby seen in the source.
    pub fn need(&self, offer: &Offer<'_>) -> Need {
        let held = self.units.get(&offer.id);
        let mut need = Need::default();
        for known in &self.selecting {
            if !known.selection.selects(offer.repo, offer.path, offer.language) {
                continue;
            }
            if let Some(held) = held {
                held.seen.fetch_or(known.lanes, Ordering::Relaxed);
            }
            let Offer { content_hash, extractor, upstream_generation, .. } = *offer;
            let version =
                Fingerprint::of(content_hash, extractor, known.digest, upstream_generation);
            let same = held.zip(version).map_or(0, |(held, version)| held.holding(version));
            need.held |= known.lanes & same;
            need.lacking |= known.lanes & !same;
        }
        need
    }

    /// The lanes that hold the unit and are not given it any more.
    pub fn deselected(&self, offer: &Offer<'_>) -> Lanes {
        let selects =
            |known: &Selecting| known.selection.selects(offer.repo, offer.path, offer.language);
        let without = self.selecting.iter().filter(|known| !selects(known));
        let lanes = without.fold(0, |lanes, known| lanes | known.lanes);
        self.units.get(&offer.id).map_or(0, |held| held.lanes & lanes)
    }

    /// Whatever was held of the unit is about to change: no later version of it is skipped.
    pub fn forget(&mut self, unit: UnitId) {
        if let Some(held) = self.units.get_mut(&unit) {
            held.forget_versions();
        }
    }

    /// Takes note that a unit is in the source, though its file is larger than is asked for now. A
    /// version that was so, too, stays; of a file that has grown since, the old one is gone.
    pub fn see_too_large(&self, unit: UnitId, asked: u64) {
        if let Some(held) = self.units.get(&unit).filter(|held| u64::from(held.size) > asked) {
            held.seen.store(Lanes::MAX, Ordering::Relaxed);
        }
    }

    /// Takes back that a unit was seen: what the source has of it now cannot be held.
    pub fn unsee(&self, unit: UnitId) {
        if let Some(held) = self.units.get(&unit) {
            held.seen.store(0, Ordering::Relaxed);
        }
    }

    /// The units that are held and were not seen, or are not selected any more, by path, each with the
    /// lanes that hold it for nothing.
    pub fn unseen(&self) -> Vec<(&str, Lanes)> {
        let unseen = self.units.values().filter_map(|held| {
            let lanes = held.lanes & !held.seen.load(Ordering::Relaxed);
            (lanes != 0).then_some((&*held.path, lanes))
        });
        let mut unseen: Vec<_> = unseen.collect();
        unseen.sort_unstable();
        unseen
    }

    /// Whether deleting these would leave a lane with less than half of what it held.
    pub fn is_mass_delete(&self, deleted: &[(&str, Lanes)]) -> bool {
        self.counts.iter().enumerate().any(|(lane, &held)| {
            let of_lane = deleted.iter().filter(|(_, lanes)| lanes & (1 << lane) != 0);
            of_lane.count() as u64 * 2 > held
        })
    }
}

#[cfg(test)]
mod tests {
    use astload_model::{SelectionRules, UnitName};

    use super::*;

    fn stored(path: &str, content: u8) -> StoredUnit {
        StoredUnit {
            id: UnitId::of("r", path, "ast"),
            name: UnitName { repo: "r".into(), path: path.into(), layer: "ast".into() },
            generation: 1,
            content_hash: Some([content; 32]),
            extractor: "e".into(),
            selection: None,
            language: None,
            nodes: 1,
            size_bytes: Some(100),
        }
    }

    fn offer<'a>(path: &'a str, content_hash: Option<&'a [u8; 32]>) -> Offer<'a> {
        Offer {
            id: UnitId::of("r", path, "ast"),
            repo: "r",
            path,
            language: Some("rust"),
            content_hash,
            extractor: "e",
            upstream_generation: None,
        }
    }

    fn lacking(holdings: &Holdings, path: &str, content: u8) -> Lanes {
        holdings.need(&offer(path, Some(&[content; 32]))).lacking
    }

    /// What a lane holds of a repository of ours that it is given all of.
    fn add(holdings: &mut Holdings, lane: usize, units: Vec<StoredUnit>) {
        holdings.add(lane, &Selection::default(), units, Origin::Ours);
    }

    #[test]
    fn a_lane_needs_what_it_does_not_hold_in_this_version() {
        let mut holdings = Holdings::default();
        add(&mut holdings, 0, vec![stored("same", 1), stored("changed", 1)]);
        add(&mut holdings, 1, vec![stored("same", 1), stored("changed", 2)]);
        add(&mut holdings, 2, vec![]);
        assert_eq!(lacking(&holdings, "same", 1), 0b100);
        assert_eq!(lacking(&holdings, "changed", 2), 0b101);
        assert_eq!(lacking(&holdings, "new", 1), 0b111);
        let held = holdings.need(&offer("changed", Some(&[2; 32]))).held;
        assert_eq!(held, 0b010, "of several versions, too");
    }

    #[test]
    fn what_is_known_of_a_unit_is_small() {
        assert!(size_of::<Held>() <= 88, "{}", size_of::<Held>());
    }

    #[test]
    fn a_unit_without_a_hash_is_never_skipped() {
        let mut holdings = Holdings::default();
        add(&mut holdings, 0, vec![StoredUnit { content_hash: None, ..stored("a", 1) }]);
        assert_eq!(holdings.need(&offer("a", None)), Need { lacking: 0b1, held: 0 });
    }

    #[test]
    fn another_extractor_or_selection_is_another_version() {
        let of = |extractor, selection| Fingerprint::of(Some(&[1; 32]), extractor, selection, None);
        assert_ne!(of("a/named", None), of("a/all", None));
        assert_ne!(of("a/named", None), of("a/named", Some(7)));
    }

    #[test]
    fn what_was_not_seen_is_gone_from_those_who_hold_it() {
        let mut holdings = Holdings::default();
        add(&mut holdings, 0, vec![stored("a", 1), stored("b", 1), stored("c", 1)]);
        add(&mut holdings, 1, vec![stored("b", 1)]);
        lacking(&holdings, "a", 1);
        lacking(&holdings, "c", 2);
        assert_eq!(holdings.unseen(), [("b", 0b11)]);
        assert!(holdings.is_mass_delete(&holdings.unseen()), "all of lane 1");
        assert!(!holdings.is_mass_delete(&[("b", 0b01)]), "a third of lane 0");
    }

    #[test]
    fn a_later_generation_of_upstream_is_lacking_though_its_content_is_the_same() {
        let mut holdings = Holdings::default();
        holdings.add(0, &Selection::default(), vec![stored("a", 1)], Origin::Upstream);
        let lacking = |generation| {
            let upstream_generation = Some(generation);
            holdings.need(&Offer { upstream_generation, ..offer("a", Some(&[1; 32])) }).lacking
        };
        assert_eq!((lacking(1), lacking(2)), (0, 1));
    }

    #[test]
    fn a_file_that_was_too_large_before_stays_and_one_that_has_grown_is_gone() {
        for (asked, unseen) in [(99, 0), (100, 1)] {
            let mut holdings = Holdings::default();
            add(&mut holdings, 0, vec![stored("a", 1)]);
            holdings.see_too_large(UnitId::of("r", "a", "ast"), asked);
            assert_eq!(holdings.unseen().len(), unseen, "{asked}");
        }
    }

    #[test]
    fn a_lane_gets_what_it_is_given_and_is_rid_of_what_it_is_given_no_more() {
        let go = SelectionRules { languages: Some(vec!["go".into()]), ..SelectionRules::default() };
        let go = Selection::new(go).expect("valid");
        let rust = SelectionRules { paths: Some(vec!["*.rs".into()]), ..SelectionRules::default() };
        let rust = Selection::new(rust).expect("valid");
        let mut holdings = Holdings::default();
        holdings.add(0, &go, vec![stored("a.rs", 1)], Origin::Ours);
        holdings.add(1, &go, vec![], Origin::Ours);
        holdings.add(2, &rust, vec![stored("a.rs", 1)], Origin::Ours);
        let selected = StoredUnit { selection: rust.digest(), ..stored("a.rs", 1) };
        holdings.add(3, &rust, vec![selected], Origin::Ours);
        // 0 has it from before, 1 never had it, 2 has it as it was without the selection.
        assert_eq!(lacking(&holdings, "a.rs", 1), 0b0100);
        assert_eq!(lacking(&holdings, "a.rs", 2), 0b1100);
        assert_eq!(holdings.deselected(&offer("a.rs", None)), 0b0001);
        assert_eq!(holdings.unseen(), [("a.rs", 0b0001)]);
        assert_eq!(lacking(&holdings, "b.rs", 1), 0b1100);
        assert_eq!(lacking(&holdings, "b.py", 1), 0);
    }

    #[test]
    fn what_is_about_to_change_is_not_skipped() {
        let mut holdings = Holdings::default();
        add(&mut holdings, 0, vec![stored("a", 1)]);
        assert_eq!(lacking(&holdings, "a", 1), 0);
        holdings.forget(UnitId::of("r", "a", "ast"));
        assert_eq!(lacking(&holdings, "a", 1), 1);
    }
}
