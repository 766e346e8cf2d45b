//! Makes large directories of small ones: copies whose files differ, and whose definitions do too.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, ensure};

/// Words before the name of a definition in Python: what follows is given a prefix, so that a copy
/// has symbols of its own, as other code would.
const DEFINES: [&str; 2] = ["def ", "class "];

/// Copies a tree as it is.
///
/// # Errors
/// Where a file cannot be read or written.
pub fn copy(from: &Path, to: &Path) -> Result<u64> {
    let mut files = 0;
    for path in files_below(from)? {
        let target = to.join(path.strip_prefix(from)?);
        fs::create_dir_all(target.parent().context("a file has a folder")?)?;
        fs::copy(&path, &target)?;
        files += 1;
    }
    Ok(files)
}

/// Copies the Python of a tree so many times, each copy salted; those that are there are kept.
///
/// # Errors
/// Where there is no Python, or a file cannot be read or written.
pub fn grow(from: &Path, to: &Path, copies: usize) -> Result<()> {
    let mut sources = Vec::new();
    for path in files_below(from)? {
        if path.extension().is_some_and(|extension| extension == "py")
            && let Ok(text) = fs::read_to_string(&path)
        {
            sources.push((path.strip_prefix(from)?.to_path_buf(), text));
        }
    }
    ensure!(!sources.is_empty(), "no Python below {}", from.display());
    for copy in 0..copies {
        let folder = to.join(format!("copy{copy:04}"));
        if folder.exists() {
            continue;
        }
        for (path, text) in &sources {
            let target = folder.join(path);
            fs::create_dir_all(target.parent().context("a file has a folder")?)?;
            fs::write(&target, salted(text, copy))?;
        }
    }
    Ok(())
}

/// The text with a comment that tells copies apart, and definitions of its own.
fn salted(text: &str, copy: usize) -> String {
    let salt = format!("c{copy}_");
    let mut out = format!("# copy {copy}\n");
    for line in text.split_inclusive('\n') {
        let code = line.trim_start();
        match DEFINES.iter().find(|define| code.starts_with(**define)) {
            Some(define) => {
                let (before, name) = line.split_at(line.len() - code.len() + define.len());
                out.extend([before, &salt, name]);
            }
            None => out.push_str(line),
        }
    }
    out
}

fn files_below(folder: &Path) -> Result<Vec<PathBuf>> {
    let mut files = Vec::new();
    let mut folders = vec![folder.to_path_buf()];
    while let Some(folder) = folders.pop() {
        let entries = fs::read_dir(&folder).with_context(|| format!("no {}", folder.display()))?;
        for entry in entries {
            let entry = entry?;
            let kind = entry.file_type()?;
            if kind.is_dir() {
                folders.push(entry.path());
            } else if kind.is_file() {
                files.push(entry.path());
            }
        }
    }
    files.sort();
    Ok(files)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_copy_defines_names_of_its_own() {
        let salted = salted("class A:\n    def f(self):\n        define = 1\n", 3);
        assert_eq!(salted, "# copy 3\nclass c3_A:\n    def c3_f(self):\n        define = 1\n");
    }
}
