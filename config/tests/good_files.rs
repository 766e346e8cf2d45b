//! What a configuration comes to.

mod types;

use std::ffi::OsString;
use std::fs;
use std::time::Duration;

use astload_config::{BackendSettings, Concurrency, Config, Durability};
use serde_json::json;
use tempfile::TempDir;

fn environment(name: &str) -> Option<OsString> {
    match name {
        "URL" => Some("tcp://me:s3cret@host".into()),
        "PORT" => Some("7687".into()),
        _ => None,
    }
}

/// Reads a configuration of these files, the first of which is the main one.
fn read(files: &[(&str, &str)]) -> (TempDir, Config) {
    let folder = tempfile::tempdir().expect("a folder");
    for (name, text) in files {
        let path = folder.path().join(name);
        fs::create_dir_all(path.parent().expect("a folder")).expect("a folder");
        fs::write(path, text).expect("written");
    }
    let (name, text) = files[0];
    let read =
        Config::parse(&folder.path().join(name), text.as_bytes(), &types::schema(), &environment);
    let config = read.unwrap_or_else(|problems| panic!("{problems}"));
    (folder, config)
}

fn backends(text: &str) -> Vec<BackendSettings> {
    read(&[("a.yaml", text)]).1.backends
}

#[test]
fn backends_come_in_the_order_of_the_file_with_their_options() {
    let backends = backends(
        "backends:\n  z: {type: file, path: z.db}\n  a: {type: server, url: tcp://x, hosts: [a, b]}\n",
    );
    let names: Vec<&str> = backends.iter().map(|backend| backend.name.as_str()).collect();
    assert_eq!(names, ["z", "a"]);
    assert_eq!(backends[0].type_name, "file");
    assert_eq!(backends[0].options.value(), &json!({"path": "z.db"}));
    assert_eq!(backends[1].options.value(), &json!({"url": "tcp://x", "hosts": ["a", "b"]}));
}

#[test]
fn a_reference_stands_for_what_it_leads_to_in_the_type_that_is_wanted() {
    let text = "backends:\n  a:\n    type: server\n    url: {env: URL}\n    port: {env: PORT}\n    user: {env: PORT}\n    \
                password: {file: conf/password}\n    hosts: [{env: PORT}]\n    tls: {ca: {file: conf/ca}}\n";
    let (_folder, config) = read(&[
        ("a.yaml", text),
        ("conf/password", "long enough\r\n"),
        ("conf/ca", "two\nlines\n\n"),
    ]);
    assert_eq!(
        config.backends[0].options.value(),
        &json!({
            "url": "tcp://me:s3cret@host", "port": 7687, "user": "7687", "password": "long enough",
            "hosts": ["7687"], "tls": {"ca": "two\nlines\n"},
        })
    );
    let said = "no route to host, said tcp://me:s3cret@host for me:s3cret";
    let clean = config.backends[0].options.secrets().mask(said);
    assert_eq!(clean, "no route to ***, said *** for me:***");
}

#[test]
fn a_mapping_that_an_option_wants_is_no_reference() {
    let text =
        "backends:\n  a: {type: server, url: tcp://x, tables: {env: {name: x}, file: {name: y}}}\n";
    let backends = backends(text);
    assert_eq!(
        backends[0].options.value()["tables"],
        json!({"env": {"name": "x"}, "file": {"name": "y"}})
    );
}

#[test]
fn a_backends_own_settings_win_over_defaults_field_by_field_and_its_selection_as_a_whole() {
    let backends = backends(
        "defaults:
  select: {languages: [rust], paths: [src/**]}
  write: {attempt_timeout: 10s, retry: {first: 1s, max: 5s}, concurrency: {min: 1, max: 8}}
  health: {interval: 1m}
backends:
  plain: {type: file, path: a.db}
  own:
    type: file
    path: b.db
    select: {languages: [go]}
    write: {retry: {max: 9s}, concurrency: 2, batch: {rows: 5, bytes: 1KiB}, retention: 1GiB, required: true}
    health: {timeout: 2s}
",
    );
    let [plain, own] = backends.as_slice() else { panic!("two") };
    let selected = |backend: &BackendSettings| backend.select.clone().expect("somebody says");
    let seconds = |seconds| Some(Duration::from_secs(seconds));
    assert_eq!(plain.write.concurrency, Some(Concurrency { min: 1, max: 8 }));
    assert_eq!((plain.write.retry.max, plain.write.required), (seconds(5), None));
    assert_eq!(selected(plain).paths.as_deref(), Some(&["src/**".to_owned()][..]));
    assert_eq!((own.write.attempt_timeout, own.write.deadline), (seconds(10), None));
    assert_eq!((own.write.retry.first, own.write.retry.max), (seconds(1), seconds(9)));
    assert_eq!(own.write.concurrency, Some(Concurrency { min: 2, max: 2 }));
    assert_eq!((own.write.batch.rows, own.write.batch.bytes), (Some(5), Some(1024)));
    assert_eq!((own.write.retention, own.write.required), (Some(1 << 30), Some(true)));
    assert_eq!((own.health.interval, own.health.timeout), (seconds(60), seconds(2)));
    assert_eq!(
        (selected(own).languages.as_deref(), &selected(own).paths),
        (Some(&["go".to_owned()][..]), &None)
    );
}

#[test]
fn durability_of_writes_becomes_the_option_of_the_type() {
    let backends = backends(
        "defaults: {write: {durability: full}}\nbackends:\n  a: {type: file, path: a.db}\n  \
         b: {type: file, path: b.db, durability: normal}\n  c: {type: file, path: c.db, write: {durability: normal}}\n",
    );
    let of = |at: usize| {
        (backends[at].options.value()["durability"].clone(), backends[at].write.durability)
    };
    assert_eq!(of(0), (json!("full"), Some(Durability::Full)));
    assert_eq!(of(1).0, json!("normal"), "the option is nearer than the defaults");
    assert_eq!(of(2), (json!("normal"), Some(Durability::Normal)));
}

#[test]
fn included_directories_add_their_files_by_name_and_nothing_hidden() {
    let of = |name: &str| format!("backends:\n  {name}: {{type: file, path: x.db}}\n");
    let (_folder, config) = read(&[
        ("a.yaml", &format!("include: [conf.d, more.d]\n{}", of("main"))),
        ("conf.d/20-b.yaml", &of("b")),
        ("conf.d/10-a.yml", &of("a")),
        ("conf.d/.hidden.yaml", "["),
        ("conf.d/note.txt", "["),
        ("conf.d/30-empty.yaml", "# nothing\n"),
        ("more.d/c.yaml", &of("c")),
        ("more.d/folder.yaml/d.yaml", "["),
    ]);
    let names: Vec<&str> = config.backends.iter().map(|backend| backend.name.as_str()).collect();
    assert_eq!(names, ["main", "a", "b", "c"]);
}

#[test]
fn what_is_effective_shows_references_and_no_secrets() {
    let text = "backends:\n  a: {type: server, url: {env: URL}, password: plainly-written, user: \"pg://u:pw@h\", tls: {ca: x, key: {env: PORT}}}\n";
    let (_folder, config) = read(&[("a.yaml", text)]);
    assert_eq!(
        config.effective()["backends"]["a"],
        json!({
            "type": "server", "url": {"env": "URL"}, "password": "***", "user": "pg://u:***@h",
            "tls": {"ca": "x", "key": {"env": "PORT"}},
        })
    );
    assert!(!format!("{config:?}").contains("plainly"), "{config:?}");
}

#[test]
fn a_file_may_begin_with_a_mark_and_end_lines_as_windows_does() {
    let text = "\u{feff}backends:\r\n  a:\r\n    type: file\r\n    path: a.db\r\n";
    assert_eq!(backends(text)[0].options.value(), &json!({"path": "a.db"}));
}
