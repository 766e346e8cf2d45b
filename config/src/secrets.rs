//! Texts that are never told, and the text that is told in their stead.
//!
//! A store repeats what it was given, and not always whole: the folder of a path that is not there,
//! the host of a URL, a password as it is without its percent-encoding. So the parts of a secret are
//! masked too, and its other spellings; rather too much than too little.
//!
//! What is secret, a type's JSON Schema says (`writeOnly`), whatever way an option came in; a URL's
//! own secrets are known by their place and their name.

use std::collections::BTreeSet;
use std::fmt;
use std::path::Path;
use std::sync::{PoisonError, RwLock};

use base64::Engine;
use base64::engine::general_purpose::{STANDARD, STANDARD_NO_PAD, URL_SAFE_NO_PAD};
use serde_json::Value;

use crate::schema::Known;
use crate::url::{BackendUrl, decode, secrets};

/// What stands in the place of a secret.
pub(crate) const HIDDEN: &str = "***";

/// Shorter parts stand in any text by chance.
const PART_BYTES_MIN: usize = 4;

/// The secrets that the process knows.
static KNOWN: RwLock<Secrets> = RwLock::new(Secrets { texts: Vec::new() });

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
            all.extend(parts(&text).iter().flat_map(|part| spellings(part)));
            all.extend(spellings(&text));
            all.extend(encodings(&text));
        }
        Self::of_all(all)
    }

    /// Those of a URL, of a type whose options have this JSON Schema.
    pub fn of_url(url: &BackendUrl, schema: &Value) -> Self {
        Self::new(url.secrets_by(schema))
    }

    /// Those of options that have this JSON Schema: the values that it marks, and passwords within
    /// others.
    pub fn of_options(options: &Value, schema: &Value) -> Self {
        let mut texts = Vec::new();
        collect(options, &Known::of(schema, schema), false, &mut texts);
        Self::new(texts)
    }

    /// These, and the others.
    #[must_use]
    pub fn and(&self, others: Self) -> Self {
        Self::of_all(self.texts.iter().cloned().chain(others.texts).collect())
    }

    fn of_all(all: BTreeSet<String>) -> Self {
        let mut texts: Vec<String> = all.into_iter().filter(|text| !text.is_empty()).collect();
        texts.sort_by_key(|text| std::cmp::Reverse(text.len()));
        Self { texts }
    }

    /// Has the whole process know them: what is told by whoever knows nothing of backends, such as a
    /// driver that logs, is masked by [`Secrets::of_process`]. Of whatever is told, the shortest would
    /// leave nothing.
    pub fn remember(&self) {
        let long = self.texts.iter().filter(|text| text.len() >= PART_BYTES_MIN);
        let texts: Vec<String> = long.cloned().collect();
        let mut known = KNOWN.write().unwrap_or_else(PoisonError::into_inner);
        if texts.iter().any(|text| !known.texts.contains(text)) {
            *known = known.and(Self { texts });
        }
    }

    /// All that the process knows.
    pub fn of_process() -> Self {
        KNOWN.read().unwrap_or_else(PoisonError::into_inner).clone()
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

/// The texts of a value that are secret; all of it is where what it is in is.
fn collect(value: &Value, known: &Known<'_>, is_within: bool, texts: &mut Vec<String>) {
    let is_secret = is_within || known.is_secret();
    match value {
        Value::Object(fields) => {
            for (name, value) in fields {
                collect(value, &known.field(name), is_secret, texts);
            }
        }
        Value::Array(items) => {
            let known = known.item();
            items.iter().for_each(|item| collect(item, &known, is_secret, texts));
        }
        Value::String(text) if is_secret => texts.push(text.clone()),
        Value::String(text) => texts.extend(secrets(text)),
        Value::Number(number) if is_secret => texts.push(number.to_string()),
        Value::Null | Value::Bool(_) | Value::Number(_) => {}
    }
}

/// What a secret is made of: the host, the user and so on of a URL, the folders and the name of a
/// path, and what others take for parts of a URL, in which it was not encoded.
fn parts(secret: &str) -> Vec<String> {
    let parts: Vec<String> = match secret.split_once("://") {
        Some((_, rest)) => {
            let parts = rest.split(['/', ':', '@', '?', '&', '=']).map(str::to_owned);
            parts.chain(secrets(secret)).collect()
        }
        None => {
            let path = Path::new(secret);
            let pieces = secret.split(['/', ':', '@', '?', '#', '&', '=']);
            path.ancestors().filter_map(Path::to_str).chain(pieces).map(str::to_owned).collect()
        }
    };
    parts.into_iter().filter(|part| part.len() >= PART_BYTES_MIN).collect()
}

/// A text, what it is without percent-encoding and with it, and as JSON and Rust quote it.
fn spellings(text: &str) -> Vec<String> {
    let plain = decode(text).unwrap_or_else(|| text.to_owned());
    let encoded = ["-._~", "-._~/"].map(|kept| encode(&plain, kept));
    let lower = encoded.clone().map(|text| lower_escapes(&text));
    let quoted = [serde_json::to_string(&plain).unwrap_or_default(), format!("{plain:?}")];
    let quoted = quoted.map(|text| text.trim_matches('"').to_owned());
    let all = [text.to_owned(), plain].into_iter().chain(encoded).chain(lower).chain(quoted);
    all.collect()
}

/// The same with its `%2F` as `%2f`.
fn lower_escapes(text: &str) -> String {
    let mut parts = text.split('%');
    let first = parts.next().unwrap_or_default().to_owned();
    parts.fold(first, |text, part| {
        let (digits, rest) = part.split_at(part.len().min(2));
        format!("{text}%{}{rest}", digits.to_ascii_lowercase())
    })
}

/// What is seen of a secret within base64, whatever stands before it and after it: `user:password`,
/// say. And what is within a secret that is base64 itself.
fn encodings(secret: &str) -> Vec<String> {
    let plain = decode(secret).unwrap_or_else(|| secret.to_owned());
    let mut all = Vec::new();
    // So many characters depend on the bytes before, where their number leaves 0, 1 or 2 by three.
    for (before, dependent) in [0, 2, 3].into_iter().enumerate() {
        let bytes = [&[0; 2][..before], plain.as_bytes()].concat();
        for engine in [STANDARD_NO_PAD, URL_SAFE_NO_PAD] {
            let text = engine.encode(&bytes);
            // The last one depends on what follows, unless it ends with the secret.
            let end = text.len() - usize::from(bytes.len() % 3 != 0);
            all.extend(text.get(dependent..end).map(str::to_owned));
        }
    }
    let within = STANDARD.decode(&plain).ok().and_then(|bytes| String::from_utf8(bytes).ok());
    if let Some(within) = within {
        let after_colon = within.split_once(':').map(|(_, after)| after.to_owned());
        all.extend(std::iter::once(within).chain(after_colon));
    }
    all.retain(|text| text.len() >= PART_BYTES_MIN);
    all
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
        assert_eq!(masked("p@ss/w", "me:p%40ss%2fw"), "me:***");
        assert_eq!(masked("p\"ss\\w", r#"{"said": "p\"ss\\w"}"#), r#"{"said": "***"}"#);
        let url = BackendUrl::parse("pg://me:p%40ss@host/db").expect("valid");
        let secrets = Secrets::of_url(&url, &Value::Null);
        assert_eq!(secrets.mask("no user me with p@ss"), "no user me with ***");
    }

    #[test]
    fn a_secret_within_base64_is_masked_and_what_is_within_one_that_is_base64() {
        for user in ["me", "you", "them"] {
            let said = format!("Basic {}", STANDARD.encode(format!("{user}:S3cretKey1234")));
            let shown = masked("S3cretKey1234", &said);
            let begins = STANDARD_NO_PAD.encode(format!("{user}:"));
            let rest = shown.replace("***", "");
            assert!(
                shown.contains("***") && rest.len() <= "Basic ".len() + begins.len() + 4,
                "{shown}"
            );
        }
        let key = STANDARD.encode("id:S3cretKey1234");
        assert_eq!(masked(&key, "no key S3cretKey1234"), "no key ***");
    }

    #[test]
    fn what_a_schema_marks_is_a_secret_wherever_it_is() {
        let schema = serde_json::json!({"properties": {
            "hush": {"type": ["string", "null"], "writeOnly": true},
            "pin": {"type": "integer", "format": "password"},
            "inner": {"type": "object", "writeOnly": true},
            "list": {"type": "array", "items": {"type": "string", "writeOnly": true}},
            "url": {"type": "string"},
        }});
        let options = serde_json::json!({
            "hush": "first", "pin": 987_654, "inner": {"a": ["second"]}, "list": ["third"],
            "url": "http://me:fourth@host?api%5Fkey=fifth",
        });
        let secrets = Secrets::of_options(&options, &schema);
        let said = "first 987654 second third fourth fifth http://host";
        assert_eq!(secrets.mask(said), "*** *** *** *** *** *** http://host");
    }

    #[test]
    fn what_stands_in_any_text_by_chance_is_left() {
        assert_eq!(masked("./a/x.db", "a folder. It has x.d"), "a folder. It has x.d");
    }
}
