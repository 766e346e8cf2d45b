//! The main file, and those that it includes.

use std::fs;
use std::path::{Path, PathBuf};

use super::Fault;
use crate::regular::read_regular;
use crate::source::{Source, Span};
use crate::words::quoted;
use crate::yaml::{self, Content, Node};

/// Size of a file.
pub(crate) const FILE_BYTES_MAX: usize = 1 << 20;

/// Files of one configuration.
const FILES_MAX: usize = 256;

/// A file that was read, as far as it could be.
pub(super) struct File {
    pub(super) source: Source,
    pub(super) root: Node,
    /// Whether another file includes it.
    pub(super) included: bool,
    /// What was objected to already.
    pub(super) objected: Vec<Span>,
}

impl File {
    fn new(path: &Path, bytes: &[u8], number: usize, faults: &mut Vec<Fault>) -> Self {
        let bytes = bytes.strip_prefix("\u{feff}".as_bytes()).unwrap_or(bytes);
        let bad = std::str::from_utf8(bytes).err().map(|error| error.valid_up_to());
        let text = String::from_utf8_lossy(&bytes[..bytes.len().min(FILE_BYTES_MAX)]).into_owned();
        let mut source = Source { path: path.to_owned(), text, tokens: None };
        let mut root = Node { span: 0..0, content: Content::Mapping(vec![]) };
        let mut objected = Vec::new();
        match bad {
            _ if bytes.len() > FILE_BYTES_MAX => {
                faults.push(Fault::new(number, 0..0, "a file is at most 1 MiB large"));
            }
            Some(at) => {
                let at = at.min(source.text.len());
                faults.push(Fault::new(number, at..at, "the file is not UTF-8 here"));
            }
            None => {
                let parsed = yaml::parse(&source.text);
                objected.extend(parsed.objections.iter().map(|objection| objection.span.clone()));
                let objections = parsed.objections.into_iter();
                faults.extend(objections.map(|objection| {
                    let fault = Fault::new(number, objection.span, objection.message);
                    Fault { hint: objection.hint, ..fault }
                }));
                if let Some(tree) = parsed.root {
                    source.tokens = Some(parsed.tokens);
                    root = tree;
                }
            }
        }
        Self { source, root, included: number > 0, objected }
    }

    /// What its paths are relative to.
    pub(super) fn folder(&self) -> &Path {
        self.source.path.parent().unwrap_or(Path::new(""))
    }
}

/// The main file, and all that it includes, in order.
pub(super) fn read_all(path: &Path, bytes: &[u8], faults: &mut Vec<Fault>) -> Vec<File> {
    let mut files = vec![File::new(path, bytes, 0, faults)];
    for (place, folder) in included(&files[0], faults) {
        for path in listed(&folder, &place, faults) {
            if files.len() == FILES_MAX {
                let message = format!("a configuration is at most {FILES_MAX} files");
                faults.push(Fault::new(0, place, message));
                return files;
            }
            match read_file(&path, FILE_BYTES_MAX) {
                Ok(bytes) => files.push(File::new(&path, &bytes, files.len(), faults)),
                Err(reason) => {
                    let message = format!("{} {reason}", quoted(&path.to_string_lossy()));
                    faults.push(Fault::new(0, place.clone(), message).shown());
                }
            }
        }
    }
    files
}

/// The directories that a file includes, each with its place. What is no text is up to the schema.
fn included(main: &File, faults: &mut Vec<Fault>) -> Vec<(Span, PathBuf)> {
    let items = main.root.entry("include").map(|entry| entry.value.items()).unwrap_or_default();
    let mut folders = Vec::new();
    for item in items {
        let Some(name) = item.text().filter(|name| !name.is_empty()) else { continue };
        let folder = main.folder().join(name);
        let wrong = match fs::metadata(&folder) {
            Ok(found) if found.is_dir() => None,
            Ok(_) => Some(format!("{} is no directory", quoted(name))),
            Err(error) => Some(format!("directory {} {}", quoted(name), unreadable(&error))),
        };
        match wrong {
            None => folders.push((item.span.clone(), folder)),
            Some(message) => {
                let hint = "`include` names directories, relative to this file";
                faults.push(Fault::new(0, item.span.clone(), message).with_hint(hint).shown());
            }
        }
    }
    folders
}

/// The YAML files of a directory, by name; hidden ones are an editor's.
fn listed(folder: &Path, place: &Span, faults: &mut Vec<Fault>) -> Vec<PathBuf> {
    let entries = match fs::read_dir(folder) {
        Ok(entries) => entries,
        Err(error) => {
            let message = format!("{} {}", quoted(&folder.to_string_lossy()), unreadable(&error));
            faults.push(Fault::new(0, place.clone(), message).shown());
            return Vec::new();
        }
    };
    let is_yaml = |path: &PathBuf| {
        let hidden = path.file_name().is_some_and(|name| name.as_encoded_bytes().starts_with(b"."));
        let yaml = path.extension().is_some_and(|end| end == "yaml" || end == "yml");
        // What is no file, a link to nowhere say, is told when it is read.
        yaml && !hidden && !path.is_dir()
    };
    let paths = entries.flatten().map(|entry| entry.path());
    let mut paths: Vec<PathBuf> = paths.filter(is_yaml).collect();
    paths.sort();
    paths
}

/// Reads a file, of at most one byte more than so many; else says what follows its name.
pub(super) fn read_file(path: &Path, bytes_max: usize) -> Result<Vec<u8>, String> {
    read_regular(path, bytes_max).map_err(|error| unreadable(&error))
}

/// Why something cannot be read, as what follows its name.
fn unreadable(error: &std::io::Error) -> String {
    match error.kind() {
        std::io::ErrorKind::NotFound => "does not exist".into(),
        std::io::ErrorKind::InvalidInput => "is no regular file".into(),
        std::io::ErrorKind::PermissionDenied => "may not be read by this user".into(),
        kind => format!("cannot be read: {kind}"),
    }
}
