//! What is registered for a type, and what a backend is made from.

use std::fmt::{self, Debug};
use std::sync::Arc;

use astload_config::BackendUrl;
use astload_model::SelectionRules;
use async_trait::async_trait;
use serde::Serialize;
use serde_json::Value;

use crate::contract::{Backend, Capabilities};
use crate::error::{Error, Result};

/// A type of backend.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct TypeInfo {
    /// Its name, which is also a URL's scheme.
    pub name: &'static str,
    /// Other schemes that its URLs are written with.
    pub schemes: &'static [&'static str],
    /// Its version.
    pub version: &'static str,
    /// What it is, in one line.
    pub summary: &'static str,
    /// An example of a URL.
    pub example: &'static str,
    /// What its backends can.
    pub capabilities: Capabilities,
}

/// What a backend may do to its store.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Access {
    /// Everything; the schema is made and migrated.
    Write,
    /// Reading alone; a store that is not there is an error.
    Read,
    /// Dropping what is there, also of an older version; nothing is made.
    Drop,
}

impl Access {
    /// Refuses what changes rows.
    ///
    /// # Errors
    /// Where the store is open for something else.
    pub fn check_write(self) -> Result<()> {
        match self {
            Self::Write => Ok(()),
            Self::Read => Err(Error::misconfigured("the store is open for reading only")),
            Self::Drop => Err(Error::misconfigured("the store is open to be dropped only")),
        }
    }

    /// Refuses what drops the store.
    ///
    /// # Errors
    /// Where it is open for reading alone.
    pub fn check_drop(self) -> Result<()> {
        match self {
            Self::Write | Self::Drop => Ok(()),
            Self::Read => self.check_write(),
        }
    }
}

/// What a backend is made from. Its options may hold secrets: `Debug` does not show them.
#[derive(Clone)]
pub struct BackendConfig {
    /// The options that its type takes.
    pub options: Value,
    /// What it may do.
    pub access: Access,
    /// The digest of the selection that narrows what it is given.
    pub selection: Option<u64>,
}

impl Debug for BackendConfig {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { options: _, access, selection } = self;
        let mut shown = f.debug_struct("BackendConfig");
        shown.field("access", access).field("selection", selection).finish_non_exhaustive()
    }
}

/// Makes backends of a type.
#[async_trait]
pub trait BackendFactory: Debug + Send + Sync + 'static {
    /// What the type is called and can.
    fn info(&self) -> TypeInfo;

    /// What of the units its backends are given where nobody says.
    fn selection(&self) -> SelectionRules {
        SelectionRules::default()
    }

    /// The JSON Schema of the options.
    fn options_schema(&self) -> Value;

    /// Secrets that its backends have from elsewhere than these options: the environment, or a file
    /// that is known by its name. Like those of the options, no error has them in it.
    fn secrets(&self, _options: &Value) -> Vec<String> {
        Vec::new()
    }

    /// The options that a URL stands for.
    fn options_from_url(&self, url: &BackendUrl) -> Result<Value>;

    /// Names the place of the store, the same however it is written, so that no load writes one
    /// store through two lanes. It may hold what the options hold: of a store whose options have
    /// secrets, people are shown a digest of it.
    fn place(&self, options: &Value) -> Result<String>;

    /// The statements that make a new store with all of its indexes, for somebody else to run; none
    /// where a store needs none. Connects to nothing.
    fn schema(&self, options: &Value) -> Result<Vec<String>>;

    /// Whether there is a store already; changes nothing.
    async fn exists(&self, options: &Value) -> Result<bool>;

    /// Connects, prepares the store, and proves that it answers; or leaves nothing behind.
    async fn connect(&self, config: BackendConfig) -> Result<Arc<dyn Backend>>;
}
