//! Two files whose units share the number that stores keep. They are two units all the same: in a store,
//! in the letters, in what is held, and on the way there.

use astload_fixtures::units::COLLIDING;
use astload_tests::{Finished, Sandbox};
use serde_json::Value;

const LOAD: [&str; 6] = ["load", "repo", "--repo", "conformance", "--to", "sqlite:a.db"];

/// A repository of the two, and which of them the store has after a load: the first that came.
fn twins(content: [&str; 2]) -> (Sandbox, [&'static str; 2]) {
    let sandbox = Sandbox::with(&[(COLLIDING[0], content[0]), (COLLIDING[1], content[1])]);
    refuses_one(sandbox.run(&LOAD));
    let units = sandbox.store("a.db").paths();
    assert_eq!(units.len(), 1, "{units:?}");
    let [one, other] = COLLIDING;
    (sandbox, if units[0] == one { [one, other] } else { [other, one] })
}

#[track_caller]
fn refuses_one(load: Finished) -> Finished {
    load.exits(3).says(" has the id ").says(" of another, both-units-that-share-one-id/")
}

fn letters(sandbox: &Sandbox) -> Vec<String> {
    let listed = sandbox.run(&["dlq", "list", "--json"]).exits(0).json();
    let path = |letter: &Value| letter["path"].as_str().expect("a path").to_owned();
    listed.as_array().expect("a list").iter().map(path).collect()
}

#[test]
fn one_is_refused_by_name_and_the_other_is_written() {
    let (sandbox, [_, refused]) = twins(["def one(): pass\n", "def other(): pass\n"]);
    assert_eq!(letters(&sandbox), [refused]);
}

#[test]
fn content_that_the_other_holds_does_not_count_as_held() {
    let (sandbox, [_, refused]) = twins(["def same(): pass\n", "def same(): pass\n"]);
    refuses_one(sandbox.run(&LOAD));
    assert_eq!(letters(&sandbox), [refused]);
}

#[test]
fn a_letter_is_not_cleared_by_the_other_s_next_version() {
    let (sandbox, [stored, refused]) = twins(["def one(): pass\n", "def other(): pass\n"]);
    sandbox.write(stored, "def changed(): pass\n");
    let load = refuses_one(sandbox.run(&[&LOAD[..], &["--json"]].concat()));
    assert_eq!(load.json()["units"]["written"], 1);
    assert_eq!(letters(&sandbox), [refused]);
    sandbox.remove(refused);
    sandbox.run(&LOAD).exits(0);
    assert_eq!(letters(&sandbox), [""; 0]);
    assert_eq!(sandbox.store("a.db").paths(), [stored]);
}

#[test]
fn the_number_is_free_once_the_other_is_gone_for_good() {
    let (sandbox, [stored, refused]) = twins(["def one(): pass\n", "def other(): pass\n"]);
    sandbox.remove(stored);
    sandbox.run(&[&LOAD[..], &["--allow-mass-delete"]].concat());
    sandbox.gc("a.db");
    sandbox.run(&LOAD).exits(0);
    assert_eq!(sandbox.store("a.db").paths(), [refused]);
    assert_eq!(letters(&sandbox), [""; 0]);
}

/// Of a stream each unit has a later generation than the one before; a later version of one does not
/// supersede the other where they wait together.
#[test]
fn of_a_stream_the_newest_version_of_each_arrives() {
    let sandbox = Sandbox::new();
    let line = |path: &str, kind: &str| {
        format!(r#"{{"repo":"conformance","path":"{path}","nodes":[{{"kind":"{kind}"}}]}}"#)
    };
    let [one, other] = COLLIDING;
    let lines = [line(one, "first"), line(one, "second"), line(other, "third")].join("\n");
    refuses_one(sandbox.run_with_input(&["load", "-", "--to", "sqlite:a.db"], lines.as_bytes()));
    let store = sandbox.store("a.db");
    assert_eq!(store.paths(), [one]);
    assert_eq!(store.number("SELECT count(*) FROM nodes WHERE kind = 'second'"), 1);
}
