//! Files of certificates and of keys.

use std::path::Path;

use astload_config::read_regular;
use rustls::pki_types::pem::{Error, PemObject};
use rustls::pki_types::{CertificateDer, PrivateKeyDer};

/// Size of such a file; of a longer one the rest is left out.
const BYTES_MAX: usize = 16 << 20;

/// What a file holds.
pub(crate) fn read(path: &Path) -> Result<Vec<u8>, Error> {
    read_regular(path, BYTES_MAX).map_err(Error::Io)
}

/// All certificates of a file.
pub(crate) fn certificates(path: &Path) -> Result<Vec<CertificateDer<'static>>, Error> {
    CertificateDer::pem_slice_iter(&read(path)?).collect()
}

/// The first key of a file.
pub(crate) fn key(path: &Path) -> Result<PrivateKeyDer<'static>, Error> {
    PrivateKeyDer::from_pem_slice(&read(path)?)
}
