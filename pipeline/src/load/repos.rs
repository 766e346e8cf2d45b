//! What a load knows of the repositories that it has met, and how it claims them.

use std::collections::HashMap;

use astload_backends::{Origin, OtherRoot, RepoClaim};

use super::ended::Named;
use crate::generation;
use crate::holdings::Holdings;
use crate::source::directory::{Checkout, LAYER};

/// By name and layer.
pub(super) type Repos = HashMap<(String, String), Known>;

/// What is known of a (repository, layer).
pub(super) struct Known {
    /// Who numbers its generations.
    pub(super) origin: Origin,
    /// Why no stream may add to it.
    pub(super) closed: Option<&'static str>,
    /// Read when a unit of it is first met.
    pub(super) holdings: Option<Holdings>,
    /// The greatest generation that any target has seen or this load has given.
    pub(super) greatest: u64,
    /// What a stream claimed it as.
    pub(super) claim: Option<RepoClaim>,
    /// The revision that a stream's units name.
    pub(super) named: Named,
}

impl Known {
    /// One that was not met before.
    pub(super) fn of(origin: Origin, greatest: u64) -> Self {
        let (closed, holdings, claim, named) = (None, None, None, Named::default());
        Self { origin, closed, holdings, greatest, claim, named }
    }

    /// The generation of what comes next: a later line of a stream, or all of a directory. `None` where
    /// there is none left.
    pub(super) fn next_generation(&mut self) -> Option<u64> {
        let next = generation::next(self.greatest)?;
        self.greatest = next;
        Some(next)
    }
}

/// What a directory is claimed as; without the root, two of one name would become one.
pub(super) fn claim(checkout: &Checkout, root_moved: bool, generation: u64) -> RepoClaim {
    RepoClaim {
        repo: checkout.repo.clone(),
        layer: LAYER.to_owned(),
        root: Some(checkout.root.to_string_lossy().into_owned()),
        remote: checkout.remote.clone(),
        other_root: match root_moved {
            true => OtherRoot::Replace,
            false => OtherRoot::RefuseUnlessSameRemote,
        },
        origin: Origin::Ours,
        generation,
        ended: None,
    }
}
