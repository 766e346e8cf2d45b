//! The type `sqlite`.

use std::path::Path;
use std::sync::{Arc, Mutex};

use astload_config::{BackendUrl, parse_options};
use async_trait::async_trait;
use serde_json::{Map, Value};

use super::schema::{APPLICATION_ID, INDEXES, TABLES_AND_VIEWS, VERSION};
use super::write::Store;
use super::writer::Writer;
use super::{CAPABILITIES, PREFERRED_ROWS, Sqlite, SqliteOptions, open};
use crate::contract::{Backend, BackendInfo};
use crate::error::{Error, Result};
use crate::factory::{Access, BackendConfig, BackendFactory, TypeInfo};

const NAME: &str = "sqlite";

/// Makes SQLite backends.
#[derive(Debug, Clone, Copy)]
pub struct SqliteFactory;

impl SqliteFactory {
    fn options(&self, options: &Value) -> Result<SqliteOptions> {
        parse_options(options, &self.options_schema())
            .map_err(|error| Error::misconfigured(format!("{NAME}: {error}")))
    }
}

#[async_trait]
impl BackendFactory for SqliteFactory {
    fn info(&self) -> TypeInfo {
        TypeInfo {
            name: NAME,
            schemes: &[],
            version: env!("CARGO_PKG_VERSION"),
            summary: "a file on this machine, embedded",
            example: "sqlite:code.db?durability=full",
            capabilities: CAPABILITIES,
        }
    }

    fn options_schema(&self) -> Value {
        schemars::schema_for!(SqliteOptions).to_value()
    }

    fn options_from_url(&self, url: &BackendUrl) -> Result<Value> {
        let path = url.place();
        if path.is_empty() {
            return Err(Error::misconfigured(format!("{url} names no file"))
                .with_hint("write e.g. sqlite:code.db"));
        }
        if path == ":memory:" {
            return Err(Error::misconfigured("a store in memory would end with the load")
                .with_hint("name a file: sqlite:code.db"));
        }
        if path.starts_with("//") {
            return Err(Error::misconfigured(format!("{url} names a host; SQLite is a file here"))
                .with_hint("write sqlite:code.db or sqlite:/absolute/code.db"));
        }
        let mut options = Map::new();
        options.insert("path".into(), path.into());
        for (key, value) in url.options() {
            let number = value.parse::<u64>().map(Value::from);
            options.insert(key.clone(), number.unwrap_or_else(|_| value.as_str().into()));
        }
        self.options(&Value::Object(options.clone()))?;
        Ok(Value::Object(options))
    }

    fn place(&self, options: &Value) -> Result<String> {
        let path = self.options(options)?.path;
        let place = path.canonicalize().or_else(|error| {
            let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty());
            let folder = folder.unwrap_or(Path::new(".")).canonicalize()?;
            Ok::<_, std::io::Error>(folder.join(path.file_name().ok_or(error)?))
        });
        Ok(place.unwrap_or(path).to_string_lossy().into_owned())
    }

    fn schema(&self, options: &Value) -> Result<Vec<String>> {
        self.options(options)?;
        let pragmas = [("application_id", APPLICATION_ID), ("user_version", VERSION)];
        let pragmas = pragmas.map(|(name, value)| format!("PRAGMA {name} = {value}"));
        Ok([TABLES_AND_VIEWS]
            .iter()
            .chain(&INDEXES)
            .map(|part| (*part).to_owned())
            .chain(pragmas)
            .collect())
    }

    async fn exists(&self, options: &Value) -> Result<bool> {
        let path = self.options(options)?.path;
        open::check_folder(&path)?;
        Ok(path.exists())
    }

    async fn connect(&self, config: BackendConfig) -> Result<Arc<dyn Backend>> {
        let options = self.options(&config.options)?;
        let connect = move || -> Result<Sqlite> {
            let writer = match config.access {
                Access::Read => None,
                Access::Write => Some(Writer::start(Store::new(open::for_writing(&options)?))?),
            };
            let reader = open::for_reading(&options)?;
            let info = BackendInfo {
                type_name: NAME.into(),
                version: rusqlite::version().into(),
                capabilities: CAPABILITIES,
                preferred_rows: PREFERRED_ROWS,
            };
            let reader = Arc::new(Mutex::new(Some(reader)));
            Ok(Sqlite { info, writer, reader, selection: config.selection })
        };
        let connected = tokio::task::spawn_blocking(connect).await;
        let backend =
            connected.map_err(|error| Error::unexpected(format!("connecting died: {error}")))??;
        Ok(Arc::new(backend))
    }
}
