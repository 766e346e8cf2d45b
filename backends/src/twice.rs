//! Options that a URL may hold, too: who says both leaves it open which counts.

use crate::error::{Error, Result};

/// What an option is, of itself and of what the URL says.
pub(crate) fn once(
    type_name: &str,
    option: &str,
    beside: Option<&str>,
    within: Option<&str>,
) -> Result<Option<String>> {
    match (beside, within) {
        (Some(_), Some(_)) => Err(Error::misconfigured(format!(
            "{type_name}: `{option}` is given twice: by itself, and in `url`"
        ))
        .with_hint("leave one of them out; none counts more than the other")),
        (one, other) => Ok(one.or(other).map(str::to_owned)),
    }
}
