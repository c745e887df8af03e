//! What is tried again, and when.

use super::super::error::OciError;
use super::super::limits::Patience;
use std::time::{Duration, SystemTime};

/// How one attempt failed.
pub(super) enum Attempt {
    /// Another may succeed, no sooner than the registry asks for.
    Again(OciError, Option<Duration>),
    /// No other would.
    Never(OciError),
}

impl<E: Into<OciError>> From<E> for Attempt {
    fn from(error: E) -> Self {
        Attempt::Never(error.into())
    }
}

/// Makes attempts until one succeeds, one fails for good, or patience is over.
pub(super) async fn with_retries<T>(
    patience: &Patience,
    mut attempt: impl AsyncFnMut() -> Result<T, Attempt>,
) -> Result<T, OciError> {
    let mut tries = 1;
    loop {
        match attempt().await {
            Ok(value) => return Ok(value),
            Err(Attempt::Never(error)) => return Err(error),
            Err(Attempt::Again(error, _)) if tries >= patience.attempts => return Err(exhausted(error, tries)),
            Err(Attempt::Again(_, asked)) => tokio::time::sleep(wait(patience, tries, asked)).await,
        }
        tries += 1;
    }
}

/// Twice as long each time, less up to a half, so that many clients do not come back at once.
fn wait(patience: &Patience, tries: u32, asked: Option<Duration>) -> Duration {
    let whole = patience.backoff.saturating_mul(1 << (tries - 1).min(16));
    let mut byte = [0];
    // Without randomness the wait is only less spread.
    let _ = getrandom::fill(&mut byte);
    let spread = whole.mul_f64(1.0 - f64::from(byte[0]) / 512.0);
    spread.max(asked.unwrap_or_default()).min(patience.longest_wait)
}

fn exhausted(error: OciError, tries: u32) -> OciError {
    match error {
        OciError::Transport { what, reason } if tries > 1 => {
            OciError::Transport { what, reason: format!("{reason} (tried {tries} times)") }
        }
        error => error,
    }
}

/// Whether a status may be another one in a moment.
pub(super) fn is_passing(status: u16) -> bool {
    matches!(status, 408 | 425 | 429 | 500 | 502 | 503 | 504)
}

/// What `Retry-After` asks for: seconds, or a date.
pub(super) fn retry_after(text: &str, now: SystemTime) -> Option<Duration> {
    if let Ok(seconds) = text.trim().parse() {
        return Some(Duration::from_secs(seconds));
    }
    let date = jiff::fmt::rfc2822::parse(text.trim()).ok()?;
    SystemTime::from(date.timestamp()).duration_since(now).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_grow_and_have_an_end() {
        let patience = Patience { backoff: Duration::from_secs(1), ..Patience::default() };
        for (tries, least, most) in [(1, 500, 1000), (2, 1000, 2000), (4, 4000, 8000), (30, 60_000, 60_000)] {
            let wait = wait(&patience, tries, None).as_millis();
            assert!((least..=most).contains(&wait), "{tries}: {wait}");
        }
        assert_eq!(wait(&patience, 1, Some(Duration::from_secs(7))), Duration::from_secs(7));
        assert_eq!(wait(&patience, 1, Some(Duration::from_secs(86_400))), patience.longest_wait);
    }

    #[test]
    fn retry_after_is_seconds_or_a_date() {
        let now = SystemTime::UNIX_EPOCH + Duration::from_secs(784_111_777);
        assert_eq!(retry_after("3", now), Some(Duration::from_secs(3)));
        assert_eq!(retry_after("Sun, 06 Nov 1994 08:49:47 GMT", now), Some(Duration::from_secs(10)));
        for text in ["", "-1", "soon", "Sun, 06 Nov 1994 08:49:27 GMT"] {
            assert_eq!(retry_after(text, now), None, "{text}");
        }
    }
}
