//! The types of backends by name: registered, found, and made into backends, while the service runs.

mod accounted;
mod discreet;
mod names;
mod opened;
mod terms;

use std::sync::{Arc, RwLock};
use std::time::Duration;

use astload_config::{BACKEND_FIELDS, BackendUrl, FileSchema, Options, Secrets, TypeSchema};
use serde::Serialize;
use serde_json::Value;
use tokio::sync::broadcast;
use tokio::time::{Instant, timeout};

use crate::builtin;
use crate::contract::Backend;
use crate::error::{Error, Result};
use crate::factory::{BackendConfig, BackendFactory, TypeInfo};
use accounted::Accounted;
use discreet::Discreet;
use names::Names;
use opened::{OpenCount, Opened};
pub use terms::Terms;

/// Longest name of a type, in bytes.
const NAME_MAX: usize = 64;

/// How long a backend that is not what it should be may take to close.
const CLOSING: Duration = Duration::from_secs(5);

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

/// A backend as a URL names it.
#[derive(Debug, Clone)]
pub struct Addressed {
    /// The URL, without secrets.
    pub name: String,
    /// Its options, and what of them is secret.
    pub options: Options,
    /// Its type.
    pub factory: Arc<dyn BackendFactory>,
}

/// A type that is registered.
#[derive(Debug, Clone)]
pub struct RegisteredType {
    /// What it is called and can.
    pub info: TypeInfo,
    /// The JSON Schema of its options.
    pub options: Arc<Value>,
    /// What is made of it.
    pub status: TypeStatus,
}

/// What is made of a type now.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct TypeStatus {
    /// Backends that [`Registry::create`] made since it was registered, and that are neither closed
    /// nor dropped.
    pub open: usize,
}

/// A type as the registry has it.
#[derive(Debug, Clone)]
struct Entry {
    info: TypeInfo,
    options: Arc<Value>,
    factory: Arc<dyn BackendFactory>,
    open: OpenCount,
}

impl Entry {
    fn as_registered(&self) -> RegisteredType {
        let status = TypeStatus { open: self.open.get() };
        RegisteredType { info: self.info.clone(), options: self.options.clone(), status }
    }
}

/// A change of a registry.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum RegistryEvent {
    /// A type was added.
    Registered(TypeInfo),
    /// A type was taken away; backends that were made of it go on.
    Deregistered(TypeInfo),
}

/// The types of backends by name. All calls are atomic, and may be made by many threads. What is
/// registered, taken away and created is told to whoever listens to the target `audit`.
#[derive(Debug, Default)]
pub struct Registry {
    types: Names<Entry, RegistryEvent>,
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
        let (name, version) = (info.name, info.version);
        let tell = |new: &Entry| RegistryEvent::Registered(new.info.clone());
        let factory = Arc::new(Discreet::new(factory, options.clone()));
        let entry = Entry { info, options, factory, open: OpenCount::default() };
        let taken = |owner: Entry| RegistryError::Taken { name, version: owner.info.version };
        self.types.take(name, entry, tell).map_err(taken)?;
        tracing::info!(target: "audit", event = "register", type_name = name, version);
        Ok(())
    }

    /// Takes a type away. Backends that were made of it go on.
    ///
    /// # Errors
    /// [`RegistryError::Unknown`] where there is none.
    pub fn deregister(&self, name: &str) -> Result<(), RegistryError> {
        let tell = |gone: &Entry| RegistryEvent::Deregistered(gone.info.clone());
        let gone = self.types.free(name, tell).map_err(|known| unknown(name, &known))?;
        let version = gone.info.version;
        tracing::info!(target: "audit", event = "deregister", type_name = name, version);
        Ok(())
    }

    /// Hears of every change from now on, in their order.
    pub fn subscribe(&self) -> broadcast::Receiver<RegistryEvent> {
        self.types.subscribe()
    }

    /// The type of a name.
    ///
    /// # Errors
    /// [`RegistryError::Unknown`] where there is none.
    pub fn factory(&self, name: &str) -> Result<Arc<dyn BackendFactory>, RegistryError> {
        self.entry(name).map(|known| known.factory)
    }

    fn entry(&self, name: &str) -> Result<Entry, RegistryError> {
        self.types.owner(name).map_err(|known| unknown(name, &known))
    }

    /// The backend that a URL names.
    ///
    /// # Errors
    /// `Misconfigured` where no type serves it, or its options are wrong.
    pub fn addressed(&self, url: &BackendUrl) -> Result<Addressed> {
        let factory = self.for_url(url).map_err(|error| {
            let unknown = Error::misconfigured(error.to_string());
            match self.meant(url.scheme()) {
                Some(hint) => unknown.with_hint(hint),
                None => unknown,
            }
        })?;
        let (value, schema) = (factory.options_from_url(url)?, factory.options_schema());
        let secrets = Secrets::of_url(url, &schema).and(Secrets::of_options(&value, &schema));
        let name = url.redacted_by(&schema);
        Ok(Addressed { name, options: Options::new(value, secrets), factory })
    }

    /// What to write instead of a scheme that no type has.
    fn meant(&self, scheme: &str) -> Option<String> {
        let types = self.types.owners();
        let schemes = types.iter().flat_map(|known| known.info.schemes);
        // Servers of HTTP, which say so in their URL only where it is without TLS.
        let of_http = schemes.filter_map(|name| Some((*name, name.strip_suffix("+http")?)));
        let meant: Vec<String> = match scheme {
            "http" => of_http.map(|(name, _)| format!("{name}://…")).collect(),
            "https" => of_http.map(|(_, name)| format!("{name}://…")).collect(),
            _ => return None,
        };
        (!meant.is_empty()).then(|| format!("write {}", meant.join(" or ")))
    }

    /// The type that serves a URL.
    ///
    /// # Errors
    /// [`RegistryError::Unknown`] where none does.
    pub fn for_url(&self, url: &BackendUrl) -> Result<Arc<dyn BackendFactory>, RegistryError> {
        let known = self.factory(url.scheme());
        let is_other = |entry: &Entry| entry.info.schemes.contains(&url.scheme());
        known.or_else(|unknown| {
            let found = self.types.owners().into_iter().find(is_other);
            found.map(|entry| entry.factory).ok_or(unknown)
        })
    }

    /// Makes a backend on the usual terms, called as its type is, of options without secrets.
    ///
    /// # Errors
    /// As [`Registry::create_on`].
    pub async fn create(&self, name: &str, config: BackendConfig) -> Result<Arc<dyn Backend>> {
        self.create_on(&Terms::of(name, &Secrets::default()), name, config).await
    }

    /// Connects a backend of a type and proves that it answers in time and is what its type declares;
    /// where it does not, nothing is left of it. What is transient is tried again.
    ///
    /// # Errors
    /// As the type says, [`ErrorKind::Transient`](crate::ErrorKind) where it does not answer in time,
    /// or `Unexpected` where it breaks its word; without the secrets of the terms.
    pub async fn create_on(
        &self,
        terms: &Terms,
        type_name: &str,
        config: BackendConfig,
    ) -> Result<Arc<dyn Backend>> {
        let connect = |deadline| self.connect(terms, type_name, config.clone(), deadline);
        let created = terms.until_its_deadline("connecting", connect).await;
        let backend = &terms.name;
        match &created {
            Ok(_) => tracing::info!(target: "audit", event = "create", backend, type_name),
            Err(error) => {
                tracing::info!(target: "audit", event = "create", backend, type_name, %error);
            }
        }
        created
    }

    /// Whether there is a store already; changes nothing. What is transient is tried again.
    ///
    /// # Errors
    /// As [`Registry::create_on`].
    pub async fn exists_on(&self, terms: &Terms, type_name: &str, options: &Value) -> Result<bool> {
        let entry = self.entry(type_name);
        let entry = entry.map_err(|error| Error::misconfigured(error.to_string()))?;
        terms.patiently("looking for the store", || entry.factory.exists(options)).await
    }

    /// One attempt.
    async fn connect(
        &self,
        terms: &Terms,
        type_name: &str,
        config: BackendConfig,
        deadline: Instant,
    ) -> Result<Arc<dyn Backend>> {
        let entry = self.entry(type_name);
        let entry = entry.map_err(|error| Error::misconfigured(error.to_string()))?;
        let elsewhere = Secrets::new(entry.factory.secrets(&config.options));
        let secrets = Secrets::of_options(&config.options, &entry.options).and(elsewhere);
        let secrets = terms.secrets.and(secrets);
        secrets.remember();
        let connecting = entry.factory.connect(config);
        let backend = terms.timed("connecting", deadline, connecting).await?;
        let probed = match undeclared(backend.as_ref()) {
            None => {
                let probe = backend.health_check();
                terms.timed("the first probe", deadline, probe).await.map(drop)
            }
            Some(facet) => Err(Error::unexpected(format!("type `{type_name}`: {facet}"))),
        };
        match probed {
            Ok(()) => {
                let opened = Arc::new(Opened::new(backend, &entry.open));
                Ok(Arc::new(Accounted::new(&terms.name, &secrets, opened)))
            }
            Err(error) => {
                // What failed first is what is told; what does not close is dropped.
                drop(timeout(CLOSING, backend.close()).await);
                Err(error.without(&secrets))
            }
        }
    }

    /// All types, by name.
    pub fn discover(&self) -> Vec<RegisteredType> {
        self.types.owners().iter().map(Entry::as_registered).collect()
    }
}

fn unknown(name: &str, known: &[&str]) -> RegistryError {
    RegistryError::Unknown { name: name.to_owned(), known: known.join(", ") }
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
    let is_free = |field: &&str| options["properties"].get(*field).is_none();
    let fits = || {
        let (name, schema) = (info.name.to_owned(), options.clone());
        FileSchema::new(vec![TypeSchema { name, schema }]).is_ok()
    };
    let has_example = || example.is_some_and(|url| url.scheme() == info.name);
    let clauses = [
        (is_scheme(info.name) && info.name.len() <= NAME_MAX, "has a name that is no URL scheme"),
        (!info.version.is_empty(), "has no version"),
        (info.capabilities.concurrency > 0, "takes no batch at a time"),
        (options["type"] == "object", "has options that are no object"),
        (options["properties"].is_object(), "does not say which options it takes"),
        (BACKEND_FIELDS.iter().all(is_free), "has an option that is a field of every backend"),
        (fits(), "has options that are no JSON Schema, whole and without the network"),
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
