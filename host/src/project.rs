//! Projection: a document cut down to the paths that a rule reads, as JSON text.
//!
//! What is not on a path is not sent. Array positions survive, so that a path into the projection
//! is a path into the document: an element with nothing to show becomes `null` or `{}`.

use crate::document::{Document, Node, Value, write_json_string};
use crate::manifest::{ReadPath, Segment};
use crate::workload::Shape;

/// A set of read paths, as a trie.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Projection {
    /// Everything from here on is read.
    whole: bool,
    keys: Vec<(String, Projection)>,
    any_key: Option<Box<Projection>>,
    any_item: Option<Box<Projection>>,
}

impl Projection {
    /// The projection onto some paths.
    pub fn new<'p>(paths: impl IntoIterator<Item = &'p ReadPath>) -> Self {
        let mut projection = Self::default();
        for path in paths {
            projection.insert(path.segments());
        }
        projection.share_any_key();
        projection
    }

    fn insert(&mut self, segments: &[Segment]) {
        let Some((first, rest)) = segments.split_first() else {
            self.whole = true;
            return;
        };
        let next = match first {
            Segment::AnyItem => self.any_item.get_or_insert_default(),
            Segment::AnyKey => self.any_key.get_or_insert_default(),
            Segment::Key(key) => {
                let at = match self.keys.iter().position(|(known, _)| known == key) {
                    Some(at) => at,
                    None => {
                        self.keys.push((key.clone(), Self::default()));
                        self.keys.len() - 1
                    }
                };
                &mut self.keys[at].1
            }
        };
        next.insert(rest);
    }

    /// What every key is read for is read for each named key too.
    fn share_any_key(&mut self) {
        if let Some(any) = self.any_key.clone() {
            for (_, named) in &mut self.keys {
                named.merge(&any);
            }
        }
        let children = self.keys.iter_mut().map(|(_, child)| child);
        for child in children.chain(self.any_key.as_deref_mut()).chain(self.any_item.as_deref_mut()) {
            child.share_any_key();
        }
    }

    fn merge(&mut self, other: &Projection) {
        self.whole |= other.whole;
        for (key, theirs) in &other.keys {
            match self.keys.iter_mut().find(|(known, _)| known == key) {
                Some((_, mine)) => mine.merge(theirs),
                None => self.keys.push((key.clone(), theirs.clone())),
            }
        }
        for (mine, theirs) in [(&mut self.any_key, &other.any_key), (&mut self.any_item, &other.any_item)] {
            if let Some(theirs) = theirs {
                mine.get_or_insert_default().merge(theirs);
            }
        }
    }

    fn child(&self, key: &str) -> Option<&Projection> {
        let named = self.keys.iter().find(|(known, _)| known == key).map(|(_, child)| child);
        named.or(self.any_key.as_deref())
    }

    /// The document as a rule with these reads sees it.
    pub fn apply(&self, document: &Document, shape: &Shape) -> String {
        self.apply_to(document, shape, &document.root)
    }

    /// Another version of the document (its state before an UPDATE) as the rule sees it.
    pub fn apply_to(&self, document: &Document, shape: &Shape, root: &Node) -> String {
        let mut out = String::new();
        match shape {
            Shape::Plain => self.write(root, &mut out),
            Shape::Workload { template } => {
                let pod = template.tokens().iter().try_fold(root, |node, token| node.get(token));
                out.push('{');
                if let Some(object) = self.child("object") {
                    out.push_str("\"object\":");
                    object.write(root, &mut out);
                }
                if let (Some(reads), Some(pod)) = (self.child("pod"), pod) {
                    separate(&mut out);
                    out.push_str("\"pod\":");
                    reads.write(pod, &mut out);
                }
                if self.child("file").is_some() {
                    separate(&mut out);
                    out.push_str("\"file\":");
                    write_json_string(&document.sources[0].path, &mut out);
                }
                out.push('}');
            }
        }
        out
    }

    fn write(&self, node: &Node, out: &mut String) {
        if self.whole {
            return node.write_json(out);
        }
        match &node.value {
            Value::Object(entries) => {
                out.push('{');
                for entry in entries {
                    if let Some(child) = self.child(&entry.key) {
                        separate(out);
                        write_json_string(&entry.key, out);
                        out.push(':');
                        child.write(&entry.value, out);
                    }
                }
                out.push('}');
            }
            Value::Array(items) => {
                out.push('[');
                if let Some(child) = &self.any_item {
                    for item in items {
                        separate(out);
                        child.write(item, out);
                    }
                }
                out.push(']');
            }
            // A scalar where the path goes on: not asked for.
            _ => out.push_str("null"),
        }
    }
}

/// A comma, unless the collection was just opened. Text before always ends with a bracket or a value.
fn separate(out: &mut String) {
    if !out.ends_with(['{', '[']) {
        out.push(',');
    }
}
