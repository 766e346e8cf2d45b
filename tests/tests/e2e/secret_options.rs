//! An option that its type marks as secret is shown by nothing, whatever way it came in.

use std::fs;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::thread;

use astload_tests::{Finished, Sandbox};

const SECRET: &str = "S3cretKey1234";

/// What is left of it within base64, behind `me:`, or alone.
const ENCODED: [&str; 2] = ["UzNjcmV0S2V5MTIzN", "MzY3JldEtleTEyMz"];

/// A server that refuses everything, and repeats what it was asked and by whom.
fn repeating() -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let address = listener.local_addr().expect("its port");
    thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            thread::spawn(move || while answer(&stream).is_some() {});
        }
    });
    address
}

/// Answers one request; `None` where there is none any more.
fn answer(stream: &TcpStream) -> Option<()> {
    let mut reader = BufReader::new(stream);
    let (mut head, mut line) = (String::new(), String::new());
    while reader.read_line(&mut line).ok()? > 0 && line != "\r\n" {
        head += &std::mem::take(&mut line);
    }
    if head.is_empty() {
        return None;
    }
    let header = |name: &str| {
        let of = |line: &str| {
            Some(
                line.split_once(": ")
                    .filter(|(key, _)| key.eq_ignore_ascii_case(name))?
                    .1
                    .to_owned(),
            )
        };
        head.lines().find_map(of)
    };
    let length = header("content-length").and_then(|length| length.parse().ok()).unwrap_or(0);
    let mut body = vec![0; length];
    reader.read_exact(&mut body).ok()?;
    let who = header("authorization").unwrap_or_default();
    let said = format!("{who} may not; \\u001b[31m; {}", head.lines().next().unwrap_or_default());
    let body = format!(r#"{{"error":{{"type":"x","reason":"{said}"}},"status":400}}"#);
    let length = body.len();
    write!(
        &*stream,
        "HTTP/1.1 400 Bad\r\nX-Elastic-Product: Elasticsearch\r\nContent-Type: application/json\r\n\
         Content-Length: {length}\r\n\r\n{body}"
    )
    .ok()
}

/// Requires that nothing that was said or kept holds the secret.
#[track_caller]
fn is_clean(sandbox: &Sandbox, what: &[&str], finished: &Finished) {
    let audit = fs::read_to_string(sandbox.path("audit.jsonl")).unwrap_or_default();
    for said in [finished.all(), audit, kept(&sandbox.path("state")), kept(&sandbox.path("cache"))]
    {
        for secret in [SECRET, "s3cretkey1234"].iter().chain(&ENCODED) {
            assert!(!said.contains(secret), "{what:?}: {secret} in {said}");
        }
    }
}

/// All that is in a folder.
fn kept(folder: &std::path::Path) -> String {
    let entries = fs::read_dir(folder).into_iter().flatten().flatten();
    let of = |path: std::path::PathBuf| match path.is_dir() {
        true => kept(&path),
        false => {
            let bytes = fs::read(&path).expect("it may be read");
            format!("{}\n{}\n", path.display(), String::from_utf8_lossy(&bytes))
        }
    };
    entries.map(|entry| of(entry.path())).collect()
}

#[test]
fn a_server_that_repeats_the_secret_of_a_url_is_not_quoted() {
    let sandbox = Sandbox::with_python();
    let server = repeating();
    for url in [
        format!("elasticsearch+http://{server}?api_key={SECRET}"),
        format!("elasticsearch+http://{server}?token={SECRET}"),
        format!("opensearch+http://{server}?user=me&password={SECRET}"),
        format!("opensearch+http://{server}?user=me&p%61ssword=S3cret%4bey1234"),
        format!("elasticsearch+http://{server}?api%5Fkey={SECRET}"),
        format!("elasticsearch+http://me:{SECRET}@{server}"),
        format!("elasticsearch+http://me:{SECRET}@{server}?prefix=UPPER"),
    ] {
        let url = url.as_str();
        for arguments in [
            &["load", "repo", "--to", url, "--audit", "audit.jsonl", "--patience", "2s"][..],
            &["load", "repo", "--to", url, "--dry-run"],
            &["show", url],
            &["tree", "a.py", "--from", url],
            &["refs", "first", "--from", url],
            &["rm", "repo", "--from", url, "--audit", "audit.jsonl"],
            &["gc", url, "--audit", "audit.jsonl"],
            &["verify", "sqlite:a.db", url, "--patience", "2s"],
            &["backfill", url, "sqlite:a.db", "--patience", "2s"],
            &["schema", "plan", url],
            &["schema", "apply", url, "--audit", "audit.jsonl"],
            &["schema", "drop", url, "--yes", "--audit", "audit.jsonl"],
            &["dlq", "replay", "--to", url],
        ] {
            for more in [&[][..], &["--json"]] {
                let told = sandbox.run(&[arguments, more].concat());
                assert_ne!(told.code(), 0, "{arguments:?}: {}", told.all());
                is_clean(&sandbox, arguments, &told);
            }
        }
    }
    let audit = fs::read_to_string(sandbox.path("audit.jsonl")).expect("an account");
    assert!(audit.contains("*** may not"), "{audit}");
}

#[test]
fn a_configuration_shows_no_secret_however_it_is_written() {
    let sandbox = Sandbox::with_python();
    let server = repeating();
    fs::write(sandbox.path("key"), format!("{SECRET}\n")).expect("written");
    let text = format!(
        "backends:
  a: {{type: elasticsearch, url: 'http://{server}', prefix: a, api_key: {SECRET}}}
  b: {{type: opensearch, url: 'http://{server}', prefix: b, token: {{file: key}}}}
  c: {{type: elasticsearch, url: 'http://me:{SECRET}@{server}', prefix: c}}
  d: {{type: opensearch, url: 'http://{server}', prefix: d, user: me, password: {SECRET}}}
  e: {{type: neo4j, url: 'bolt://127.0.0.1:1', password: {SECRET}}}
  f: {{type: postgres, url: 'postgres://127.0.0.1:1/d', user: me, password: {SECRET}}}
  g: {{type: postgres, url: 'host=127.0.0.1 port=1 password={SECRET}'}}
"
    );
    fs::write(sandbox.path("right.yaml"), text).expect("written");
    for (arguments, code) in [
        (&["config", "show", "right.yaml"][..], 0),
        (&["config", "show", "right.yaml", "--json"], 0),
        (&["check", "right.yaml", "--connect", "--audit", "audit.jsonl"], 1),
        (&["check", "right.yaml", "--connect", "--json"], 1),
        (
            &[
                "load",
                "repo",
                "--config",
                "right.yaml",
                "--audit",
                "audit.jsonl",
                "--patience",
                "2s",
            ],
            1,
        ),
        (&["load", "repo", "--config", "right.yaml", "--json", "--patience", "2s"], 1),
    ] {
        let told = sandbox.run(arguments).exits(code);
        is_clean(&sandbox, arguments, &told);
    }
    for option in [
        "type: neo4j, url: 'bolt://h', password: 987654321",
        "type: postgres, url: 'postgres://h', password: 987654321",
        "type: elasticsearch, url: 'http://h', api_key: 987654321",
        "type: elasticsearch, url: 'http://h', api_key: [987654321]",
        "type: elasticsearch, url: 'http://h', api_key:987654321",
        "type: sqlite, password:987654321",
        "type: elasticsearch, url: 'ftp://me:987654321@h'",
        "type: elasticsearch, url: '987654321:9200'",
        "type: neo4j, url: 'bolt://me:12?987654321=@h'",
        "type: postgres, url: 'postgres:/me:987654321@h/d'",
        "type: postgres, url: 'postgres://me:1?987654321=1@h/d'",
    ] {
        fs::write(sandbox.path("wrong.yaml"), format!("backends:\n  n: {{{option}}}\n"))
            .expect("written");
        for more in [&[][..], &["--json"], &["--connect"]] {
            let told = sandbox.run(&[&["check", "wrong.yaml"][..], more].concat());
            assert!(!told.all().contains("987654321"), "{option}: {}", told.all());
        }
    }
}

#[test]
fn what_is_no_url_is_not_repeated() {
    let sandbox = Sandbox::with_python();
    for url in [
        format!("me:{SECRET}@host/db"),
        format!("{SECRET}:host/db"),
        format!("postgres//me:{SECRET}@host/db"),
        format!("postgres:/me:{SECRET}@127.0.0.1:1/db"),
        format!("postgres:me:{SECRET}@127.0.0.1:1/db"),
        format!("sqlite:/me:{SECRET}@host/db"),
        format!("neo4j:/me:{SECRET}@host/db"),
        format!("elasticsearch:/me:{SECRET}@127.0.0.1:1"),
        format!("http://me:{SECRET}@host"),
        format!("postgres://me:a?{SECRET}@host/db"),
        format!("postgres://me:1?{SECRET}=1@127.0.0.1/db"),
        format!("neo4j://me:1?{SECRET}=1@127.0.0.1"),
        format!("neo4j://127.0.0.1:1?passwrd={SECRET}"),
        format!("postgres://h?{SECRET}"),
        format!("sqlite:x.db?a=%zz{SECRET}"),
        format!("sqlite:x.db?durability={SECRET}&durability=full"),
    ] {
        let url = url.as_str();
        for arguments in [
            &["load", "repo", "--patience", "2s", "--to", url][..],
            &["show", url],
            &["gc", url],
            &["verify", "sqlite:a.db", url, "--patience", "2s"],
            &["backfill", "sqlite:a.db", url, "--patience", "2s"],
            &["schema", "plan", url],
            &["tree", "a.py", "--from", url],
        ] {
            let told = sandbox.run(arguments);
            assert_ne!(told.code(), 0, "{arguments:?}: {}", told.all());
            is_clean(&sandbox, arguments, &told);
        }
        // Arguments that are not understood at all.
        for arguments in
            [&["show", "x", url][..], &["load", "repo", &format!("--nodes={url}")], &[url]]
        {
            let told = sandbox.run(arguments).exits(2);
            is_clean(&sandbox, arguments, &told);
        }
    }
    let two = ["load", "repo", "--to", "sqlite:a.db", "--to", SECRET];
    is_clean(&sandbox, &two, &sandbox.run(&two).exits(2).says("--to number 2"));
    let http = ["load", "repo", "--to", "http://host"];
    sandbox.run(&http).exits(2).says("write elasticsearch+http://… or opensearch+http://…");
}

#[test]
fn a_repository_is_called_without_the_credentials_of_its_remote() {
    for remote in [
        format!("https://me:{SECRET}@host/org/x.git"),
        format!("me:{SECRET}@host:org/x"),
        format!("https:/me:{SECRET}@host/org/x"),
        format!("https://me:{SECRET}/1@host/org/x"),
        format!("https://host/org/x?token={SECRET}"),
    ] {
        let sandbox = Sandbox::with_python();
        fs::create_dir(sandbox.file(".git")).expect("a folder");
        let config = format!("[remote \"origin\"]\n\turl = {remote}\n");
        fs::write(sandbox.file(".git/config"), config).expect("written");
        let load = ["load", "repo", "--to", "sqlite:a.db", "--audit", "audit.jsonl"];
        is_clean(&sandbox, &load, &sandbox.run(&load).exits(0));
        let show = ["show", "sqlite:a.db", "--json"];
        is_clean(&sandbox, &show, &sandbox.run(&show).exits(0));
    }
}
