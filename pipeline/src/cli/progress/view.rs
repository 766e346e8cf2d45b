//! What whoever waits is told: how much there is and is done, how fast, how long it will take, and for
//! whom.
//!
//! Each line has first what must be seen on a narrow terminal.

use astload_pipeline::lane::LaneStage;
use serde_json::{Value, json};

use super::pace::Pace;
use crate::cli::output::{count, plural};

/// Seconds without progress that are told.
const STILL: f64 = 3.0;

/// What is done, and of what.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::cli) struct Work {
    /// What is done to the source, as `reading`.
    pub(in crate::cli) verb: &'static str,
    /// What is counted, as `file`.
    pub(in crate::cli) noun: &'static str,
}

impl Work {
    /// Directories are loaded.
    pub(in crate::cli) const FILES: Self = Self { verb: "reading", noun: "file" };
    /// Units are read.
    pub(in crate::cli) const UNITS: Self = Self { verb: "reading", noun: "unit" };
    /// Two stores are compared.
    pub(in crate::cli) const COMPARISON: Self = Self { verb: "comparing", noun: "unit" };
}

/// What has been done at a time.
#[derive(Debug, Clone, Default)]
pub(super) struct Seen {
    /// Since the start.
    pub(super) seconds: f64,
    pub(super) found: u64,
    pub(super) done: u64,
    pub(super) nodes: u64,
    /// Nothing more will be found.
    pub(super) is_listed: bool,
    /// Nothing more is read.
    pub(super) is_read: bool,
    pub(super) lanes: Vec<SeenLane>,
}

/// What a backend has done at a time.
#[derive(Debug, Clone, Default)]
pub(super) struct SeenLane {
    pub(super) name: String,
    /// Entries of the journal that it is not done with.
    pub(super) lag: u64,
    /// Units that it is not done with.
    pub(super) behind: u64,
    /// Units that it is done with.
    pub(super) units: u64,
    pub(super) stage: LaneStage,
}

/// What is known of the past.
#[derive(Debug)]
pub(super) struct View {
    work: Work,
    done: Pace,
    nodes: Pace,
    lanes: Vec<Lane>,
}

#[derive(Debug, Default)]
struct Lane {
    units: Pace,
    /// When it began to build its indexes.
    indexing: Option<f64>,
}

impl View {
    pub(super) fn new(work: Work) -> Self {
        Self { work, done: Pace::default(), nodes: Pace::default(), lanes: Vec::new() }
    }

    pub(super) fn see(&mut self, seen: &Seen) {
        self.done.see(seen.seconds, seen.done);
        self.nodes.see(seen.seconds, seen.nodes);
        self.lanes.resize_with(seen.lanes.len(), Lane::default);
        for (lane, now) in self.lanes.iter_mut().zip(&seen.lanes) {
            lane.units.see(seen.seconds, now.units);
            if now.stage == LaneStage::Indexing {
                lane.indexing.get_or_insert(seen.seconds);
            }
        }
    }

    /// A line for the source, and one for each backend that has something to tell.
    pub(super) fn lines(&self, seen: &Seen) -> Vec<String> {
        let lanes = self.lanes.iter().zip(&seen.lanes);
        let lanes = lanes.filter_map(|(lane, now)| lane.line(now, seen));
        std::iter::once(self.source(seen)).chain(lanes).collect()
    }

    fn source(&self, seen: &Seen) -> String {
        let Work { verb, noun } = self.work;
        let left = self.left(seen).map(|left| format!(", {} left", duration(left)));
        let left = left.unwrap_or_default();
        let done = count(seen.done);
        if seen.is_read {
            let phase = phase(seen);
            return format!("{phase}{left}; {} read", plural(seen.done, noun));
        }
        if seen.found == 0 {
            return match seen.is_listed {
                true => format!("listing {noun}s for {}", duration(seen.seconds)),
                false => format!("waiting for {noun}s for {}", duration(seen.seconds)),
            };
        }
        let of = match (seen.is_listed, seen.done == seen.found) {
            (true, _) => format!("{done} of {}", plural(seen.found, noun)),
            // A stream does not tell how much is left.
            (false, true) => plural(seen.done, noun),
            (false, false) => format!("{done} of at least {}", plural(seen.found, noun)),
        };
        let rate = count(self.nodes.rate() as u64);
        let mut line = format!("{verb} {of}{left}, {rate} nodes/s");
        if self.done.still() >= STILL {
            line += &format!(", no progress for {}", duration(self.done.still()));
        }
        line
    }

    /// How many seconds are left: until the slowest is done. Nothing where that is not known.
    fn left(&self, seen: &Seen) -> Option<f64> {
        let unread = seen.found.saturating_sub(seen.done);
        let reading = match (seen.is_read, seen.is_listed) {
            (true, _) => 0.0,
            (false, true) => self.done.time_for(unread)?,
            (false, false) => return None,
        };
        let mut left = reading;
        for (lane, now) in self.lanes.iter().zip(&seen.lanes) {
            match now.stage {
                // Nobody can tell how long an index takes.
                LaneStage::Indexing => return None,
                LaneStage::Writing if now.behind > 0 => {
                    left = left.max(lane.units.time_for(now.behind)?);
                }
                LaneStage::Writing | LaneStage::Done | LaneStage::GivenUp => {}
            }
        }
        (left > 0.0).then_some(left)
    }

    /// The same for a machine.
    pub(super) fn json(&self, seen: &Seen) -> Value {
        let lanes = seen.lanes.iter().map(|lane| {
            json!({
                "name": lane.name, "lag": lane.lag, "behind": lane.behind, "phase": word(lane.stage),
            })
        });
        json!({
            "seconds": seen.seconds,
            "phase": if seen.is_read { phase(seen) } else { self.work.verb },
            "counted": format!("{}s", self.work.noun),
            "files": { "done": seen.done, "found": seen.found, "complete": seen.is_listed },
            "nodes": seen.nodes,
            "seconds_left": self.left(seen),
            "backends": lanes.collect::<Vec<_>>(),
        })
    }
}

impl Lane {
    fn line(&self, now: &SeenLane, seen: &Seen) -> Option<String> {
        let name = &now.name;
        match now.stage {
            LaneStage::Writing if now.behind == 0 => {
                (now.units > 0).then(|| format!("up to date: {name}"))
            }
            LaneStage::Writing => {
                let still = self.units.still();
                Some(match still >= STILL {
                    true => format!(
                        "{} behind, no write for {}: {name}",
                        count(now.behind),
                        duration(still)
                    ),
                    false => {
                        let rate = count(self.units.rate() as u64);
                        format!("{} behind, {rate}/s: {name}", plural(now.behind, "unit"))
                    }
                })
            }
            LaneStage::Indexing => {
                let since = self.indexing.map_or(0.0, |since| seen.seconds - since);
                Some(format!("indexing for {}: {name}", duration(since)))
            }
            LaneStage::Done => seen.is_read.then(|| format!("complete: {name}")),
            LaneStage::GivenUp => Some(format!("given up: {name}")),
        }
    }
}

/// What backends are at when all is read.
fn phase(seen: &Seen) -> &'static str {
    let has = |stage| seen.lanes.iter().any(|lane| lane.stage == stage);
    match (has(LaneStage::Writing), has(LaneStage::Indexing)) {
        (true, _) => "writing",
        (false, true) => "indexing",
        (false, false) => "closing",
    }
}

fn word(stage: LaneStage) -> &'static str {
    match stage {
        LaneStage::Writing => "writing",
        LaneStage::Indexing => "indexing",
        LaneStage::Done => "complete",
        LaneStage::GivenUp => "given up",
    }
}

/// Seconds as people say them: `8 s`, `2 min`.
pub(super) fn duration(seconds: f64) -> String {
    let seconds = seconds.max(0.0).round() as u64;
    match seconds {
        0..100 => format!("{seconds} s"),
        100..7_200 => format!("{} min", (seconds + 30) / 60),
        _ => format!("{} h", (seconds + 1_800) / 3_600),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lane(name: &str, behind: u64, units: u64, stage: LaneStage) -> SeenLane {
        SeenLane { name: name.into(), lag: behind.min(1), behind, units, stage }
    }

    /// What is told after these sights, of which the last is told.
    fn told(work: Work, sights: &[Seen]) -> Vec<String> {
        let mut view = View::new(work);
        sights.iter().for_each(|seen| view.see(seen));
        view.lines(&sights[sights.len() - 1])
    }

    #[test]
    fn what_is_left_is_told_once_it_is_known_how_much_there_is() {
        let mut seen = Seen { seconds: 0.5, ..Seen::default() };
        assert_eq!(told(Work::FILES, &[seen.clone()]), ["waiting for files for 1 s"]);
        seen = Seen { seconds: 2.0, found: 1_200, done: 200, nodes: 9_000, ..seen };
        let line = "reading 200 of at least 1,200 files, 4,500 nodes/s";
        assert_eq!(told(Work::FILES, &[seen.clone()]), [line]);
        seen.is_listed = true;
        let line = "reading 200 of 1,200 files, 10 s left, 4,500 nodes/s";
        assert_eq!(told(Work::FILES, &[seen.clone()]), [line]);
        let line = "comparing 200 of 1,200 units, 10 s left, 4,500 nodes/s";
        assert_eq!(told(Work::COMPARISON, &[seen.clone()]), [line]);
        let stream = Seen { found: 200, is_listed: false, ..seen };
        assert_eq!(told(Work::UNITS, &[stream]), ["reading 200 units, 4,500 nodes/s"]);
    }

    #[test]
    fn the_slowest_backend_says_how_long_it_takes_and_why() {
        use LaneStage::{Done, GivenUp, Indexing, Writing};
        let read =
            Seen { found: 900, done: 900, is_listed: true, is_read: true, ..Seen::default() };
        let at = |seconds, lanes: Vec<SeenLane>| Seen { seconds, lanes, ..read.clone() };
        let writing = at(10.0, vec![lane("a", 0, 900, Writing), lane("b", 1_200, 300, Writing)]);
        assert_eq!(
            told(Work::FILES, std::slice::from_ref(&writing)),
            ["writing, 40 s left; 900 files read", "up to date: a", "1,200 units behind, 30/s: b"]
        );
        let still = at(25.0, writing.lanes.clone());
        assert_eq!(
            told(Work::FILES, &[writing.clone(), still]),
            ["writing; 900 files read", "up to date: a", "1,200 behind, no write for 15 s: b"]
        );
        let indexing = at(11.0, vec![lane("a", 0, 900, Done), lane("b", 0, 900, Indexing)]);
        let later = at(14.0, indexing.lanes.clone());
        assert_eq!(
            told(Work::FILES, &[indexing, later]),
            ["indexing; 900 files read", "complete: a", "indexing for 3 s: b"]
        );
        let ended = at(14.0, vec![lane("a", 0, 900, Done), lane("b", 7, 900, GivenUp)]);
        assert_eq!(
            told(Work::FILES, &[ended]),
            ["closing; 900 files read", "complete: a", "given up: b"]
        );
    }

    #[test]
    fn seconds_are_told_as_people_say_them() {
        let told = [0.4, 8.0, 99.4, 100.0, 7_199.0, 7_200.0].map(duration);
        assert_eq!(told, ["0 s", "8 s", "99 s", "2 min", "120 min", "2 h"]);
    }
}
