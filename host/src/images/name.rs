//! References of images as Kubernetes and Docker read them: `nginx` is `docker.io/library/nginx:latest`.

use crate::oci::{Reference, ReferenceError};

/// The registry of a reference that names none.
const DOCKER_HUB: &str = "docker.io";

/// A reference with all that it implies.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ImageName(pub Reference);

/// Why a text names no image.
pub type NameError = ReferenceError;

impl ImageName {
    /// Reads a reference. The first part is a registry only if it has a `.` or `:`, or is `localhost`.
    ///
    /// # Errors
    /// When it is no reference, or its digest is no SHA-256.
    pub fn parse(text: &str) -> Result<Self, NameError> {
        let (registry, path) = match text.split_once('/') {
            Some((first, path)) if first.contains(['.', ':']) || first == "localhost" => (first, path),
            _ => (DOCKER_HUB, text),
        };
        let registry = if registry == "index.docker.io" { DOCKER_HUB } else { registry };
        let library = if registry == DOCKER_HUB && !path.contains('/') { "library/" } else { "" };
        format!("{registry}/{library}{path}").parse().map(Self)
    }

    /// The repository with its registry: `docker.io/library/nginx`.
    pub fn repository(&self) -> String {
        self.0.repository.to_string()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_implied_is_filled_in() {
        let digest = format!("sha256:{}", "a".repeat(64));
        for (text, full) in [
            ("nginx", "docker.io/library/nginx:latest".to_owned()),
            ("nginx:1.27", "docker.io/library/nginx:1.27".to_owned()),
            ("team/app", "docker.io/team/app:latest".to_owned()),
            ("index.docker.io/nginx", "docker.io/library/nginx:latest".to_owned()),
            ("localhost/app", "localhost/app:latest".to_owned()),
            ("registry:5000/app:1", "registry:5000/app:1".to_owned()),
            ("ghcr.io/acme/api:1.0", "ghcr.io/acme/api:1.0".to_owned()),
            (&format!("nginx:1@{digest}"), format!("docker.io/library/nginx:1@{digest}")),
            (&format!("ghcr.io/a/b@{digest}"), format!("ghcr.io/a/b@{digest}")),
        ] {
            assert_eq!(ImageName::parse(text).unwrap().0.to_string(), full, "{text}");
        }
        let sha512 = format!("nginx@sha512:{}", "a".repeat(128));
        for text in
            ["", " nginx", "Nginx", "a/B", "http://ghcr.io/a/b", "a:b:c", "$IMAGE", &sha512, "a/../b", "u@h.io/a"]
        {
            assert!(ImageName::parse(text).is_err(), "{text}");
        }
    }
}
