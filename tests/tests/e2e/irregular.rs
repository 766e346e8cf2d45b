//! A pipe or a device in the place of a file stops nothing: it is refused at once, or read with a bound.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::Path;

use astload_tests::Sandbox;
use rustix::fs::{CWD, FileType, Mode, mknodat};

fn fifo(path: &Path) {
    mknodat(CWD, path, FileType::Fifo, Mode::from_raw_mode(0o600), 0).expect("a FIFO");
}

#[test]
fn a_configuration_refers_to_regular_files_alone() {
    let sandbox = Sandbox::new();
    fs::create_dir(sandbox.path("conf.d")).expect("a folder");
    fifo(&sandbox.path("conf.d/a.yaml"));
    symlink("/dev/zero", sandbox.path("conf.d/b.yaml")).expect("a link");
    fifo(&sandbox.path("key"));
    let text = "include: [conf.d]
backends:
  a: {type: sqlite, path: {file: key}}
  b: {type: sqlite, path: {file: /dev/zero}}
";
    fs::write(sandbox.path("a.yaml"), text).expect("written");
    let told = sandbox.run(&["check", "a.yaml"]).exits(1);
    for name in ["conf.d/a.yaml", "conf.d/b.yaml", "key", "/dev/zero"] {
        let words = format!("`{name}` is no regular file");
        assert!(told.all().contains(&words), "{words}: {}", told.all());
    }
}

#[test]
fn the_configuration_itself_may_be_a_pipe_and_is_read_up_to_a_bound() {
    let sandbox = Sandbox::with_python();
    let text = b"backends: {a: {type: sqlite, path: a.db}}";
    sandbox.run_with_input(&["check", "/dev/stdin"], text).exits(0).says("1 backend, no problems");
    sandbox.run_with_input(&["load", "repo", "--config", "/dev/stdin"], text).exits(0);
    sandbox.run(&["check", "/dev/zero"]).exits(1).says("at most 1 MiB");
}

#[test]
fn who_waits_for_a_configuration_may_stop() {
    let sandbox = Sandbox::with_python();
    fifo(&sandbox.path("a.yaml"));
    for arguments in [&["check", "a.yaml"][..], &["load", "repo", "--config", "a.yaml"]] {
        let running = sandbox.start(arguments);
        // Ctrl-C does the same, but a process that was started in the background does not hear it.
        running.signal(rustix::process::Signal::TERM);
        assert_eq!(running.finish().code(), 143, "{arguments:?}");
    }
}

#[test]
fn an_account_is_no_pipe() {
    let sandbox = Sandbox::with_python();
    fifo(&sandbox.path("audit"));
    let load = ["load", "repo", "--to", "sqlite:a.db", "--audit", "audit"];
    sandbox.run(&load).exits(2).says("--audit audit: it is no regular file");
}

#[test]
fn a_dead_letter_or_a_segment_that_is_a_pipe_is_told() {
    let sandbox = Sandbox::with_python();
    sandbox.load("a.db", &[]);
    sandbox.store("a.db").execute(
        "CREATE TRIGGER picky BEFORE INSERT ON unit WHEN NEW.path = 'b.py'
         BEGIN SELECT RAISE(ABORT, 'not welcome'); END",
    );
    for file in ["a.py", "b.py"] {
        sandbox.write(file, "def changed():\n    return 1\n");
    }
    sandbox.load_exits("a.db", &[], 3);
    let letters = fs::read_dir(sandbox.path("state/astload/dead-letters")).expect("letters");
    let folder = letters.map(|entry| entry.expect("read").path()).find(|path| path.is_dir());
    fifo(&folder.expect("a folder").join("00000000000000000000000000000001.letter"));
    let told = sandbox.run(&["dlq", "list"]).exits(3).says("it is no regular file");
    assert!(told.all().contains("1 dead letter"), "{}", told.all());
    sandbox.load_exits("a.db", &[], 3);
    fs::create_dir(sandbox.path("journal")).expect("a folder");
    fifo(&sandbox.path("journal/00000000000000000001.journal"));
    for verb in ["inspect", "verify", "repair"] {
        sandbox.run(&["journal", verb, "journal"]).exits(1).says("it is no regular file");
    }
}

#[test]
fn certificates_and_passwords_are_in_regular_files() {
    let sandbox = Sandbox::with_python();
    fifo(&sandbox.path("pem"));
    for url in [
        "postgres://127.0.0.1:1/d?sslmode=verify-ca&sslrootcert=pem",
        "elasticsearch://127.0.0.1:1?ca=pem",
        "neo4j+s://127.0.0.1:1?ca=pem",
    ] {
        let show = ["show", url];
        sandbox.run(&show).exits(1).says("pem cannot be read: ").says("it is no regular file");
    }
    let mut command = sandbox.command(&["show", "postgres://127.0.0.1:1/d"]);
    command.env("PGPASSFILE", sandbox.path("pem"));
    astload_tests::Running::start(command).finish().exits(1);
}
