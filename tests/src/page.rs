//! Pages of the documentation, and what of them can be run.

use std::fs;
use std::path::Path;

/// A question that a page answers in SQL.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Question {
    /// Its heading.
    pub asks: String,
    /// The statement under it.
    pub sql: String,
}

/// A page.
#[derive(Debug, Clone)]
pub struct Page(String);

impl Page {
    /// The one at a path of this repository.
    ///
    /// # Panics
    /// Where there is none.
    #[track_caller]
    pub fn read(path: &str) -> Self {
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
        Self(fs::read_to_string(root.join(path)).expect(path))
    }

    /// What stands under a heading of the second level.
    ///
    /// # Panics
    /// Where there is no such heading.
    #[track_caller]
    pub fn section(&self, heading: &str) -> &str {
        let mut sections = self.0.split("\n## ").skip(1);
        let found = sections.find_map(|section| section.strip_prefix(heading)?.strip_prefix('\n'));
        found.unwrap_or_else(|| panic!("no section {heading:?}"))
    }

    /// The questions of its section `Questions`.
    ///
    /// # Panics
    /// Where one has not exactly one statement under it.
    #[track_caller]
    pub fn questions(&self) -> Vec<Question> {
        let all = self.section("Questions").split("\n### ").skip(1);
        all.map(|part| {
            let (asks, answer) = part.split_once('\n').expect("something under the heading");
            let [sql] = <[String; 1]>::try_from(blocks(answer)).expect(asks);
            Question { asks: asks.to_owned(), sql }
        })
        .collect()
    }

    /// The SQL of a section, whole.
    #[track_caller]
    pub fn sql(&self, heading: &str) -> String {
        blocks(self.section(heading)).concat()
    }

    /// The rows of a section's tables, each as its cells.
    #[track_caller]
    pub fn rows(&self, heading: &str) -> Vec<Vec<&str>> {
        let lines = self.section(heading).lines().filter(|line| line.starts_with('|'));
        lines.map(|line| line.trim_matches('|').split('|').map(str::trim).collect()).collect()
    }
}

/// The fenced blocks of SQL in a text.
fn blocks(text: &str) -> Vec<String> {
    let fenced = text.split("```sql\n").skip(1);
    fenced.map(|after| after.split("```").next().unwrap_or_default().to_owned()).collect()
}
