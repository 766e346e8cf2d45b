//! A load of parts of a repository: the rows that a load of the whole has of these files.

use std::fs;

use astload_tests::store::assert_same;
use astload_tests::{Dice, Sandbox, Stored};
use serde_json::{Value, json};

use crate::recorded::{commit, git};

/// A git repository with folders, rules and what is tracked although it is ignored.
fn repository() -> Sandbox {
    let sandbox = Sandbox::with(&[
        ("top.py", "import os\n\n\ndef top():\n    return helper()\n"),
        ("src/a.py", "def helper():\n    return 1\n"),
        ("src/deep/b.py", "from a import helper\n\nhelper()\n"),
        ("src/deep/gen.py", "x = 1\n"),
        ("src/out/kept.py", "x = 1\n"),
        ("src/out/new.py", "x = 1\n"),
        ("src-x/c.py", "y = 2\n"),
        ("docs/conf.py", "z = 3\n"),
        (".gitignore", "gen.py\nout/\n"),
    ]);
    git(&sandbox, &["init", "-q"]);
    git(&sandbox, &["add", "-f", "src/out/kept.py"]);
    commit(&sandbox);
    sandbox
}

fn run(sandbox: &Sandbox, arguments: &[&str]) -> Value {
    let load = [&["load", "--json"], arguments].concat();
    sandbox.run(&load).exits(0).json()
}

/// Rows of a store whose paths a part of the repository has.
fn rows_of(store: &Stored, parts: &[&str]) -> Vec<String> {
    let mut rows = Vec::new();
    for view in ["units", "nodes", "edges", "mentions", "vectors"] {
        let mut columns = store.columns(view);
        columns.retain(|column| column != "generation");
        let is_in = parts.iter().map(|part| format!("path = '{part}' OR path GLOB '{part}/*'"));
        let is_in = is_in.collect::<Vec<_>>().join(" OR ");
        let question = format!("SELECT '{view}', {} FROM {view} WHERE {is_in}", columns.join(", "));
        rows.extend(store.ask(&question));
    }
    rows.sort_unstable();
    rows
}

/// Loads parts, and requires that the store has what one of the whole has of them, and nothing else.
#[track_caller]
fn is_part_of_the_whole(sandbox: &Sandbox, store: &str, parts: &[&str]) {
    let whole = format!("{store}.whole");
    run(sandbox, &["repo", "--to", &format!("sqlite:{whole}")]);
    let paths: Vec<String> = parts.iter().map(|part| format!("repo/{part}")).collect();
    let mut arguments: Vec<&str> = paths.iter().map(String::as_str).collect();
    let url = format!("sqlite:{store}");
    arguments.extend(["--to", &url]);
    run(sandbox, &arguments);
    let (part, whole) = (sandbox.store(store), sandbox.store(&whole));
    assert_same(&format!("{parts:?}"), &rows_of(&part, parts), &rows_of(&whole, parts));
    let count = |store: &Stored| store.number("SELECT count(*) FROM units");
    let of_part = rows_of(&whole, parts).iter().filter(|row| row.starts_with("\"units\"")).count();
    assert_eq!(count(&part), of_part as i64, "{parts:?}");
}

#[test]
fn a_folder_or_a_file_of_a_repository_gives_its_rows_of_the_whole() {
    let sandbox = repository();
    is_part_of_the_whole(&sandbox, "src.db", &["src"]);
    assert_eq!(sandbox.store("src.db").paths(), ["src/a.py", "src/deep/b.py", "src/out/kept.py"]);
    is_part_of_the_whole(&sandbox, "deep.db", &["src/deep"]);
    is_part_of_the_whole(&sandbox, "out.db", &["src/out"]);
    is_part_of_the_whole(&sandbox, "file.db", &["src/deep/b.py"]);
    is_part_of_the_whole(&sandbox, "two.db", &["docs", "src/deep", "top.py"]);
    is_part_of_the_whole(&sandbox, "within.db", &["src/deep", "src"]);
    let question = "SELECT DISTINCT repo FROM units";
    assert_eq!(sandbox.store("two.db").texts(question), ["repo"]);
    let root = fs::canonicalize(sandbox.file("")).expect("there");
    let recorded = sandbox.store("two.db").texts("SELECT root FROM repositories");
    assert_eq!(recorded, [root.to_str().expect("utf-8")]);
}

#[test]
fn random_parts_of_random_trees_give_their_rows_of_the_whole() {
    const NAMES: [&str; 4] = ["a", "b", "ab", "build"];
    for seed in 0..4 {
        let (sandbox, mut dice) = (Sandbox::new(), Dice::seeded(seed));
        let mut folders = vec![String::new()];
        for _ in 0..6 {
            let within = dice.pick(&folders).clone();
            folders.push(format!("{within}{}/", NAMES[dice.below(NAMES.len())]));
        }
        for folder in &folders {
            sandbox.write(&format!("{folder}x.py"), "x = 1\n");
            if dice.below(3) == 0 {
                let rule = ["build/\n", "/a\n", "ab/*\n!ab/x.py\n", "x.py\n"][dice.below(4)];
                sandbox.write(&format!("{folder}.gitignore"), rule);
            }
        }
        sandbox.write("always.py", "x = 1\n");
        git(&sandbox, &["init", "-q"]);
        for (number, folder) in folders.iter().enumerate().skip(1) {
            let whole = format!("{number}.whole");
            run(&sandbox, &["repo", "--to", &format!("sqlite:{whole}")]);
            let url = format!("sqlite:{number}.db");
            let path = format!("repo/{folder}");
            let ended = sandbox.run(&["load", &path, "--quiet", "--to", &url]);
            // Where all of it is ignored nothing is loaded.
            assert!([0, 1].contains(&ended.code()), "{}", ended.all());
            let part = folder.trim_end_matches('/');
            let (held, whole) = (sandbox.store(&format!("{number}.db")), sandbox.store(&whole));
            let what = format!("seed {seed}: {folder}");
            assert_same(&what, &rows_of(&held, &[part]), &rows_of(&whole, &[part]));
        }
    }
}

#[test]
fn a_load_of_the_whole_adds_the_rest_and_a_part_deletes_in_itself_alone() {
    let sandbox = repository();
    run(&sandbox, &["repo/src", "--to", "sqlite:a.db"]);
    let report = run(&sandbox, &["repo", "--to", "sqlite:a.db"]);
    assert_eq!((&report["units"]["skipped"], &report["units"]["written"]), (&json!(3), &json!(3)));
    sandbox.is_clean("the whole after a part", "a.db");
    sandbox.remove("src/a.py");
    sandbox.remove("top.py");
    sandbox.write("src-x/c.py", "y = 3\n");
    let report = run(&sandbox, &["repo/src", "--to", "sqlite:a.db"]);
    assert_eq!((&report["units"]["deleted"], &report["units"]["written"]), (&json!(1), &json!(0)));
    let held = sandbox.store("a.db").paths();
    assert_eq!(held, ["docs/conf.py", "src-x/c.py", "src/deep/b.py", "src/out/kept.py", "top.py"]);
    // More than half of a part is as much as more than half of the whole.
    sandbox.remove("src/deep/b.py");
    sandbox.remove("src/out/kept.py");
    sandbox.run(&["load", "repo/src", "--to", "sqlite:a.db"]).exits(3).says("--allow-mass-delete");
    run(&sandbox, &["repo", "--allow-mass-delete", "--to", "sqlite:a.db"]);
    sandbox.gc("a.db");
    sandbox.is_clean("the whole at the end", "a.db");
}

#[test]
fn a_part_that_is_gone_is_an_error_and_deletes_nothing() {
    let sandbox = repository();
    run(&sandbox, &["repo", "--to", "sqlite:a.db"]);
    let before = sandbox.store("a.db").paths();
    fs::remove_dir_all(sandbox.file("src")).expect("removed");
    let load = ["load", "repo/src", "repo/docs", "--allow-mass-delete", "--to", "sqlite:a.db"];
    sandbox.run(&load).exits(2).says("repo/src: No such file").says("astload rm");
    assert_eq!(sandbox.store("a.db").paths(), before);
}

#[test]
fn a_part_that_is_ignored_is_said_to_be() {
    let sandbox = repository();
    sandbox.write("src/out/more/new.py", "x = 1\n");
    let load = ["load", "repo/src/out/more", "--to", "sqlite:a.db"];
    sandbox.run(&load).exits(1).says("ignored in its repository").says("src/out/more");
    let root = ["load", "repo/src/out/more", "--root", "repo/src/out/more", "--to", "sqlite:a.db"];
    sandbox.run(&root).exits(0).says("1 unit written");
}

#[test]
fn what_paths_are_relative_to_may_be_said() {
    let sandbox = repository();
    let load = ["repo/src", "--root", "repo/src", "--to", "sqlite:a.db"];
    run(&sandbox, &load);
    let question = "SELECT DISTINCT repo FROM units";
    assert_eq!(sandbox.store("a.db").texts(question), ["src"]);
    assert_eq!(sandbox.store("a.db").paths(), ["a.py", "deep/b.py", "out/kept.py"]);
    // It is the same repository as `src` has been, which a load without --root says.
    let hint = sandbox.run(&["load", "repo/src", "--to", "sqlite:a.db"]).exits(0);
    hint.says("as a repository of its own, src").says("astload rm src");
    // A folder without git is its own, unless a folder around it is named.
    fs::create_dir_all(sandbox.path("bare/within")).expect("a folder");
    fs::write(sandbox.path("bare/within/a.py"), "x = 1\n").expect("written");
    run(&sandbox, &["bare/within", "--to", "sqlite:b.db"]);
    assert_eq!(sandbox.store("b.db").paths(), ["a.py"]);
    run(&sandbox, &["bare/within/a.py", "--root", "bare", "--to", "sqlite:c.db"]);
    assert_eq!(sandbox.store("c.db").paths(), ["within/a.py"]);
    assert_eq!(sandbox.store("c.db").texts(question), ["bare"]);
    let outside = ["load", "repo", "--root", "bare", "--to", "sqlite:d.db"];
    sandbox.run(&outside).exits(2).says("--root bare: repo is not in it");
    sandbox.run(&["load", "bare/within/a.py"]).exits(2).says("--root DIR");
    sandbox.run(&["load", "-", "--root", "repo"]).exits(2).says("--root names a directory");
}

#[test]
fn a_submodule_is_its_own_repository_and_a_folder_in_it_a_part_of_that() {
    let sandbox = repository();
    fs::create_dir_all(sandbox.path("other/lib")).expect("a folder");
    fs::write(sandbox.path("other/lib/m.py"), "x = 1\n").expect("written");
    for arguments in [&["init", "-q"][..], &["add", "-A"], &["commit", "-q", "-m", "a"]] {
        git(&sandbox, &[&["-C", "../other"], arguments].concat());
    }
    let add = ["-c", "protocol.file.allow=always", "submodule", "--quiet", "add"];
    git(&sandbox, &[&add[..], &["../other", "sub"]].concat());
    run(&sandbox, &["repo/sub/lib", "--to", "sqlite:a.db"]);
    let question = "SELECT repo || ' ' || path FROM units";
    assert_eq!(sandbox.store("a.db").texts(question), ["sub lib/m.py"]);
}

#[test]
fn a_part_has_the_revision_of_its_repository_once_the_rest_has_it_too() {
    let sandbox = repository();
    let revision = || sandbox.store("a.db").ask("SELECT revision FROM repositories");
    run(&sandbox, &["repo/src", "--to", "sqlite:a.db"]);
    assert_eq!(revision(), ["NULL"]);
    run(&sandbox, &["repo", "--to", "sqlite:a.db"]);
    let head = git(&sandbox, &["rev-parse", "HEAD"]);
    assert_eq!(revision(), [format!("{head:?}")]);
    run(&sandbox, &["repo/src", "--to", "sqlite:a.db"]);
    assert_eq!(revision(), [format!("{head:?}")]);
    commit(&sandbox);
    run(&sandbox, &["repo/src", "--to", "sqlite:a.db"]);
    assert_eq!(revision(), ["NULL"]);
}
