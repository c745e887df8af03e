//! Who checks: as many threads as there are workers, and a bounded queue before them.

use super::metrics::{Metrics, ReasonLabels};
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::sync::Semaphore;

/// Why nobody checked. It passes, so a caller may try again.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(super) enum Trouble {
    /// The queue is full.
    #[error("the server is overloaded")]
    Overloaded,
    /// It took longer than a caller would wait.
    #[error("the deadline passed")]
    Deadline,
    /// A fault of the server.
    #[error("the server failed")]
    Failed,
}

impl Trouble {
    /// The HTTP status that says it.
    pub(super) fn status(self) -> hyper::StatusCode {
        match self {
            Trouble::Overloaded => hyper::StatusCode::TOO_MANY_REQUESTS,
            Trouble::Deadline => hyper::StatusCode::SERVICE_UNAVAILABLE,
            Trouble::Failed => hyper::StatusCode::INTERNAL_SERVER_ERROR,
        }
    }

    fn label(self) -> &'static str {
        match self {
            Trouble::Overloaded => "overloaded",
            Trouble::Deadline => "deadline",
            Trouble::Failed => "failed",
        }
    }
}

/// What a job that noticed its deadline itself may take beyond it: one rule's own deadline, rounded up.
const SLACK: Duration = Duration::from_millis(300);

/// How many large objects are checked at once, however many workers there are.
const LARGE_AT_ONCE: usize = 2;

/// The workers. The runtime's blocking threads are theirs: as many as there may be jobs at once.
pub(super) struct Workers {
    places: Arc<Semaphore>,
    /// For large objects: each may take a sandbox of the largest size, and others shall not wait for all of them.
    large: Arc<Semaphore>,
    metrics: Arc<Metrics>,
}

impl Workers {
    pub(super) fn new(workers: usize, queue: usize, metrics: Arc<Metrics>) -> Self {
        let large = LARGE_AT_ONCE.min(workers.saturating_sub(1)).max(1);
        Self { places: Arc::new(Semaphore::new(workers + queue)), large: Arc::new(Semaphore::new(large)), metrics }
    }

    /// Runs a job on a large object, of which only some run at once.
    pub(super) async fn run_large<T: Send + 'static>(
        &self,
        deadline: Instant,
        job: impl FnOnce() -> T + Send + 'static,
    ) -> Result<T, Trouble> {
        let turn = Arc::clone(&self.large).acquire_owned();
        let Ok(Ok(turn)) = tokio::time::timeout_at(deadline.into(), turn).await else {
            return Err(self.count(Trouble::Deadline));
        };
        // Until the job has ended, also when nobody waits for it any more.
        let job = move || {
            let _turn = turn;
            job()
        };
        self.run(deadline, job).await
    }

    fn count(&self, trouble: Trouble) -> Trouble {
        self.metrics.rejected.get_or_create(&ReasonLabels { reason: trouble.label() }).inc();
        trouble
    }

    /// Runs a job, unless the queue is full or the deadline passes before its turn.
    pub(super) async fn run<T: Send + 'static>(
        &self,
        deadline: Instant,
        job: impl FnOnce() -> T + Send + 'static,
    ) -> Result<T, Trouble> {
        self.try_run(deadline, job).await.map_err(|trouble| self.count(trouble))
    }

    async fn try_run<T: Send + 'static>(
        &self,
        deadline: Instant,
        job: impl FnOnce() -> T + Send + 'static,
    ) -> Result<T, Trouble> {
        let place = Arc::clone(&self.places).try_acquire_owned().map_err(|_| Trouble::Overloaded)?;
        let queued = Counted::new(self.metrics.queued.clone());
        let judging = self.metrics.judging.clone();
        let span = tracing::Span::current();
        let work = move || {
            let _place = place;
            drop(queued);
            let _judging = Counted::new(judging);
            (Instant::now() < deadline).then(|| span.in_scope(job))
        };
        match tokio::time::timeout_at((deadline + SLACK).into(), tokio::task::spawn_blocking(work)).await {
            Ok(Ok(Some(done))) => Ok(done),
            Ok(Ok(None)) | Err(_) => Err(Trouble::Deadline),
            Ok(Err(_)) => Err(Trouble::Failed),
        }
    }
}

/// Counts in a gauge for as long as it lives.
pub(super) struct Counted(prometheus_client::metrics::gauge::Gauge);

impl Counted {
    pub(super) fn new(gauge: prometheus_client::metrics::gauge::Gauge) -> Self {
        gauge.inc();
        Self(gauge)
    }
}

impl Drop for Counted {
    fn drop(&mut self) {
        self.0.dec();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn on_one_thread<F: Future>(test: impl FnOnce(Workers) -> F) -> F::Output {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().max_blocking_threads(1).build();
        runtime.unwrap().block_on(test(Workers::new(1, 1, Arc::new(Metrics::new()))))
    }

    fn soon() -> Instant {
        Instant::now() + Duration::from_secs(60)
    }

    #[test]
    fn what_does_not_fit_the_queue_is_refused_at_once() {
        on_one_thread(|workers| async move {
            let (release, wait) = std::sync::mpsc::channel::<()>();
            let first = workers.run(soon(), move || wait.recv());
            let second = workers.run(soon(), || Ok::<_, std::sync::mpsc::RecvError>(()));
            let third = async {
                let refused = workers.run(soon(), || ()).await;
                release.send(()).unwrap();
                refused
            };
            let (first, second, third) = tokio::join!(first, second, third);
            assert_eq!((first, second, third), (Ok(Ok(())), Ok(Ok(())), Err(Trouble::Overloaded)));
            assert_eq!(workers.run(soon(), || 3).await, Ok(3));
        });
    }

    #[test]
    fn large_jobs_wait_for_one_another_and_others_do_not() {
        on_one_thread(|workers| async move {
            let (started, is_running) = tokio::sync::oneshot::channel::<()>();
            let (release, wait) = std::sync::mpsc::channel::<()>();
            let first = workers.run_large(soon(), move || {
                let _ = started.send(());
                wait.recv()
            });
            let second = async {
                is_running.await.unwrap();
                let late = workers.run_large(Instant::now() + Duration::from_millis(10), || ()).await;
                release.send(()).unwrap();
                late
            };
            assert_eq!(tokio::join!(first, second), (Ok(Ok(())), Err(Trouble::Deadline)));
            assert_eq!(workers.run_large(soon(), || 3).await, Ok(3));
        });
    }

    #[test]
    fn what_is_too_late_does_not_run() {
        on_one_thread(|workers| async move {
            let ran = workers.run(Instant::now(), || panic!("it must not run")).await;
            assert_eq!(ran, Err::<(), _>(Trouble::Deadline));
        });
    }

    #[test]
    fn a_job_that_panics_harms_only_its_own_request() {
        on_one_thread(|workers| async move {
            assert_eq!(workers.run(soon(), || panic!("on purpose")).await, Err::<(), _>(Trouble::Failed));
            assert_eq!(workers.run(soon(), || 3).await, Ok(3));
            assert_eq!((workers.metrics.judging.get(), workers.metrics.queued.get()), (0, 0));
        });
    }
}
