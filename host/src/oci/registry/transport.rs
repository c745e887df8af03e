//! HTTP to registries, bounded: how long, how much, how often sent elsewhere, and to whom what is secret goes.

use super::super::error::OciError;
use super::super::limits::{self, Patience};
use super::retry::{Attempt, is_passing, retry_after};
use super::{PlainHttp, RegistryOptions};
use bytes::Bytes;
use http_body_util::{BodyExt as _, Full};
use hyper::body::Incoming;
use hyper::header::{AUTHORIZATION, HeaderMap, HeaderName, HeaderValue, LOCATION, RETRY_AFTER, USER_AGENT};
use hyper::{Method, Response, StatusCode};
use hyper_rustls::HttpsConnector;
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject as _;
use std::path::{Path, PathBuf};
use std::sync::{Arc, OnceLock};
use std::time::{Duration, SystemTime};
use tokio::time::Instant;
use url::Url;

const AGENT: &str = concat!("policy-host/", env!("CARGO_PKG_VERSION"));

/// One request.
#[derive(Clone)]
pub(super) struct Call {
    pub(super) method: Method,
    pub(super) url: Url,
    pub(super) headers: Vec<(HeaderName, HeaderValue)>,
    pub(super) body: Bytes,
}

impl Call {
    pub(super) fn new(method: Method, url: Url) -> Self {
        Self { method, url, headers: Vec::new(), body: Bytes::new() }
    }

    pub(super) fn header(mut self, name: HeaderName, value: &str) -> Result<Self, OciError> {
        let value = HeaderValue::from_str(value)
            .map_err(|_| OciError::Refused(format!("{}: `{name}` cannot be sent as it is", self.what())))?;
        self.headers.push((name, value));
        Ok(self)
    }

    #[must_use]
    pub(super) fn with_body(mut self, body: Bytes) -> Self {
        self.body = body;
        self
    }

    /// For errors; without the query, which may hold what only the two sides should know.
    pub(super) fn what(&self) -> String {
        let mut url = self.url.clone();
        url.set_query(None);
        format!("{} {url}", self.method)
    }
}

/// An answer whose head is there.
pub(super) struct Answer {
    pub(super) status: StatusCode,
    pub(super) headers: HeaderMap,
    /// Where it came from, after redirects.
    pub(super) url: Url,
    what: String,
    body: Incoming,
    patience: Patience,
}

/// Clients for plain HTTP and for TLS; the second reads the machine's authorities when it is first needed.
pub(super) struct Transport {
    plain_http: PlainHttp,
    authority: Option<PathBuf>,
    patience: Patience,
    plain: Client<HttpConnector, Full<Bytes>>,
    secured: OnceLock<Client<HttpsConnector<HttpConnector>, Full<Bytes>>>,
}

impl Transport {
    pub(super) fn new(options: &RegistryOptions) -> Self {
        let plain = Client::builder(TokioExecutor::new()).build(connector(&options.patience));
        Self {
            plain_http: options.plain_http.clone(),
            authority: options.authority.clone(),
            patience: options.patience.clone(),
            plain,
            secured: OnceLock::new(),
        }
    }

    /// The first part of the URLs of a registry.
    pub(super) fn base(&self, host: &str) -> Result<Url, OciError> {
        let scheme = if self.plain_http.allows(host) { "http" } else { "https" };
        // The one registry whose name is not its host's.
        let host = if host == "docker.io" { "registry-1.docker.io" } else { host };
        format!("{scheme}://{host}/v2/")
            .parse()
            .map_err(|error| OciError::Refused(format!("`{host}` is no host that can be asked: {error}")))
    }

    /// Sends a call, follows redirects, and gives the head of the answer. Whatever authorises the call goes to no
    /// other origin.
    pub(super) async fn send(&self, call: &Call) -> Result<Answer, Attempt> {
        let mut at = call.clone();
        for _ in 0..=limits::REDIRECTS {
            let response = self.send_once(&at).await?;
            if !response.status().is_redirection() || response.status() == StatusCode::NOT_MODIFIED {
                return Ok(self.answer(&at, response));
            }
            let location = response.headers().get(LOCATION).and_then(|value| value.to_str().ok());
            let Some(next) = location.and_then(|location| at.url.join(location).ok()) else {
                return Err(refused(&at, "the redirect leads nowhere").into());
            };
            if !matches!(at.method, Method::GET | Method::HEAD) {
                return Err(refused(&at, "an upload is not sent elsewhere").into());
            }
            self.check_step(&at, &next)?;
            if next.origin() != at.url.origin() {
                at.headers.retain(|(name, _)| name != AUTHORIZATION);
            }
            at.url = next;
        }
        Err(refused(call, &format!("more than {} redirects", limits::REDIRECTS)).into())
    }

    /// Whether a call may go on at another URL.
    pub(super) fn check_step(&self, from: &Call, to: &Url) -> Result<(), OciError> {
        match to.scheme() {
            "https" => Ok(()),
            "http" if from.url.scheme() == "http" && self.plain_http.allows_any() => Ok(()),
            _ => Err(refused(from, "it leads from TLS to something else")),
        }
    }

    async fn send_once(&self, call: &Call) -> Result<Response<Incoming>, Attempt> {
        let mut request = hyper::Request::builder().method(call.method.clone()).uri(call.url.as_str());
        request = request.header(USER_AGENT, AGENT);
        for (name, value) in &call.headers {
            request = request.header(name, value);
        }
        let request = request.body(Full::new(call.body.clone())).map_err(|error| refused(call, &error.to_string()))?;
        let sending = match call.url.scheme() {
            "http" => self.plain.request(request),
            _ => self.secured()?.request(request),
        };
        // What is sent takes its time as well.
        let allowed = self.patience.stall + least_time(&self.patience, call.body.len() as u64);
        match tokio::time::timeout(allowed, sending).await {
            Ok(Ok(response)) => Ok(response),
            Ok(Err(error)) => Err(match tls_fault(&error) {
                Some(reason) => OciError::Transport { what: call.what(), reason }.into(),
                None => broken(call.what(), causes(&error)),
            }),
            Err(_) => Err(broken(call.what(), format!("no answer within {} s", allowed.as_secs_f32()))),
        }
    }

    fn answer(&self, call: &Call, response: Response<Incoming>) -> Answer {
        let (head, body) = response.into_parts();
        Answer {
            status: head.status,
            headers: head.headers,
            url: call.url.clone(),
            what: call.what(),
            body,
            patience: self.patience.clone(),
        }
    }

    fn secured(&self) -> Result<&Client<HttpsConnector<HttpConnector>, Full<Bytes>>, OciError> {
        if let Some(client) = self.secured.get() {
            return Ok(client);
        }
        let config = tls(self.authority.as_deref())?;
        let mut http = connector(&self.patience);
        http.enforce_http(false);
        let https = hyper_rustls::HttpsConnectorBuilder::new()
            .with_tls_config(config)
            .https_only()
            .enable_http1()
            .wrap_connector(http);
        Ok(self.secured.get_or_init(|| Client::builder(TokioExecutor::new()).build(https)))
    }
}

fn connector(patience: &Patience) -> HttpConnector {
    let mut http = HttpConnector::new();
    http.set_connect_timeout(Some(patience.stall));
    http.set_nodelay(true);
    http
}

/// The machine's authorities, and one more if it is named.
fn tls(authority: Option<&Path>) -> Result<rustls::ClientConfig, OciError> {
    let mut roots = rustls::RootCertStore::empty();
    roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
    if let Some(path) = authority {
        let wrong = |error: String| OciError::Refused(format!("{}: {error}", path.display()));
        for certificate in CertificateDer::pem_file_iter(path).map_err(|error| wrong(error.to_string()))? {
            let certificate = certificate.map_err(|error| wrong(error.to_string()))?;
            roots.add(certificate).map_err(|error| wrong(error.to_string()))?;
        }
    }
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let builder = rustls::ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(|error| OciError::Refused(format!("TLS cannot be spoken: {error}")))?;
    Ok(builder.with_root_certificates(roots).with_no_client_auth())
}

impl Answer {
    /// The value of a header.
    pub(super) fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name)?.to_str().ok()
    }

    /// The error that a status other than the expected one is, with what the registry says of it.
    pub(super) async fn into_error(mut self) -> Attempt {
        let status = self.status.as_u16();
        let after = self.headers.get(RETRY_AFTER).and_then(|value| value.to_str().ok());
        let after = after.and_then(|text| retry_after(text, SystemTime::now()));
        // A refusal that cannot be read is one all the same.
        let body = self.bytes(limits::ANSWER_BYTES).await.unwrap_or_default();
        let error = OciError::Status { what: self.what.clone(), status, said: said(&body) };
        if is_passing(status) { Attempt::Again(error, after) } else { Attempt::Never(error) }
    }

    /// The whole body, if it is not larger than that.
    pub(super) async fn bytes(&mut self, limit: u64) -> Result<Bytes, Attempt> {
        let mut bytes = Vec::new();
        self.read(limit, |chunk| {
            bytes.extend_from_slice(chunk);
            Ok(())
        })
        .await?;
        Ok(bytes.into())
    }

    /// Reads the body piece by piece, as long as it comes fast enough and is not larger than that.
    pub(super) async fn read(
        &mut self,
        limit: u64,
        mut sink: impl FnMut(&[u8]) -> Result<(), OciError>,
    ) -> Result<(), Attempt> {
        let started = Instant::now();
        let mut read = 0u64;
        loop {
            let allowed = self.patience.stall + least_time(&self.patience, read);
            let until = (Instant::now() + self.patience.stall).min(started + allowed);
            let frame = match tokio::time::timeout_at(until, self.body.frame()).await {
                Err(_) => {
                    let reason = format!("{read} bytes in {:.1} s is too slow", started.elapsed().as_secs_f32());
                    return Err(broken(self.what.clone(), reason));
                }
                Ok(None) => return Ok(()),
                Ok(Some(Err(error))) => {
                    let reason = format!("it broke off after {read} bytes: {}", causes(&error));
                    return Err(broken(self.what.clone(), reason));
                }
                Ok(Some(Ok(frame))) => frame,
            };
            let Some(chunk) = frame.data_ref() else { continue };
            read += chunk.len() as u64;
            if read > limit {
                let what = self.what.clone();
                return Err(OciError::TooMuch { what, actual: read, unit: "bytes", limit }.into());
            }
            sink(chunk)?;
        }
    }

    /// For errors.
    pub(super) fn what(&self) -> &str {
        &self.what
    }
}

/// How long so many bytes may take.
fn least_time(patience: &Patience, bytes: u64) -> Duration {
    Duration::from_millis(bytes.saturating_mul(1000) / patience.bytes_per_second.max(1))
}

fn broken(what: String, reason: String) -> Attempt {
    Attempt::Again(OciError::Transport { what, reason: crate::plain::connection(&reason) }, None)
}

fn refused(call: &Call, reason: &str) -> OciError {
    OciError::Refused(format!("{}: {reason}", call.what()))
}

/// What is wrong with a connection's TLS that will be so the next time, too.
fn tls_fault(error: &(dyn std::error::Error + 'static)) -> Option<String> {
    let mut inner = Some(error);
    while let Some(error) = inner {
        match error.downcast_ref::<rustls::Error>() {
            Some(rustls::Error::InvalidMessage(_)) => {
                return Some(
                    "it speaks no TLS; --insecure, or `registries.plainHttp` in the server's configuration, allows plain \
                     HTTP"
                    .to_owned(),
                );
            }
            Some(fault @ rustls::Error::InvalidCertificate(_)) => return Some(fault.to_string()),
            _ => {}
        }
        // An I/O error gives what it wraps by another way than other errors do.
        let wrapped = error.downcast_ref::<std::io::Error>().and_then(std::io::Error::get_ref);
        inner = wrapped.map_or_else(|| error.source(), |wrapped| Some(wrapped));
    }
    None
}

/// An error with what caused it, since the outermost only says that something failed.
fn causes(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut inner = error.source();
    while let Some(cause) = inner {
        let said = cause.to_string();
        if !text.contains(&said) {
            text.push_str(": ");
            text.push_str(&said);
        }
        inner = cause.source();
    }
    text
}

/// What a registry says in `{"errors": [{"code": …, "message": …}]}`, on one line and not for ever.
fn said(body: &[u8]) -> Option<String> {
    #[derive(serde::Deserialize)]
    struct Body {
        errors: Vec<Entry>,
    }
    #[derive(serde::Deserialize)]
    struct Entry {
        #[serde(default)]
        code: String,
        #[serde(default)]
        message: String,
    }
    let body: Body = serde_json::from_slice(body).ok()?;
    let said: Vec<String> =
        body.errors.iter().take(3).map(|entry| format!("{} {}", entry.code, entry.message)).collect();
    let line: String =
        said.join("; ").chars().map(|letter| if letter.is_control() { ' ' } else { letter }).take(300).collect();
    Some(line.trim().to_owned()).filter(|line| !line.is_empty())
}
