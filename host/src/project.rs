//! Projection: a document cut down to the paths that a rule reads, as JSON text.
//!
//! What is not on a path is not sent. Array positions survive, so that a path into the projection
//! is a path into the document: an element with nothing to show becomes `null` or `{}`.
//!
//! A tree that a path names (`run:shell`) stands behind the key whose text it is made of; keys of the document that look
//! like one are told with a colon more (see [`crate::language::key`]).

use crate::document::{Document, Entry, Node, Tree, Value, write_json_string};
use crate::language::key::{self, Reading};
use crate::language::{Language, follow};
use crate::manifest::{ReadPath, Segment};
use crate::workload::Shape;
use std::sync::Arc;

/// A set of read paths, as a trie.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Projection {
    /// Everything from here on is read.
    whole: bool,
    keys: Vec<(String, Projection)>,
    any_key: Option<Box<Projection>>,
    any_item: Option<Box<Projection>>,
    trees: Vec<TreeReads>,
}

/// What is read of a tree.
#[derive(Debug, Clone, PartialEq, Eq)]
struct TreeReads {
    /// The key whose text it is made of; `None` for those of every key.
    key: Option<String>,
    reading: Reading,
    reads: Projection,
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
            Segment::Tree(key, reading) => self.tree(key.as_deref(), reading),
        };
        next.insert(rest);
    }

    /// What is read of the trees of a key's texts, or of those of every key.
    fn tree(&mut self, key: Option<&str>, reading: &Reading) -> &mut Projection {
        let is_it = |tree: &TreeReads| tree.key.as_deref() == key && tree.reading == *reading;
        let at = self.trees.iter().position(is_it).unwrap_or_else(|| {
            let (key, reading) = (key.map(str::to_owned), reading.clone());
            self.trees.push(TreeReads { key, reading, reads: Self::default() });
            self.trees.len() - 1
        });
        &mut self.trees[at].reads
    }

    /// What every key is read for is read for each named key too.
    fn share_any_key(&mut self) {
        if let Some(any) = self.any_key.clone() {
            for (_, named) in &mut self.keys {
                named.merge(&any);
            }
        }
        let of_any_key: Vec<TreeReads> = self.trees.iter().filter(|tree| tree.key.is_none()).cloned().collect();
        for any in of_any_key {
            let named = self.trees.iter_mut().filter(|tree| tree.key.is_some() && tree.reading == any.reading);
            named.for_each(|tree| tree.reads.merge(&any.reads));
        }
        let trees = self.trees.iter_mut().map(|tree| &mut tree.reads);
        let children = self.keys.iter_mut().map(|(_, child)| child).chain(trees);
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
        for theirs in &other.trees {
            self.tree(theirs.key.as_deref(), &theirs.reading).merge(&theirs.reads);
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

    /// The trees that are read of the text under a key, each once.
    fn trees_of(&self, key: &str) -> impl Iterator<Item = &TreeReads> {
        let is_named = move |tree: &TreeReads| tree.key.as_deref() == Some(key);
        // What is read of every key's is read of a named key's too.
        self.trees.iter().filter(move |tree| match &tree.key {
            Some(_) => is_named(tree),
            None => !self.trees.iter().any(|other| is_named(other) && other.reading == tree.reading),
        })
    }

    /// The document as a rule with these reads sees it.
    pub fn apply(&self, document: &Document, shape: &Shape) -> String {
        self.apply_to(document, shape, &document.root)
    }

    /// Another version of the document (its state before an UPDATE) as the rule sees it.
    pub fn apply_to(&self, document: &Document, shape: &Shape, root: &Node) -> String {
        let mut out = String::with_capacity(1 << 10);
        match shape {
            Shape::Plain => {
                Writing { document, within: None }.value(self, root, &mut out);
                self.file(document, root, &mut out);
            }
            Shape::Workload { template } => {
                let pod = template.tokens().iter().try_fold(root, |node, token| node.get(token));
                out.push('{');
                if let Some(object) = self.child("object") {
                    out.push_str("\"object\":");
                    Writing { document, within: None }.value(object, root, &mut out);
                }
                if let (Some(reads), Some(pod)) = (self.child("pod"), pod) {
                    separate(&mut out);
                    out.push_str("\"pod\":");
                    Writing { document, within: None }.value(reads, pod, &mut out);
                }
                for (key, node) in [("object", Some(root)), ("pod", pod)] {
                    let comments = self.trees_of(key).filter(|tree| tree.reading.language == Language::Comments);
                    for (tree, node) in comments.zip(node) {
                        Writing { document, within: None }.tree(tree, node, (key, ""), None, &mut out);
                    }
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
}

impl Projection {
    /// Adds the path of the file that an object stands in, where a rule reads it and the object has no such field.
    fn file(&self, document: &Document, root: &Node, out: &mut String) {
        let is_read = !self.whole && self.keys.iter().any(|(key, _)| key == "file");
        if is_read && !document.is_file() && root.get("file").is_none() && out.ends_with('}') {
            out.pop();
            separate(out);
            out.push_str("\"file\":");
            write_json_string(&document.sources[0].path, out);
            out.push('}');
        }
    }
}

/// What is read where nothing is named.
static NOTHING: Projection =
    Projection { whole: false, keys: Vec::new(), any_key: None, any_item: None, trees: Vec::new() };

/// Writes values of a document, or of a tree in it.
#[derive(Clone, Copy)]
struct Writing<'d> {
    document: &'d Document,
    /// The tree that the values are part of.
    within: Option<&'d Arc<Tree>>,
}

impl Writing<'_> {
    /// What is read of a value.
    fn value(self, reads: &Projection, node: &Node, out: &mut String) {
        if reads.whole {
            return self.whole(reads, node, out);
        }
        match &node.value {
            Value::Object(_) => self.entries(node, reads, false, out),
            Value::Array(items) => {
                out.push('[');
                if let Some(child) = &reads.any_item {
                    for item in items {
                        separate(out);
                        self.value(child, item, out);
                    }
                }
                out.push(']');
            }
            // A scalar where the path goes on: not asked for.
            _ => out.push_str("null"),
        }
    }

    /// A value with everything below it, and the trees that are read there.
    fn whole(self, reads: &Projection, node: &Node, out: &mut String) {
        match &node.value {
            Value::Object(_) => self.entries(node, reads, true, out),
            Value::Array(items) => {
                out.push('[');
                for item in items {
                    separate(out);
                    self.whole(reads.any_item.as_deref().unwrap_or(&NOTHING), item, out);
                }
                out.push(']');
            }
            _ => node.write_json(out),
        }
    }

    fn entries(self, node: &Node, reads: &Projection, whole: bool, out: &mut String) {
        out.push('{');
        for entry in node.entries() {
            let child = reads.child(&entry.key);
            if whole || child.is_some() {
                separate(out);
                write_json_string(&key::tell(&entry.key), out);
                out.push(':');
                match child {
                    Some(child) if !whole => self.value(child, &entry.value, out),
                    child => self.whole(child.unwrap_or(&NOTHING), &entry.value, out),
                }
            }
            for tree in reads.trees_of(&entry.key) {
                self.tree(tree, node, (&entry.key, &entry.key), Some(entry), out);
            }
        }
        // What a container runs may be its arguments alone, and comments may be those of the whole document.
        for tree in &reads.trees {
            let Some(key) = tree.key.as_deref() else { continue };
            let is_of_mapping = tree.reading.language == Language::Exec || key.is_empty();
            if is_of_mapping && node.entry(key).is_none() {
                self.tree(tree, node, (key, key), None, out);
            }
        }
        out.push('}');
    }

    /// What is read of a tree, under the key that it is told with, where there is one.
    fn tree(self, tree: &TreeReads, node: &Node, (told, key): (&str, &str), entry: Option<&Entry>, out: &mut String) {
        if let Some(made) = follow::tree(self.document, self.within, node, (key, entry), &tree.reading) {
            separate(out);
            write_json_string(&tree.reading.key_of(told), out);
            out.push(':');
            Writing { within: Some(&made), ..self }.value(&tree.reads, &made.root, out);
        }
    }
}

/// A comma, unless the collection was just opened. Text before always ends with a bracket or a value.
fn separate(out: &mut String) {
    if !out.ends_with(['{', '[']) {
        out.push(',');
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::document::Source;
    use crate::parse::{Form, Limits, Scalars, Unit};

    #[test]
    fn objects_are_told_the_file_that_they_stand_in() {
        let told = |reads: &[&str], object: &str| {
            let unit = Unit::new(Form::Yaml(Scalars::Kubernetes), Source::new("prod/a.yaml", object));
            let document = unit.parse(&Limits::default()).unwrap().remove(0);
            let reads: Vec<ReadPath> = reads.iter().map(|path| path.parse().unwrap()).collect();
            Projection::new(&reads).apply(&document, &Shape::Plain)
        };
        let secret = "{apiVersion: v1, kind: Secret, metadata: {name: s}, type: x}";
        assert_eq!(told(&["file", "type"], secret), r#"{"type":"x","file":"prod/a.yaml"}"#);
        assert_eq!(told(&["file"], secret), r#"{"file":"prod/a.yaml"}"#);
        assert_eq!(told(&["type"], secret), r#"{"type":"x"}"#);
        let own = "{apiVersion: v1, kind: Secret, metadata: {name: s}, file: own}";
        assert_eq!(told(&["file"], own), r#"{"file":"own"}"#, "a field of its own");
    }
}
