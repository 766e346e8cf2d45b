//! The type `postgres`.

use std::sync::Arc;

use astload_config::{BackendUrl, parse_options};
use async_trait::async_trait;
use serde_json::{Map, Value};

use super::conninfo::{ConnInfo, rebuilt};
use super::names::Names;
use super::schema::{self, Form};
use super::{CAPABILITIES, Postgres, PostgresOptions, Store};
use crate::contract::Backend;
use crate::error::{Error, Result};
use crate::factory::{Access, BackendConfig, BackendFactory, TypeInfo};

pub(super) const NAME: &str = "postgres";

/// Makes Postgres backends.
#[derive(Debug, Clone, Copy)]
pub struct PostgresFactory;

impl PostgresFactory {
    fn options(&self, options: &Value) -> Result<PostgresOptions> {
        let options: PostgresOptions = parse_options(options, &self.options_schema())
            .map_err(|error| Error::misconfigured(format!("{NAME}: {error}")))?;
        check_names(&options)?;
        Ok(options)
    }
}

/// Bytes of a name. The server cuts longer ones short, and two may become one.
const NAME_BYTES_MAX: usize = 63;

/// So that there is room for the longest name of ours.
const PREFIX_BYTES_MAX: usize = 32;

/// JSON Schema counts characters.
fn check_names(options: &PostgresOptions) -> Result<()> {
    let tablespace = options.tablespace.as_deref().unwrap_or_default();
    for (option, name, most) in [
        ("schema", options.schema.as_str(), NAME_BYTES_MAX),
        ("prefix", options.prefix.as_str(), PREFIX_BYTES_MAX),
        ("tablespace", tablespace, NAME_BYTES_MAX),
    ] {
        if name.len() > most {
            let bytes = name.len();
            return Err(Error::misconfigured(format!(
                "{NAME}: `{option}`: a name of {bytes} bytes; the server takes {most}"
            )));
        }
    }
    Ok(())
}

#[async_trait]
impl BackendFactory for PostgresFactory {
    fn info(&self) -> TypeInfo {
        TypeInfo {
            name: NAME,
            schemes: &["postgresql"],
            version: env!("CARGO_PKG_VERSION"),
            summary: "a schema of a PostgreSQL database",
            example: "postgres://me@localhost/code?sslmode=verify-full",
            capabilities: CAPABILITIES,
        }
    }

    fn options_schema(&self) -> Value {
        schemars::schema_for!(PostgresOptions).to_value()
    }

    /// What is no option of ours is a parameter of libpq's.
    fn options_from_url(&self, url: &BackendUrl) -> Result<Value> {
        let schema = self.options_schema();
        let type_of = |key: &str| schema["properties"][key]["type"].as_str();
        let (mut options, mut parameters) = (Map::new(), Vec::new());
        for (key, value) in url.options() {
            if key == "url" || schema["properties"].get(key).is_none() {
                parameters.push((key.clone(), value.clone()));
                continue;
            }
            let typed = match type_of(key) {
                Some("integer") => value.parse::<u64>().ok().map(Value::from),
                Some("boolean") => value.parse::<bool>().ok().map(Value::from),
                _ => None,
            };
            options.insert(key.clone(), typed.unwrap_or_else(|| value.as_str().into()));
        }
        options.insert("url".into(), rebuilt(url.scheme(), url.place(), &parameters).into());
        let options = Value::Object(options);
        ConnInfo::of(&self.options(&options)?)?;
        Ok(options)
    }

    fn secrets(&self, options: &Value) -> Vec<String> {
        let info = self.options(options).and_then(|options| ConnInfo::of(&options));
        info.ok().and_then(|info| info.password_from_elsewhere()).into_iter().collect()
    }

    fn place(&self, options: &Value) -> Result<String> {
        let options = self.options(options)?;
        let database = ConnInfo::of(&options)?.place();
        Ok(format!("{database}/{}.{}", options.schema, options.prefix))
    }

    fn schema(&self, options: &Value) -> Result<Vec<String>> {
        let options = self.options(options)?;
        let (names, form) = (Names::new(&options.schema, &options.prefix), Form::of(&options));
        let indexes = schema::INDEXES.iter().map(|index| index.create(&names, &form));
        let settled = names.sql("UPDATE {store} SET indexed = true");
        Ok(schema::create(&names, &form).into_iter().chain(indexes).chain([settled]).collect())
    }

    async fn exists(&self, options: &Value) -> Result<bool> {
        let (options, access) = (self.options(options)?, Access::Read);
        let config = BackendConfig { options: Value::Null, access, selection: None };
        let store = Store::new(&options, &config)?;
        let there = store.is_there().await;
        store.connections.close();
        there
    }

    async fn connect(&self, config: BackendConfig) -> Result<Arc<dyn Backend>> {
        let mut store = Store::new(&self.options(&config.options)?, &config)?;
        if let Err(error) = store.open().await {
            store.connections.close();
            return Err(error);
        }
        Ok(Arc::new(Postgres(Arc::new(store))))
    }
}
