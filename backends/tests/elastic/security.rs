//! Encrypted connections, and servers that want to be told who asks: the real one behind another one that
//! demands both.

use astload_backends::ErrorKind::Misconfigured;
use astload_fixtures::delivery::{says, unit};
use astload_fixtures::tls::{Authority, Guarded, Signed, encrypted};
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::server::{Server, both};
use crate::store::Store;

const NOW: [&str; 2] = ["20200101000000Z", "20400101000000Z"];
const LONG_AGO: [&str; 2] = ["20200101000000Z", "20210101000000Z"];

/// `me:first-secret` and `me:second-secret`, in base 64.
const BASIC: [&str; 2] = ["Basic bWU6Zmlyc3Qtc2VjcmV0", "Basic bWU6c2Vjb25kLXNlY3JldA=="];

struct Authorities {
    _folder: TempDir,
    authority: Authority,
}

impl Authorities {
    fn new() -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let authority = Authority::new(folder.path());
        Self { _folder: folder, authority }
    }

    fn signed(&self, [from, to]: [&str; 2]) -> Signed {
        self.authority.signed("server", from, to)
    }

    fn ca(&self) -> String {
        self.authority.file("ca.crt")
    }
}

fn with(mut options: Value, others: &Value) -> Value {
    for (name, value) in others.as_object().expect("options") {
        options[name] = value.clone();
    }
    options
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_is_trusted_by_its_authority_and_its_name() {
    for kind in both() {
        let Some(server) = Server::started(kind) else { continue };
        let authorities = Authorities::new();
        let port = encrypted(&authorities.signed(NOW), server.port()).await;
        let way = |scheme: &str, host: &str| format!("{scheme}://{host}:{port}");
        let good = json!({ "url": way("https", "localhost"), "ca": authorities.ca() });
        let store = Store::with(&server, good.clone()).await;
        store.write(&[unit("a", 1)]).await;
        for (options, hint) in [
            (json!({ "url": way("https", "localhost") }), "`ca`"),
            (json!({ "url": way("https", "127.0.0.1"), "ca": authorities.ca() }), "the host as"),
        ] {
            let failed = kind.factory().exists(&options).await.expect_err("not trusted");
            says(&failed, Misconfigured, "TLS", hint, &[]);
        }
        let plain = json!({ "url": way("http", "localhost") });
        let plain = kind.factory().exists(&plain).await.expect_err("plain");
        assert!(plain.hint.as_deref().unwrap_or_default().contains("https://"), "{plain:?}");
        let authorities = Authorities::new();
        let expired = encrypted(&authorities.signed(LONG_AGO), server.port()).await;
        let url = format!("https://localhost:{expired}");
        let expired = json!({ "url": url, "ca": authorities.ca() });
        let expired = kind.factory().exists(&expired).await.expect_err("expired");
        says(&expired, Misconfigured, "xpired", "`ca`", &[]);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn who_asks_is_told_by_a_password_a_key_or_a_token_and_else_it_is_said() {
    for kind in both() {
        let Some(server) = Server::started(kind) else { continue };
        let authorities = Authorities::new();
        let signed = authorities.signed(NOW);
        for (expected, good) in [
            (BASIC[0], json!({ "user": "me", "password": "first-secret" })),
            ("ApiKey bXkta2V5OnZhbHVl", json!({ "api_key": "bXkta2V5OnZhbHVl" })),
            ("Bearer a-token", json!({ "token": "a-token" })),
        ] {
            let guarded = Guarded::before(&signed, server.port(), expected).await;
            let url = format!("https://localhost:{}", guarded.port);
            let way = json!({ "url": url, "ca": authorities.ca() });
            let store = Store::with(&server, with(way.clone(), &good)).await;
            store.write(&[unit("a", 1)]).await;
            store.holds(&[unit("a", 1)]).await;
            let wrong = json!({ "user": "me", "password": "a-guess" });
            for options in [way.clone(), with(way, &wrong)] {
                let failed = kind.factory().exists(&options).await.expect_err("unknown");
                let secrets = ["a-guess", "first-secret"];
                says(&failed, Misconfigured, "unable to authenticate", "`password`", &secrets);
            }
        }
        let guarded = Guarded::before(&signed, server.port(), BASIC[0]).await;
        let url = format!("https://me:first-secret@localhost:{}", guarded.port);
        let in_url = json!({ "url": url, "ca": authorities.ca() });
        Store::with(&server, in_url).await.write(&[unit("a", 1)]).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_password_that_is_changed_is_told_and_the_new_one_works() {
    for kind in both() {
        let Some(server) = Server::started(kind) else { continue };
        let authorities = Authorities::new();
        let guarded = Guarded::before(&authorities.signed(NOW), server.port(), BASIC[0]).await;
        let url = format!("https://localhost:{}", guarded.port);
        let who = |password| json!({ "user": "me", "password": password });
        let way = json!({ "url": url, "ca": authorities.ca() });
        let store = Store::with(&server, with(way, &who("first-secret"))).await;
        store.write(&[unit("a", 1)]).await;
        guarded.change(BASIC[1]);
        let error = store.refused(&[unit("a", 2)]).await;
        let secrets = ["first-secret", "second-secret"];
        says(&error, Misconfigured, "unable to authenticate", "`password`", &secrets);
        let unwell = store.backend.health_check().await.expect_err("unwell");
        says(&unwell, Misconfigured, "unable to authenticate", "`password`", &secrets);
        let renewed = with(store.options.clone(), &who("second-secret"));
        let renewed = server.connect(&renewed).await.expect("connects");
        renewed
            .write_batch(&astload_fixtures::units::batch_of(&[unit("a", 2)]))
            .await
            .expect("written");
        // Whoever has the old one is not locked out for good.
        guarded.change(BASIC[0]);
        store.write(&[unit("a", 3)]).await;
        store.holds(&[unit("a", 3)]).await;
    }
}
