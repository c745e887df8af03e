//! Where reports go.

use crate::system;
use std::io::Write as _;
use std::path::{Path, PathBuf};

/// Why a report could not be written.
#[derive(Debug, thiserror::Error)]
#[error("cannot write {}: {reason}", path.display())]
pub struct OutputError {
    path: PathBuf,
    reason: std::io::Error,
}

/// Writes a file as a whole: a reader sees the old text or the new, never a part. A pipe or device is written to.
///
/// # Errors
/// Names the file.
pub fn write_file(path: &Path, content: &[u8]) -> Result<(), OutputError> {
    try_write(path, content).map_err(|reason| OutputError { path: path.to_owned(), reason })
}

fn try_write(path: &Path, content: &[u8]) -> std::io::Result<()> {
    // Through a link the link's target is replaced, not the link.
    let target = match std::fs::metadata(path) {
        Ok(metadata) if metadata.is_dir() => return Err(std::io::ErrorKind::IsADirectory.into()),
        Ok(metadata) if !metadata.is_file() => {
            return std::fs::OpenOptions::new().write(true).open(path)?.write_all(content);
        }
        Ok(_) => std::fs::canonicalize(path)?,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => path.to_owned(),
        Err(error) => return Err(error),
    };
    // What anybody may do with a new file is for the umask to say.
    let mut file = system::file_for(&target, 0o666)?;
    if let Ok(metadata) = std::fs::metadata(&target) {
        file.as_file().set_permissions(metadata.permissions())?;
    }
    file.write_all(content)?;
    file.persist(&target)?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::PermissionsExt as _;

    #[test]
    fn a_file_is_replaced_as_a_whole_and_nothing_else_is_left() {
        let home = tempfile::tempdir().unwrap();
        let path = home.path().join("report");
        write_file(&path, b"old").unwrap();
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o640)).unwrap();
        let link = home.path().join("link");
        std::os::unix::fs::symlink(&path, &link).unwrap();
        write_file(&link, b"new").unwrap();
        assert_eq!(std::fs::read_to_string(&path).unwrap(), "new");
        assert_eq!(std::fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o640);
        assert!(std::fs::symlink_metadata(&link).unwrap().is_symlink());
        assert_eq!(std::fs::read_dir(home.path()).unwrap().count(), 2);
    }

    #[test]
    fn a_directory_is_no_report() {
        let home = tempfile::tempdir().unwrap();
        let error = write_file(home.path(), b"text").unwrap_err().to_string();
        assert!(error.contains("is a directory"), "{error}");
        let error = write_file(&home.path().join("none/report"), b"text").unwrap_err().to_string();
        assert!(error.contains("none/report"), "{error}");
    }
}
