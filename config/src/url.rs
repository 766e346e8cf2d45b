//! Backend URLs: `sqlite:code.db?durability=full`.

use std::borrow::Cow;
use std::fmt;
use std::ops::Range;

use serde_json::Value;

use crate::schema::Known;
use crate::secrets::HIDDEN;

/// A URL that names a backend's type, its place and its options.
///
/// The scheme decides the type; what follows is the type's to read. Options come after `?`, as
/// `key=value` joined by `&`, percent-encoded where they hold `%`, `&`, `=` or `#`.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct BackendUrl {
    text: String,
    scheme_end: usize,
    place: String,
    options: Vec<(String, String)>,
}

/// Why a text is no backend URL. Any part of it may be a password: nothing of it is repeated.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum UrlError {
    /// There is no colon.
    #[error("it names no backend type; write e.g. `sqlite:code.db`")]
    NoScheme,
    /// What stands before the colon is none.
    #[error("it begins with no backend type: lower-case letters, as in `sqlite:code.db`")]
    Scheme,
    /// An option, counted from 1, is no `key=value`.
    #[error("option {0} after `?` is not of the form key=value")]
    Option(usize),
    /// An option is given twice.
    #[error("option {0} after `?` was given before")]
    Twice(usize),
    /// A percent sign is not followed by two hexadecimal digits of UTF-8.
    #[error("option {0} after `?` is not percent-encoded UTF-8")]
    Encoding(usize),
}

impl BackendUrl {
    /// Reads a URL.
    ///
    /// # Errors
    /// [`UrlError`] where the text has no scheme or its options are malformed.
    pub fn parse(text: &str) -> Result<Self, UrlError> {
        let scheme_end = text.find(':').ok_or(UrlError::NoScheme)?;
        let scheme = &text[..scheme_end];
        let letters = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit();
        // One letter is a drive of another system, not a scheme.
        if scheme.len() < 2 || !scheme.bytes().all(|byte| letters(byte) || b"+-.".contains(&byte)) {
            return Err(UrlError::Scheme);
        }
        let rest = &text[scheme_end + 1..];
        let (place, query) = rest.split_once('?').unwrap_or((rest, ""));
        let mut options: Vec<(String, String)> = Vec::new();
        let pairs = query.split('&').filter(|pair| !pair.is_empty());
        for (pair, number) in pairs.zip(1..) {
            let (key, value) = pair.split_once('=').ok_or(UrlError::Option(number))?;
            let decoded = decode(key).zip(decode(value));
            let (key, value) = decoded.ok_or(UrlError::Encoding(number))?;
            if options.iter().any(|(other, _)| *other == key) {
                return Err(UrlError::Twice(number));
            }
            options.push((key, value));
        }
        Ok(Self { text: text.to_owned(), scheme_end, place: place.to_owned(), options })
    }

    /// What stands before the first colon.
    pub fn scheme(&self) -> &str {
        &self.text[..self.scheme_end]
    }

    /// What stands between the scheme and the options.
    pub fn place(&self) -> &str {
        &self.place
    }

    /// The options, in order.
    pub fn options(&self) -> &[(String, String)] {
        &self.options
    }

    /// The URL as it was written, but for what is secret by the JSON Schema of its type's options, by
    /// its name, or for standing before `@`.
    pub fn redacted_by(&self, schema: &Value) -> String {
        let known = Known::of(schema, schema);
        let mut text = self.text.clone();
        let places = self.secret_places(&|key| known.field(key).is_secret() || names_a_secret(key));
        // The last one first, so that the places of the others stay.
        places.into_iter().rev().for_each(|place| text.replace_range(place, HIDDEN));
        text
    }

    /// Its secrets, as they were written.
    pub(crate) fn secrets_by(&self, schema: &Value) -> Vec<String> {
        let known = Known::of(schema, schema);
        let places = self.secret_places(&|key| known.field(key).is_secret() || names_a_secret(key));
        let written = places.into_iter().map(|place| self.text[place].to_owned());
        written.chain(secrets(&self.text)).collect()
    }

    /// Where its secrets are, from left to right.
    fn secret_places(&self, is_secret: &dyn Fn(&str) -> bool) -> Vec<Range<usize>> {
        let before_at = password_before_at(&self.text, self.scheme_end + 1);
        let from = before_at.as_ref().map_or(self.scheme_end, |place| place.end);
        let mut places: Vec<Range<usize>> = before_at.into_iter().collect();
        let place_end = self.text[from..].find('?').map_or(self.text.len(), |at| from + at);
        places.extend(parameters(&self.text[..place_end], from, &names_a_secret));
        let mut start = self.text.len().min(place_end + 1);
        for pair in self.text[start..].split('&') {
            let value = pair.find('=').map_or(pair.len(), |at| at + 1);
            let key = pair[..value].trim_end_matches('=');
            match is_secret(&decode(key).unwrap_or_else(|| key.to_owned())) {
                true => places.push(start + value..start + pair.len()),
                false => {
                    places.extend(parameters(
                        &self.text[..start + pair.len()],
                        start + value,
                        &names_a_secret,
                    ));
                }
            }
            start += pair.len() + 1;
        }
        places.retain(|place| !place.is_empty());
        places
    }
}

/// Text in which secrets are masked: what stands before `@`, and the values of parameters and of
/// `key=value` and `key: value` pairs whose name says that they are secret.
pub(crate) fn redacted(text: &str) -> Cow<'_, str> {
    let mut masked = Cow::Borrowed(text);
    for place in secret_places(text).into_iter().rev() {
        masked.to_mut().replace_range(place, HIDDEN);
    }
    masked
}

/// The secrets of a text. Where it is not sure which part of it is the password, all that may be.
pub(crate) fn secrets(text: &str) -> impl Iterator<Item = String> {
    secret_places(text).into_iter().flat_map(|place| {
        let secret = &text[place];
        let after_colons =
            secret.match_indices(':').map(|(at, _)| secret[at + 1..].trim_start_matches('/'));
        std::iter::once(secret).chain(after_colons).map(str::to_owned).collect::<Vec<_>>()
    })
}

/// Where they are, from left to right.
fn secret_places(text: &str) -> Vec<Range<usize>> {
    let authority = text.find("://").map_or(0, |scheme| scheme + 3);
    let before_at = password_before_at(text, authority);
    let from = before_at.as_ref().map_or(0, |place| place.end);
    before_at.into_iter().chain(parameters(text, from, &names_a_secret)).collect()
}

/// What stands between the first colon past a place and `@`. The last `@` counts: a password may hold
/// any other character, and rather too much is masked.
fn password_before_at(text: &str, authority: usize) -> Option<Range<usize>> {
    let at = authority + text[authority..].rfind('@')?;
    let user = &text[authority..at];
    let encoded = user.to_ascii_lowercase().find("%3a").map(|at| at + 3);
    let colon = user.find(':').map(|at| at + 1).into_iter().chain(encoded).min()?;
    Some(authority + colon..at)
}

/// The values of pairs past a place whose names are secret, percent-encoded or not: in quotes, or up
/// to a blank or `&`.
fn parameters(text: &str, from: usize, is_secret: &dyn Fn(&str) -> bool) -> Vec<Range<usize>> {
    let is_name = |c: char| c.is_ascii_alphanumeric() || "_-.%".contains(c);
    let mut places: Vec<Range<usize>> = Vec::new();
    let mut rest = from;
    while let Some(at) = text[rest..].find(['=', ':']).map(|at| rest + at) {
        let before = text[from..at].trim_end();
        let name = &before[before.trim_end_matches(is_name).len()..];
        rest = at + 1;
        if is_secret(&decode(name).unwrap_or_else(|| name.to_owned())) {
            let place = value_place(text, at + 1);
            rest = place.end.max(rest);
            places.push(place);
        }
    }
    places
}

/// Where the value is that begins at a place.
fn value_place(text: &str, from: usize) -> Range<usize> {
    let start = text.len() - text[from..].trim_start().len();
    let value = &text[start..];
    let is_end = |c: char| c.is_whitespace() || c == '&';
    let Some(quote) = value.chars().next().filter(|first| "'\"".contains(*first)) else {
        return start..start + value.find(is_end).unwrap_or(value.len());
    };
    let mut escaped = false;
    let closes = |c: char| {
        let closes = c == quote && !escaped;
        escaped = c == '\\' && !escaped;
        closes
    };
    let quoted = &value[1..];
    start + 1..start + 1 + quoted.find(closes).unwrap_or(quoted.len())
}

/// Whether a name says that its value is secret, where no schema says so.
fn names_a_secret(name: &str) -> bool {
    const WITHIN: [&str; 7] =
        ["password", "passwd", "passphrase", "secret", "token", "apikey", "credential"];
    let name: String = name.chars().filter(char::is_ascii_alphanumeric).collect();
    let name = name.to_ascii_lowercase();
    WITHIN.iter().any(|word| name.contains(word)) || name.ends_with("pwd") || name.ends_with("pass")
}

/// Without the values of its options: only its type knows which of them are secret.
impl fmt::Display for BackendUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut text = self.text.clone();
        let places = self.secret_places(&|_| true);
        places.into_iter().rev().for_each(|place| text.replace_range(place, HIDDEN));
        f.write_str(&text)
    }
}

impl fmt::Debug for BackendUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "BackendUrl({self})")
    }
}

/// Text without its percent-encoding, where that is UTF-8.
pub(crate) fn decode(text: &str) -> Option<String> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.bytes();
    while let Some(byte) = rest.next() {
        if byte != b'%' {
            bytes.push(byte);
            continue;
        }
        let mut digit = || rest.next().and_then(|digit| (digit as char).to_digit(16));
        let (high, low) = (digit()?, digit()?);
        bytes.push((high * 16 + low) as u8);
    }
    String::from_utf8(bytes).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_url_has_a_scheme_a_place_and_options() {
        let url = BackendUrl::parse("sqlite:a%20b/c.db?durability=full&x=%26").expect("valid");
        assert_eq!((url.scheme(), url.place()), ("sqlite", "a%20b/c.db"));
        let option = |key: &str, value: &str| (key.to_owned(), value.to_owned());
        assert_eq!(url.options(), [option("durability", "full"), option("x", "&")]);
    }

    #[test]
    fn what_is_no_url_is_refused_and_not_repeated() {
        let error = |text| BackendUrl::parse(text).expect_err("invalid").to_string();
        for (text, words) in [
            ("s3cret.db", "it names no backend type; write e.g. `sqlite:code.db`"),
            (
                "S3cret://me:s3cret@host/db",
                "it begins with no backend type: lower-case letters, as in `sqlite:code.db`",
            ),
            ("sqlite:x?a=1&s3cret", "option 2 after `?` is not of the form key=value"),
            ("pg://me:s3?cret@host/db", "option 1 after `?` is not of the form key=value"),
            ("sqlite:x?s3cret=1&s3cret=2", "option 2 after `?` was given before"),
            ("sqlite:x?a=%zzs3cret", "option 1 after `?` is not percent-encoded UTF-8"),
        ] {
            assert_eq!(error(text), words, "{text}");
        }
    }

    #[test]
    fn a_url_is_shown_without_what_its_type_says_is_secret() {
        let schema = serde_json::json!({"properties": {
            "hush": {"type": ["string", "null"], "writeOnly": true}, "x": {"type": "string"},
        }});
        for (text, shown) in [
            ("pg://me:s3cr:e@t@host/db?x=1", "pg://me:***@host/db?x=1"),
            ("pg://me:s3/cr@t@host/db", "pg://me:***@host/db"),
            ("pg:/me:s3cr@host/db", "pg:/me:***@host/db"),
            ("pg:me:s3cr@host/db", "pg:me:***@host/db"),
            ("pg://me%3As3cr@host/db", "pg://me%3A***@host/db"),
            ("pg://host/db?hush=s3cr&x=1", "pg://host/db?hush=***&x=1"),
            ("pg://host/db?x=1&h%75sh=s3cr", "pg://host/db?x=1&h%75sh=***"),
            ("pg://host/db?api_key=s3cr&to%6Ben=s3cr", "pg://host/db?api_key=***&to%6Ben=***"),
            ("pg://host/db?x=1#password=s3cr", "pg://host/db?x=1#password=***"),
            ("pg://host/db;password=s3cr", "pg://host/db;password=***"),
            ("pg://host:80/db?x=1", "pg://host:80/db?x=1"),
        ] {
            let url = BackendUrl::parse(text).expect("valid");
            assert_eq!(url.redacted_by(&schema), shown);
            let all = format!("{url} {url:?}");
            assert!(!all.contains("s3") && !all.contains("cr:"), "{all}");
            let secrets = url.secrets_by(&schema);
            assert_eq!(shown.contains("***"), !secrets.is_empty(), "{text}: {secrets:?}");
        }
        let url = BackendUrl::parse("pg://host/db?x=1").expect("valid");
        assert_eq!(url.to_string(), "pg://host/db?x=***");
    }

    #[test]
    fn secrets_of_any_text_are_masked() {
        for (text, told) in [
            ("pg://me:s3cr@h/d?password=s3cr&x=1", "pg://me:***@h/d?password=***&x=1"),
            ("host=h password=s3cr dbname=d", "host=h password=*** dbname=d"),
            (r"password = 's3\'cr' sslpassword=s3cr", "password = '***' sslpassword=***"),
            ("http://h?api%5fkey=s3cr&x=1", "http://h?api%5fkey=***&x=1"),
            ("user:s3cr@host:org/x", "user:***@host:org/x"),
            ("pg:/me:s3cr@host", "pg:***@host"),
            ("password:s3cr", "password:***"),
            ("Authorization=x token=\"s3 cr\"", "Authorization=x token=\"***\""),
            ("password of s3me: no=1", "password of s3me: no=1"),
        ] {
            assert_eq!(redacted(text), told);
        }
        let all = |text: &str| secrets(text).collect::<Vec<_>>();
        assert_eq!(all("a://b:c@d password='e f'"), ["c", "e f"]);
        assert_eq!(all("pg:/me:s3cr@host"), ["/me:s3cr", "s3cr"]);
    }
}
