//! Sigstore bundles v0.3 with a DSSE envelope: the form in which signatures and attestations are attached.
//!
//! What a bundle says of itself is not believed: it is parsed as far as it takes to check the signature, and its
//! payload only after that.

use super::key::PrivateKey;
use super::refusal::Problem;
use base64::prelude::{BASE64_STANDARD, Engine as _};
use serde::de::IgnoredAny;
use serde::{Deserialize, Serialize};

/// The most that a bundle may have: an SBOM of thousands of packages fits.
pub const MAX_BUNDLE_BYTES: usize = 4 << 20;

/// The media type of a bundle, of the layer that holds it and of the manifest around that.
pub const BUNDLE_MEDIA_TYPE: &str = "application/vnd.dev.sigstore.bundle.v0.3+json";
/// How the same version was written at first.
const OLD_MEDIA_TYPE: &str = "application/vnd.dev.sigstore.bundle+json;version=0.3";

/// What an envelope holds.
pub const PAYLOAD_TYPE: &str = "application/vnd.in-toto+json";

/// A bundle, parsed; nothing of it has been checked.
#[derive(Debug)]
pub struct Bundle {
    /// What it was made with, as it says.
    pub material: Material,
    /// What is signed.
    pub payload: Vec<u8>,
    /// What kind of thing is signed, which the signature covers.
    pub payload_type: String,
    /// The signature of [`Bundle::signed`].
    pub signature: Vec<u8>,
}

/// What a bundle was made with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Material {
    /// A key, with a hint at which.
    Key(String),
    /// A certificate, which names an identity.
    Certificate,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Wire {
    media_type: String,
    verification_material: WireMaterial,
    dsse_envelope: Option<WireEnvelope>,
    message_signature: Option<IgnoredAny>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct WireMaterial {
    public_key: Option<WireHint>,
    certificate: Option<IgnoredAny>,
    x509_certificate_chain: Option<IgnoredAny>,
    // What proves the time of a signature, which matters for certificates alone: those are checked by a library.
    #[serde(rename = "tlogEntries")]
    _tlog_entries: Option<IgnoredAny>,
    #[serde(rename = "timestampVerificationData")]
    _timestamp_verification_data: Option<IgnoredAny>,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct WireHint {
    #[serde(default)]
    hint: String,
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct WireEnvelope {
    payload: String,
    payload_type: String,
    signatures: Vec<WireSignature>,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct WireSignature {
    sig: String,
    #[serde(default, skip_serializing)]
    #[expect(dead_code, reason = "a hint that nobody needs, and that must not be an unknown field")]
    keyid: Option<String>,
}

impl Bundle {
    /// Parses a bundle.
    ///
    /// # Errors
    /// Names what is not as in a bundle v0.3 with an envelope.
    pub fn parse(bytes: &[u8]) -> Result<Self, Problem> {
        if bytes.len() > MAX_BUNDLE_BYTES {
            return Err(Problem::TooLarge { bytes: bytes.len(), bound: MAX_BUNDLE_BYTES });
        }
        let wire: Wire =
            serde_json::from_slice(bytes).map_err(|error| Problem::malformed(crate::plain::value(&error)))?;
        if ![BUNDLE_MEDIA_TYPE, OLD_MEDIA_TYPE].contains(&wire.media_type.as_str()) {
            return Err(Problem::MediaType(wire.media_type));
        }
        let material = match wire.verification_material {
            WireMaterial { public_key: Some(key), certificate: None, x509_certificate_chain: None, .. } => {
                Material::Key(key.hint)
            }
            WireMaterial { public_key: None, certificate: Some(_), x509_certificate_chain: None, .. }
            | WireMaterial { public_key: None, certificate: None, x509_certificate_chain: Some(_), .. } => {
                Material::Certificate
            }
            _ => return Err(Problem::malformed("it names not exactly one of a key and a certificate")),
        };
        let (Some(envelope), None) = (wire.dsse_envelope, wire.message_signature) else {
            return Err(Problem::malformed("it has no DSSE envelope"));
        };
        let Ok([signature]) = <[WireSignature; 1]>::try_from(envelope.signatures) else {
            return Err(Problem::malformed("its envelope has not exactly one signature"));
        };
        let decode = |field: &str, text: &str| {
            BASE64_STANDARD.decode(text).map_err(|error| Problem::malformed(format!("`{field}`: {error}")))
        };
        Ok(Self {
            material,
            payload: decode("payload", &envelope.payload)?,
            payload_type: envelope.payload_type,
            signature: decode("sig", &signature.sig)?,
        })
    }

    /// The bytes that the signature covers.
    pub fn signed(&self) -> Vec<u8> {
        pre_authentication_encoding(&self.payload_type, &self.payload)
    }
}

/// Signs an in-toto statement; the text is the bundle.
pub fn sign(key: &PrivateKey, statement: &[u8]) -> String {
    #[derive(Serialize)]
    #[serde(rename_all = "camelCase")]
    struct Out {
        media_type: &'static str,
        verification_material: OutMaterial,
        dsse_envelope: WireEnvelope,
    }
    #[derive(Serialize)]
    #[serde(rename_all = "camelCase")]
    struct OutMaterial {
        public_key: WireHint,
    }
    let signature = key.sign(&pre_authentication_encoding(PAYLOAD_TYPE, statement));
    let bundle = Out {
        media_type: BUNDLE_MEDIA_TYPE,
        verification_material: OutMaterial { public_key: WireHint { hint: key.public().hint() } },
        dsse_envelope: WireEnvelope {
            payload: BASE64_STANDARD.encode(statement),
            payload_type: PAYLOAD_TYPE.to_owned(),
            signatures: vec![WireSignature { sig: BASE64_STANDARD.encode(signature), keyid: None }],
        },
    };
    serde_json::to_string(&bundle).expect("invariant: text is JSON")
}

/// What DSSE signs: type and payload, each with its length before it, so that neither can pass for the other.
fn pre_authentication_encoding(payload_type: &str, payload: &[u8]) -> Vec<u8> {
    let mut out = format!("DSSEv1 {} {payload_type} {} ", payload_type.len(), payload.len()).into_bytes();
    out.extend_from_slice(payload);
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::{Value, json};

    #[test]
    fn the_encoding_is_that_of_the_specification() {
        // The example of the DSSE specification.
        let encoded = pre_authentication_encoding("http://example.com/HelloWorld", b"hello world");
        assert_eq!(encoded, b"DSSEv1 29 http://example.com/HelloWorld 11 hello world");
    }

    #[test]
    fn what_is_signed_is_read_again() {
        let key = PrivateKey::generate().unwrap();
        let bundle = Bundle::parse(sign(&key, b"{}").as_bytes()).unwrap();
        assert_eq!(bundle.material, Material::Key(key.public().hint()));
        assert_eq!((bundle.payload.as_slice(), bundle.payload_type.as_str()), (&b"{}"[..], PAYLOAD_TYPE));
        assert!(key.public().verifies(&bundle.signed(), &bundle.signature));
    }

    #[test]
    fn other_forms_are_refused() {
        let good: Value = serde_json::from_str(&sign(&PrivateKey::generate().unwrap(), b"{}")).unwrap();
        let signature = good["dsseEnvelope"]["signatures"][0].clone();
        type Change<'a> = &'a dyn Fn(&mut Value);
        let cases: [(Change<'_>, &str); 8] = [
            (&|bundle| bundle["mediaType"] = "text/plain".into(), "its media type is `text/plain`"),
            (&|bundle| bundle["verificationMaterial"] = json!({}), "not exactly one of a key and a certificate"),
            (
                &|bundle| bundle["verificationMaterial"]["certificate"] = json!({}),
                "not exactly one of a key and a certificate",
            ),
            (&|bundle| drop(bundle.as_object_mut().unwrap().remove("dsseEnvelope")), "it has no DSSE envelope"),
            (&|bundle| bundle["messageSignature"] = json!({}), "it has no DSSE envelope"),
            (
                &|bundle| bundle["dsseEnvelope"]["signatures"] = json!([signature, signature]),
                "not exactly one signature",
            ),
            (&|bundle| bundle["dsseEnvelope"]["payload"] = "e30".into(), "`payload`: "),
            (&|bundle| bundle["more"] = 1.into(), "there is no field `more` here"),
        ];
        for (change, expected) in cases {
            let mut bundle = good.clone();
            change(&mut bundle);
            let problem = Bundle::parse(bundle.to_string().as_bytes()).unwrap_err().to_string();
            assert!(problem.contains(expected), "{expected}: {problem}");
        }
        let twice = good.to_string().replacen('{', r#"{"dsseEnvelope":null,"#, 1);
        assert!(
            Bundle::parse(twice.as_bytes()).unwrap_err().to_string().contains("the field `dsseEnvelope` stands twice")
        );
        let deep = "[".repeat(10_000);
        assert!(matches!(Bundle::parse(deep.as_bytes()), Err(Problem::Malformed(_))));
        let giant = vec![b' '; MAX_BUNDLE_BYTES + 1];
        assert!(matches!(Bundle::parse(&giant), Err(Problem::TooLarge { .. })));
    }
}
