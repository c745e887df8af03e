//! Gatekeeper: external data, `externaldata.gatekeeper.sh/v1beta1`.
//!
//! A key is a JSON object that asks for a verdict, or an image reference that a mutation wants pinned to a digest.
//! Gatekeeper looks neither at the HTTP status nor at kind and version of an answer; it keeps item errors for as
//! long as verdicts, but not `systemError`: so trouble that passes is a `systemError`, and bad input an error of
//! its item.

use super::reviewed::{Claims, reviewed, shorten};
use super::{Answer, NO_OPERATION, Question, Refusal, is_operation, take, text, user};
use crate::decide::{Decider, Decision};
use crate::digest::Digest;
use crate::document::{Node, Value};
use crate::parse::{Limits, json};
use crate::serve::config::Config;
use crate::serve::review::{self, Item, Wire, unknown_bundle};
use crate::serve::state::{App, Serving};
use crate::serve::workers::Trouble;
use hyper::StatusCode;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::sync::Arc;

/// `POST /v1/gatekeeper`
pub(in crate::serve) struct Gatekeeper;

const API_VERSION: &str = "externaldata.gatekeeper.sh/v1beta1";

#[derive(Deserialize)]
struct ProviderRequest {
    #[serde(rename = "apiVersion")]
    api_version: String,
    kind: String,
    request: Keys,
}

#[derive(Deserialize)]
struct Keys {
    #[serde(default)]
    keys: Vec<String>,
}

#[derive(Serialize)]
struct ProviderItem {
    key: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    value: Option<serde_json::Value>,
    #[serde(skip_serializing_if = "String::is_empty")]
    error: String,
}

/// What becomes of a key.
pub(in crate::serve) enum Key {
    /// The next decision.
    Decision(String),
    /// A value, at once.
    Value(String, serde_json::Value),
    /// An error, at once.
    Error(String, String),
}

impl Wire for Gatekeeper {
    type Context = Vec<Key>;
    const NAME: &'static str = "gatekeeper";
    const NESTED: bool = true;

    fn read(&self, body: &str, serving: &Serving, app: &App) -> Result<Question<Vec<Key>>, Refusal> {
        let refuse = |message: String| Err(Refusal::bad(message));
        let request: ProviderRequest = match serde_json::from_str(body) {
            Ok(request) => request,
            Err(error) => return refuse(format!("the request is no ProviderRequest: {}", crate::plain::value(&error))),
        };
        if (request.api_version.as_str(), request.kind.as_str()) != (API_VERSION, "ProviderRequest") {
            return refuse(format!("the request is no ProviderRequest of {API_VERSION}"));
        }
        let limit = app.limits().batch;
        let keys = request.request.keys;
        if keys.len() > limit {
            return refuse(format!("{} keys, more than {limit} (limit `limits.batch`)", keys.len()));
        }
        let mut items = Vec::new();
        let read = keys.into_iter().map(|key| {
            if !key.starts_with('{') {
                return pinned(key, &app.config.gatekeeper.image_digests);
            }
            match item(&key, serving, &app.config) {
                Ok((item, answer_to)) => {
                    items.push(item);
                    Key::Decision(answer_to.unwrap_or(key))
                }
                Err(error) => Key::Error(key, error),
            }
        });
        let context = read.collect();
        Ok(Question { items, context, id: String::new() })
    }

    fn write(&self, keys: Vec<Key>, decisions: Vec<Decision>, trouble: Option<Trouble>) -> Answer {
        if let Some(trouble) = trouble.filter(|_| decisions.iter().any(|decision| !decision.allowed)) {
            return self.refuse(&trouble.into());
        }
        let mut decisions = decisions.into_iter();
        let items = keys.into_iter().map(|key| match key {
            Key::Value(key, value) => ProviderItem { key, value: Some(value), error: String::new() },
            Key::Error(key, error) => ProviderItem { key, value: None, error },
            Key::Decision(key) => match decisions.next().map(|decision| serde_json::to_value(&decision)) {
                Some(Ok(value)) => ProviderItem { key, value: Some(value), error: String::new() },
                _ => ProviderItem { key, value: None, error: "there is no decision".to_owned() },
            },
        });
        respond(StatusCode::OK, &items.collect::<Vec<_>>(), "")
    }

    /// An answer without items, which no cache keeps.
    fn refuse(&self, refusal: &Refusal) -> Answer {
        respond(refusal.status, &[], &refusal.message)
    }
}

fn respond(status: StatusCode, items: &[ProviderItem], system_error: &str) -> Answer {
    let answer = serde_json::json!({
        "apiVersion": API_VERSION,
        "kind": "ProviderResponse",
        "response": { "idempotent": true, "items": items, "systemError": system_error },
    });
    review::json(status, &answer)
}

/// The question in a key, and the key that the answer is to have where it is another: Gatekeeper keeps
/// answers under their keys, so one under a digest is never served from its cache, and the object is not kept.
fn item(key: &str, serving: &Serving, config: &Config) -> Result<(Item, Option<String>), String> {
    let mut root = json::parse(key, &Limits::default())
        .map_err(|error| format!("the key is not JSON: byte {}: {}", error.at, error.message))?;
    let version = root.get("v").map(|version| &version.value);
    if version != Some(&Value::Number("1".into())) {
        return Err("the key's `v` is not 1".to_owned());
    }
    let decider = decider(&root, serving)?;
    let answer_to = match text(&root, &["answer"]) {
        "" => None,
        "digest" => Some(Digest::of(key.as_bytes()).to_string()),
        other => return Err(format!("the key's `answer` is `{}`, not `digest`", shorten(other))),
    };
    let (object, old) = (take(&mut root, "object"), take(&mut root, "oldObject"));
    let kind = ["group", "version", "kind"].map(|part| text(&root, &["kind", part]));
    let claims = Claims {
        operation: text(&root, &["operation"]),
        namespace: text(&root, &["namespace"]),
        name: text(&root, &["name"]),
        kind: root.get("kind").map(|_| kind),
        user: user(&root, &["user"]).map_err(|error| format!("the key's {error}"))?,
        is_judged: decider.is_asked_about(text(&root, &["operation"])),
    };
    if !is_operation(claims.operation) {
        return Err(NO_OPERATION.to_owned());
    }
    let reviewed = reviewed(key, object, old, &claims, config).map_err(|error| format!("the key's {error}"))?;
    let document = reviewed.map(|reviewed| reviewed.document);
    Ok((Item { decider, document, wants_patch: false }, answer_to))
}

fn decider(root: &Node, serving: &Serving) -> Result<Arc<Decider>, String> {
    let name = text(root, &["bundle"]);
    serving.bundles.get(name).cloned().ok_or_else(|| unknown_bundle(serving, name))
}

/// An image reference with the digest that the configuration has for it.
fn pinned(key: String, digests: &BTreeMap<String, String>) -> Key {
    if key.contains('@') {
        let value = key.clone().into();
        return Key::Value(key, value);
    }
    match digests.get(&key).or_else(|| digests.get(&canonical(&key))) {
        Some(digest) => {
            let value = format!("{key}@{digest}").into();
            Key::Value(key, value)
        }
        None => {
            let error = format!("no digest is known for the image `{}` (`gatekeeper.imageDigests`)", shorten(&key));
            Key::Error(key, error)
        }
    }
}

/// An image reference with the registry, namespace and tag that container runtimes add.
fn canonical(image: &str) -> String {
    let has_tag = image.rsplit('/').next().is_some_and(|name| name.contains(':'));
    let tag = if has_tag { "" } else { ":latest" };
    match image.split_once('/') {
        None => format!("docker.io/library/{image}{tag}"),
        Some((host, _)) if host.contains(['.', ':']) || host == "localhost" => format!("{image}{tag}"),
        Some(_) => format!("docker.io/{image}{tag}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn images_are_found_by_the_name_that_runtimes_give_them() {
        let cases = [
            ("nginx", "docker.io/library/nginx:latest"),
            ("nginx:1.27", "docker.io/library/nginx:1.27"),
            ("grafana/grafana:11", "docker.io/grafana/grafana:11"),
            ("localhost/app", "localhost/app:latest"),
            ("registry.example:5000/app", "registry.example:5000/app:latest"),
        ];
        for (image, expected) in cases {
            assert_eq!(canonical(image), expected);
        }
    }
}
