//! Connections: accepting, TLS, and the bounds on what a slow or silent peer can hold.
//!
//! HTTP/1.1 only: it is what Gatekeeper speaks and what every caller can, and it keeps a connection's
//! state to one request.

use super::metrics::ReasonLabels;
use super::peer::{Clock, Clocked, HEADER_BYTES, HEADER_FIELDS, Peer};
use super::router;
use super::state::{App, Phase};
use super::tls::Certificates;
use super::workers::Counted;
use arc_swap::ArcSwap;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{Semaphore, watch};
use tokio_util::task::TaskTracker;

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
    let io = TokioIo::new(Clocked::new(stream, Arc::clone(&clock)));
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
