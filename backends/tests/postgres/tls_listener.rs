//! A server that shows a certificate and no more, and authorities to sign one.

use std::fs;
use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;

use rustls::crypto::ring;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::{ServerConfig, ServerConnection};

/// Signs certificates; all its files are in one folder.
pub(crate) struct Authority {
    folder: PathBuf,
}

/// A certificate and its key.
pub(crate) struct Signed {
    pub(crate) certificate: PathBuf,
    pub(crate) key: PathBuf,
}

const CONFIG: &str = "[ca]
default_ca = own
[own]
new_certs_dir = .
database = index.txt
serial = serial.txt
default_md = sha256
policy = any
x509_extensions = names
[any]
commonName = supplied
[names]
subjectAltName = DNS:localhost
";

impl Authority {
    pub(crate) fn new(folder: &Path) -> Self {
        let authority = Self { folder: folder.to_owned() };
        for (name, text) in [("config", CONFIG), ("index.txt", ""), ("serial.txt", "01\n")] {
            fs::write(authority.file(name), text).expect("written");
        }
        authority.openssl(
            "req -x509 -newkey rsa:2048 -nodes -days 3650 -subj /CN=another -keyout ca.key \
             -out ca.crt -addext basicConstraints=critical,CA:TRUE",
        );
        authority
    }

    pub(crate) fn file(&self, name: &str) -> String {
        self.folder.join(name).display().to_string()
    }

    /// A certificate of `localhost` that is valid between these times.
    pub(crate) fn signed(&self, name: &str, from: &str, to: &str) -> Signed {
        self.openssl(&format!(
            "req -newkey rsa:2048 -nodes -subj /CN=cert -keyout {name}.key -out {name}.csr"
        ));
        self.openssl(&format!(
            "ca -batch -notext -config config -cert ca.crt -keyfile ca.key -in {name}.csr \
             -out {name}.crt -startdate {from} -enddate {to}"
        ));
        let file = |end: &str| self.folder.join(format!("{name}.{end}"));
        Signed { certificate: file("crt"), key: file("key") }
    }

    fn openssl(&self, words: &str) {
        let ran = Command::new("openssl")
            .args(words.split_whitespace())
            .current_dir(&self.folder)
            .output()
            .expect("openssl runs");
        assert!(ran.status.success(), "{words}: {}", String::from_utf8_lossy(&ran.stderr));
    }
}

/// Listens for one who wants TLS, and shows this certificate. Gives back its port.
pub(crate) fn listen(signed: &Signed) -> u16 {
    let chain = CertificateDer::pem_file_iter(&signed.certificate).expect("a file");
    let chain = chain.collect::<Result<Vec<_>, _>>().expect("certificates");
    let key = PrivateKeyDer::from_pem_file(&signed.key).expect("a key");
    let config = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()
        .expect("versions")
        .with_no_client_auth()
        .with_single_cert(chain, key)
        .expect("a certificate");
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let port = listener.local_addr().expect("an address").port();
    std::thread::spawn(move || {
        let (stream, _) = listener.accept().expect("somebody");
        shake_hands(stream, config);
    });
    port
}

/// Says yes to the request for TLS; that the client thinks otherwise of it is the test's to find out.
fn shake_hands(mut stream: TcpStream, config: ServerConfig) {
    let mut request = [0; 8];
    stream.read_exact(&mut request).expect("a request");
    stream.write_all(b"S").expect("answered");
    let mut connection = ServerConnection::new(Arc::new(config)).expect("a connection");
    while connection.is_handshaking() {
        if connection.complete_io(&mut stream).is_err() {
            return;
        }
    }
}
