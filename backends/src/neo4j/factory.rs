//! The type `neo4j`.

use std::sync::Arc;

use astload_config::{BackendUrl, parse_options};
use astload_model::SelectionRules;
use async_trait::async_trait;
use serde_json::{Map, Value};

use super::address::{Address, SCHEMES};
use super::names::Names;
use super::schema::{self, RULES};
use super::{CAPABILITIES, Neo4j, Neo4jOptions, Store};
use crate::contract::Backend;
use crate::error::{Error, Result};
use crate::factory::{Access, BackendConfig, BackendFactory, TypeInfo};

pub(super) const NAME: &str = "neo4j";

/// Makes Neo4j backends.
#[derive(Debug, Clone, Copy)]
pub struct Neo4jFactory;

impl Neo4jFactory {
    fn options(&self, options: &Value) -> Result<Neo4jOptions> {
        parse_options(options, &self.options_schema())
            .map_err(|error| Error::misconfigured(format!("{NAME}: {error}")))
    }
}

#[async_trait]
impl BackendFactory for Neo4jFactory {
    fn info(&self) -> TypeInfo {
        TypeInfo {
            name: NAME,
            schemes: &SCHEMES[1..],
            version: env!("CARGO_PKG_VERSION"),
            summary: "a database of a Neo4j server",
            example: "neo4j://me@localhost:7687/code",
            capabilities: CAPABILITIES,
        }
    }

    /// What a graph is asked for: files, definitions, what they contain and what they refer to. A node
    /// for each token would be ten times as much, and is not what paths lead through.
    fn selection(&self) -> SelectionRules {
        SelectionRules { flags: Some(vec!["definition".into()]), ..SelectionRules::default() }
    }

    fn options_schema(&self) -> Value {
        schemars::schema_for!(Neo4jOptions).to_value()
    }

    fn options_from_url(&self, url: &BackendUrl) -> Result<Value> {
        let schema = self.options_schema();
        let mut options = Map::new();
        for (key, value) in url.options() {
            let typed = match schema["properties"][key]["type"].as_str() {
                Some("integer") => value.parse::<u64>().ok().map(Value::from),
                _ => None,
            };
            options.insert(key.clone(), typed.unwrap_or_else(|| value.as_str().into()));
        }
        options.insert("url".into(), format!("{}:{}", url.scheme(), url.place()).into());
        let options = Value::Object(options);
        Address::of(&self.options(&options)?)?;
        Ok(options)
    }

    fn place(&self, options: &Value) -> Result<String> {
        let options = self.options(options)?;
        Ok(format!("{}.{}", Address::of(&options)?.place(), options.prefix))
    }

    fn schema(&self, options: &Value) -> Result<Vec<String>> {
        let names = Names::new(&self.options(options)?.prefix);
        let rules = RULES.iter().map(|rule| rule.create(&names));
        Ok(rules.chain([schema::store(&names)]).collect())
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
        Ok(Arc::new(Neo4j(store)))
    }
}
