//! From contents to a registry.

use super::artifact;
use super::error::OciError;
use super::layout::{Contents, Listing};
use super::limits;
use super::model::{Descriptor, Index, annotation, media};
use super::progress::Progress;
use super::reference::Reference;
use super::registry::Registry;
use super::trusted::signature_tag;
use crate::trust::PAYLOAD_MEDIA_TYPE;
use bytes::Bytes;
use futures_util::stream::{StreamExt as _, TryStreamExt as _};

/// What was sent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pushed {
    /// The reference with its digest.
    pub reference: Reference,
    /// Further tags, by the program that they are for.
    pub tags: Vec<(&'static str, Reference)>,
    /// Blobs that the registry did not have.
    pub sent: usize,
}

/// Sends a bundle with what is about it. The tag comes last, so that nobody finds less than all under it.
///
/// # Errors
/// When the registry does not take something; what it took it needs not be sent again.
pub async fn push(
    registry: &Registry,
    target: &Reference,
    listing: &Listing,
    contents: &dyn Contents,
    progress: &Progress,
) -> Result<Pushed, OciError> {
    if target.digest.is_some_and(|digest| digest != listing.root.digest) {
        return Err(OciError::Refused(format!("{target} asks for another digest than {}", listing.root.digest)));
    }
    let repository = &target.repository;
    let parts = artifact::contents(&listing.root, &listing.referrers, contents)?;
    let (manifests, blobs): (Vec<_>, Vec<_>) = parts.iter().partition(|part| part.descriptor.is_manifest());
    progress.expect(blobs.len(), blobs.iter().map(|part| part.descriptor.size).sum());
    let sending = blobs.into_iter().map(|part| async {
        let bytes = Bytes::from(contents.content(part.descriptor.digest, part.limit)?);
        let sent = registry.push_blob(repository, &bytes).await?;
        progress.done(part.descriptor.size);
        Ok::<_, OciError>(usize::from(sent))
    });
    let sent: Vec<usize> = futures_util::stream::iter(sending).buffer_unordered(limits::PARALLEL).try_collect().await?;

    let is_child = |one: &&Descriptor| {
        one.digest != listing.root.digest && !listing.referrers.iter().any(|referrer| referrer.digest == one.digest)
    };
    let children: Vec<&Descriptor> = manifests.iter().map(|part| &part.descriptor).filter(is_child).collect();
    let sending = children.into_iter().map(|child| async move {
        let bytes = Bytes::from(contents.content(child.digest, limits::MANIFEST_BYTES)?);
        registry.push_manifest(repository, &child.media_type, &bytes, None).await
    });
    let _: Vec<_> = futures_util::stream::iter(sending).buffer_unordered(limits::PARALLEL).try_collect().await?;

    let bytes = Bytes::from(contents.content(listing.root.digest, limits::MANIFEST_BYTES)?);
    let tags = for_others(&Index::parse(&bytes)?, target);
    // By digest first: what is about it needs it there, and nobody is to find it by its tag without.
    registry.push_manifest(repository, media::INDEX, &bytes, None).await?;
    for referrer in &listing.referrers {
        let bytes = Bytes::from(contents.content(referrer.digest, limits::MANIFEST_BYTES)?);
        if referrer.artifact_type.as_deref() == Some(PAYLOAD_MEDIA_TYPE) {
            // It is found by its tag alone.
            let tag = signature_tag(listing.root.digest);
            registry.push_manifest(repository, &referrer.media_type, &bytes, Some(&tag)).await?;
        } else {
            registry.attach(repository, &bytes).await?;
        }
    }
    for (_, tag, child) in &tags {
        let bytes = Bytes::from(contents.content(child.digest, limits::MANIFEST_BYTES)?);
        registry.push_manifest(repository, &child.media_type, &bytes, tag.tag.as_deref()).await?;
    }
    if let Some(tag) = &target.tag {
        registry.push_manifest(repository, media::INDEX, &bytes, Some(tag)).await?;
    }
    Ok(Pushed {
        reference: target.pinned(listing.root.digest),
        tags: tags.into_iter().map(|(program, tag, _)| (program, tag)).collect(),
        sent: sent.iter().sum(),
    })
}

/// The tags by which gator and kyverno get what is theirs: neither can be given an index.
fn for_others(index: &Index, target: &Reference) -> Vec<(&'static str, Reference, Descriptor)> {
    let Some(tag) = &target.tag else { return Vec::new() };
    let mut tags = Vec::new();
    for (program, kind) in [("gatekeeper", media::GATEKEEPER), ("kyverno", media::KYVERNO_CONFIG)] {
        let child = index.manifests.iter().find(|child| child.is_kind(kind));
        // A tag has an end; without room for the name there is none.
        if let (Some(child), Ok(tag)) = (child, target.repository.tagged(&format!("{tag}-{program}"))) {
            tags.push((program, tag, child.clone()));
        }
    }
    tags
}

/// What a bundle calls itself, from its index.
pub fn title(index: &Index) -> String {
    let said = |key: &str| index.annotations.get(key).map(String::as_str).unwrap_or_default();
    let title = format!("{} {}", said(annotation::BUNDLE), said(annotation::VERSION));
    // It is somebody else's text, and goes to a terminal.
    title.trim().chars().filter(|letter| !letter.is_control()).take(200).collect()
}
