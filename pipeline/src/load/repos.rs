//! What a load knows of the repositories that it has met, and how it claims them.

use std::collections::HashMap;
use std::path::Path;

use astload_backends::{Origin, OtherRoot, RepoClaim};

use crate::generation;
use crate::holdings::Holdings;
use crate::source::directory::LAYER;

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
}

impl Known {
    /// The generation of what comes next: a later line of a stream, or all of a directory. `None` where
    /// there is none left.
    pub(super) fn next_generation(&mut self) -> Option<u64> {
        let next = generation::next(self.greatest)?;
        self.greatest = next;
        Some(next)
    }
}

/// What a directory is claimed as; without the root, two of one name would become one.
pub(super) fn claim(root: &Path, repo: &str, root_moved: bool, generation: u64) -> RepoClaim {
    RepoClaim {
        repo: repo.to_owned(),
        layer: LAYER.to_owned(),
        root: Some(root.to_string_lossy().into_owned()),
        other_root: if root_moved { OtherRoot::Replace } else { OtherRoot::Refuse },
        origin: Origin::Ours,
        generation,
    }
}
