//! Opens a store to ask it something.

use std::path::Path;
use std::sync::Arc;

use astload_backends::{
    Access, Addressed, Admin, Backend, BackendConfig, Error, Indexes, Query, Reader, Registry,
    Terms,
};
use astload_config::BackendUrl;
use astload_pipeline::letters::store_key;

use super::output::Failure;

/// The URL that an argument is. What is none is not repeated, for it may hold a password: `what` says
/// which argument is meant.
pub(super) fn url(what: &str, text: &str) -> Result<BackendUrl, Failure> {
    BackendUrl::parse(text).map_err(|error| {
        let failure = Failure::usage(format!("{what}: {error}"));
        match Path::new(text).exists() {
            true => failure.with_hint(format!("for the file {text}, write sqlite:{text}")),
            false => failure,
        }
    })
}

/// The backend that an argument names.
pub(super) fn addressed(registry: &Registry, what: &str, text: &str) -> Result<Addressed, Failure> {
    registry.addressed(&url(what, text)?).map_err(Failure::wrong_usage)
}

/// A store that is open.
pub(super) struct Store {
    backend: Arc<dyn Backend>,
    url: String,
    key: String,
}

impl Store {
    /// Opens a store; with [`Access::Write`] it must be there already as well.
    pub(super) async fn open(url: &str, access: Access) -> Result<Self, Failure> {
        let registry = Registry::with_builtins();
        let Addressed { name, options, factory } = addressed(&registry, "the store", url)?;
        let clean = |error: Error| error.without(options.secrets());
        let terms = Terms::of(&name, options.secrets());
        if !registry.exists_on(&terms, factory.info().name, options.value()).await? {
            return Err(Failure::new(format!("there is no store at {name}"))
                .with_hint("load something into it first: astload load PATH"));
        }
        let place = factory.place(options.value()).map_err(clean)?;
        let key = store_key(factory.info().name, &place);
        let config = BackendConfig { options: options.value().clone(), access, selection: None };
        let backend = registry.create_on(&terms, factory.info().name, config).await?;
        Ok(Self { backend, url: name, key })
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

    /// `None` for a type that has no optional indexes.
    pub(super) fn indexes(&self) -> Option<&dyn Indexes> {
        self.backend.indexes()
    }

    pub(super) async fn close(self) -> Result<(), Failure> {
        Ok(self.backend.close().await?)
    }
}
