//! Requests to the nodes of a cluster: the only module that knows the driver.
//!
//! A node that cannot be reached is left out for a while, and another one asked. What was sent and not
//! answered is an error: whoever asked asks again, and nothing is written twice by it.

use std::fmt;
use std::path::Path;
use std::sync::Mutex;
use std::sync::PoisonError;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use bytes::Bytes;
use elasticsearch::auth::Credentials;
use elasticsearch::cert::{Certificate, CertificateValidation};
use elasticsearch::http::Method;
use elasticsearch::http::headers::{CONTENT_TYPE, HeaderMap, HeaderValue};
use elasticsearch::http::response::Response;
use elasticsearch::http::transport::{SingleNodeConnectionPool, Transport, TransportBuilder};
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;
use serde_json::Value;
use url::Url;

use super::classify;
use super::options::ElasticOptions;
use crate::error::{Error, Result};
use crate::pem;
use crate::twice::once;

/// Bytes of an answer.
const ANSWER_BYTES_MAX: u64 = 256 << 20;

/// How long a node that cannot be reached is left out.
const LEFT_OUT_FOR: Duration = Duration::from_secs(10);

/// How long connecting to a node may take, of the time that a request has.
const HALF: u32 = 2;

/// The nodes of a cluster, and who asks them.
pub(super) struct Client {
    nodes: Vec<Node>,
    next: AtomicUsize,
    timeout: Duration,
    closed: AtomicBool,
}

struct Node {
    transport: Transport,
    left_out_until: Mutex<Option<Instant>>,
}

impl fmt::Debug for Client {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Client").field("nodes", &self.nodes.len()).finish_non_exhaustive()
    }
}

/// What a request says.
#[derive(Debug, Clone)]
pub(super) enum Body {
    None,
    Json(Bytes),
    /// Lines, as `_bulk` takes them.
    Lines(Bytes),
}

impl Body {
    pub(super) fn json(value: &Value) -> Self {
        Self::Json(value.to_string().into())
    }
}

/// An answer, whatever its status.
#[derive(Debug)]
pub(super) struct Answer {
    pub(super) status: u16,
    pub(super) body: Bytes,
}

impl Answer {
    pub(super) fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or_default()
    }
}

/// Nodes as a user names them, with the credentials of the first.
pub(super) fn urls(type_name: &str, options: &ElasticOptions) -> Result<Vec<Url>> {
    let all = std::iter::once(("url", &options.url))
        .chain(options.nodes.iter().map(|node| ("nodes", node)));
    all.map(|(option, text)| {
        let wrong = |reason: String| {
            Error::misconfigured(format!("{type_name}: `{option}`: {reason}"))
                .with_hint("write it as https://host:9200")
        };
        let mut url = Url::parse(text).map_err(|error| wrong(error.to_string()))?;
        if !["http", "https"].contains(&url.scheme()) {
            return Err(wrong("its scheme is neither http nor https".into()));
        }
        if url.host_str().is_none_or(str::is_empty) {
            return Err(wrong("it names no host".into()));
        }
        if url.port().is_none() {
            url.set_port(Some(9200)).map_err(|()| wrong("it takes no port".into()))?;
        }
        if !url.path().ends_with('/') {
            let path = format!("{}/", url.path());
            url.set_path(&path);
        }
        url.set_query(None);
        Ok(url)
    })
    .collect()
}

/// Who asks.
pub(super) fn credentials(
    type_name: &str,
    options: &ElasticOptions,
    url: &Url,
) -> Result<Option<Credentials>> {
    let ElasticOptions { user, password, api_key, token, .. } = options;
    let decoded = |text: &str| {
        let pair = format!("x={}", text.replace('+', "%2B").replace('&', "%26"));
        let text =
            url::form_urlencoded::parse(pair.as_bytes()).next().map(|(_, text)| text.into_owned());
        text.filter(|text| !text.is_empty())
    };
    let one = |option, beside: &Option<String>, within: Option<String>| {
        once(type_name, option, beside.as_deref(), within.as_deref())
    };
    let user = one("user", user, decoded(url.username()))?;
    let password = one("password", password, url.password().and_then(decoded))?;
    let given = [user.is_some(), api_key.is_some(), token.is_some()];
    if given.into_iter().filter(|given| *given).count() > 1 {
        return Err(Error::misconfigured(format!(
            "{type_name}: `user`, `api_key` and `token` are three ways to say who asks: give one"
        )));
    }
    Ok(match (user, api_key, token) {
        (Some(user), ..) => Some(Credentials::Basic(user, password.unwrap_or_default())),
        (_, Some(key), _) => Some(Credentials::EncodedApiKey(key.clone())),
        (.., Some(token)) => Some(Credentials::Bearer(token.clone())),
        _ => None,
    })
}

/// A file of certificates, of which there has to be one.
fn authorities(type_name: &str, file: &Path) -> Result<Vec<u8>> {
    let wrong = |reason: String| {
        let file = file.display();
        Error::misconfigured(format!("{type_name}: `ca`: {file} cannot be read: {reason}"))
    };
    let pem = pem::read(file).map_err(|error| wrong(error.to_string()))?;
    let mut all = CertificateDer::pem_slice_iter(&pem);
    match all.next() {
        Some(Ok(_)) => Ok(pem),
        Some(Err(error)) => Err(wrong(error.to_string())),
        None => Err(wrong("it has no certificate".to_owned())),
    }
}

impl Client {
    /// Connects to nothing yet.
    pub(super) fn new(type_name: &str, options: &ElasticOptions) -> Result<Self> {
        let urls = urls(type_name, options)?;
        let credentials = match urls.first() {
            Some(first) => credentials(type_name, options, first)?,
            None => None,
        };
        let pem = options.ca.as_deref().map(|file| authorities(type_name, file)).transpose()?;
        let node = |mut url: Url| {
            // Who asks is said once, in a header.
            url.set_username("").and_then(|()| url.set_password(None)).ok();
            let mut builder = TransportBuilder::new(SingleNodeConnectionPool::new(url))
                .disable_proxy()
                .enable_meta_header(false)
                .header(elasticsearch::http::headers::USER_AGENT, HeaderValue::from_static(AGENT))
                .timeout(options.timeout());
            if let Some(credentials) = &credentials {
                builder = builder.auth(credentials.clone());
            }
            if let Some(pem) = &pem {
                let trusted = Certificate::from_pem(pem)
                    .map_err(|error| Error::misconfigured(format!("{type_name}: `ca`: {error}")))?;
                builder = builder.cert_validation(CertificateValidation::Full(trusted));
            }
            let transport = builder
                .build()
                .map_err(|error| Error::misconfigured(format!("{type_name}: {error}")))?;
            Ok(Node { transport, left_out_until: Mutex::new(None) })
        };
        let nodes = urls.into_iter().map(node).collect::<Result<_>>()?;
        let (next, closed) = (AtomicUsize::new(0), AtomicBool::new(false));
        Ok(Self { nodes, next, timeout: options.timeout(), closed })
    }

    pub(super) fn close(&self) {
        self.closed.store(true, Ordering::Relaxed);
    }

    pub(super) fn check_open(&self) -> Result<()> {
        match self.closed.load(Ordering::Relaxed) {
            true => Err(Error::misconfigured("the store is closed")),
            false => Ok(()),
        }
    }

    /// Asks one of the nodes; an answer that is an error is an answer.
    pub(super) async fn send(
        &self,
        what: &str,
        method: Method,
        path: &str,
        body: Body,
    ) -> Result<Answer> {
        self.check_open()?;
        let mut unreached = None;
        let first = self.next.fetch_add(1, Ordering::Relaxed);
        let in_turn = (0..self.nodes.len()).map(|at| &self.nodes[(first + at) % self.nodes.len()]);
        // Those that were left out are the last to be tried.
        let mut in_turn: Vec<&Node> = in_turn.collect();
        in_turn.sort_by_key(|node| node.is_left_out());
        for node in in_turn {
            let asked = self.ask(node, method, path, body.clone());
            let longest = self.timeout + self.timeout / HALF;
            let asked = tokio::time::timeout(longest, Box::pin(asked)).await;
            let asked = asked.unwrap_or_else(|_| Err(Failed::Unanswered(None)));
            match asked {
                Ok(answer) => {
                    node.reached();
                    return Ok(answer);
                }
                Err(Failed::Unreached(error)) => {
                    node.leave_out();
                    unreached = Some(classify::of_connection(what, &error));
                }
                Err(Failed::Unanswered(error)) => {
                    return Err(classify::unanswered(what, self.timeout, error.as_ref()));
                }
                Err(Failed::TooLong(bytes)) => {
                    return Err(Error::unexpected(format!("{what}: an answer of {bytes} bytes")));
                }
            }
        }
        Err(unreached.unwrap_or_else(|| Error::unexpected(format!("{what}: there are no nodes"))))
    }

    async fn ask(
        &self,
        node: &Node,
        method: Method,
        path: &str,
        body: Body,
    ) -> Result<Answer, Failed> {
        let mut headers = HeaderMap::new();
        let (kind, bytes) = match body {
            Body::None => (None, None),
            Body::Json(bytes) => (Some("application/json"), Some(bytes)),
            Body::Lines(bytes) => (Some("application/x-ndjson"), Some(bytes)),
        };
        if let Some(kind) = kind {
            headers.insert(CONTENT_TYPE, HeaderValue::from_static(kind));
        }
        let sent = node.transport.send(method, path, headers, None::<&()>, bytes, None).await;
        let response = sent.map_err(Failed::of)?;
        let length = response.content_length().unwrap_or_default();
        if length > ANSWER_BYTES_MAX {
            return Err(Failed::TooLong(length));
        }
        let status = response.status_code().as_u16();
        let body =
            Response::bytes(response).await.map_err(|error| Failed::Unanswered(Some(error)))?;
        Ok(Answer { status, body })
    }
}

const AGENT: &str = concat!("astload/", env!("CARGO_PKG_VERSION"));

/// Why there is no answer.
enum Failed {
    /// Nothing was sent.
    Unreached(elasticsearch::Error),
    /// It may have been done.
    Unanswered(Option<elasticsearch::Error>),
    TooLong(u64),
}

impl Failed {
    fn of(error: elasticsearch::Error) -> Self {
        match classify::is_unreached(&error) {
            true => Self::Unreached(error),
            false => Self::Unanswered(Some(error)),
        }
    }
}

impl Node {
    fn until(&self) -> std::sync::MutexGuard<'_, Option<Instant>> {
        self.left_out_until.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn is_left_out(&self) -> bool {
        self.until().is_some_and(|until| Instant::now() < until)
    }

    fn leave_out(&self) {
        *self.until() = Some(Instant::now() + LEFT_OUT_FOR);
    }

    fn reached(&self) {
        *self.until() = None;
    }
}
