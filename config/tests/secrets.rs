//! Whatever stands around a secret, nothing that is said holds it.

mod types;

use std::ffi::OsString;
use std::path::Path;
use std::sync::LazyLock;

use astload_config::{Config, FileSchema};
use proptest::prelude::*;

/// So short that no suggestion, cut or mask could hide a part of it by chance.
const SECRET: &str = "q7Zx9";

fn environment(name: &str) -> Option<OsString> {
    match name {
        "URL" => Some(format!("tcp://me:{SECRET}@host").into()),
        "SHORT" => Some(SECRET.into()),
        _ => None,
    }
}

static SCHEMA: LazyLock<FileSchema> = LazyLock::new(types::schema);

/// All that is ever said of a configuration.
fn said(text: &str) -> String {
    match Config::parse(Path::new("x.yaml"), text.as_bytes(), &SCHEMA, &environment) {
        Ok(config) => format!("{config:?}{}{}", config.effective(), config.effective_yaml()),
        Err(problems) => format!("{problems}{problems:?}"),
    }
}

/// Lines that hold a secret at a place for one.
fn secret_line() -> impl Strategy<Value = String> {
    prop_oneof![
        Just(format!("    password: {SECRET}-long-enough")),
        Just(format!("    password: {SECRET}")),
        Just(format!("    password: \"{SECRET}\" # {SECRET}")),
        Just(format!("    password: '{SECRET}'")),
        Just(format!("    password: |\n      {SECRET}\n      {SECRET}")),
        Just(format!("    password: [{SECRET}, {{a: {SECRET}}}]")),
        Just(format!("    pin: {SECRET}")),
        Just(format!("    url: tcp://me:{SECRET}@host")),
        Just(format!("    url: pg://me:{SECRET}@host")),
        Just(format!("    user: \"pg:\\u002f/me:{SECRET}@host\"")),
        Just(format!("    tls: {{ca: x, key: {SECRET}}}")),
        Just(format!("    tls: {{key: {SECRET}, mode: x}}")),
        Just(format!("    # {SECRET}")),
        Just("    user: {env: SHORT}".to_owned()),
        Just("    url: {env: URL}".to_owned()),
        Just("    hosts: [{env: SHORT}, {env: SHORT}]".to_owned()),
        Just("    port: {env: SHORT}".to_owned()),
        Just("    tls: {ca: {env: SHORT}, mode: {env: SHORT}}".to_owned()),
        Just("    write: {deadline: {env: SHORT}}".to_owned()),
    ]
}

/// Lines that may be anything.
fn line() -> impl Strategy<Value = String> {
    prop_oneof![
        3 => Just("    url: tcp://host".to_owned()),
        1 => Just("    type: file".to_owned()),
        1 => Just("    path: x.db".to_owned()),
        1 => Just("    hosts: 5".to_owned()),
        1 => Just("    write: {attemp_timeout: 30, required: maybe}".to_owned()),
        1 => Just("  other: {type: server, url: x".to_owned()),
        1 => Just("    user: \"open".to_owned()),
        1 => Just("    port: 'open".to_owned()),
        1 => Just("    port: |".to_owned()),
        1 => Just("    ratio: >".to_owned()),
        1 => Just("    ? ".to_owned()),
        2 => Just("    tables: {nodes: {shards: \"open".to_owned()),
        2 => Just("      closed: \"}}".to_owned()),
        1 => "[ ]{0,6}[a-z]{0,6}[:,\\[\\]{}#&*!|>'\"%@`? -]{0,4}[ a-z0-9.]{0,6}",
        1 => "[ ]{0,6}(type|url|password|user|port|tls|write|select|health): \\PC{0,12}",
        1 => "\\PC{0,20}",
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2_000))]

    #[test]
    fn no_secret_is_said(
        kind in prop_oneof![6 => Just("server"), 1 => Just("file"), 1 => Just("servr"), 1 => Just("")],
        before in prop::collection::vec(line(), 0..3),
        secret in secret_line(),
        deeper in any::<bool>(),
        after in prop::collection::vec(line(), 0..3),
    ) {
        // Indented by mistake, it belongs to what stands before it.
        let secret = if deeper { format!("  {}", secret.replace('\n', "\n  ")) } else { secret };
        let lines = [before, vec![secret], after].concat().join("\n");
        let text = format!("backends:\n  store:\n    type: {kind}\n{lines}\n");
        let said = said(&text);
        prop_assert!(!said.contains(SECRET), "of\n{text}\nis said\n{said}");
    }

    #[test]
    fn any_bytes_are_read_or_refused(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        let read = Config::parse(Path::new("x.yaml"), &bytes, &SCHEMA, &environment);
        prop_assert!(read.is_err() || !bytes.is_empty());
    }
}

#[test]
fn a_plain_configuration_that_is_right_hides_its_secrets_too() {
    let text = format!(
        "backends:\n  store:\n    type: server\n    url: {{env: URL}}\n    \
         password: {SECRET}-long-enough\n    tls: {{ca: x, key: {SECRET}}}\n"
    );
    let said = said(&text);
    assert!(said.contains("{env: URL}") && said.contains("\"***\""), "{said}");
    assert!(!said.contains(SECRET), "{said}");
}
