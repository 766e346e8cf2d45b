//! `--include` and `--exclude`.

use globset::{GlobBuilder, GlobSet, GlobSetBuilder};

/// A pattern that does not parse.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct GlobError(String);

/// Which paths are read. A pattern without `/` holds at any depth, one that names a directory holds
/// for all below it; `*` stays within a name, `**` does not.
#[derive(Debug, Clone, Default)]
pub struct PathGlobs {
    include: Option<GlobSet>,
    exclude: Option<GlobSet>,
}

impl PathGlobs {
    /// Prepares patterns.
    ///
    /// # Errors
    /// [`GlobError`] where one does not parse.
    pub fn new(include: &[String], exclude: &[String]) -> Result<Self, GlobError> {
        Ok(Self { include: set(include)?, exclude: set(exclude)? })
    }

    /// Whether nothing is left out.
    pub fn is_everything(&self) -> bool {
        self.include.is_none() && self.exclude.is_none()
    }

    /// Whether a file is read.
    pub fn wants(&self, path: &str) -> bool {
        self.include.as_ref().is_none_or(|include| include.is_match(path)) && !self.excludes(path)
    }

    /// Whether a file or a directory is excluded by name.
    pub fn excludes(&self, path: &str) -> bool {
        self.exclude.as_ref().is_some_and(|exclude| exclude.is_match(path))
    }
}

fn set(patterns: &[String]) -> Result<Option<GlobSet>, GlobError> {
    if patterns.is_empty() {
        return Ok(None);
    }
    let mut set = GlobSetBuilder::new();
    for pattern in patterns {
        let trimmed = pattern.trim_end_matches('/');
        let anchored = trimmed.trim_start_matches('/');
        let anywhere = if anchored.contains('/') || trimmed.starts_with('/') { "" } else { "**/" };
        for below in ["", "/**"] {
            let glob = GlobBuilder::new(&format!("{anywhere}{anchored}{below}"))
                .literal_separator(true)
                .build()
                .map_err(|_| GlobError(format!("`{pattern}` is no glob")))?;
            set.add(glob);
        }
    }
    set.build().map(Some).map_err(|error| GlobError(error.to_string()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn wants(include: &[&str], exclude: &[&str], path: &str) -> bool {
        let owned =
            |patterns: &[&str]| patterns.iter().map(|p| (*p).to_owned()).collect::<Vec<_>>();
        PathGlobs::new(&owned(include), &owned(exclude)).expect("globs").wants(path)
    }

    #[test]
    fn patterns_hold_as_people_expect() {
        let table = [
            (&["*.py"][..], &[][..], "a/b.py", true),
            (&["*.py"], &[], "a/b.rs", false),
            (&["src/*.py"], &[], "src/b.py", true),
            (&["src/*.py"], &[], "src/a/b.py", false),
            (&["src/**/*.py"], &[], "src/a/b.py", true),
            (&["src"], &[], "src/a/b.py", true),
            (&["/src"], &[], "lib/src/b.py", false),
            (&[], &["vendor/"], "a/vendor/b.py", false),
            (&[], &["vendor"], "a/vendored.py", true),
            (&["*.py"], &["test_*"], "test_a.py", false),
        ];
        for (include, exclude, path, wanted) in table {
            assert_eq!(wants(include, exclude, path), wanted, "{include:?} {exclude:?} {path}");
        }
    }

    #[test]
    fn a_broken_pattern_is_named() {
        let error = PathGlobs::new(&["a[".to_owned()], &[]).expect_err("no glob");
        assert_eq!(error.to_string(), "`a[` is no glob");
    }
}
