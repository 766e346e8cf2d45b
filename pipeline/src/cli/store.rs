//! Opens a store to ask it something.

use std::sync::Arc;

use astload_backends::{
    Access, Admin, Backend, BackendConfig, Error, Query, Reader, Registry, Terms,
};
use astload_config::{BackendUrl, Secrets};
use astload_pipeline::letters::store_key;

use super::output::Failure;

/// A store that is open.
pub(super) struct Store {
    backend: Arc<dyn Backend>,
    url: String,
    key: String,
}

impl Store {
    /// Opens a store; with [`Access::Write`] it must be there already as well.
    pub(super) async fn open(url: &str, access: Access) -> Result<Self, Failure> {
        let url = BackendUrl::parse(url).map_err(|error| Failure::usage(error.to_string()))?;
        let registry = Registry::with_builtins();
        let factory = registry.for_url(&url).map_err(|error| Failure::usage(error.to_string()))?;
        let secrets = Secrets::of_url(&url);
        let clean = |error: Error| error.without(&secrets);
        let options = factory.options_from_url(&url).map_err(clean)?;
        if !factory.exists(&options).await.map_err(clean)? {
            return Err(Failure::new(format!("there is no store at {url}"))
                .with_hint("load something into it first: astload load PATH"));
        }
        let key = store_key(factory.info().name, &factory.place(&options).map_err(clean)?);
        let config = BackendConfig { options, access, selection: None };
        let terms = Terms::of(url.redacted(), &secrets);
        let backend = registry.create_on(&terms, factory.info().name, config).await?;
        Ok(Self { backend, url: url.redacted(), key })
    }

    /// Its URL, without secrets.
    pub(super) fn url(&self) -> &str {
        &self.url
    }

    /// What it is called in all of astload. It may hold a secret.
    pub(super) fn key(&self) -> &str {
        &self.key
    }

    fn cannot(&self, what: &str) -> Failure {
        Failure::new(format!("{} cannot {what}", self.url))
    }

    pub(super) fn query(&self) -> Result<&dyn Query, Failure> {
        self.backend.query().ok_or_else(|| self.cannot("be asked questions"))
    }

    pub(super) fn reader(&self) -> Result<&dyn Reader, Failure> {
        self.backend.reader().ok_or_else(|| self.cannot("be read back"))
    }

    pub(super) fn admin(&self) -> Result<&dyn Admin, Failure> {
        self.backend.admin().ok_or_else(|| self.cannot("be managed"))
    }

    pub(super) async fn close(self) -> Result<(), Failure> {
        Ok(self.backend.close().await?)
    }
}
