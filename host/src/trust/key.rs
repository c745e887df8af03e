//! Keys: what signs, and what a signature is checked with.

use crate::digest::Digest;
use base64::prelude::{BASE64_STANDARD, Engine as _};
use p256::ecdsa::signature::{Signer as _, Verifier as _};
use p256::ecdsa::{DerSignature, Signature, SigningKey, VerifyingKey};
use p256::elliptic_curve::Generate as _;
use p256::pkcs8::der::pem::{self, LineEnding};
use p256::pkcs8::{DecodePrivateKey as _, DecodePublicKey as _, EncodePrivateKey as _, EncodePublicKey as _};
use std::fmt;
use zeroize::Zeroizing;

/// The most that a key file may have: an RSA key of 16,384 bits, which is not one of ours, fits.
pub const MAX_KEY_FILE_BYTES: usize = 64 << 10;

const PUBLIC_LABEL: &str = "PUBLIC KEY";

/// What comes before the 32 bytes of an Ed25519 key in its DER form (RFC 8410); there is only this one form.
const ED25519_PREFIX: [u8; 12] = [0x30, 0x2a, 0x30, 0x05, 0x06, 0x03, 0x2b, 0x65, 0x70, 0x03, 0x21, 0x00];

/// Why a public key is refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum KeyError {
    /// Not PEM, or PEM of something else.
    #[error("it is no public key in PEM (`-----BEGIN PUBLIC KEY-----`)")]
    NoPublicKey,
    /// PEM of a private key.
    #[error("it holds a private key; `policy-host key public` writes the public one")]
    PrivateKey,
    /// A key of a kind that we do not know.
    #[error("it is neither an ECDSA key on P-256 nor an Ed25519 key")]
    Algorithm,
}

/// A public key, ECDSA on P-256 or Ed25519.
#[derive(Clone, PartialEq, Eq)]
pub struct PublicKey {
    kind: Kind,
    /// The SubjectPublicKeyInfo in DER, which names the key.
    spki: Vec<u8>,
}

#[derive(Clone, PartialEq, Eq)]
enum Kind {
    P256(Box<VerifyingKey>),
    Ed25519([u8; 32]),
}

impl PublicKey {
    /// Reads PEM, as `cosign.pub` has it.
    ///
    /// # Errors
    /// Says what the text is not.
    pub fn from_pem(text: &[u8]) -> Result<Self, KeyError> {
        if text.len() > MAX_KEY_FILE_BYTES {
            return Err(KeyError::NoPublicKey);
        }
        match pem::decode_vec(text) {
            Ok((PUBLIC_LABEL, der)) => Self::from_spki(&der),
            Ok((label, der)) => {
                // It may be a secret that somebody put into the wrong place.
                drop(Zeroizing::new(der));
                Err(if label.ends_with("PRIVATE KEY") { KeyError::PrivateKey } else { KeyError::NoPublicKey })
            }
            Err(_) => Err(KeyError::NoPublicKey),
        }
    }

    fn from_spki(der: &[u8]) -> Result<Self, KeyError> {
        if let Some(key) = der.strip_prefix(&ED25519_PREFIX) {
            let key = key.try_into().map_err(|_| KeyError::Algorithm)?;
            return Ok(Self { kind: Kind::Ed25519(key), spki: der.to_owned() });
        }
        let key = VerifyingKey::from_public_key_der(der).map_err(|_| KeyError::Algorithm)?;
        Ok(key.into())
    }

    /// The key in PEM.
    pub fn to_pem(&self) -> String {
        pem::encode_string(PUBLIC_LABEL, LineEnding::LF, &self.spki).expect("invariant: a short key is encodable")
    }

    /// How sigstore's bundles hint at the key that made them: base64 of the SHA-256 of its DER form.
    pub fn hint(&self) -> String {
        BASE64_STANDARD.encode(Digest::of(&self.spki).bytes())
    }

    /// Whether this key made the signature of a message: ECDSA over SHA-256 in DER, or Ed25519.
    pub fn verifies(&self, message: &[u8], signature: &[u8]) -> bool {
        match &self.kind {
            Kind::P256(key) => {
                Signature::from_der(signature).is_ok_and(|signature| key.verify(message, &signature).is_ok())
            }
            Kind::Ed25519(key) => {
                let key = ring::signature::UnparsedPublicKey::new(&ring::signature::ED25519, key);
                key.verify(message, signature).is_ok()
            }
        }
    }
}

impl From<VerifyingKey> for PublicKey {
    fn from(key: VerifyingKey) -> Self {
        let spki = key.to_public_key_der().expect("invariant: a point on the curve is encodable").into_vec();
        Self { kind: Kind::P256(Box::new(key)), spki }
    }
}

impl fmt::Debug for PublicKey {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_tuple("PublicKey").field(&self.hint()).finish()
    }
}

/// A private key, ECDSA on P-256: what cosign signs with. It is wiped from memory when dropped, and has no `Debug`.
pub struct PrivateKey(SigningKey);

impl PrivateKey {
    /// A new key from the system's randomness.
    ///
    /// # Errors
    /// When the system has none.
    pub fn generate() -> std::io::Result<Self> {
        SigningKey::try_generate().map(Self).map_err(std::io::Error::other)
    }

    /// Reads PKCS#8 in DER; `None` when it is something else or a key of another kind.
    pub fn from_pkcs8(der: &[u8]) -> Option<Self> {
        SigningKey::from_pkcs8_der(der).ok().map(Self)
    }

    /// The key as PKCS#8 in DER.
    pub fn to_pkcs8(&self) -> Zeroizing<Vec<u8>> {
        let document = self.0.to_pkcs8_der().expect("invariant: a scalar is encodable");
        Zeroizing::new(document.as_bytes().to_owned())
    }

    /// Its public half.
    pub fn public(&self) -> PublicKey {
        (*self.0.verifying_key()).into()
    }

    /// Signs a message: ECDSA over SHA-256, in DER. The same message has the same signature (RFC 6979), so that
    /// signing again changes nothing in a registry.
    pub fn sign(&self, message: &[u8]) -> Vec<u8> {
        let signature: DerSignature = self.0.sign(message);
        signature.as_bytes().to_owned()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_key_signs_its_public_half_verifies() {
        let (key, other) = (PrivateKey::generate().unwrap(), PrivateKey::generate().unwrap());
        let signature = key.sign(b"message");
        let public = PublicKey::from_pem(key.public().to_pem().as_bytes()).unwrap();
        assert!(public.verifies(b"message", &signature));
        assert!(!public.verifies(b"massage", &signature));
        assert!(!other.public().verifies(b"message", &signature));
        assert_eq!(signature, key.sign(b"message"));
        let again = PrivateKey::from_pkcs8(&key.to_pkcs8()).unwrap();
        assert_eq!(again.public(), public);
    }

    #[test]
    fn an_ed25519_key_verifies() {
        use ring::signature::{Ed25519KeyPair, KeyPair as _};
        let pair = Ed25519KeyPair::from_seed_unchecked(&[7; 32]).unwrap();
        let der = [&ED25519_PREFIX[..], pair.public_key().as_ref()].concat();
        let key = PublicKey::from_pem(pem::encode_string(PUBLIC_LABEL, LineEnding::LF, &der).unwrap().as_bytes());
        assert!(key.unwrap().verifies(b"message", pair.sign(b"message").as_ref()));
        assert_eq!(PublicKey::from_spki(&der[..40]), Err(KeyError::Algorithm));
    }

    #[test]
    fn what_is_no_public_key_is_refused() {
        let private = pem::encode_string("PRIVATE KEY", LineEnding::LF, b"secret").unwrap();
        assert_eq!(PublicKey::from_pem(private.as_bytes()), Err(KeyError::PrivateKey));
        let certificate = pem::encode_string("CERTIFICATE", LineEnding::LF, b"other").unwrap();
        assert_eq!(PublicKey::from_pem(certificate.as_bytes()), Err(KeyError::NoPublicKey));
        let rubbish = pem::encode_string(PUBLIC_LABEL, LineEnding::LF, b"rubbish").unwrap();
        assert_eq!(PublicKey::from_pem(rubbish.as_bytes()), Err(KeyError::Algorithm));
        assert_eq!(PublicKey::from_pem(b""), Err(KeyError::NoPublicKey));
        assert_eq!(PublicKey::from_pem(&[b'-'; MAX_KEY_FILE_BYTES + 1]), Err(KeyError::NoPublicKey));
    }
}
