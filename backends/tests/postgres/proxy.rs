//! Toxiproxy between a backend and its server. <https://github.com/Shopify/toxiproxy#http-api>

use std::process::{Command, Stdio};

use serde_json::{Value, json};

use crate::server::{Server, folder_of, port_of};

/// A way to the server that a test can make bad.
pub(crate) struct Proxy {
    api: String,
    name: String,
    port: u16,
}

impl Proxy {
    /// One to this server; without Toxiproxy, says that the test is skipped.
    pub(crate) fn to(server: &Server) -> Option<Self> {
        let api = format!("http://127.0.0.1:{}/proxies", port_of(&folder_of("toxiproxy")?));
        let name = server.name();
        let upstream = format!("127.0.0.1:{}", server.port());
        let proxy = json!({ "name": name, "listen": "127.0.0.1:0", "upstream": upstream });
        let made = call("POST", &api, &proxy);
        let listens = made["listen"].as_str().expect("an address");
        let port = listens.rsplit(':').next().and_then(|port| port.parse().ok());
        Some(Self { api: format!("{api}/{name}"), name, port: port.expect("a port") })
    }

    /// What leads through it. Without TLS, so that what is cut is what the server speaks.
    pub(crate) fn url(&self) -> String {
        format!("postgres://plain:plainpw@127.0.0.1:{}/app?sslmode=disable", self.port)
    }

    /// The same, encrypted.
    pub(crate) fn tls_url(&self) -> String {
        format!("postgres://app:apppw@127.0.0.1:{}/app?sslmode=require", self.port)
    }

    /// Makes the way bad: one way (`upstream`, `downstream`), of a kind, with its attributes.
    pub(crate) fn poison(&self, stream: &str, kind: &str, attributes: Value) {
        let toxic = json!({
            "name": format!("{kind}_{stream}"), "type": kind, "stream": stream,
            "attributes": attributes,
        });
        call("POST", &format!("{}/toxics", self.api), &toxic);
    }

    /// Makes it good again, in this respect.
    pub(crate) fn heal(&self, stream: &str, kind: &str) {
        call("DELETE", &format!("{}/toxics/{kind}_{stream}", self.api), &Value::Null);
    }

    /// Cuts all connections; there are no new ones until it is opened.
    pub(crate) fn shut(&self) {
        call("POST", &self.api, &json!({ "name": self.name, "enabled": false }));
    }

    pub(crate) fn open(&self) {
        let listen = format!("127.0.0.1:{}", self.port);
        call("POST", &self.api, &json!({ "name": self.name, "enabled": true, "listen": listen }));
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        call("DELETE", &self.api, &Value::Null);
    }
}

fn call(method: &str, url: &str, body: &Value) -> Value {
    let body = if body.is_null() { String::new() } else { body.to_string() };
    let called = Command::new("curl")
        .args(["-fsS", "-X", method, "--data", &body, url])
        .stderr(Stdio::inherit())
        .output()
        .expect("curl runs");
    assert!(called.status.success(), "{method} {url} {body}");
    serde_json::from_slice(&called.stdout).unwrap_or_default()
}
