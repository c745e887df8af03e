//! Where a path is below a directory, by its words alone.

use std::path::{Component, Path, PathBuf};

/// A path, from the working directory, as it is below another directory; none when it is not.
pub fn below(directory: &Path, path: &str) -> Option<PathBuf> {
    let whole = absolute(Path::new(path))?;
    whole.strip_prefix(absolute(directory)?).ok().map(Path::to_owned)
}

/// A path from the file system's root, without `.` and `..`.
pub fn absolute(path: &Path) -> Option<PathBuf> {
    // An empty path is the working directory.
    let path = if path.as_os_str().is_empty() { Path::new(".") } else { path };
    let mut whole = PathBuf::new();
    for component in std::path::absolute(path).ok()?.components() {
        match component {
            Component::ParentDir => drop(whole.pop()),
            Component::CurDir => {}
            other => whole.push(other),
        }
    }
    Some(whole)
}

#[cfg(test)]
mod tests {
    use super::below;
    use std::path::Path;

    #[test]
    fn what_is_below_and_what_is_not() {
        let path = |directory: &str, path: &str| below(Path::new(directory), path);
        assert_eq!(path("/r", "/r/k8s/../a.yaml").unwrap(), Path::new("a.yaml"));
        assert_eq!(path("/r", "/r/../etc/a.yaml"), None);
        assert_eq!(path("/r", "/rest/a.yaml"), None);
        assert_eq!(path(".", "k8s/./a.yaml").unwrap(), Path::new("k8s/a.yaml"));
    }
}
