//! A backend as the user names it, by a URL or in a configuration.

use std::sync::Arc;
use std::time::Duration;

use astload_backends::{Access, Addressed, Backend, BackendConfig, Error, Registry, Terms};
use astload_config::{BackendSettings, BackendUrl, HealthSettings, Options, WriteSettings};
use astload_model::{Selection, SelectionRules};
use serde_json::Value;
use tokio_util::sync::CancellationToken;

use super::CannotLoad;

/// A backend as the user names it.
#[derive(Debug, Clone)]
pub struct TargetSpec {
    /// What it is called: its URL, without secrets, or its name.
    pub name: String,
    /// Its type.
    pub type_name: String,
    /// What its type takes.
    pub options: Options,
    /// What of the units it is given.
    pub selection: Selection,
    /// How its writes are made and protected.
    pub write: WriteSettings,
    /// How it is asked whether it is well.
    pub health: HealthSettings,
}

impl TargetSpec {
    /// The backend of a URL, with options that are added where its type takes them and the URL has
    /// them not.
    ///
    /// # Errors
    /// [`CannotLoad`] where it names no known type, or its options are wrong.
    pub fn of_url(
        registry: &Registry,
        url: &BackendUrl,
        defaults: &[(&str, Value)],
    ) -> Result<Self, CannotLoad> {
        let Addressed { name, options, factory } = registry.addressed(url)?;
        let (mut value, schema) = (options.value().clone(), factory.options_schema());
        for (key, default) in defaults {
            if schema["properties"].get(key).is_some() && value.get(key).is_none() {
                value[*key] = default.clone();
            }
        }
        Ok(Self {
            name,
            type_name: factory.info().name.to_owned(),
            options: Options::new(value, options.secrets().clone()),
            selection: selection_of(factory.selection())?,
            write: WriteSettings::default(),
            health: HealthSettings::default(),
        })
    }

    /// A backend that is configured.
    ///
    /// # Errors
    /// [`CannotLoad`] where its type is not known or what it selects cannot be.
    pub fn of_settings(registry: &Registry, settings: BackendSettings) -> Result<Self, CannotLoad> {
        let BackendSettings { name, type_name, options, select, write, health } = settings;
        let factory =
            registry.factory(&type_name).map_err(|error| CannotLoad::new(error.to_string()))?;
        let selection = selection_of(select.unwrap_or_else(|| factory.selection()))?;
        Ok(Self { name: name.to_string(), type_name, options, selection, write, health })
    }

    /// Refuses two backends that are one store.
    ///
    /// # Errors
    /// [`CannotLoad`] where they are, or one of them is no backend.
    pub fn are_two(registry: &Registry, one: &Self, other: &Self) -> Result<(), CannotLoad> {
        let (here, there) = (one.place(registry)?, other.place(registry)?);
        match one.type_name == other.type_name && here == there {
            true => {
                let (one, other) = (&one.name, &other.name);
                Err(CannotLoad::new(format!("{one} and {other} are the same store")))
            }
            false => Ok(()),
        }
    }

    /// The place of its store.
    pub(super) fn place(&self, registry: &Registry) -> Result<String, CannotLoad> {
        let unknown = |error: astload_backends::RegistryError| CannotLoad::new(error.to_string());
        let factory = registry.factory(&self.type_name).map_err(unknown)?;
        let place = factory.place(self.options.value());
        Ok(place.map_err(|error| error.without(self.options.secrets()))?)
    }

    /// On which terms it is opened: no more patiently than it is written to, and with the same waits.
    pub(crate) fn terms(&self, patience: Duration, stopping: &CancellationToken) -> Terms {
        let terms = Terms::of(&self.name, self.options.secrets()).configured(&self.write);
        terms.within(patience).until(stopping)
    }

    /// Whether there is a store already.
    pub(super) async fn exists(&self, registry: &Registry, terms: &Terms) -> Result<bool, Error> {
        registry.exists_on(terms, &self.type_name, self.options.value()).await
    }

    /// Connects to it.
    pub(crate) async fn connect(
        &self,
        registry: &Registry,
        access: Access,
        terms: &Terms,
    ) -> Result<Arc<dyn Backend>, Error> {
        let options = self.options.value().clone();
        let config = BackendConfig { options, access, selection: self.selection.digest() };
        registry.create_on(terms, &self.type_name, config).await
    }
}

fn selection_of(rules: SelectionRules) -> Result<Selection, CannotLoad> {
    Selection::new(rules).map_err(|error| CannotLoad::new(error.to_string()))
}
