//! What is wrong with a configuration, told so that a tired person knows what to do.

use std::fmt;
use std::path::PathBuf;

/// Problems that are told of one configuration.
const TOLD_MAX: usize = 100;

/// Something wrong, at its place. No part of it holds a secret.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    /// The file, as the user would name it.
    pub file: PathBuf,
    /// From 1.
    pub line: usize,
    /// From 1, in characters.
    pub column: usize,
    /// What is wrong.
    pub message: String,
    /// What can be done about it.
    pub hint: Option<String>,
    /// The line, in which every value but the offending one is masked, and below it what is meant.
    pub snippet: String,
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { file, line, column, message, hint, snippet } = self;
        write!(f, "{}:{line}:{column}: {message}\n{snippet}", file.display())?;
        let gutter = line.to_string().len();
        hint.iter().try_for_each(|hint| writeln!(f, "{:gutter$} = hint: {hint}", ""))
    }
}

/// All that is wrong with a configuration, by file and place.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problems {
    told: Vec<Problem>,
    untold: usize,
}

impl Problems {
    /// The first hundred are told, the others counted.
    pub(crate) fn new<T>(all: Vec<T>, problem: impl Fn(T) -> Problem) -> Self {
        let untold = all.len().saturating_sub(TOLD_MAX);
        Self { told: all.into_iter().take(TOLD_MAX).map(problem).collect(), untold }
    }

    /// Those that are told.
    pub fn told(&self) -> &[Problem] {
        &self.told
    }

    /// How many there are, with those that are not told.
    pub fn count(&self) -> usize {
        self.told.len() + self.untold
    }
}

impl fmt::Display for Problems {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for problem in &self.told {
            writeln!(f, "{problem}")?;
        }
        match self.untold {
            0 => Ok(()),
            untold => writeln!(f, "and {untold} more\n"),
        }
    }
}

impl std::error::Error for Problems {}
