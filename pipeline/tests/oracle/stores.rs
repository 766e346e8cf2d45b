//! The stores of a schedule, which outlive its processes, and the lanes of one process to them.

use std::sync::Arc;
use std::time::Duration;

use astload_backends::{GuardSettings, Guarded};
use astload_fixtures::backends::{Faulty, Memory};
use astload_pipeline::health::{Monitor, MonitorSettings};
use astload_pipeline::lane::{Lane, LaneSettings, Patience};
use astload_pipeline::letters::DeadLetters;
use tempfile::TempDir;
use tokio::runtime::{Builder, Runtime};
use tokio_util::sync::CancellationToken;

use crate::plan::{LanePlan, Plan};
use crate::weather::{Errands, Landing, Probes, Weather};

/// How long a lane that gives up goes without a write.
const PATIENCE: Duration = Duration::from_secs(60);

/// Longer than any schedule takes: what has not ended by then never does.
pub(crate) const FOREVER: Duration = Duration::from_secs(2 * 24 * 3600);

/// What outlives a process: the stores, and the dead letters.
#[derive(Debug)]
pub(crate) struct Stores {
    pub(crate) memories: Vec<Memory>,
    pub(crate) letters: TempDir,
}

/// The lanes of one process.
pub(crate) struct Lanes {
    pub(crate) lanes: Vec<Lane>,
    pub(crate) cancelled: CancellationToken,
    pub(crate) landings: Vec<Landing>,
}

impl Stores {
    pub(crate) fn of(plan: &Plan) -> Self {
        let memories = plan.lanes.iter().map(|_| Memory::default()).collect();
        Self { memories, letters: TempDir::new().expect("a folder") }
    }

    /// Lanes whose backends have the plan's weather from now on, or, in the end, none.
    pub(crate) fn lanes(&self, plan: &Plan, life: u64, weather: Outlook) -> Lanes {
        let cancelled = CancellationToken::new();
        let (mut lanes, mut landings) = (Vec::new(), Vec::new());
        for (index, lane) in plan.lanes.iter().enumerate() {
            let phases = match weather {
                Outlook::AsPlanned => lane.phases.clone(),
                Outlook::Fair => Vec::new(),
            };
            let seed = plan.seed ^ life << 32 ^ (index as u64) << 48;
            let weather = Weather::new(phases, lane.law, self.memories[index].clone(), seed);
            landings.push(weather.landing.clone());
            let probes = Probes::of(&weather);
            let errands = |dice: u64| Errands::of(&weather, seed ^ dice << 24);
            let (settling, recording) = (errands(1).answering(), errands(2));
            let backend = Faulty::new(Arc::new(self.memories[index].clone()), weather);
            backend.turn_health(probes);
            backend.turn_settle(settling);
            backend.turn_admin(recording);
            lanes.push(self.lane(index, lane, Arc::new(backend), &cancelled));
        }
        Lanes { lanes, cancelled, landings }
    }

    fn lane(
        &self,
        index: usize,
        plan: &LanePlan,
        backend: Arc<Faulty>,
        cancelled: &CancellationToken,
    ) -> Lane {
        let name = name_of(index);
        let patience = if plan.gives_up { Patience::GiveUp(PATIENCE) } else { Patience::Wait };
        let letters = DeadLetters::within(self.letters.path().into());
        let guard = GuardSettings {
            deadline: PATIENCE,
            ..GuardSettings::for_concurrency(plan.concurrency)
        };
        Lane {
            settings: LaneSettings {
                rows: plan.rows,
                bytes: plan.bytes,
                concurrency: plan.concurrency,
                ..LaneSettings::for_backend(backend.as_ref(), patience)
            },
            backend: Arc::new(Guarded::new(&name, backend, guard).until(cancelled.clone())),
            monitor: Monitor::new(&name, MonitorSettings::default()),
            letters: letters.of(&name, &name).expect("a folder"),
            index,
            name,
            progress: Arc::default(),
            cancelled: cancelled.clone(),
        }
    }
}

/// The weather of a process.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Outlook {
    AsPlanned,
    /// Nothing fails any more, but the law holds.
    Fair,
}

/// Waits for the writes that nobody waited for.
pub(crate) async fn land(landings: Vec<Landing>) {
    for landing in landings {
        let writes = std::mem::take(&mut *landing.lock().expect("no panic"));
        writes.join_all().await;
    }
}

pub(crate) fn name_of(lane: usize) -> String {
    format!("store {lane}")
}

/// A process of one thread, whose clock runs as soon as nobody has anything to do.
pub(crate) fn process() -> Runtime {
    Builder::new_current_thread().enable_time().start_paused(true).build().expect("a runtime")
}
