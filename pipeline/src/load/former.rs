//! What a store holds of the directory of a load under another name.
//!
//! A directory is called by its git remote once it has one. What was loaded under the name of its folder
//! before would stay beside what is loaded now, so it is refused, or removed where somebody asks for it:
//! once the store has all of the repository under the new name, and not before. Whatever ends the load
//! until then, the same one again comes to the same end.

use std::path::Path;

use astload_backends::{Origin, RepoState};
use serde::Serialize;

use super::report::BackendError;
use super::{CannotLoad, Input, Load, LoadProblem, Targets};
use crate::source::directory::{Checkout, LAYER, folder_name};

/// A repository that was removed, for it is held under another name.
#[derive(Debug, Clone, Serialize)]
pub struct Renamed {
    /// The backend.
    pub backend: String,
    /// What it was called.
    pub from: String,
    /// What it is called.
    pub to: String,
    /// Units that were removed.
    pub units: u64,
}

/// What a store holds of the same directory, under the name of the folder.
fn former<'a>(repos: &'a [RepoState], checkout: &Checkout) -> Option<&'a RepoState> {
    let name = folder_name(&checkout.root);
    let root = checkout.root.to_string_lossy();
    repos.iter().find(|known| {
        is_from(known, &root)
            && known.repo == name
            && known.repo != checkout.repo
            && known.remote.is_none()
    })
}

fn is_from(known: &RepoState, root: &str) -> bool {
    known.layer == LAYER && known.origin == Origin::Ours && known.root.as_deref() == Some(root)
}

/// Whether it is another layer of the same repository, which somebody has.
fn is_beside(known: &RepoState, former: &RepoState) -> bool {
    let is_there = known.origin != Origin::Nobody || known.units > 0;
    known.repo == former.repo && known.layer != former.layer && is_there
}

impl Targets {
    /// Refuses a directory whose repository a store holds under another name, before anything is written,
    /// unless that is to be removed and may be.
    pub(super) fn check_names(&self, inputs: &[Input], rename: bool) -> Result<(), CannotLoad> {
        for input in inputs {
            let Input::Directory(checkout) = input else { continue };
            if checkout.remote.is_none() && !rename {
                continue;
            }
            let (now, root) = (&checkout.repo, checkout.root.display());
            for target in self.iter() {
                let Some(former) = former(&target.repos, checkout) else { continue };
                let (store, name) = (&target.name, &former.repo);
                if !rename {
                    let message = format!(
                        "{store} holds {root} as {name}, and its git remote calls it {now}"
                    );
                    let hint = format!(
                        "--rename loads it as {now} and removes {name}; --repo '{name}' keeps the name"
                    );
                    return Err(CannotLoad { message, hint: Some(hint) });
                }
                if let Some(other) = target.repos.iter().find(|known| is_beside(known, former)) {
                    let layer = &other.layer;
                    let message =
                        format!("{store} holds a layer {layer} of {name}, which would be lost");
                    let hint = format!(
                        "push it as {now}, load {root} with --repo '{now}', then astload rm {name}"
                    );
                    return Err(CannotLoad { message, hint: Some(hint) });
                }
            }
        }
        Ok(())
    }

    /// What a user may want to know of parts that a store holds as repositories of their own, too, as they
    /// were loaded by earlier versions.
    pub(super) fn hints(&self, inputs: &[Input]) -> Vec<String> {
        let mut hints = Vec::new();
        for input in inputs {
            let Input::Directory(checkout) = input else { continue };
            for target in self.iter() {
                let is_part = |known: &&RepoState| {
                    let root = known.root.as_deref().map(Path::new);
                    let below = root.and_then(|root| root.strip_prefix(&checkout.root).ok());
                    let is_own = known.layer == LAYER && known.origin == Origin::Ours;
                    is_own
                        && below.is_some_and(|below| {
                            below != Path::new("") && checkout.parts.is_one(below)
                        })
                        && known.repo != checkout.repo
                };
                hints.extend(target.repos.iter().filter(is_part).map(|known| {
                    let (name, root) = (&known.repo, known.root.as_deref().unwrap_or_default());
                    format!(
                        "{} holds {root} as a repository of its own, {name}, too; if that is not wanted \
                         any more: astload rm {name}",
                        target.name
                    )
                }));
            }
        }
        hints
    }
}

impl Load<'_> {
    /// Removes what the targets that have all of a repository hold of it under its former name.
    pub(super) async fn remove_former(&mut self, checkout: &Checkout) {
        for (at, target) in self.targets.iter().enumerate() {
            let units = self.report.backends[at].units;
            let has_all = self.report.backends[at].is_complete();
            let Ok(Some(backend)) = &target.backend else { continue };
            let (Some(reader), Some(admin), true) = (backend.reader(), backend.admin(), has_all)
            else {
                continue;
            };
            let terms = target.spec.terms(self.options.lanes.patience, self.cancelled);
            // Somebody may have loaded another directory under that name meanwhile.
            let repos = match terms.patiently("listing repositories", || reader.repos()).await {
                Ok(repos) => repos,
                Err(error) => {
                    self.report.backends[at].error = Some(BackendError::from(&error));
                    continue;
                }
            };
            let Some(former) = former(&repos, checkout) else { continue };
            let held = units.written + units.skipped + units.superseded;
            if former.units > 2 * held && !self.options.allow_mass_delete {
                self.report.withheld += former.units;
                self.report.problems.push(withheld(former, &checkout.repo, held));
                continue;
            }
            let remove = || admin.remove(&former.repo, None);
            match terms.patiently("removing the former name", remove).await {
                Ok(receipt) => {
                    // What the store refused of it would come back by a replay.
                    let letters = &self.options.lanes.letters;
                    if let Err(error) = letters.remove_of(&target.key, &former.repo, None) {
                        tracing::warn!(backend = target.name, %error, "dead letters stay");
                    }
                    self.report.renamed.push(Renamed {
                        backend: target.name.clone(),
                        from: former.repo.clone(),
                        to: checkout.repo.clone(),
                        units: receipt.deleted,
                    });
                }
                Err(error) => self.report.backends[at].error = Some(BackendError::from(&error)),
            }
        }
    }
}

fn withheld(former: &RepoState, now: &str, held: u64) -> LoadProblem {
    let message = format!("kept its {} units, for {now} has only {held}", former.units);
    let problem = LoadProblem::of_repo("withheld", &former.repo, message);
    problem.with_hint("--allow-mass-delete removes it")
}
