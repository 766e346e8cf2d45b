//! What a load knows of the repositories that it has met.

use std::collections::HashMap;

use astload_backends::Origin;

use crate::holdings::Holdings;

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
