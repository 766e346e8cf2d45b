//! Whether a loader may have a repository: one rule for every store.
//!
//! Two directories of one name must not become one repository, and what an upstream numbers must not
//! be numbered by astload. A store looks at what it has recorded and records the claim in one step, so
//! that of two loaders who come at the same time the second meets the first.
//!
//! A loader claims a repository before it writes, and once more at the end; then it says what it read.

use std::time::{SystemTime, UNIX_EPOCH};

use serde::{Deserialize, Serialize};

use crate::contract::{Origin, RepoState};
use crate::error::{Error, Result};

/// What a loader needs a (repository, layer) to be before it writes units of it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RepoClaim {
    /// The repository.
    pub repo: String,
    /// The layer.
    pub layer: String,
    /// Where it is read; `None` where there is no such place.
    pub root: Option<String>,
    /// The git remote that it has there, as host/org/name, where that names it.
    #[serde(default)]
    pub remote: Option<String>,
    /// What becomes of the claim where another root is recorded.
    pub other_root: OtherRoot,
    /// Who numbers its generations; [`Origin::Nobody`] leaves that as it is.
    pub origin: Origin,
    /// The greatest generation that the loader knows of.
    pub generation: u64,
    /// The load that has come to its end; `None` leaves what is recorded of the last one.
    #[serde(default)]
    pub ended: Option<Ended>,
}

/// A load that came to its end: all that it read is written.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Ended {
    /// It read the whole repository.
    Whole(LastLoad),
    /// It read a part. Where the rest is of another revision, or not there, the repository has none.
    Part(LastLoad),
}

/// The last load of a (repository, layer) that came to its end.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LastLoad {
    /// When, in microseconds since 1970; whole milliseconds, which every store keeps.
    pub at: u64,
    /// The revision that was read, as far as there is one and one alone.
    pub revision: Option<String>,
}

impl LastLoad {
    /// The end of the year 9999: a time that every store can keep, and show.
    const AT_MAX: u64 = 253_402_300_799_999_000;

    /// What a store has recorded, which has no revision without a time.
    pub(crate) fn recorded(at: Option<u64>, revision: Option<String>) -> Option<Self> {
        at.map(|at| Self { at, revision })
    }

    /// One that ends now. A clock that is before 1970 is taken to be at its beginning.
    pub fn now(revision: Option<String>) -> Self {
        let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        let at = u64::try_from(since.as_millis()).unwrap_or(u64::MAX).saturating_mul(1_000);
        Self { at: at.min(Self::AT_MAX), revision }
    }
}

/// What becomes of a claim where another root is recorded.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum OtherRoot {
    /// It is refused.
    Refuse,
    /// The same, unless the remote that is recorded is the claim's: then it is another checkout of the
    /// same repository, and its root takes the place of the one that is recorded.
    RefuseUnlessSameRemote,
    /// The root that is recorded stays.
    Keep,
    /// The claim's root takes its place: the repository has moved.
    Replace,
}

impl RepoClaim {
    /// What is to be recorded, given what is.
    ///
    /// # Errors
    /// `Misconfigured` where the repository has another root or origin. One that nobody has claimed, or
    /// that was removed since, has neither.
    pub fn over(&self, recorded: Option<&RepoState>) -> Result<RepoState> {
        let Some(recorded) = recorded else {
            let nothing = RepoState::unclaimed(&*self.repo, &*self.layer);
            return Ok(self.claimed_over(&nothing, self.origin, true, self.ended_over(&nothing)));
        };
        let ended = self.ended_over(recorded);
        match (recorded.origin, self.origin) {
            (Origin::Nobody, _) => {
                let takes_root = self.root.is_some();
                // What it wrote was removed meanwhile.
                Ok(self.claimed_over(recorded, self.origin, takes_root, None))
            }
            (_, Origin::Nobody) => Ok(self.claimed_over(recorded, recorded.origin, false, ended)),
            (Origin::Ours, Origin::Ours) | (Origin::Upstream, Origin::Upstream) => {
                let takes_root = self.takes_root(recorded)?;
                Ok(self.claimed_over(recorded, self.origin, takes_root, ended))
            }
            (Origin::Upstream, Origin::Ours) => Err(self.is_pushed()),
            (Origin::Ours, Origin::Upstream) => Err(self.is_numbered_by_us()),
        }
    }

    /// What is recorded, with what the claim says. The remote is that of the root.
    fn claimed_over(
        &self,
        recorded: &RepoState,
        origin: Origin,
        takes_root: bool,
        last_load: Option<LastLoad>,
    ) -> RepoState {
        let place = match takes_root {
            true => (&self.root, &self.remote),
            false => (&recorded.root, &recorded.remote),
        };
        RepoState {
            repo: self.repo.clone(),
            layer: self.layer.clone(),
            root: place.0.clone(),
            remote: place.1.clone(),
            origin,
            generation: self.generation.max(recorded.generation),
            last_load,
            units: 0,
        }
    }

    /// What the last load is from now on.
    fn ended_over(&self, recorded: &RepoState) -> Option<LastLoad> {
        let before = recorded.last_load.as_ref();
        match &self.ended {
            None => before.cloned(),
            Some(Ended::Whole(load)) => Some(load.clone()),
            Some(Ended::Part(load)) => {
                let of_the_rest = before.and_then(|before| before.revision.as_ref());
                let revision = load.revision.clone().filter(|own| of_the_rest == Some(own));
                Some(LastLoad { revision, at: load.at })
            }
        }
    }

    /// Whether the claim's root takes the place of the one that is recorded.
    fn takes_root(&self, recorded: &RepoState) -> Result<bool> {
        let Some(root) = &self.root else { return Ok(false) };
        let is_same = recorded.root.as_ref() == Some(root);
        let has_same_remote = self.remote.is_some() && self.remote == recorded.remote;
        match self.other_root {
            OtherRoot::Replace => Ok(true),
            OtherRoot::Keep => Ok(recorded.root.is_none()),
            OtherRoot::RefuseUnlessSameRemote if is_same || has_same_remote => Ok(true),
            OtherRoot::Refuse if is_same => Ok(true),
            OtherRoot::Refuse | OtherRoot::RefuseUnlessSameRemote => {
                let (repo, other) = (&self.repo, recorded.root.as_deref().unwrap_or("a stream"));
                let message = format!("{repo} was loaded from {other}, this is {root}");
                Err(Error::misconfigured(message).with_hint(match has_same_remote {
                    true => "another checkout of it was loaded meanwhile; load this one again",
                    false => "if it is the same repository, add --root-moved; if not, --repo NAME",
                }))
            }
        }
    }

    fn is_pushed(&self) -> Error {
        let repo = &self.repo;
        let message = format!("{repo} is pushed by an upstream, with its own generations");
        Error::misconfigured(message).with_hint(format!(
            "load it under another name: --repo NAME; or remove it first: astload rm {repo}"
        ))
    }

    fn is_numbered_by_us(&self) -> Error {
        let repo = &self.repo;
        let message =
            format!("the generations of {repo} are given by astload, these have their own");
        Error::misconfigured(message)
            .with_hint(format!("push it under another name, or remove it first: astload rm {repo}"))
    }
}

impl Origin {
    /// The word that stores keep for it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Ours => "ours",
            Self::Upstream => "upstream",
            Self::Nobody => "nobody",
        }
    }

    /// The origin of a word that a store keeps; what it does not know, nobody numbers.
    pub fn of_name(name: &str) -> Self {
        let all = [Self::Ours, Self::Upstream];
        all.into_iter().find(|origin| origin.name() == name).unwrap_or(Self::Nobody)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::ErrorKind;

    fn recorded(origin: Origin, root: Option<&str>) -> RepoState {
        let root = root.map(str::to_owned);
        RepoState { root, origin, generation: 5, units: 3, ..RepoState::unclaimed("r", "ast") }
    }

    fn claim(origin: Origin, root: Option<&str>, other_root: OtherRoot) -> RepoClaim {
        RepoClaim {
            repo: "r".into(),
            layer: "ast".into(),
            root: root.map(str::to_owned),
            remote: None,
            other_root,
            origin,
            generation: 3,
            ended: None,
        }
    }

    fn load(at: u64, revision: Option<&str>) -> LastLoad {
        LastLoad { at, revision: revision.map(str::to_owned) }
    }

    #[test]
    fn a_claim_keeps_what_is_recorded_and_is_refused_where_that_is_another() {
        use Origin::{Nobody, Ours, Upstream};
        use OtherRoot::{Keep, Refuse, Replace};
        let table = [
            // Recorded, claimed, and what is recorded then.
            ((Nobody, None), (Ours, Some("/a"), Refuse), Some((Ours, Some("/a")))),
            ((Nobody, None), (Upstream, None, Refuse), Some((Upstream, None))),
            ((Ours, Some("/a")), (Ours, Some("/a"), Refuse), Some((Ours, Some("/a")))),
            ((Ours, Some("/a")), (Ours, None, Refuse), Some((Ours, Some("/a")))),
            ((Ours, Some("/a")), (Ours, Some("/b"), Keep), Some((Ours, Some("/a")))),
            ((Ours, None), (Ours, Some("/b"), Keep), Some((Ours, Some("/b")))),
            ((Ours, Some("/a")), (Ours, Some("/b"), Replace), Some((Ours, Some("/b")))),
            ((Ours, Some("/a")), (Nobody, None, Refuse), Some((Ours, Some("/a")))),
            ((Ours, Some("/a")), (Ours, Some("/b"), Refuse), None),
            ((Ours, None), (Ours, Some("/b"), Refuse), None),
            ((Upstream, None), (Ours, Some("/b"), Replace), None),
            ((Ours, Some("/a")), (Upstream, None, Refuse), None),
        ];
        for ((origin, root), (claimed, its_root, other), expected) in table {
            let recorded = recorded(origin, root);
            let over = claim(claimed, its_root, other).over(Some(&recorded));
            let case = format!("{recorded:?} claimed by {claimed:?} {its_root:?} {other:?}");
            match (over, expected) {
                (Ok(state), Some((origin, root))) => {
                    let found = (state.origin, state.root.as_deref(), state.generation);
                    assert_eq!(found, (origin, root, 5), "{case}");
                }
                (Err(error), None) => assert_eq!(error.kind, ErrorKind::Misconfigured, "{case}"),
                (over, _) => panic!("{case}: {over:?}"),
            }
        }
    }

    #[test]
    fn another_checkout_of_the_same_remote_takes_the_place_of_the_root() {
        use OtherRoot::{Keep, Refuse, RefuseUnlessSameRemote, Replace};
        let table = [
            // The remote that is recorded, the claim's, and the place that is recorded then.
            (Some("h/x"), Some("h/x"), RefuseUnlessSameRemote, Some(("/b", Some("h/x")))),
            (Some("h/x"), Some("h/x"), Refuse, None),
            (Some("h/x"), Some("h/y"), RefuseUnlessSameRemote, None),
            (Some("h/x"), None, RefuseUnlessSameRemote, None),
            (None, Some("h/x"), RefuseUnlessSameRemote, None),
            (None, None, RefuseUnlessSameRemote, None),
            (Some("h/x"), None, Replace, Some(("/b", None))),
            (Some("h/x"), Some("h/y"), Keep, Some(("/a", Some("h/x")))),
        ];
        for (known, its, other, expected) in table {
            let of = |remote: Option<&str>| remote.map(str::to_owned);
            let known = RepoState { remote: of(known), ..recorded(Origin::Ours, Some("/a")) };
            let claim = RepoClaim { remote: of(its), ..claim(Origin::Ours, Some("/b"), other) };
            let over = claim.over(Some(&known)).ok();
            let place =
                over.as_ref().map(|s| (s.root.as_deref().unwrap_or("none"), s.remote.as_deref()));
            assert_eq!(place, expected, "{known:?} {claim:?}");
        }
    }

    #[test]
    fn a_load_of_a_part_keeps_the_revision_only_where_the_rest_has_it_too() {
        let old = load(1, Some("old"));
        let table = [
            (Some(old.clone()), None, Some(old.clone())),
            (Some(old.clone()), Some(Ended::Whole(load(2, None))), Some(load(2, None))),
            (None, Some(Ended::Whole(load(2, Some("new")))), Some(load(2, Some("new")))),
            (
                Some(old.clone()),
                Some(Ended::Part(load(2, Some("old")))),
                Some(load(2, Some("old"))),
            ),
            (Some(old), Some(Ended::Part(load(2, Some("new")))), Some(load(2, None))),
            (None, Some(Ended::Part(load(2, Some("new")))), Some(load(2, None))),
        ];
        for (last_load, ended, expected) in table {
            let known = RepoState { last_load, ..recorded(Origin::Ours, Some("/a")) };
            let claim = claim(Origin::Ours, Some("/a"), OtherRoot::Refuse);
            let over = RepoClaim { ended, ..claim }.over(Some(&known)).expect("claimed");
            assert_eq!(over.last_load, expected, "{known:?}");
        }
    }

    #[test]
    fn a_load_is_not_recorded_whose_repository_was_removed_meanwhile() {
        let ended = Some(Ended::Whole(load(2, Some("new"))));
        let claim = RepoClaim { ended, ..claim(Origin::Ours, Some("/a"), OtherRoot::Refuse) };
        let removed = recorded(Origin::Nobody, None);
        assert_eq!(claim.over(Some(&removed)).expect("claimed").last_load, None);
        assert!(claim.over(None).expect("claimed").last_load.is_some());
    }

    #[test]
    fn who_is_refused_is_told_the_root_that_is_recorded() {
        let known = recorded(Origin::Ours, Some("/a"));
        let refused = claim(Origin::Ours, Some("/b"), OtherRoot::Refuse).over(Some(&known));
        let error = refused.expect_err("another root");
        assert_eq!(error.message, "r was loaded from /a, this is /b");
    }
}
