//! What is sent to a registry.

use super::super::error::OciError;
use super::super::model::Descriptor;
use super::super::reference::Repository;
use super::Registry;
use super::auth::Action;
use super::retry::{Attempt, with_retries};
use super::transport::Call;
use crate::digest::Digest;
use bytes::Bytes;
use hyper::header::{CONTENT_TYPE, LOCATION};
use hyper::{Method, StatusCode};

/// The header by which a registry says that it knows what a manifest is about.
const SUBJECT_HEADER: &str = "oci-subject";

/// What a registry did with a manifest.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Accepted {
    /// Whether it will tell of the manifest when it is asked for the referrers of its subject.
    pub subject: bool,
}

impl Registry {
    /// Whether the registry has a blob.
    ///
    /// # Errors
    /// When it cannot be asked.
    pub async fn has_blob(&self, repository: &Repository, digest: Digest) -> Result<bool, OciError> {
        self.has(repository, &["blobs", &digest.to_string()]).await
    }

    /// Whether the registry has a manifest.
    ///
    /// # Errors
    /// When it cannot be asked.
    pub async fn has_manifest(&self, repository: &Repository, digest: Digest) -> Result<bool, OciError> {
        self.has(repository, &["manifests", &digest.to_string()]).await
    }

    async fn has(&self, repository: &Repository, path: &[&str]) -> Result<bool, OciError> {
        let call = self.call(Method::HEAD, repository, path)?;
        let expected = [StatusCode::OK, StatusCode::NOT_FOUND];
        Ok(self.expect(repository, Action::Push, &call, &expected).await?.status == StatusCode::OK)
    }

    /// Sends a blob, unless the registry has it; says whether it was sent.
    ///
    /// # Errors
    /// When the registry does not take it.
    pub async fn push_blob(&self, repository: &Repository, bytes: &Bytes) -> Result<bool, OciError> {
        let digest = Digest::of(bytes);
        if self.has_blob(repository, digest).await? {
            return Ok(false);
        }
        let start = self.call(Method::POST, repository, &["blobs", "uploads/"])?;
        with_retries(&self.patience, async || {
            // From the start each time: what became of a session that broke off is not known.
            let answer = self.authorized(repository, Action::Push, &start).await?;
            if answer.status != StatusCode::ACCEPTED {
                return Err(answer.into_error().await);
            }
            let location = answer.header(LOCATION.as_str()).and_then(|location| answer.url.join(location).ok());
            let Some(mut location) = location else {
                return Err(OciError::Refused(format!("{}: the answer does not say where to", start.what())).into());
            };
            if location.origin() != start.url.origin() {
                // What authorises the upload would have to go along.
                let host = location.host_str().unwrap_or_default().to_owned();
                return Err(OciError::Refused(format!("{}: uploads to another host, `{host}`", start.what())).into());
            }
            location.query_pairs_mut().append_pair("digest", &digest.to_string());
            let put = Call::new(Method::PUT, location)
                .header(CONTENT_TYPE, "application/octet-stream")?
                .with_body(bytes.clone());
            let answer = self.authorized(repository, Action::Push, &put).await?;
            if answer.status == StatusCode::CREATED { Ok(()) } else { Err(again(answer.into_error().await)) }
        })
        .await?;
        Ok(true)
    }

    /// Sends a manifest, under a tag or, without one, under its digest.
    ///
    /// # Errors
    /// When the registry does not take it.
    pub async fn push_manifest(
        &self,
        repository: &Repository,
        media_type: &str,
        bytes: &Bytes,
        tag: Option<&str>,
    ) -> Result<Accepted, OciError> {
        let digest = Digest::of(bytes);
        let name = tag.map_or_else(|| digest.to_string(), str::to_owned);
        let call = self
            .call(Method::PUT, repository, &["manifests", &name])?
            .header(CONTENT_TYPE, media_type)?
            .with_body(bytes.clone());
        let answer = self.expect(repository, Action::Push, &call, &[StatusCode::CREATED]).await?;
        let stored: Option<Digest> = answer.header("docker-content-digest").and_then(|digest| digest.parse().ok());
        match stored {
            Some(actual) if actual != digest => Err(OciError::Digest { what: call.what(), expected: digest, actual }),
            _ => Ok(Accepted { subject: answer.header(SUBJECT_HEADER).is_some() }),
        }
    }

    /// Sends a manifest about another, and sees to it that it is found: where the registry does not list
    /// referrers itself, in the index under the [`super::fallback_tag`].
    ///
    /// # Errors
    /// When the registry does not take it, or the manifest is about nothing.
    pub async fn attach(&self, repository: &Repository, bytes: &Bytes) -> Result<Descriptor, OciError> {
        let manifest = super::super::model::Manifest::parse(bytes)?;
        let Some(subject) = manifest.subject.clone() else {
            return Err(OciError::Refused("the manifest is about no other".to_owned()));
        };
        let accepted = self.push_manifest(repository, &manifest.media_type, bytes, None).await?;
        let descriptor = Descriptor {
            artifact_type: Some(manifest.kind().to_owned()),
            annotations: manifest.annotations.clone(),
            ..Descriptor::of(&manifest.media_type, bytes)
        };
        if !accepted.subject {
            self.add_to_fallback(repository, subject.digest, &descriptor).await?;
        }
        Ok(descriptor)
    }
}

/// A session that is gone, or was mixed up: another one may do.
fn again(attempt: Attempt) -> Attempt {
    match attempt {
        Attempt::Never(error @ OciError::Status { status: 404 | 416, .. }) => Attempt::Again(error, None),
        other => other,
    }
}
