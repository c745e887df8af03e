//! The peer of a connection: what is known of it, and how long it may take. A [`Clock`] knows what the connection waits
//! for, and since when.

use super::config::Limits;
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll};
use std::time::{Duration, Instant};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

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
    pub(super) fn new(limits: &Limits) -> Self {
        let idle = limits.idle_timeout.get();
        let state = State { waiting: Waiting::First, since: Instant::now(), unread_since: None, idle };
        Self { state: Mutex::new(state), limits: limits.clone() }
    }

    fn update(&self, change: impl FnOnce(&mut State)) {
        // No code that can panic runs under this lock.
        change(&mut self.state.lock().unwrap_or_else(PoisonError::into_inner));
    }

    /// A request's header has come.
    pub(super) fn begin(&self) {
        self.update(|state| state.waiting = Waiting::Handler);
    }

    /// A request has been answered.
    pub(super) fn end(&self) {
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
    pub(super) async fn expired(&self) -> &'static str {
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
pub(super) struct Clocked<S> {
    stream: S,
    clock: Arc<Clock>,
}

impl<S> Clocked<S> {
    pub(super) fn new(stream: S, clock: Arc<Clock>) -> Self {
        Self { stream, clock }
    }
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
