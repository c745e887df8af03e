//! Credentials: whose they are, and that nobody prints them.

use super::super::error::OciError;
use base64::Engine as _;
use docker_credential::{CredentialRetrievalError, DockerCredential};
use std::fmt;
use std::io;
use std::path::{Path, PathBuf};

/// Who asks.
#[derive(Clone, PartialEq, Eq)]
pub enum Credential {
    /// A user's name and password.
    Password {
        /// The name.
        user: String,
        /// The password.
        password: String,
    },
    /// A token with which others are asked for.
    Identity(String),
}

/// Where credentials come from.
#[derive(Debug, Clone, Default)]
pub enum Credentials {
    /// Docker's `config.json` and the credential helpers that it names.
    #[default]
    Docker,
    /// There are none.
    Anonymous,
    /// These, for one host.
    Fixed(String, Credential),
}

impl fmt::Debug for Credential {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Credential(…)")
    }
}

impl Credential {
    /// The value of an `Authorization` header.
    pub(super) fn basic(&self) -> Option<String> {
        match self {
            Credential::Identity(_) => None,
            Credential::Password { user, password } => {
                let encoded = base64::engine::general_purpose::STANDARD.encode(format!("{user}:{password}"));
                Some(format!("Basic {encoded}"))
            }
        }
    }
}

impl Credentials {
    /// The credentials for a registry. Asks helpers, so it may take its time.
    pub(super) fn find(&self, host: &str) -> Result<Option<Credential>, OciError> {
        match self {
            Credentials::Anonymous => Ok(None),
            Credentials::Fixed(whose, credential) => Ok((whose == host).then(|| credential.clone())),
            Credentials::Docker => match docker_config() {
                Some(config) => docker(&config, host),
                None => Ok(None),
            },
        }
    }
}

/// Bytes of Docker's `config.json`.
const CONFIG_BYTES: usize = 1 << 20;

/// Where Docker keeps its `config.json`.
fn docker_config() -> Option<PathBuf> {
    let of = |variable| std::env::var_os(variable).filter(|value| !value.is_empty()).map(PathBuf::from);
    let directory = of("DOCKER_CONFIG").or_else(|| Some(of("HOME")?.join(".docker")))?;
    Some(directory.join("config.json"))
}

fn docker(config: &Path, host: &str) -> Result<Option<Credential>, OciError> {
    use CredentialRetrievalError as Failure;
    let failed = |reason: String| OciError::Credentials { host: host.to_owned(), reason };
    let file = match crate::files::read(config, CONFIG_BYTES) {
        Ok(bytes) => io::Cursor::new(bytes),
        // Whoever never logged in has no such file, and may ask as nobody.
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(failed(format!("{}: {error}", config.display()))),
    };
    // Docker's own registry has a name of its own in the file.
    let server = if host == "docker.io" { "https://index.docker.io/v1/" } else { host };
    let reason = match docker_credential::get_credential_from_reader(file, server) {
        Ok(DockerCredential::IdentityToken(token)) => return Ok(Some(Credential::Identity(token))),
        Ok(DockerCredential::UsernamePassword(user, password)) if user == "<token>" => {
            return Ok(Some(Credential::Identity(password)));
        }
        Ok(DockerCredential::UsernamePassword(user, password)) => {
            return Ok(Some(Credential::Password { user, password }));
        }
        Err(Failure::NoCredentialConfigured) => return Ok(None),
        // The protocol of helpers knows this one text, and no other sign. What a helper prints may be the secret, so it
        // is looked at and not shown.
        Err(Failure::HelperFailure { stdout, stderr, .. })
            if [&stdout, &stderr].iter().any(|said| said.contains("credentials not found")) =>
        {
            return Ok(None);
        }
        Err(Failure::HelperFailure { .. }) => "the credential helper failed",
        Err(Failure::HelperCommunicationError) => "the credential helper could not be run",
        Err(Failure::MalformedHelperResponse) => "the credential helper's answer is malformed",
        Err(Failure::CredentialDecodingError) => "the entry in Docker's config.json is malformed",
        Err(_) => "Docker's config.json is malformed",
    };
    Err(failed(reason.to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_never_logged_in_has_no_credentials() {
        let directory = tempfile::tempdir().unwrap();
        let config = directory.path().join("config.json");
        assert_eq!(docker(&config, "registry.example").unwrap(), None);
        for (text, expected) in [("{}", Some(None)), ("{\"auths\": {}}", Some(None)), ("", None), ("[", None)] {
            std::fs::write(&config, text).unwrap();
            assert_eq!(docker(&config, "registry.example").ok(), expected, "{text:?}");
        }
        std::fs::write(&config, r#"{"auths": {"registry.example": {"auth": "YW5uOnNlY3JldA=="}}}"#).unwrap();
        let credential = Credential::Password { user: "ann".to_owned(), password: "secret".to_owned() };
        assert_eq!(docker(&config, "registry.example").unwrap(), Some(credential));
        assert_eq!(docker(&config, "another.example").unwrap(), None);
    }

    #[test]
    fn secrets_are_not_printed() {
        let password = Credential::Password { user: "me".to_owned(), password: "hunter2".to_owned() };
        let fixed = Credentials::Fixed("h".to_owned(), password.clone());
        for shown in
            [format!("{password:?}"), format!("{fixed:?}"), format!("{:?}", Credential::Identity("hunter2".to_owned()))]
        {
            assert!(!shown.contains("hunter2") && !shown.contains("me\""), "{shown}");
        }
    }
}
