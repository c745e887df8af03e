//! Identities: certificates for a moment, of an authority that checked who asked, in a log that everybody can read.
//!
//! What is checked is all of what sigstore checks, offline, against a `trusted_root.json` that the user provides:
//! the chain to the authority, the certificate's entry in the transparency log, the signature's entry in the log and
//! its time within the certificate's, and that all of them are about this signature.

use super::ring_provider;
use sigstore_verify::trust_root::TrustedRoot as Root;
use sigstore_verify::types::{Bundle, Sha256Hash};
use sigstore_verify::{VerificationPolicy, Verifier};
use std::fmt;
use std::sync::Arc;

/// The authorities and logs that are believed.
pub struct TrustedRoot(Verifier);

/// Who a certificate says that it is for.
pub struct Claims {
    /// Who vouched for the name to the authority.
    pub issuer: String,
    /// The name.
    pub subject: String,
}

/// Somebody who may sign.
pub struct Identity {
    root: Arc<TrustedRoot>,
    issuer: String,
    subject: Subject,
}

enum Subject {
    Exact(String),
    /// What a `*` at the end leaves.
    Prefix(String),
}

impl TrustedRoot {
    /// Reads a `trusted_root.json`.
    ///
    /// # Errors
    /// Says what is wrong with it.
    pub fn parse(json: &[u8]) -> Result<Self, String> {
        ring_provider::install();
        let text = std::str::from_utf8(json).map_err(|error| error.to_string())?;
        let root = Root::from_json(text).map_err(|error| error.to_string())?;
        if root.certificate_authorities.is_empty() || root.tlogs.is_empty() {
            return Err("it has no certificate authority, or no transparency log".to_owned());
        }
        Verifier::new(&root).map(Self).map_err(|error| error.to_string())
    }

    /// Who made a bundle for a digest.
    ///
    /// # Errors
    /// When anything of it cannot be believed.
    pub fn claims(&self, bundle: &[u8], hex: &str) -> Result<Claims, String> {
        let bundle: Bundle = serde_json::from_slice(bundle).map_err(|error| crate::plain::value(&error))?;
        let digest = Sha256Hash::from_hex(hex).map_err(|error| error.to_string())?;
        // Whoever it is: who may sign is compared by the caller.
        let result = self.0.verify(digest, &bundle, &VerificationPolicy::any_identity());
        let result = result.map_err(|error| error.to_string())?;
        if !(result.certificate_verified() && result.sct_verified() && result.tlog_verified()) {
            return Err("it was not checked in full".to_owned());
        }
        match (result.issuer(), result.identity()) {
            (Some(issuer), Some(subject)) => {
                Ok(Claims { issuer: issuer.to_owned(), subject: subject.as_str().to_owned() })
            }
            _ => Err("it names nobody".to_owned()),
        }
    }
}

impl Identity {
    /// An identity; a `*` at the end of `subject` stands for the rest.
    ///
    /// # Errors
    /// When it would be anybody, or has a `*` elsewhere.
    pub fn new(root: Arc<TrustedRoot>, issuer: &str, subject: &str) -> Result<Self, &'static str> {
        let (prefix, is_prefix) = subject.strip_suffix('*').map_or((subject, false), |prefix| (prefix, true));
        if issuer.is_empty() || prefix.is_empty() {
            return Err("issuer and subject say who it is, and cannot be empty or `*`");
        }
        if issuer.contains('*') || prefix.contains('*') {
            return Err("a `*` can only be at the end of the subject");
        }
        let subject = if is_prefix { Subject::Prefix(prefix.to_owned()) } else { Subject::Exact(prefix.to_owned()) };
        Ok(Self { root, issuer: issuer.to_owned(), subject })
    }

    /// Whether a certificate is theirs.
    pub fn is(&self, issuer: &str, subject: &str) -> bool {
        let same = match &self.subject {
            Subject::Exact(exact) => subject == exact,
            Subject::Prefix(prefix) => subject.starts_with(prefix),
        };
        same && issuer == self.issuer
    }

    /// What vouches for it.
    pub fn root(&self) -> &TrustedRoot {
        &self.root
    }
}

impl fmt::Display for Identity {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.subject {
            Subject::Exact(subject) => write!(out, "{subject} of {}", self.issuer),
            Subject::Prefix(subject) => write!(out, "{subject}* of {}", self.issuer),
        }
    }
}

impl fmt::Debug for Identity {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "Identity({self})")
    }
}
