//! docs/stores/postgres.md, held against the product and a real server.

use astload_tests::Sandbox;
use astload_tests::database::Database;
use astload_tests::page::Page;

use super::{all_answer, change, has_the_settings, shop};

pub(super) const PAGE: &str = "docs/stores/postgres.md";

fn load(shop: &Sandbox, url: &str) {
    shop.run(&["load", "repo", "--to", url]).exits(0);
}

#[test]
fn every_question_about_a_postgres_store_answers() {
    let Some(database) = Database::new() else { return };
    let (shop, url) = (shop(), database.url("app", "apppw", "&schema=shop"));
    load(&shop, &url);
    change(&shop);
    load(&shop, &url);
    all_answer(PAGE, |sql| {
        let answer = database.ask("app", "shop", sql).exits(0);
        answer.stdout.lines().map(str::to_owned).collect()
    });
}

#[test]
fn the_settings_of_postgres_are_those_of_the_page() {
    has_the_settings(PAGE, "postgres");
}

/// A role that may log in, and what the page grants to those whom it names.
struct Granted {
    database: Database,
    loader: String,
    reader: String,
}

impl Granted {
    /// The owner made the tables; nothing is granted yet.
    fn nothing(shop: &Sandbox) -> Option<Self> {
        let database = Database::new()?;
        let (loader, reader) = (database.own("loader"), database.own("reader"));
        for role in [&loader, &reader] {
            database.serve(&format!("CREATE ROLE {role} LOGIN PASSWORD 'secret'")).exits(0);
        }
        shop.run(&["schema", "apply", &database.url("app", "apppw", "")]).exits(0);
        Some(Self { database, loader, reader })
    }

    fn grant(&self) {
        let statements = Page::read(PAGE).sql("Rights");
        let statements = statements.replace("TO loader", &format!("TO {}", self.loader));
        let statements = statements.replace("TO reader", &format!("TO {}", self.reader));
        self.database.ask("app", "public", &statements).exits(0);
    }

    fn url(&self, role: &str) -> String {
        self.database.url(role, "secret", "")
    }
}

impl Drop for Granted {
    fn drop(&mut self) {
        let (loader, reader) = (&self.loader, &self.reader);
        let roles = format!("DROP OWNED BY {loader}, {reader}; DROP ROLE {loader}, {reader}");
        let dropped = self.database.ask("postgres", "public", &roles);
        if !std::thread::panicking() {
            dropped.exits(0);
        }
    }
}

#[test]
fn a_role_without_rights_is_told_where_the_page_has_them() {
    let shop = shop();
    let Some(granted) = Granted::nothing(&shop) else { return };
    let refused = shop.run(&["load", "repo", "--to", &granted.url(&granted.loader)]);
    assert_ne!(refused.code(), 0, "{}", refused.all());
    refused.says("docs/stores/postgres.md, Rights");
}

#[test]
fn rights_to_the_data_alone_are_enough_to_load_remove_and_collect() {
    let shop = shop();
    let Some(granted) = Granted::nothing(&shop) else { return };
    granted.grant();
    let url = granted.url(&granted.loader);
    load(&shop, &url);
    change(&shop);
    load(&shop, &url);
    shop.run(&["rm", "repo", "text.py", "--from", &url]).exits(0);
    shop.run(&["gc", &url]).exits(0);
    shop.run(&["show", &url]).exits(0).says("4 units");
}

#[test]
fn a_role_that_may_read_asks_and_writes_nothing() {
    let shop = shop();
    let Some(granted) = Granted::nothing(&shop) else { return };
    granted.grant();
    load(&shop, &granted.url(&granted.loader));
    let url = granted.url(&granted.reader);
    shop.run(&["show", &url]).exits(0).says("5 units");
    let units = "SELECT count(*) FROM units";
    assert_eq!(granted.database.ask(&granted.reader, "astload", units).exits(0).stdout, "5\n");
    change(&shop);
    assert_ne!(shop.run(&["load", "repo", "--to", &url]).code(), 0);
}

#[test]
fn what_drops_a_postgres_store_leaves_nothing_of_it() {
    let Some(database) = Database::new() else { return };
    let (shop, url) = (shop(), database.url("app", "apppw", ""));
    load(&shop, &url);
    shop.run(&["schema", "drop", &url, "--yes"]).exits(0);
    let left = "SELECT count(*) FROM pg_namespace WHERE nspname = 'astload'";
    assert_eq!(database.ask("app", "public", left).exits(0).stdout, "0\n");
}
