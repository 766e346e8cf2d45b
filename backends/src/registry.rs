//! The types of backends by name: registered, found, and made into backends, while the service runs.

use std::collections::BTreeMap;
use std::sync::{Arc, PoisonError, RwLock};

use astload_config::BackendUrl;
use serde_json::Value;
use tokio::sync::broadcast;

use crate::builtin;
use crate::contract::Backend;
use crate::error::{Error, Result};
use crate::factory::{BackendConfig, BackendFactory, TypeInfo};

/// Changes that a subscriber may be behind; one that is further behind is told how many it missed.
const EVENTS: usize = 1_024;

/// Longest name of a type, in bytes.
const NAME_MAX: usize = 64;

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
    /// The factory breaks a clause of what a type is.
    #[error("type `{name}` {clause}")]
    Invalid {
        /// The name that it gives itself.
        name: &'static str,
        /// What it does not keep to.
        clause: &'static str,
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

/// A type that is registered.
#[derive(Debug, Clone)]
pub struct RegisteredType {
    /// What it is called and can.
    pub info: TypeInfo,
    /// The JSON Schema of its options.
    pub options: Arc<Value>,
    factory: Arc<dyn BackendFactory>,
}

/// A change of a registry.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum RegistryEvent {
    /// A type was added.
    Registered(TypeInfo),
    /// A type was taken away; backends that were made of it go on.
    Deregistered(TypeInfo),
}

/// The types of backends by name. All calls are atomic, and may be made by many threads.
#[derive(Debug)]
pub struct Registry {
    types: RwLock<BTreeMap<&'static str, RegisteredType>>,
    events: broadcast::Sender<RegistryEvent>,
}

impl Default for Registry {
    fn default() -> Self {
        Self { types: RwLock::default(), events: broadcast::channel(EVENTS).0 }
    }
}

impl Registry {
    /// A registry of the built-in types.
    pub fn with_builtins() -> Self {
        let registry = Self::default();
        for factory in builtin::factories() {
            let registered = registry.register(factory);
            debug_assert!(registered.is_ok(), "{registered:?}");
        }
        registry
    }

    /// Adds a type.
    ///
    /// # Errors
    /// [`RegistryError::Invalid`] where it is no whole type, [`RegistryError::Taken`] where the name
    /// is taken.
    pub fn register(&self, factory: Arc<dyn BackendFactory>) -> Result<(), RegistryError> {
        let (info, options) = (factory.info(), Arc::new(factory.options_schema()));
        if let Some(clause) = broken_clause(factory.as_ref(), &info, &options) {
            return Err(RegistryError::Invalid { name: info.name, clause });
        }
        let mut types = self.types.write().unwrap_or_else(PoisonError::into_inner);
        if let Some(owner) = types.get(info.name) {
            return Err(RegistryError::Taken { name: info.name, version: owner.info.version });
        }
        types.insert(info.name, RegisteredType { info: info.clone(), options, factory });
        // Told under the lock, so that everybody hears of changes in their order.
        self.events.send(RegistryEvent::Registered(info)).ok();
        Ok(())
    }

    /// Takes a type away. Backends that were made of it go on.
    ///
    /// # Errors
    /// [`RegistryError::Unknown`] where there is none.
    pub fn deregister(&self, name: &str) -> Result<(), RegistryError> {
        let mut types = self.types.write().unwrap_or_else(PoisonError::into_inner);
        match types.remove(name) {
            None => Err(unknown(name, &types)),
            Some(gone) => {
                self.events.send(RegistryEvent::Deregistered(gone.info)).ok();
                Ok(())
            }
        }
    }

    /// Hears of every change from now on, in their order.
    pub fn subscribe(&self) -> broadcast::Receiver<RegistryEvent> {
        self.events.subscribe()
    }

    /// The type of a name.
    ///
    /// # Errors
    /// [`RegistryError::Unknown`] where there is none.
    pub fn factory(&self, name: &str) -> Result<Arc<dyn BackendFactory>, RegistryError> {
        let types = self.types.read().unwrap_or_else(PoisonError::into_inner);
        types.get(name).map(|known| known.factory.clone()).ok_or_else(|| unknown(name, &types))
    }

    /// The type that serves a URL.
    ///
    /// # Errors
    /// [`RegistryError::Unknown`] where none does.
    pub fn for_url(&self, url: &BackendUrl) -> Result<Arc<dyn BackendFactory>, RegistryError> {
        self.factory(url.scheme())
    }

    /// Connects a backend of a type and proves that it answers and is what its type declares; where
    /// it does not, nothing is left of it.
    ///
    /// # Errors
    /// As the type says, or [`ErrorKind::Unexpected`](crate::ErrorKind) where it breaks its word.
    pub async fn create(&self, name: &str, config: BackendConfig) -> Result<Arc<dyn Backend>> {
        let unknown = |error: RegistryError| Error::misconfigured(error.to_string());
        let backend = self.factory(name).map_err(unknown)?.connect(config).await?;
        let probed = match undeclared(backend.as_ref()) {
            None => backend.health_check().await.map(drop),
            Some(facet) => Err(Error::unexpected(format!("type `{name}`: {facet}"))),
        };
        match probed {
            Ok(()) => Ok(backend),
            Err(error) => {
                // What failed first is what is told.
                backend.close().await.ok();
                Err(error)
            }
        }
    }

    /// All types, by name.
    pub fn discover(&self) -> Vec<RegisteredType> {
        let types = self.types.read().unwrap_or_else(PoisonError::into_inner);
        types.values().cloned().collect()
    }
}

fn unknown(name: &str, types: &BTreeMap<&'static str, RegisteredType>) -> RegistryError {
    let known = types.keys().copied().collect::<Vec<_>>().join(", ");
    RegistryError::Unknown { name: name.to_owned(), known }
}

/// The clause of what a type is that a factory does not keep.
fn broken_clause(
    factory: &dyn BackendFactory,
    info: &TypeInfo,
    options: &Value,
) -> Option<&'static str> {
    let is_scheme = |name: &str| {
        name.starts_with(|first: char| first.is_ascii_lowercase())
            && name.bytes().all(|b| matches!(b, b'a'..=b'z' | b'0'..=b'9' | b'+' | b'-' | b'.'))
    };
    let example = BackendUrl::parse(info.example).ok();
    let has_example = || example.is_some_and(|url| url.scheme() == info.name);
    let clauses = [
        (is_scheme(info.name) && info.name.len() <= NAME_MAX, "has a name that is no URL scheme"),
        (!info.version.is_empty(), "has no version"),
        (info.capabilities.concurrency > 0, "takes no batch at a time"),
        (options["type"] == "object", "has options that are no object"),
        (options["properties"].is_object(), "does not say which options it takes"),
        (has_example(), "has an example that is no URL of its own"),
        (factory.info() == *info, "says something else of itself each time"),
    ];
    clauses.into_iter().find(|(kept, _)| !kept).map(|(_, clause)| clause)
}

/// A facet that is declared and not there, or there and not declared.
fn undeclared(backend: &dyn Backend) -> Option<String> {
    let declared = backend.info().capabilities;
    let facets = [
        ("reader", declared.reader, backend.reader().is_some()),
        ("admin", declared.admin, backend.admin().is_some()),
        ("query", declared.query, backend.query().is_some()),
    ];
    let broken = facets.into_iter().find(|(_, declared, there)| declared != there);
    broken.map(|(facet, declared, _)| match declared {
        true => format!("`{facet}` is declared and not there"),
        false => format!("`{facet}` is there and not declared"),
    })
}
