//! Manifests about a manifest: by the registry's own list, and where there is none by the index under a tag.

use super::super::error::OciError;
use super::super::limits;
use super::super::model::{Descriptor, Index, media};
use super::super::reference::Repository;
use super::Registry;
use crate::digest::Digest;
use bytes::Bytes;
use hyper::Method;

/// The tag under which the referrers of a manifest are listed where the registry does not do it itself.
pub fn fallback_tag(digest: Digest) -> String {
    format!("sha256-{}", digest.hex())
}

/// How often an index is written again because somebody else wrote it at the same time.
const WRITES: usize = 5;

impl Registry {
    /// What is about a manifest: of one kind, or of every kind.
    ///
    /// # Errors
    /// When the registry cannot be asked, or lists more than [`limits::REFERRERS`].
    pub async fn referrers(
        &self,
        repository: &Repository,
        digest: Digest,
        artifact_type: Option<&str>,
    ) -> Result<Vec<Descriptor>, OciError> {
        let mut call = self.call(Method::GET, repository, &["referrers", &digest.to_string()])?;
        if let Some(artifact_type) = artifact_type {
            call.url.query_pairs_mut().append_pair("artifactType", artifact_type);
        }
        let mut found = Vec::new();
        let listed = self
            .pages(repository, call, |bytes, _| {
                found.extend(Index::parse(bytes)?.manifests);
                super::bounded(&repository.at(digest).to_string(), found.len(), "referrers", limits::REFERRERS)
            })
            .await?;
        if !listed {
            found = self.fallback(repository, digest).await?.manifests;
            super::bounded(&repository.at(digest).to_string(), found.len(), "referrers", limits::REFERRERS)?;
        }
        // A registry may leave the filter to the client.
        found.retain(|descriptor| {
            super::is_manifest(&descriptor.media_type)
                && artifact_type.is_none_or(|wanted| descriptor.artifact_type.as_deref() == Some(wanted))
        });
        Ok(found)
    }

    async fn fallback(&self, repository: &Repository, digest: Digest) -> Result<Index, OciError> {
        match self.tagged(repository, &fallback_tag(digest)).await? {
            Some((_, bytes)) => Index::parse(&bytes),
            None => Ok(Index::new(Vec::new())),
        }
    }

    /// Reads, changes and writes the index; looks whether the change is there, since nobody can be kept from writing
    /// at the same time.
    pub(super) async fn add_to_fallback(
        &self,
        repository: &Repository,
        subject: Digest,
        descriptor: &Descriptor,
    ) -> Result<(), OciError> {
        for _ in 0..WRITES {
            let mut index = self.fallback(repository, subject).await?;
            if index.manifests.iter().any(|known| known.digest == descriptor.digest) {
                return Ok(());
            }
            index.manifests.push(descriptor.clone());
            let bytes = Bytes::from(index.to_bytes());
            self.push_manifest(repository, media::INDEX, &bytes, Some(&fallback_tag(subject))).await?;
        }
        let index = self.fallback(repository, subject).await?;
        if index.manifests.iter().any(|known| known.digest == descriptor.digest) {
            return Ok(());
        }
        Err(OciError::Refused(format!(
            "{repository}:{}: others write it at the same time; try again",
            fallback_tag(subject)
        )))
    }
}
