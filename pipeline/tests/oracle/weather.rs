//! How a backend fails: by its weather, which passes, and by its law, which does not.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use astload_backends::{Backend, Error, ErrorKind};
use astload_fixtures::backends::{Fault, Faults, Memory};
use astload_model::{Batch, Unit, UnitId};
use fastrand::Rng;
use futures::FutureExt;
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep};

/// A while of one weather.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Phase {
    lasts: Duration,
    sky: Sky,
}

/// What becomes of writes for a while.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Sky {
    Clear,
    /// So many of a hundred fail, half of them once they are written.
    Flaky(u8),
    Slow(Duration),
    /// Nobody is there.
    Dead,
    /// Nobody answers, and nothing is written.
    Hanging,
    /// Everything is written, and fails all the same.
    Lying,
    /// Some of the units are written, and it fails.
    Halfway,
    /// Nobody answers, and it is written after a while all the same.
    Late(Duration),
    TakesAtMost(usize),
    Full,
    Overloaded,
    Unexpected,
}

impl Phase {
    pub(crate) fn of(random: &mut Rng) -> Self {
        let lasts = Duration::from_millis(random.u64(100..90_000));
        let sky = match random.u8(0..12) {
            0 => Sky::Clear,
            1 => Sky::Flaky(random.u8(10..90)),
            2 => Sky::Slow(Duration::from_millis(random.u64(1..40_000))),
            3 => Sky::Dead,
            4 => Sky::Hanging,
            5 => Sky::Lying,
            6 => Sky::Halfway,
            7 => Sky::Late(Duration::from_millis(random.u64(1..100_000))),
            8 => Sky::TakesAtMost(random.usize(1..4)),
            9 => Sky::Full,
            10 => Sky::Overloaded,
            _ => Sky::Unexpected,
        };
        Self { lasts, sky }
    }
}

/// What a backend refuses for good, and how it says so.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Law {
    salt: u64,
    /// Of a hundred versions.
    percent: u64,
    tells: Tells,
}

/// Which of the refused units a backend names.
#[derive(Debug, Clone, Copy)]
enum Tells {
    All,
    One,
    None,
}

impl Law {
    pub(crate) fn of(random: &mut Rng) -> Self {
        let percent = [0, 0, 3, 10][random.usize(..4)];
        let tells = [Tells::All, Tells::One, Tells::None][random.usize(..3)];
        Self { salt: random.u64(..), percent, tells }
    }

    pub(crate) fn refuses(&self, unit: UnitId, generation: u64) -> bool {
        let version = unit.as_i64() as u64 ^ generation.wrapping_mul(0x9e37_79b9_7f4a_7c15);
        Rng::with_seed(version ^ self.salt).u64(..100) < self.percent
    }

    fn refuses_unit(&self, unit: &Unit<'_>) -> bool {
        self.refuses(unit.id(), unit.generation().expect("given"))
    }

    fn refusal(&self, refused: &[UnitId]) -> Error {
        let named = match self.tells {
            Tells::All => refused,
            Tells::One => &refused[..1],
            Tells::None => return Error::new(ErrorKind::Refused, "something in it"),
        };
        Error::refused(named.iter().map(|&id| (id, "against the law".to_owned())).collect())
    }
}

/// Writes that nobody waits for any more.
pub(crate) type Landing = Arc<Mutex<JoinSet<()>>>;

/// The weather over a backend from now on, and its law.
#[derive(Debug)]
pub(crate) struct Weather {
    phases: Vec<Phase>,
    law: Law,
    memory: Memory,
    pub(crate) landing: Landing,
    since: Instant,
    random: Rng,
}

impl Weather {
    pub(crate) fn new(phases: Vec<Phase>, law: Law, memory: Memory, seed: u64) -> Self {
        let (since, random) = (Instant::now(), Rng::with_seed(seed));
        Self { phases, law, memory, landing: Landing::default(), since, random }
    }

    fn sky(&self) -> Sky {
        sky_at(&self.phases, self.since.elapsed())
    }

    /// Of a batch, what is not against the law, and what is.
    fn judge(&self, batch: &Batch) -> (Batch, Vec<UnitId>) {
        let (bad, good): (Vec<usize>, Vec<usize>) =
            (0..batch.len()).partition(|&at| self.law.refuses_unit(&batch.unit(at)));
        (batch.take(&good), bad.into_iter().map(|at| batch.unit(at).id()).collect())
    }

    /// Writes some of the units, whatever is answered.
    fn write_some(&mut self, good: &Batch) {
        let some: Vec<usize> = (0..good.len()).filter(|_| self.random.bool()).collect();
        self.write(&good.take(&some));
    }

    fn write(&self, good: &Batch) {
        let written = self.memory.write_batch(good).now_or_never();
        written.expect("memory does not wait").expect("it takes what is lawful");
    }

    fn write_after(&self, wait: Duration, good: Batch) {
        let memory = self.memory.clone();
        self.landing.lock().expect("no panic").spawn(async move {
            sleep(wait).await;
            memory.write_batch(&good).await.expect("it takes what is lawful");
        });
    }
}

fn sky_at(phases: &[Phase], mut elapsed: Duration) -> Sky {
    for phase in phases {
        match elapsed.checked_sub(phase.lasts) {
            Some(left) => elapsed = left,
            None => return phase.sky,
        }
    }
    Sky::Clear
}

impl Faults for Weather {
    fn next(&mut self, batch: &Batch) -> Fault {
        let (good, refused) = self.judge(batch);
        let lost = || Fault::Before(Error::transient("the connection was lost"));
        match self.sky() {
            Sky::Clear => {}
            Sky::Flaky(percent) if self.random.u8(0..100) >= percent => {}
            Sky::Flaky(_) => {
                if self.random.bool() {
                    self.write(&good);
                }
                return lost();
            }
            Sky::Slow(time) if refused.is_empty() => return Fault::Slow(time),
            Sky::Slow(_) => {}
            Sky::Dead => return Fault::Before(Error::transient("connection refused")),
            Sky::Hanging => return Fault::Hang,
            Sky::Lying => {
                self.write(&good);
                return lost();
            }
            Sky::Halfway => {
                self.write_some(&good);
                return lost();
            }
            Sky::Late(time) => {
                self.write_after(time, good);
                return Fault::Hang;
            }
            Sky::TakesAtMost(units) if batch.len() <= units => {}
            Sky::TakesAtMost(_) => {
                return Fault::Before(Error::new(ErrorKind::TooLarge, "too much at once"));
            }
            Sky::Full => return Fault::Before(Error::misconfigured("the disk is full")),
            Sky::Overloaded => {
                return Fault::Before(Error::transient("too many requests").for_overload());
            }
            Sky::Unexpected => return Fault::Before(Error::unexpected("nobody thought of it")),
        }
        if refused.is_empty() {
            return Fault::None;
        }
        // What is refused promises nothing about the others.
        self.write_some(&good);
        Fault::Before(self.law.refusal(&refused))
    }
}

/// How probes fail in the same weather.
#[derive(Debug)]
pub(crate) struct Probes {
    phases: Vec<Phase>,
    since: Instant,
}

impl Probes {
    pub(crate) fn of(weather: &Weather) -> Self {
        Self { phases: weather.phases.clone(), since: weather.since }
    }
}

impl Faults for Probes {
    fn next(&mut self, _: &Batch) -> Fault {
        match sky_at(&self.phases, self.since.elapsed()) {
            Sky::Dead => Fault::Before(Error::transient("connection refused")),
            Sky::Hanging => Fault::Hang,
            Sky::Slow(time) => Fault::Slow(time),
            Sky::Clear
            | Sky::Flaky(_)
            | Sky::Lying
            | Sky::Halfway
            | Sky::Late(_)
            | Sky::TakesAtMost(_)
            | Sky::Full
            | Sky::Overloaded
            | Sky::Unexpected => Fault::None,
        }
    }
}

/// How calls that are no writes, settling and recording a repository, fail in the same weather. Only
/// what may pass is their fault.
#[derive(Debug)]
pub(crate) struct Errands {
    phases: Vec<Phase>,
    since: Instant,
    random: Rng,
    /// They say that they failed where nobody answers.
    answering: bool,
}

impl Errands {
    pub(crate) fn of(weather: &Weather, seed: u64) -> Self {
        let random = Rng::with_seed(seed);
        Self { phases: weather.phases.clone(), since: weather.since, random, answering: false }
    }

    /// The same, which answer in the end: where nobody can tell how long a call may take, a driver has
    /// to notice by itself that its connection is dead.
    pub(crate) fn answering(self) -> Self {
        Self { answering: true, ..self }
    }
}

impl Faults for Errands {
    fn next(&mut self, _: &Batch) -> Fault {
        let lost = || Error::transient("the connection was lost");
        match sky_at(&self.phases, self.since.elapsed()) {
            Sky::Flaky(percent) if self.random.u8(0..100) >= percent => Fault::None,
            Sky::Flaky(_) if self.random.bool() => Fault::After(lost()),
            Sky::Flaky(_) | Sky::Dead | Sky::Halfway => Fault::Before(lost()),
            Sky::Hanging if self.answering => Fault::Before(lost()),
            Sky::Hanging => Fault::Hang,
            Sky::Lying | Sky::Late(_) => Fault::After(lost()),
            Sky::Slow(time) => Fault::Slow(time),
            Sky::Overloaded => Fault::Before(Error::transient("too many requests").for_overload()),
            Sky::Clear | Sky::TakesAtMost(_) | Sky::Full | Sky::Unexpected => Fault::None,
        }
    }
}
