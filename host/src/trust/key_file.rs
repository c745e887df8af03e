//! Private keys at rest: cosign's encrypted form, read and written, and plain PKCS#8, read.
//!
//! The form is that of go-securesystemslib's `encrypted`: PEM around JSON around a NaCl secret box (XSalsa20 and
//! Poly1305) whose key is scrypt of the passphrase.

use super::key::{MAX_KEY_FILE_BYTES, PrivateKey};
use crate::visible::visible;
use base64::prelude::{BASE64_STANDARD, Engine as _};
use crypto_secretbox::aead::{Aead as _, KeyInit as _};
use crypto_secretbox::{Key, Nonce, XSalsa20Poly1305};
use p256::pkcs8::der::pem::{self, LineEnding};
use serde::{Deserialize, Serialize};
use zeroize::Zeroizing;

const LABEL: &str = "ENCRYPTED SIGSTORE PRIVATE KEY";
/// What cosign wrote before 2.0.
const OLD_LABEL: &str = "ENCRYPTED COSIGN PRIVATE KEY";
const PLAIN_LABEL: &str = "PRIVATE KEY";

const SALT_BYTES: usize = 32;
const NONCE_BYTES: usize = 24;
const LOG_N: u8 = 16;
/// What a key file may ask for, as cosign has it: each costs 32, 64 or 128 MiB of memory and less than a second. A
/// hostile file could otherwise ask for anything.
const LOG_NS: [u8; 3] = [15, LOG_N, 17];
const BLOCK: u32 = 8;
const PARALLEL: u32 = 1;

/// Why a private key cannot be had from a file.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub enum KeyFileError {
    /// More than any key has.
    #[error("it is longer than {MAX_KEY_FILE_BYTES} bytes, so it is no key")]
    TooLarge,
    /// Not PEM.
    #[error("it is no PEM, which begins with `-----BEGIN {LABEL}-----`")]
    NoPem,
    /// PEM of something else.
    #[error("it holds a `{0}`, and no `{LABEL}`")]
    Label(String),
    /// The JSON is not what it should be.
    #[error("the encrypted key is malformed: {0}")]
    Malformed(String),
    /// Another algorithm than cosign's.
    #[error("the key is encrypted by `{0}`, and not by `scrypt` and `nacl/secretbox`")]
    Algorithm(String),
    /// Parameters that would cost anything.
    #[error("scrypt is asked for N={n}, r={r}, p={p}; known are N=32768, 65536 and 131072 with r=8, p=1")]
    Parameters {
        /// Cost.
        n: u64,
        /// Block size.
        r: u64,
        /// Parallelism.
        p: u64,
    },
    /// It does not open.
    #[error("the passphrase is wrong, or the file was changed")]
    Passphrase,
    /// It opens, and is something else.
    #[error("it is no ECDSA key on P-256 in PKCS#8")]
    NoKey,
}

/// A key as a file has it.
pub enum KeyFile {
    /// Encrypted: [`EncryptedKey::open`] needs a passphrase.
    Encrypted(EncryptedKey),
    /// In the clear.
    Plain(PrivateKey),
}

/// A key that needs a passphrase.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct EncryptedKey {
    kdf: Kdf,
    cipher: Cipher,
    ciphertext: String,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Kdf {
    name: String,
    params: Parameters,
    salt: String,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Parameters {
    #[serde(rename = "N")]
    n: u64,
    r: u64,
    p: u64,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Cipher {
    name: String,
    nonce: String,
}

impl KeyFile {
    /// Reads a private key's file.
    ///
    /// # Errors
    /// Says what the file is not.
    pub fn read(text: &[u8]) -> Result<Self, KeyFileError> {
        if text.len() > MAX_KEY_FILE_BYTES {
            return Err(KeyFileError::TooLarge);
        }
        let (label, der) = pem::decode_vec(text).map_err(|_| KeyFileError::NoPem)?;
        let der = Zeroizing::new(der);
        match label {
            LABEL | OLD_LABEL => {
                let malformed = |error: serde_json::Error| KeyFileError::Malformed(error.to_string());
                serde_json::from_slice(&der).map(Self::Encrypted).map_err(malformed)
            }
            PLAIN_LABEL => PrivateKey::from_pkcs8(&der).map(Self::Plain).ok_or(KeyFileError::NoKey),
            label => Err(KeyFileError::Label(label.to_owned())),
        }
    }
}

impl EncryptedKey {
    /// Encrypts a key; the text is what the file is to hold.
    ///
    /// # Errors
    /// When the system has no randomness.
    pub fn seal(key: &PrivateKey, passphrase: &[u8]) -> std::io::Result<String> {
        let (mut salt, mut nonce) = ([0; SALT_BYTES], [0; NONCE_BYTES]);
        getrandom::fill(&mut salt).map_err(std::io::Error::other)?;
        getrandom::fill(&mut nonce).map_err(std::io::Error::other)?;
        let ciphertext = secret_box(passphrase, &salt, LOG_N)
            .encrypt(Nonce::from_slice(&nonce), key.to_pkcs8().as_slice())
            .map_err(|_| std::io::Error::other("the key cannot be encrypted"))?;
        let sealed = Self {
            kdf: Kdf {
                name: "scrypt".to_owned(),
                params: Parameters { n: 1 << LOG_N, r: BLOCK.into(), p: PARALLEL.into() },
                salt: BASE64_STANDARD.encode(salt),
            },
            cipher: Cipher { name: "nacl/secretbox".to_owned(), nonce: BASE64_STANDARD.encode(nonce) },
            ciphertext: BASE64_STANDARD.encode(ciphertext),
        };
        let json = serde_json::to_vec(&sealed)?;
        pem::encode_string(LABEL, LineEnding::LF, &json).map_err(std::io::Error::other)
    }

    /// Decrypts the key.
    ///
    /// # Errors
    /// When the file asks for anything unusual, the passphrase is wrong, or it holds another key than ours.
    pub fn open(&self, passphrase: &[u8]) -> Result<PrivateKey, KeyFileError> {
        for (name, expected) in [(&self.kdf.name, "scrypt"), (&self.cipher.name, "nacl/secretbox")] {
            if name != expected {
                return Err(KeyFileError::Algorithm(visible(name).chars().take(64).collect()));
            }
        }
        let Parameters { n, r, p } = self.kdf.params;
        let known = LOG_NS.into_iter().find(|log_n| (1 << log_n, BLOCK.into(), PARALLEL.into()) == (n, r, p));
        let log_n = known.ok_or(KeyFileError::Parameters { n, r, p })?;
        let salt = bytes("salt", &self.kdf.salt)?;
        let nonce: [u8; NONCE_BYTES] = bytes("nonce", &self.cipher.nonce)?
            .try_into()
            .map_err(|_| KeyFileError::Malformed(format!("the nonce has not {NONCE_BYTES} bytes")))?;
        let ciphertext = bytes("ciphertext", &self.ciphertext)?;
        let plain = secret_box(passphrase, &salt, log_n)
            .decrypt(Nonce::from_slice(&nonce), ciphertext.as_slice())
            .map(Zeroizing::new)
            .map_err(|_| KeyFileError::Passphrase)?;
        PrivateKey::from_pkcs8(&plain).ok_or(KeyFileError::NoKey)
    }
}

fn bytes(field: &str, text: &str) -> Result<Vec<u8>, KeyFileError> {
    BASE64_STANDARD.decode(text).map_err(|error| KeyFileError::Malformed(format!("`{field}`: {error}")))
}

fn secret_box(passphrase: &[u8], salt: &[u8], log_n: u8) -> XSalsa20Poly1305 {
    let mut key = Zeroizing::new([0; 32]);
    let parameters = scrypt::Params::new(log_n, BLOCK, PARALLEL).expect("invariant: constants that scrypt takes");
    scrypt::scrypt(passphrase, salt, &parameters, key.as_mut()).expect("invariant: 32 bytes are a length");
    XSalsa20Poly1305::new(Key::from_slice(key.as_ref()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn encrypted(text: &[u8]) -> EncryptedKey {
        match KeyFile::read(text) {
            Ok(KeyFile::Encrypted(key)) => key,
            Ok(KeyFile::Plain(_)) => panic!("plain"),
            Err(error) => panic!("{error}"),
        }
    }

    fn refused(text: &[u8]) -> KeyFileError {
        KeyFile::read(text).err().unwrap()
    }

    fn reason(result: Result<PrivateKey, KeyFileError>) -> KeyFileError {
        result.err().unwrap()
    }

    #[test]
    fn a_sealed_key_opens_with_its_passphrase_alone() {
        let key = PrivateKey::generate().unwrap();
        let text = EncryptedKey::seal(&key, b"correct horse").unwrap();
        assert!(text.starts_with("-----BEGIN ENCRYPTED SIGSTORE PRIVATE KEY-----\n"));
        let sealed = encrypted(text.as_bytes());
        assert!(sealed.open(b"correct horse").unwrap().public() == key.public());
        assert_eq!(reason(sealed.open(b"battery staple")), KeyFileError::Passphrase);
        let old = text.replace("SIGSTORE", "COSIGN");
        assert!(encrypted(old.as_bytes()).open(b"correct horse").is_ok());
    }

    #[test]
    fn plain_keys_are_read() {
        let key = PrivateKey::generate().unwrap();
        let text = pem::encode_string(PLAIN_LABEL, LineEnding::LF, &key.to_pkcs8()).unwrap();
        let Ok(KeyFile::Plain(read)) = KeyFile::read(text.as_bytes()) else { panic!("it is plain") };
        assert!(read.public() == key.public());
    }

    #[test]
    fn a_hostile_file_costs_nothing() {
        let sealed = |change: &dyn Fn(&mut serde_json::Value)| {
            let mut value = serde_json::json!({
                "kdf": {"name": "scrypt", "params": {"N": 65536, "r": 8, "p": 1}, "salt": ""},
                "cipher": {"name": "nacl/secretbox", "nonce": BASE64_STANDARD.encode([0; NONCE_BYTES])},
                "ciphertext": "",
            });
            change(&mut value);
            pem::encode_string(LABEL, LineEnding::LF, value.to_string().as_bytes()).unwrap()
        };
        let open = |change: &dyn Fn(&mut serde_json::Value)| reason(encrypted(sealed(change).as_bytes()).open(b""));
        let asked = open(&|key| key["kdf"]["params"]["N"] = (1_u64 << 40).into());
        assert_eq!(asked, KeyFileError::Parameters { n: 1 << 40, r: 8, p: 1 });
        let asked = open(&|key| key["kdf"]["params"]["p"] = 1000.into());
        assert_eq!(asked, KeyFileError::Parameters { n: 65536, r: 8, p: 1000 });
        assert_eq!(open(&|key| key["kdf"]["name"] = "none".into()), KeyFileError::Algorithm("none".into()));
        assert_eq!(open(&|key| key["cipher"]["name"] = "xor".into()), KeyFileError::Algorithm("xor".into()));
        assert!(matches!(open(&|key| key["cipher"]["nonce"] = "AA==".into()), KeyFileError::Malformed(_)));
        assert!(matches!(open(&|key| key["kdf"]["salt"] = "%".into()), KeyFileError::Malformed(_)));
        assert_eq!(open(&|_| ()), KeyFileError::Passphrase);
        assert!(matches!(refused(sealed(&|key| key["more"] = 1.into()).as_bytes()), KeyFileError::Malformed(_)));

        assert_eq!(refused(b"rubbish"), KeyFileError::NoPem);
        assert_eq!(refused(&[0; MAX_KEY_FILE_BYTES + 1]), KeyFileError::TooLarge);
        let other = pem::encode_string("PUBLIC KEY", LineEnding::LF, b"x").unwrap();
        assert_eq!(refused(other.as_bytes()), KeyFileError::Label("PUBLIC KEY".into()));
    }
}
