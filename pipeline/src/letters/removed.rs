//! Letters of what is removed from a store on purpose: a replay would bring it back.

use std::io;

use super::{DeadLetters, Letter};

impl DeadLetters {
    /// Drops those of a store that are of a repository, or of a path in it; says how many there were.
    ///
    /// # Errors
    /// What the system says.
    pub fn remove_of(&self, store: &str, repo: &str, path: Option<&str>) -> io::Result<u64> {
        let is_below = |letter: &Letter| {
            let below = |path: &str| {
                let rest = letter.path.strip_prefix(path);
                rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
            };
            letter.repo == repo && path.is_none_or(below)
        };
        let mut all = self.list_of(store)?.letters;
        all.retain(|stored| is_below(&stored.letter));
        all.iter().try_for_each(|stored| self.remove(stored))?;
        Ok(all.len() as u64)
    }
}
