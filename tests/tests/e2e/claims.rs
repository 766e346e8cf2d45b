//! Whose a repository is, whoever else works on the store: other loads, `gc` and `rm`.

use std::fs;

use astload_tests::{ElasticStore, NeoStore, PgStore, Running, Sandbox};

use crate::postgres::equals_a_fresh_load;

/// Names for which two loads race.
const RACES: usize = 3;

/// Files of a load that others come in between.
const FILES: usize = 80;

/// A store of every type; without a server, says what is skipped.
fn every_store(hold: impl Fn(&Sandbox, &str)) {
    let of = |url: &str| hold(&Sandbox::new(), url);
    of("sqlite:a.db");
    if let Some(store) = PgStore::new() {
        of(&store.url());
    }
    if let Some(store) = NeoStore::new() {
        of(&store.url());
    }
    for store in ElasticStore::of_each() {
        // What is being written is not told from what was left behind, but by its age.
        of(&store.url().replace("leftover_age=1s", "leftover_age=1h"));
    }
}

/// A directory of this name within a folder, with a file.
fn directory(sandbox: &Sandbox, folder: &str, name: &str) -> String {
    let path = format!("{folder}/{name}");
    fs::create_dir_all(sandbox.path(&path)).expect("a folder");
    fs::write(sandbox.path(&format!("{path}/{folder}.py")), "x = 1\n").expect("written");
    path
}

fn start(sandbox: &Sandbox, path: &str, url: &str) -> Running {
    sandbox.start(&["load", path, "--quiet", "--to", url])
}

#[test]
fn gc_keeps_whose_a_repository_is_that_has_no_units_yet() {
    every_store(|sandbox, url| {
        fs::create_dir_all(sandbox.path("one/r")).expect("a folder");
        let two = directory(sandbox, "two", "r");
        start(sandbox, "one/r", url).finish().says("nothing was loaded");
        sandbox.run(&["gc", url]).exits(0);
        let refused = start(sandbox, &two, url).finish();
        assert_ne!(refused.code(), 0, "{url}: {}", refused.all());
        refused.says("r was loaded from ").says("one/r").says("--root-moved");
        directory(sandbox, "one", "r");
        start(sandbox, "one/r", url).finish().exits(0).says("1 unit written");
        // What is removed is everybody's.
        sandbox.run(&["rm", "r", "--from", url]).exits(0);
        start(sandbox, &two, url).finish().exits(0).says("1 unit written");
    });
}

#[test]
fn of_two_directories_of_one_name_at_once_one_is_refused() {
    every_store(|sandbox, url| {
        // Both find a store that is there.
        start(sandbox, &directory(sandbox, "one", "first"), url).finish().exits(0);
        for race in 0..RACES {
            let name = format!("r{race}");
            let paths = ["one", "two"].map(|folder| directory(sandbox, folder, &name));
            let both = paths.each_ref().map(|path| start(sandbox, path, url));
            let ended = both.map(Running::finish);
            let codes: Vec<i32> = ended.iter().map(|ended| ended.code()).collect();
            assert_eq!(codes.iter().filter(|code| **code == 0).count(), 1, "{url}: {ended:?}");
            let (won, lost) = if codes[0] == 0 { (0, 1) } else { (1, 0) };
            ended[lost].clone().says(&format!("{name} was loaded from ")).says(&paths[won]);
            start(sandbox, &paths[won], url).finish().exits(0).says("1 skipped");
        }
    });
}

/// Loads `repo` while another command is run again and again, and then once more.
fn beside(sandbox: &Sandbox, url: &str, others: &[&str]) {
    for file in 0..FILES {
        sandbox.write(&format!("f{file}.py"), format!("def f{file}(x):\n    return x\n"));
    }
    let mut load = start(sandbox, "repo", url);
    while !load.has_ended() {
        let other = sandbox.run(others);
        assert!(!other.stderr.contains("panicked"), "{}", other.stderr);
    }
    load.finish().exits(0);
    start(sandbox, "repo", url).finish().exits(0);
    equals_a_fresh_load(sandbox, url);
    let other = directory(sandbox, "other", "repo");
    let refused = start(sandbox, &other, url).finish();
    assert_ne!(refused.code(), 0, "{url}: {}", refused.all());
    refused.says("repo was loaded from ");
}

#[test]
fn gc_beside_a_first_load_changes_nothing() {
    every_store(|sandbox, url| beside(sandbox, url, &["gc", url]));
}

#[test]
fn after_rm_beside_a_load_the_next_one_works() {
    every_store(|sandbox, url| {
        sandbox.write("f0.py", "x = 1\n");
        start(sandbox, "repo", url).finish().exits(0);
        beside(sandbox, url, &["rm", "repo", "--from", url]);
    });
}
