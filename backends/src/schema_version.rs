//! Whether a store's schema is the one that this build reads and writes. There are no steps from one
//! to the next: what another astload wrote is refused, and never misread.

use std::cmp::Ordering;
use std::fmt::Display;

use crate::error::{Error, Result};
use crate::factory::Access;

/// Refuses a store whose schema has another version than the known one. An older one may be dropped.
pub(crate) fn check<V: Ord + Display>(
    store: &str,
    version: V,
    known: V,
    access: Access,
) -> Result<()> {
    let hint = match version.cmp(&known) {
        Ordering::Equal => return Ok(()),
        Ordering::Greater => "it was written by a newer astload: use that, or another store",
        Ordering::Less if access == Access::Drop => return Ok(()),
        Ordering::Less => {
            "it was written by an older astload: load into another store, or drop it: astload schema drop"
        }
    };
    let message = format!("{store} has schema version {version}, this astload knows {known}");
    Err(Error::misconfigured(message).with_hint(hint))
}
