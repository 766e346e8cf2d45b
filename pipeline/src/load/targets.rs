//! The backends of a load, and what they are asked together.

use std::collections::HashMap;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use astload_backends::{
    Backend, Error, GuardSettings, Guarded, Origin, Registry, RepoState, StoredUnit, UnitFilter,
};
use astload_model::{Selection, UnitId};
use futures::future::join_all;
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;

use super::report::{BackendError, BackendReport};
use super::repos::claim;
use super::spec::TargetSpec;
use super::target::{Approach, CLOSING, Target};
use super::{CannotLoad, Input, LaneOptions, LoadProgress};
use crate::channel::{LANES_MAX, Lanes};
use crate::coordinator::Carried;
use crate::holdings::Holdings;
use crate::lane::{Lane, LaneSettings, Patience};
use crate::letters::{DeadLetters, StoredLetter};
use crate::source::directory::{LAYER, Parts};
use crate::tally::Tally;

/// The backends of a load, in the order of the command line.
#[derive(Debug)]
pub struct Targets {
    all: Vec<Target>,
    patience: Duration,
}

impl Targets {
    /// Connects to all at the same time; one that is out of reach is kept with its error.
    ///
    /// # Errors
    /// [`CannotLoad`] where a URL names no known type, or its options are wrong.
    pub async fn connect(
        registry: &Registry,
        specs: &[TargetSpec],
        approach: Approach,
    ) -> Result<Self, CannotLoad> {
        if specs.len() > LANES_MAX {
            return Err(CannotLoad::new(format!("a load takes at most {LANES_MAX} backends")));
        }
        let mut located = Vec::new();
        let mut places: HashMap<(&str, String), &str> = HashMap::new();
        for spec in specs {
            let place = spec.place(registry)?;
            if let Some(other) = places.insert((&spec.type_name, place.clone()), &spec.name) {
                let message = match other == spec.name {
                    true => format!("{other} is named twice"),
                    false => format!("{other} and {} are the same store", spec.name),
                };
                return Err(CannotLoad::new(message));
            }
            located.push((spec, place));
        }
        let connecting =
            located.into_iter().map(|located| Target::connect(registry, located, &approach));
        Ok(Self { all: join_all(connecting).await, patience: approach.patience })
    }

    /// All of them.
    pub fn iter(&self) -> impl Iterator<Item = &Target> {
        self.all.iter()
    }

    /// Those that are connected, each with its lane.
    pub(super) fn connected(&self) -> impl Iterator<Item = (usize, &Arc<dyn Backend>)> {
        self.all.iter().enumerate().filter_map(|(lane, target)| match &target.backend {
            Ok(Some(backend)) => Some((lane, backend)),
            Ok(None) | Err(_) => None,
        })
    }

    /// The greatest generation that any target has seen of a (repository, layer).
    pub(crate) fn greatest_generation(&self, repo: &str, layer: &str) -> u64 {
        let repos = self.all.iter().flat_map(|target| &target.repos);
        let its = repos.filter(|known| known.repo == repo && known.layer == layer);
        its.map(|known| known.generation).max().unwrap_or(0)
    }

    /// Whether any target knows the repository, and that its generations come from elsewhere.
    pub(super) fn has_other_origin(&self, repo: &str, layer: &str, origin: Origin) -> bool {
        let repos = self.all.iter().flat_map(|target| &target.repos);
        let mut known = repos.filter(|state| state.repo == repo && state.layer == layer);
        known.any(|state| ![origin, Origin::Nobody].contains(&state.origin))
    }

    /// Refuses a directory whose repository was loaded from elsewhere, before anything is written. The
    /// stores look once more when it is claimed, for others may have loaded it meanwhile.
    pub(super) fn check_roots(&self, inputs: &[Input], root_moved: bool) -> Result<(), CannotLoad> {
        for (at, input) in inputs.iter().enumerate() {
            let Input::Directory(checkout) = input else { continue };
            let repo = &checkout.repo;
            let same =
                |other: &&Input| matches!(other, Input::Directory(other) if other.repo == *repo);
            if inputs[..at].iter().find(same).is_some() {
                let message = format!("two directories are called {repo}");
                let hint = Some("load them one by one, each with its own --repo NAME".into());
                return Err(CannotLoad { message, hint });
            }
            for target in &self.all {
                let known = |state: &&RepoState| state.repo == *repo && state.layer == LAYER;
                claim(checkout, root_moved, 0).over(target.repos.iter().find(known))?;
            }
        }
        Ok(())
    }

    /// Refuses repositories whose generations come from elsewhere in a target.
    pub(crate) fn check_origins(&self, repos: &[RepoState]) -> Result<(), CannotLoad> {
        let clash = repos.iter().find_map(|repo| {
            let other = self.all.iter().find(|target| {
                target.repos.iter().any(|known| {
                    known.repo == repo.repo
                        && known.layer == repo.layer
                        && ![repo.origin, Origin::Nobody].contains(&known.origin)
                        && repo.origin != Origin::Nobody
                })
            });
            other.map(|target| (repo, target))
        });
        match clash {
            None => Ok(()),
            Some((repo, target)) => Err(CannotLoad {
                message: format!(
                    "{} in {} is numbered by somebody else than in the store to read from",
                    repo.repo, target.name
                ),
                hint: Some(format!("remove it there first: astload rm {}", repo.repo)),
            }),
        }
    }

    /// What the only target holds, and is given.
    pub(crate) async fn held_by_the_only_one(
        &mut self,
        filter: &UnitFilter,
    ) -> Result<(Vec<StoredUnit>, Selection), CannotLoad> {
        let patience = self.patience;
        let Some(target) = self.all.first_mut() else {
            return Err(CannotLoad::new("there is no store to fill"));
        };
        let held = target.held(filter, patience).await.unwrap_or_else(|| Ok(Vec::new()))?;
        Ok((held, target.spec.selection.clone()))
    }

    /// What the targets hold of parts of a (repository, layer). One that does not say is left out: it gets
    /// nothing of that repository, and its report says why.
    ///
    /// # Errors
    /// The last target's, where none says.
    pub(super) async fn holdings(
        &mut self,
        repo: &str,
        layer: &str,
        origin: Origin,
        parts: &Parts,
    ) -> Result<Holdings, Error> {
        let filter = UnitFilter { repo: Some(repo.into()), layer: Some(layer.into()) };
        let patience = self.patience;
        let asked = self.all.iter_mut().map(|target| target.held(&filter, patience));
        let held = join_all(asked).await;
        let mut holdings = Holdings::default();
        let mut unread = None;
        for (lane, held) in held.into_iter().enumerate() {
            let target = &mut self.all[lane];
            match held {
                None => {}
                Some(Ok(mut held)) => {
                    held.retain(|unit| parts.has(Path::new(&unit.name.path)));
                    holdings.add(lane, &target.spec.selection, held, origin);
                }
                Some(Err(error)) => {
                    target.unread.get_or_insert_with(|| BackendError::from(&error));
                    unread = Some(error);
                }
            }
        }
        match unread {
            Some(error) if holdings.is_of_none() => Err(error),
            _ => Ok(holdings),
        }
    }

    /// The greatest generation of each unit of a (repository, layer) in those targets where the numbers
    /// are ours.
    pub(super) async fn generations(&mut self, repo: &str, layer: &str) -> HashMap<UnitId, u64> {
        let filter = UnitFilter { repo: Some(repo.into()), layer: Some(layer.into()) };
        let (patience, mut greatest) = (self.patience, HashMap::new());
        for target in &mut self.all {
            let is_ours = |known: &RepoState| {
                known.repo == repo && known.layer == layer && known.origin == Origin::Ours
            };
            if !target.repos.iter().any(is_ours) {
                continue;
            }
            let Some(Ok(held)) = target.held(&filter, patience).await else { continue };
            for StoredUnit { id, generation, .. } in held {
                let known = greatest.entry(id).or_insert(generation);
                *known = generation.max(*known);
            }
        }
        greatest
    }

    /// The lanes to those that are connected.
    pub(crate) fn lanes(
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
        self.all.iter().enumerate().filter_map(lane).collect()
    }

    /// The lanes to the store that a letter is of; `None` where that does not know the letter's
    /// repository: it would take it for one that nobody has loaded from a directory.
    pub(super) fn lanes_of(&self, stored: &StoredLetter) -> Option<Lanes> {
        let numbered = self.all.iter().enumerate();
        let mut its = numbered.filter(|(_, target)| stored.is_of(&target.key));
        let letter = &stored.letter;
        its.try_fold(0, |lanes, (at, target)| {
            target.may_know(&letter.repo, &letter.layer).then_some(lanes | 1 << at)
        })
    }

    /// What became of each target, given what became of the lanes, the units that each was sent, and
    /// those that it held.
    pub(crate) fn reports(
        &self,
        carried: Carried,
        sent: &Tally,
        held: &Tally,
    ) -> Vec<BackendReport> {
        let Carried { lanes, error } = carried;
        let error = error.map(|error| Error::unexpected(error.to_string()));
        let mut lanes = lanes.into_iter().peekable();
        let report = |(index, target): (usize, &Target)| {
            let lane = lanes.next_if(|(lane, _)| *lane == index).map(|(_, report)| report);
            target.report(lane, error.as_ref(), (sent.of(index), held.of(index)))
        };
        self.all.iter().enumerate().map(report).collect()
    }

    /// What each target holds already, where nothing is written.
    pub(crate) fn reports_of_plan(&self, held: &Tally) -> Vec<BackendReport> {
        let numbered = self.all.iter().enumerate();
        numbered.map(|(index, target)| target.report_of_plan(held.of(index))).collect()
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
        let all = join_all(self.all.iter().map(close));
        if timeout(CLOSING, all).await.is_err() {
            tracing::warn!("a backend is still at work and was not waited for");
        }
    }

    /// Drops the letters of units that are gone from the source: nobody waits for them any more.
    pub(super) async fn drop_letters(&self, letters: &DeadLetters, holdings: &Holdings) {
        for (lane, target) in self.all.iter().enumerate() {
            let gone = holdings.refused_unseen(lane);
            if gone.is_empty() {
                continue;
            }
            match target.letters(letters) {
                Ok(letters) => letters.drop_all(gone).await,
                Err(error) => {
                    tracing::warn!(backend = target.name, %error, "letters of what is gone stay");
                }
            }
        }
    }

    /// What the stores are called in all of astload.
    pub(super) fn keys(&self) -> Vec<String> {
        self.all.iter().map(|target| target.key.clone()).collect()
    }

    /// Where the stores are, as their types name it.
    pub(super) fn places(&self) -> Vec<String> {
        self.all.iter().map(|target| target.place.clone()).collect()
    }
}
