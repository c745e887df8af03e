//! Certificates: read from PEM files, and again when they change.

use super::config::{ClientCertificates, Config, TlsVersion};
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::server::WebPkiClientVerifier;
use rustls::{RootCertStore, ServerConfig};
use std::path::Path;
use std::sync::Arc;

/// Why certificates are refused.
#[derive(Debug, thiserror::Error)]
#[error("{field}: {path}: {reason}")]
pub struct TlsError {
    field: &'static str,
    path: String,
    reason: String,
}

/// What a TLS handshake is made with.
pub(super) struct Certificates {
    pub(super) config: Arc<ServerConfig>,
    /// Certificates by what they are, with the seconds since 1970 when they expire.
    pub(super) expiry: Vec<(&'static str, i64)>,
}

impl Certificates {
    /// Reads what the configuration names; `None` where it names nothing.
    pub(super) fn load(config: &Config) -> Result<Option<Arc<Self>>, TlsError> {
        let (Some(certificate), Some(key)) = (&config.tls.certificate, &config.tls.key) else { return Ok(None) };
        let chain = read_certificates("tls.certificate", certificate)?;
        let mut expiry = vec![("server", expiry("tls.certificate", certificate, &chain)?)];
        let failed = |field, path: &Path, reason: String| TlsError { field, path: shown(path), reason };
        let pem = read_pem("tls.key", key)?;
        let key_der = PrivateKeyDer::from_pem_slice(&pem).map_err(|error| failed("tls.key", key, error.to_string()))?;
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let versions: &[&rustls::SupportedProtocolVersion] = match config.tls.minimum {
            TlsVersion::V1_2 => &[&rustls::version::TLS13, &rustls::version::TLS12],
            TlsVersion::V1_3 => &[&rustls::version::TLS13],
        };
        let builder = ServerConfig::builder_with_provider(Arc::clone(&provider))
            .with_protocol_versions(versions)
            .map_err(|error| failed("tls.minimum", certificate, error.to_string()))?;
        let mode = config.client_certificates();
        let builder = match &config.tls.client_authorities {
            Some(path) if mode != ClientCertificates::None => {
                let authorities = read_certificates("tls.clientAuthorities", path)?;
                expiry.push(("client-authority", self::expiry("tls.clientAuthorities", path, &authorities)?));
                let mut roots = RootCertStore::empty();
                for authority in authorities {
                    roots.add(authority).map_err(|error| failed("tls.clientAuthorities", path, error.to_string()))?;
                }
                let verifier = WebPkiClientVerifier::builder_with_provider(Arc::new(roots), provider);
                // Where only some endpoints ask for one, the endpoint checks that there was one.
                let verifier = match mode {
                    ClientCertificates::All => verifier,
                    _ => verifier.allow_unauthenticated(),
                };
                let verifier =
                    verifier.build().map_err(|error| failed("tls.clientAuthorities", path, error.to_string()))?;
                builder.with_client_cert_verifier(verifier)
            }
            _ => builder.with_no_client_auth(),
        };
        let mut config = builder
            .with_single_cert(chain, key_der)
            .map_err(|error| failed("tls.key", key, format!("it does not fit the certificate: {error}")))?;
        config.alpn_protocols = vec![b"http/1.1".to_vec()];
        Ok(Some(Arc::new(Self { config: Arc::new(config), expiry })))
    }
}

fn shown(path: &Path) -> String {
    path.display().to_string()
}

/// Bytes of a PEM file: a bundle of all public authorities has a fifth.
const PEM_BYTES: usize = 1 << 20;

/// A PEM file; it may hold a key, and is wiped from memory.
fn read_pem(field: &'static str, path: &Path) -> Result<zeroize::Zeroizing<Vec<u8>>, TlsError> {
    crate::trust::read_bounded(path, PEM_BYTES).map_err(|error| TlsError {
        field,
        path: shown(path),
        reason: error.to_string(),
    })
}

fn read_certificates(field: &'static str, path: &Path) -> Result<Vec<CertificateDer<'static>>, TlsError> {
    let failed = |reason: String| TlsError { field, path: shown(path), reason };
    let pem = read_pem(field, path)?;
    let certificates: Vec<_> =
        CertificateDer::pem_slice_iter(&pem).collect::<Result<_, _>>().map_err(|error| failed(error.to_string()))?;
    if certificates.is_empty() {
        return Err(failed("it holds no certificate".to_owned()));
    }
    Ok(certificates)
}

/// When the first certificate of a chain that expires does.
fn expiry(field: &'static str, path: &Path, chain: &[CertificateDer<'_>]) -> Result<i64, TlsError> {
    let failed = |reason: String| TlsError { field, path: shown(path), reason };
    let mut earliest = i64::MAX;
    for certificate in chain {
        let (_, parsed) =
            x509_parser::parse_x509_certificate(certificate).map_err(|error| failed(error.to_string()))?;
        earliest = earliest.min(parsed.validity().not_after.timestamp());
    }
    Ok(earliest)
}
