//! Where a server is and who we are there, out of a URL and the options beside it.

use std::fmt;

use url::Url;

use super::factory::NAME;
use super::options::Neo4jOptions;
use crate::error::{Error, Result};
use crate::twice::once;

pub(super) const PORT: u16 = 7687;

/// The schemes of Bolt, with what each does about TLS.
pub(super) const SCHEMES: [&str; 6] =
    ["neo4j", "neo4j+s", "neo4j+ssc", "bolt", "bolt+s", "bolt+ssc"];

/// A server, a database of it, and who asks.
#[derive(Clone, PartialEq, Eq)]
pub(super) struct Address {
    /// As the driver takes it: without user, path and parameters.
    pub(super) uri: String,
    pub(super) host: String,
    pub(super) is_encrypted: bool,
    pub(super) user: String,
    pub(super) password: String,
    pub(super) database: Option<String>,
}

impl fmt::Debug for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Address").field("host", &self.host).finish_non_exhaustive()
    }
}

impl Address {
    pub(super) fn of(options: &Neo4jOptions) -> Result<Self> {
        let wrong = |reason: String| {
            Error::misconfigured(format!("neo4j: `url`: {reason}"))
                .with_hint("write it as neo4j+s://user:password@host:7687/database")
        };
        let url = Url::parse(&options.url).map_err(|error| wrong(error.to_string()))?;
        let scheme = url.scheme();
        if !SCHEMES.contains(&scheme) {
            return Err(wrong(format!("its scheme is none of {}", SCHEMES.join(" "))));
        }
        let host = url.host_str().filter(|host| !host.is_empty());
        let host = host.ok_or_else(|| wrong("it names no host".into()))?.to_owned();
        if url.query().is_some() {
            return Err(wrong("it takes no parameters".into()));
        }
        let port = url.port().unwrap_or(PORT);
        let named = decoded(url.path().trim_start_matches('/'));
        let one = |option, beside: &Option<String>, within: Option<String>| {
            once(NAME, option, beside.as_deref(), within.as_deref())
        };
        let user = one("user", &options.user, decoded(url.username()))?;
        let password = one("password", &options.password, url.password().and_then(decoded))?;
        let database = one("database", &options.database, named)?;
        Ok(Self {
            uri: format!("{scheme}://{host}:{port}"),
            is_encrypted: scheme.contains('+'),
            user: user.unwrap_or_else(|| "neo4j".into()),
            password: password.unwrap_or_default(),
            // A server tells their names apart by neither case.
            database: database.map(|name| name.to_lowercase()),
            host: format!("{host}:{port}"),
        })
    }

    /// The server itself, of one that is asked which other servers to ask.
    pub(super) fn direct(&self) -> Option<Self> {
        let rest = self.uri.strip_prefix("neo4j")?;
        Some(Self { uri: format!("bolt{rest}"), ..self.clone() })
    }

    /// The same however it is written; not without asking, where the database is the user's own.
    pub(super) fn place(&self) -> String {
        format!("{}/{}", self.host, self.database.as_deref().unwrap_or("neo4j"))
    }
}

/// Text of a URL; `None` where there is none.
fn decoded(text: &str) -> Option<String> {
    let pairs = format!("x={}", text.replace('+', "%2B").replace('&', "%26"));
    let value =
        url::form_urlencoded::parse(pairs.as_bytes()).next().map(|(_, text)| text.into_owned());
    value.filter(|text| !text.is_empty())
}
