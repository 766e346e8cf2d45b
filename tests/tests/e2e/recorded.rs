//! What a store records of a load: when it ended, and which revision it read.

use std::path::Path;
use std::process::Output;
use std::time::{SystemTime, UNIX_EPOCH};

use astload_tests::{ElasticStore, NeoStore, PgStore, Sandbox};
use serde_json::{Value, json};

/// git in the repository, with nothing of the user's.
pub(crate) fn git(sandbox: &Sandbox, arguments: &[&str]) -> String {
    let mut git =
        sandbox.command_of(Path::new("git"), &["-c", "user.name=a", "-c", "user.email=b"]);
    git.args(arguments).current_dir(sandbox.file("")).env("GIT_CONFIG_NOSYSTEM", "1");
    let Output { status, stdout, stderr } = git.output().expect("git");
    assert!(status.success(), "git {arguments:?}: {}", String::from_utf8_lossy(&stderr));
    String::from_utf8_lossy(&stdout).trim().to_owned()
}

/// A sandbox whose repository has a commit.
pub(crate) fn committed() -> Sandbox {
    let sandbox = Sandbox::with_python();
    git(&sandbox, &["init", "-q"]);
    commit(&sandbox);
    sandbox
}

/// Commits all that is there, and gives the commit's id.
pub(crate) fn commit(sandbox: &Sandbox) -> String {
    git(sandbox, &["add", "-A"]);
    git(sandbox, &["commit", "-q", "--allow-empty", "-m", "a"]);
    git(sandbox, &["rev-parse", "HEAD"])
}

/// What a store says of its only repository.
fn shown(sandbox: &Sandbox, url: &str) -> Value {
    let shown = sandbox.run(&["show", url, "--json"]).exits(0).json();
    let repos = shown["repos"].as_array().expect("a list");
    assert_eq!(repos.len(), 1, "{shown}");
    repos[0].clone()
}

fn now() -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).expect("after 1970");
    u64::try_from(since.as_micros()).expect("before the end of time")
}

fn load(sandbox: &Sandbox, url: &str, more: &[&str]) {
    let load = ["load", "repo", "--quiet", "--to", url];
    sandbox.run(&[&load, more].concat()).exits(0);
}

#[test]
fn every_store_says_which_revision_was_loaded_and_when() {
    let hold = |url: &str| {
        let sandbox = committed();
        let first = git(&sandbox, &["rev-parse", "HEAD"]);
        let begun = now();
        load(&sandbox, url, &[]);
        let repo = shown(&sandbox, url);
        assert_eq!(repo["revision"], json!(first), "{url}: {repo}");
        let at = repo["loaded_at"].as_u64().expect("a time");
        assert!(begun / 1_000 * 1_000 <= at && at <= now(), "{url}: {repo}");
        // What did not change is skipped, and the load counts all the same.
        let second = commit(&sandbox);
        load(&sandbox, url, &[]);
        let repo = shown(&sandbox, url);
        assert_eq!(repo["revision"], json!(second), "{url}: {repo}");
        assert!(repo["loaded_at"].as_u64() >= Some(at), "{url}: {repo}");
        sandbox.run(&["show", url]).exits(0).says(&format!(" at {}, loaded ", &second[..12]));
        // Units have none: a store of another revision with the same files is the same.
        commit(&sandbox);
        load(&sandbox, "sqlite:other.db", &[]);
        sandbox.run(&["verify", url, "sqlite:other.db"]).exits(0);
        // It goes with the claim.
        sandbox.run(&["rm", "repo", "--from", url]).exits(0);
        let of_stream = json!({"repo": "repo", "path": "a.py", "nodes": [{"kind": "module"}]});
        let line = format!("{of_stream}\n");
        sandbox.run_with_input(&["load", "-", "--quiet", "--to", url], line.as_bytes()).exits(0);
        let repo = shown(&sandbox, url);
        assert_eq!((&repo["revision"], repo["loaded_at"].is_u64()), (&Value::Null, true), "{repo}");
    };
    hold("sqlite:a.db");
    if let Some(store) = PgStore::new() {
        hold(&store.url());
        let question = "SELECT repo, layer, loaded_at > now() - interval '1 h' FROM repositories";
        assert_eq!(store.psql(question), "repo|ast|t");
    }
    if let Some(store) = NeoStore::new() {
        hold(&store.url());
    }
    for store in ElasticStore::of_each() {
        hold(&store.url());
    }
}

#[test]
fn the_view_of_repositories_shows_the_record() {
    let sandbox = committed();
    git(&sandbox, &["remote", "add", "origin", "https://me:secret@Host.example/org/name.git"]);
    load(&sandbox, "sqlite:a.db", &[]);
    let head = git(&sandbox, &["rev-parse", "HEAD"]);
    let question = "SELECT repo, layer, remote, revision, origin FROM repositories";
    let row = format!(r#""host.example/org/name"|"ast"|"host.example/org/name"|"{head}"|"ours""#);
    assert_eq!(sandbox.store("a.db").ask(question), [row]);
    let question = "SELECT loaded_at LIKE '20__-__-__ __:__:__.___' FROM repositories";
    assert_eq!(sandbox.store("a.db").number(question), 1);
}

#[test]
fn a_load_that_is_not_whole_leaves_the_record_or_says_that_there_is_no_one_revision() {
    let sandbox = committed();
    load(&sandbox, "sqlite:a.db", &[]);
    let first = shown(&sandbox, "sqlite:a.db");
    // A part at the same revision.
    load(&sandbox, "sqlite:a.db", &["--include", "a.py"]);
    let repo = shown(&sandbox, "sqlite:a.db");
    assert_eq!(repo["revision"], first["revision"]);
    // Deletions that lack consent.
    sandbox.remove("a.py");
    sandbox.remove("b.py");
    commit(&sandbox);
    sandbox.load_exits("a.db", &[], 3);
    assert_eq!(shown(&sandbox, "sqlite:a.db"), repo);
    // A part at another revision.
    load(&sandbox, "sqlite:a.db", &["--include", "pkg/**"]);
    assert_eq!(shown(&sandbox, "sqlite:a.db")["revision"], Value::Null);
    load(&sandbox, "sqlite:a.db", &["--allow-mass-delete"]);
    let head = git(&sandbox, &["rev-parse", "HEAD"]);
    assert_eq!(shown(&sandbox, "sqlite:a.db")["revision"], json!(head));
    // Nothing is recorded of what is only planned.
    commit(&sandbox);
    load(&sandbox, "sqlite:a.db", &["--dry-run"]);
    assert_eq!(shown(&sandbox, "sqlite:a.db")["revision"], json!(head));
}

#[test]
fn a_store_that_does_not_get_everything_keeps_its_record_and_another_has_the_new_one() {
    let sandbox = committed();
    let both = ["--to", "sqlite:b.db"];
    load(&sandbox, "sqlite:a.db", &both);
    let before = shown(&sandbox, "sqlite:b.db");
    // The store takes no unit any more.
    let refuses =
        "CREATE TRIGGER refuses BEFORE INSERT ON unit BEGIN SELECT RAISE(ABORT, 'no'); END";
    sandbox.store("b.db").execute(refuses);
    sandbox.write("new.py", "x = 1\n");
    let head = commit(&sandbox);
    let load = ["load", "repo", "--quiet", "--patience", "3s", "--to", "sqlite:a.db"];
    sandbox.run(&[&load[..], &both].concat()).exits(3);
    assert_eq!(shown(&sandbox, "sqlite:b.db"), before);
    assert_eq!(shown(&sandbox, "sqlite:a.db")["revision"], json!(head));
}

#[test]
fn the_units_of_a_stream_say_the_revision_if_it_is_one() {
    let sandbox = Sandbox::new();
    let unit = |path: &str, revision: Option<&str>| json!({"repo": "r", "path": path, "revision": revision, "nodes": [{"kind": "module"}]});
    let table = [
        (vec![unit("a", Some("v1")), unit("b", Some("v1"))], json!("v1")),
        (vec![unit("a", Some("v2")), unit("b", Some("v3"))], Value::Null),
        (
            vec![unit("a", Some("v4")), json!({"repo": "r", "path": "b", "op": "delete"})],
            json!("v4"),
        ),
        (vec![unit("a", None)], Value::Null),
    ];
    for (units, revision) in table {
        let lines: String = units.iter().map(|unit| format!("{unit}\n")).collect();
        let load = ["load", "-", "--quiet", "--to", "sqlite:a.db"];
        sandbox.run_with_input(&load, lines.as_bytes()).exits(0);
        let repo = shown(&sandbox, "sqlite:a.db");
        assert_eq!(repo["revision"], revision, "{lines}");
        assert!(repo["loaded_at"].is_u64(), "{repo}");
    }
    // A stream that broke off leaves it.
    let before = shown(&sandbox, "sqlite:a.db");
    let torn = format!("{}\n{{\"repo\": \"r\"", unit("a", Some("v5")));
    let load = ["load", "-", "--quiet", "--to", "sqlite:a.db"];
    sandbox.run_with_input(&load, torn.as_bytes()).exits(3);
    assert_eq!(shown(&sandbox, "sqlite:a.db"), before);
}

#[test]
fn a_store_that_is_filled_from_another_has_its_record() {
    let sandbox = committed();
    load(&sandbox, "sqlite:a.db", &[]);
    sandbox.run(&["backfill", "sqlite:a.db", "sqlite:b.db"]).exits(0);
    assert_eq!(shown(&sandbox, "sqlite:a.db"), shown(&sandbox, "sqlite:b.db"));
    let head = git(&sandbox, &["rev-parse", "HEAD"]);
    assert_eq!(shown(&sandbox, "sqlite:b.db")["revision"], json!(head));
    // One that was loaded later keeps its own.
    commit(&sandbox);
    load(&sandbox, "sqlite:b.db", &[]);
    let later = shown(&sandbox, "sqlite:b.db");
    sandbox.run(&["backfill", "sqlite:a.db", "sqlite:b.db"]).exits(0);
    assert_eq!(shown(&sandbox, "sqlite:b.db"), later);
}
