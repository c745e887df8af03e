//! Credentials: whose they are, and that nobody prints them.

use super::super::error::OciError;
use base64::Engine as _;
use docker_credential::{CredentialRetrievalError, DockerCredential};
use std::fmt;

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
            Credentials::Docker => docker(host),
        }
    }
}

fn docker(host: &str) -> Result<Option<Credential>, OciError> {
    use CredentialRetrievalError as Failure;
    // Docker's own registry has a name of its own in the file.
    let server = if host == "docker.io" { "https://index.docker.io/v1/" } else { host };
    let reason = match docker_credential::get_credential(server) {
        Ok(DockerCredential::IdentityToken(token)) => return Ok(Some(Credential::Identity(token))),
        Ok(DockerCredential::UsernamePassword(user, password)) if user == "<token>" => {
            return Ok(Some(Credential::Identity(password)));
        }
        Ok(DockerCredential::UsernamePassword(user, password)) => {
            return Ok(Some(Credential::Password { user, password }));
        }
        Err(Failure::NoCredentialConfigured | Failure::ConfigNotFound) => return Ok(None),
        // What a helper prints may be the secret, so it is looked at and not shown.
        Err(Failure::HelperFailure { stdout, stderr, .. })
            if [&stdout, &stderr].iter().any(|said| said.contains("credentials not found")) =>
        {
            return Ok(None);
        }
        Err(Failure::HelperFailure { .. }) => "the credential helper failed",
        Err(Failure::HelperCommunicationError) => "the credential helper could not be run",
        Err(Failure::MalformedHelperResponse) => "the credential helper's answer is malformed",
        Err(Failure::CredentialDecodingError) => "the entry in Docker's config.json is malformed",
        Err(_) => "Docker's config.json could not be read",
    };
    Err(OciError::Credentials { host: host.to_owned(), reason: reason.to_owned() })
}

#[cfg(test)]
mod tests {
    use super::*;

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
