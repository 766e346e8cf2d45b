//! Who is let in, over which encryption, and what is said to whoever is not.

use std::path::Path;

use astload_backends::postgres::PostgresFactory;
use astload_backends::{BackendFactory, Error, ErrorKind, Result};
use serde_json::json;

use crate::server::{Server, folder_of, port_of};
use crate::store::says;
use crate::tls_listener::{Authority, listen};

/// Connects and asks whether there is a store: whoever is let in is told that there is none.
async fn reach(url: &str) -> Result<()> {
    let options = json!({ "url": url, "schema": "nowhere" });
    PostgresFactory.exists(&options).await.map(|there| assert!(!there))
}

async fn kept_out(url: &str, words: &str, hint: &str) -> Error {
    let error = reach(url).await.expect_err(url);
    says(&error, ErrorKind::Misconfigured, words, hint);
    error
}

#[tokio::test]
async fn every_mode_of_tls_gets_to_a_server_that_speaks_it() {
    let Some(server) = Server::started() else { return };
    let root = server.file("ca.crt");
    for parameters in [
        String::new(),
        "sslmode=allow".into(),
        "sslmode=prefer".into(),
        "sslmode=require".into(),
        format!("sslmode=require&sslrootcert={root}"),
        format!("sslmode=verify-ca&sslrootcert={root}"),
        format!("sslmode=verify-full&sslrootcert={root}"),
    ] {
        for host in ["localhost", "127.0.0.1"] {
            let url = server.url_by(&format!("app:apppw@{host}"), &parameters);
            reach(&url).await.unwrap_or_else(|error| panic!("{parameters}: {error:?}"));
        }
    }
}

#[tokio::test]
async fn without_tls_only_those_are_let_in_who_need_none() {
    let Some(server) = Server::started() else { return };
    let plain = server.url_by("plain:plainpw@localhost", "sslmode=disable");
    reach(&plain).await.expect("let in");
    let url = server.url_by("app:apppw@localhost", "sslmode=disable");
    kept_out(&url, "no encryption", "pg_hba.conf").await;
}

#[tokio::test]
async fn an_authority_that_is_not_trusted_is_told_with_the_option_that_names_it() {
    let Some(server) = Server::started() else { return };
    let folder = tempfile::tempdir().expect("a folder");
    let root = Authority::new(folder.path()).file("ca.crt");
    for mode in ["require", "verify-ca", "verify-full"] {
        let parameters = format!("sslmode={mode}&sslrootcert={root}");
        let url = server.url_by("app:apppw@localhost", &parameters);
        kept_out(&url, "UnknownIssuer", "sslrootcert").await;
    }
}

#[tokio::test]
async fn a_file_of_authorities_that_is_none_is_named() {
    let Some(server) = Server::started() else { return };
    let with = |root: &str| {
        server.url_by("app:apppw@localhost", &format!("sslmode=verify-ca&sslrootcert={root}"))
    };
    kept_out(&with("/nowhere/ca.crt"), "/nowhere/ca.crt", "").await;
    kept_out(&with(&server.file("port")), "has no certificate", "").await;
}

#[tokio::test]
async fn a_host_by_another_name_passes_verify_ca_and_not_verify_full() {
    let Some(server) = Server::started() else { return };
    let with = |mode: &str| {
        format!(
            "host=wrong.example hostaddr=127.0.0.1 port={} user=app password=apppw dbname=app \
             sslmode={mode} sslrootcert={}",
            server.port(),
            server.file("ca.crt")
        )
    };
    reach(&with("verify-ca")).await.expect("let in");
    kept_out(&with("verify-full"), "wrong.example", "verify-ca").await;
}

#[tokio::test]
async fn an_address_alone_is_a_host() {
    let Some(server) = Server::started() else { return };
    for mode in ["disable", "require", "verify-full"] {
        let (user, password) =
            if mode == "disable" { ("plain", "plainpw") } else { ("app", "apppw") };
        let pairs = format!(
            "hostaddr=127.0.0.1 port={} user={user} password={password} dbname=app sslmode={mode} \
             sslrootcert={}",
            server.port(),
            server.file("ca.crt")
        );
        reach(&pairs).await.unwrap_or_else(|error| panic!("{mode}: {error:?}"));
    }
}

#[tokio::test]
async fn a_socket_of_the_machine_needs_no_tls_whatever_the_mode() {
    let Some(server) = Server::started() else { return };
    for mode in ["disable", "prefer", "require", "verify-full"] {
        let pairs = format!(
            "host={} port={} user=app dbname=app sslmode={mode} sslrootcert={}",
            server.folder().display(),
            server.port(),
            server.file("ca.crt")
        );
        reach(&pairs).await.unwrap_or_else(|error| panic!("{mode}: {error:?}"));
    }
}

#[tokio::test]
async fn an_expired_certificate_is_no_longer_trusted() {
    let folder = tempfile::tempdir().expect("a folder");
    let authority = Authority::new(folder.path());
    let expired = authority.signed("expired", "20200101000000Z", "20210101000000Z");
    let root = authority.file("ca.crt");
    for mode in ["verify-ca", "verify-full"] {
        let port = listen(&expired);
        let url =
            format!("postgres://app:hushpw@localhost:{port}/app?sslmode={mode}&sslrootcert={root}");
        kept_out(&url, "expired", "valid today").await;
    }
}

#[tokio::test]
async fn a_server_without_tls_is_told_apart() {
    let Some(pooler) = folder_of("pgbouncer") else { return };
    for mode in ["require", "verify-full"] {
        let url = format!("postgres://app:apppw@localhost:{}/app?sslmode={mode}", port_of(&pooler));
        kept_out(&url, "does not support TLS", "sslmode=disable").await;
    }
    for mode in ["prefer", "disable"] {
        let url = format!("postgres://app:apppw@localhost:{}/app?sslmode={mode}", port_of(&pooler));
        reach(&url).await.expect("let in");
    }
}

#[tokio::test]
async fn a_certificate_of_our_own_stands_for_a_password() {
    let Some(server) = Server::started() else { return };
    let with = |folder: &Path| {
        let file = |name: &str| folder.join(name).display().to_string();
        let parameters = format!(
            "sslmode=verify-full&sslrootcert={}&sslcert={}&sslkey={}",
            server.file("ca.crt"),
            file("client.crt"),
            file("client.key")
        );
        server.url_by("cert@localhost", &parameters)
    };
    reach(&with(server.folder())).await.expect("let in");
    let without = server.url_by("cert@localhost", "sslmode=require");
    kept_out(&without, "certificate", "pg_hba.conf").await;
    // Someone else's name is in it.
    let other = with(server.folder()).replace("cert@", "app@");
    kept_out(&other, "password", "").await;
}

#[tokio::test]
async fn a_certificate_of_another_authority_is_none() {
    let Some(server) = Server::started() else { return };
    let folder = tempfile::tempdir().expect("a folder");
    let authority = Authority::new(folder.path());
    let signed = authority.signed("client", "20200101000000Z", "20990101000000Z");
    let parameters = format!(
        "sslmode=require&sslcert={}&sslkey={}",
        signed.certificate.display(),
        signed.key.display()
    );
    let url = server.url_by("cert@localhost", &parameters);
    kept_out(&url, "", "sslcert").await;
}

#[tokio::test]
async fn a_wrong_password_and_an_unknown_database_are_told_apart() {
    let Some(server) = Server::started() else { return };
    let wrong = server.url_by("app:hushpw@localhost", "sslmode=require");
    kept_out(&wrong, "password authentication failed", "user, password").await;
    let none = server.url_by("app@localhost", "sslmode=require");
    kept_out(&none, "password", "PGPASSFILE").await;
    let nobody = server.url_by("nobody:hushpw@localhost", "sslmode=require");
    kept_out(&nobody, "password authentication failed", "user, password").await;
    let elsewhere = server.url().replace("/app?", "/nowhere?");
    kept_out(&elsewhere, "nowhere", "createdb").await;
}

#[tokio::test]
async fn a_pooler_that_lets_nobody_in_is_not_asked_again_and_again() {
    let Some(pooler) = folder_of("pgbouncer") else { return };
    let with = |who: &str, database: &str| {
        format!("postgres://{who}@localhost:{}/{database}?sslmode=disable", port_of(&pooler))
    };
    kept_out(&with("app:hushpw", "app"), "", "user, password").await;
    kept_out(&with("nobody:hushpw", "app"), "", "user, password").await;
    kept_out(&with("app:apppw", "nowhere"), "nowhere", "").await;
}

#[tokio::test]
async fn nobody_listening_is_worth_another_attempt() {
    // A port that is free: it was ours a moment ago.
    let taken = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
    let port = taken.local_addr().expect("an address").port();
    drop(taken);
    let url = format!("postgres://app:hushpw@127.0.0.1:{port}/app");
    let error = reach(&url).await.expect_err("nobody is there");
    says(&error, ErrorKind::Transient, "refused", "host and port");
}
