//! A server that shows a certificate and no more.

use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::Arc;

use astload_fixtures::tls::server_config;
pub(crate) use astload_fixtures::tls::{Authority, Signed};
use rustls::{ServerConfig, ServerConnection};

/// Listens for one who wants TLS, and shows this certificate. Gives back its port.
pub(crate) fn listen(signed: &Signed) -> u16 {
    let config = server_config(signed);
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let port = listener.local_addr().expect("an address").port();
    std::thread::spawn(move || {
        let (stream, _) = listener.accept().expect("somebody");
        shake_hands(stream, config);
    });
    port
}

/// Says yes to the request for TLS; that the client thinks otherwise of it is the test's to find out.
fn shake_hands(mut stream: TcpStream, config: Arc<ServerConfig>) {
    let mut request = [0; 8];
    stream.read_exact(&mut request).expect("a request");
    stream.write_all(b"S").expect("answered");
    let mut connection = ServerConnection::new(config).expect("a connection");
    while connection.is_handshaking() {
        if connection.complete_io(&mut stream).is_err() {
            return;
        }
    }
}
