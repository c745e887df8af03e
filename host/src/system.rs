//! What operating systems do differently: owners and modes of files, names as bytes, signals.
//!
//! Everything that names `std::os` or an operating system is here, in `render/process` and in `serve`.

use std::io;
use std::path::{Path, PathBuf};

/// A new file in the directory of `path`, to be renamed to it. `mode` says what others may do with it, less what the
/// umask says; only Unix has modes.
///
/// # Errors
/// When it cannot be made.
pub(crate) fn file_for(path: &Path, mode: u32) -> io::Result<tempfile::NamedTempFile> {
    let directory = path.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let mut builder = tempfile::Builder::new();
    #[cfg(unix)]
    {
        let permissions: std::fs::Permissions = std::os::unix::fs::PermissionsExt::from_mode(mode);
        builder.permissions(permissions).tempfile_in(directory)
    }
    #[cfg(not(unix))]
    {
        let _ = mode;
        builder.tempfile_in(directory)
    }
}

/// Opens a file for reading, without waiting for somebody to write where it is a pipe.
///
/// # Errors
/// When it cannot be opened.
pub(crate) fn open(path: &Path) -> io::Result<std::fs::File> {
    let mut options = std::fs::OpenOptions::new();
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::custom_flags(&mut options, libc::O_NONBLOCK);
    options.read(true).open(path)
}

/// A path that another program wrote: bytes on Unix, UTF-8 elsewhere.
pub(crate) fn path(bytes: &[u8]) -> PathBuf {
    #[cfg(unix)]
    {
        PathBuf::from(<std::ffi::OsStr as std::os::unix::ffi::OsStrExt>::from_bytes(bytes))
    }
    #[cfg(not(unix))]
    {
        PathBuf::from(String::from_utf8_lossy(bytes).into_owned())
    }
}

/// Whether a file can be run as a program.
pub(crate) fn is_program(path: &Path) -> bool {
    path.metadata().is_ok_and(|found| found.is_file() && is_executable(&found))
}

#[cfg(unix)]
fn is_executable(file: &std::fs::Metadata) -> bool {
    std::os::unix::fs::PermissionsExt::mode(&file.permissions()) & 0o111 != 0
}

#[cfg(not(unix))]
fn is_executable(_file: &std::fs::Metadata) -> bool {
    true
}

/// Makes a directory, readable by this user alone, or sees that it is one to which nobody else can write. Windows' own
/// rights of the user's folders stand for that there.
///
/// # Errors
/// When it cannot be made, or others can write to it.
pub(crate) fn private_directory(directory: &Path) -> io::Result<()> {
    let mut builder = std::fs::DirBuilder::new();
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.recursive(true).create(directory)?;
    let Some(reason) = open_to_others(directory)? else { return Ok(()) };
    Err(io::Error::new(
        io::ErrorKind::PermissionDenied,
        format!("the cache directory {} is not used: {reason}", directory.display()),
    ))
}

#[cfg(unix)]
fn open_to_others(directory: &Path) -> io::Result<Option<&'static str>> {
    use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _};
    let metadata = std::fs::metadata(directory)?;
    if metadata.uid() != rustix::process::geteuid().as_raw() {
        return Ok(Some("it belongs to another user"));
    }
    Ok((metadata.permissions().mode() & 0o022 != 0).then_some("others can write to it"))
}

#[cfg(not(unix))]
fn open_to_others(_directory: &Path) -> io::Result<Option<&'static str>> {
    Ok(None)
}

/// The signals that the program knows, each as a stream. They are caught from the moment that this is made.
pub(crate) struct Signals {
    /// Ctrl-C, and what ends a process.
    pub(crate) end: End,
    /// What has a server read its files again.
    pub(crate) reload: Reload,
}

impl Signals {
    /// Catches them, in a runtime of tokio.
    ///
    /// # Errors
    /// When the system refuses.
    pub(crate) fn catch() -> io::Result<Self> {
        Ok(Self { end: End::catch()?, reload: Reload::catch()? })
    }
}

/// Ctrl-C, and what ends a process.
pub(crate) struct End {
    #[cfg(unix)]
    interrupt: tokio::signal::unix::Signal,
    #[cfg(unix)]
    terminate: tokio::signal::unix::Signal,
}

impl End {
    /// Catches it, in a runtime of tokio.
    ///
    /// # Errors
    /// When the system refuses.
    pub(crate) fn catch() -> io::Result<Self> {
        #[cfg(unix)]
        {
            use tokio::signal::unix::{SignalKind, signal};
            Ok(Self { interrupt: signal(SignalKind::interrupt())?, terminate: signal(SignalKind::terminate())? })
        }
        #[cfg(not(unix))]
        Ok(Self {})
    }

    /// Waits for it.
    pub(crate) async fn received(&mut self) {
        #[cfg(unix)]
        tokio::select! {
            _ = self.interrupt.recv() => {}
            _ = self.terminate.recv() => {}
        }
        #[cfg(not(unix))]
        if tokio::signal::ctrl_c().await.is_err() {
            std::future::pending::<()>().await;
        }
    }
}

/// SIGHUP, which only Unix has.
pub(crate) struct Reload {
    #[cfg(unix)]
    hangup: tokio::signal::unix::Signal,
}

impl Reload {
    fn catch() -> io::Result<Self> {
        #[cfg(unix)]
        {
            use tokio::signal::unix::{SignalKind, signal};
            Ok(Self { hangup: signal(SignalKind::hangup())? })
        }
        #[cfg(not(unix))]
        Ok(Self {})
    }

    /// Waits for it.
    pub(crate) async fn received(&mut self) {
        #[cfg(unix)]
        self.hangup.recv().await;
        #[cfg(not(unix))]
        std::future::pending::<()>().await;
    }
}
