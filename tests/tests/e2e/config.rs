//! Configurations: checked, shown, described, and what the documentation says of them.

use std::fs;

use astload_tests::{Finished, Running, Sandbox};
use serde_json::Value;

const PAGE: &str = include_str!("../../../docs/configuration.md");

const SECRET: &str = "s3cret-place";

fn write(sandbox: &Sandbox, name: &str, text: &str) {
    let path = sandbox.path(name);
    fs::create_dir_all(path.parent().expect("a folder")).expect("a folder");
    fs::write(path, text).expect("written");
}

/// Runs it where the environment has a secret.
fn run(sandbox: &Sandbox, arguments: &[&str]) -> Finished {
    let mut command = sandbox.command(arguments);
    command.env("CODE_DB", format!("{SECRET}.db")).env_remove("UNSET");
    Running::start(command).finish()
}

/// A sandbox whose `a.yaml` has this text.
fn with(text: &str) -> Sandbox {
    let sandbox = Sandbox::new();
    write(&sandbox, "a.yaml", text);
    sandbox
}

#[test]
fn a_link_to_nowhere_among_included_files_is_a_problem() {
    let sandbox = Sandbox::new();
    let file = |name: &str| sandbox.path(name);
    std::fs::create_dir(file("conf.d")).expect("made");
    std::os::unix::fs::symlink("nowhere.yaml", file("conf.d/production.yaml")).expect("made");
    let main = "include: [conf.d]\nbackends: {a: {type: sqlite, path: a.db}}\n";
    std::fs::write(file("main.yaml"), main).expect("written");
    sandbox
        .run(&["check", "main.yaml"])
        .exits(1)
        .says("conf.d/production.yaml")
        .says("main.yaml:1:11");
}

#[test]
fn what_is_right_is_said_to_be() {
    let sandbox = with("backends:\n  local: {type: sqlite, path: code.db}\n");
    let checked = run(&sandbox, &["check", "a.yaml"]).exits(0);
    assert_eq!(checked.stdout, "a.yaml: 1 backend, no problems\n");
    assert_eq!(run(&sandbox, &["check", "a.yaml", "--json"]).exits(0).stdout, "");
    assert!(!sandbox.path("code.db").exists(), "it only reads");
}

#[test]
fn two_backends_of_one_store_are_a_problem() {
    let sandbox =
        with("backends:\n  a: {type: sqlite, path: x.db}\n  b: {type: sqlite, path: ./x.db}\n");
    run(&sandbox, &["check", "a.yaml"])
        .exits(1)
        .says("a.yaml:3:3: backend `b` is the same store as `a` in a.yaml:2:3");
}

#[test]
fn a_language_that_is_none_is_a_problem_with_what_was_meant() {
    let select = |languages: &str| {
        with(&format!("backends:\n  a: {{type: sqlite, path: x.db, select: {{{languages}}}}}\n"))
    };
    let sandbox = select("languages: [rust, rsut]");
    let told = "a.yaml:2:60: item 2 of `languages` expects";
    for command in [&["check", "a.yaml"][..], &["load", ".", "--config", "a.yaml"]] {
        let code = if command[0] == "check" { 1 } else { 2 };
        run(&sandbox, command).exits(code).says(told).says("did you mean `rust`?");
    }
    let elsewhere = "a language of units from elsewhere goes into `other_languages`";
    run(&select("languages: [kotlin]"), &["check", "a.yaml"]).exits(1).says(elsewhere);
    run(&select("languages: [rust], other_languages: [kotlin]"), &["check", "a.yaml"]).exits(0);
    run(&sandbox, &["load", ".", "--languages", "pyhton"])
        .exits(2)
        .says("there is no grammar for `pyhton`, did you mean `python`?");
}

#[test]
fn every_problem_is_told_at_its_place() {
    let sandbox = with(
        "backends:\n  local: {type: sqlite, path: code.db, durabilty: full}\n  other: {type: sqlit}\n",
    );
    let checked = run(&sandbox, &["check", "a.yaml"]).exits(1);
    assert_eq!(
        checked.stdout,
        "a.yaml:2:40: unknown field `durabilty`, did you mean `durability`?\n  \
         |\n\
         2 |   local: {type: ***, path: ***, durabilty: ***}\n  \
         |                                 ^^^^^^^^^\n\n\
         a.yaml:3:17: unknown type `sqlit`, did you mean `sqlite`?\n  \
         |\n\
         3 |   other: {type: ***}\n  \
         |                 ^^^\n\n\
         2 problems in a.yaml\n"
    );
    let checked = run(&sandbox, &["check", "a.yaml", "--json"]).exits(1);
    let first: Value =
        serde_json::from_str(checked.stdout.lines().next().expect("a line")).expect("JSON");
    assert_eq!(
        (&first["file"], &first["line"], &first["column"]),
        (&"a.yaml".into(), &2.into(), &40.into())
    );
    assert!(first["message"].as_str().expect("text").starts_with("unknown field"), "{first}");
    assert_eq!(checked.stdout.lines().count(), 2);
    run(&sandbox, &["config", "show", "a.yaml"])
        .exits(1)
        .says("2 problems in a.yaml")
        .says("astload check");
}

#[test]
fn a_file_that_is_not_there_is_wrong_usage() {
    let sandbox = Sandbox::new();
    for arguments in
        [&["check", "gone.yaml"][..], &["config", "show", "gone.yaml"], &["check", "repo"]]
    {
        run(&sandbox, arguments).exits(2).says("error: reading ");
    }
}

#[test]
fn a_variable_that_is_not_set_is_named_and_one_that_is_set_is_not_told() {
    let sandbox = with(
        "backends:\n  a: {type: sqlite, path: {env: UNSET}}\n  b: {type: sqlite, path: {env: CODE_DB}, durability: {env: CODE_DB}}\n",
    );
    let checked = run(&sandbox, &["check", "a.yaml"]).exits(1);
    let checked = checked.says("a.yaml:2:33: environment variable `UNSET` is not set");
    assert!(!checked.all().contains(SECRET), "{}", checked.all());
}

#[test]
fn connecting_tries_every_backend_and_tells_no_secret() {
    let sandbox = Sandbox::with_python();
    sandbox.load("there.db", &[]);
    fs::write(
        sandbox.path(&format!("{SECRET}.db")),
        "no database at all, but a letter\n".repeat(200),
    )
    .expect("written");
    let text = "backends:
  there: {type: sqlite, path: there.db}
  absent: {type: sqlite, path: absent.db}
  broken: {type: sqlite, path: {env: CODE_DB}}
  nowhere: {type: sqlite, path: nowhere/a.db}
";
    write(&sandbox, "a.yaml", text);
    let checked = run(&sandbox, &["check", "a.yaml", "--connect"]).exits(1);
    let checked = checked.says("answers in").says("not there yet; load creates it");
    let checked = checked.says("not a database").says("no folder nowhere");
    assert!(!checked.all().contains(SECRET), "{}", checked.all());
    assert!(!sandbox.path("absent.db").exists(), "it only reads");
    let checked = run(&sandbox, &["check", "a.yaml", "--connect", "--json"]).exits(1);
    let outcomes: Vec<String> = checked
        .stdout
        .lines()
        .map(|line| {
            let probe: Value = serde_json::from_str(line).expect("JSON");
            format!("{} {}", probe["backend"], probe["outcome"])
        })
        .collect();
    let expected = ["there well", "absent absent", "broken failed", "nowhere failed"];
    assert_eq!(outcomes, expected.map(|words| format!("\"{}\"", words.replace(' ', "\" \""))));
    let text = text.lines().filter(|line| !line.contains("broken") && !line.contains("nowhere"));
    write(&sandbox, "b.yaml", &text.collect::<Vec<_>>().join("\n"));
    run(&sandbox, &["check", "b.yaml", "--connect"]).exits(0);
}

#[test]
fn what_is_shown_is_a_configuration_that_comes_to_the_same() {
    let sandbox = with(
        "include: [conf.d]
defaults: {write: {attempt_timeout: 20s, retry: {first: 1s}}, health: {interval: 5s}}
backends:
  local: {type: sqlite, path: {env: CODE_DB}, write: {retry: {max: 4s}}}
",
    );
    write(
        &sandbox,
        "conf.d/more.yaml",
        "backends:\n  more: {type: sqlite, path: {file: place}, durability: full}\n",
    );
    write(&sandbox, "conf.d/place", &format!("{SECRET}-2.db\n"));
    let shown = run(&sandbox, &["config", "show", "a.yaml"]).exits(0).stdout;
    assert!(
        shown.contains("path: {env: CODE_DB}") && shown.contains("attempt_timeout: 20s"),
        "{shown}"
    );
    assert!(!shown.contains(SECRET), "{shown}");
    // Elsewhere too, for its paths are whole.
    write(&sandbox, "elsewhere/b.yaml", &shown);
    run(&sandbox, &["check", "elsewhere/b.yaml"]).exits(0).says("2 backends, no problems");
    assert_eq!(run(&sandbox, &["config", "show", "elsewhere/b.yaml"]).exits(0).stdout, shown);
    let json = run(&sandbox, &["config", "show", "a.yaml", "--json"]).exits(0).json();
    assert_eq!(json["backends"]["local"]["write"]["retry"]["max"], "4s", "{json}");
}

/// The examples of the documentation.
fn examples() -> Vec<&'static str> {
    let parts = PAGE.split("```yaml\n").skip(1);
    parts.map(|part| part.split("```").next().expect("an end")).collect()
}

#[test]
fn the_examples_of_the_documentation_are_right_and_fit_the_schema() {
    let sandbox = Sandbox::new();
    write(&sandbox, "secrets/db", "other.db\n");
    write(&sandbox, "conf.d/more.yaml", "backends:\n  more: {type: sqlite, path: more.db}\n");
    let schema = run(&sandbox, &["config", "schema"]).exits(0).json();
    assert!(jsonschema::meta::is_valid(&schema), "no JSON Schema");
    let validator = jsonschema::validator_for(&schema).expect("a JSON Schema");
    assert!(examples().len() >= 4);
    assert!(examples()[0].starts_with("# yaml-language-server: $schema="), "for editors");
    for example in examples() {
        write(&sandbox, "astload.yaml", example);
        run(&sandbox, &["check", "astload.yaml"]).exits(0);
        // A test needs no YAML of its own: what is shown is the same in JSON.
        let shown = run(&sandbox, &["config", "show", "astload.yaml", "--json"]).exits(0).json();
        let problems: Vec<String> =
            validator.iter_errors(&shown).map(|error| error.to_string()).collect();
        assert!(problems.is_empty(), "{example}\n{problems:?}");
    }
    let wrong = serde_json::json!({"backends": {"a": {"type": "sqlite", "path": 3}}});
    assert!(!validator.is_valid(&wrong), "the schema takes anything");
}

#[test]
fn the_message_that_the_documentation_shows_is_what_is_seen() {
    let sandbox = Sandbox::new();
    write(
        &sandbox,
        "astload.yaml",
        "\n\nbackends:\n  local: {type: sqlite, path: a.db, write: {attemp_timeout: 3s}}\n",
    );
    let seen = run(&sandbox, &["check", "astload.yaml"]).exits(1).stdout;
    let shown =
        PAGE.split("```text\n").nth(1).and_then(|part| part.split("```").next()).expect("shown");
    let only_lines =
        |text: &str| text.lines().skip(1).take(3).map(str::to_owned).collect::<Vec<_>>();
    assert_eq!(only_lines(&seen), only_lines(shown));
    assert!(
        seen.contains("unknown field `attemp_timeout`, did you mean `attempt_timeout`?"),
        "{seen}"
    );
}

/// Every field below a part of the schema, as the documentation calls it.
fn fields(schema: &Value, part: &Value, name: &str, all: &mut Vec<String>) {
    let to = part["$ref"].as_str().and_then(|to| schema.pointer(&to[1..])).unwrap_or(part);
    let inner = to["properties"].as_object().into_iter().flatten();
    let inner = inner.map(|(field, part)| {
        (if name.is_empty() { field.clone() } else { format!("{name}.{field}") }, part)
    });
    let inner: Vec<_> = inner.collect();
    if inner.is_empty() || name == "concurrency" {
        all.push(name.to_owned());
    }
    inner.iter().for_each(|(name, part)| fields(schema, part, name, all));
}

#[test]
fn every_field_is_documented_and_no_other() {
    let schema = run(&Sandbox::new(), &["config", "schema"]).exits(0).json();
    for part in ["select", "write", "health"] {
        let mut known = Vec::new();
        fields(&schema, &schema["$defs"][part], "", &mut known);
        let (_, section) = PAGE.split_once(&format!("\n### {part}\n")).expect("a heading");
        let section = section.split("\n#").next().unwrap_or_default();
        let rows = section.lines().filter_map(|line| line.strip_prefix("| `"));
        let mut described: Vec<String> =
            rows.filter_map(|row| Some(row.split_once('`')?.0.to_owned())).collect();
        known.sort();
        described.sort();
        assert_eq!(described, known, "{part}");
    }
}
