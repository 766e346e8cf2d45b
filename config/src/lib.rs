//! What a user writes to name and configure backends, checked before anything connects.
//!
//! [`Config::read`] reads a YAML file: it either gives settings that cannot be wrong, or all
//! [`Problems`] at once, each at its line and column. What comes from the environment or from files
//! of their own is a secret: no problem, snippet, `Debug` or effective configuration has it.

mod check;
mod config;
mod options;
mod problem;
mod quantity;
mod read;
mod regular;
mod schema;
mod secrets;
mod settings;
mod snippet;
mod source;
mod url;
mod words;
mod yaml;

pub use config::{CannotRead, Config};
pub use options::{OptionsError, parse_options};
pub use problem::{Problem, Problems};
pub use read::Environment;
pub use regular::{open_regular, open_regular_with, read_regular};
pub use schema::{BACKEND_FIELDS, FileSchema, SchemaError, TypeSchema};
pub use secrets::Secrets;
pub use settings::{
    BackendName, BackendSettings, BatchSettings, BreakerRules, Concurrency, Durability,
    HealthSettings, NameError, Options, RetryBudgetSettings, RetrySettings, WriteSettings,
};
pub use url::{BackendUrl, UrlError};
pub use words::suggestion;
