//! From what the API server sends to a document.

use super::discovery::Resource;
use crate::document::{Document, Entry, Format, Node, Source, Span, Subject, Value};
use crate::parse::{Limits, json};
use serde::Deserialize;
use std::sync::{Arc, LazyLock};

/// What tells an object from others of its kind, and its version.
#[derive(Deserialize)]
pub(super) struct Header {
    pub(super) metadata: HeaderMetadata,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct HeaderMetadata {
    #[serde(default)]
    pub(super) namespace: String,
    pub(super) name: String,
    #[serde(default)]
    pub(super) resource_version: String,
}

/// Reads an object's header, whatever the rest of it holds.
///
/// # Errors
/// When the text is no object of Kubernetes.
pub(super) fn header(text: &str) -> Result<HeaderMetadata, serde_json::Error> {
    serde_json::from_str::<Header>(text).map(|header| header.metadata)
}

/// Reads an object of a kind. It says what it is as it would in a file: the items of a list do not,
/// and metadata alone says that it is metadata.
///
/// # Errors
/// When it exceeds a bound on documents.
pub(super) fn document(text: &str, resource: &Resource) -> Result<Document, String> {
    let limits = Limits::default();
    if text.len() > limits.bytes {
        return Err(format!("it has {} bytes, more than {} (limit `bytes`)", text.len(), limits.bytes));
    }
    let mut root = json::parse(text, &limits).map_err(|error| error.message)?;
    if let Value::Object(entries) = &mut root.value {
        entries.retain(|entry| !matches!(&*entry.key, "apiVersion" | "kind"));
        let entry = |key: &str, text: &str| {
            let span = Span::default();
            Entry::new(key, span, Node::string(text, span))
        };
        entries.splice(0..0, [entry("apiVersion", &resource.api_version()), entry("kind", &resource.kind)]);
    }
    Ok(Document::new(Subject::of_object(&root), Format::Json, Arc::clone(&SOURCES), root))
}

/// Nothing is shown of these documents, so that their texts need not be kept.
static SOURCES: LazyLock<Arc<[Source]>> = LazyLock::new(|| Arc::new([Source::new("<cluster>", "")]));

#[cfg(test)]
mod tests {
    use super::*;

    fn resource() -> Resource {
        Resource { group: "apps".into(), version: "v1".into(), kind: "Deployment".into(), plural: "deployments".into() }
    }

    #[test]
    fn an_object_says_what_it_is_as_in_a_file() {
        for text in [
            r#"{"metadata":{"name":"a","namespace":"n"}}"#,
            r#"{"kind":"PartialObjectMetadata","metadata":{"name":"a","namespace":"n"},"apiVersion":"meta.k8s.io/v1"}"#,
        ] {
            let document = document(text, &resource()).unwrap();
            assert_eq!(
                document.root.to_json(),
                r#"{"apiVersion":"apps/v1","kind":"Deployment","metadata":{"name":"a","namespace":"n"}}"#
            );
            assert_eq!(document.subject.to_string(), "Deployment n/a");
            assert_eq!((document.subject.group.as_str(), document.subject.version.as_str()), ("apps", "v1"));
        }
    }

    #[test]
    fn who_it_is_can_be_read_of_an_object_that_cannot() {
        let deep = format!(r#"{{"spec":{}{},"metadata":{{"name":"a"}}}}"#, "[".repeat(9000), "]".repeat(9000));
        assert_eq!(header(&deep).unwrap().name, "a");
        assert!(document(&deep, &resource()).unwrap_err().contains("limit `depth`"));
        assert!(header("[]").is_err());
        assert!(header(r#"{"metadata":{}}"#).is_err());
    }
}
