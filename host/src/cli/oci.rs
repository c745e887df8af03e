//! What commands share that have to do with registries.

use super::args::{ImageArguments, LockArguments, RegistryArguments, TrustArguments};
use super::terminal::errln;
use super::{Context, progress};
use crate::bundle::Bundle;
use crate::cache;
use crate::images::{Asked, Fetcher, ImageOptions};
use crate::oci::admit::{Admit, AllowUnsigned, RefuseUnsigned};
use crate::oci::limits::Patience;
use crate::oci::registry::{Credentials, PlainHttp, RegistryOptions};
use crate::oci::{ByPolicy, LOCK_FILE, LockFile, Locking, OciError, Progress, Reference, Session, Store};
use crate::trust::TrustPolicy;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

/// The store that arguments name, else the one in the cache directory.
pub(super) fn store(directory: Option<&Path>) -> Result<Store, OciError> {
    let fallback = || cache::directory().map(|cache| cache.join("store"));
    let directory: Option<PathBuf> = directory.map(Path::to_owned).or_else(fallback);
    let directory = directory.ok_or_else(|| {
        OciError::Refused("there is no directory to keep what is fetched in: set HOME, or say --store".to_owned())
    })?;
    Ok(Store::open(&directory)?)
}

/// A session as arguments want it.
pub(super) fn session(registry: &RegistryArguments, trust: &TrustArguments) -> Result<Session, OciError> {
    session_with(registry, admit(trust)?)
}

/// A session with a gate of its own.
pub(super) fn session_with(registry: &RegistryArguments, admit: Box<dyn Admit>) -> Result<Session, OciError> {
    Ok(Session {
        options: options(registry),
        store: store(registry.store.as_deref())?,
        admit,
        progress: Arc::new(Progress::default()),
    })
}

fn options(arguments: &RegistryArguments) -> RegistryOptions {
    let plain_http = match &arguments.insecure {
        None => PlainHttp::Never,
        Some(host) if host.is_empty() => PlainHttp::Always,
        Some(host) => PlainHttp::Hosts(vec![host.clone()]),
    };
    RegistryOptions {
        plain_http,
        authority: arguments.ca_file.clone(),
        credentials: Credentials::Docker,
        offline: arguments.offline,
        ..RegistryOptions::default()
    }
}

/// Who asks registries about images, where arguments allow it of any.
pub(super) fn images(
    images: &ImageArguments,
    registry: &RegistryArguments,
    trust: &TrustArguments,
) -> Result<Option<Asked>, Box<dyn std::error::Error>> {
    if images.images.is_empty() {
        return Ok(None);
    }
    let deadline = Duration::from_secs(images.image_timeout);
    let options = ImageOptions {
        allowed: images.images.clone(),
        mirrors: images.image_mirror.clone(),
        deadline,
        registry: RegistryOptions { patience: Patience::until(deadline), ..options(registry) },
        // Apart from bundles, since it is emptied when it becomes too large.
        store: store(registry.store.as_deref())?.directory().join("images"),
    };
    let policy = trust.trust.as_deref().map(TrustPolicy::read).transpose()?;
    Ok(Some(Asked::new(Fetcher::start(options, policy)?)))
}

/// Who may be run.
fn admit(arguments: &TrustArguments) -> Result<Box<dyn Admit>, OciError> {
    Ok(match &arguments.trust {
        Some(path) => Box::new(ByPolicy(TrustPolicy::read(path)?)),
        None if arguments.allow_unsigned => Box::new(AllowUnsigned),
        None => Box::new(RefuseUnsigned),
    })
}

/// What tags are held to.
pub(super) fn locking(arguments: &LockArguments) -> Result<Locking, OciError> {
    let path = arguments.lock.clone().unwrap_or_else(|| LOCK_FILE.into());
    let lock = LockFile::read(&path)?;
    Ok(if arguments.locked {
        Locking::Locked(lock)
    } else if arguments.update {
        Locking::Update(lock)
    } else {
        Locking::Use(lock)
    })
}

/// Opens a bundle from a registry, and says what it is.
pub(super) fn open(
    text: &str,
    registry: &RegistryArguments,
    lock: &LockArguments,
    trust: &TrustArguments,
    context: &Context,
) -> Result<Bundle, OciError> {
    let reference: Reference = text.parse()?;
    let session = session(registry, trust)?;
    let mut locking = locking(lock)?;
    let shown = progress::transfer("fetching", &session.progress);
    let bundle = session.open(&reference, &mut locking, &context.library, &context.engine)?;
    shown.stop();
    if let Some(origin) = &bundle.origin {
        errln!("bundle {origin}");
    }
    Ok(bundle)
}
