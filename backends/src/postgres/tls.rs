//! TLS as libpq names it.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use rustls::client::WebPkiServerVerifier;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::{CryptoProvider, ring, verify_tls12_signature, verify_tls13_signature};
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::{
    CertificateError, ClientConfig, DigitallySignedStruct, Error as TlsError, RootCertStore,
    SignatureScheme,
};
use tokio_postgres_rustls::MakeRustlsConnect;

use crate::error::{Error, Result};
use crate::pem;

/// What of a server's certificate is verified.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Verify {
    /// Nothing: it is encrypted, to whomever.
    Nothing,
    /// That an authority that we trust signed it.
    Authority,
    /// That too, and that it names the host.
    Name,
}

/// How a connection is encrypted, where it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Tls {
    pub(super) verify: Verify,
    /// The authorities that are trusted; else those of the system.
    pub(super) roots: Option<PathBuf>,
    /// Our own certificate and its key.
    pub(super) client: Option<(PathBuf, PathBuf)>,
}

impl Tls {
    /// What makes connections.
    pub(super) fn connector(&self) -> Result<MakeRustlsConnect> {
        let provider = Arc::new(ring::default_provider());
        let inner = match self.verify {
            Verify::Nothing => None,
            Verify::Authority | Verify::Name => {
                let roots = Arc::new(self.root_store()?);
                let built = WebPkiServerVerifier::builder_with_provider(roots, provider.clone());
                let built = built.build().map_err(|error| {
                    Error::misconfigured(format!(
                        "`sslrootcert`: no certificate is trusted: {error}"
                    ))
                    .with_hint("name the file of the authority: sslrootcert=ca.crt")
                })?;
                Some(built)
            }
        };
        let verifier =
            Verifier { inner, by_name: self.verify == Verify::Name, provider: provider.clone() };
        let config = ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .map_err(|error| Error::unexpected(format!("TLS: {error}")))?
            .dangerous()
            .with_custom_certificate_verifier(Arc::new(verifier));
        let config = match &self.client {
            None => config.with_no_client_auth(),
            Some((certificate, key)) => {
                let chain = certificates("sslcert", certificate)?;
                let own = pem::key(key).map_err(|error| unread("sslkey", key, error))?;
                config.with_client_auth_cert(chain, own).map_err(|error| {
                    Error::misconfigured(format!("`sslcert` and `sslkey` do not fit: {error}"))
                })?
            }
        };
        Ok(MakeRustlsConnect::new(config))
    }

    fn root_store(&self) -> Result<RootCertStore> {
        let mut store = RootCertStore::empty();
        let trusted = match &self.roots {
            Some(path) => certificates("sslrootcert", path)?,
            None => rustls_native_certs::load_native_certs().certs,
        };
        // What of a system's store cannot be read is not trusted.
        store.add_parsable_certificates(trusted);
        Ok(store)
    }
}

fn certificates(field: &str, path: &Path) -> Result<Vec<CertificateDer<'static>>> {
    let all = pem::certificates(path).map_err(|error| unread(field, path, error))?;
    match all.is_empty() {
        true => {
            Err(Error::misconfigured(format!("`{field}`: {} has no certificate", path.display())))
        }
        false => Ok(all),
    }
}

fn unread(field: &str, path: &Path, error: rustls::pki_types::pem::Error) -> Error {
    Error::misconfigured(format!("`{field}`: {} cannot be read: {error}", path.display()))
}

/// Verifies as much as a mode asks for.
#[derive(Debug)]
struct Verifier {
    inner: Option<Arc<WebPkiServerVerifier>>,
    by_name: bool,
    provider: Arc<CryptoProvider>,
}

impl ServerCertVerifier for Verifier {
    fn verify_server_cert(
        &self,
        certificate: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        name: &ServerName<'_>,
        ocsp: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, TlsError> {
        let Some(inner) = &self.inner else { return Ok(ServerCertVerified::assertion()) };
        match inner.verify_server_cert(certificate, intermediates, name, ocsp, now) {
            // The name is looked at when all else is found to be right.
            Err(TlsError::InvalidCertificate(
                CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. },
            )) if !self.by_name => Ok(ServerCertVerified::assertion()),
            verified => verified,
        }
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, TlsError> {
        let known = &self.provider.signature_verification_algorithms;
        verify_tls12_signature(message, certificate, signed, known)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, TlsError> {
        let known = &self.provider.signature_verification_algorithms;
        verify_tls13_signature(message, certificate, signed, known)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.provider.signature_verification_algorithms.supported_schemes()
    }
}
