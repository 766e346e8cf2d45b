//! One backend of a load: connected, or known to be out of reach.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use astload_backends::{
    Access, Backend, Error, ErrorKind, Origin, Receipt, Registry, RepoState, RowCounts, StoredUnit,
    UnitFilter,
};
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;

use super::report::{BackendError, BackendReport, UnitCounts};
use super::spec::TargetSpec;
use crate::excerpt::Excerpt;
use crate::health::{Monitor, MonitorSettings};
use crate::lane::LaneReport;
use crate::letters::{DeadLetters, Letters, store_key};

/// How long closing may take.
pub(super) const CLOSING: Duration = Duration::from_secs(5);

/// A backend of a load.
#[derive(Debug)]
pub struct Target {
    /// What it is called: its URL, without secrets, or its name.
    pub name: String,
    /// What it is connected to; `None` for a store that a dry run found missing.
    pub backend: Result<Option<Arc<dyn Backend>>, Error>,
    /// As the user has it.
    pub(super) spec: TargetSpec,
    pub(super) place: String,
    /// The store, in all of astload: its type and place. It may hold a secret.
    pub(super) key: String,
    /// Who watches it.
    pub monitor: Monitor,
    /// The repositories that it knew at the start.
    pub(super) repos: Vec<RepoState>,
    /// Why it did not say what it holds of some repository.
    pub(super) unread: Option<BackendError>,
    /// Whether it did not answer when it was asked.
    is_silent: bool,
}

/// How a load is with its backends before it writes.
#[derive(Debug, Clone)]
pub struct Approach {
    /// Nothing is written, and no store is made.
    pub dry_run: bool,
    /// How long one backend is waited for, to connect and to say what it holds.
    pub patience: Duration,
    /// Once it is cancelled, no backend is waited for any more.
    pub stopping: CancellationToken,
}

impl Target {
    /// Whether it knows a repository, as far as it says what it knows. What was removed and not loaded
    /// since it does not know.
    pub(super) fn may_know(&self, repo: &str, layer: &str) -> bool {
        let is_there = |known: &RepoState| known.origin != Origin::Nobody || known.units > 0;
        match &self.backend {
            Ok(Some(backend)) if backend.reader().is_some() => {
                let mut known = self.repos.iter().filter(|known| is_there(known));
                known.any(|known| known.repo == repo && known.layer == layer)
            }
            _ => true,
        }
    }

    /// Connects, unless a dry run finds that there is no store.
    pub(super) async fn connect(
        registry: &Registry,
        (spec, place): (&TargetSpec, String),
        approach: &Approach,
    ) -> Self {
        let monitor = MonitorSettings::default().configured(&spec.health);
        let (backend, repos) = match reach(registry, spec, approach).await {
            Ok((backend, repos)) => (Ok(backend), repos),
            Err(error) => (Err(error), Vec::new()),
        };
        Self {
            name: spec.name.clone(),
            key: store_key(&spec.type_name, &place),
            monitor: Monitor::new(&spec.name, monitor),
            spec: spec.clone(),
            backend,
            place,
            repos,
            unread: None,
            is_silent: false,
        }
    }

    /// The units that it holds; `None` where it is out of reach. One that did not answer is not asked
    /// again: the others would wait for it once for each repository.
    pub(super) async fn held(
        &mut self,
        filter: &UnitFilter,
        patience: Duration,
    ) -> Option<Result<Vec<StoredUnit>, Error>> {
        let backend = self.backend.as_ref().ok()?;
        let Some(reader) = backend.as_ref().and_then(|backend| backend.reader()) else {
            return Some(Ok(Vec::new()));
        };
        if self.is_silent {
            return Some(Err(silent("listing units", patience)));
        }
        // What was read of a stream is still written when the load is stopped, so it is waited for.
        let terms = self.spec.terms(patience, &CancellationToken::new());
        let held = terms.patiently("listing units", || reader.units(filter)).await;
        let kind = held.as_ref().err().map(|error| error.kind);
        self.is_silent = kind == Some(ErrorKind::Transient);
        Some(held)
    }

    /// Its dead letters. A place may hold what the options hold.
    pub(super) fn letters(&self, letters: &DeadLetters) -> io::Result<Letters> {
        match self.spec.options.secrets().is_empty() {
            true => letters.of(&self.name, &self.key),
            false => letters.of_hidden(&self.name, &self.key),
        }
    }

    /// What became of it, given what became of its lane, why the journal took no more, and how many
    /// units it was sent and how many it held.
    pub(super) fn report(
        &self,
        lane: Option<LaneReport>,
        journal: Option<&Error>,
        (sent, held): (u64, u64),
    ) -> BackendReport {
        let died = Error::unexpected("its lane died, which is a bug of astload's");
        let lost = lane.as_ref().and_then(|lane| lost(&lane.lost));
        let error = match (&self.backend, &lane) {
            (Err(error), _) => Some(error),
            (Ok(_), Some(lane)) => lane.error.as_ref().or(lost.as_ref()).or(journal),
            (Ok(_), None) => Some(&died),
        };
        let error = error.map(BackendError::from);
        let LaneReport { receipt, refused, elapsed, .. } = lane.unwrap_or_default();
        let Receipt { written, deleted, superseded, rows } = receipt;
        let mut units = UnitCounts {
            written,
            skipped: held,
            deleted,
            superseded,
            refused: refused.count(),
            missing: 0,
        };
        let answered = units.total() - held;
        debug_assert!(answered <= sent, "{}: {units:?} of {sent} units sent", self.name);
        // A lane that came to its end passed over what a newer version in the journal made pointless.
        match &error {
            None => units.superseded += sent.saturating_sub(answered),
            Some(_) => units.missing = sent.saturating_sub(answered),
        }
        let (name, error) = (self.name.clone(), error.or_else(|| self.unread.clone()));
        BackendReport { name, units, rows, refused, error, elapsed }
    }

    /// What it is like where nothing is written.
    pub(super) fn report_of_plan(&self, held: u64) -> BackendReport {
        let error = self.backend.as_ref().err().map(BackendError::from);
        BackendReport {
            name: self.name.clone(),
            units: UnitCounts { skipped: held, ..UnitCounts::default() },
            rows: RowCounts::default(),
            refused: Excerpt::default(),
            error: error.or_else(|| self.unread.clone()),
            elapsed: Duration::ZERO,
        }
    }
}

/// Connects to a backend, and asks which repositories it knows; `None` for a store that a dry run
/// finds missing.
async fn reach(
    registry: &Registry,
    spec: &TargetSpec,
    Approach { dry_run, patience, stopping }: &Approach,
) -> Result<(Option<Arc<dyn Backend>>, Vec<RepoState>), Error> {
    let terms = spec.terms(*patience, stopping);
    if *dry_run && !spec.exists(registry, &terms).await? {
        return Ok((None, Vec::new()));
    }
    let access = if *dry_run { Access::Read } else { Access::Write };
    let backend = spec.connect(registry, access, &terms).await?;
    let repos = match backend.reader() {
        Some(reader) => terms.patiently("listing repositories", || reader.repos()).await,
        None => Ok(Vec::new()),
    };
    match repos {
        Ok(repos) => Ok((Some(backend), repos)),
        Err(error) => {
            // What failed first is what is told.
            drop(timeout(CLOSING, backend.close()).await);
            Err(error)
        }
    }
}

fn silent(what: &str, patience: Duration) -> Error {
    Error::transient(format!("{what}: no answer for {patience:?}"))
}

/// What the journal could not give back to a lane.
fn lost(lost: &Excerpt<String>) -> Option<Error> {
    let first = lost.first().first()?;
    let message = match lost.beyond(1) {
        0 => format!("could not read {first}"),
        more => format!("could not read {first}, and {more} more"),
    };
    Some(Error::unexpected(message).with_hint("the same command again gives it what it lacks"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_the_journal_could_not_give_back_is_an_error() {
        let mut frames = Excerpt::default();
        assert!(lost(&frames).is_none());
        frames.push("frame 3 of the journal: damaged".to_owned());
        let one = lost(&frames).expect("an error").to_string();
        assert_eq!(one, "could not read frame 3 of the journal: damaged");
        frames.push("frame 4".to_owned());
        let two = lost(&frames).expect("an error").to_string();
        assert_eq!(two, "could not read frame 3 of the journal: damaged, and 1 more");
    }
}
