//! From a request to its wire: paths, methods, who may ask, and how much they may send.

use super::config::ClientCertificates;
use super::connection::Peer;
use super::review::{self, Answer, Refusal, Wire, problem};
use super::state::App;
use super::wire::{Admission, Evaluate, Gatekeeper, Kyverno};
use bytes::Bytes;
use http_body_util::{BodyExt as _, LengthLimitError, Limited};
use hyper::body::Incoming;
use hyper::{Method, Request, StatusCode, header};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};
use tracing::Instrument as _;

/// Describes every path of this port.
const OPENAPI: &str = include_str!("openapi.json");

/// How long a connection of Kyverno's may be silent: with a CA of its own, Kyverno makes a new one for every call
/// and leaves it to the server to close it.
const KYVERNO_SILENCE: Duration = Duration::from_secs(10);

/// Where a request goes.
enum Route<'p> {
    Gatekeeper,
    Kyverno(&'p str),
    Validate(&'p str),
    Mutate(&'p str),
    Evaluate(&'p str),
    OpenApi,
    Unknown,
}

impl<'p> Route<'p> {
    fn of(path: &'p str) -> Self {
        let named = |prefix: &str| path.strip_prefix(prefix).filter(|name| !name.is_empty() && !name.contains('/'));
        if path == "/v1/gatekeeper" {
            Route::Gatekeeper
        } else if path == "/v1/openapi.json" {
            Route::OpenApi
        } else if let Some(bundle) = named("/v1/kyverno/") {
            Route::Kyverno(bundle)
        } else if let Some(bundle) = named("/validate/") {
            Route::Validate(bundle)
        } else if let Some(bundle) = named("/mutate/") {
            Route::Mutate(bundle)
        } else if let Some(bundle) = named("/v1/evaluate/") {
            Route::Evaluate(bundle)
        } else {
            Route::Unknown
        }
    }

    fn name(&self) -> &'static str {
        match self {
            Route::Gatekeeper => Gatekeeper::NAME,
            Route::Kyverno(_) => Kyverno::NAME,
            Route::Validate(_) => "validate",
            Route::Mutate(_) => "mutate",
            Route::Evaluate(_) => Evaluate::NAME,
            Route::OpenApi => "openapi",
            Route::Unknown => "unknown",
        }
    }
}

/// Answers a request.
pub(super) async fn answer(request: Request<Incoming>, peer: &Peer, app: &Arc<App>) -> Answer {
    let started = Instant::now();
    let path = request.uri().path().to_owned();
    let route = Route::of(&path);
    let wire = route.name();
    let id = request_id(&request);
    let span = tracing::info_span!("request", wire, id, review = tracing::field::Empty);
    super::log::continue_trace(&span, request.headers());
    let mut answer = dispatch(route, request, peer, app).instrument(span.clone()).await;
    let headers = answer.headers_mut();
    if let Ok(id) = header::HeaderValue::from_str(&id) {
        headers.insert("x-request-id", id);
    }
    if review::is_leaving(app) {
        headers.insert(header::CONNECTION, header::HeaderValue::from_static("close"));
    }
    let (code, elapsed) = (answer.status().as_u16(), started.elapsed());
    app.metrics.observe_request(wire, code, elapsed);
    span.in_scope(|| tracing::debug!(code, micros = elapsed.as_micros() as u64, "answered"));
    answer
}

async fn dispatch(route: Route<'_>, request: Request<Incoming>, peer: &Peer, app: &Arc<App>) -> Answer {
    let wanted = if matches!(route, Route::OpenApi) { Method::GET } else { Method::POST };
    if matches!(route, Route::Unknown) {
        return problem(StatusCode::NOT_FOUND, "there is nothing at this path; /v1/openapi.json says what there is");
    }
    if request.method() != wanted {
        let mut answer = problem(StatusCode::METHOD_NOT_ALLOWED, &format!("only {wanted} works here"));
        if let Ok(allow) = header::HeaderValue::from_str(wanted.as_str()) {
            answer.headers_mut().insert(header::ALLOW, allow);
        }
        return answer;
    }
    if matches!(route, Route::OpenApi) {
        return review::respond(StatusCode::OK, "application/json", OPENAPI);
    }
    let asked = app.config.client_certificates() == ClientCertificates::Gatekeeper;
    if asked && matches!(route, Route::Gatekeeper) && !peer.certified {
        let message = "a client certificate is needed".to_owned();
        return Gatekeeper.refuse(&Refusal { status: StatusCode::UNAUTHORIZED, message });
    }
    if matches!(route, Route::Kyverno(_)) {
        peer.clock.limit_silence(KYVERNO_SILENCE);
    }
    let body = match body(request, app).await {
        Ok(body) => body,
        // Gatekeeper does not look at the status, only for its own kind of answer.
        Err(refusal) if matches!(route, Route::Gatekeeper) => return Gatekeeper.refuse(&refusal),
        Err(refusal) => return problem(refusal.status, &refusal.message),
    };
    match route {
        Route::Gatekeeper => review::review(Gatekeeper, body, app).await,
        Route::Kyverno(bundle) => review::review(Kyverno(bundle.to_owned()), body, app).await,
        Route::Validate(bundle) => review::review(Admission::validate(bundle), body, app).await,
        Route::Mutate(bundle) => review::review(Admission::mutate(bundle), body, app).await,
        Route::Evaluate(bundle) => review::review(Evaluate(bundle.to_owned()), body, app).await,
        Route::OpenApi | Route::Unknown => problem(StatusCode::NOT_FOUND, "there is nothing at this path"),
    }
}

/// The request's body, within its bounds.
async fn body(request: Request<Incoming>, app: &App) -> Result<Bytes, Refusal> {
    let limits = app.limits();
    let limit = limits.body_bytes;
    let too_large = || {
        let message = format!("the body has more than {limit} bytes (limit `limits.bodyBytes`)");
        Refusal { status: StatusCode::PAYLOAD_TOO_LARGE, message }
    };
    let declared = hyper::body::Body::size_hint(request.body()).lower();
    if declared > limit as u64 {
        return Err(too_large());
    }
    let body = Limited::new(request.into_body(), limit).collect();
    match tokio::time::timeout(limits.body_timeout.get(), body).await {
        Ok(Ok(body)) => Ok(body.to_bytes()),
        Ok(Err(error)) if error.downcast_ref::<LengthLimitError>().is_some() => Err(too_large()),
        Ok(Err(error)) => Err(Refusal::bad(format!("the body could not be read: {error}"))),
        Err(_) => {
            let message = "the body did not come in time (limit `limits.bodyTimeout`)".to_owned();
            Err(Refusal { status: StatusCode::REQUEST_TIMEOUT, message })
        }
    }
}

/// What the caller calls the request, if that is something to be printed; else a name of our own.
fn request_id(request: &Request<Incoming>) -> String {
    static NEXT: AtomicU64 = AtomicU64::new(1);
    let given = request.headers().get("x-request-id").and_then(|id| id.to_str().ok());
    let printable = |id: &&str| {
        !id.is_empty()
            && id.len() <= 128
            && id.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_.:/".contains(&byte))
    };
    match given.filter(printable) {
        Some(id) => id.to_owned(),
        None => format!("{:x}-{}", std::process::id(), NEXT.fetch_add(1, Ordering::Relaxed)),
    }
}
