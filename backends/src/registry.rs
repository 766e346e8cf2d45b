//! The types of backends by name.

use std::collections::BTreeMap;
use std::sync::{Arc, PoisonError, RwLock};

use astload_config::BackendUrl;

use crate::builtin;
use crate::factory::{BackendFactory, TypeInfo};

/// Why a type is not registered or not found.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum RegistryError {
    /// Another factory has the name.
    #[error("type `{name}` is registered already, by version {version}")]
    Taken {
        /// The name.
        name: &'static str,
        /// The owner's version.
        version: &'static str,
    },
    /// No factory has the name.
    #[error("unknown backend type `{name}`, known are {known}")]
    Unknown {
        /// The name.
        name: String,
        /// All names, for the reader.
        known: String,
    },
}

type Factories = BTreeMap<&'static str, Arc<dyn BackendFactory>>;

/// The types of backends by name.
#[derive(Debug, Default)]
pub struct Registry {
    factories: RwLock<Factories>,
}

impl Registry {
    /// A registry of the built-in types.
    pub fn with_builtins() -> Self {
        let factories = builtin::factories().into_iter();
        let named = factories.map(|factory| (factory.info().name, factory)).collect();
        Self { factories: RwLock::new(named) }
    }

    /// Adds a type.
    ///
    /// # Errors
    /// [`RegistryError::Taken`] where the name is taken.
    pub fn register(&self, factory: Arc<dyn BackendFactory>) -> Result<(), RegistryError> {
        let name = factory.info().name;
        let mut factories = self.factories.write().unwrap_or_else(PoisonError::into_inner);
        match factories.get(name) {
            Some(owner) => Err(RegistryError::Taken { name, version: owner.info().version }),
            None => {
                factories.insert(name, factory);
                Ok(())
            }
        }
    }

    /// The type that serves a URL.
    ///
    /// # Errors
    /// [`RegistryError::Unknown`] where none does.
    pub fn for_url(&self, url: &BackendUrl) -> Result<Arc<dyn BackendFactory>, RegistryError> {
        let factories = self.factories.read().unwrap_or_else(PoisonError::into_inner);
        factories.get(url.scheme()).cloned().ok_or_else(|| RegistryError::Unknown {
            name: url.scheme().to_owned(),
            known: factories.keys().copied().collect::<Vec<_>>().join(", "),
        })
    }

    /// All types, by name, each with the JSON Schema of its options.
    pub fn discover(&self) -> Vec<(TypeInfo, serde_json::Value)> {
        let factories = self.factories.read().unwrap_or_else(PoisonError::into_inner);
        factories.values().map(|factory| (factory.info(), factory.options_schema())).collect()
    }
}
