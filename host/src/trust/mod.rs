//! Who may be believed: keys, signatures, attestations and the trust policy, as functions over bytes. Nothing here
//! asks a network.
//!
//! ```text
//! trust policy ─► demand for a repository ─► check ◄─ evidence: sigstore bundles, older signatures
//!                                              └────► verified, or a refusal that says what is missing
//! ```

mod check;
mod file;
mod identity;
mod key;
mod key_file;
mod pattern;
mod policy;
mod refusal;
mod ring_provider;
mod sigstore_bundle;
mod simple_signing;
mod statement;
mod target;
#[cfg(test)]
mod tests;

pub use check::{Check, Evidence, MAX_EVIDENCE, Verified};
pub use file::read_bounded;
pub use key::{KeyError, MAX_KEY_FILE_BYTES, PrivateKey, PublicKey};
pub use key_file::{EncryptedKey, KeyFile, KeyFileError};
pub use pattern::{Pattern, PatternError};
pub use policy::{Demand, PolicyError, Requirement, Signer, TrustPolicy};
pub use refusal::{Problem, Reason, Refusal, Rejected};
pub use sigstore_bundle::{BUNDLE_MEDIA_TYPE, MAX_BUNDLE_BYTES, sign as sign_statement};
pub use simple_signing::{
    MAX_PAYLOAD_BYTES, PAYLOAD_MEDIA_TYPE, SIGNATURE_ANNOTATION, SimpleSignature, sign as sign_simply,
};
pub use statement::{NAMED_PREDICATES, SIGNATURE, predicate_type, write as write_statement};
pub use target::Target;
