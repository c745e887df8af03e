//! Where paths are: below a directory, by their words alone, and in which repository.

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

/// A path from the file system's root, without links, as it is from the working directory where it is below that.
pub fn from_here(path: &Path) -> PathBuf {
    let here = std::env::current_dir().and_then(|here| here.canonicalize()).ok();
    let below = here.and_then(|here| path.strip_prefix(here).map(Path::to_owned).ok());
    match below {
        Some(below) if below.as_os_str().is_empty() => PathBuf::from("."),
        Some(below) => below,
        None => path.to_owned(),
    }
}

/// The directory that some paths belong to: the repository around what they have in common, else the working directory
/// around it, else what they have in common. `-`, standard input, is in the working directory.
pub fn of_paths(paths: &[PathBuf]) -> PathBuf {
    let here = absolute(Path::new("."));
    let directories = paths.iter().filter_map(|path| {
        let path = if path.as_os_str() == "-" { Path::new(".") } else { path };
        let whole = absolute(path)?;
        if whole.is_dir() { Some(whole) } else { whole.parent().map(Path::to_owned) }
    });
    let Some(common) = directories.reduce(|one, other| common(&one, &other)).or_else(|| here.clone()) else {
        return PathBuf::new();
    };
    let repository = common.ancestors().find(|directory| directory.join(".git").exists()).map(Path::to_owned);
    repository.or_else(|| here.filter(|here| common.starts_with(here))).unwrap_or(common)
}

fn common(one: &Path, other: &Path) -> PathBuf {
    let shared = one.components().zip(other.components()).take_while(|(one, other)| one == other);
    shared.map(|(component, _)| component).collect()
}

#[cfg(test)]
mod tests {
    use super::{absolute, below, from_here, of_paths};
    use std::path::{Path, PathBuf};

    #[test]
    fn paths_belong_to_their_repository() {
        let home = tempfile::tempdir().unwrap();
        let home = absolute(home.path()).unwrap();
        std::fs::create_dir_all(home.join("repository/.git")).unwrap();
        std::fs::create_dir_all(home.join("repository/k8s/prod")).unwrap();
        std::fs::write(home.join("repository/k8s/prod/a.yaml"), "").unwrap();
        let of = |paths: &[&str]| of_paths(&paths.iter().map(|path| home.join(path)).collect::<Vec<_>>());
        let repository = home.join("repository");
        for paths in [&["repository"][..], &["repository/k8s/prod/a.yaml"], &["repository/k8s", "repository/gone.yaml"]]
        {
            assert_eq!(of(paths), repository, "{paths:?}");
        }
        assert_eq!(of(&["repository", "elsewhere"]), home, "no repository, and not below the working directory");
        let here = std::env::current_dir().unwrap();
        let repository_here = here.ancestors().find(|directory| directory.join(".git").exists()).unwrap_or(&here);
        for paths in [&[][..], &[PathBuf::from("-")], &[PathBuf::from("src")], &["src".into(), "benches".into()]] {
            assert_eq!(of_paths(paths), repository_here, "{paths:?}");
        }
    }

    #[test]
    fn paths_below_the_working_directory_are_short() {
        let here = std::env::current_dir().unwrap().canonicalize().unwrap();
        assert_eq!(from_here(&here.join("k8s/a.yaml")), Path::new("k8s/a.yaml"));
        assert_eq!(from_here(&here), Path::new("."));
        assert_eq!(from_here(Path::new("/elsewhere/a.yaml")), Path::new("/elsewhere/a.yaml"));
    }

    #[test]
    fn what_is_below_and_what_is_not() {
        let path = |directory: &str, path: &str| below(Path::new(directory), path);
        assert_eq!(path("/r", "/r/k8s/../a.yaml").unwrap(), Path::new("a.yaml"));
        assert_eq!(path("/r", "/r/../etc/a.yaml"), None);
        assert_eq!(path("/r", "/rest/a.yaml"), None);
        assert_eq!(path(".", "k8s/./a.yaml").unwrap(), Path::new("k8s/a.yaml"));
    }
}
