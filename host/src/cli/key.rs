//! `key`: key pairs.

use super::args::{KeyArguments, KeyCommand};
use super::terminal::errln;
use super::{CommandResult, Exit, passphrase, terminal};
use crate::system;
use crate::trust::{
    EncryptedKey, KeyError, KeyFile, KeyFileError, MAX_KEY_FILE_BYTES, PrivateKey, PublicKey, read_bounded,
};
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};
use zeroize::Zeroizing;

pub(crate) fn run(arguments: &KeyArguments) -> CommandResult {
    match &arguments.command {
        KeyCommand::Generate { output } => generate(output),
        KeyCommand::Public { key } => {
            terminal::print(&read(key)?.public().to_pem());
            Ok(Exit::Clean)
        }
    }
}

/// Why a key could not be had.
#[derive(Debug, thiserror::Error)]
pub(crate) enum KeyFailure {
    #[error("{path}: {source}")]
    File { path: PathBuf, source: io::Error },
    #[error("{path}: {reason}")]
    Refused { path: PathBuf, reason: KeyFileError },
    #[error("{path}: {reason}")]
    Public { path: PathBuf, reason: KeyError },
    #[error("{0}")]
    Passphrase(String),
}

/// A private key, with its passphrase where it has one.
pub(crate) fn read(path: &Path) -> Result<PrivateKey, KeyFailure> {
    let text = read_file(path)?;
    let refused = |reason| KeyFailure::Refused { path: path.to_owned(), reason };
    match KeyFile::read(&text).map_err(refused)? {
        KeyFile::Encrypted(key) => {
            let passphrase = passphrase::of(path).map_err(KeyFailure::Passphrase)?;
            key.open(&passphrase).map_err(refused)
        }
        KeyFile::Plain(key) => {
            errln!("warning: {} is not encrypted: whoever can read it can sign", path.display());
            Ok(key)
        }
    }
}

/// A public key, by the name of its file.
pub(crate) fn read_public(path: &Path) -> Result<(String, PublicKey), KeyFailure> {
    let key = PublicKey::from_pem(&read_file(path)?);
    let key = key.map_err(|reason| KeyFailure::Public { path: path.to_owned(), reason })?;
    Ok((path.display().to_string(), key))
}

fn read_file(path: &Path) -> Result<Zeroizing<Vec<u8>>, KeyFailure> {
    read_bounded(path, MAX_KEY_FILE_BYTES).map_err(|source| KeyFailure::File { path: path.to_owned(), source })
}

fn generate(prefix: &Path) -> CommandResult {
    let with = |extension: &str| {
        let mut path = prefix.as_os_str().to_owned();
        path.push(extension);
        PathBuf::from(path)
    };
    let (private, public) = (with(".key"), with(".pub"));
    for path in [&private, &public] {
        // Before anybody types a passphrase for nothing; what decides is that nothing is overwritten below.
        if path.symlink_metadata().is_ok() {
            return Err(format!("{} exists, and keys are never overwritten", path.display()).into());
        }
    }
    let passphrase = passphrase::new(&private)?;
    let key = PrivateKey::generate()?;
    let sealed = EncryptedKey::seal(&key, &passphrase)?;
    write_new(&private, sealed.as_bytes(), 0o600)?;
    if let Err(error) = write_new(&public, key.public().to_pem().as_bytes(), 0o644) {
        // Half a pair helps nobody.
        let _ = std::fs::remove_file(&private);
        return Err(error.into());
    }
    errln!("{} is the private key: it signs, and stays with you", private.display());
    errln!("{} is the public key: it goes into trust policies ({})", public.display(), key.public().hint());
    Ok(Exit::Clean)
}

/// Writes a file that is not there yet: beside it, then under its name.
fn write_new(path: &Path, bytes: &[u8], mode: u32) -> Result<(), KeyFailure> {
    let write = || {
        // Nobody else can read it from its first byte on.
        let mut file = system::file_for(path, mode)?;
        file.write_all(bytes)?;
        file.as_file().sync_all()?;
        file.persist_noclobber(path).map_err(|error| error.error)
    };
    write().map(drop).map_err(|source| KeyFailure::File { path: path.to_owned(), source })
}
