//! What can go wrong between a registry and a bundle.

use super::lock::LockError;
use super::reference::ReferenceError;
use crate::bundle::{BundleError, LibraryError};
use crate::digest::Digest;
use crate::trust::{PolicyError, Refusal};

/// Why something could not be fetched, stored, sent or opened.
#[derive(Debug, thiserror::Error)]
pub enum OciError {
    /// Not a reference.
    #[error(transparent)]
    Reference(#[from] ReferenceError),
    /// The registry could not be reached, or broke off.
    #[error("{what}: {reason}")]
    Transport {
        /// What was asked, as `GET https://…`.
        what: String,
        /// What happened.
        reason: String,
    },
    /// The registry answered with a refusal.
    #[error("{what}: the registry answered {status}{}", .said.as_ref().map(|said| format!(": {said}")).unwrap_or_default())]
    Status {
        /// What was asked.
        what: String,
        /// The status of the answer.
        status: u16,
        /// What the registry says of it.
        said: Option<String>,
    },
    /// What was asked for is not there.
    #[error("{0} is not there")]
    Missing(String),
    /// What the store had is not what it is called, and cannot be had anew.
    #[error("{digest} in the store was damaged, and was removed{}", .cause.as_ref().map(|cause| format!("; {cause}")).unwrap_or_default())]
    Damaged {
        /// What it is called.
        digest: Digest,
        /// Why it cannot be had anew, where that was tried.
        cause: Option<String>,
    },
    /// The registry wants something that is not done, such as credentials in the clear.
    #[error("{0}")]
    Refused(String),
    /// Credentials could not be had.
    #[error("credentials for `{host}`: {reason}")]
    Credentials {
        /// For whom.
        host: String,
        /// Why not.
        reason: String,
    },
    /// Content is not what its digest says.
    #[error("{what}: its digest is {actual}, not {expected}; it was not kept")]
    Digest {
        /// Where it came from.
        what: String,
        /// What was asked for.
        expected: Digest,
        /// What came.
        actual: Digest,
    },
    /// Content is not as long as was said.
    #[error("{what}: it has {actual} bytes, not {expected}; it was not kept")]
    Length {
        /// Where it came from.
        what: String,
        /// What was said.
        expected: u64,
        /// What came.
        actual: u64,
    },
    /// A bound was exceeded.
    #[error("{what}: {actual} {unit}, more than {limit}")]
    TooMuch {
        /// Of what.
        what: String,
        /// How much, at the least.
        actual: u64,
        /// `bytes`, `components`, ….
        unit: &'static str,
        /// The bound.
        limit: u64,
    },
    /// Content does not say what it should.
    #[error("{what} is malformed: {reason}")]
    Malformed {
        /// What.
        what: String,
        /// Why.
        reason: String,
    },
    /// It may not be used.
    #[error(transparent)]
    NotAdmitted(#[from] Box<Refusal>),
    /// The trust policy is refused.
    #[error(transparent)]
    Trust(#[from] PolicyError),
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The lock file is in the way.
    #[error(transparent)]
    Lock(Box<LockError>),
    /// A file could not be read or written.
    #[error("{path}: {source}")]
    File {
        /// The file.
        path: String,
        /// Why.
        source: std::io::Error,
    },
    /// The bundle does not resolve.
    #[error(transparent)]
    Bundle(#[from] BundleError),
    /// A component is refused.
    #[error(transparent)]
    Library(#[from] LibraryError),
}

/// Why the store failed. What is in it stays whole.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// No room.
    #[error("the store {path} is full: {source}; `policy-host store prune` frees what no reference needs")]
    Full {
        /// The file or directory.
        path: String,
        /// As the system has it.
        source: std::io::Error,
    },
    /// Anything else.
    #[error("the store: {path}: {source}")]
    Io {
        /// The file or directory.
        path: String,
        /// Why.
        source: std::io::Error,
    },
    /// Somebody else uses it.
    #[error("the store {0} is in use by another policy-host; try again when that is done")]
    Busy(String),
}

impl From<LockError> for OciError {
    fn from(error: LockError) -> Self {
        Self::Lock(Box::new(error))
    }
}

impl OciError {
    /// A file that could not be read or written.
    pub(super) fn file(path: &std::path::Path) -> impl FnOnce(std::io::Error) -> Self {
        let path = path.display().to_string();
        move |source| Self::File { path, source }
    }

    /// Whether the registry could not be asked, so that what is known already may do.
    pub fn is_unreachable(&self) -> bool {
        match self {
            OciError::Transport { .. } => true,
            OciError::Status { status, .. } => *status == 429 || *status >= 500,
            _ => false,
        }
    }
}
