//! Whether a loader may have a repository: one rule for every store.
//!
//! Two directories of one name must not become one repository, and what an upstream numbers must not
//! be numbered by astload. A store looks at what it has recorded and records the claim in one step, so
//! that of two loaders who come at the same time the second meets the first.

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
    /// What becomes of the claim where another root is recorded.
    pub other_root: OtherRoot,
    /// Who numbers its generations; [`Origin::Nobody`] leaves that as it is.
    pub origin: Origin,
    /// The greatest generation that the loader knows of.
    pub generation: u64,
}

/// What becomes of a claim where another root is recorded.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum OtherRoot {
    /// It is refused.
    Refuse,
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
        let claimed = RepoState {
            repo: self.repo.clone(),
            layer: self.layer.clone(),
            root: self.root.clone(),
            origin: self.origin,
            generation: self.generation,
            units: 0,
        };
        let Some(recorded) = recorded else { return Ok(claimed) };
        let generation = self.generation.max(recorded.generation);
        let (origin, root) = match (recorded.origin, self.origin) {
            (Origin::Nobody, _) => (self.origin, self.root.clone().or(recorded.root.clone())),
            (_, Origin::Nobody) => (recorded.origin, recorded.root.clone()),
            (Origin::Ours, Origin::Ours) | (Origin::Upstream, Origin::Upstream) => {
                (self.origin, self.root_over(recorded.root.as_deref())?)
            }
            (Origin::Upstream, Origin::Ours) => return Err(self.is_pushed()),
            (Origin::Ours, Origin::Upstream) => return Err(self.is_numbered_by_us()),
        };
        Ok(RepoState { root, origin, generation, ..claimed })
    }

    fn root_over(&self, recorded: Option<&str>) -> Result<Option<String>> {
        let Some(root) = &self.root else { return Ok(recorded.map(str::to_owned)) };
        match (self.other_root, recorded) {
            (OtherRoot::Replace, _) => Ok(Some(root.clone())),
            (OtherRoot::Keep, recorded) => Ok(Some(recorded.unwrap_or(root).to_owned())),
            (OtherRoot::Refuse, Some(recorded)) if recorded == root => Ok(Some(root.clone())),
            (OtherRoot::Refuse, recorded) => {
                let (repo, recorded) = (&self.repo, recorded.unwrap_or("a stream"));
                let message = format!("{repo} was loaded from {recorded}, this is {root}");
                Err(Error::misconfigured(message).with_hint(
                    "if it is the same repository, add --root-moved; if not, --repo NAME",
                ))
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
        let (repo, layer) = ("r".into(), "ast".into());
        RepoState { repo, layer, root, origin, generation: 5, units: 3 }
    }

    fn claim(origin: Origin, root: Option<&str>, other_root: OtherRoot) -> RepoClaim {
        let root = root.map(str::to_owned);
        RepoClaim { repo: "r".into(), layer: "ast".into(), root, other_root, origin, generation: 3 }
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
    fn who_is_refused_is_told_the_root_that_is_recorded() {
        let known = recorded(Origin::Ours, Some("/a"));
        let refused = claim(Origin::Ours, Some("/b"), OtherRoot::Refuse).over(Some(&known));
        let error = refused.expect_err("another root");
        assert_eq!(error.message, "r was loaded from /a, this is /b");
    }
}
