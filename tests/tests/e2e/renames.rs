//! A repository that gets a git remote is called by it: the same one under another name, not a second.

use std::time::Instant;

use astload_tests::{Dice, ElasticStore, NeoStore, PgStore, Sandbox, corpus};
use rustix::process::Signal;
use serde_json::{Value, json};

use crate::recorded::git;

/// What the remote calls it.
const NAME: &str = "host.example/org/name";

/// Moments at which a load is killed.
const KILLS: u32 = 16;

/// A repository that was loaded under its folder's name, and has a remote now.
fn renamed(url: &str) -> Sandbox {
    let sandbox = Sandbox::with_python();
    sandbox.run(&["load", "repo", "--quiet", "--to", url]).exits(0);
    add_remote(&sandbox);
    sandbox
}

fn add_remote(sandbox: &Sandbox) {
    git(sandbox, &["init", "-q"]);
    git(sandbox, &["remote", "add", "origin", "https://me:secret@host.example/org/name.git"]);
}

/// Names of the repositories of a store, with how many units each has.
fn repositories(sandbox: &Sandbox, url: &str) -> Value {
    let shown = sandbox.run(&["show", url, "--json"]).exits(0).json();
    let repos = shown["repos"].as_array().expect("a list").iter();
    repos.map(|repo| json!([repo["repo"], repo["units"]])).collect()
}

fn every_store(hold: impl Fn(&str)) {
    hold("sqlite:a.db");
    if let Some(store) = PgStore::new() {
        hold(&store.url());
    }
    if let Some(store) = NeoStore::new() {
        hold(&store.url());
    }
    for store in ElasticStore::of_each() {
        hold(&store.url());
    }
}

#[test]
fn a_remote_that_is_added_is_no_second_copy() {
    every_store(|url| {
        let sandbox = renamed(url);
        let refused = sandbox.run(&["load", "repo", "--to", url]).exits(2);
        refused.says(&format!("as repo, and its git remote calls it {NAME}"));
        sandbox.run(&["load", "repo", "--to", url]).says("--rename").says("--repo 'repo'");
        assert_eq!(repositories(&sandbox, url), json!([["repo", 3]]), "{url}");
        // It may keep its name.
        let kept = sandbox.run(&["load", "repo", "--repo", "repo", "--to", url]).exits(0);
        kept.says("0 units written, 3 skipped");
        // Or get the new one.
        let load = ["load", "repo", "--rename", "--to", url];
        sandbox.run(&load).exits(0).says(&format!("repo is {NAME} now; 3 units of it removed"));
        assert_eq!(repositories(&sandbox, url), json!([[NAME, 3]]), "{url}");
        sandbox.run(&load).exits(0).says("3 skipped");
        sandbox.run(&["load", "repo", "--to", url]).exits(0).says("3 skipped");
        sandbox.run(&["load", "repo", "--to", "sqlite:clean.db"]).exits(0);
        sandbox.run(&["verify", url, "sqlite:clean.db"]).exits(0);
    });
}

#[test]
fn a_rename_that_was_cut_off_at_any_step_is_ended_by_the_same_command() {
    every_store(|url| {
        let steps: [&[&[&str]]; 3] = [
            &[&["load", "repo/pkg", "--repo", NAME, "--quiet", "--to", url]],
            &[&["load", "repo", "--repo", NAME, "--quiet", "--to", url]],
            &[
                &["load", "repo", "--repo", NAME, "--quiet", "--to", url],
                &["rm", "repo", "a.py", "--from", url],
            ],
        ];
        for step in steps {
            let sandbox = renamed(url);
            for arguments in step {
                sandbox.run(arguments).exits(0);
            }
            sandbox.run(&["load", "repo", "--to", url]).exits(2).says("--rename");
            sandbox.run(&["load", "repo", "--rename", "--quiet", "--to", url]).exits(0);
            assert_eq!(repositories(&sandbox, url), json!([[NAME, 3]]), "{url}: {step:?}");
            sandbox.run(&["rm", NAME, "--from", url]).exits(0);
        }
    });
}

#[test]
fn a_rename_that_was_killed_at_any_moment_loses_nothing_and_is_ended_by_the_same_command() {
    let sandbox = Sandbox::new();
    corpus::fill(&sandbox, 20, 60);
    sandbox.load("old.db", &[]);
    add_remote(&sandbox);
    let paths = sandbox.store("old.db").paths();
    let load = ["load", "repo", "--rename", "--quiet", "--to", "sqlite:a.db"];
    let copy = || std::fs::copy(sandbox.path("old.db"), sandbox.path("a.db")).expect("copied");
    copy();
    let begun = Instant::now();
    sandbox.run(&load).exits(0);
    let duration = begun.elapsed();
    let mut dice = Dice::seeded(7);
    let mut killed = 0;
    for kill in 0..KILLS {
        for end in ["", "-wal", "-shm"] {
            std::fs::remove_file(sandbox.path(&format!("a.db{end}"))).ok();
        }
        copy();
        let part = duration / KILLS;
        let mut running = sandbox.start(&load);
        running.wait(part * kill + part.mul_f64(dice.below(1_000) as f64 / 1_000.0));
        running.signal(Signal::KILL);
        killed += u32::from(running.finish().code() == 137);
        let held = sandbox.store("a.db").texts("SELECT DISTINCT path FROM units ORDER BY 1");
        assert_eq!(held, paths, "kill {kill}: every file is there, under one name or both");
        sandbox.run(&load).exits(0);
        let names = sandbox.store("a.db").texts("SELECT DISTINCT repo FROM units");
        assert_eq!(names, [NAME], "kill {kill}");
        assert_eq!(sandbox.store("a.db").paths(), paths, "kill {kill}");
    }
    assert!(killed > KILLS / 3, "only {killed} were killed in time of {duration:?}");
}

#[test]
fn a_backend_that_has_not_all_keeps_the_former_name_and_another_has_the_new_one() {
    let sandbox = renamed("sqlite:a.db");
    git(&sandbox, &["remote", "remove", "origin"]);
    sandbox.load("b.db", &[]);
    add_remote(&sandbox);
    let refuses =
        "CREATE TRIGGER refuses BEFORE INSERT ON unit BEGIN SELECT RAISE(ABORT, 'no'); END";
    sandbox.store("b.db").execute(refuses);
    let load = ["load", "repo", "--rename", "--patience", "2s"];
    let both = ["--to", "sqlite:a.db", "--to", "sqlite:b.db"];
    sandbox.run(&[&load[..], &both].concat()).exits(3);
    assert_eq!(repositories(&sandbox, "sqlite:a.db"), json!([[NAME, 3]]));
    assert_eq!(repositories(&sandbox, "sqlite:b.db"), json!([["repo", 3]]));
    sandbox.store("b.db").execute("DROP TRIGGER refuses");
    sandbox.run(&[&load[..], &both].concat()).exits(0);
    assert_eq!(repositories(&sandbox, "sqlite:b.db"), json!([[NAME, 3]]));
}

#[test]
fn a_directory_that_has_lost_most_of_its_files_takes_no_place_without_consent() {
    let sandbox = renamed("sqlite:a.db");
    sandbox.remove("a.py");
    sandbox.remove("b.py");
    let load = ["load", "repo", "--rename", "--to", "sqlite:a.db"];
    sandbox.run(&load).exits(3).says("repo: kept its 3 units").says("--allow-mass-delete");
    assert_eq!(repositories(&sandbox, "sqlite:a.db"), json!([[NAME, 1], ["repo", 3]]));
    sandbox.run(&[&load[..], &["--allow-mass-delete"]].concat()).exits(0);
    assert_eq!(repositories(&sandbox, "sqlite:a.db"), json!([[NAME, 1]]));
}

#[test]
fn a_rename_is_of_one_whole_repository() {
    let sandbox = renamed("sqlite:a.db");
    let rest: [&[&str]; 4] =
        [&["repo/pkg"], &["repo", "."], &["repo", "--include", "a.py"], &["-"]];
    for rest in rest {
        let load = ["load", "--rename", "--to", "sqlite:a.db"];
        sandbox.run(&[&load[..], rest].concat()).exits(2).says("--rename takes one repository");
    }
    // A part is not loaded under the new name either.
    sandbox.run(&["load", "repo/pkg", "--to", "sqlite:a.db"]).exits(2).says("--rename");
    // Nothing changes where nothing is written.
    sandbox.run(&["load", "repo", "--rename", "--dry-run", "--to", "sqlite:a.db"]).exits(0);
    assert_eq!(repositories(&sandbox, "sqlite:a.db"), json!([["repo", 3]]));
}

#[test]
fn the_dead_letters_of_the_former_name_go_with_it() {
    let sandbox = renamed("sqlite:a.db");
    git(&sandbox, &["remote", "remove", "origin"]);
    let refuses = "CREATE TRIGGER refuses BEFORE INSERT ON unit WHEN new.path = 'bad.py'
        BEGIN SELECT RAISE(ABORT, 'no'); END";
    sandbox.store("a.db").execute(refuses);
    sandbox.write("bad.py", "x = 1\n");
    sandbox.load_exits("a.db", &[], 3);
    let letters = || sandbox.run(&["dlq", "list", "--json"]).exits(0).json();
    assert_eq!(letters().as_array().map(Vec::len), Some(1), "{}", letters());
    sandbox.store("a.db").execute("DROP TRIGGER refuses");
    add_remote(&sandbox);
    sandbox.run(&["load", "repo", "--rename", "--quiet", "--to", "sqlite:a.db"]).exits(0);
    assert_eq!(letters(), json!([]));
}

#[test]
fn what_somebody_pushed_under_the_former_name_is_not_lost() {
    let sandbox = renamed("sqlite:a.db");
    let pushed = json!({"repo": "repo", "path": "a.py", "layer": "scip", "nodes": [{"kind": "x"}]});
    let load = ["load", "-", "--quiet", "--to", "sqlite:a.db"];
    sandbox.run_with_input(&load, format!("{pushed}\n").as_bytes()).exits(0);
    let refused = sandbox.run(&["load", "repo", "--rename", "--to", "sqlite:a.db"]).exits(2);
    refused.says("layer scip of repo").says(&format!("--repo '{NAME}'"));
    assert_eq!(repositories(&sandbox, "sqlite:a.db"), json!([["repo", 4]]));
}
