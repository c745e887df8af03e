//! The second port: probes, metrics and the status page. It has a thread of its own, so that it answers
//! while every worker is busy.

use super::peer::{HEADER_BYTES, HEADER_FIELDS};
use super::review::{Answer, problem, respond};
use super::state::{App, Phase};
use super::{load, status_page};
use crate::visible::Visible;
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper::{Method, Request, StatusCode};
use hyper_util::rt::{TokioIo, TokioTimer};
use std::fmt::Write as _;
use std::sync::Arc;
use std::time::Duration;
use tokio::net::TcpListener;
use tokio::sync::Semaphore;

/// Connections to this port; more wait.
pub(super) const CONNECTIONS: usize = 64;
/// How long a request, or the wait for one, may take.
const PATIENCE: Duration = Duration::from_secs(30);

/// Serves the second port until the process ends.
pub(super) async fn run(socket: TcpListener, app: Arc<App>) {
    let places = Arc::new(Semaphore::new(CONNECTIONS));
    loop {
        let Ok(place) = Arc::clone(&places).acquire_owned().await else { return };
        let Ok((stream, _)) = socket.accept().await else {
            tokio::time::sleep(Duration::from_millis(100)).await;
            continue;
        };
        let app = Arc::clone(&app);
        tokio::spawn(async move {
            let _place = place;
            let service = service_fn(move |request: Request<Incoming>| {
                let answer = answer(&request, &app);
                async { Ok::<_, std::convert::Infallible>(answer) }
            });
            let mut http = hyper::server::conn::http1::Builder::new();
            http.timer(TokioTimer::new()).header_read_timeout(PATIENCE);
            http.max_headers(HEADER_FIELDS).max_buf_size(HEADER_BYTES);
            let connection = http.serve_connection(TokioIo::new(stream), service);
            // A peer that reads nothing is cut as well.
            let _ = tokio::time::timeout(4 * PATIENCE, connection).await;
        });
    }
}

fn answer(request: &Request<Incoming>, app: &App) -> Answer {
    if !matches!(*request.method(), Method::GET | Method::HEAD) {
        return problem(StatusCode::METHOD_NOT_ALLOWED, "only GET works here");
    }
    let verbose = request.uri().query().is_some_and(|query| query.split('&').any(|part| part.starts_with("verbose")));
    match request.uri().path() {
        "/livez" => respond(StatusCode::OK, TEXT, "ok\n"),
        "/readyz" => readiness(app, verbose),
        "/metrics" => {
            let bytes: u64 = app.serving.load().bundles.values().map(|decider| decider.remembered_bytes()).sum();
            app.metrics.memo_bytes.set(bytes as i64);
            app.metrics.request_bytes.set(app.memory.used() as i64);
            app.metrics.request_limit_bytes.set(app.memory.limit() as i64);
            app.metrics.show_inventory(&app.serving.load().inventory.status());
            respond(StatusCode::OK, "application/openmetrics-text; version=1.0.0; charset=utf-8", app.metrics.encode())
        }
        "/" => status_page::page(app),
        _ => problem(StatusCode::NOT_FOUND, "there are /livez, /readyz, /metrics and / here"),
    }
}

const TEXT: &str = "text/plain; charset=utf-8";

/// Ready while it serves. What is amiss but no reason to send callers elsewhere is shown by `?verbose`.
fn readiness(app: &App, verbose: bool) -> Answer {
    let phase = app.current_phase();
    let ready = phase == Phase::Serving;
    let status = if ready { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE };
    let said = match phase {
        Phase::Starting => "starting",
        Phase::Serving => "ok",
        Phase::Draining | Phase::Stopping => "stopping",
    };
    if !verbose {
        return respond(status, TEXT, format!("{said}\n"));
    }
    let mut text = String::new();
    // Writing to a String cannot fail, here and below.
    let _ = writeln!(text, "server: {said}");
    let serving = app.serving.load();
    let _ = writeln!(text, "bundles: {}", Visible(load::names(&serving)));
    for status in serving.inventory.status() {
        let _ = writeln!(text, "inventory: {}", Visible(status));
    }
    let failure = app.reload_failure();
    if !failure.is_empty() {
        let _ = writeln!(text, "bundles: the newest files are not served: {}", Visible(failure));
    }
    respond(status, TEXT, text)
}
