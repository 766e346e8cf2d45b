//! Encrypted connections, through a server before the real one that takes nothing else.

use astload_backends::BackendFactory;
use astload_backends::ErrorKind::Misconfigured;
use astload_backends::Result;
use astload_backends::neo4j::Neo4jFactory;
use astload_fixtures::tls::{Authority, Signed, encrypted};
use serde_json::{Value, json};

use crate::server::{PASSWORD, Server};
use crate::store::{Store, says};

const LONG_AGO: [&str; 2] = ["20200101000000Z", "20210101000000Z"];
const NOW: [&str; 2] = ["20200101000000Z", "20400101000000Z"];

async fn exists(options: Value) -> Result<bool> {
    Neo4jFactory.exists(&options).await
}

struct Way {
    port: u16,
    ca: String,
}

impl Way {
    async fn to(server: &Server, authority: &Authority, signed: &Signed) -> Self {
        let port = encrypted(signed, server.port()).await;
        Self { port, ca: authority.file("ca.crt") }
    }

    fn url(&self, scheme: &str, host: &str) -> String {
        format!("{scheme}://neo4j:{PASSWORD}@{host}:{}", self.port)
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_is_trusted_by_its_authority_and_its_name() {
    let Some(server) = Server::started() else { return };
    let folder = tempfile::tempdir().expect("a folder");
    let authority = Authority::new(folder.path());
    let way = Way::to(&server, &authority, &authority.signed("good", NOW[0], NOW[1])).await;
    let (url, ca) = (way.url("bolt+s", "localhost"), &way.ca);
    exists(json!({ "url": url, "ca": ca })).await.expect("trusted");
    exists(json!({ "url": way.url("neo4j+ssc", "localhost") })).await.expect("whoever it is");
    let store = Store::with(&server, json!({ "url": url, "ca": ca })).await;
    store.write(&[astload_fixtures::delivery::unit("a", 1)]).await;
    let unknown = exists(json!({ "url": url })).await.expect_err("unknown");
    says(&unknown, Misconfigured, "TLS", "`ca`");
    let misnamed = way.url("bolt+s", "127.0.0.1");
    let misnamed = exists(json!({ "url": misnamed, "ca": ca })).await.expect_err("another");
    says(&misnamed, Misconfigured, "TLS", "the host as it does");
    let plain = exists(json!({ "url": way.url("bolt", "localhost") })).await.expect_err("plain");
    assert!(plain.hint.as_deref().unwrap_or_default().contains("bolt+s://"), "{plain:?}");
    let folder = tempfile::tempdir().expect("a folder");
    let authority = Authority::new(folder.path());
    let expired = authority.signed("expired", LONG_AGO[0], LONG_AGO[1]);
    let way = Way::to(&server, &authority, &expired).await;
    let url = way.url("bolt+s", "localhost");
    let expired = exists(json!({ "url": url, "ca": way.ca })).await.expect_err("expired");
    says(&expired, Misconfigured, "xpired", "`ca`");
}

#[tokio::test(flavor = "multi_thread")]
async fn files_that_are_not_what_they_should_be_are_told_by_their_option() {
    let folder = tempfile::tempdir().expect("a folder");
    let empty = folder.path().join("empty");
    std::fs::write(&empty, "nothing").expect("written");
    for (options, words) in [
        (json!({ "ca": empty }), "`ca`"),
        (json!({ "ca": "/nowhere" }), "`ca`"),
        (json!({ "certificate": empty }), "belong together"),
        (json!({ "certificate": empty, "key": empty }), "`certificate`"),
    ] {
        let mut options = options;
        options["url"] = "bolt+s://localhost:1".into();
        says(&exists(options).await.expect_err("wrong"), Misconfigured, words, "");
    }
    let plain = exists(json!({ "url": "bolt://localhost:1", "ca": empty })).await;
    says(&plain.expect_err("wrong"), Misconfigured, "`ca` is for encrypted", "bolt+s://");
}
