//! What git leaves out: by the rules of `.gitignore`, unless its index has the file.
//!
//! Rules are read as git reads them: from regular files alone, line by line and byte by byte, those
//! of a repository within it. They come with the tree, so they are bounded, and what is not read is
//! told. The files of the machine (`core.excludesFile`, `.git/info/exclude`) have no say.

mod index;
mod rules;
mod wildmatch;

use std::io::{self, Read};
use std::path::{Path, PathBuf};

use rustix::fd::OwnedFd;

use super::beneath::{self, OpenError};
use super::git::git_directory;
use index::Index;
use rules::Rules;
use wildmatch::Steps;

/// The name of a file with rules.
pub(super) const RULES_FILE: &str = ".gitignore";

/// Largest file with rules.
const FILE_BYTES_MAX: u64 = 8 << 20;

/// Most bytes of rules that are kept at once: those of a folder and of all above it.
const BYTES_MAX: usize = 16 << 20;

/// Most rules that are kept at once.
const RULES_MAX: usize = 1 << 20;

/// Most work to find out whether one file is ignored.
const STEPS_MAX: u32 = 10_000_000;

/// What becomes of a file or a folder.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Verdict {
    /// It belongs to the repository.
    Kept,
    /// It does not.
    Ignored,
    /// A folder that is ignored, but for what the index has of it.
    OnlyTracked,
}

/// Something that had a say and was not heard.
#[derive(Debug)]
pub(super) struct Unheard {
    /// Whether it is the index, without which files are missing; else it is rules.
    pub(super) is_index: bool,
    /// The path below the root, or the whole one where it is above.
    pub(super) path: String,
    /// Why.
    pub(super) reason: String,
}

/// A repository that is being walked.
#[derive(Debug)]
struct Repository {
    /// Its folder.
    top: PathBuf,
    /// Bytes of a path that lead to it.
    base: usize,
    /// Rules that were there before it, and are none of its own.
    foreign: usize,
    /// What git tracks, once that was asked for.
    index: Option<Index>,
}

/// The rules that hold for a folder, and the repositories around it.
#[derive(Debug)]
pub(super) struct Ignored {
    /// What comes before each path below the root: the root's own in its repository.
    above: Vec<u8>,
    rules: Vec<Rules>,
    repositories: Vec<Repository>,
    unheard: Vec<Unheard>,
}

/// What to go back to when a folder is left.
#[derive(Debug, Clone, Copy)]
pub(super) struct Mark {
    rules: usize,
    repositories: usize,
}

impl Ignored {
    /// What holds in a root: inside of a repository, its rules above the root too.
    pub(super) fn above(root: &Path) -> Self {
        let mut ignored = Self {
            above: Vec::new(),
            rules: Vec::new(),
            repositories: Vec::new(),
            unheard: Vec::new(),
        };
        let is_top = |folder: &&Path| folder.join(".git").symlink_metadata().is_ok();
        let Some(top) = root.ancestors().find(is_top) else { return ignored };
        let (top, index) = (top.to_path_buf(), None);
        ignored.repositories.push(Repository { top: top.clone(), base: 0, foreign: 0, index });
        let mut folder = top;
        for name in root.strip_prefix(&folder).unwrap_or(Path::new("")).to_path_buf().iter() {
            let file = folder.join(RULES_FILE);
            let base = ignored.above.len();
            match beneath::regular(&file) {
                Ok(rules) => ignored.read(rules, base, &file.to_string_lossy()),
                Err(error) => ignored.unread(error, &file.to_string_lossy()),
            }
            ignored.above.extend_from_slice(name.as_encoded_bytes());
            ignored.above.push(b'/');
            folder.push(name);
        }
        ignored
    }

    pub(super) fn mark(&self) -> Mark {
        Mark { rules: self.rules.len(), repositories: self.repositories.len() }
    }

    /// Goes back to the folder in which the mark was set.
    pub(super) fn leave(&mut self, mark: Mark) {
        self.rules.truncate(mark.rules);
        self.repositories.truncate(mark.repositories);
    }

    /// A folder that is a repository of its own: the rules around it have no say there.
    pub(super) fn enter_repository(&mut self, root: &Path, path: &Path) {
        self.repositories.push(Repository {
            top: root.join(path),
            base: self.base(path),
            foreign: self.rules.len(),
            index: None,
        });
    }

    /// Adds the rules of a folder, which is open.
    pub(super) fn enter(&mut self, folder: &OwnedFd, path: &Path) {
        let name = path.join(RULES_FILE);
        let name = name.to_string_lossy();
        let base = self.base(path);
        match beneath::regular_in(folder, RULES_FILE) {
            Ok(rules) => self.read(rules, base, &name),
            Err(error) => self.unread(error, &name),
        }
    }

    /// What was not heard since this was asked.
    pub(super) fn unheard(&mut self) -> Vec<Unheard> {
        std::mem::take(&mut self.unheard)
    }

    /// Whether a file or folder is ignored.
    pub(super) fn verdict(&mut self, path: &Path, is_folder: bool) -> Verdict {
        let path = [self.above.as_slice(), path.as_os_str().as_encoded_bytes()].concat();
        let foreign = self.repositories.last().map_or(0, |repository| repository.foreign);
        let mut steps = Steps(STEPS_MAX);
        let rules = self.rules[foreign..].iter().rev();
        let mut heard = rules.map(|rules| rules.ignores(&path, is_folder, &mut steps));
        let ignored = heard.find_map(|ignored| ignored).unwrap_or(false);
        if steps.0 == 0 {
            let reason = "its rules take too long".into();
            let path = String::from_utf8_lossy(&path[self.above.len()..]).into_owned();
            self.unheard.push(Unheard { is_index: false, path, reason });
        }
        match ignored {
            false => Verdict::Kept,
            true => self.tracked(&path, is_folder),
        }
    }

    /// What becomes of a file or folder in a folder that is ignored.
    pub(super) fn verdict_of_tracked(&mut self, path: &Path, is_folder: bool) -> Verdict {
        let path = [self.above.as_slice(), path.as_os_str().as_encoded_bytes()].concat();
        self.tracked(&path, is_folder)
    }

    fn tracked(&mut self, path: &[u8], is_folder: bool) -> Verdict {
        let Some(repository) = self.repositories.last_mut() else { return Verdict::Ignored };
        let index = match &mut repository.index {
            Some(index) => index,
            none => none.insert(match Index::read(&git_directory(&repository.top)) {
                Ok(index) => index,
                Err(error) => {
                    let path = repository.top.join(".git").to_string_lossy().into_owned();
                    let reason = error.to_string();
                    self.unheard.push(Unheard { is_index: true, path, reason });
                    Index::default()
                }
            }),
        };
        let path = path.get(repository.base..).unwrap_or_default();
        match is_folder {
            _ if index.has(path) => Verdict::Kept,
            true if index.has_below(path) => Verdict::OnlyTracked,
            _ => Verdict::Ignored,
        }
    }

    fn base(&self, path: &Path) -> usize {
        match path.as_os_str().len() {
            0 => self.above.len(),
            length => self.above.len() + length + 1,
        }
    }

    fn read(&mut self, file: std::fs::File, base: usize, name: &str) {
        let mut text = Vec::new();
        if let Err(error) = file.take(FILE_BYTES_MAX + 1).read_to_end(&mut text) {
            return self.unread(OpenError::Io(error), name);
        }
        let (rules, bytes) = self
            .rules
            .iter()
            .fold((0, 0), |(rules, bytes), file| (rules + file.len(), bytes + file.bytes()));
        if text.len() as u64 > FILE_BYTES_MAX || bytes + text.len() > BYTES_MAX {
            let reason = format!("more than {} MiB of rules", FILE_BYTES_MAX >> 20);
            return self.unheard_rules(name, reason);
        }
        let Some(rules) = Rules::parse(text, base, RULES_MAX - rules) else {
            return self.unheard_rules(name, format!("more than {RULES_MAX} rules"));
        };
        if let Some(line) = rules.too_long {
            self.unheard_rules(name, format!("line {line} is longer than 4096 bytes"));
        }
        self.rules.push(rules);
    }

    fn unread(&mut self, error: OpenError, name: &str) {
        match error {
            OpenError::Io(error) if error.kind() == io::ErrorKind::NotFound => {}
            error => self.unheard_rules(name, error.to_string()),
        }
    }

    fn unheard_rules(&mut self, name: &str, reason: String) {
        self.unheard.push(Unheard { is_index: false, path: name.to_owned(), reason });
    }
}
