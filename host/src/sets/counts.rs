//! What a kustomization sets in pods and in their number: images and replicas.

use super::fields::{Field, segments};
use crate::document::{Node, Subject, Value};
use serde::{Deserialize, Serialize};

/// An entry of `images`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Image {
    name: Box<str>,
    new_name: Box<str>,
    new_tag: Box<str>,
    tag_suffix: Box<str>,
    digest: Box<str>,
}

/// An entry of `replicas`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Replicas {
    name: Box<str>,
    count: Box<str>,
}

/// A text; a number as it is written.
fn text(node: &Node, key: &str) -> Box<str> {
    match node.get(key).map(|node| &node.value) {
        Some(Value::String(text) | Value::Number(text)) => text.clone(),
        _ => "".into(),
    }
}

impl Image {
    /// Reads an entry; `None` where it names no image.
    pub(super) fn read(node: &Node) -> Option<Self> {
        let name = text(node, "name");
        (!name.is_empty()).then(|| Self {
            name,
            new_name: text(node, "newName"),
            new_tag: text(node, "newTag"),
            tag_suffix: text(node, "tagSuffix"),
            digest: text(node, "digest"),
        })
    }

    /// Changes the images of all containers in an object, wherever its kind has them.
    pub(super) fn apply(&self, node: &mut Node) {
        match &mut node.value {
            Value::Array(items) => items.iter_mut().for_each(|item| self.apply(item)),
            Value::Object(entries) => {
                for entry in entries {
                    if matches!(&*entry.key, "containers" | "initContainers") {
                        let of_container = Field {
                            group: "".into(),
                            version: "".into(),
                            kind: "".into(),
                            path: segments("image"),
                            create: false,
                        };
                        of_container.visit(&mut entry.value, &Value::Null, &mut |image| self.set(image));
                    }
                    self.apply(&mut entry.value);
                }
            }
            _ => {}
        }
    }

    fn set(&self, node: &mut Node) {
        let Some((tag, digest)) = node.as_str().and_then(|image| self.parts(image)) else { return };
        let name = if self.new_name.is_empty() { &self.name } else { &self.new_name };
        // A tag or a digest takes the place of both.
        let (tag, digest) = match (self.new_tag.is_empty(), self.digest.is_empty()) {
            (true, true) if self.tag_suffix.is_empty() => (tag.to_owned(), digest),
            (true, true) => (format!("{tag}{}", self.tag_suffix), ""),
            _ => (self.new_tag.to_string(), &*self.digest),
        };
        let with = |sign: &str, text: &str| if text.is_empty() { String::new() } else { format!("{sign}{text}") };
        let image = format!("{name}{}{}", with(":", &tag), with("@", digest));
        node.value = Value::String(image.into());
    }

    /// The tag and the digest of an image, where it is the one that is named.
    fn parts<'i>(&self, image: &'i str) -> Option<(&'i str, &'i str)> {
        let rest = image.strip_prefix(&*self.name)?;
        let (tag, digest) = rest.split_once('@').unwrap_or((rest, ""));
        let is_word = |text: &str| text.chars().all(|c| c.is_ascii_alphanumeric() || "_.{}-".contains(c));
        let is_digest = digest.is_empty() && !rest.contains('@') || digest.strip_prefix("sha256:").is_some_and(is_word);
        let tag = if tag.is_empty() { "" } else { tag.strip_prefix(':')? };
        (is_digest && is_word(tag)).then_some((tag, digest))
    }
}

impl Replicas {
    /// Reads an entry; `None` where it has no name or number.
    pub(super) fn read(node: &Node) -> Option<Self> {
        let Value::Number(count) = &node.get("count")?.value else { return None };
        let name = text(node, "name");
        (!name.is_empty()).then(|| Self { name, count: count.clone() })
    }

    /// Sets the replicas of an object that has, or had, the name.
    pub(super) fn apply(&self, subject: &Subject, before: &[String], root: &mut Node) {
        let has_some =
            matches!(subject.kind.as_str(), "Deployment" | "ReplicationController" | "ReplicaSet" | "StatefulSet");
        let is_named = *subject.name == *self.name || before.iter().any(|name| **name == *self.name);
        if has_some && is_named {
            let replicas = Field {
                group: "".into(),
                version: "".into(),
                kind: "".into(),
                path: segments("spec/replicas"),
                create: true,
            };
            let count = Value::Number(self.count.clone());
            replicas.visit(root, &count, &mut |node| node.value = count.clone());
        }
    }
}
