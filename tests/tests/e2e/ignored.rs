//! What `.gitignore` leaves out, and what it cannot: git is asked for what is right.

use std::fs;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::symlink;
use std::path::Path;
use std::process::Command;

use astload_tests::{Dice, Sandbox};
use rustix::fs::{CWD, FileType, Mode, mknodat};
use serde_json::Value;

/// Random trees that are compared with git.
const SEEDS: u64 = 60;

/// git in the repository, with nothing of the user's.
fn git(sandbox: &Sandbox, arguments: &[&str]) -> String {
    let mut git = sandbox.command_of(Path::new("git"), arguments);
    git.current_dir(sandbox.file("")).env("GIT_CONFIG_NOSYSTEM", "1");
    let done = git.output().expect("git");
    let told = String::from_utf8_lossy(&done.stderr);
    assert!(done.status.success(), "git {arguments:?}: {told}");
    String::from_utf8_lossy(&done.stdout).into_owned()
}

/// What git tracks, and what it would.
fn git_files(sandbox: &Sandbox) -> Vec<String> {
    let listed = git(sandbox, &["ls-files", "-co", "--exclude-standard", "-z"]);
    let files = listed.split_terminator('\0').filter(|path| path.ends_with(".py"));
    let mut files: Vec<String> = files.map(str::to_owned).collect();
    files.sort();
    files.dedup();
    files
}

/// What a load would write.
fn planned(sandbox: &Sandbox) -> Vec<String> {
    let report = sandbox.run(&["load", "repo", "--json", "--dry-run"]).exits(0).json();
    let paths = report["plan"]["write"].as_array().expect("a list").iter();
    let mut paths: Vec<String> =
        paths.map(|path| path.as_str().expect("text").to_owned()).collect();
    paths.sort();
    paths
}

fn problem(report: &Value, path: &str) -> (String, String) {
    let files = report["files"].as_array().expect("a list");
    // A link is told as such, too.
    let file = files.iter().rfind(|file| file["path"] == path);
    let file = file.unwrap_or_else(|| panic!("nothing of {path} in {report}"));
    let text = |field: &str| file[field].as_str().unwrap_or_default().to_owned();
    (text("problem"), text("detail"))
}

/// Names of files and folders, and of what patterns are made.
const NAMES: [&str; 6] = ["a", "b", "ab", "build", "[a]", "a b"];
const PIECES: [&str; 16] = [
    "*",
    "**",
    "?",
    "[ab]",
    "[!a]",
    "a",
    "b",
    "ab",
    "build",
    "\\a",
    "\\[a\\]",
    "a*",
    "*b",
    "{a,b}",
    "a b",
    "[[:alpha:]]",
];

fn any(dice: &mut Dice, of: &[&'static str]) -> &'static str {
    let at = dice.below(of.len());
    of[at]
}

fn rule(dice: &mut Dice) -> String {
    let mut rule = String::new();
    if dice.below(4) == 0 {
        rule.push('!');
    }
    if dice.below(4) == 0 {
        rule.push('/');
    }
    for part in 0..=dice.below(3) {
        if part > 0 {
            rule.push('/');
        }
        rule.push_str(any(dice, &PIECES));
        if dice.below(4) == 0 {
            rule.push_str(any(dice, &PIECES));
        }
    }
    rule.push_str(any(dice, &["", "", ".py", "*.py", "/", "/**", "  ", "\\ ", "\t"]));
    rule.push_str(any(dice, &["\n", "\n", "\r\n", "\n\n# a\n"]));
    rule
}

#[test]
fn random_rules_leave_out_what_git_leaves_out() {
    for seed in 0..SEEDS {
        let (sandbox, mut dice) = (Sandbox::new(), Dice::seeded(seed));
        let mut folders = vec![String::new()];
        for _ in 0..5 {
            let within = dice.pick(&folders).clone();
            folders.push(format!("{within}{}/", any(&mut dice, &NAMES)));
        }
        for _ in 0..25 {
            let (folder, name) = (dice.pick(&folders).clone(), any(&mut dice, &NAMES));
            sandbox.write(&format!("{folder}{name}.py"), "x = 1\n");
        }
        git(&sandbox, &["init", "-q"]);
        git(&sandbox, &["config", "core.autocrlf", "false"]);
        if dice.below(2) == 0 {
            git(&sandbox, &["config", "index.version", any(&mut dice, &["2", "4"])]);
        }
        let tracked = git_files(&sandbox);
        for path in tracked.iter().filter(|_| dice.below(5) == 0) {
            git(&sandbox, &["--literal-pathspecs", "add", "-f", path]);
        }
        for folder in &folders {
            if dice.below(2) == 0 {
                let rules: String = (0..1 + dice.below(5)).map(|_| rule(&mut dice)).collect();
                sandbox.write(&format!("{folder}.gitignore"), rules);
            }
        }
        let rules = || {
            let read = |folder: &String| {
                let text = fs::read_to_string(sandbox.file(&format!("{folder}.gitignore")));
                format!("{folder}: {:?}\n", text.unwrap_or_default())
            };
            folders.iter().map(read).collect::<String>()
        };
        assert_eq!(planned(&sandbox), git_files(&sandbox), "seed {seed}\n{}", rules());
    }
}

#[test]
fn a_file_with_rules_that_is_a_link_a_pipe_or_a_folder_is_not_opened_and_told() {
    let sandbox = Sandbox::with(&[("good.py", "x = 1\n"), ("rules", "good.py\n")]);
    let report = |make: &dyn Fn(&Path)| {
        let rules = sandbox.file(".gitignore");
        make(&rules);
        let report = sandbox.run(&["load", "repo", "--json", "--dry-run"]).exits(0).json();
        assert_eq!(planned(&sandbox), ["good.py"]);
        fs::remove_dir(&rules).or_else(|_| fs::remove_file(&rules)).expect("removed");
        problem(&report, ".gitignore")
    };
    let unread = "rules not read, so what they ignore is loaded".to_owned();
    for target in ["rules", "/dev/zero", "gone"] {
        let told = report(&|rules| symlink(target, rules).expect("a link"));
        assert_eq!(told, (unread.clone(), "it is a link".to_owned()), "{target}");
    }
    let told = report(&|rules| mknodat(CWD, rules, FileType::Fifo, Mode::RWXU, 0).expect("a pipe"));
    assert_eq!(told, (unread.clone(), "it is no regular file".to_owned()));
    assert_eq!(report(&|rules| fs::create_dir(rules).expect("a folder")).0, unread);
}

#[test]
fn rules_and_names_that_are_not_utf8_are_taken_byte_for_byte() {
    let sandbox = Sandbox::with(&[("secret.py", "x = 1\n"), ("build/a.py", "x = 1\n")]);
    sandbox.write(".gitignore", b"caf\xe9.py\nsecret.py\nbuild/\n");
    let name = std::ffi::OsStr::from_bytes(b"caf\xe9.py");
    fs::write(sandbox.file("").join(name), "x = 1\n").expect("written");
    sandbox.write("good.py", "x = 1\n");
    let report = sandbox.load("a.db", &[]);
    assert_eq!(sandbox.store("a.db").paths(), ["good.py"]);
    assert_eq!(report["files"], serde_json::json!([]), "{report}");
}

#[test]
fn what_git_tracks_is_loaded_though_it_is_ignored() {
    let sandbox = Sandbox::with(&[
        ("kept.py", "x = 1\n"),
        ("out/deep/kept.py", "x = 1\n"),
        ("out/deep/new.py", "x = 1\n"),
        ("out/other/new.py", "x = 1\n"),
    ]);
    git(&sandbox, &["init", "-q"]);
    git(&sandbox, &["add", "-f", "kept.py", "out/deep/kept.py"]);
    sandbox.write(".gitignore", "kept.py\nout/\n");
    assert_eq!(planned(&sandbox), ["kept.py", "out/deep/kept.py"]);
    git(&sandbox, &["update-index", "--split-index"]);
    sandbox.write("late.py", "x = 1\n");
    git(&sandbox, &["add", "late.py"]);
    sandbox.write(".gitignore", "kept.py\nout/\nlate.py\n");
    assert_eq!(planned(&sandbox), ["kept.py", "late.py", "out/deep/kept.py"]);
}

#[test]
fn an_index_that_cannot_be_read_is_told_and_nothing_is_deleted() {
    let sandbox =
        Sandbox::with(&[("kept.py", "x = 1\n"), ("a.py", "x = 1\n"), ("b.py", "x = 1\n")]);
    git(&sandbox, &["init", "-q"]);
    git(&sandbox, &["add", "kept.py"]);
    sandbox.write(".gitignore", "kept.py\n");
    sandbox.load("a.db", &[]);
    sandbox.write(".git/index", "DIRC and no more");
    let report = sandbox.load("a.db", &[]);
    assert_eq!(sandbox.store("a.db").paths(), ["a.py", "b.py", "kept.py"]);
    let top = fs::canonicalize(sandbox.file(".git")).expect("there");
    let (told, _) = problem(&report, top.to_str().expect("utf-8"));
    assert_eq!(told, "index not read, so what git tracks and ignores is left out");
}

#[test]
fn megabytes_of_rules_are_heard_within_bounds() {
    let sandbox = Sandbox::with(&[("good.py", "x = 1\n"), ("bad.py", "x = 1\n")]);
    let rules: String = (0..400_000).map(|number| format!("*.x{number}\n")).collect();
    sandbox.write(".gitignore", format!("{rules}bad.py\n"));
    let limited = "ulimit -v 900000; exec \"$0\" load repo --json --to sqlite:a.db";
    let binary = astload_tests::process::binary();
    let mut command = sandbox.command_of(Path::new("sh"), &["-c", limited]);
    command.arg(binary);
    let done: std::process::Output = Command::output(&mut command).expect("sh");
    assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));
    assert_eq!(sandbox.store("a.db").paths(), ["good.py"]);
    sandbox.write(".gitignore", vec![b'a'; 9 << 20]);
    let report = sandbox.load("a.db", &[]);
    assert_eq!(problem(&report, ".gitignore").1, "more than 8 MiB of rules");
}

#[test]
fn a_rule_that_is_meant_to_hurt_is_given_up_and_told() {
    let sandbox = Sandbox::with(&[("a/b/good.py", "x = 1\n")]);
    sandbox.write(".gitignore", format!("{}x\n", "**/".repeat(1_000)));
    let report = sandbox.load("a.db", &[]);
    assert_eq!(sandbox.store("a.db").paths(), ["a/b/good.py"]);
    assert_eq!(problem(&report, "a/b/good.py").1, "its rules take too long");
}

#[test]
fn a_store_in_the_directory_hides_its_own_files_alone() {
    let sandbox = Sandbox::with(&[
        ("code-utils.py", "x = 1\n"),
        ("code-gen/a.py", "x = 1\n"),
        ("code.py", "x = 1\n"),
        ("code-wal.py", "x = 1\n"),
    ]);
    let load = ["load", "repo", "--json", "--to", "sqlite:repo/code"];
    sandbox.run(&load).exits(0);
    let report = sandbox.run(&load).exits(0).json();
    assert_eq!(report["without_grammar"], serde_json::json!({}), "{report}");
    let held = sandbox.store("repo/code").paths();
    assert_eq!(held, ["code-gen/a.py", "code-utils.py", "code-wal.py", "code.py"]);
}
