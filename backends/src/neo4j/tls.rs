//! Whom an encrypted connection trusts. The driver panics over files that are not what they should be:
//! they are read here first.

use std::path::{Path, PathBuf};

use neo4rs::ConfigBuilder;

use super::options::Neo4jOptions;
use crate::error::{Error, Result};
use crate::pem;

/// Files beside what the URL's scheme says.
#[derive(Debug, Clone)]
pub(super) struct Tls {
    ca: Option<PathBuf>,
    own: Option<(PathBuf, PathBuf)>,
}

impl Tls {
    pub(super) fn of(options: &Neo4jOptions, is_encrypted: bool) -> Result<Self> {
        let Neo4jOptions { ca, certificate, key, .. } = options;
        let given = [("ca", ca), ("certificate", certificate), ("key", key)];
        if let Some((option, _)) = given.into_iter().find(|(_, file)| file.is_some())
            && !is_encrypted
        {
            return Err(Error::misconfigured(format!(
                "neo4j: `{option}` is for encrypted connections"
            ))
            .with_hint("write the URL with bolt+s:// or neo4j+s://"));
        }
        let own = match (certificate, key) {
            (None, None) => None,
            (Some(certificate), Some(key)) => Some((certificate.clone(), key.clone())),
            _ => {
                return Err(Error::misconfigured("neo4j: `certificate` and `key` belong together"));
            }
        };
        for (option, file) in [("ca", ca), ("certificate", certificate)] {
            if let Some(file) = file {
                check_certificates(option, file)?;
            }
        }
        if let Some(key) = key {
            pem::key(key).map_err(|error| unread("key", key, error))?;
        }
        Ok(Self { ca: ca.clone(), own })
    }

    pub(super) fn apply(&self, config: ConfigBuilder) -> ConfigBuilder {
        match (&self.ca, &self.own) {
            (ca, Some((certificate, key))) => {
                config.with_mutual_tls_validation(ca.as_ref(), certificate, key)
            }
            (Some(ca), None) => config.with_client_certificate(ca),
            (None, None) => config,
        }
    }
}

fn check_certificates(option: &str, file: &Path) -> Result<()> {
    match pem::certificates(file).map_err(|error| unread(option, file, error))?.is_empty() {
        true => Err(Error::misconfigured(format!(
            "neo4j: `{option}`: {} has no certificate",
            file.display()
        ))),
        false => Ok(()),
    }
}

fn unread(option: &str, file: &Path, error: rustls::pki_types::pem::Error) -> Error {
    let file = file.display();
    Error::misconfigured(format!("neo4j: `{option}`: {file} cannot be read: {error}"))
}
