//! Patterns of repositories: whole segments, `*` for any one, `**` at the end for one or more.

use std::fmt;

/// A pattern of repositories.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pattern {
    segments: Vec<Segment>,
    /// It ends with `**`.
    open: bool,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Segment {
    Exact(String),
    Any,
}

/// Why a text is no pattern.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum PatternError {
    /// A wildcard beside other letters.
    #[error("`*` stands for a whole segment between slashes, `**` for all that are left")]
    Wildcard,
    /// A segment without a letter.
    #[error("it begins or ends with a slash, or has two in a row")]
    Empty,
    /// `https://…`, `oci://…`, a tag or a digest.
    #[error("it is a registry and a repository without scheme, tag and digest: `registry.example/team/**`")]
    NotBare,
}

impl Pattern {
    /// Reads a pattern.
    ///
    /// # Errors
    /// Says what is wrong with it.
    pub fn parse(text: &str) -> Result<Self, PatternError> {
        let bare = text.split_once('/').map_or("", |(_, path)| path);
        if text.contains("://") || text.contains('@') || bare.contains(':') {
            return Err(PatternError::NotBare);
        }
        let (text, open) = match text.strip_suffix("**") {
            Some("") => return Ok(Self { segments: Vec::new(), open: true }),
            Some(rest) => (rest.strip_suffix('/').ok_or(PatternError::Wildcard)?, true),
            None => (text, false),
        };
        let segment = |text: &str| match text {
            "" => Err(PatternError::Empty),
            "*" => Ok(Segment::Any),
            text if text.contains('*') => Err(PatternError::Wildcard),
            text => Ok(Segment::Exact(text.to_owned())),
        };
        Ok(Self { segments: text.split('/').map(segment).collect::<Result<_, _>>()?, open })
    }

    /// Whether a repository, with its registry, fits.
    pub fn matches(&self, repository: &str) -> bool {
        let given: Vec<&str> = repository.split('/').collect();
        let length = match self.open {
            true => given.len() > self.segments.len(),
            false => given.len() == self.segments.len(),
        };
        length && self.segments.iter().zip(&given).all(|(segment, given)| segment.fits(given))
    }

    /// Whether every repository that fits `other` fits this one too.
    pub fn covers(&self, other: &Self) -> bool {
        let length = match self.open {
            // Without `**` the other has exactly its segments; with it, at least one more.
            true => other.segments.len() + usize::from(other.open) > self.segments.len(),
            false => !other.open && other.segments.len() == self.segments.len(),
        };
        let as_wide = |(mine, theirs): (&Segment, &Segment)| match (mine, theirs) {
            (Segment::Any, _) => true,
            (Segment::Exact(mine), Segment::Exact(theirs)) => mine == theirs,
            (Segment::Exact(_), Segment::Any) => false,
        };
        length && self.segments.iter().zip(&other.segments).all(as_wide)
    }

    /// The repository's name with what stands before the first wildcard replaced.
    pub fn rename(&self, repository: &str, prefix: &str) -> String {
        let fixed = self.segments.iter().take_while(|segment| matches!(segment, Segment::Exact(_))).count();
        let rest = repository.split('/').skip(fixed).map(|segment| format!("/{segment}"));
        rest.fold(prefix.to_owned(), |name, segment| name + &segment)
    }
}

impl Segment {
    fn fits(&self, given: &str) -> bool {
        match self {
            Self::Exact(text) => text == given,
            Self::Any => !given.is_empty(),
        }
    }
}

impl fmt::Display for Pattern {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let segments = self.segments.iter().map(|segment| match segment {
            Segment::Exact(text) => text.as_str(),
            Segment::Any => "*",
        });
        let all: Vec<&str> = segments.chain(self.open.then_some("**")).collect();
        out.write_str(&all.join("/"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn pattern(text: &str) -> Pattern {
        Pattern::parse(text).unwrap_or_else(|error| panic!("{text}: {error}"))
    }

    #[test]
    fn patterns_match_whole_segments() {
        for (text, fits, does_not) in [
            ("r.example/a/b", &["r.example/a/b"][..], &["r.example/a", "r.example/a/bc", "r.example/a/b/c"][..]),
            (
                "r.example:5000/a/*",
                &["r.example:5000/a/b"],
                &["r.example:5000/a", "r.example:5000/a/b/c", "r.example/a/b"],
            ),
            (
                "r.example/a/**",
                &["r.example/a/b", "r.example/a/b/c"],
                &["r.example/a", "r.example/ab/c", "x/r.example/a/b"],
            ),
            ("*/a/**", &["r.example/a/b"], &["r.example/b/a", "a/b"]),
            ("**", &["r.example/a", "r.example"], &[]),
        ] {
            for repository in fits {
                assert!(pattern(text).matches(repository), "{text} {repository}");
            }
            for repository in does_not {
                assert!(!pattern(text).matches(repository), "{text} {repository}");
            }
        }
    }

    #[test]
    fn what_is_no_pattern_is_refused() {
        for (text, expected) in [
            ("r.example/team-*", PatternError::Wildcard),
            ("r.example/**/a", PatternError::Wildcard),
            ("r.example/a**", PatternError::Wildcard),
            ("r.example//a", PatternError::Empty),
            ("/a", PatternError::Empty),
            ("r.example/a/", PatternError::Empty),
            ("", PatternError::Empty),
            ("oci://r.example/a", PatternError::NotBare),
            ("r.example/a:1.0", PatternError::NotBare),
            ("r.example/a@sha256:00", PatternError::NotBare),
        ] {
            assert_eq!(Pattern::parse(text), Err(expected), "{text}");
        }
    }

    #[test]
    fn a_mirror_is_called_by_its_origin() {
        assert_eq!(pattern("m.local/p/**").rename("m.local/p/a/b", "r.example/q"), "r.example/q/a/b");
        assert_eq!(pattern("m.local/p/a").rename("m.local/p/a", "r.example/q/b"), "r.example/q/b");
    }

    proptest! {
        #[test]
        fn what_is_covered_matches_nothing_else(
            one in "(([ab]|\\*)/){0,3}([ab]|\\*|\\*\\*)",
            other in "(([ab]|\\*)/){0,3}([ab]|\\*|\\*\\*)",
            repository in "([ab]/){0,4}[ab]",
        ) {
            let (one, other) = (pattern(&one), pattern(&other));
            prop_assert_eq!(pattern(&one.to_string()), one.clone());
            if one.covers(&other) && other.matches(&repository) {
                prop_assert!(one.matches(&repository));
            }
        }
    }
}
