//! From a request to its wire: paths, methods, who may ask, and how much they may send.

use super::config::ClientCertificates;
use super::memory::{Charge, Charged, NoRoom};
use super::peer::{HEADER_BYTES, HEADER_FIELDS, Peer};
use super::review::{self, Answer, Body, Refusal, Wire, problem};
use super::state::App;
use super::wire::{Admission, Evaluate, Gatekeeper, Kyverno};
use bytes::Bytes;
use http_body_util::{BodyExt as _, Full};
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
    let answer = async {
        let answer = dispatch(route, request, peer, app).await;
        charged(answer, app).await
    };
    let mut answer = answer.instrument(span.clone()).await;
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
    if exceeds_header_bounds(&request) {
        let message = format!("the header has more than {HEADER_BYTES} bytes or {HEADER_FIELDS} fields");
        return problem(StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE, &message);
    }
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

/// Whether a header is larger than it may be. hyper bounds what it keeps of one, which may be more than it was given.
fn exceeds_header_bounds(request: &Request<Incoming>) -> bool {
    let headers = request.headers();
    // `: ` and a line break.
    let fields: usize = headers.iter().map(|(name, value)| name.as_str().len() + value.len() + 4).sum();
    let target = request.uri().path_and_query().map_or(0, |target| target.as_str().len());
    headers.len() > HEADER_FIELDS || fields + target > HEADER_BYTES
}

/// The request's body, within its bounds, charged as it arrives.
async fn body(request: Request<Incoming>, app: &App) -> Result<Body, Refusal> {
    let limits = app.limits();
    let declared = hyper::body::Body::size_hint(request.body()).lower();
    if declared > limits.body_bytes as u64 {
        return Err(too_large(limits.body_bytes));
    }
    let taken = take_in(request.into_body(), declared as usize, app);
    tokio::time::timeout(limits.body_timeout.get(), taken).await.unwrap_or_else(|_| {
        let message = "the body did not come in time (limit `limits.bodyTimeout`)".to_owned();
        Err(Refusal { status: StatusCode::REQUEST_TIMEOUT, message })
    })
}

fn too_large(limit: usize) -> Refusal {
    let message = format!("the body has more than {limit} bytes (limit `limits.bodyBytes`)");
    Refusal { status: StatusCode::PAYLOAD_TOO_LARGE, message }
}

/// Room for a body is made in steps of at least so many bytes.
const STEP: usize = 16 << 10;

/// Copies a body to one place as it arrives: a peer that sends a byte at a time would hold a buffer for each. Only what
/// has come is charged, so that nobody holds memory by announcing a body. When there is no room for it, the rest is passed
/// over, so that the peer can read the answer.
async fn take_in(mut incoming: Incoming, declared: usize, app: &App) -> Result<Body, Refusal> {
    let limit = app.limits().body_bytes;
    let charge = Charge::new(&app.memory);
    let (mut bytes, mut length) = (Vec::new(), 0);
    let mut no_room: Option<NoRoom> = None;
    while let Some(frame) = incoming.frame().await {
        let frame = frame.map_err(|error| Refusal::bad(format!("the body could not be read: {error}")))?;
        let Ok(data) = frame.into_data() else { continue };
        length += data.len();
        if length > limit {
            return Err(too_large(limit));
        }
        if no_room.is_some() {
            continue;
        }
        if length > bytes.capacity() {
            // Twice as much each time, but no more than was announced.
            let most = if declared >= length { declared } else { limit };
            let capacity = length.max((2 * bytes.capacity()).max(STEP).min(most));
            if let Err(error) = charge.grow(capacity - bytes.capacity()) {
                no_room = Some(error);
                bytes = Vec::new();
                charge.release();
                continue;
            }
            bytes.reserve_exact(capacity - bytes.len());
        }
        bytes.extend_from_slice(&data);
    }
    match no_room {
        None => Ok(Body { bytes: bytes.into(), charge: Arc::new(charge) }),
        Some(no_room) => Err(no_room.refuse(&app.metrics)),
    }
}

/// Answers up to this are not charged: connections bound them.
const SMALL_ANSWER: usize = 16 << 10;

/// An answer that is charged until its last byte is written: a peer may take its time to read it.
async fn charged(answer: Answer, app: &App) -> Answer {
    let length = hyper::body::Body::size_hint(answer.body()).lower() as usize;
    if length <= SMALL_ANSWER {
        return answer;
    }
    let charge = Charge::new(&app.memory);
    if let Err(no_room) = charge.grow(length) {
        let refusal = no_room.refuse(&app.metrics);
        return problem(refusal.status, &refusal.message);
    }
    let (parts, body) = answer.into_parts();
    // The body of an answer is there already.
    let Ok(collected) = body.collect().await;
    let bytes = Bytes::from_owner(Charged { bytes: collected.to_bytes(), _charge: charge });
    Answer::from_parts(parts, Full::new(bytes))
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
