//! The document of an image: what is known of it, and why not, where that is so.

use super::name::ImageName;
use super::{GROUP, KIND, VERSION};
use crate::digest::Digest;
use crate::document::{self, Document, Format, Node, Source, Span, Subject};
use crate::oci::image::{Image, Platform, Trusted};
use crate::parse::{Limits, json};
use crate::trust::Refusal;
use jiff::Timestamp;
use serde_json::{Map, Value, json};
use std::sync::Arc;

/// Before this day there were no images: what claims to be older was built so that equal sources give equal bytes.
const FIRST_IMAGE: i64 = 1_363_737_600;
/// Problems with signatures that are named.
const PROBLEMS: usize = 3;
/// Characters of a reason.
const REASON: usize = 1000;

/// What is known of an image.
#[derive(Debug, Clone, Default)]
pub(super) struct Facts {
    /// What its reference stands for.
    pub(super) digest: Option<Digest>,
    /// Whether the registry has it, where it said so.
    pub(super) exists: Option<bool>,
    pub(super) image: Option<Arc<Image>>,
    pub(super) trusted: Option<Trusted>,
    pub(super) unknown: Option<Unknown>,
}

/// Why something is not known of an image.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Unknown {
    pub(super) reason: String,
    /// Whether it should be known: the registry was to be asked, and did not answer as it should.
    pub(super) failed: bool,
}

impl Facts {
    /// Nothing is known, as it has to be.
    pub(super) fn not_asked(reason: impl Into<String>) -> Self {
        Self { unknown: Some(Unknown { reason: reason.into(), failed: false }), ..Self::default() }
    }

    /// Nothing is known, and it should be.
    pub(super) fn failed(reason: impl Into<String>) -> Self {
        Self { unknown: Some(Unknown { reason: reason.into(), failed: true }), ..Self::default() }
    }

    /// As the document that rules are told.
    pub(super) fn document(&self, reference: &str, name: Option<&ImageName>, now: Timestamp) -> Document {
        let mut root = Map::new();
        let called = name.map_or_else(|| reference.to_owned(), |name| name.0.to_string());
        root.insert("apiVersion".to_owned(), format!("{GROUP}/{VERSION}").into());
        root.insert("kind".to_owned(), KIND.into());
        root.insert("metadata".to_owned(), json!({ "name": called }));
        root.insert("reference".to_owned(), reference.into());
        if let Some(name) = name {
            root.insert("repository".to_owned(), name.repository().into());
            if let Some(tag) = &name.0.tag {
                root.insert("tag".to_owned(), tag.as_str().into());
            }
        }
        if let Some(digest) = self.digest {
            root.insert("digest".to_owned(), digest.to_string().into());
        }
        if let Some(exists) = self.exists {
            root.insert("exists".to_owned(), exists.into());
        }
        if let Some(image) = &self.image {
            root.insert("mediaType".to_owned(), image.media_type.as_str().into());
            let platforms = image.platforms.iter().map(|platform| platform_value(platform, now));
            root.insert("platforms".to_owned(), platforms.collect());
        }
        if let Some(trusted) = &self.trusted {
            root.insert("signature".to_owned(), signature(trusted));
        }
        if let Some(Unknown { reason, failed }) = &self.unknown {
            root.insert("unknown".to_owned(), json!({ "reason": shortened(reason), "failed": failed }));
        }
        of_json(&Value::Object(root))
    }
}

/// A document of a value that is one.
pub(super) fn of_json(value: &Value) -> Document {
    let text = value.to_string();
    let root =
        json::parse(&text, &Limits::default()).unwrap_or_else(|_| Node::new(document::Value::Null, Span::new(0, 0)));
    of_root(root, Source::new("image", text))
}

fn of_root(root: Node, source: Source) -> Document {
    Document::new(Subject::of_object(&root), Format::Json, [source], root)
}

fn platform_value(platform: &Platform, now: Timestamp) -> Value {
    let mut value = Map::new();
    let mut put = |key: &str, is: Value| drop(value.insert(key.to_owned(), is));
    put("os", platform.os.as_str().into());
    put("architecture", platform.architecture.as_str().into());
    if !platform.variant.is_empty() {
        put("variant", platform.variant.as_str().into());
    }
    put("digest", platform.digest.to_string().into());
    put("user", platform.user.as_str().into());
    if let Some(created) = &platform.created {
        put("created", created.as_str().into());
    }
    if let Some(days) = platform.created.as_deref().and_then(|created| age_in_days(created, now)) {
        put("ageDays", days.into());
    }
    put("size", platform.size.into());
    put("labels", platform.labels.iter().map(|(key, text)| (key.clone(), Value::from(text.as_str()))).collect());
    if !platform.left_out.is_empty() {
        put("labelsLeftOut", platform.left_out.iter().map(String::as_str).collect());
    }
    Value::Object(value)
}

/// Whole days since an image was built; `None` where it does not say that, or says what cannot be.
fn age_in_days(created: &str, now: Timestamp) -> Option<i64> {
    let created = created.parse::<Timestamp>().ok()?.as_second();
    (created >= FIRST_IMAGE).then(|| (now.as_second() - created).max(0) / 86_400)
}

fn signature(trusted: &Trusted) -> Value {
    match trusted {
        Trusted::Unsigned => json!({ "state": "unsigned" }),
        Trusted::Verified(verified) => {
            let attestations = verified.attestations.iter();
            let attestations = attestations.map(|(kind, signer)| json!({ "type": kind, "signer": &**signer }));
            let signers: Vec<&str> = verified.signers.iter().map(|signer| &**signer).collect();
            json!({ "state": "verified", "signers": signers, "attestations": attestations.collect::<Vec<_>>() })
        }
        Trusted::Refused(refusal) => json!({ "state": "refused", "reason": shortened(&refusal_line(refusal)) }),
    }
}

/// A refusal on one line, with what was there and does not count.
fn refusal_line(refusal: &Refusal) -> String {
    let mut line = refusal.reason.to_string();
    let problems: Vec<String> =
        refusal.rejected.iter().take(PROBLEMS).map(|rejected| rejected.problem.to_string()).collect();
    if !problems.is_empty() {
        line.push_str(": ");
        line.push_str(&problems.join("; "));
    }
    if refusal.rejected.len() > PROBLEMS {
        line.push_str(&format!("; and {} more", refusal.rejected.len() - PROBLEMS));
    }
    line
}

fn shortened(text: &str) -> String {
    text.chars().map(|letter| if letter.is_control() { ' ' } else { letter }).take(REASON).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn platform() -> Platform {
        Platform {
            digest: Digest::of(b"p"),
            os: "linux".to_owned(),
            architecture: "amd64".to_owned(),
            variant: String::new(),
            user: "65532".to_owned(),
            created: Some("2026-01-01T00:00:00Z".to_owned()),
            size: 1234,
            labels: [("a".to_owned(), "b".to_owned())].into(),
            left_out: Vec::new(),
        }
    }

    #[test]
    fn a_document_says_what_is_known() {
        let name = ImageName::parse("nginx:1").unwrap();
        let image = Image { media_type: "m".to_owned(), platforms: vec![platform()] };
        let facts = Facts {
            digest: Some(Digest::of(b"d")),
            exists: Some(true),
            image: Some(Arc::new(image)),
            trusted: Some(Trusted::Unsigned),
            unknown: None,
        };
        let now: Timestamp = "2026-01-31T12:00:00Z".parse().unwrap();
        let document = facts.document("nginx:1", Some(&name), now);
        let subject = &document.subject;
        assert_eq!((&*subject.group, &*subject.version, &*subject.kind), (GROUP, VERSION, KIND));
        let expected = json!({
            "apiVersion": "policy-host.dev/v1", "kind": "Image", "metadata": {"name": "docker.io/library/nginx:1"},
            "reference": "nginx:1", "repository": "docker.io/library/nginx", "tag": "1",
            "digest": Digest::of(b"d").to_string(), "exists": true, "mediaType": "m",
            "platforms": [{
                "os": "linux", "architecture": "amd64", "digest": Digest::of(b"p").to_string(), "user": "65532",
                "created": "2026-01-01T00:00:00Z", "ageDays": 30, "size": 1234, "labels": {"a": "b"},
            }],
            "signature": {"state": "unsigned"},
        });
        assert_eq!(document.root.to_value(), expected);
    }

    #[test]
    fn an_age_that_cannot_be_is_none() {
        let now: Timestamp = "2026-01-31T12:00:00Z".parse().unwrap();
        for (created, days) in [
            ("2026-01-31T13:00:00Z", Some(0)),
            ("2025-01-31T12:00:00.123456789Z", Some(365)),
            ("2026-01-01T00:00:00+02:00", Some(30)),
            ("1970-01-01T00:00:00Z", None),
            ("1980-01-01T00:00:01Z", None),
            ("0001-01-01T00:00:00Z", None),
            ("yesterday", None),
        ] {
            assert_eq!(age_in_days(created, now), days, "{created}");
        }
    }

    #[test]
    fn what_is_not_known_is_said() {
        let document = Facts::failed("the\nregistry\u{1b} is away").document("a:b:c", None, Timestamp::UNIX_EPOCH);
        let unknown = document.root.to_value()["unknown"].clone();
        assert_eq!(unknown, json!({"reason": "the registry  is away", "failed": true}));
        assert_eq!(document.subject.name, "a:b:c");
    }
}
