//! Backend URLs: `sqlite:code.db?durability=full`.

use std::borrow::Cow;
use std::fmt;
use std::ops::Range;

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

/// Why a text is no backend URL.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum UrlError {
    /// There is no colon.
    #[error("`{0}` names no backend type; write e.g. `sqlite:{0}`")]
    NoScheme(String),
    /// What stands before the colon is none. What follows it may hold a password, and is not told.
    #[error("`{0}:` names no backend type: lower-case letters, as in `sqlite:code.db`")]
    Scheme(String),
    /// An option is no `key=value`.
    #[error("option `{0}` is not of the form key=value")]
    Option(String),
    /// An option is given twice.
    #[error("option `{0}` is given twice")]
    Twice(String),
    /// A percent sign is not followed by two hexadecimal digits of UTF-8.
    #[error("`{0}` is not percent-encoded UTF-8")]
    Encoding(String),
}

impl BackendUrl {
    /// Reads a URL.
    ///
    /// # Errors
    /// [`UrlError`] where the text has no scheme or its options are malformed.
    pub fn parse(text: &str) -> Result<Self, UrlError> {
        let scheme_end = text.find(':').ok_or_else(|| UrlError::NoScheme(text.to_owned()))?;
        let scheme = &text[..scheme_end];
        let letters = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit();
        // One letter is a drive of another system, not a scheme.
        if scheme.len() < 2 || !scheme.bytes().all(|byte| letters(byte) || b"+-.".contains(&byte)) {
            return Err(UrlError::Scheme(scheme.to_owned()));
        }
        let rest = &text[scheme_end + 1..];
        // A password may hold a `?`, and then it is no option that is at fault.
        let told = |part: &str| match rest.starts_with("//") && rest.contains('@') {
            true => "***".to_owned(),
            false => part.to_owned(),
        };
        let (place, query) = rest.split_once('?').unwrap_or((rest, ""));
        let mut options: Vec<(String, String)> = Vec::new();
        for pair in query.split('&').filter(|pair| !pair.is_empty()) {
            let (key, value) = pair.split_once('=').ok_or_else(|| UrlError::Option(told(pair)))?;
            let decoded = decode(key).zip(decode(value));
            let (key, value) = decoded.ok_or_else(|| UrlError::Encoding(told(pair)))?;
            if options.iter().any(|(other, _)| *other == key) {
                return Err(UrlError::Twice(told(&key)));
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

    /// Its passwords, as they were written.
    pub(crate) fn passwords(&self) -> impl Iterator<Item = &str> {
        passwords(&self.text)
    }

    /// The URL as it was written, but for a password before `@`.
    pub fn redacted(&self) -> String {
        redacted(&self.text).into_owned()
    }
}

/// Text in which passwords are masked: those of a URL that it holds, before `@` and among its
/// parameters, and of `key=value` pairs.
pub(crate) fn redacted(text: &str) -> Cow<'_, str> {
    let mut masked = Cow::Borrowed(text);
    // The last one first, so that the places of the others stay.
    for place in password_places(text).into_iter().rev() {
        masked = format!("{}***{}", &masked[..place.start], &masked[place.end..]).into();
    }
    masked
}

/// The passwords of a text.
pub(crate) fn passwords(text: &str) -> impl Iterator<Item = &str> {
    password_places(text).into_iter().map(|place| &text[place])
}

/// Where they are, from left to right.
fn password_places(text: &str) -> Vec<Range<usize>> {
    let before_at = password_before_at(text);
    let from = before_at.as_ref().map_or(0, |place| place.end);
    let mut places: Vec<Range<usize>> = before_at.into_iter().collect();
    let mut rest = from;
    while let Some(place) = password_parameter(text, rest) {
        rest = place.end;
        places.push(place);
    }
    places
}

/// The last `@` counts: a password may hold any other character, and rather too much is masked.
fn password_before_at(text: &str) -> Option<Range<usize>> {
    let authority = text.find("://")? + 3;
    let at = authority + text[authority..].rfind('@')?;
    let colon = authority + text[authority..at].find(':')?;
    Some(colon + 1..at)
}

/// The value of the next `password=…`, in quotes or up to a blank or `&`.
fn password_parameter(text: &str, from: usize) -> Option<Range<usize>> {
    const NAME: &str = "password";
    let name = from + text[from..].find(NAME)?;
    let after = text[name + NAME.len()..].trim_start();
    let Some(value) = after.strip_prefix('=').map(str::trim_start) else {
        return password_parameter(text, name + NAME.len());
    };
    let start = text.len() - value.len();
    let is_end = |c: char| c.is_whitespace() || c == '&';
    match value.strip_prefix('\'') {
        None => Some(start..start + value.find(is_end).unwrap_or(value.len())),
        Some(quoted) => {
            let mut escaped = false;
            let closes = |c: char| {
                let closes = c == '\'' && !escaped;
                escaped = c == '\\' && !escaped;
                closes
            };
            Some(start + 1..start + 1 + quoted.find(closes).unwrap_or(quoted.len()))
        }
    }
}

impl fmt::Display for BackendUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.redacted())
    }
}

impl fmt::Debug for BackendUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "BackendUrl({})", self.redacted())
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
    fn what_is_no_url_is_refused_with_what_to_write() {
        let error = |text| BackendUrl::parse(text).expect_err("invalid").to_string();
        assert_eq!(
            error("code.db"),
            "`code.db` names no backend type; write e.g. `sqlite:code.db`"
        );
        assert_eq!(
            error("Postgres://me:s3cret@host/db"),
            "`Postgres:` names no backend type: lower-case letters, as in `sqlite:code.db`"
        );
        assert_eq!(error("sqlite:x?full"), "option `full` is not of the form key=value");
        assert_eq!(error("sqlite:x?a=1&a=2"), "option `a` is given twice");
        assert_eq!(error("sqlite:x?a=%zz"), "`a=%zz` is not percent-encoded UTF-8");
    }

    #[test]
    fn a_password_is_never_shown() {
        let url = BackendUrl::parse("postgres://me:s3cr:e@t@host/db?x=1").expect("valid");
        assert_eq!(url.to_string(), "postgres://me:***@host/db?x=1");
        assert!(!format!("{url:?}").contains("s3cr"));
        let url = BackendUrl::parse("postgres://me:s3/cr@t@host/db").expect("valid");
        assert_eq!(url.to_string(), "postgres://me:***@host/db");
        for text in ["pg://me:s3?cr@host/db", "pg://me:s3?a=%cr@host", "pg://me:s3?cr=1&cr=2@host"]
        {
            let error = BackendUrl::parse(text).expect_err("invalid").to_string();
            assert!(error.contains("***") && !error.contains("cr"), "{error}");
        }
        let url = BackendUrl::parse("http://host:80/db").expect("valid");
        assert_eq!(url.to_string(), "http://host:80/db");
        for (text, told) in [
            ("pg://me:s3cr@h/d?password=s3cr&x=1", "pg://me:***@h/d?password=***&x=1"),
            ("host=h password=s3cr dbname=d", "host=h password=*** dbname=d"),
            (r"password = 's3\'cr' sslpassword=s3cr", "password = '***' sslpassword=***"),
            ("password of s3me: no=1", "password of s3me: no=1"),
        ] {
            assert_eq!(redacted(text), told);
        }
        assert_eq!(passwords("a://b:c@d password='e f'").collect::<Vec<_>>(), ["c", "e f"]);
    }
}
