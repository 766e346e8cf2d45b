//! Stores in the Neo4j server that the launcher started, and what is asked of them past astload.

use std::fs;
use std::path::PathBuf;
use std::process::Command;
use std::sync::atomic::{AtomicUsize, Ordering};

use astload_fixtures::servers::folder_of;
use serde_json::{Value, json};

static STORES: AtomicUsize = AtomicUsize::new(0);

/// A store with a prefix of its own, which is emptied with this.
#[derive(Debug)]
pub struct NeoStore {
    folder: PathBuf,
    prefix: String,
}

impl NeoStore {
    /// One that nobody else uses; without a server, says that the test is skipped.
    pub fn new() -> Option<Self> {
        folder_of("neo4j").map(Self::at)
    }

    /// One in the server whose folder this is.
    pub fn at(folder: PathBuf) -> Self {
        let number = STORES.fetch_add(1, Ordering::Relaxed);
        Self { folder, prefix: format!("E{}x{number}", std::process::id()) }
    }

    /// The port of `port` (Bolt) or `http`.
    ///
    /// # Panics
    /// Where the folder is not what the launcher makes.
    pub fn port(&self, name: &str) -> String {
        fs::read_to_string(self.folder.join(name)).expect("a port").trim().to_owned()
    }

    /// Its URL.
    pub fn url(&self) -> String {
        let (port, prefix) = (self.port("port"), &self.prefix);
        format!("bolt://neo4j:testpassword@127.0.0.1:{port}?prefix={prefix}")
    }

    /// Labels of ours in a statement, with the prefix.
    pub fn with_prefix(&self, cypher: &str) -> String {
        ["Code", "Unit", "SharedSymbol", "Vector", "Repo", "AstloadStore"].iter().fold(
            cypher.to_owned(),
            |cypher, label| {
                let named = format!(":{}{label}", self.prefix);
                [' ', ')', ':', '\n', '|'].iter().fold(cypher, |cypher, &end| {
                    cypher.replace(&format!(":{label}{end}"), &format!("{named}{end}"))
                })
            },
        )
    }

    /// What the server answers: a row a line, values joined by `|`.
    ///
    /// # Panics
    /// Where it answers with an error.
    #[track_caller]
    pub fn ask(&self, cypher: &str) -> Vec<String> {
        let value = |value: &Value| match value {
            Value::String(text) => text.clone(),
            other => other.to_string(),
        };
        let row = |row: &Value| {
            let values = row["row"].as_array().into_iter().flatten().map(value);
            values.collect::<Vec<_>>().join("|")
        };
        let answer = self.call(&self.with_prefix(cypher));
        assert_eq!(answer["errors"], json!([]), "{cypher}");
        answer["results"][0]["data"].as_array().into_iter().flatten().map(row).collect()
    }

    /// <https://neo4j.com/docs/http-api/5/>
    fn call(&self, cypher: &str) -> Value {
        let body = json!({ "statements": [{ "statement": cypher }] }).to_string();
        let url = format!("http://127.0.0.1:{}/db/neo4j/tx/commit", self.port("http"));
        let called = Command::new("curl")
            .args(["-sS", "-u", "neo4j:testpassword", "-H", "Content-Type: application/json"])
            .args(["--data", &body, &url])
            .output()
            .expect("curl runs");
        serde_json::from_slice(&called.stdout).unwrap_or_default()
    }
}

impl Drop for NeoStore {
    fn drop(&mut self) {
        for label in ["AstloadStore", "Repo", "Code", "Vector", "Unit", "SharedSymbol"] {
            self.call(&format!("MATCH (node:{}{label}) DETACH DELETE node", self.prefix));
        }
        let ours = format!("YIELD name WHERE name STARTS WITH '{}'", self.prefix);
        for (list, kind) in [("SHOW CONSTRAINTS", "CONSTRAINT"), ("SHOW INDEXES", "INDEX")] {
            let found = self.call(&format!("{list} {ours}"));
            for row in found["results"][0]["data"].as_array().into_iter().flatten() {
                let name = row["row"][0].as_str().unwrap_or_default();
                self.call(&format!("DROP {kind} {name} IF EXISTS"));
            }
        }
    }
}
