//! The older form of a signature: a JSON payload beside a signature of its bytes, under the tag `sha256-….sig`.

use super::key::PrivateKey;
use super::refusal::Problem;
use super::target::Target;
use base64::prelude::{BASE64_STANDARD, Engine as _};
use serde::de::IgnoredAny;
use serde::{Deserialize, Serialize};

/// The media type of a payload's layer.
pub const PAYLOAD_MEDIA_TYPE: &str = "application/vnd.dev.cosign.simplesigning.v1+json";
/// The layer's annotation that has the signature, base64.
pub const SIGNATURE_ANNOTATION: &str = "dev.cosignproject.cosign/signature";
/// The most that a payload may have.
pub const MAX_PAYLOAD_BYTES: usize = 64 << 10;

const TYPE: &str = "cosign container image signature";

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Payload {
    critical: Critical,
    // What the signer liked to add.
    #[serde(rename = "optional")]
    _optional: Option<IgnoredAny>,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Critical {
    identity: Identity,
    image: Image,
    #[serde(rename = "type")]
    kind: String,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Identity {
    #[serde(rename = "docker-reference")]
    docker_reference: String,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Image {
    #[serde(rename = "docker-manifest-digest")]
    docker_manifest_digest: String,
}

/// A payload with its signature, base64.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SimpleSignature {
    /// What is signed.
    pub payload: Vec<u8>,
    /// Its signature.
    pub signature: String,
}

/// Signs a target.
pub fn sign(key: &PrivateKey, target: &Target) -> SimpleSignature {
    #[derive(Serialize)]
    struct Out {
        critical: Critical,
        optional: Option<()>,
    }
    let critical = Critical {
        identity: Identity { docker_reference: target.repository().to_owned() },
        image: Image { docker_manifest_digest: target.digest().to_owned() },
        kind: TYPE.to_owned(),
    };
    let payload = serde_json::to_vec(&Out { critical, optional: None }).expect("invariant: text is JSON");
    let signature = BASE64_STANDARD.encode(key.sign(&payload));
    SimpleSignature { payload, signature }
}

/// Checks what a payload, whose signature was checked, says.
///
/// # Errors
/// When it is something else than a signature of the target.
pub fn check_payload(payload: &[u8], target: &Target) -> Result<(), Problem> {
    let payload: Payload = serde_json::from_slice(payload)
        .map_err(|error| Problem::malformed(format!("the payload: {}", crate::plain::value(&error))))?;
    let Critical { identity, image, kind } = payload.critical;
    if kind != TYPE {
        return Err(Problem::malformed(format!("the payload is a `{kind}`, and no `{TYPE}`")));
    }
    if image.docker_manifest_digest != target.digest() {
        return Err(Problem::Digest(Some(image.docker_manifest_digest)));
    }
    if !target.is_repository(&identity.docker_reference) {
        let expected = target.repository().to_owned();
        return Err(Problem::Repository { found: identity.docker_reference, expected });
    }
    Ok(())
}
