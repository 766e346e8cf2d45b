//! Files and folders as they are found in the wild. None of them stops a load.

use std::fs;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::os::unix::net::UnixListener;

use astload_tests::{Sandbox, store::assert_same};
use rustix::fs::{CWD, FileType, Mode, mknodat};
use serde_json::Value;

use crate::nobody;

/// A repository with a good file, and whatever else a test puts in.
fn sandbox() -> Sandbox {
    Sandbox::with(&[("good.py", "good = 1\n")])
}

/// What is reported of a file.
fn problem<'r>(report: &'r Value, path: &str) -> &'r str {
    let files = report["files"].as_array().expect("a list");
    let file = files.iter().find(|file| file["path"] == path);
    file.map_or("", |file| file["problem"].as_str().expect("text"))
}

/// Loads a repository with one strange file, which is loaded, and gives what is reported of it.
fn loaded(content: &[u8]) -> (Sandbox, String) {
    let sandbox = sandbox();
    sandbox.write("strange.py", content);
    let report = sandbox.load("a.db", &[]);
    assert_eq!(report["units"]["failed"], 0);
    assert_eq!(sandbox.store("a.db").paths(), ["good.py", "strange.py"]);
    let problem = problem(&report, "strange.py").to_owned();
    (sandbox, problem)
}

fn strange_units(sandbox: &Sandbox, columns: &str) -> Vec<String> {
    sandbox.store("a.db").ask(&format!("SELECT {columns} FROM units WHERE path = 'strange.py'"))
}

#[test]
fn text_that_is_not_utf8_is_loaded_with_replacements() {
    let (sandbox, problem) = loaded(b"x = 'caf\xe9'\nname = 1\n");
    assert_eq!(problem, "not UTF-8 everywhere, loaded with U+FFFD");
    assert_eq!(strange_units(&sandbox, "flags, line_count"), ["32|2"]);
    let texts = sandbox.store("a.db").ask("SELECT text FROM nodes WHERE text LIKE 'caf%'");
    assert_eq!(texts, ["\"caf\u{fffd}\""]);
}

#[test]
fn a_binary_file_is_left_out_and_noted() {
    let sandbox = sandbox();
    sandbox.write("strange.py", b"\x7fELF\0\0\0\x01");
    let report = sandbox.load("a.db", &[]);
    assert_eq!(problem(&report, "strange.py"), "binary, not text");
    assert_eq!(report["units"]["failed"], 0, "a binary file is no source");
    assert_eq!(sandbox.store("a.db").paths(), ["good.py"]);
}

#[test]
fn nul_bytes_far_into_a_text_are_replaced() {
    let (sandbox, _) = loaded(format!("{}x = 'a\0b'\n", "# fill\n".repeat(2_000)).as_bytes());
    let nuls = "SELECT count(*) FROM nodes WHERE instr(text, char(0)) OR instr(name, char(0))";
    assert_eq!(sandbox.store("a.db").number(nuls), 0);
    assert_eq!(strange_units(&sandbox, "flags & 32"), ["32"]);
}

#[test]
fn syntax_errors_are_loaded_and_reported() {
    let (sandbox, problem) = loaded(b"def broken(:\n\nright = 1\n");
    assert_eq!(problem, "syntax errors, loaded as far as it parses");
    assert_eq!(strange_units(&sandbox, "flags"), ["1"]);
    let names = "SELECT count(*) FROM nodes WHERE path = 'strange.py' AND text = 'right'";
    assert_eq!(sandbox.store("a.db").number(names), 1);
}

#[test]
fn an_empty_file_is_a_unit_with_its_root() {
    let (sandbox, problem) = loaded(b"");
    assert_eq!(problem, "");
    assert_eq!(strange_units(&sandbox, "nodes, line_count, size_bytes"), ["1|0|0"]);
}

#[test]
fn line_ends_of_windows_count_as_lines() {
    let (sandbox, _) = loaded(b"a = 1\r\nb = 2\r\n");
    assert_eq!(strange_units(&sandbox, "line_count, flags"), ["2|0"]);
    let at = "SELECT start_line, start_col, start_byte FROM nodes WHERE text = 'b'";
    assert_eq!(sandbox.store("a.db").ask(at), ["1|0|7"]);
}

#[test]
fn a_byte_order_mark_is_no_syntax_error_and_shifts_no_byte() {
    let (sandbox, problem) = loaded(b"\xef\xbb\xbfb = 2\n");
    assert_eq!(problem, "");
    let at = "SELECT start_byte FROM nodes WHERE text = 'b'";
    assert_eq!(sandbox.store("a.db").ask(at), ["3"]);
}

#[test]
fn a_last_line_without_an_end_counts() {
    let (sandbox, _) = loaded(b"a = 1\nb = 2");
    assert_eq!(strange_units(&sandbox, "line_count"), ["2"]);
}

#[test]
fn links_are_noted_and_not_followed() {
    let sandbox = sandbox();
    sandbox.write("folder/inner.py", "inner = 1\n");
    let links = [
        ("link.py", "good.py"),
        ("linked", "folder"),
        ("loop", "loop"),
        ("up", ".."),
        ("dangling.py", "gone"),
    ];
    for (name, target) in links {
        symlink(target, sandbox.file(name)).expect("a link");
    }
    let report = sandbox.load("a.db", &[]);
    for (name, _) in links {
        assert_eq!(problem(&report, name), "link, not followed", "{name}");
    }
    assert_eq!(report["units"]["failed"], 0);
    assert_eq!(sandbox.store("a.db").paths(), ["folder/inner.py", "good.py"]);
}

#[test]
fn a_link_to_a_directory_can_be_loaded_by_name() {
    let sandbox = sandbox();
    symlink("repo", sandbox.path("link")).expect("a link");
    sandbox.run(&["load", "link"]).exits(0);
    assert_eq!(sandbox.store("astload.db").paths(), ["good.py"]);
}

#[test]
fn sockets_and_pipes_are_noted_and_never_opened() {
    let sandbox = sandbox();
    let _socket = UnixListener::bind(sandbox.file("socket.py")).expect("a socket");
    for pipe in ["pipe.py", "pipe"] {
        mknodat(CWD, sandbox.file(pipe), FileType::Fifo, Mode::RWXU, 0).expect("a pipe");
    }
    let report = sandbox.load("a.db", &[]);
    for special in ["socket.py", "pipe.py", "pipe"] {
        assert_eq!(problem(&report, special), "socket, pipe or device", "{special}");
    }
    assert_eq!(sandbox.store("a.db").paths(), ["good.py"]);
}

#[test]
fn a_name_that_is_not_utf8_is_reported() {
    let sandbox = sandbox();
    let name = std::ffi::OsStr::from_bytes(b"caf\xe9.py");
    fs::write(sandbox.file("").join(name), "x = 1\n").expect("written");
    let report = sandbox.load("a.db", &[]);
    assert_eq!(report["units"]["failed"], 1);
    assert_eq!(report["files"][0]["problem"], "path is not UTF-8");
    assert_eq!(sandbox.store("a.db").paths(), ["good.py"]);
}

#[test]
fn strange_names_are_kept_as_they_are() {
    let sandbox = sandbox();
    let names = ["a b.py", "naïve.py", "quote'\".py", "line\nbreak.py", "x:10.py", "日本.py"];
    for name in names {
        sandbox.write(name, "x = 1\n");
    }
    assert_eq!(sandbox.load("a.db", &[])["units"]["written"], 7);
    for name in names {
        let url = ["--from", "sqlite:a.db"];
        sandbox.run(&[&["tree", name][..], &url].concat()).exits(0).says("module");
    }
}

#[test]
fn a_script_is_known_by_its_first_line() {
    let sandbox = sandbox();
    sandbox.write("script", "#!/usr/bin/env python3\nprint(1)\n");
    sandbox.write("notes", "no script\n");
    let report = sandbox.load("a.db", &[]);
    assert_eq!(sandbox.store("a.db").paths(), ["good.py", "script"]);
    assert_eq!(report["without_grammar"]["no extension"], 1);
}

#[test]
fn ignored_files_and_those_of_version_control_are_skipped() {
    let sandbox = sandbox();
    sandbox.write(".gitignore", "ignored.py\nbuild/\n!build/kept.py\n*.gen.py\n");
    for name in ["ignored.py", "build/x.py", "a.gen.py", ".hidden.py", ".git/hook.py", ".hg/x.py"] {
        sandbox.write(name, "x = 1\n");
    }
    sandbox.write("sub/.gitignore", "local.py\n");
    sandbox.write("sub/local.py", "x = 1\n");
    sandbox.write("sub/ignored.py", "x = 1\n");
    sandbox.write("local.py", "x = 1\n");
    sandbox.load("a.db", &[]);
    assert_eq!(sandbox.store("a.db").paths(), [".hidden.py", "good.py", "local.py"]);
}

#[test]
fn what_is_ignored_above_a_repository_is_not_ignored_in_it() {
    let sandbox = sandbox();
    sandbox.write("../.gitignore", "*\n");
    sandbox.load("a.db", &[]);
    assert_eq!(sandbox.store("a.db").paths(), ["good.py"]);
    sandbox.write("../.git/HEAD", "");
    sandbox.write(".git/HEAD", "");
    sandbox.load("b.db", &[]);
    assert_eq!(sandbox.store("b.db").paths(), ["good.py"]);
}

#[test]
fn what_the_repository_around_a_directory_ignores_is_ignored() {
    let sandbox = sandbox();
    sandbox.write("../.git/HEAD", "");
    sandbox.write("../.gitignore", "bad.py\n");
    sandbox.write("bad.py", "x = 1\n");
    sandbox.load("a.db", &[]);
    assert_eq!(sandbox.store("a.db").paths(), ["good.py"]);
}

#[test]
fn a_script_with_another_extension_is_known_by_its_first_line() {
    let sandbox = sandbox();
    sandbox.write("tool.cgi", "#!/usr/bin/python3\nx = 1\n");
    sandbox.load("a.db", &[]);
    assert_eq!(sandbox.store("a.db").paths(), ["good.py", "tool.cgi"]);
}

#[test]
fn a_file_that_is_too_large_now_is_kept_in_the_stores() {
    let sandbox = sandbox();
    sandbox.write("big.py", "x = 1\n".repeat(500));
    sandbox.load("a.db", &[]);
    let report = sandbox.load("a.db", &["--max-file-size", "1KB"]);
    assert_eq!((&report["units"]["deleted"], &report["units"]["failed"]), (&0.into(), &1.into()));
    assert_eq!(sandbox.store("a.db").paths(), ["big.py", "good.py"]);
}

#[test]
fn stores_inside_of_a_directory_are_no_part_of_it() {
    let sandbox = sandbox();
    let load = ["load", "repo", "--json", "--to", "sqlite:repo/a.db"];
    sandbox.run(&load).exits(0);
    let report = sandbox.run(&load).exits(0).json();
    assert_eq!(report["without_grammar"], serde_json::json!({}), "{report}");
}

#[test]
fn names_from_files_do_not_steer_a_terminal() {
    let sandbox = sandbox();
    sandbox.write("x\u{1b}[2J.py", "x = 1\n");
    sandbox.load("a.db", &[]);
    let told = sandbox.run(&["tree", "x\u{1b}[2J.py", "--from", "sqlite:a.db"]).exits(0).stdout;
    assert!(!told.contains('\u{1b}') && told.contains("\\u{1b}"), "{told}");
}

#[test]
fn a_file_that_becomes_ignored_is_deleted() {
    let sandbox = Sandbox::with_python();
    sandbox.load("a.db", &[]);
    sandbox.write(".gitignore", "b.py\n");
    assert_eq!(sandbox.load("a.db", &[])["units"]["deleted"], 1);
    assert_eq!(sandbox.store("a.db").paths(), ["a.py", "pkg/c.py"]);
}

#[test]
fn a_tree_that_is_too_deep_is_refused_by_name_and_the_load_goes_on() {
    let sandbox = sandbox();
    sandbox.write("deep.py", format!("x = {}1{}\n", "[".repeat(20_000), "]".repeat(20_000)));
    let report = sandbox.load("a.db", &[]);
    assert_eq!(report["units"]["failed"], 1);
    assert_eq!(problem(&report, "deep.py"), "breaks a limit");
    assert!(report["files"][0]["detail"].as_str().expect("text").contains("10000"), "{report}");
    assert_eq!(sandbox.store("a.db").paths(), ["good.py"]);
}

#[test]
fn a_tree_that_is_just_deep_enough_is_loaded_and_shown() {
    let sandbox = sandbox();
    sandbox.write("deep.py", format!("x = {}1{}\n", "[".repeat(9_000), "]".repeat(9_000)));
    assert_eq!(sandbox.load("a.db", &[])["units"]["failed"], 0);
    sandbox.run(&["tree", "deep.py", "--from", "sqlite:a.db"]).exits(0);
    sandbox.run(&["tree", "deep.py", "--json", "--from", "sqlite:a.db"]).exits(0);
}

/// After a change, a file that cannot be loaded any more is not there in its old version either.
fn leaves_no_old_version(content: &str) {
    let sandbox = Sandbox::with_python();
    sandbox.load("a.db", &[]);
    sandbox.write("a.py", content);
    sandbox.load("a.db", &[]);
    sandbox.gc("a.db");
    assert_same("changed", &sandbox.store("a.db").dump(), &sandbox.clean_dump(&[]));
}

#[test]
fn a_file_that_became_too_deep_leaves_no_old_version() {
    leaves_no_old_version(&format!("{}1{}\n", "[".repeat(20_000), "]".repeat(20_000)));
}

#[test]
fn a_file_that_became_too_large_leaves_no_old_version() {
    leaves_no_old_version(&"x = 1\n".repeat(400_000));
}

#[test]
fn a_file_that_became_binary_leaves_no_old_version() {
    leaves_no_old_version("\0\0\0");
}

/// Loads as somebody who may not read all, after root loaded everything; gives what is reported,
/// and the paths that the store has then.
fn after_rights_are_gone(path: &str, mode: u32) -> Option<(Value, Vec<String>)> {
    let sandbox = sandbox();
    for name in ["closed/x.py", "closed/y.py", "secret.py", "b.py", "c.py", "d.py"] {
        sandbox.write(name, "x = 1\n");
    }
    sandbox.write("script", "#!/usr/bin/python\n");
    let load = ["load", "repo", "--json", "--to", "sqlite:a.db"];
    nobody::run(&sandbox, &load)?.exits(0);
    fs::set_permissions(sandbox.file(path), fs::Permissions::from_mode(mode)).expect("set");
    let report = nobody::run(&sandbox, &load)?.exits(0).json();
    fs::set_permissions(sandbox.file(path), fs::Permissions::from_mode(0o755)).expect("set");
    let paths = sandbox.store("a.db").paths();
    Some((report, paths))
}

#[test]
fn a_file_that_cannot_be_read_is_reported_and_kept() {
    let Some((report, paths)) = after_rights_are_gone("secret.py", 0) else { return };
    assert_eq!(problem(&report, "secret.py"), "could not be read");
    assert_eq!((&report["units"]["failed"], &report["units"]["deleted"]), (&1.into(), &0.into()));
    assert_eq!(paths.len(), 8);
}

#[test]
fn a_folder_that_cannot_be_listed_is_reported_and_nothing_is_deleted() {
    let Some((report, paths)) = after_rights_are_gone("closed", 0) else { return };
    assert_eq!(report["files"][0]["problem"], "directory could not be listed");
    assert!(report["files"][0].to_string().contains("closed"), "{report}");
    assert_eq!(report["units"]["deleted"], 0);
    assert_eq!(paths.len(), 8);
}

/// Names can be listed, but nothing can be learned of the files.
#[test]
fn a_folder_that_cannot_be_entered_is_reported_and_nothing_is_deleted() {
    let Some((report, paths)) = after_rights_are_gone("closed", 0o444) else { return };
    assert_eq!(report["units"]["deleted"], 0, "{report}");
    assert_eq!(paths.len(), 8);
}

#[test]
fn a_script_that_cannot_be_read_is_reported_and_kept() {
    let Some((report, paths)) = after_rights_are_gone("script", 0) else { return };
    assert_eq!(report["units"]["deleted"], 0, "{report}");
    assert_eq!(paths.len(), 8);
    assert_eq!(problem(&report, "script"), "could not be read");
}

/// The walk lists a file, and it is gone when its turn comes: what a link's target is to a folder
/// of processes, whose files vanish with them.
#[test]
fn a_directory_that_vanishes_does_not_stop_a_load() {
    let sandbox = sandbox();
    let mut running = sandbox.start(&["load", "-", "repo", "--json"]);
    running.feed(b"{\"repo\":\"r\",\"path\":\"a\",\"nodes\":[{\"kind\":\"m\"}]}\n");
    running.until_told("\n");
    fs::remove_dir_all(sandbox.path("repo")).expect("removed");
    let report = running.finish().exits(0).json();
    assert_eq!(report["units"]["written"], 1, "{report}");
    assert_eq!(report["files"][0]["problem"], "directory could not be listed", "{report}");
}

#[test]
fn a_file_that_a_query_takes_too_long_for_is_told_and_stops_nothing() {
    let sandbox = sandbox();
    sandbox.write("slow.py", "[".repeat(400_000));
    let report = sandbox.load("a.db", &[]);
    assert_eq!(report["units"]["failed"], 1, "{report}");
    assert_eq!(problem(&report, "slow.py"), "took too long to parse");
    assert_eq!(sandbox.store("a.db").paths(), ["good.py"]);
}
