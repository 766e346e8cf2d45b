//! What a user writes to name and configure backends, checked before anything connects.

mod options;
mod url;

pub use options::{OptionsError, parse_options};
pub use url::{BackendUrl, UrlError};
