//! Why the API server could not be asked, in words for people.

use crate::engine::truncate;
use std::error::Error;
use std::fmt::Write as _;

/// Bytes of a reason at the most: an API server can quote anything.
const REASON_BYTES: usize = 512;

/// What stands between a kind and its objects.
#[derive(Debug)]
pub(super) struct Trouble {
    pub(super) reason: String,
    /// The HTTP status, when the API server answered.
    pub(super) code: Option<u16>,
    /// Whether the connection failed, rather than that something was said which is of no use.
    pub(super) connection: bool,
}

impl Trouble {
    pub(super) fn new(reason: impl Into<String>) -> Self {
        let reason: String = reason.into();
        let mut reason = crate::plain::connection(&reason);
        reason = reason.trim().replace(char::is_control, " ");
        truncate(&mut reason, REASON_BYTES);
        Self { reason, code: None, connection: false }
    }

    /// An error with what caused it, each cause once.
    pub(super) fn of(error: impl Error) -> Self {
        let mut reason = error.to_string();
        let mut cause = error.source();
        while let Some(inner) = cause.filter(|_| reason.len() < REASON_BYTES) {
            let text = inner.to_string();
            if !reason.contains(&text) {
                // Writing to a String cannot fail.
                let _ = write!(reason, ": {text}");
            }
            cause = inner.source();
        }
        Self::new(reason)
    }
}

impl From<kube::Error> for Trouble {
    fn from(error: kube::Error) -> Self {
        match error {
            kube::Error::Api(status) => {
                let what = match status.code {
                    401 => "the API server does not accept the credentials",
                    403 => "the API server does not permit it",
                    404 => "the API server knows no such path",
                    _ => "the API server refused",
                };
                let Self { reason, .. } = Self::new(format!("{what} ({}): {}", status.code, status.message));
                Self { reason, code: Some(status.code), connection: false }
            }
            kube::Error::Service(error) => Self { connection: true, ..Self::of(&*error) },
            kube::Error::HyperError(error) => Self { connection: true, ..Self::of(error) },
            kube::Error::ReadEvents(error) => Self { connection: true, ..Self::of(error) },
            error => Self::of(error),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reason_is_one_bounded_line_with_its_causes() {
        let refused =
            std::io::Error::other(std::io::Error::new(std::io::ErrorKind::ConnectionRefused, "no one\nthere"));
        assert_eq!(Trouble::of(refused).reason, "no one there");
        let status = kube::core::Status::failure(&"x".repeat(9000), "Forbidden").with_code(403);
        let trouble = Trouble::from(kube::Error::Api(status.boxed()));
        assert_eq!(trouble.code, Some(403));
        assert!(trouble.reason.starts_with("the API server does not permit it (403): xxx"));
        assert!(trouble.reason.len() <= REASON_BYTES + 4);
    }
}
