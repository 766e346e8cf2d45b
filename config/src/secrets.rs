//! Texts that are never told, and the text that is told in their stead.
//!
//! A store repeats what it was given, and not always whole: the folder of a path that is not there,
//! the host of a URL, a password as it is without its percent-encoding. So the parts of a secret are
//! masked too, and its other spellings; rather too much than too little.

use std::collections::BTreeSet;
use std::fmt;
use std::path::Path;

use crate::url::{BackendUrl, decode, passwords};

/// What stands in the place of a secret.
pub(crate) const HIDDEN: &str = "***";

/// Shorter parts stand in any text by chance.
const PART_BYTES_MIN: usize = 4;

/// The secrets of a backend's options. `Debug` does not show them.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Secrets {
    /// Longest first, so that none is left in part.
    texts: Vec<String>,
}

impl Secrets {
    /// These texts.
    pub fn new(texts: impl IntoIterator<Item = String>) -> Self {
        let mut all = BTreeSet::new();
        for text in texts {
            all.extend(parts(&text).into_iter().flat_map(spellings));
            all.extend(spellings(&text));
        }
        let mut texts: Vec<String> = all.into_iter().filter(|text| !text.is_empty()).collect();
        texts.sort_by_key(|text| std::cmp::Reverse(text.len()));
        Self { texts }
    }

    /// The passwords of a URL.
    pub fn of_url(url: &BackendUrl) -> Self {
        Self::new(url.passwords().map(str::to_owned))
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.texts.is_empty()
    }

    /// What somebody said who knows them, such as a store, without them.
    pub fn mask(&self, text: &str) -> String {
        self.texts.iter().fold(text.to_owned(), |text, secret| text.replace(secret, HIDDEN))
    }
}

impl fmt::Debug for Secrets {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(HIDDEN)
    }
}

/// What a secret is made of: the host, the user and so on of a URL, the folders and the name of a
/// path.
fn parts(secret: &str) -> Vec<&str> {
    let parts: Vec<&str> = match secret.split_once("://") {
        Some((_, rest)) => {
            rest.split(['/', ':', '@', '?', '&', '=']).chain(passwords(secret)).collect()
        }
        None => {
            let path = Path::new(secret);
            let name = path.file_name().and_then(|name| name.to_str());
            path.ancestors().filter_map(Path::to_str).chain(name).collect()
        }
    };
    parts.into_iter().filter(|part| part.len() >= PART_BYTES_MIN).collect()
}

/// A text, and what it is without percent-encoding and with it.
fn spellings(text: &str) -> [String; 4] {
    let plain = decode(text).unwrap_or_else(|| text.to_owned());
    [text.to_owned(), encode(&plain, "-._~"), encode(&plain, "-._~/"), plain]
}

/// Text of which all is percent-encoded but for letters, digits and what is kept.
fn encode(text: &str, kept: &str) -> String {
    let encoded = |byte: u8| match char::from(byte) {
        letter if letter.is_ascii_alphanumeric() || kept.contains(letter) => letter.to_string(),
        _ => format!("%{byte:02X}"),
    };
    text.bytes().map(encoded).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn masked(secret: &str, said: &str) -> String {
        Secrets::new([secret.to_owned()]).mask(said)
    }

    #[test]
    fn of_two_secrets_the_longer_one_is_masked_whole() {
        let secrets = Secrets::new(["hunter", "", "hunter2"].map(str::to_owned));
        assert_eq!(secrets.mask("hunter2 is wrong"), "*** is wrong");
        assert_eq!(format!("{secrets:?}"), "***");
    }

    #[test]
    fn the_folders_and_the_name_of_a_path_are_masked() {
        let path = "/srv/s3cret/code.db";
        assert_eq!(masked(path, "there is no folder /srv/s3cret"), "there is no folder ***");
        assert_eq!(masked(path, "opening /srv/s3cret/code.db-wal"), "opening ***-wal");
        assert_eq!(masked(path, "code.db is locked"), "*** is locked");
        assert_eq!(masked("s3cret/code.db", "no folder s3cret"), "no folder ***");
    }

    #[test]
    fn the_parts_of_a_url_are_masked() {
        let url = "tcp://reader:p@ss:word@db.example.com:5432/code";
        for said in ["db.example.com", "reader", "5432", "p@ss:word", "word"] {
            assert_eq!(masked(url, &format!("not {said}")), "not ***", "{said}");
        }
    }

    #[test]
    fn other_spellings_are_masked() {
        assert_eq!(masked("p%40ss/w", "the password p@ss/w"), "the password ***");
        assert_eq!(masked("p@ss/w", "pg://me:p%40ss%2Fw@host"), "pg://me:***@host");
        assert_eq!(masked("/srv/my s3cret/a.db", "file:/srv/my%20s3cret/a.db"), "file:***");
        let url = BackendUrl::parse("pg://me:p%40ss@host/db").expect("valid");
        assert_eq!(Secrets::of_url(&url).mask("no user me with p@ss"), "no user me with ***");
    }

    #[test]
    fn what_stands_in_any_text_by_chance_is_left() {
        assert_eq!(masked("./a/x.db", "a folder. It has x.d"), "a folder. It has x.d");
    }
}
