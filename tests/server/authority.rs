//! A certificate authority for tests and benchmarks.

use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, ExtendedKeyUsagePurpose, IsCa, KeyPair};
use rustls::ClientConfig;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, pem::PemObject as _};
use std::path::Path;
use std::sync::Arc;

/// An authority, and what it signs.
pub struct Authority(CertifiedIssuer<'static, KeyPair>);

const WHY: &str = "invariant: certificates of this shape can be made";

impl Authority {
    pub fn new() -> Self {
        let mut params = CertificateParams::new(Vec::new()).expect(WHY);
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        Self(CertifiedIssuer::self_signed(params, KeyPair::generate().expect(WHY)).expect(WHY))
    }

    /// Certificate and key, PEM; expired ones ended in 2001.
    pub fn certificate(&self, usage: ExtendedKeyUsagePurpose, expired: bool) -> (String, String) {
        let mut params = CertificateParams::new(vec!["127.0.0.1".to_owned()]).expect(WHY);
        params.extended_key_usages = vec![usage];
        if expired {
            params.not_before = rcgen::date_time_ymd(2000, 1, 1);
            params.not_after = rcgen::date_time_ymd(2001, 1, 1);
        }
        let key = KeyPair::generate().expect(WHY);
        (params.signed_by(&key, &self.0).expect(WHY).pem(), key.serialize_pem())
    }

    /// Writes `ca.pem`, `server.pem` and `server.key`.
    pub fn write_server_files(&self, directory: &Path) {
        let (certificate, key) = self.certificate(ExtendedKeyUsagePurpose::ServerAuth, false);
        for (name, text) in [("ca.pem", &self.0.pem()), ("server.pem", &certificate), ("server.key", &key)] {
            std::fs::write(directory.join(name), text).expect("invariant: the directory is ours");
        }
    }

    /// A client that trusts this authority, with a certificate of `own`.
    pub fn client(&self, own: Option<&Authority>) -> Arc<ClientConfig> {
        let identity = own.map(|own| own.certificate(ExtendedKeyUsagePurpose::ClientAuth, false));
        self.client_with(identity, &[&rustls::version::TLS13])
    }

    /// A client that trusts this authority, with a certificate and key, and versions of TLS.
    pub fn client_with(
        &self,
        identity: Option<(String, String)>,
        versions: &[&'static rustls::SupportedProtocolVersion],
    ) -> Arc<ClientConfig> {
        let mut roots = rustls::RootCertStore::empty();
        roots.add(CertificateDer::from_pem_slice(self.0.pem().as_bytes()).expect(WHY)).expect(WHY);
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let builder = ClientConfig::builder_with_provider(provider)
            .with_protocol_versions(versions)
            .expect(WHY)
            .with_root_certificates(roots);
        let config = match identity {
            None => builder.with_no_client_auth(),
            Some((certificate, key)) => {
                let chain = vec![CertificateDer::from_pem_slice(certificate.as_bytes()).expect(WHY)];
                let key = PrivateKeyDer::from_pem_slice(key.as_bytes()).expect(WHY);
                builder.with_client_auth_cert(chain, key).expect(WHY)
            }
        };
        Arc::new(config)
    }
}
