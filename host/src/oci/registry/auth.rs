//! What authorises a call: nothing, a password, or a token that is asked for where the registry says.
//!
//! A token, and what is given for one, goes to another host only by TLS.

use super::super::error::OciError;
use super::super::limits;
use super::super::reference::Repository;
use super::credential::{Credential, Credentials};
use super::retry::Attempt;
use super::transport::{Call, Transport};
use bytes::Bytes;
use hyper::Method;
use hyper::header::{AUTHORIZATION, CONTENT_TYPE};
use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};
use url::Url;

/// What a call wants to do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) enum Action {
    Pull,
    Push,
}

/// What authorised calls so far.
pub(super) struct Authorizations {
    credentials: Credentials,
    found: tokio::sync::Mutex<HashMap<String, Option<Credential>>>,
    headers: Mutex<HashMap<(Repository, Action), String>>,
}

/// What a registry wants, from `WWW-Authenticate`.
#[derive(Debug, PartialEq, Eq)]
enum Challenge {
    Basic,
    Bearer { realm: String, service: Option<String>, scope: Option<String> },
}

impl Authorizations {
    pub(super) fn new(credentials: Credentials) -> Self {
        Self { credentials, found: tokio::sync::Mutex::default(), headers: Mutex::default() }
    }

    /// What authorised the last call of this kind.
    pub(super) fn known(&self, repository: &Repository, action: Action) -> Option<String> {
        let headers = self.headers.lock().unwrap_or_else(PoisonError::into_inner);
        headers.get(&(repository.clone(), action)).cloned()
    }

    /// Does what a refused call was told to do.
    pub(super) async fn answer(
        &self,
        transport: &Transport,
        repository: &Repository,
        action: Action,
        call: &Call,
        challenges: &[String],
    ) -> Result<(), Attempt> {
        let challenges: Vec<Challenge> = challenges.iter().filter_map(|text| parse_challenge(text)).collect();
        let bearer = challenges.iter().find(|challenge| matches!(challenge, Challenge::Bearer { .. }));
        let header = match bearer.or(challenges.first()) {
            None => return Err(denied(call, "it asks for something other than a password or a token").into()),
            Some(Challenge::Basic) => {
                let credential = self.credential(repository.host()).await?;
                credential.as_ref().and_then(Credential::basic).ok_or_else(|| no_credential(call, repository))?
            }
            Some(Challenge::Bearer { realm, service, scope }) => {
                let credential = self.credential(repository.host()).await?;
                let actions = if action == Action::Push { "pull,push" } else { "pull" };
                let scope = scope.clone().unwrap_or_else(|| format!("repository:{}:{actions}", repository.path()));
                let asked = token_call(transport, call, realm, service.as_deref(), &scope, credential.as_ref())?;
                format!("Bearer {}", token(transport, &asked).await?)
            }
        };
        let mut headers = self.headers.lock().unwrap_or_else(PoisonError::into_inner);
        headers.insert((repository.clone(), action), header);
        Ok(())
    }

    /// Looked for once a host; helpers take their time.
    async fn credential(&self, host: &str) -> Result<Option<Credential>, OciError> {
        let mut found = self.found.lock().await;
        if let Some(credential) = found.get(host) {
            return Ok(credential.clone());
        }
        let (source, name) = (self.credentials.clone(), host.to_owned());
        let credential = tokio::task::spawn_blocking(move || source.find(&name)).await;
        let credential = credential
            .map_err(|error| OciError::Credentials { host: host.to_owned(), reason: error.to_string() })??;
        found.insert(host.to_owned(), credential.clone());
        Ok(credential)
    }
}

/// The call that asks for a token.
fn token_call(
    transport: &Transport,
    refused: &Call,
    realm: &str,
    service: Option<&str>,
    scope: &str,
    credential: Option<&Credential>,
) -> Result<Call, OciError> {
    let mut url: Url = realm.parse().map_err(|_| denied(refused, "where it has tokens asked for is no URL"))?;
    let same_host = url.host_str() == refused.url.host_str();
    match url.scheme() {
        "https" => {}
        // Whoever allowed plain HTTP to this host gets what this host asks for, and nobody else does.
        "http" if refused.url.scheme() == "http" && same_host => transport.check_step(refused, &url)?,
        _ => return Err(denied(refused, "it wants a token asked for in the clear, at another host or after TLS")),
    }
    if let Some(Credential::Identity(identity)) = credential {
        let form: String = url::form_urlencoded::Serializer::new(String::new())
            .append_pair("grant_type", "refresh_token")
            .append_pair("service", service.unwrap_or_default())
            .append_pair("client_id", "policy-host")
            .append_pair("scope", scope)
            .append_pair("refresh_token", identity)
            .finish();
        return Ok(Call::new(Method::POST, url)
            .header(CONTENT_TYPE, "application/x-www-form-urlencoded")?
            .with_body(Bytes::from(form)));
    }
    if let Some(service) = service {
        url.query_pairs_mut().append_pair("service", service);
    }
    url.query_pairs_mut().append_pair("scope", scope);
    let call = Call::new(Method::GET, url);
    match credential.and_then(Credential::basic) {
        Some(basic) => call.header(AUTHORIZATION, &basic),
        None => Ok(call),
    }
}

async fn token(transport: &Transport, call: &Call) -> Result<String, Attempt> {
    #[derive(serde::Deserialize)]
    struct Body {
        token: Option<String>,
        access_token: Option<String>,
    }
    let mut answer = transport.send(call).await?;
    if !answer.status.is_success() {
        return Err(answer.into_error().await);
    }
    let bytes = answer.bytes(limits::ANSWER_BYTES).await?;
    let body: Option<Body> = serde_json::from_slice(&bytes).ok();
    let token = body.and_then(|body| body.token.or(body.access_token)).filter(|token| !token.is_empty());
    token.ok_or_else(|| denied(call, "the answer has no token").into())
}

fn denied(call: &Call, reason: &str) -> OciError {
    OciError::Refused(format!("{}: {reason}", call.what()))
}

fn no_credential(call: &Call, repository: &Repository) -> OciError {
    let host = repository.host();
    denied(
        call,
        &format!("it asks for a password, and Docker's config.json has none for `{host}` (`docker login {host}`)"),
    )
}

/// `Bearer realm="…",service="…",scope="…"` or `Basic …`.
fn parse_challenge(text: &str) -> Option<Challenge> {
    let (scheme, mut rest) = text.trim().split_once(' ').unwrap_or((text.trim(), ""));
    if scheme.eq_ignore_ascii_case("basic") {
        return Some(Challenge::Basic);
    }
    if !scheme.eq_ignore_ascii_case("bearer") {
        return None;
    }
    let mut fields: HashMap<String, String> = HashMap::new();
    while let Some((key, after)) = rest.split_once('=') {
        let key = key.trim_matches([' ', ',']).to_ascii_lowercase();
        let (value, after) = match after.strip_prefix('"') {
            Some(quoted) => quoted.split_once('"')?,
            None => after.split_once(',').unwrap_or((after, "")),
        };
        fields.insert(key, value.to_owned());
        rest = after;
    }
    let realm = fields.remove("realm")?;
    Some(Challenge::Bearer { realm, service: fields.remove("service"), scope: fields.remove("scope") })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn challenges_are_read() {
        let text =
            r#"Bearer realm="https://auth.example/token",service="registry.example",scope="repository:a/b:pull,push""#;
        let Some(Challenge::Bearer { realm, service, scope }) = parse_challenge(text) else { panic!("no challenge") };
        assert_eq!(realm, "https://auth.example/token");
        assert_eq!(
            (service.as_deref(), scope.as_deref()),
            (Some("registry.example"), Some("repository:a/b:pull,push"))
        );
        assert_eq!(parse_challenge("basic realm=\"x\""), Some(Challenge::Basic));
        for text in ["", "Bearer", "Bearer realm", "Bearer realm=\"open", "Bearer service=\"x\"", "Negotiate x"] {
            assert_eq!(parse_challenge(text), None, "{text}");
        }
    }
}
