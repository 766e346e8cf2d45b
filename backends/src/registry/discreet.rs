//! A type whose errors hold no secret of the options that it was given.
//!
//! A type may repeat an option, and so may the server that it asks. Its schema says what is secret, so
//! every caller gets errors without it and none has to remember it.

use std::sync::Arc;

use astload_config::{BackendUrl, Secrets};
use astload_model::SelectionRules;
use async_trait::async_trait;
use serde_json::Value;

use crate::contract::Backend;
use crate::error::Result;
use crate::factory::{BackendConfig, BackendFactory, TypeInfo};

/// A type, and the JSON Schema of its options.
#[derive(Debug)]
pub(super) struct Discreet {
    factory: Arc<dyn BackendFactory>,
    schema: Arc<Value>,
}

impl Discreet {
    pub(super) fn new(factory: Arc<dyn BackendFactory>, schema: Arc<Value>) -> Self {
        Self { factory, schema }
    }

    /// All secrets of a backend of these options, which the whole process knows from now on.
    fn known(&self, options: &Value) -> Secrets {
        let elsewhere = Secrets::new(self.factory.secrets(options));
        let secrets = Secrets::of_options(options, &self.schema).and(elsewhere);
        secrets.remember();
        secrets
    }

    fn clean<T>(&self, answer: Result<T>, options: &Value) -> Result<T> {
        answer.map_err(|error| error.without(&self.known(options)))
    }
}

#[async_trait]
impl BackendFactory for Discreet {
    fn info(&self) -> TypeInfo {
        self.factory.info()
    }

    fn selection(&self) -> SelectionRules {
        self.factory.selection()
    }

    fn options_schema(&self) -> Value {
        self.schema.as_ref().clone()
    }

    fn secrets(&self, options: &Value) -> Vec<String> {
        self.factory.secrets(options)
    }

    fn options_from_url(&self, url: &BackendUrl) -> Result<Value> {
        let options = self.factory.options_from_url(url);
        options.map_err(|error| error.without(&Secrets::of_url(url, &self.schema)))
    }

    fn place(&self, options: &Value) -> Result<String> {
        self.clean(self.factory.place(options), options)
    }

    fn schema(&self, options: &Value) -> Result<Vec<String>> {
        self.clean(self.factory.schema(options), options)
    }

    async fn exists(&self, options: &Value) -> Result<bool> {
        let secrets = self.known(options);
        self.factory.exists(options).await.map_err(|error| error.without(&secrets))
    }

    async fn connect(&self, config: BackendConfig) -> Result<Arc<dyn Backend>> {
        let secrets = self.known(&config.options);
        self.factory.connect(config).await.map_err(|error| error.without(&secrets))
    }
}
