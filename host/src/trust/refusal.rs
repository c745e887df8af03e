//! Why something is not trusted: which check failed, for which digest, and what would satisfy it.

use super::target::Target;
use crate::visible::{Visible, visible};
use std::fmt;

/// Why one signature or attestation does not count. What is quoted in one comes from whoever could write to the
/// registry: [`fmt::Display`] shortens and escapes it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Problem {
    /// More bytes than it may have.
    TooLarge {
        /// What it has.
        bytes: usize,
        /// What it may have.
        bound: usize,
    },
    /// Not what it should be.
    Malformed(String),
    /// Another form than ours.
    MediaType(String),
    /// The envelope holds something else than a statement.
    PayloadType(String),
    /// The statement is no signature and no attestation that is asked for.
    Predicate(String),
    /// It speaks of another digest, or of none.
    Digest(Option<String>),
    /// It was made for another repository.
    Repository {
        /// The one that it names.
        found: String,
        /// The one that was asked for.
        expected: String,
    },
    /// It names no repository where the trust policy wants one.
    Unnamed(String),
    /// No key that may sign made it.
    Key {
        /// The hint at the key that did.
        hint: Option<String>,
    },
    /// It has a certificate, and no identity may sign.
    NoIdentities,
    /// Its certificate cannot be believed.
    Certificate(String),
    /// Its certificate is somebody else's.
    Identity {
        /// Who vouches for the name.
        issuer: String,
        /// The name.
        subject: String,
    },
    /// A signer who may not sign this.
    NotEntitled {
        /// The name in the trust policy.
        signer: String,
        /// What was signed.
        predicate: String,
    },
    /// It could not be fetched.
    Unreadable(String),
}

impl Problem {
    pub(super) fn malformed(message: impl Into<String>) -> Self {
        Self::Malformed(message.into())
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::TooLarge { bytes, bound } => write!(out, "it has {bytes} bytes, and may have {bound}"),
            Self::Malformed(what) => write!(out, "it is malformed: {}", Quoted(what)),
            Self::MediaType(found) => {
                write!(out, "its media type is `{}`, and no sigstore bundle's v0.3", Quoted(found))
            }
            Self::PayloadType(found) => write!(out, "its envelope holds `{}`, and no in-toto statement", Quoted(found)),
            Self::Predicate(found) => {
                write!(
                    out,
                    "it is about `{}`, which is neither a signature nor an attestation asked for",
                    Quoted(found)
                )
            }
            Self::Digest(Some(found)) => write!(out, "it is for another digest, {}", Quoted(found)),
            Self::Digest(None) => write!(out, "it is for no digest"),
            Self::Repository { found, expected } => {
                write!(out, "it was made for the repository `{}`, and not for `{expected}`", Quoted(found))
            }
            Self::Unnamed(expected) => {
                write!(out, "it names no repository, and the trust policy wants `{expected}` named")
            }
            Self::Key { hint: Some(hint) } => {
                write!(out, "no key that may sign made it (it says that the key `{}` did)", Quoted(hint))
            }
            Self::Key { hint: None } => write!(out, "no key that may sign made it"),
            Self::NoIdentities => write!(out, "it is by a certificate, and the trust policy lets no identity sign"),
            Self::Certificate(why) => write!(out, "its certificate is not believed: {}", Quoted(why)),
            Self::Identity { issuer, subject } => {
                write!(out, "it is by `{}` of `{}`, who may not sign", Quoted(subject), Quoted(issuer))
            }
            Self::NotEntitled { signer, predicate } => {
                write!(out, "it is by `{signer}`, who may not sign `{}` here", Quoted(predicate))
            }
            Self::Unreadable(why) => write!(out, "it cannot be read: {}", Quoted(why)),
        }
    }
}

/// Text from outside, without what does things to terminals, and not too long.
struct Quoted<'a>(&'a str);

impl fmt::Display for Quoted<'_> {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        const LONGEST: usize = 200;
        let first: String = self.0.chars().take(LONGEST).collect();
        out.write_str(&visible(&first))?;
        if self.0.chars().nth(LONGEST).is_some() { out.write_str("…") } else { Ok(()) }
    }
}

/// A signature or attestation that does not count.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rejected {
    /// What it is called: the digest of the manifest that holds it.
    pub origin: String,
    /// Why it does not count.
    pub problem: Problem,
}

/// Why a digest is not trusted.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub struct Refusal {
    /// What is refused.
    pub target: Target,
    /// Which check failed.
    pub reason: Reason,
    /// What was there and does not count.
    pub rejected: Vec<Rejected>,
    /// What would satisfy the check.
    pub remedy: String,
}

/// Which check failed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Reason {
    /// There is no trust policy.
    #[error("there is no trust policy, and nothing from a registry is believed without one")]
    NoPolicy,
    /// No entry of the trust policy is about the repository.
    #[error("no entry of the trust policy {0} matches the repository")]
    NoEntry(String),
    /// Too few have signed.
    #[error("it has {counted} of {needed} signatures that count")]
    Signatures {
        /// How many signers.
        counted: usize,
        /// How many it takes.
        needed: usize,
    },
    /// An attestation is missing.
    #[error("it has no attestation `{0}` that counts")]
    Attestation(String),
}

/// How many of the rejected are shown.
const SHOWN: usize = 5;

impl fmt::Display for Refusal {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "{} is refused: {}", Visible(&self.target), Visible(&self.reason))?;
        for rejected in self.rejected.iter().take(SHOWN) {
            write!(out, "\n  {}: {}", Visible(&rejected.origin), Visible(&rejected.problem))?;
        }
        if let Some(more @ 1..) = self.rejected.len().checked_sub(SHOWN) {
            write!(out, "\n  and {more} more that do not count")?;
        }
        write!(out, "\n  needed: {}", Visible(&self.remedy))
    }
}
