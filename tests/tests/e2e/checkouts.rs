//! Checkouts of one git remote in directories that change: CI's.

use std::fs;

use astload_tests::{ElasticStore, NeoStore, PgStore, Running, Sandbox};

use crate::recorded::git;

/// What the remote calls it.
const NAME: &str = "host.example/org/name";

/// A directory with two files that has this remote.
fn checkout(sandbox: &Sandbox, path: &str, remote: &str) {
    fs::create_dir_all(sandbox.path(path)).expect("a folder");
    fs::write(sandbox.path(path).join("a.py"), "x = 1\n").expect("written");
    fs::write(sandbox.path(path).join("b.py"), "y = 2\n").expect("written");
    for arguments in [&["init", "-q"][..], &["remote", "add", "origin", remote]] {
        git(sandbox, &[&["-C", &format!("../{path}")], arguments].concat());
    }
}

fn load<'a>(path: &'a str, url: &'a str) -> [&'a str; 5] {
    ["load", path, "--quiet", "--to", url]
}

fn root_of(sandbox: &Sandbox, url: &str) -> String {
    let shown = sandbox.run(&["show", url, "--json"]).exits(0).json();
    assert_eq!(shown["repos"][0]["repo"], NAME, "{shown}");
    shown["repos"][0]["root"].as_str().expect("a root").to_owned()
}

fn every_store(hold: impl Fn(&Sandbox, &str)) {
    hold(&Sandbox::new(), "sqlite:a.db");
    if let Some(store) = PgStore::new() {
        hold(&Sandbox::new(), &store.url());
    }
    if let Some(store) = NeoStore::new() {
        hold(&Sandbox::new(), &store.url());
    }
    for store in ElasticStore::of_each() {
        hold(&Sandbox::new(), &store.url().replace("leftover_age=1ms", "leftover_age=1h"));
    }
}

#[test]
fn a_new_workspace_of_the_same_remote_goes_on_where_the_last_one_was() {
    every_store(|sandbox, url| {
        checkout(sandbox, "ci/1/name", "https://ci:token@Host.example/org/name.git");
        sandbox.run(&load("ci/1/name", url)).exits(0);
        // The same repository, by another way to it.
        checkout(sandbox, "ci/2/next", "git@host.example:org/name.git");
        fs::write(sandbox.path("ci/2/next/b.py"), "y = 3\n").expect("written");
        let next = ["load", "ci/2/next", "--to", url];
        sandbox.run(&next).exits(0).says("1 unit written, 1 skipped");
        assert!(root_of(sandbox, url).ends_with("/ci/2/next"), "{}", root_of(sandbox, url));
        let shown = sandbox.run(&["show", url, "--json"]).exits(0).all();
        assert!(!shown.contains("token"), "{shown}");
    });
}

#[test]
fn another_remote_and_a_name_that_somebody_gave_are_refused_as_ever() {
    let sandbox = Sandbox::new();
    checkout(&sandbox, "one/name", "https://host.example/org/name.git");
    checkout(&sandbox, "two/name", "https://host.example/org/name.git");
    sandbox.run(&["load", "one/name", "--to", "sqlite:a.db"]).exits(0);
    let named = ["load", "two/name", "--repo", NAME, "--to", "sqlite:a.db"];
    sandbox.run(&named).exits(2).says("was loaded from").says("--root-moved");
    assert!(root_of(&sandbox, "sqlite:a.db").ends_with("/one/name"));
    sandbox.run(&["rm", NAME, "--from", "sqlite:a.db"]).exits(0);
    // Under a name that somebody gave, no remote is known.
    sandbox.run(&["load", "one/name", "--repo", NAME, "--to", "sqlite:a.db"]).exits(0);
    let other = ["load", "two/name", "--to", "sqlite:a.db"];
    sandbox.run(&other).exits(2).says("was loaded from").says("--root-moved");
    sandbox.run(&[&other[..], &["--root-moved"]].concat()).exits(0);
    assert!(root_of(&sandbox, "sqlite:a.db").ends_with("/two/name"));
}

#[test]
fn of_two_workspaces_at_once_the_one_that_came_first_is_told_and_the_other_is_whole() {
    const FILES: usize = 40;
    every_store(|sandbox, url| {
        for (number, path) in ["ci/1/name", "ci/2/name"].into_iter().enumerate() {
            checkout(sandbox, path, "https://host.example/org/name.git");
            for file in 0..FILES {
                let name = sandbox.path(path).join(format!("f{file}.py"));
                fs::write(name, format!("x = {number}\n")).expect("written");
            }
        }
        sandbox.run(&load("ci/1/name", url)).exits(0);
        for _ in 0..3 {
            let both = ["ci/1/name", "ci/2/name"].map(|path| sandbox.start(&load(path, url)));
            let ended = both.map(Running::finish);
            let lost: Vec<_> = ended.iter().filter(|ended| ended.code() != 0).collect();
            assert!(lost.len() < 2, "{url}: {ended:?}");
            for lost in lost {
                lost.clone().exits(3).says(&format!("{NAME} was loaded from "));
            }
            // Whoever is recorded brings the store to what it has.
            let root = root_of(sandbox, url);
            sandbox.run(&load(&root, url)).exits(0);
            sandbox.run(&load(&root, "sqlite:clean.db")).exits(0);
            sandbox.run(&["verify", url, "sqlite:clean.db"]).exits(0);
        }
    });
}
