//! The gate by signatures: evidence from the store or the registry, checked by `trust`.

use super::admit::{Admission, Admit, Candidate, Evidence};
use super::error::OciError;
use super::limits;
use super::model::{Descriptor, Manifest};
use crate::digest::Digest;
use crate::trust::{
    self, BUNDLE_MEDIA_TYPE, Check, Demand, MAX_BUNDLE_BYTES, MAX_EVIDENCE, PAYLOAD_MEDIA_TYPE, Problem, Refusal,
    Requirement, SIGNATURE, SIGNATURE_ANNOTATION, SimpleSignature, Target, TrustPolicy, Verified,
};
use futures_util::future::LocalBoxFuture;
use futures_util::stream::{self, StreamExt as _};
use std::collections::HashSet;

/// The annotation by which a registry's list tells signatures from attestations. It is a hint: what a bundle is
/// about, it says itself.
pub(super) const PREDICATE_ANNOTATION: &str = "dev.sigstore.bundle.predicateType";

/// Takes what a trust policy lets somebody sign, and what they did sign.
pub struct ByPolicy(pub TrustPolicy);

/// Takes what fulfils one requirement, wherever it is from.
pub struct ByRequirement(pub Requirement);

impl Admit for ByPolicy {
    fn admit<'a>(&'a self, candidate: &'a Candidate<'a>) -> LocalBoxFuture<'a, Result<Admission, OciError>> {
        Box::pin(async move {
            let target = candidate.target();
            match self.0.demand(&target)? {
                (Demand::Unsigned, _) => Ok(Admission("unsigned, which the trust policy allows".to_owned())),
                (Demand::Signed(requirement), signed_as) => {
                    check(requirement, &target, &signed_as, &candidate.evidence)
                        .await
                        .map(|verified| admission(&verified))
                }
            }
        })
    }
}

impl Admit for ByRequirement {
    fn admit<'a>(&'a self, candidate: &'a Candidate<'a>) -> LocalBoxFuture<'a, Result<Admission, OciError>> {
        Box::pin(async move {
            let target = candidate.target();
            check(&self.0, &target, &target, &candidate.evidence).await.map(|verified| admission(&verified))
        })
    }
}

/// Looks at what is kept first, so that nobody is asked where nothing changed; then at what the registry lists; then
/// at what older programs left under a tag.
pub(super) async fn check(
    requirement: &Requirement,
    target: &Target,
    signed_as: &Target,
    evidence: &Evidence<'_>,
) -> Result<Verified, OciError> {
    let mut seen = Seen { check: Check::new(requirement, target, signed_as), digests: HashSet::new() };
    seen.offer_bundles(requirement, evidence.known(BUNDLE_MEDIA_TYPE)?, evidence).await?;
    seen.offer_simple(evidence.known(PAYLOAD_MEDIA_TYPE)?, evidence).await?;
    if !seen.check.is_over() && !evidence.is_offline() {
        seen.offer_bundles(requirement, evidence.asked(BUNDLE_MEDIA_TYPE).await?, evidence).await?;
    }
    if !seen.check.is_over() && !evidence.is_offline() {
        let found = evidence.asked_tag(&signature_tag(evidence.subject), PAYLOAD_MEDIA_TYPE).await?;
        seen.offer_simple(found.into_iter().collect(), evidence).await?;
    }
    Ok(seen.check.finish().map_err(|refusal| explained(refusal, evidence))?)
}

/// What was verified, in a few words.
fn admission(verified: &Verified) -> Admission {
    let names = |names: &mut dyn Iterator<Item = &str>| names.collect::<Vec<_>>().join(", ");
    let mut said = format!("signed by {}", names(&mut verified.signers.iter().map(AsRef::as_ref)));
    if !verified.attestations.is_empty() {
        let predicates = names(&mut verified.attestations.iter().map(|(predicate, _)| predicate.as_str()));
        said = format!("{said}; attested: {predicates}");
    }
    Admission(said)
}

/// Where nobody was asked, that may be all that is missing.
fn explained(mut refusal: Box<Refusal>, evidence: &Evidence<'_>) -> Box<Refusal> {
    if evidence.is_offline() {
        refusal.remedy.push_str("; no registry was asked, and `bundle pull` or `bundle load` brings signatures along");
    }
    refusal
}

/// The tag under which older programs keep signatures.
pub(super) fn signature_tag(subject: Digest) -> String {
    format!("sha256-{}.sig", subject.hex())
}

struct Seen<'c> {
    check: Check<'c>,
    digests: HashSet<Digest>,
}

impl Seen<'_> {
    async fn offer_bundles(
        &mut self,
        requirement: &Requirement,
        mut listed: Vec<Descriptor>,
        evidence: &Evidence<'_>,
    ) -> Result<(), OciError> {
        listed.retain(|one| self.digests.insert(one.digest));
        // What says that it is of use goes first, so that other attestations do not use up the bound.
        let of_use = |one: &Descriptor| {
            one.annotations.get(PREDICATE_ANNOTATION).is_some_and(|predicate| {
                predicate == SIGNATURE
                    || requirement.attestations.iter().any(|wanted| wanted.predicate_type == *predicate)
            })
        };
        listed.sort_by_key(|one| !of_use(one));
        listed.truncate(MAX_EVIDENCE);
        let mut fetched = stream::iter(&listed)
            .map(|one| async move { (one, bundle(one, evidence).await) })
            .buffered(limits::PARALLEL);
        while !self.check.is_over()
            && let Some((one, bytes)) = fetched.next().await
        {
            let origin = one.digest.to_string();
            match counted(bytes)? {
                Ok(bytes) => self.check.offer(&origin, &trust::Evidence::Bundle(&bytes)),
                Err(problem) => self.check.reject(&origin, problem),
            }
        }
        Ok(())
    }

    async fn offer_simple(&mut self, manifests: Vec<Descriptor>, evidence: &Evidence<'_>) -> Result<(), OciError> {
        for descriptor in manifests {
            if !self.digests.insert(descriptor.digest) {
                continue;
            }
            let origin = descriptor.digest.to_string();
            let manifest = match counted(manifest(&descriptor, evidence).await)? {
                Ok(manifest) => manifest,
                Err(problem) => {
                    self.check.reject(&origin, problem);
                    continue;
                }
            };
            for layer in manifest.layers.iter().filter(|layer| layer.media_type == PAYLOAD_MEDIA_TYPE) {
                if self.check.is_over() {
                    return Ok(());
                }
                match counted(simple(layer, evidence).await)? {
                    Ok(signature) => self.check.offer(&origin, &trust::Evidence::Simple(&signature)),
                    Err(problem) => self.check.reject(&origin, problem),
                }
            }
        }
        Ok(())
    }
}

/// What somebody attached and is wrong does not count; that the registry or the disk failed is an error.
fn counted<T>(result: Result<T, OciError>) -> Result<Result<T, Problem>, OciError> {
    match result {
        Ok(value) => Ok(Ok(value)),
        Err(
            error @ (OciError::Malformed { .. }
            | OciError::TooMuch { .. }
            | OciError::Digest { .. }
            | OciError::Length { .. }
            | OciError::Damaged { .. }
            | OciError::Missing(_)),
        ) => Ok(Err(Problem::Unreadable(error.to_string()))),
        Err(error) => Err(error),
    }
}

/// The one bundle of a manifest.
async fn bundle(descriptor: &Descriptor, evidence: &Evidence<'_>) -> Result<Vec<u8>, OciError> {
    let manifest = manifest(descriptor, evidence).await?;
    let [layer] = manifest.layers.as_slice() else {
        let reason = format!("it has {} layers, and not one with a bundle", manifest.layers.len());
        return Err(OciError::Malformed { what: descriptor.digest.to_string(), reason });
    };
    bounded(layer, MAX_BUNDLE_BYTES)?;
    evidence.blob(layer).await
}

async fn simple(layer: &Descriptor, evidence: &Evidence<'_>) -> Result<SimpleSignature, OciError> {
    let Some(signature) = layer.annotations.get(SIGNATURE_ANNOTATION) else {
        let reason = format!("it has no annotation `{SIGNATURE_ANNOTATION}`");
        return Err(OciError::Malformed { what: layer.digest.to_string(), reason });
    };
    bounded(layer, trust::MAX_PAYLOAD_BYTES)?;
    Ok(SimpleSignature { payload: evidence.blob(layer).await?, signature: signature.clone() })
}

async fn manifest(descriptor: &Descriptor, evidence: &Evidence<'_>) -> Result<Manifest, OciError> {
    Manifest::parse(&evidence.manifest(descriptor.digest).await?)
}

/// Before anything is fetched.
fn bounded(layer: &Descriptor, bound: usize) -> Result<(), OciError> {
    if layer.size > bound as u64 {
        let (what, limit) = (layer.digest.to_string(), bound as u64);
        return Err(OciError::TooMuch { what, actual: layer.size, unit: "bytes", limit });
    }
    Ok(())
}
