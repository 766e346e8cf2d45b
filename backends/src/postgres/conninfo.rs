//! Where the database is, as libpq writes it: a URL, or `key=value` pairs.
//!
//! <https://www.postgresql.org/docs/current/libpq-connect.html#LIBPQ-CONNSTRING>

use std::path::PathBuf;
use std::time::Duration;

use astload_config::BackendUrl;
use tokio_postgres::Config;
use tokio_postgres::config::{Host, SslMode};

use super::PostgresOptions;
use super::factory::NAME;
use super::passfile;
use super::tls::{Tls, Verify};
use crate::error::{Error, Result};
use crate::twice::once;

/// How long making a connection may take where nothing else is said.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);

/// After so long a silence a peer is asked whether it is there.
const KEEPALIVE_IDLE: Duration = Duration::from_secs(30);

/// What was sent and not acknowledged for so long has not arrived.
const TCP_USER_TIMEOUT: Duration = Duration::from_secs(30);

/// A database and the way to it.
#[derive(Debug, Clone)]
pub(super) struct ConnInfo {
    pub(super) config: Config,
    pub(super) tls: Tls,
}

impl ConnInfo {
    /// That of these options.
    pub(super) fn of(options: &PostgresOptions) -> Result<Self> {
        let PostgresOptions { url, user, password, .. } = options;
        let mut info = Self::parse(url)?;
        let one = |option, beside: &Option<String>, within: Option<&str>| {
            once(NAME, option, beside.as_deref(), within)
        };
        if let Some(user) = one("user", user, info.config.get_user())? {
            info.config.user(user);
        }
        let within = info.config.get_password().map(String::from_utf8_lossy);
        if let (Some(password), None) = (one("password", password, within.as_deref())?, within) {
            info.config.password(password);
        }
        Ok(info)
    }

    /// Reads it. What is wrong is told without what may be a password.
    pub(super) fn parse(text: &str) -> Result<Self> {
        let parts = Parts::of(text)?;
        let (mode, tls) = tls_of(&parts.tls)?;
        let mut config: Config = parts.rest.parse().map_err(|error| wrong(&error))?;
        config.ssl_mode(mode);
        if config.get_hosts().is_empty() {
            // TLS asks for a name; an address alone is one.
            for address in config.get_hostaddrs().to_vec() {
                config.host(address.to_string());
            }
        }
        if config.get_hosts().is_empty() {
            config.host("localhost");
        }
        if config.get_hosts().iter().all(|host| matches!(host, Host::Unix(_))) {
            // The server speaks no TLS there; as libpq, we do not ask for it.
            config.ssl_mode(SslMode::Disable);
        }
        if config.get_application_name().is_none() {
            config.application_name("astload");
        }
        if config.get_connect_timeout().is_none() {
            config.connect_timeout(CONNECT_TIMEOUT);
        }
        if config.get_keepalives_idle() == Config::new().get_keepalives_idle() {
            config.keepalives_idle(KEEPALIVE_IDLE);
        }
        if config.get_tcp_user_timeout().is_none() {
            config.tcp_user_timeout(TCP_USER_TIMEOUT);
        }
        Ok(Self { config, tls })
    }

    /// The same, with the password that `PGPASSWORD` or a password file has, where none is given.
    pub(super) fn with_password(mut self) -> Self {
        if let Some(password) = self.password_from_elsewhere() {
            self.config.password(password);
        }
        self
    }

    /// The password that `PGPASSWORD` or a password file has, where none is given.
    pub(super) fn password_from_elsewhere(&self) -> Option<String> {
        if self.config.get_password().is_some() {
            return None;
        }
        let of_environment = || std::env::var("PGPASSWORD").ok().filter(|value| !value.is_empty());
        let [host, port] = self.first_server();
        let (user, database) = (self.user(), self.database());
        of_environment().or_else(|| passfile::password([&host, &port, &database, &user]))
    }

    /// The place of the database, the same however it is written.
    pub(super) fn place(&self) -> String {
        let [host, port] = self.first_server();
        format!("{host}:{port}/{}", self.database())
    }

    fn first_server(&self) -> [String; 2] {
        let host = match self.config.get_hosts().first() {
            Some(Host::Tcp(host)) => host.to_lowercase(),
            #[cfg(unix)]
            Some(Host::Unix(folder)) => folder.to_string_lossy().into_owned(),
            None => String::new(),
        };
        [host, self.config.get_ports().first().copied().unwrap_or(5432).to_string()]
    }

    /// Who asks.
    pub(super) fn user(&self) -> String {
        let user = self.config.get_user().map(str::to_owned);
        user.or_else(|| std::env::var("USER").ok()).unwrap_or_default()
    }

    fn database(&self) -> String {
        self.config.get_dbname().map_or_else(|| self.user(), str::to_owned)
    }
}

/// The parameters of TLS, which are ours to read, and the rest.
struct Parts {
    tls: Vec<(String, String)>,
    rest: String,
}

const TLS_PARAMETERS: [&str; 4] = ["sslmode", "sslrootcert", "sslcert", "sslkey"];

impl Parts {
    fn of(text: &str) -> Result<Self> {
        let is_url = text.starts_with("postgres://") || text.starts_with("postgresql://");
        if is_url { Self::of_url(text) } else { Self::of_pairs(text) }
    }

    fn of_url(text: &str) -> Result<Self> {
        let url = BackendUrl::parse(text);
        let url = url.map_err(|error| misconfigured(error.to_string()))?;
        let (tls, others): (Vec<_>, Vec<_>) =
            url.options().iter().cloned().partition(|(key, _)| TLS_PARAMETERS.contains(&&**key));
        Ok(Self { tls, rest: rebuilt(url.scheme(), url.place(), &others) })
    }

    fn of_pairs(text: &str) -> Result<Self> {
        let (mut tls, mut rest) = (Vec::new(), String::new());
        for (key, value) in pairs(text)? {
            if TLS_PARAMETERS.contains(&&*key) {
                tls.push((key, value));
                continue;
            }
            let value = value.replace('\\', "\\\\").replace('\'', "\\'");
            rest += &format!("{key}='{value}' ");
        }
        Ok(Self { tls, rest })
    }
}

/// A URL of these parts.
pub(super) fn rebuilt(scheme: &str, place: &str, options: &[(String, String)]) -> String {
    let mut text = format!("{scheme}:{place}");
    for (at, (key, value)) in options.iter().enumerate() {
        text += if at == 0 { "?" } else { "&" };
        text += &format!("{}={}", encoded(key), encoded(value));
    }
    text
}

fn encoded(text: &str) -> String {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~/,:".contains(&byte);
    text.bytes().fold(String::new(), |mut out, byte| {
        match plain(byte) {
            true => out.push(byte as char),
            false => out += &format!("%{byte:02X}"),
        }
        out
    })
}

/// `key=value` pairs; a value may be in single quotes, in which `\` escapes.
fn pairs(text: &str) -> Result<Vec<(String, String)>> {
    let mut all = Vec::new();
    let mut rest = text.trim_start();
    while !rest.is_empty() {
        let (key, after) = rest.split_once('=').ok_or_else(|| {
            misconfigured("it is neither a postgres:// URL nor `key=value` pairs")
        })?;
        let key = key.trim();
        if key.is_empty() || key.contains(char::is_whitespace) {
            return Err(misconfigured("a value with blanks in it needs single quotes"));
        }
        let (value, after) = value(after.trim_start())
            .ok_or_else(|| misconfigured(format!("the value of `{key}` lacks its end")))?;
        all.push((key.to_owned(), value));
        rest = after.trim_start();
    }
    Ok(all)
}

/// The value that a text begins with, and what follows it.
fn value(text: &str) -> Option<(String, &str)> {
    let (quoted, body) = match text.strip_prefix('\'') {
        Some(body) => (true, body),
        None => (false, text),
    };
    let mut value = String::new();
    let mut chars = body.char_indices();
    while let Some((at, char)) = chars.next() {
        match char {
            '\\' => value.push(chars.next()?.1),
            '\'' if quoted => return Some((value, &body[at + 1..])),
            char if !quoted && char.is_whitespace() => return Some((value, &body[at..])),
            char => value.push(char),
        }
    }
    (!quoted).then_some((value, ""))
}

/// What libpq does for each mode.
/// <https://www.postgresql.org/docs/current/libpq-ssl.html#LIBPQ-SSL-PROTECTION>
fn tls_of(parameters: &[(String, String)]) -> Result<(SslMode, Tls)> {
    let get = |name: &str| {
        let found = parameters.iter().find(|(key, _)| key == name);
        found.map(|(_, value)| value.as_str()).filter(|value| !value.is_empty())
    };
    let file = |name: &str, usual: &str| -> Option<PathBuf> {
        let home = || std::env::var_os("HOME").map(PathBuf::from);
        let usual = || Some(home()?.join(".postgresql").join(usual)).filter(|path| path.is_file());
        get(name).map(PathBuf::from).or_else(usual)
    };
    let roots = file("sslrootcert", "root.crt").filter(|path| path.as_os_str() != "system");
    let (mode, verify) = match get("sslmode").unwrap_or("prefer") {
        "disable" => (SslMode::Disable, Verify::Nothing),
        "allow" | "prefer" => (SslMode::Prefer, Verify::Nothing),
        // With a root certificate it verifies, as it did before there were other modes.
        "require" if roots.is_some() => (SslMode::Require, Verify::Authority),
        "require" => (SslMode::Require, Verify::Nothing),
        "verify-ca" => (SslMode::Require, Verify::Authority),
        "verify-full" => (SslMode::Require, Verify::Name),
        other => {
            let known = "disable, allow, prefer, require, verify-ca and verify-full";
            return Err(misconfigured(format!("sslmode `{other}` is none of {known}")));
        }
    };
    let client = match (file("sslcert", "postgresql.crt"), file("sslkey", "postgresql.key")) {
        (Some(certificate), Some(key)) => Some((certificate, key)),
        (None, None) => None,
        (Some(_), None) => return Err(misconfigured("sslcert needs sslkey")),
        (None, Some(_)) => return Err(misconfigured("sslkey needs sslcert")),
    };
    Ok((mode, Tls { verify, roots, client }))
}

fn wrong(error: &tokio_postgres::Error) -> Error {
    let reason =
        std::error::Error::source(error).map_or_else(|| error.to_string(), ToString::to_string);
    misconfigured(reason)
}

fn misconfigured(reason: impl std::fmt::Display) -> Error {
    Error::misconfigured(format!("`url`: {reason}"))
        .with_hint("write e.g. postgres://user@host/database?sslmode=verify-full")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed(text: &str) -> ConnInfo {
        ConnInfo::parse(text).expect("valid")
    }

    fn refused(text: &str) -> String {
        ConnInfo::parse(text).expect_err("invalid").message
    }

    #[test]
    fn a_url_and_pairs_say_the_same() {
        for text in [
            "postgres://me:p%27w@Db.example:5433/code?sslmode=verify-full&connect_timeout=3",
            "postgresql://me:p%27w@db.example:5433/code?sslmode=verify-full&connect_timeout=3",
            r"host=db.example port = 5433 user=me password='p\'w' dbname=code sslmode=verify-full connect_timeout=3",
        ] {
            let info = parsed(text);
            assert_eq!(info.place(), "db.example:5433/code");
            assert_eq!(info.config.get_password(), Some(b"p'w".as_slice()));
            assert_eq!(info.config.get_connect_timeout(), Some(&Duration::from_secs(3)));
            assert_eq!(info.config.get_ssl_mode(), SslMode::Require);
            assert_eq!(info.tls.verify, Verify::Name);
            assert_eq!(info.config.get_application_name(), Some("astload"));
        }
    }

    #[test]
    fn each_mode_of_tls_is_what_libpq_makes_of_it() {
        for (mode, ssl, verify) in [
            ("disable", SslMode::Disable, Verify::Nothing),
            ("prefer", SslMode::Prefer, Verify::Nothing),
            ("require", SslMode::Require, Verify::Nothing),
            ("require&sslrootcert=ca.crt", SslMode::Require, Verify::Authority),
            ("verify-ca", SslMode::Require, Verify::Authority),
            ("verify-full", SslMode::Require, Verify::Name),
        ] {
            let info = parsed(&format!("postgres://h/d?sslmode={mode}"));
            assert_eq!((info.config.get_ssl_mode(), info.tls.verify), (ssl, verify), "{mode}");
        }
    }

    #[test]
    fn what_cannot_be_read_is_told_without_a_password() {
        assert_eq!(
            refused("postgres://h/d?sslmode=on"),
            "`url`: sslmode `on` is none of disable, allow, prefer, require, verify-ca and verify-full"
        );
        assert_eq!(
            refused("host=h password=top secret"),
            "`url`: it is neither a postgres:// URL nor `key=value` pairs"
        );
        assert_eq!(refused("host=h password='top"), "`url`: the value of `password` lacks its end");
        assert_eq!(refused("host=h dbnam=x"), "`url`: unknown option `dbnam`");
        assert_eq!(refused("postgres://h/d?sslcert=a.crt"), "`url`: sslcert needs sslkey");
    }
}
