//! The type `sqlite`.

use std::path::{Path, PathBuf};
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
        Ok(place_of(self.options(options)?.path).to_string_lossy().into_owned())
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
                Access::Drop => Some(Writer::start(Store::new(open::for_dropping(&options)?))?),
            };
            let reader = open::for_reading(&options, config.access)?;
            let info = BackendInfo {
                type_name: NAME.into(),
                version: rusqlite::version().into(),
                capabilities: CAPABILITIES,
                preferred_rows: PREFERRED_ROWS,
            };
            let reader = Arc::new(Mutex::new(Some(reader)));
            Ok(Sqlite { info, access: config.access, writer, reader, selection: config.selection })
        };
        let connected = tokio::task::spawn_blocking(connect).await;
        let backend =
            connected.map_err(|error| Error::unexpected(format!("connecting died: {error}")))??;
        Ok(Arc::new(backend))
    }
}

/// Links that lead on to links, as the system follows them.
const LINKS_MAX: usize = 40;

/// The file that SQLite opens by this name, also where it is still to be made: then perhaps at the end of
/// a link.
fn place_of(mut path: PathBuf) -> PathBuf {
    for _ in 0..LINKS_MAX {
        if let Ok(place) = path.canonicalize() {
            return place;
        }
        let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty());
        let folder = folder.unwrap_or(Path::new(".")).canonicalize();
        let (Ok(folder), Some(name)) = (folder, path.file_name()) else { return path };
        let place = folder.join(name);
        match place.read_link() {
            Ok(target) => path = folder.join(target),
            Err(_) => return place,
        }
    }
    path
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::symlink;

    use super::*;

    #[test]
    fn a_store_has_one_place_however_it_is_called() {
        let folder = tempfile::tempdir().expect("a folder");
        let at = |name: &str| folder.path().join(name);
        std::fs::create_dir(at("sub")).expect("a folder");
        symlink(at("sub"), at("link")).expect("a link");
        symlink("sub/a.db", at("to-file")).expect("a link");
        symlink("to-file", at("to-link")).expect("a link");
        let place = place_of(at("sub/a.db"));
        for is_there in [false, true] {
            if is_there {
                std::fs::write(at("sub/a.db"), "").expect("written");
            }
            for name in ["link/a.db", "sub/./a.db", "sub/../link/a.db", "to-file", "to-link"] {
                assert_eq!(place_of(at(name)), place, "{name}, there: {is_there}");
            }
            assert_ne!(place_of(at("sub/b.db")), place);
        }
        symlink("round", at("round")).expect("a link");
        place_of(at("round"));
    }
}
