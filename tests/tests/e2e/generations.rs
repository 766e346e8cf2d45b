//! Generations, up to the greatest: those of a repository concern it alone, and what astload numbers it
//! can read again.

use std::fs;

use astload_tests::{Finished, Sandbox};

/// Half of all: what an upstream may give at most.
const UPSTREAM_MAX: i64 = 1 << 62;

/// Pushes a unit of a repository at a generation.
fn push(sandbox: &Sandbox, repo: &str, generation: i64) -> Finished {
    let line = format!(
        "{{\"repo\":\"{repo}\",\"path\":\"p\",\"generation\":{generation},\"nodes\":[{{\"kind\":\"m\"}}]}}\n"
    );
    sandbox.run_with_input(&["load", "-", "--quiet", "--to", "sqlite:a.db"], line.as_bytes())
}

fn load(sandbox: &Sandbox) -> Finished {
    sandbox.run(&["load", "repo", "--quiet", "--to", "sqlite:a.db"])
}

/// A letter of a file that the store refuses once is listed and replayed, and what the store has of
/// another can be loaded from what `tree` prints.
fn is_read_back(sandbox: &Sandbox) {
    sandbox.store("a.db").execute(
        "CREATE TRIGGER refuse BEFORE INSERT ON unit WHEN new.path = 'a.py'
         BEGIN SELECT raise(abort, 'not this one'); END",
    );
    load(sandbox).exits(3).says("not this one");
    sandbox.run(&["dlq", "list"]).exits(0).says("a.py").says("1 dead letter");
    sandbox.store("a.db").execute("DROP TRIGGER refuse");
    sandbox.run(&["dlq", "replay"]).exits(0).says("1 dead letter taken, 0 left");
    let line = sandbox.run(&["tree", "a.py", "--json", "--from", "sqlite:a.db"]).exits(0).stdout;
    for to in ["sqlite:tree.db", "sqlite:a.db"] {
        sandbox.run_with_input(&["load", "-", "--to", to], line.as_bytes()).exits(0);
    }
    sandbox.is_clean("what was refused for a while", "a.db");
}

/// The greatest generation of a repository's units.
fn greatest(sandbox: &Sandbox, repo: &str) -> i64 {
    sandbox
        .store("a.db")
        .number(&format!("SELECT max(generation) FROM units WHERE repo = '{repo}'"))
}

#[test]
fn the_greatest_generation_of_an_upstream_concerns_its_own_repository_alone() {
    let sandbox = Sandbox::with(&[("a.py", "x = 1\n"), ("b.py", "y = 1\n")]);
    push(&sandbox, "upstream", UPSTREAM_MAX).exits(0);
    load(&sandbox).exits(0);
    assert!(greatest(&sandbox, "repo") < UPSTREAM_MAX / 2);
    sandbox.run(&["rm", "upstream", "--from", "sqlite:a.db"]).exits(0);
    sandbox.run(&["gc", "sqlite:a.db"]).exits(0);
    sandbox.write("a.py", "x = 2\n");
    is_read_back(&sandbox);
    assert!(greatest(&sandbox, "repo") < UPSTREAM_MAX / 2);
}

#[test]
fn what_follows_the_greatest_generation_of_an_upstream_is_read_back() {
    let sandbox = Sandbox::with(&[("a.py", "x = 1\n"), ("b.py", "y = 1\n")]);
    push(&sandbox, "repo", UPSTREAM_MAX).exits(0);
    sandbox.run(&["rm", "repo", "--from", "sqlite:a.db"]).exits(0);
    is_read_back(&sandbox);
    assert!(greatest(&sandbox, "repo") > UPSTREAM_MAX);
}

#[test]
fn an_upstream_leaves_room_for_later_generations() {
    let sandbox = Sandbox::new();
    push(&sandbox, "upstream", UPSTREAM_MAX + 1).says("generation: is above 2^62");
    push(&sandbox, "upstream", UPSTREAM_MAX).exits(0);
    assert_eq!(greatest(&sandbox, "upstream"), UPSTREAM_MAX);
}

#[test]
fn where_there_is_no_later_generation_nothing_is_written_and_it_is_told() {
    let sandbox = Sandbox::with(&[("a.py", "x = 1\n")]);
    load(&sandbox).exits(0);
    let last = i64::MAX;
    sandbox.store("a.db").execute(&format!("UPDATE repo SET generation = {last}"));
    sandbox.write("a.py", "x = 2\n");
    let told = load(&sandbox);
    assert_ne!(told.code(), 0);
    told.says(&format!("there is no generation after {last}")).says("--repo NAME");
    let line = b"{\"repo\":\"repo\",\"path\":\"p\",\"nodes\":[{\"kind\":\"m\"}]}\n";
    let told = sandbox.run_with_input(&["load", "-", "--to", "sqlite:a.db"], line);
    told.says("unit repo:p: a store has the greatest generation of its repository");
    assert_eq!(sandbox.store("a.db").paths(), ["a.py"]);
    // Others go on.
    push(&sandbox, "upstream", 1).exits(0);
}

#[test]
fn letters_that_cannot_be_read_are_listed_as_such() {
    let sandbox = Sandbox::with(&[("a.py", "x = 1\n"), ("b.py", "y = 1\n")]);
    load(&sandbox).exits(0);
    let refuse = "CREATE TRIGGER refuse BEFORE INSERT ON unit WHEN new.path = 'a.py'
         BEGIN SELECT raise(abort, 'not this one'); END";
    sandbox.store("a.db").execute(refuse);
    sandbox.write("a.py", "x = 2\n");
    load(&sandbox).exits(3);
    let folder = sandbox.path("state/astload/dead-letters");
    let store = fs::read_dir(folder).expect("letters").next().expect("one store").expect("read");
    let letter = fs::read_dir(store.path()).expect("letters").next().expect("one").expect("read");
    let mut bytes = fs::read(letter.path()).expect("read");
    *bytes.last_mut().expect("not empty") ^= 1;
    fs::write(letter.path(), bytes).expect("written");
    let told = sandbox.run(&["dlq", "list"]).exits(3).says("1 dead letter cannot be read");
    assert!(!told.all().contains("no dead letters"), "{}", told.all());
    let told = sandbox.run(&["dlq", "list", "--json"]).exits(3).json();
    assert!(told[0]["unreadable"].is_string(), "{told}");
    sandbox.run(&["dlq", "replay"]).exits(1).says("cannot be read");
}
