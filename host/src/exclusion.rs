//! Paths that are not even read: `exclude`.

use crate::root::absolute;
use globset::{Glob, GlobSet, GlobSetBuilder};
use std::path::{Component, Path, PathBuf};

/// Globs of files and directories; a directory is excluded with all that is below it.
#[derive(Debug, Clone, Default)]
pub struct Exclusion {
    globs: GlobSet,
    spares_named: bool,
}

impl Exclusion {
    /// Takes globs from the working directory, or absolute ones. `*` matches `/` too, as in exceptions: `vendor` is that
    /// directory here, `**/vendor` one anywhere below, `*.gen.yaml` all files that end so.
    ///
    /// # Errors
    /// Names the glob, by its index, and says what is wrong with it.
    pub fn new(globs: &[String]) -> Result<Self, (usize, String)> {
        let mut set = GlobSetBuilder::new();
        for (index, glob) in globs.iter().enumerate() {
            let anchored = anchored(glob).map_err(|why| (index, why))?;
            let glob =
                Glob::new(&anchored).map_err(|error| (index, format!("the glob is malformed: {}", error.kind())))?;
            set.add(glob);
        }
        let globs = set.build().map_err(|error| (0, error.kind().to_string()))?;
        Ok(Self { globs, spares_named: false })
    }

    /// Excludes no path that somebody names, whatever the globs say: only what is found below one.
    pub fn sparing_named(self) -> Self {
        Self { spares_named: true, ..self }
    }

    /// Whether a path that somebody names is read though it is excluded.
    pub fn spares_named(&self) -> bool {
        self.spares_named
    }

    /// Whether a file or directory is excluded, itself or with a directory that it is in.
    pub fn covers(&self, path: &Path) -> bool {
        let whole = if self.globs.is_empty() { None } else { absolute(path) };
        whole.is_some_and(|whole| whole.ancestors().any(|part| self.globs.is_match(part)))
    }

    /// Whether an entry of a directory that is not excluded is.
    pub fn matches(&self, path: &Path) -> bool {
        let whole = if self.globs.is_empty() { None } else { absolute(path) };
        whole.is_some_and(|whole| self.globs.is_match(whole))
    }
}

/// A glob with the directory in front that it is meant from.
fn anchored(glob: &str) -> Result<String, String> {
    if glob.starts_with('!') {
        return Err("a glob here cannot begin with `!`: what is not excluded is checked".to_owned());
    }
    let mut rest = glob.trim_end_matches('/');
    if rest.is_empty() {
        return Err("a glob is missing".to_owned());
    }
    let mut base =
        if rest.starts_with('/') { PathBuf::from("/") } else { absolute(Path::new(".")).unwrap_or_default() };
    // What leads upwards is no pattern.
    while let Some((first, behind)) = rest.split_once('/') {
        match Path::new(first).components().next() {
            None | Some(Component::CurDir) => {}
            Some(Component::ParentDir) => drop(base.pop()),
            _ => break,
        }
        rest = behind;
    }
    match rest {
        "." => {}
        ".." => drop(base.pop()),
        _ => {
            let base = globset::escape(&base.to_string_lossy());
            return Ok(format!("{}/{rest}", base.trim_end_matches('/')));
        }
    }
    Ok(globset::escape(&base.to_string_lossy()))
}

#[cfg(test)]
mod tests {
    use super::Exclusion;
    use std::path::Path;

    fn covers(glob: &str, path: &str) -> bool {
        Exclusion::new(&[glob.to_owned()]).unwrap().covers(Path::new(path))
    }

    #[test]
    fn globs_are_meant_from_here() {
        for (glob, path) in [
            ("vendor", "vendor"),
            ("vendor/", "vendor/a/b.yaml"),
            ("./vendor", "vendor/a.yaml"),
            ("**/vendor", "vendor/a.yaml"),
            ("**/vendor", "x/y/vendor/a.yaml"),
            ("vendor/**", "./vendor/a.yaml"),
            ("*.gen.yaml", "x/a.gen.yaml"),
            ("/tmp/a*", "/tmp/abc/d.yaml"),
            ("../other", "../other/a.yaml"),
            ("{a,b}.yaml", "b.yaml"),
            (".", "a.yaml"),
        ] {
            assert!(covers(glob, path), "{glob} {path}");
        }
        for (glob, path) in [
            ("vendor", "vendored/a.yaml"),
            ("vendor", "x/vendor/a.yaml"),
            ("vendor/**", "vendor"),
            ("*.gen.yaml", "a.yaml"),
            ("../other", "other/a.yaml"),
        ] {
            assert!(!covers(glob, path), "{glob} {path}");
        }
    }

    #[test]
    fn what_is_no_glob_is_refused() {
        for glob in ["[", "!a", "", "/"] {
            let (index, _) = Exclusion::new(&["a".to_owned(), glob.to_owned()]).unwrap_err();
            assert_eq!(index, 1, "{glob}");
        }
    }
}
