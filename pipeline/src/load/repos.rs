//! What a load knows of the repositories that it has met, and how it claims them.

use std::collections::HashMap;
use std::path::Path;

use astload_backends::{Origin, OtherRoot, RepoClaim};

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
