//! Reading files that may be anything: a pipe, a device, a directory, a terabyte.
//!
//! Whatever reads a whole file that somebody named, or that was found, does it here: only regular files, only up to a
//! bound, and never waiting for somebody to write.

use crate::system;
use std::fs::File;
use std::io::{self, Read as _};
use std::path::Path;

/// Opens a regular file, links followed.
///
/// # Errors
/// When it cannot be opened, or is something else.
pub fn open(path: &Path) -> io::Result<File> {
    // Opening a device may do something, and opening a pipe may wait: neither is opened. Should it become one between the
    // two looks, opening it still does not wait.
    regular(&std::fs::metadata(path)?)?;
    let file = system::open(path)?;
    regular(&file.metadata()?)?;
    Ok(file)
}

/// Reads a regular file of at most `bound` bytes.
///
/// # Errors
/// When it cannot be read or is something else; [`io::ErrorKind::FileTooLarge`] when it is longer.
pub fn read(path: &Path, bound: usize) -> io::Result<Vec<u8>> {
    let file = open(path)?;
    let length = file.metadata()?.len();
    let too_long = || io::Error::new(io::ErrorKind::FileTooLarge, format!("it is longer than {bound} bytes"));
    if length > bound as u64 {
        return Err(too_long());
    }
    // It may grow meanwhile, and some file systems do not say how long a file is.
    let mut bytes = Vec::with_capacity(length as usize);
    file.take(bound as u64 + 1).read_to_end(&mut bytes)?;
    if bytes.len() > bound { Err(too_long()) } else { Ok(bytes) }
}

/// Reads a regular file of at most `bound` bytes as text.
///
/// # Errors
/// As for [`read`], and when it is not UTF-8.
pub fn read_text(path: &Path, bound: usize) -> io::Result<String> {
    let not_text = |_| io::Error::new(io::ErrorKind::InvalidData, "it is not UTF-8");
    String::from_utf8(read(path, bound)?).map_err(not_text)
}

fn regular(metadata: &std::fs::Metadata) -> io::Result<()> {
    if metadata.is_file() {
        return Ok(());
    }
    let (kind, reason) = if metadata.is_dir() {
        (io::ErrorKind::IsADirectory, "it is a directory")
    } else {
        (io::ErrorKind::InvalidInput, "it is no regular file")
    };
    Err(io::Error::new(kind, reason))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_regular_files_within_their_bound_are_read() {
        let directory = tempfile::tempdir().unwrap();
        let path = |name: &str| directory.path().join(name);
        std::fs::write(path("file"), "12345").unwrap();
        std::os::unix::fs::symlink("file", path("link")).unwrap();
        assert!(std::process::Command::new("mkfifo").arg(path("pipe")).status().unwrap().success());
        // Longer than any memory, and not there on disk.
        File::create(path("sparse")).unwrap().set_len(1 << 40).unwrap();
        for name in ["file", "link"] {
            assert_eq!(read(&path(name), 5).unwrap(), b"12345", "{name}");
            assert_eq!(read_text(&path(name), 5).unwrap(), "12345", "{name}");
        }
        let refused = |path: &Path| read(path, 4).unwrap_err().to_string();
        assert_eq!(refused(&path("file")), "it is longer than 4 bytes");
        assert_eq!(refused(&path("sparse")), "it is longer than 4 bytes");
        assert_eq!(refused(&path("pipe")), "it is no regular file");
        assert_eq!(refused(directory.path()), "it is a directory");
        assert_eq!(refused(Path::new("/dev/zero")), "it is no regular file");
        assert_eq!(read(&path("nothing"), 4).unwrap_err().kind(), io::ErrorKind::NotFound);
        // Files whose length the system does not say.
        assert_eq!(refused(Path::new("/proc/self/status")), "it is longer than 4 bytes");
        std::fs::write(path("file"), [0xff]).unwrap();
        assert_eq!(read_text(&path("file"), 5).unwrap_err().to_string(), "it is not UTF-8");
    }
}
