//! A configuration as a whole.

use std::fs::File;
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use serde_json::{Map, Value};

use crate::problem::Problems;
use crate::read::{self, Environment, FILE_BYTES_MAX};
use crate::schema::FileSchema;
use crate::settings::BackendSettings;
use crate::yaml::to_yaml;

/// What a user configured.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Config {
    /// The backends, in the order of the files.
    pub backends: Vec<BackendSettings>,
    pub(crate) effective: Value,
}

/// Why there is no configuration.
#[derive(Debug, thiserror::Error)]
pub enum CannotRead {
    /// The file itself cannot be read.
    #[error("reading {}: {source}", path.display())]
    File {
        /// The file.
        path: PathBuf,
        /// What stands in the way.
        source: io::Error,
    },
    /// It is read, and something is wrong with it.
    #[error("{0}")]
    Problems(Problems),
}

impl Config {
    /// Reads a file with all that it includes and refers to; connects to nothing. The file itself may
    /// be a pipe, as `<(command)` is: it is read up to a bound. What it refers to has to be regular.
    ///
    /// # Errors
    /// Where the file cannot be read, or something is wrong with it.
    pub fn read(path: &Path, schema: &FileSchema) -> Result<Self, CannotRead> {
        let mut text = Vec::new();
        let limit = FILE_BYTES_MAX as u64 + 4;
        let read = File::open(path).and_then(|file| file.take(limit).read_to_end(&mut text));
        read.map_err(|source| CannotRead::File { path: path.to_owned(), source })?;
        let environment = |name: &str| std::env::var_os(name);
        Self::parse(path, &text, schema, &environment).map_err(CannotRead::Problems)
    }

    /// The same, of a main file that has this text, in this environment.
    ///
    /// # Errors
    /// Where something is wrong with it.
    pub fn parse(
        path: &Path,
        text: &[u8],
        schema: &FileSchema,
        environment: Environment<'_>,
    ) -> Result<Self, Problems> {
        read::read(path, text, schema, environment)
    }

    /// What holds, as it could be written: defaults merged, references as they are, and `***` for
    /// secrets.
    pub fn effective(&self) -> &Value {
        &self.effective
    }

    /// The same as YAML.
    pub fn effective_yaml(&self) -> String {
        self.effective.as_object().map_or_else(String::new, |fields: &Map<_, _>| to_yaml(fields))
    }
}
