//! Pages of the documentation, and what of them can be run.

use std::fs;
use std::path::Path;

/// A question that a page answers in its store's language.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Question {
    /// Its heading.
    pub asks: String,
    /// The statement under it.
    pub answer: String,
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
            let all: Vec<String> = LANGUAGES.iter().flat_map(|name| blocks(answer, name)).collect();
            let [answer] = <[String; 1]>::try_from(all).expect(asks);
            Question { asks: asks.to_owned(), answer }
        })
        .collect()
    }

    /// The SQL of a section, whole.
    #[track_caller]
    pub fn sql(&self, heading: &str) -> String {
        blocks(self.section(heading), "sql").concat()
    }

    /// The rows of a section's tables, each as its cells.
    #[track_caller]
    pub fn rows(&self, heading: &str) -> Vec<Vec<&str>> {
        let lines = self.section(heading).lines().filter(|line| line.starts_with('|'));
        lines.map(|line| line.trim_matches('|').split('|').map(str::trim).collect()).collect()
    }
}

/// What questions are asked in.
const LANGUAGES: [&str; 3] = ["sql", "cypher", "console"];

/// The fenced blocks of a language in a text.
fn blocks(text: &str, language: &str) -> Vec<String> {
    let begin = format!("```{language}\n");
    let fenced = text.split(begin.as_str()).skip(1);
    fenced.map(|after| after.split("```").next().unwrap_or_default().to_owned()).collect()
}
