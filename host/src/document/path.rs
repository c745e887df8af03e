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

#[cfg(test)]
mod tests {
    use super::joined;

    #[test]
    fn paths_are_written_in_one_way() {
        for (base, path, expected) in [
            ("live", "../modules/a", "modules/a"),
            ("", "./a//b/", "a/b"),
            (".", ".", ""),
            ("a", "../..", ".."),
            ("../x", "../../y", "../../y"),
        ] {
            assert_eq!(joined(base, path), expected, "{base} {path}");
        }
    }
}
