//! Which repositories may be asked about images, where they are mirrored, and for how long anybody waits.

use crate::oci::registry::RegistryOptions;
use crate::oci::{Reference, Repository};
use crate::trust::Pattern;
use std::path::PathBuf;
use std::str::FromStr;
use std::time::Duration;

/// How registries are asked about images.
#[derive(Debug, Clone)]
pub struct ImageOptions {
    /// The repositories that may be asked.
    pub allowed: Vec<Allowed>,
    /// Where repositories are asked instead of where they are.
    pub mirrors: Vec<Mirror>,
    /// How long one image may take.
    pub deadline: Duration,
    /// The client.
    pub registry: RegistryOptions,
    /// Where what was fetched is kept.
    pub store: PathBuf,
}

/// Repositories that may be asked: `ghcr.io/acme/**`, or a registry alone.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Allowed(Pattern);

/// A place that has what another has: `docker.io=mirror.example/hub`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mirror {
    origin: String,
    place: String,
}

/// What is wrong with an option.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{text}`: {reason}")]
pub struct OptionError {
    text: String,
    reason: String,
}

impl Allowed {
    /// Whether a repository, with its registry, may be asked.
    pub fn allows(&self, repository: &str) -> bool {
        self.0.matches(repository)
    }
}

impl FromStr for Allowed {
    type Err = OptionError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let whole = if text.contains('/') || text == "**" { text.to_owned() } else { format!("{text}/**") };
        let error = |reason: String| OptionError { text: text.to_owned(), reason };
        Pattern::parse(&whole).map(Self).map_err(|reason| error(reason.to_string()))
    }
}

impl Mirror {
    /// A mirror of `origin`, a registry or the beginning of repositories, at `place`.
    ///
    /// # Errors
    /// When one of them is neither.
    pub fn new(origin: &str, place: &str) -> Result<Self, OptionError> {
        for text in [origin, place] {
            // What stands before a repository is one itself, or a registry alone.
            if text.contains("://") || format!("{text}/x").parse::<Repository>().is_err() {
                let reason = "it is a registry, or the beginning of a repository: `registry.example/team`".to_owned();
                return Err(OptionError { text: text.to_owned(), reason });
            }
        }
        Ok(Self { origin: origin.to_owned(), place: place.to_owned() })
    }

    fn of(&self, repository: &str) -> Option<String> {
        let rest = repository.strip_prefix(&self.origin)?;
        rest.starts_with('/').then(|| format!("{}{rest}", self.place))
    }
}

impl FromStr for Mirror {
    type Err = OptionError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let reason = || "it is an origin and a mirror: `docker.io=mirror.example/hub`".to_owned();
        let (origin, place) =
            text.split_once('=').ok_or_else(|| OptionError { text: text.to_owned(), reason: reason() })?;
        Self::new(origin, place)
    }
}

impl ImageOptions {
    /// Whether a repository may be asked.
    pub(super) fn allows(&self, repository: &str) -> bool {
        self.allowed.iter().any(|allowed| allowed.allows(repository))
    }

    /// Where an image is asked for: at the mirror whose origin is the longest, else where it is.
    pub(super) fn place(&self, reference: &Reference) -> Reference {
        let name = reference.repository.to_string();
        let mirrors = self.mirrors.iter().filter_map(|mirror| Some((mirror.origin.len(), mirror.of(&name)?)));
        let mirrored =
            mirrors.max_by_key(|(length, _)| *length).and_then(|(_, place)| place.parse::<Repository>().ok());
        Reference { repository: mirrored.unwrap_or_else(|| reference.repository.clone()), ..reference.clone() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn options(allowed: &[&str], mirrors: &[&str]) -> ImageOptions {
        ImageOptions {
            allowed: allowed.iter().map(|text| text.parse().unwrap()).collect(),
            mirrors: mirrors.iter().map(|text| text.parse().unwrap()).collect(),
            deadline: Duration::from_secs(1),
            registry: RegistryOptions::default(),
            store: PathBuf::new(),
        }
    }

    #[test]
    fn repositories_are_allowed_by_whole_parts() {
        let options = options(&["ghcr.io/acme/**", "registry.example:5000", "docker.io/library/nginx"], &[]);
        for repository in ["ghcr.io/acme/api", "registry.example:5000/a/b", "docker.io/library/nginx"] {
            assert!(options.allows(repository), "{repository}");
        }
        for repository in [
            "ghcr.io/acme-evil/api",
            "ghcr.io/acme",
            "ghcr.io.evil.example/acme/api",
            "registry.example/a",
            "registry.example:50001/a",
            "docker.io/library/nginx/x",
        ] {
            assert!(!options.allows(repository), "{repository}");
        }
        assert!(self::options(&["**"], &[]).allows("any.example/thing"));
        for text in ["", "https://ghcr.io", "ghcr.io/acme*", "ghcr.io/a:1", "/a"] {
            assert!(text.parse::<Allowed>().is_err(), "{text}");
        }
    }

    #[test]
    fn the_nearest_mirror_is_asked() {
        let options = options(&[], &["docker.io=mirror.example/hub", "docker.io/acme=own.example"]);
        let place = |text: &str| options.place(&text.parse().unwrap()).to_string();
        assert_eq!(place("docker.io/library/nginx:1"), "mirror.example/hub/library/nginx:1");
        assert_eq!(place("docker.io/acme/api:1"), "own.example/api:1");
        assert_eq!(place("docker.io.evil.example/a:1"), "docker.io.evil.example/a:1");
        for text in ["docker.io", "=x", "a=", "docker.io=https://x", "a b=c", "docker.io=x/*"] {
            assert!(text.parse::<Mirror>().is_err(), "{text}");
        }
    }
}
