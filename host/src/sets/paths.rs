//! Paths of files, made comparable.

/// A path below another, without `.` and `..`. One that begins with `..` leads out of the working directory, as
/// shown paths may.
pub(crate) fn normalized(base: &str, path: &str) -> String {
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
pub(super) fn file_name(path: &str) -> &str {
    path.rsplit_once('/').map_or(path, |(_, name)| name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_lose_what_says_nothing() {
        assert_eq!(normalized("a/b", "../c/./d.yaml"), "a/c/d.yaml");
        assert_eq!(normalized("", "../../x"), "../../x");
        assert_eq!(normalized("a", "../../x"), "../x");
        assert_eq!(normalized("/a//b/", ""), "a/b");
        assert_eq!((directory("a/b.yaml"), directory("b.yaml"), file_name("a/b.yaml")), ("a", "", "b.yaml"));
    }
}
