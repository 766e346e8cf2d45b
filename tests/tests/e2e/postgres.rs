//! PostgreSQL as a user meets it: through the binary, on a real server.

use std::os::unix::fs::PermissionsExt;
use std::time::Duration;

use astload_tests::{Dice, Finished, PgStore, Running, Sandbox, corpus};
use rustix::process::Signal;

use crate::edits::edit;

/// Rounds of random edits, and after how many each the store is compared with a clean one.
const ROUNDS: usize = 200;
const COMPARED_EVERY: usize = 10;

fn load(sandbox: &Sandbox, store: &PgStore, more: &[&str]) -> Finished {
    let url = store.url();
    sandbox.run(&[&["load", "repo", "--quiet", "--to", url.as_str()], more].concat())
}

/// Requires that a store holds what a fresh load of the repository gives.
pub(crate) fn is_clean(sandbox: &Sandbox, store: &PgStore) {
    equals_a_fresh_load(sandbox, &store.url());
}

/// The same of the store at a URL.
pub(crate) fn equals_a_fresh_load(sandbox: &Sandbox, url: &str) {
    let folder = tempfile::tempdir_in(sandbox.path(".")).expect("a folder");
    let clean = format!("sqlite:{}", folder.path().join("clean.db").display());
    sandbox.run(&["load", "repo", "--quiet", "--to", &clean]).exits(0);
    sandbox.run(&["verify", &clean, url]).exits(0);
}

pub(crate) fn has_no_orphans(store: &PgStore) {
    let orphans = store.psql(
        "SELECT (SELECT count(*) FROM node WHERE unit NOT IN (SELECT number FROM unit WHERE number IS NOT NULL))
              + (SELECT count(*) FROM edge WHERE unit NOT IN (SELECT number FROM unit WHERE number IS NOT NULL))
              + (SELECT count(*) FROM edge WHERE dst_symbol IS NOT NULL
                 AND dst_symbol NOT IN (SELECT symbol_id FROM symbol))",
    );
    assert_eq!(orphans, "0");
}

#[test]
fn a_loaded_store_answers_every_question() {
    let Some(store) = PgStore::new() else { return };
    let sandbox = Sandbox::with_python();
    load(&sandbox, &store, &[]).exits(0).says("3 units written");
    let url = store.url();
    let shown = sandbox.run(&["show", &url]).exits(0);
    assert!(!shown.all().contains("apppw"), "{}", shown.all());
    shown.says("3 units").says("identifier").says("python");
    sandbox.run(&["tree", "a.py", "--from", &url]).exits(0).says("function_definition");
    sandbox.run(&["refs", "first", "--from", &url]).exits(0).says("DEFINES").says("pkg/c.py");
    load(&sandbox, &store, &[]).exits(0).says("0 units written, 3 skipped");
    is_clean(&sandbox, &store);
    sandbox.run(&["rm", "repo", "pkg", "--from", &url]).exits(0).says("1 unit deleted");
    sandbox.run(&["gc", &url]).exits(0).says("1 tombstone");
    assert_eq!(store.psql("SELECT string_agg(path, ' ' ORDER BY path) FROM units"), "a.py b.py");
    load(&sandbox, &store, &[]).exits(0).says("1 unit written");
    is_clean(&sandbox, &store);
    has_no_orphans(&store);
}

#[test]
fn after_any_edits_a_load_equals_a_clean_one() {
    let Some(store) = PgStore::new() else { return };
    // Real files to begin with: those of a crate of this repository.
    let sandbox = Sandbox::with(&[("always.py", "x = 1\n")]);
    let mut files = corpus::copy(&sandbox, "config/src");
    assert!(files.len() > 20, "{files:?}");
    let mut dice = Dice::seeded(7);
    for round in 1..=ROUNDS {
        for _ in 0..=dice.below(6) {
            edit(&sandbox, &mut files, &mut dice);
        }
        load(&sandbox, &store, &["--allow-mass-delete"]).exits(0);
        if round % COMPARED_EVERY == 0 {
            is_clean(&sandbox, &store);
        }
    }
    sandbox.run(&["gc", &store.url()]).exits(0);
    is_clean(&sandbox, &store);
    has_no_orphans(&store);
}

#[test]
fn loaders_at_once_on_one_repository_leave_it_whole() {
    let Some(store) = PgStore::new() else { return };
    let sandbox = Sandbox::new();
    corpus::fill(&sandbox, 40, 20);
    let url = store.url();
    for round in 0..3 {
        let loaders: Vec<_> =
            (0..3).map(|_| sandbox.start(&["load", "repo", "--quiet", "--to", &url])).collect();
        loaders.into_iter().for_each(|loader| drop(loader.finish().exits(0)));
        is_clean(&sandbox, &store);
        has_no_orphans(&store);
        corpus::fill(&sandbox, 40, 21 + round);
    }
}

#[test]
fn a_load_that_was_killed_is_completed_by_the_next_one() {
    let Some(store) = PgStore::new() else { return };
    let sandbox = Sandbox::new();
    let url = store.url();
    let mut killed = 0;
    for moment in 1..=15 {
        corpus::fill(&sandbox, 30, 20 + moment);
        let mut loader = sandbox.start(&["load", "repo", "--quiet", "--to", &url]);
        loader.wait(Duration::from_millis(20 * moment as u64));
        loader.signal(Signal::KILL);
        killed += u32::from(loader.finish().code() == 137);
        load(&sandbox, &store, &["--allow-mass-delete"]).exits(0);
        is_clean(&sandbox, &store);
    }
    assert!(killed > 3, "only {killed} were killed in time");
    has_no_orphans(&store);
}

#[test]
fn what_the_server_refuses_is_a_dead_letter_until_it_is_taken() {
    let Some(store) = PgStore::new() else { return };
    let sandbox = Sandbox::with_python();
    load(&sandbox, &store, &[]).exits(0);
    store.psql("ALTER TABLE unit ADD CONSTRAINT unwelcome CHECK (path <> 'new.py')");
    sandbox.write("new.py", "x = 1\n");
    sandbox.write("b.py", "def changed():\n    return 1\n");
    load(&sandbox, &store, &[]).exits(3).says("unwelcome").says("dlq list");
    assert_eq!(store.psql("SELECT count(*) FROM nodes WHERE name = 'changed'"), "1");
    sandbox.run(&["dlq", "list"]).exits(0).says("new.py").says("app:***@localhost");
    store.psql("ALTER TABLE unit DROP CONSTRAINT unwelcome");
    sandbox.run(&["dlq", "replay"]).exits(2).says("--to URL");
    sandbox.run(&["dlq", "replay", "--to", &store.url()]).exits(0).says("1 dead letter taken");
    is_clean(&sandbox, &store);
}

#[test]
fn a_schema_is_planned_applied_and_dropped() {
    let Some(store) = PgStore::new() else { return };
    let (sandbox, url) = (Sandbox::with_python(), store.url());
    let plan = sandbox.run(&["schema", "plan", &url]).exits(0).stdout;
    assert_eq!(plan, sandbox.run(&["schema", "plan", "--new", &url]).exits(0).stdout);
    // As somebody else would run it.
    store.psql(&format!("SET ROLE app; {plan}"));
    sandbox.run(&["schema", "plan", &url]).exits(0).says("-- the schema is up to date");
    load(&sandbox, &store, &[]).exits(0);
    is_clean(&sandbox, &store);
    store.psql("DROP INDEX node_name");
    sandbox.run(&["schema", "plan", &url]).exits(0).says("\"node_name\"");
    sandbox.run(&["schema", "apply", &url]).exits(0).says("1 statement made");
    sandbox.run(&["schema", "drop", &url]).exits(2).says("holds 3 units, which would be gone");
    sandbox.run(&["schema", "drop", &url, "--yes"]).exits(0).says("dropped");
    let left = "SELECT count(*) FROM pg_namespace WHERE nspname = current_schemas(false)::text";
    assert_eq!(store.psql(left), "0");
    sandbox.run(&["show", &url]).exits(1).says("there is no store at");
    sandbox.run(&["schema", "apply", &url]).exits(0).says("the schema was made");
}

#[test]
fn no_command_tells_the_password_of_a_url() {
    let Some(store) = PgStore::new() else { return };
    let (sandbox, url) = (Sandbox::with_python(), store.url());
    for arguments in [
        &["load", "repo", "--to", &url, "--audit", "log"][..],
        &["load", "repo", "--to", &url, "--json"],
        &["show", &url],
        &["show", &url, "--json"],
        &["tree", "a.py", "--from", &url],
        &["tree", "nothing", "--from", &url],
        &["refs", "first", "--from", &url],
        &["verify", &url, "sqlite:a.db"],
        &["backfill", &url, "sqlite:a.db"],
        &["verify", &url, "sqlite:a.db"],
        &["verify", &url, &url],
        &["backfill", &url, &url],
        &["schema", "plan", &url],
        &["schema", "apply", &url],
        &["rm", "repo", "a.py", "--from", &url],
        &["rm", "repo", "nothing", "--from", &url],
        &["gc", &url],
        &["schema", "drop", &url],
        &["schema", "drop", &url, "--yes"],
        &["show", &url],
    ] {
        let told = sandbox.run(arguments).all();
        assert!(!told.contains("apppw"), "{arguments:?}: {told}");
    }
    let log = std::fs::read_to_string(sandbox.path("log")).expect("an account");
    assert!(log.contains("app:***@localhost") && !log.contains("apppw"), "{log}");
}

#[test]
fn a_password_of_a_file_is_used_unless_others_may_read_it() {
    let Some(store) = PgStore::new() else { return };
    let (sandbox, file) = (Sandbox::with_python(), "pass");
    let line = format!("# ours\nlocalhost:{}:app:app:apppw\n", store.port());
    std::fs::write(sandbox.path(file), line).expect("written");
    let url = store.url().replace(":apppw@", "@");
    for (mode, code) in [(0o600, 0), (0o644, 1)] {
        let mode = std::fs::Permissions::from_mode(mode);
        std::fs::set_permissions(sandbox.path(file), mode).expect("set");
        let mut load = sandbox.command(&["load", "repo", "--to", &url]);
        load.env("PGPASSFILE", sandbox.path(file)).env_remove("PGPASSWORD");
        Running::start(load).finish().exits(code);
    }
}

#[test]
fn a_password_is_nowhere_and_what_is_wrong_is_said() {
    let Some(store) = PgStore::new() else { return };
    let sandbox = Sandbox::with_python();
    let wrong = store.url().replace("apppw", "wr0ng-pw");
    let load = |to: &str| sandbox.run(&["load", "repo", "--patience", "5s", "--to", to]);
    let told = load(&wrong).exits(1);
    assert!(!told.all().contains("wr0ng-pw"), "{}", told.all());
    told.says("28P01").says("check user, password");
    load(&store.url().replace("/app?", "/nowhere?")).exits(1).says("createdb");
    load(&store.url().replace("sslmode=verify-full", "sslmode=full"))
        .exits(2)
        .says("sslmode `full`");
    load("postgres://app@localhost:1/app").exits(1).says("check that the host and port");
    load("postgresql://app@localhost:1/app").exits(1).says("check that the host and port");
    let config = "backends:\n  pg: {type: postgres, url: {env: PG}, schem: x}\n";
    std::fs::write(sandbox.path("c.yaml"), config).expect("written");
    let mut command = sandbox.command(&["check", "c.yaml"]);
    command.env("PG", &wrong);
    let told = Running::start(command).finish().exits(1);
    assert!(!told.all().contains("wr0ng-pw"), "{}", told.all());
    told.says("did you mean `schema`?");
}

#[test]
fn a_password_from_the_environment_or_a_file_is_told_by_no_error() {
    let Some(store) = PgStore::new() else { return };
    let sandbox = Sandbox::with_python();
    // What the server says has it in it.
    let password = "authentication";
    let url = store.url().replace(":apppw@", "@");
    let told = |variable: &str, value: &std::path::Path| {
        let mut command = sandbox.command(&["show", &url]);
        command.env_remove("PGPASSWORD").env(variable, value);
        Running::start(command).finish().exits(1).says("password *** failed for user")
    };
    told("PGPASSWORD", password.as_ref());
    let file = sandbox.path("pass");
    std::fs::write(&file, format!("localhost:{}:app:app:{password}\n", store.port()))
        .expect("written");
    let mode = std::fs::Permissions::from_mode(0o600);
    std::fs::set_permissions(&file, mode).expect("set");
    told("PGPASSFILE", &file);
}
