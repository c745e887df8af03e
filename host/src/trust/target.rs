//! What is asked about: a digest in a repository.

/// The digest of a manifest, and the repository that it was asked for in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Target {
    repository: String,
    digest: String,
}

impl Target {
    /// A target; `None` when the digest is not `sha256:` and 64 lower-case hexadecimal digits.
    pub fn new(repository: &str, digest: &str) -> Option<Self> {
        let hex = digest.strip_prefix("sha256:")?;
        let is_hex = hex.len() == 64 && hex.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'));
        is_hex.then(|| Self { repository: canonical(repository).to_owned(), digest: digest.to_owned() })
    }

    /// Registry and repository.
    pub fn repository(&self) -> &str {
        &self.repository
    }

    /// The digest, `sha256:…`.
    pub fn digest(&self) -> &str {
        &self.digest
    }

    /// The digest without its algorithm.
    pub fn hex(&self) -> &str {
        &self.digest["sha256:".len()..]
    }

    /// The same digest under another repository's name.
    pub fn named(&self, repository: &str) -> Self {
        Self { repository: canonical(repository).to_owned(), digest: self.digest.clone() }
    }

    /// Whether a name that somebody signed is the repository's. A tag or digest behind it says nothing: it was
    /// signed for that digest.
    pub fn is_repository(&self, name: &str) -> bool {
        let name = name.split_once('@').map_or(name, |(name, _)| name);
        let name = match name.rsplit_once(':') {
            // A port is before the first slash.
            Some((repository, tag)) if !tag.contains('/') => repository,
            _ => name,
        };
        canonical(name) == self.repository
    }
}

impl std::fmt::Display for Target {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(formatter, "{}@{}", self.repository, self.digest)
    }
}

/// Go's clients write Docker's registry by its older name.
fn canonical(repository: &str) -> &str {
    repository.strip_prefix("index.").filter(|rest| rest.starts_with("docker.io/")).unwrap_or(repository)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn target(repository: &str) -> Target {
        Target::new(repository, &format!("sha256:{}", "a".repeat(64))).unwrap()
    }

    #[test]
    fn names_are_compared_without_tag_and_digest() {
        let here = target("registry.example:5000/team/rules");
        for name in ["registry.example:5000/team/rules", "registry.example:5000/team/rules:1.0"] {
            assert!(here.is_repository(name), "{name}");
            assert!(here.is_repository(&format!("{name}@sha256:00")), "{name}");
        }
        for name in ["registry.example/team/rules", "registry.example:5000/team", "team/rules", "", ":", "@"] {
            assert!(!here.is_repository(name), "{name}");
        }
        assert!(target("docker.io/library/rules").is_repository("index.docker.io/library/rules:1"));
    }

    #[test]
    fn only_whole_digests_are_digests() {
        for digest in ["", "sha256:", "sha256:AB", "sha512:00", &format!("sha256:{}", "A".repeat(64))] {
            assert_eq!(Target::new("a/b", digest), None, "{digest}");
        }
    }
}
