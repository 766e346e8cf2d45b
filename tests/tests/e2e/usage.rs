//! Wrong usage, help, completions, and a reader that goes away.

use std::process::{Command, Stdio};

use astload_tests::{Sandbox, wait_until};

const COMMANDS: [&str; 10] =
    ["load", "show", "tree", "refs", "rm", "gc", "index", "backends", "check", "config"];

#[test]
fn help_has_examples_and_exit_codes() {
    let sandbox = Sandbox::new();
    let help = sandbox.run(&["--help"]).exits(0);
    let help = help.says("Examples:").says("astload load .").says("Exit codes:").stdout;
    for command in COMMANDS {
        assert!(help.contains(command), "{command}");
    }
    sandbox.run(&["load", "--help"]).exits(0).says("Examples:").says("130");
    sandbox.run(&["load", "--help"]).exits(0).says("--durability").says("power cut");
}

#[test]
fn no_arguments_are_wrong_usage_with_help() {
    Sandbox::new().run::<&str>(&[]).exits(2).says("Usage: astload");
    Sandbox::new().run(&["load"]).exits(2).says("PATH");
}

#[test]
fn an_unknown_option_or_command_names_the_one_that_was_meant() {
    let sandbox = Sandbox::new();
    sandbox.run(&["load", ".", "--languges", "python"]).exits(2).says("--languages");
    sandbox.run(&["laod", "."]).exits(2).says("load");
}

#[test]
fn an_unknown_language_names_those_that_there_are() {
    let finished = Sandbox::with_python().run(&["load", "repo", "--languages", "cobol"]).exits(2);
    finished.says("no grammar for `cobol`").says("typescript");
}

#[test]
fn numbers_that_are_none_are_refused_before_anything_is_loaded() {
    let sandbox = Sandbox::with_python();
    for patience in ["0s", "9999years", "soon"] {
        sandbox.run(&["load", "repo", "--patience", patience]).exits(2).says("--patience");
    }
    let much = "sqlite:a.db?busy_timeout_ms=2147483648";
    sandbox.run(&["load", "repo", "--to", much]).exits(2).says("busy_timeout_ms");
}

#[test]
fn a_broken_glob_is_named() {
    Sandbox::new().run(&["load", "repo", "--exclude", "a["]).exits(2).says("`a[` is no glob");
}

#[test]
fn a_name_is_for_one_directory() {
    let sandbox = Sandbox::with_python();
    let two = ["load", "repo", ".", "--repo", "name"];
    sandbox.run(&two).exits(2).says("--repo takes one directory");
    sandbox.run(&["load", "-", "--repo", "name"]).exits(2).says("--repo names a directory");
}

#[test]
fn a_path_that_is_not_there_or_no_source_is_wrong_usage() {
    let sandbox = Sandbox::with_python();
    sandbox.run(&["load", "gone"]).exits(2).says("gone");
    sandbox.run(&["load", "repo/a.py"]).exits(2).says("neither a directory").says("--include");
    assert!(!sandbox.path("astload.db").exists());
}

#[test]
fn a_url_that_is_none_says_what_to_write() {
    let sandbox = Sandbox::with_python();
    let table = [
        ("code.db", "write e.g. `sqlite:code.db`"),
        ("mysqul:x", "unknown backend type `mysqul`, known are "),
        ("sqlite:", "names no file"),
        ("sqlite://host/x.db", "SQLite is a file here"),
        ("sqlite:a.db?durabilty=full", "did you mean `durability`?"),
        ("sqlite:a.db?durability=maybe", "maybe"),
        ("sqlite:a.db?durability", "not of the form key=value"),
    ];
    for (url, said) in table {
        sandbox.run(&["load", "repo", "--to", url]).exits(2).says(said);
        if !url.contains('?') {
            let code = sandbox.run(&["show", url]).says(said).code();
            assert!(code == 1 || code == 2, "{url}: {code}");
        }
    }
    assert!(!sandbox.path("a.db").exists());
}

#[test]
fn a_password_in_a_url_is_never_shown() {
    for url in ["sqlite://me:s3cr3t@host/a.db", "postgres://me:s3cr3t@host/a"] {
        for arguments in [&["load", "repo", "--to", url][..], &["show", url]] {
            let said = Sandbox::new().run(arguments).all();
            assert!(!said.contains("s3cr3t"), "{said}");
        }
    }
}

#[test]
fn a_backend_named_twice_is_refused() {
    let sandbox = Sandbox::with_python();
    let absolute = format!("sqlite:{}", sandbox.path("a.db").display());
    for other in ["sqlite:a.db", "sqlite:./a.db", "sqlite:repo/../a.db", &absolute] {
        let twice = ["load", "repo", "--to", "sqlite:a.db", "--to", other];
        let words = if other == "sqlite:a.db" { "is named twice" } else { "are the same store" };
        sandbox.run(&twice).exits(2).says(words);
        assert!(!sandbox.path("a.db").exists(), "{other}");
    }
    sandbox.run(&["load", "repo", "--to", "sqlite:a.db"]).exits(0);
    std::os::unix::fs::symlink("a.db", sandbox.path("link.db")).expect("a link");
    let twice = ["load", "repo", "--to", "sqlite:a.db", "--to", "sqlite:link.db"];
    sandbox.run(&twice).exits(2).says("sqlite:a.db and sqlite:link.db are the same store");
}

#[test]
fn a_store_in_memory_is_refused() {
    let told = Sandbox::with_python().run(&["load", "repo", "--to", "sqlite::memory:"]);
    told.exits(2).says("would end with the load").says("hint: name a file");
}

#[test]
fn completions_are_there_for_every_shell() {
    let sandbox = Sandbox::new();
    for shell in ["bash", "zsh", "fish"] {
        let script = sandbox.run(&["completions", shell]).exits(0).stdout;
        for command in COMMANDS {
            assert!(script.contains(command), "{shell} lacks {command}");
        }
    }
    sandbox.run(&["completions", "cmd.exe"]).exits(2);
}

#[test]
fn the_completions_for_bash_are_bash() {
    let sandbox = Sandbox::new();
    let script = sandbox.run(&["completions", "bash"]).exits(0).stdout;
    std::fs::write(sandbox.path("complete.sh"), script).expect("written");
    let checked = Command::new("bash").arg("-n").arg(sandbox.path("complete.sh")).output();
    assert!(checked.expect("bash").status.success());
}

#[test]
fn a_reader_that_goes_away_ends_it_quietly() {
    let sandbox = Sandbox::with_python();
    sandbox.load("astload.db", &[]);
    for arguments in [&["show"][..], &["tree", "a.py"], &["backends"], &["--help"]] {
        let (reader, writer) = std::io::pipe().expect("a pipe");
        drop(reader);
        let mut command = sandbox.command(arguments);
        let mut child =
            command.stdout(writer).stderr(Stdio::piped()).spawn().expect("the binary starts");
        wait_until("its end", || child.try_wait().expect("waited").is_some());
        let output = child.wait_with_output().expect("waited");
        assert_eq!(String::from_utf8_lossy(&output.stderr), "", "{arguments:?}");
        assert!(output.status.code().is_some(), "{arguments:?}: {}", output.status);
    }
}
