//! The client of registries: the distribution specification 1.1, as much as bundles need.
//!
//! Everything that comes is bounded, and checked against its digest before it is given to anybody; what fails in
//! passing is tried again. It knows repositories, manifests and blobs, and nothing of bundles.

mod auth;
mod credential;
mod referrers;
mod retry;
mod transport;
mod upload;

pub use credential::{Credential, Credentials};
pub use referrers::fallback_tag;

use super::error::OciError;
use super::limits::{self, Patience};
use super::model::{Descriptor, media};
use super::reference::{Reference, Repository};
use super::store::Store;
use crate::digest::Digest;
use auth::{Action, Authorizations};
use bytes::Bytes;
use hyper::header::{ACCEPT, AUTHORIZATION, CONTENT_LENGTH, CONTENT_TYPE, LINK, WWW_AUTHENTICATE};
use hyper::{Method, StatusCode};
use retry::{Attempt, with_retries};
use std::path::PathBuf;
use transport::{Answer, Call, Transport};
use url::Url;

/// Which registries are asked by plain HTTP. Loopback is no exception: whoever wants it, says so.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum PlainHttp {
    /// None.
    #[default]
    Never,
    /// These hosts, as they stand in references.
    Hosts(Vec<String>),
    /// All.
    Always,
}

impl PlainHttp {
    fn allows(&self, host: &str) -> bool {
        match self {
            PlainHttp::Never => false,
            PlainHttp::Hosts(hosts) => hosts.iter().any(|known| known == host),
            PlainHttp::Always => true,
        }
    }

    fn allows_any(&self) -> bool {
        *self != PlainHttp::Never
    }
}

/// How registries are asked.
#[derive(Debug, Clone, Default)]
pub struct RegistryOptions {
    /// Which by plain HTTP.
    pub plain_http: PlainHttp,
    /// An authority beside the machine's, PEM.
    pub authority: Option<PathBuf>,
    /// As whom.
    pub credentials: Credentials,
    /// How patiently.
    pub patience: Patience,
    /// Whether no registry is asked anything.
    pub offline: bool,
}

/// The client.
pub struct Registry {
    transport: Transport,
    authorizations: Authorizations,
    patience: Patience,
    offline: bool,
}

/// Manifests that are taken: OCI's, and those that Docker wrote before, of which images still are.
const MANIFEST_TYPES: &str = "application/vnd.oci.image.index.v1+json, application/vnd.oci.image.manifest.v1+json, \
                              application/vnd.docker.distribution.manifest.list.v2+json, \
                              application/vnd.docker.distribution.manifest.v2+json";

impl Registry {
    /// A client; nothing is asked yet.
    pub fn new(options: &RegistryOptions) -> Self {
        Self {
            transport: Transport::new(options),
            authorizations: Authorizations::new(options.credentials.clone()),
            patience: options.patience.clone(),
            offline: options.offline,
        }
    }

    /// Whether no registry is asked anything.
    pub fn is_offline(&self) -> bool {
        self.offline
    }

    /// What a reference's tag stands for at this moment; one request.
    ///
    /// # Errors
    /// When the registry has no such tag, or cannot be asked.
    pub async fn resolve(&self, reference: &Reference) -> Result<Descriptor, OciError> {
        let name = name(reference);
        let call =
            self.call(Method::HEAD, &reference.repository, &["manifests", &name])?.header(ACCEPT, MANIFEST_TYPES)?;
        let answer = match self.expect(&reference.repository, Action::Pull, &call, &[StatusCode::OK]).await {
            Ok(answer) => answer,
            Err(OciError::Status { status: 404, .. }) => return Err(OciError::Missing(reference.to_string())),
            Err(error) => return Err(error),
        };
        let digest = answer.header("docker-content-digest").and_then(|digest| digest.parse().ok());
        let size = answer.header(CONTENT_LENGTH.as_str()).and_then(|size| size.parse().ok());
        let media_type = answer.header(CONTENT_TYPE.as_str()).map(bare);
        if let (Some(digest), Some(size), Some(media_type)) = (digest, size, media_type) {
            return Ok(Descriptor { size, digest, ..Descriptor::of(&media_type, b"") });
        }
        // A registry that does not say the digest is asked for the manifest.
        let (media_type, bytes) = self.manifest_named(&reference.repository, &name).await?;
        Ok(Descriptor::of(&media_type, &bytes))
    }

    /// A manifest, or an index, by its digest.
    ///
    /// # Errors
    /// When what comes has another digest, or is larger than [`limits::MANIFEST_BYTES`].
    pub async fn manifest(&self, repository: &Repository, digest: Digest) -> Result<Bytes, OciError> {
        let (_, bytes) = self.manifest_named(repository, &digest.to_string()).await?;
        let actual = Digest::of(&bytes);
        if actual != digest {
            return Err(OciError::Digest { what: repository.at(digest).to_string(), expected: digest, actual });
        }
        Ok(bytes)
    }

    /// The manifest that a tag stands for, with its media type; `None` where there is no such tag.
    ///
    /// # Errors
    /// When the registry cannot be asked.
    pub async fn tagged(&self, repository: &Repository, tag: &str) -> Result<Option<(String, Bytes)>, OciError> {
        match self.manifest_named(repository, tag).await {
            Ok(found) => Ok(Some(found)),
            Err(OciError::Missing(_)) => Ok(None),
            Err(error) => Err(error),
        }
    }

    async fn manifest_named(&self, repository: &Repository, name: &str) -> Result<(String, Bytes), OciError> {
        let call = self.call(Method::GET, repository, &["manifests", name])?.header(ACCEPT, MANIFEST_TYPES)?;
        let got = with_retries(&self.patience, async || {
            let mut answer = self.authorized(repository, Action::Pull, &call).await?;
            if answer.status != StatusCode::OK {
                return Err(answer.into_error().await);
            }
            let media_type = answer.header(CONTENT_TYPE.as_str()).map_or_else(String::new, bare);
            Ok((media_type, answer.bytes(limits::MANIFEST_BYTES).await?))
        });
        match got.await {
            Err(OciError::Status { status: 404, .. }) => {
                let by_digest = name.parse().ok().map(|digest| repository.at(digest).to_string());
                Err(OciError::Missing(by_digest.unwrap_or_else(|| format!("{repository}:{name}"))))
            }
            other => other,
        }
    }

    /// Fetches a blob into the store, unless it is there. It is stored only if length and digest are right.
    ///
    /// # Errors
    /// When it is not what was asked for, or cannot be had, or stored.
    pub async fn fetch(&self, repository: &Repository, blob: &Descriptor, store: &Store) -> Result<(), OciError> {
        if store.has(blob)? {
            return Ok(());
        }
        let absent = |error| store.absent(blob.digest, Some(error));
        let call = self.call(Method::GET, repository, &["blobs", &blob.digest.to_string()]).map_err(absent)?;
        with_retries(&self.patience, async || {
            let mut answer = self.authorized(repository, Action::Pull, &call).await?;
            if answer.status != StatusCode::OK {
                return Err(answer.into_error().await);
            }
            let mut writer = store.writer(blob, answer.what())?;
            answer.read(blob.size, |chunk| writer.write(chunk)).await?;
            let finished = tokio::task::spawn_blocking(move || writer.finish()).await;
            let finished =
                finished.map_err(|error| OciError::Refused(format!("the blob could not be kept: {error}")))?;
            match finished {
                // Cut short without a word: the next attempt may get it all.
                Err(error @ OciError::Length { .. }) => Err(Attempt::Again(error, None)),
                other => Ok(other?),
            }
        })
        .await
        .map_err(|error| match error {
            OciError::Status { status: 404, .. } => OciError::Missing(format!("{repository}@{}", blob.digest)),
            error => error,
        })
    }

    /// The tags of a repository, in the order of the registry.
    ///
    /// # Errors
    /// When the repository is not there, or there are more than [`limits::TAGS`].
    pub async fn tags(&self, repository: &Repository) -> Result<Vec<String>, OciError> {
        #[derive(serde::Deserialize)]
        struct Page {
            tags: Option<Vec<String>>,
        }
        let mut tags = Vec::new();
        let first = self.call(Method::GET, repository, &["tags", "list"])?;
        self.pages(repository, first, |bytes, what| {
            let page: Page = serde_json::from_slice(bytes).map_err(|error| OciError::Malformed {
                what: format!("the answer to {what}"),
                reason: crate::plain::value(&error),
            })?;
            tags.extend(page.tags.unwrap_or_default());
            bounded(&repository.to_string(), tags.len(), "tags", limits::TAGS)
        })
        .await?;
        Ok(tags)
    }

    /// Reads the pages of a list. `false`: there is no such list.
    async fn pages(
        &self,
        repository: &Repository,
        first: Call,
        mut page: impl FnMut(&[u8], &str) -> Result<(), OciError>,
    ) -> Result<bool, OciError> {
        let mut call = first;
        for _ in 0..limits::PAGES {
            let got = with_retries(&self.patience, async || {
                let mut answer = self.authorized(repository, Action::Pull, &call).await?;
                if answer.status != StatusCode::OK {
                    return Err(answer.into_error().await);
                }
                let next =
                    answer.header(LINK.as_str()).and_then(next_page).and_then(|next| answer.url.join(&next).ok());
                Ok((answer.bytes(limits::MANIFEST_BYTES).await?, next))
            });
            let (bytes, next) = match got.await {
                Err(OciError::Status { status: 404, .. }) => return Ok(false),
                other => other?,
            };
            page(&bytes, &call.what())?;
            match next {
                // The next page is asked for with this registry's token: it must be this registry's.
                Some(next) if next.origin() == call.url.origin() => call.url = next,
                Some(_) => return Err(OciError::Refused(format!("{}: the next page is at another host", call.what()))),
                None => return Ok(true),
            }
        }
        Err(OciError::TooMuch {
            what: call.what(),
            actual: limits::PAGES as u64 + 1,
            unit: "pages",
            limit: limits::PAGES as u64,
        })
    }

    fn call(&self, method: Method, repository: &Repository, path: &[&str]) -> Result<Call, OciError> {
        if self.offline {
            return Err(OciError::Refused(format!(
                "{repository} is not asked for {}, because of --offline",
                path.join("/")
            )));
        }
        let base = self.transport.base(repository.host())?;
        let url: Result<Url, _> = base.join(&format!("{}/{}", repository.path(), path.join("/")));
        let url = url.map_err(|error| OciError::Refused(format!("{repository} cannot be asked: {error}")))?;
        Ok(Call::new(method, url))
    }

    /// Makes a call, with retries, and takes only some statuses for an answer.
    async fn expect(
        &self,
        repository: &Repository,
        action: Action,
        call: &Call,
        expected: &[StatusCode],
    ) -> Result<Answer, OciError> {
        with_retries(&self.patience, async || {
            let answer = self.authorized(repository, action, call).await?;
            if expected.contains(&answer.status) { Ok(answer) } else { Err(answer.into_error().await) }
        })
        .await
    }

    /// Makes a call with what authorised the last one, and once more with what the registry then asks for.
    async fn authorized(&self, repository: &Repository, action: Action, call: &Call) -> Result<Answer, Attempt> {
        let known = self.authorizations.known(repository, action);
        let answer = self.transport.send(&with_authorization(call, known)?).await?;
        if answer.status != StatusCode::UNAUTHORIZED {
            return Ok(answer);
        }
        if answer.url.origin() != call.url.origin() {
            return Err(answer.into_error().await);
        }
        let challenges = answer.headers.get_all(WWW_AUTHENTICATE).iter();
        let challenges: Vec<String> = challenges.filter_map(|value| value.to_str().ok()).map(str::to_owned).collect();
        self.authorizations.answer(&self.transport, repository, action, call, &challenges).await?;
        let known = self.authorizations.known(repository, action);
        self.transport.send(&with_authorization(call, known)?).await
    }
}

fn with_authorization(call: &Call, header: Option<String>) -> Result<Call, OciError> {
    match header {
        Some(header) => call.clone().header(AUTHORIZATION, &header),
        None => Ok(call.clone()),
    }
}

fn name(reference: &Reference) -> String {
    match (&reference.digest, &reference.tag) {
        (Some(digest), _) => digest.to_string(),
        (None, Some(tag)) => tag.clone(),
        (None, None) => "latest".to_owned(),
    }
}

/// A media type without its parameters.
fn bare(text: &str) -> String {
    text.split(';').next().unwrap_or_default().trim().to_owned()
}

/// The target of `<…>; rel="next"`.
fn next_page(link: &str) -> Option<String> {
    let (target, rest) = link.trim().strip_prefix('<')?.split_once('>')?;
    rest.contains("next").then(|| target.to_owned())
}

fn bounded(what: &str, actual: usize, unit: &'static str, limit: usize) -> Result<(), OciError> {
    if actual > limit {
        let what = what.to_owned();
        return Err(OciError::TooMuch { what, actual: actual as u64, unit, limit: limit as u64 });
    }
    Ok(())
}

/// Whether a media type is one of a manifest.
fn is_manifest(media_type: &str) -> bool {
    matches!(media_type, media::INDEX | media::MANIFEST)
}
