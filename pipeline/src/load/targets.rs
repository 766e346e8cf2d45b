//! The backends of a load: connected, or known to be out of reach.

use std::collections::HashMap;
use std::io;
use std::sync::Arc;
use std::time::Duration;

use astload_backends::{
    Access, Backend, Error, GuardSettings, Guarded, Origin, Receipt, Registry, RepoState,
    UnitFilter,
};
use futures::future::join_all;
use tokio_util::sync::CancellationToken;

use super::report::{BackendError, BackendReport};
use super::spec::TargetSpec;
use super::{CannotLoad, Input, LaneOptions, LoadProgress};
use crate::channel::{LANES_MAX, Lanes};
use crate::health::{Monitor, MonitorSettings};
use crate::holdings::Holdings;
use crate::lane::{Lane, LaneReport, LaneSettings, Patience};
use crate::letters::{DeadLetters, Letters, StoredLetter};
use crate::source::directory::LAYER;

/// How long closing may take.
const CLOSING: Duration = Duration::from_secs(5);

/// A backend of a load.
#[derive(Debug)]
pub struct Target {
    /// What it is called: its URL, without secrets, or its name.
    pub name: String,
    /// What it is connected to; `None` for a store that a dry run found missing.
    pub backend: Result<Option<Arc<dyn Backend>>, Error>,
    /// As the user has it.
    spec: TargetSpec,
    place: String,
    /// The store, in all of astload: its type and place. It may hold a secret.
    key: String,
    /// Who watches it.
    pub monitor: Monitor,
    /// The repositories that it knew at the start.
    repos: Vec<RepoState>,
    /// Why it did not say what it holds of some repository.
    unread: Option<BackendError>,
}

/// The backends of a load, in the order of the command line.
#[derive(Debug)]
pub struct Targets(Vec<Target>);

impl Targets {
    /// Connects to all; one that is out of reach is kept with its error.
    ///
    /// # Errors
    /// [`CannotLoad`] where a URL names no known type, or its options are wrong.
    pub async fn connect(
        registry: &Registry,
        specs: &[TargetSpec],
        dry_run: bool,
    ) -> Result<Self, CannotLoad> {
        if specs.len() > LANES_MAX {
            return Err(CannotLoad::new(format!("a load takes at most {LANES_MAX} backends")));
        }
        let mut located = Vec::new();
        let mut places: HashMap<(&str, String), &str> = HashMap::new();
        for spec in specs {
            let (factory, place) = spec.locate(registry)?;
            if let Some(other) = places.insert((&spec.type_name, place.clone()), &spec.name) {
                let message = match other == spec.name {
                    true => format!("{other} is named twice"),
                    false => format!("{other} and {} are the same store", spec.name),
                };
                return Err(CannotLoad::new(message));
            }
            located.push((spec, factory, place));
        }
        let mut targets = Vec::new();
        for (spec, factory, place) in located {
            let exists = !dry_run || spec.exists(factory.as_ref()).await?;
            targets.push(Target::connect(registry, spec, place, (dry_run, exists)).await);
        }
        Ok(Self(targets))
    }

    /// All of them.
    pub fn iter(&self) -> impl Iterator<Item = &Target> {
        self.0.iter()
    }

    /// Those that are connected, each with its lane.
    pub(super) fn connected(&self) -> impl Iterator<Item = (usize, &Arc<dyn Backend>)> {
        self.0.iter().enumerate().filter_map(|(lane, target)| match &target.backend {
            Ok(Some(backend)) => Some((lane, backend)),
            Ok(None) | Err(_) => None,
        })
    }

    pub(super) fn greatest_generation(&self) -> u64 {
        let repos = self.0.iter().flat_map(|target| &target.repos);
        repos.map(|repo| repo.generation).max().unwrap_or(0)
    }

    /// Whether any target knows the repository, and that its generations come from elsewhere.
    pub(super) fn has_other_origin(&self, repo: &str, layer: &str, origin: Origin) -> bool {
        let repos = self.0.iter().flat_map(|target| &target.repos);
        let mut known = repos.filter(|state| state.repo == repo && state.layer == layer);
        known.any(|state| state.origin != origin)
    }

    /// Refuses a directory whose repository was loaded from elsewhere.
    pub(super) fn check_roots(&self, inputs: &[Input], root_moved: bool) -> Result<(), CannotLoad> {
        for (at, input) in inputs.iter().enumerate() {
            let Input::Directory { root, repo } = input else { continue };
            let same = |other: &&Input| matches!(other, Input::Directory { repo: name, .. } if name == repo);
            if inputs[..at].iter().find(same).is_some() {
                let message = format!("two directories are called {repo}");
                let hint = Some("load them one by one, each with its own --repo NAME".into());
                return Err(CannotLoad { message, hint });
            }
            for target in &self.0 {
                let known = |state: &&RepoState| state.repo == *repo && state.layer == LAYER;
                let Some(state) = target.repos.iter().find(known) else { continue };
                if state.origin == Origin::Upstream && state.units > 0 {
                    let message = format!(
                        "{repo} in {} is pushed by an upstream, with its own generations",
                        target.name
                    );
                    let hint = Some("load it under another name: --repo NAME".into());
                    return Err(CannotLoad { message, hint });
                }
                let known = match &state.root {
                    Some(known) if **known != *root.to_string_lossy() => Some(known.as_str()),
                    None if state.units > 0 => Some("a stream"),
                    _ => None,
                };
                if let (Some(known), false) = (known, root_moved) {
                    let message =
                        format!("{repo} was loaded from {known}, this is {}", root.display());
                    let hint =
                        "if it is the same repository, add --root-moved; if not, --repo NAME";
                    return Err(CannotLoad { message, hint: Some(hint.into()) });
                }
            }
        }
        Ok(())
    }

    /// What the targets hold of a (repository, layer). One that does not say is left out: it gets
    /// nothing of that repository, and its report says why.
    ///
    /// # Errors
    /// The last target's, where none says.
    pub(super) async fn holdings(
        &mut self,
        repo: &str,
        layer: &str,
        origin: Origin,
    ) -> Result<Holdings, Error> {
        let filter = UnitFilter { repo: Some(repo.into()), layer: Some(layer.into()) };
        let mut holdings = Holdings::default();
        let mut unread = None;
        for (lane, target) in self.0.iter_mut().enumerate() {
            let held = match &target.backend {
                Err(_) => continue,
                Ok(None) => Ok(Vec::new()),
                Ok(Some(backend)) => match backend.reader() {
                    Some(reader) => reader.units(&filter).await,
                    None => Ok(Vec::new()),
                },
            };
            match held {
                Ok(held) => holdings.add(lane, &target.spec.selection, held, origin),
                Err(error) => {
                    target.unread = Some(BackendError::from(&error));
                    unread = Some(error);
                }
            }
        }
        match unread {
            Some(error) if holdings.is_of_none() => Err(error),
            _ => Ok(holdings),
        }
    }

    /// The lanes to those that are connected.
    pub(super) fn lanes(
        &self,
        options: &LaneOptions,
        progress: &LoadProgress,
        cancelled: &CancellationToken,
    ) -> Result<Vec<Lane>, CannotLoad> {
        let lane = |(index, target): (usize, &Target)| {
            let Ok(Some(backend)) = &target.backend else { return None };
            let letters = target.letters(&options.letters).map_err(|error| {
                CannotLoad::new(format!("the dead letters cannot be read: {error}"))
            });
            let (write, patience) = (&target.spec.write, options.patience);
            let concurrency = backend.info().capabilities.concurrency;
            let guard = GuardSettings::for_concurrency(concurrency);
            // A load is no longer patient with a write than with its lane.
            let guard = GuardSettings { deadline: patience, ..guard }.configured(write);
            let guarded = Guarded::new(&target.name, backend.clone(), guard);
            let settings = LaneSettings::for_backend(backend.as_ref(), Patience::GiveUp(patience));
            Some(letters.map(|letters| Lane {
                name: target.name.clone(),
                index,
                backend: Arc::new(guarded.until(cancelled.clone())),
                settings: settings.configured(write, target.spec.selection.clone()),
                monitor: target.monitor.clone(),
                letters,
                progress: progress.lanes[index].1.clone(),
                cancelled: cancelled.clone(),
            }))
        };
        self.0.iter().enumerate().filter_map(lane).collect()
    }

    /// The lanes to the store that a letter is of.
    pub(super) fn lanes_of(&self, stored: &StoredLetter) -> Lanes {
        let numbered = self.0.iter().enumerate();
        let its = numbered.filter(|(_, target)| stored.is_of(&target.key));
        its.fold(0, |lanes, (at, _)| lanes | 1 << at)
    }

    /// What became of each target, given what became of the lanes that ran.
    ///
    /// Where none `ran`, nothing was meant to be written.
    pub(super) fn reports(&self, lanes: Vec<(usize, LaneReport)>, ran: bool) -> Vec<BackendReport> {
        let mut lanes = lanes.into_iter().peekable();
        let report = |(index, target): (usize, &Target)| {
            let lane = lanes.next_if(|(lane, _)| *lane == index).map(|(_, report)| report);
            target.report(lane, ran)
        };
        self.0.iter().enumerate().map(report).collect()
    }

    /// Closes all. One that does not come to an end is left to it: what it commits is whole.
    pub async fn close(&self) {
        let close = async |target: &Target| {
            let Ok(Some(backend)) = &target.backend else { return };
            if let Err(error) = backend.close().await {
                tracing::warn!(backend = target.name, %error, "closing a backend");
            }
            target.monitor.close();
        };
        let all = join_all(self.0.iter().map(close));
        if tokio::time::timeout(CLOSING, all).await.is_err() {
            tracing::warn!("a backend is still at work and was not waited for");
        }
    }

    /// Where the stores are, as their types name it.
    pub(super) fn places(&self) -> Vec<String> {
        self.0.iter().map(|target| target.place.clone()).collect()
    }
}

impl Target {
    /// Connects, unless a dry run found that there is no store.
    async fn connect(
        registry: &Registry,
        spec: &TargetSpec,
        place: String,
        (dry_run, exists): (bool, bool),
    ) -> Self {
        let access = if dry_run { Access::Read } else { Access::Write };
        let backend = match exists {
            true => spec.connect(registry, access).await.map(Some),
            false => Ok(None),
        };
        let monitor = MonitorSettings::default().configured(&spec.health);
        let mut target = Self {
            name: spec.name.clone(),
            key: format!("{} {place}", spec.type_name),
            monitor: Monitor::new(&spec.name, monitor),
            spec: spec.clone(),
            backend,
            place,
            repos: Vec::new(),
            unread: None,
        };
        if let Ok(Some(backend)) = &target.backend
            && let Some(reader) = backend.reader()
        {
            match reader.repos().await {
                Ok(repos) => target.repos = repos,
                Err(error) => target.backend = Err(error),
            }
        }
        target
    }

    /// Its dead letters. A place may hold what the options hold.
    fn letters(&self, letters: &DeadLetters) -> io::Result<Letters> {
        match self.spec.options.secrets().is_empty() {
            true => letters.of(&self.name, &self.key),
            false => letters.of_hidden(&self.name, &self.key),
        }
    }

    /// What became of it.
    fn report(&self, lane: Option<LaneReport>, ran: bool) -> BackendReport {
        let died = Error::unexpected("its lane died, which is a bug of astload's");
        let lost = lane.as_ref().and_then(|lane| lost(&lane.lost));
        let error = match (&self.backend, &lane) {
            (Err(error), _) => Some(error),
            (Ok(_), Some(lane)) => lane.error.as_ref().or(lost.as_ref()),
            (Ok(_), None) => ran.then_some(&died),
        };
        BackendReport {
            name: self.name.clone(),
            error: error.map(BackendError::from).or_else(|| self.unread.clone()),
            receipt: lane.as_ref().map_or_else(Receipt::default, |lane| lane.receipt),
            elapsed: lane.as_ref().map_or(Duration::ZERO, |lane| lane.elapsed),
            refused: lane.map(|lane| lane.refused).unwrap_or_default(),
        }
    }
}

/// What the journal could not give back to a lane.
fn lost(lost: &[String]) -> Option<Error> {
    let message = match lost {
        [] => return None,
        [one] => format!("it was not given {one}"),
        [first, more @ ..] => format!("it was not given {first}, and {} more", more.len()),
    };
    Some(Error::unexpected(message).with_hint("the same command again gives it what it lacks"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_the_journal_could_not_give_back_is_an_error() {
        let frames = ["frame 3 of the journal: damaged".to_owned(), "frame 4".to_owned()];
        assert!(lost(&[]).is_none());
        let one = lost(&frames[..1]).expect("an error").to_string();
        assert_eq!(one, "it was not given frame 3 of the journal: damaged");
        let two = lost(&frames).expect("an error").to_string();
        assert_eq!(two, "it was not given frame 3 of the journal: damaged, and 1 more");
    }
}
