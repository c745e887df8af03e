//! Signatures and attestations, sent to where the signed manifest is.

use super::admit::{self, Admission, Candidate, Evidence};
use super::error::OciError;
use super::fetch::{Locking, Source};
use super::limits;
use super::model::{Descriptor, EMPTY_JSON, Manifest, media};
use super::reference::Reference;
use super::trusted::{PREDICATE_ANNOTATION, signature_tag};
use crate::digest::Digest;
use crate::trust::{self, BUNDLE_MEDIA_TYPE, PAYLOAD_MEDIA_TYPE, PrivateKey, SIGNATURE, SIGNATURE_ANNOTATION, Target};
use bytes::Bytes;
use serde::Deserialize;
use serde_json::json;
use serde_json::value::RawValue;

/// What is said of a manifest.
pub struct Claim<'c> {
    /// Its predicate type; [`SIGNATURE`] makes it a signature.
    pub predicate_type: &'c str,
    /// What is said.
    pub predicate: &'c RawValue,
}

/// What was attached, and where.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Attached {
    /// What was signed, with its digest.
    pub reference: Reference,
    /// The manifest that has the signature.
    pub manifest: Digest,
}

impl Source<'_> {
    /// Says something of what a reference stands for now, and attaches it as a sigstore bundle. Saying the same again
    /// changes nothing.
    ///
    /// # Errors
    /// When the registry does not have the manifest, or does not take the bundle.
    pub async fn attach(
        &self,
        reference: &Reference,
        claim: &Claim<'_>,
        key: &PrivateKey,
    ) -> Result<Attached, OciError> {
        let (reference, subject, target) = self.subject(reference).await?;
        let statement = trust::write_statement(&target, claim.predicate_type, claim.predicate);
        let bundle = Bytes::from(trust::sign_statement(key, &statement));
        if bundle.len() > trust::MAX_BUNDLE_BYTES {
            let (what, limit) = ("the signed statement".to_owned(), trust::MAX_BUNDLE_BYTES as u64);
            return Err(OciError::TooMuch { what, actual: bundle.len() as u64, unit: "bytes", limit });
        }
        let mut manifest =
            Manifest::new(Descriptor::of(media::EMPTY, EMPTY_JSON), vec![Descriptor::of(BUNDLE_MEDIA_TYPE, &bundle)]);
        manifest.artifact_type = Some(BUNDLE_MEDIA_TYPE.to_owned());
        manifest.subject = Some(subject);
        let annotations =
            [("dev.sigstore.bundle.content", "dsse-envelope"), (PREDICATE_ANNOTATION, claim.predicate_type)];
        manifest.annotations = annotations.map(|(key, value)| (key.to_owned(), value.to_owned())).into();
        let repository = &reference.repository;
        self.registry.push_blob(repository, &Bytes::from_static(EMPTY_JSON)).await?;
        self.registry.push_blob(repository, &bundle).await?;
        let manifest = self.registry.attach(repository, &Bytes::from(manifest.to_bytes())).await?;
        Ok(Attached { reference, manifest: manifest.digest })
    }

    /// Signs as programs before sigstore bundles expect it: under a tag, beside what others signed. Who signs at the
    /// same moment may lose, as with every tag.
    ///
    /// # Errors
    /// As [`Source::attach`].
    pub async fn sign_under_tag(&self, reference: &Reference, key: &PrivateKey) -> Result<Attached, OciError> {
        let (reference, subject, target) = self.subject(reference).await?;
        let (repository, tag) = (&reference.repository, signature_tag(subject.digest));
        let signature = trust::sign_simply(key, &target);
        let payload = Bytes::from(signature.payload);
        let layer = Descriptor::of(PAYLOAD_MEDIA_TYPE, &payload).with(SIGNATURE_ANNOTATION, signature.signature);
        let mut layers = match self.registry.tagged(repository, &tag).await? {
            Some((_, bytes)) => Manifest::parse(&bytes)?.layers,
            None => Vec::new(),
        };
        if !layers.contains(&layer) {
            layers.push(layer);
        }
        if layers.len() > limits::LAYERS {
            let (what, limit) = (format!("{repository}:{tag}"), limits::LAYERS as u64);
            return Err(OciError::TooMuch { what, actual: layers.len() as u64, unit: "signatures", limit });
        }
        // An image, for programs that know nothing else.
        let digests: Vec<Digest> = layers.iter().map(|layer| layer.digest).collect();
        let config = json!({
            "architecture": "", "os": "", "config": {}, "rootfs": {"type": "layers", "diff_ids": digests},
        });
        let config = Bytes::from(config.to_string());
        let manifest = Manifest::new(Descriptor::of("application/vnd.oci.image.config.v1+json", &config), layers);
        let manifest = Bytes::from(manifest.to_bytes());
        self.registry.push_blob(repository, &payload).await?;
        self.registry.push_blob(repository, &config).await?;
        self.registry.push_manifest(repository, media::MANIFEST, &manifest, Some(&tag)).await?;
        Ok(Attached { manifest: Digest::of(&manifest), reference })
    }

    /// Whether a reference may be used, without fetching what it leads to.
    ///
    /// # Errors
    /// When it may not, or cannot be asked for.
    pub async fn verify(&self, reference: &Reference) -> Result<(Reference, Admission), OciError> {
        let (reference, digest) = self.pinned(reference).await?;
        let repository = &reference.repository;
        let manifest = admit::manifest(self.registry, self.store, repository, digest).await?;
        let descriptor = described(&manifest)?;
        let evidence = Evidence { repository, subject: digest, registry: self.registry, store: self.store };
        let candidate = Candidate { reference: &reference, descriptor: &descriptor, manifest: &manifest, evidence };
        let admission = self.admit.admit(&candidate).await?;
        Ok((reference, admission))
    }

    /// What is signed: what the reference stands for at this moment.
    async fn subject(&self, reference: &Reference) -> Result<(Reference, Descriptor, Target), OciError> {
        let (reference, digest) = self.pinned(reference).await?;
        let manifest = self.registry.manifest(&reference.repository, digest).await?;
        let target = reference.repository.target(digest);
        Ok((reference, described(&manifest)?, target))
    }

    async fn pinned(&self, reference: &Reference) -> Result<(Reference, Digest), OciError> {
        let digest = self.resolve(reference, &Locking::None).await?;
        Ok((reference.pinned(digest), digest))
    }
}

impl Claim<'_> {
    /// A signature.
    pub fn signature() -> Claim<'static> {
        let predicate = serde_json::from_str("{}").expect("invariant: an empty object is JSON");
        Claim { predicate_type: SIGNATURE, predicate }
    }
}

/// The descriptor of a manifest or index, by its own word.
fn described(bytes: &[u8]) -> Result<Descriptor, OciError> {
    #[derive(Deserialize)]
    #[serde(rename_all = "camelCase")]
    struct Kind {
        media_type: String,
    }
    let kind = serde_json::from_slice(bytes).map(|Kind { media_type }| Descriptor::of(&media_type, bytes));
    let malformed = |reason: String| OciError::Malformed { what: Digest::of(bytes).to_string(), reason };
    let descriptor = kind.map_err(|error| malformed(error.to_string()))?;
    match descriptor.is_manifest() {
        true => Ok(descriptor),
        false => Err(malformed(format!("its media type is `{}`", descriptor.media_type))),
    }
}
