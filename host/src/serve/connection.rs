//! Connections: accepting, TLS, and the bounds on what a slow or silent peer can hold.
//!
//! HTTP/1.1 only: it is what Gatekeeper speaks and what every caller can, and it keeps a connection's
//! state to one request. A [`Clock`] knows what the connection waits for, and since when.

use super::config::Limits;
use super::metrics::ReasonLabels;
use super::router;
use super::state::{App, Phase};
use super::tls::Certificates;
use super::workers::Counted;
use arc_swap::ArcSwap;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use std::pin::{Pin, pin};
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll};
use std::time::{Duration, Instant};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{Semaphore, watch};
use tokio_util::task::TaskTracker;

/// Bytes of a request's header at the most.
pub(super) const HEADER_BYTES: usize = 32 << 10;
/// Header fields at the most.
pub(super) const HEADER_FIELDS: usize = 64;

/// What is known of the peer of a connection.
#[derive(Clone)]
pub(super) struct Peer {
    /// It presented a client certificate that an authority of ours signed.
    pub(super) certified: bool,
    /// The connection's clock.
    pub(super) clock: Arc<Clock>,
}

/// A listener with what its connections share.
pub(super) struct Listener {
    pub(super) socket: TcpListener,
    /// `None` for plain HTTP.
    pub(super) certificates: Option<Arc<ArcSwap<Certificates>>>,
    pub(super) app: Arc<App>,
    pub(super) places: Arc<Semaphore>,
}

impl Listener {
    /// Accepts until the server stops; comes back when all of its connections are done.
    pub(super) async fn run(self) {
        let connections = TaskTracker::new();
        let mut phase = self.app.phase();
        while let Some((stream, place)) = self.accept(&mut phase).await {
            let certificates = self.certificates.as_ref().map(|certificates| certificates.load_full());
            let app = Arc::clone(&self.app);
            connections.spawn(async move {
                let _place = place;
                serve(stream, certificates, app).await;
            });
        }
        drop(self.socket);
        connections.close();
        connections.wait().await;
    }

    /// The next connection, once there is room for it; `None` when the server stops.
    async fn accept(
        &self,
        phase: &mut watch::Receiver<Phase>,
    ) -> Option<(TcpStream, tokio::sync::OwnedSemaphorePermit)> {
        loop {
            let next = async {
                let place = Arc::clone(&self.places).acquire_owned().await;
                (self.socket.accept().await, place)
            };
            let (accepted, place) = tokio::select! {
                next = next => next,
                () = until(phase, Phase::Stopping) => return None,
            };
            match accepted {
                Ok((stream, _)) => return Some((stream, place.ok()?)),
                Err(error) => {
                    // Out of descriptors, most likely: trying again at once would only burn the processor.
                    tracing::warn!(%error, "a connection could not be accepted");
                    tokio::time::sleep(Duration::from_millis(100)).await;
                }
            }
        }
    }
}

/// Waits until the server has come to a phase.
pub(super) async fn until(phase: &mut watch::Receiver<Phase>, wanted: Phase) {
    // The sender lives as long as the server.
    let _ = phase.wait_for(|phase| *phase >= wanted).await;
}

async fn serve(stream: TcpStream, certificates: Option<Arc<Certificates>>, app: Arc<App>) {
    let _counted = Counted::new(app.metrics.connections.clone());
    // Answers are written whole; waiting for more to send would only delay them.
    let _ = stream.set_nodelay(true);
    let Some(certificates) = certificates else { return converse(stream, false, app).await };
    let acceptor = tokio_rustls::TlsAcceptor::from(Arc::clone(&certificates.config));
    match tokio::time::timeout(app.limits().header_timeout.get(), acceptor.accept(stream)).await {
        Ok(Ok(stream)) => {
            let certified = stream.get_ref().1.peer_certificates().is_some();
            converse(stream, certified, app).await;
        }
        Ok(Err(error)) => {
            app.metrics.connections_cut.get_or_create(&ReasonLabels { reason: "handshake" }).inc();
            tracing::debug!(%error, "a TLS handshake failed");
        }
        Err(_) => drop(app.metrics.connections_cut.get_or_create(&ReasonLabels { reason: "handshake_timeout" }).inc()),
    }
}

/// Speaks HTTP over a connection until either side ends it or a bound does.
async fn converse(stream: impl AsyncRead + AsyncWrite + Unpin, certified: bool, app: Arc<App>) {
    let clock = Arc::new(Clock::new(app.limits()));
    let peer = Peer { certified, clock: Arc::clone(&clock) };
    let service = service_fn(|request| {
        let (app, peer) = (Arc::clone(&app), peer.clone());
        async move {
            peer.clock.begin();
            let response = router::answer(request, &peer, &app).await;
            peer.clock.end();
            Ok::<_, std::convert::Infallible>(response)
        }
    });
    let io = TokioIo::new(Clocked { stream, clock: Arc::clone(&clock) });
    let mut http = hyper::server::conn::http1::Builder::new();
    http.max_headers(HEADER_FIELDS).max_buf_size(HEADER_BYTES).header_read_timeout(None);
    let mut connection = pin!(http.serve_connection(io, service));
    let mut phase = app.phase();
    let mut stopping = false;
    loop {
        tokio::select! {
            ended = connection.as_mut() => {
                if let Err(error) = ended {
                    tracing::debug!(%error, "a connection broke off");
                }
                return;
            }
            reason = clock.expired() => {
                app.metrics.connections_cut.get_or_create(&ReasonLabels { reason }).inc();
                return;
            }
            () = until(&mut phase, Phase::Stopping), if !stopping => {
                // The request in flight is answered; a silent connection ends here.
                connection.as_mut().graceful_shutdown();
                stopping = true;
            }
        }
    }
}

/// What a connection waits for.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Waiting {
    /// For the first request of a new connection to begin.
    First,
    /// For the next request to begin.
    Silent,
    /// For the rest of a header.
    Header,
    /// For the handler, which has bounds of its own.
    Handler,
}

/// What a connection waits for, since when, and how long it may.
pub(super) struct Clock {
    state: Mutex<State>,
    limits: Limits,
}

struct State {
    waiting: Waiting,
    since: Instant,
    /// Since when the peer has not taken what is written to it.
    unread_since: Option<Instant>,
    /// Bound on silence.
    idle: Duration,
}

impl Clock {
    fn new(limits: &Limits) -> Self {
        let idle = limits.idle_timeout.get();
        let state = State { waiting: Waiting::First, since: Instant::now(), unread_since: None, idle };
        Self { state: Mutex::new(state), limits: limits.clone() }
    }

    fn update(&self, change: impl FnOnce(&mut State)) {
        // No code that can panic runs under this lock.
        change(&mut self.state.lock().unwrap_or_else(PoisonError::into_inner));
    }

    /// A request's header has come.
    fn begin(&self) {
        self.update(|state| state.waiting = Waiting::Handler);
    }

    /// A request has been answered.
    fn end(&self) {
        self.update(|state| (state.waiting, state.since) = (Waiting::Silent, Instant::now()));
    }

    /// From now on the connection may be silent for so long only.
    pub(super) fn limit_silence(&self, idle: Duration) {
        self.update(|state| state.idle = state.idle.min(idle));
    }

    /// Bytes came in.
    fn read(&self) {
        self.update(|state| {
            if matches!(state.waiting, Waiting::First | Waiting::Silent) {
                (state.waiting, state.since) = (Waiting::Header, Instant::now());
            }
        });
    }

    /// The peer took what was written, or did not.
    fn written(&self, taken: bool) {
        self.update(|state| match (taken, state.unread_since) {
            (true, None) => {}
            // Only now it is silent.
            (true, Some(_)) => (state.unread_since, state.since) = (None, Instant::now()),
            (false, None) => state.unread_since = Some(Instant::now()),
            (false, Some(_)) => {}
        });
    }

    /// Which bound has passed, and when one may at the earliest.
    fn look(&self) -> Result<Instant, &'static str> {
        let state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        let now = Instant::now();
        // Looked at again soon, since what is waited for changes without notice.
        let mut next = now + TICK;
        let bounds = [
            (state.waiting == Waiting::Silent && state.unread_since.is_none(), state.since, state.idle, "silent"),
            // Whoever connects has something to say: many silent connections cost a peer nothing.
            (state.waiting == Waiting::First, state.since, state.idle.min(self.limits.header_timeout.get()), "silent"),
            (state.waiting == Waiting::Header, state.since, self.limits.header_timeout.get(), "header_timeout"),
            (
                state.unread_since.is_some(),
                state.unread_since.unwrap_or(now),
                self.limits.write_timeout.get(),
                "write_timeout",
            ),
        ];
        for (_, since, bound, reason) in bounds.into_iter().filter(|(applies, ..)| *applies) {
            if now >= since + bound {
                return Err(reason);
            }
            next = next.min(since + bound);
        }
        Ok(next)
    }

    /// Waits until a bound has passed, and says which.
    async fn expired(&self) -> &'static str {
        loop {
            match self.look() {
                Err(reason) => return reason,
                Ok(next) => tokio::time::sleep_until(next.into()).await,
            }
        }
    }
}

/// How long a change may go unnoticed; bounds are kept to this.
const TICK: Duration = Duration::from_secs(1);

/// A stream that tells its clock what happens.
struct Clocked<S> {
    stream: S,
    clock: Arc<Clock>,
}

impl<S: AsyncRead + Unpin> AsyncRead for Clocked<S> {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<std::io::Result<()>> {
        let before = buf.filled().len();
        let polled = Pin::new(&mut self.stream).poll_read(cx, buf);
        if buf.filled().len() > before {
            self.clock.read();
        }
        polled
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Clocked<S> {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<std::io::Result<usize>> {
        let polled = Pin::new(&mut self.stream).poll_write(cx, buf);
        self.clock.written(polled.is_ready());
        polled
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<std::io::Result<()>> {
        let polled = Pin::new(&mut self.stream).poll_flush(cx);
        self.clock.written(polled.is_ready());
        polled
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<std::io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }
}
