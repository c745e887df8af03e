//! How much a watch cache takes on, and how long it waits.

use super::reason::Trouble;
use std::time::Duration;

/// Bounds on what is kept. A kind that exceeds one is not available as a whole: part of its objects would be
/// a wrong answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CacheLimits {
    /// Objects of one kind that belong to an answer.
    pub objects: usize,
    /// Bytes that one topic may read of one object, what it is found by included. A larger one makes the answers of
    /// its namespace, and those that span namespaces, unavailable, so that it does not harm other namespaces.
    pub card_bytes: usize,
    /// Bytes of the cards of all kinds and of the indexes over them. Answers that are kept add at most twice as much.
    pub bytes: usize,
}

impl Default for CacheLimits {
    /// Room for the largest clusters that Kubernetes supports (150,000 Pods, nearly all of which have a
    /// controller and are not kept), in a container of a few hundred megabytes.
    fn default() -> Self {
        Self { objects: 50_000, card_bytes: 256 << 10, bytes: 128 << 20 }
    }
}

/// Times.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Timing {
    /// For one answer of the API server: a page of a list, or the beginning of a watch.
    pub request: Duration,
    /// After which the API server is asked to end a watch, which is then taken up again.
    pub watch: Duration,
    /// How long what was known serves after the API server was last heard of. A working watch is heard of at
    /// least every [`Timing::watch`].
    pub stale: Duration,
    /// Before the first retry, and before a watch that has ended is taken up again. Doubles with each failure.
    pub retry_first: Duration,
    /// Between retries at the most; so often is an absent kind looked for.
    pub retry_longest: Duration,
    /// Before a kind is listed again that was too large.
    pub oversize: Duration,
    /// Objects in one page of a list.
    pub page: u32,
}

impl Default for Timing {
    /// A list takes seconds, and operators look at minutes.
    fn default() -> Self {
        Self {
            request: Duration::from_secs(30),
            watch: Duration::from_secs(120),
            stale: Duration::from_secs(300),
            retry_first: Duration::from_secs(1),
            retry_longest: Duration::from_secs(60),
            oversize: Duration::from_secs(300),
            page: 250,
        }
    }
}

impl Timing {
    /// How long a watch may be silent before it counts as broken: a little longer than the API server lets it last.
    pub(super) fn silence(&self) -> Duration {
        self.watch + self.watch / 10 + Duration::from_secs(1)
    }

    /// Waits for an answer no longer than [`Timing::request`].
    pub(super) async fn bounded<T>(&self, answer: impl Future<Output = kube::Result<T>>) -> Result<T, Trouble> {
        match tokio::time::timeout(self.request, answer).await {
            Ok(answer) => answer.map_err(Trouble::from),
            Err(_) => {
                let seconds = self.request.as_secs();
                let trouble = Trouble::new(format!("the API server did not answer within {seconds} seconds"));
                Err(Trouble { connection: true, ..trouble })
            }
        }
    }
}
