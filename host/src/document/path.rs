//! Paths of files as people see them: with `/`, relative to the working directory.

/// A path below another, without `.`, `..` and repeated slashes; empty for the working directory itself. One that begins
/// with `..` leads out of the working directory, as shown paths may.
pub(crate) fn joined(base: &str, path: &str) -> String {
    let mut parts: Vec<&str> = Vec::new();
    for part in base.split('/').chain(path.split('/')) {
        match part {
            "" | "." => {}
            ".." if parts.last().is_some_and(|last| *last != "..") => {
                parts.pop();
            }
            part => parts.push(part),
        }
    }
    parts.join("/")
}

/// The directory that a file is in; empty for the working directory.
pub(crate) fn directory(path: &str) -> &str {
    path.rsplit_once('/').map_or("", |(directory, _)| directory)
}

/// The last part of a path.
pub(crate) fn file_name(path: &str) -> &str {
    path.rsplit_once('/').map_or(path, |(_, name)| name)
}

/// A directory as people see it: `.` for the working directory.
pub(crate) fn shown_directory(directory: &str) -> &str {
    if directory.is_empty() { "." } else { directory }
}

#[cfg(test)]
mod tests {
    use super::{directory, file_name, joined, shown_directory};

    #[test]
    fn paths_are_written_in_one_way() {
        for (base, path, expected) in [
            ("live", "../modules/a", "modules/a"),
            ("", "./a//b/", "a/b"),
            (".", ".", ""),
            ("a", "../..", ".."),
            ("../x", "../../y", "../../y"),
            ("a/b", "../c/./d.yaml", "a/c/d.yaml"),
            ("", "../../x", "../../x"),
            ("/a//b/", "", "a/b"),
        ] {
            assert_eq!(joined(base, path), expected, "{base} {path}");
        }
    }

    #[test]
    fn a_path_is_a_directory_and_a_name() {
        assert_eq!((directory("a/b.yaml"), directory("b.yaml"), file_name("a/b.yaml")), ("a", "", "b.yaml"));
        assert_eq!((shown_directory(""), shown_directory("a")), (".", "a"));
    }
}
