//! The types `elasticsearch` and `opensearch`.

use std::sync::Arc;

use astload_config::{BackendUrl, parse_options};
use astload_model::SelectionRules;
use async_trait::async_trait;
use serde_json::{Map, Value};

use super::admin::statement;
use super::options::LEFTOVER_AGE_MIN;
use super::schema::{self, Analysis, Names};
use super::{CAPABILITIES, Elastic, ElasticOptions, Flavour, Store, client};
use crate::contract::Backend;
use crate::error::{Error, Result};
use crate::factory::{Access, BackendConfig, BackendFactory, TypeInfo};

/// Makes Elasticsearch backends.
#[derive(Debug, Clone, Copy)]
pub struct ElasticsearchFactory;

/// Makes OpenSearch backends.
#[derive(Debug, Clone, Copy)]
pub struct OpenSearchFactory;

impl Flavour {
    fn options(self, options: &Value) -> Result<ElasticOptions> {
        let options: ElasticOptions =
            parse_options(options, &schemars::schema_for!(ElasticOptions).to_value())
                .map_err(|error| Error::misconfigured(format!("{}: {error}", self.name())))?;
        if options.leftover_age() < LEFTOVER_AGE_MIN {
            let (name, least) = (self.name(), humantime::format_duration(LEFTOVER_AGE_MIN));
            let given = &options.leftover_age;
            return Err(Error::misconfigured(format!(
                "{name}: `leftover_age` is {given}, and must be at least {least}"
            ))
            .with_hint("younger documents may be of a batch that is being written; 1h is usual"));
        }
        Ok(options)
    }

    fn info(self) -> TypeInfo {
        let (schemes, summary, example): (&'static [&'static str], _, _) = match self {
            Self::Elasticsearch => (
                &["elasticsearch+http"],
                "indices of an Elasticsearch cluster",
                "elasticsearch://me@localhost:9200",
            ),
            Self::OpenSearch => (
                &["opensearch+http"],
                "indices of an OpenSearch cluster",
                "opensearch://me@localhost:9200",
            ),
        };
        let version = env!("CARGO_PKG_VERSION");
        TypeInfo {
            name: self.name(),
            schemes,
            version,
            summary,
            example,
            capabilities: CAPABILITIES,
        }
    }

    /// `elasticsearch://` is over TLS, `elasticsearch+http://` is not.
    fn options_from_url(self, url: &BackendUrl) -> Result<Value> {
        let schema = schemars::schema_for!(ElasticOptions).to_value();
        let mut options = Map::new();
        for (key, value) in url.options() {
            let typed = match schema["properties"][key]["type"].as_str() {
                Some("integer") => value.parse::<u64>().ok().map(Value::from),
                Some("boolean") => value.parse::<bool>().ok().map(Value::from),
                Some("array") => Some(value.split(',').collect()),
                _ => None,
            };
            options.insert(key.clone(), typed.unwrap_or_else(|| value.as_str().into()));
        }
        let scheme = if url.scheme().ends_with("+http") { "http" } else { "https" };
        options.insert("url".into(), format!("{scheme}:{}", url.place()).into());
        let options = Value::Object(options);
        let read = self.options(&options)?;
        if let Some(first) = client::urls(self.name(), &read)?.first() {
            client::credentials(self.name(), &read, first)?;
        }
        Ok(options)
    }

    fn place(self, options: &Value) -> Result<String> {
        let options = self.options(options)?;
        let urls = client::urls(self.name(), &options)?;
        let host = urls.first().map(|url| {
            let port = url.port().unwrap_or(9200);
            format!("{}:{port}{}", url.host_str().unwrap_or_default(), url.path())
        });
        Ok(format!("{}{}", host.unwrap_or_default(), options.prefix))
    }

    fn schema(self, options: &Value) -> Result<Vec<String>> {
        let options = self.options(options)?;
        let names = Names::new(&options.prefix);
        let requests = schema::requests(&names, self, Analysis::Words, &options);
        Ok(requests.into_iter().map(statement).collect())
    }

    async fn exists(self, options: &Value) -> Result<bool> {
        let config = BackendConfig { options: Value::Null, access: Access::Read, selection: None };
        Store::new(self, self.options(options)?, &config)?.is_there().await
    }

    async fn connect(self, config: BackendConfig) -> Result<Arc<dyn Backend>> {
        let mut store = Store::new(self, self.options(&config.options)?, &config)?;
        Box::pin(store.open()).await?;
        Ok(Arc::new(Elastic(store)))
    }
}

/// What is searched by name: a document for each token would help nobody.
fn selection() -> SelectionRules {
    SelectionRules { with_name: true, ..SelectionRules::default() }
}

macro_rules! factory {
    ($type:ident, $flavour:expr) => {
        #[async_trait]
        impl BackendFactory for $type {
            fn info(&self) -> TypeInfo {
                $flavour.info()
            }

            fn selection(&self) -> SelectionRules {
                selection()
            }

            fn options_schema(&self) -> Value {
                schemars::schema_for!(ElasticOptions).to_value()
            }

            fn options_from_url(&self, url: &BackendUrl) -> Result<Value> {
                $flavour.options_from_url(url)
            }

            fn place(&self, options: &Value) -> Result<String> {
                $flavour.place(options)
            }

            fn schema(&self, options: &Value) -> Result<Vec<String>> {
                $flavour.schema(options)
            }

            async fn exists(&self, options: &Value) -> Result<bool> {
                Box::pin($flavour.exists(options)).await
            }

            async fn connect(&self, config: BackendConfig) -> Result<Arc<dyn Backend>> {
                $flavour.connect(config).await
            }
        }
    };
}

factory!(ElasticsearchFactory, Flavour::Elasticsearch);
factory!(OpenSearchFactory, Flavour::OpenSearch);
