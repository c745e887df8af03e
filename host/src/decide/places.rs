//! What is the same place, or the same element of a list, in two states of an object.
//!
//! An element is found again by its name where no other element of its list has that name (`name`, `mountPath`,
//! `host`), else by all that it holds. Its position says nothing: elements move when others come or go.

use crate::digest::Digest;
use crate::document::{Node, Pointer, Value};
use std::collections::HashMap;

/// What elements of lists are told apart by, the first that fits.
const NAMES: [&str; 3] = ["name", "mountPath", "host"];

/// Names places in one state of an object. What a list or an element costs is paid once.
pub(super) struct Places<'n> {
    root: &'n Node,
    /// How many elements of a list have a name, by the list's address.
    names: HashMap<usize, HashMap<Name<'n>, usize>>,
    digests: HashMap<usize, Digest>,
}

/// The field that names an element, and what it says.
type Name<'n> = (&'static str, &'n str);

/// One step of a place.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) enum Step {
    /// A key; or a position, in a list or of a list that is not there.
    Key(String),
    /// An element by its name.
    Named(&'static str, String),
    /// An element by all that it holds.
    Holding(Digest),
}

impl<'n> Places<'n> {
    pub(super) fn new(root: &'n Node) -> Self {
        Self { root, names: HashMap::new(), digests: HashMap::new() }
    }

    /// The place that a pointer leads to. It may end in something absent.
    pub(super) fn place(&mut self, pointer: &Pointer) -> Vec<Step> {
        let mut node = Some(self.root);
        let steps = pointer.tokens().iter().map(|token| {
            let Some(Node { value: Value::Array(items), .. }) = node else {
                node = node.and_then(|node| node.get(token));
                return Step::Key(token.clone());
            };
            let list = node;
            let item = token.parse().ok().and_then(|index: usize| items.get(index));
            node = item;
            match (list, item) {
                (Some(list), Some(item)) => self.element(list, item),
                _ => Step::Key(token.clone()),
            }
        });
        steps.collect()
    }

    fn element(&mut self, list: &'n Node, item: &'n Node) -> Step {
        let counts = self.names.entry(address(list)).or_insert_with(|| counts(list));
        match names(item).find(|name| counts.get(name) == Some(&1)) {
            Some((field, name)) => Step::Named(field, name.to_owned()),
            None => Step::Holding(*self.digests.entry(address(item)).or_insert_with(|| digest(item))),
        }
    }
}

fn address(node: &Node) -> usize {
    std::ptr::from_ref(node).addr()
}

fn names(item: &Node) -> impl Iterator<Item = Name<'_>> {
    NAMES.into_iter().filter_map(|field| Some((field, item.get(field)?.as_str()?)))
}

fn counts(list: &Node) -> HashMap<Name<'_>, usize> {
    let mut counts = HashMap::new();
    for name in list.items().iter().flat_map(names) {
        *counts.entry(name).or_default() += 1;
    }
    counts
}

/// Names all that a value holds, whatever the order of its keys.
fn digest(node: &Node) -> Digest {
    let mut json = String::new();
    node.write_canonical_json(&mut json);
    Digest::of(json.as_bytes())
}

/// Whether an update made or removed what a pointer leads to, or something that it stands in: a value that was not
/// there, is not there any more, or is of another type, or another scalar. Where both states have an object or a
/// list, what differs is a part of it, and only that part is changed; an element that nothing names is one part.
pub(super) fn is_changed(old: &Node, new: &Node, pointer: &Pointer) -> bool {
    let (mut old, mut new) = (Some(old), Some(new));
    for token in pointer.tokens() {
        let (Some(before), Some(now)) = (old, new) else { break };
        (old, new) = match (&before.value, &now.value) {
            (Value::Object(_), Value::Object(_)) => (before.get(token), now.get(token)),
            (Value::Array(_), Value::Array(_)) => {
                let item = token.parse().ok().and_then(|index: usize| now.item(index));
                (item.and_then(|item| counterpart(before, now, item)), item)
            }
            _ => break,
        };
    }
    match (old, new) {
        (None, None) => false,
        (Some(_), None) | (None, Some(_)) => true,
        (Some(old), Some(new)) => match (&old.value, &new.value) {
            (Value::Object(_), Value::Object(_)) | (Value::Array(_), Value::Array(_)) => false,
            (old, new) => old != new,
        },
    }
}

/// What an element of a list was before.
fn counterpart<'o>(old: &'o Node, new: &Node, item: &Node) -> Option<&'o Node> {
    let now = counts(new);
    match names(item).find(|name| now.get(name) == Some(&1)) {
        Some((field, name)) => {
            let mut named = old.items().iter().filter(|old| old.get(field).and_then(Node::as_str) == Some(name));
            named.next().filter(|_| named.next().is_none())
        }
        None => {
            let holding = digest(item);
            old.items().iter().find(|old| digest(old) == holding)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::parse::{Limits, json};

    fn node(text: &str) -> Node {
        json::parse(text, &Limits::default()).unwrap()
    }

    fn place(root: &Node, pointer: &str) -> Vec<Step> {
        Places::new(root).place(&Pointer::parse(pointer).unwrap())
    }

    #[test]
    fn a_place_is_the_same_when_elements_move() {
        let old = node(
            r#"{"containers":[{"name":"a","x":1},{"name":"b","x":1}],
                "rules":[{"verbs":["get"]},{"verbs":["*"],"resources":["pods"]}]}"#,
        );
        let moved = node(
            r#"{"rules":[{"resources":["pods"],"verbs":["*"]}],
                "containers":[{"name":"new","x":1},{"name":"b","x":2}]}"#,
        );
        assert_eq!(place(&old, "/containers/1/x"), place(&moved, "/containers/1/x"));
        assert_eq!(place(&old, "/containers/1/absent/y"), place(&moved, "/containers/1/absent/y"));
        assert_ne!(place(&old, "/containers/0/x"), place(&moved, "/containers/0/x"));
        assert_eq!(place(&old, "/rules/1/verbs/0"), place(&moved, "/rules/0/verbs/0"));
        let wider = node(r#"{"rules":[{"verbs":["*"],"resources":["pods","secrets"]}]}"#);
        assert_ne!(place(&old, "/rules/1/verbs/0"), place(&wider, "/rules/0/verbs/0"));
    }

    #[test]
    fn a_name_that_two_elements_have_names_neither() {
        let old = node(r#"[{"name":"v","mountPath":"/a"},{"name":"v","mountPath":"/b"}]"#);
        assert_eq!(place(&old, "/1"), [Step::Named("mountPath", "/b".to_owned())]);
        let twice = node(r#"[{"name":"v","x":1},{"name":"v","x":2}]"#);
        assert_eq!(place(&twice, "/0"), [Step::Holding(digest(twice.item(0).unwrap()))]);
    }

    #[test]
    fn only_the_part_that_differs_is_changed() {
        let old = node(
            r#"{"metadata":{"labels":{"a":"1"}},"spec":{"list":[{"name":"a","image":"x","gone":{"y":1}},{"name":"b"}],
                "plain":[{"p":1},{"p":2}]}}"#,
        );
        let new = node(
            r#"{"metadata":{"labels":{"a":"2"}},"spec":{"list":[{"name":"c"},{"name":"b"},{"name":"a","image":"z"}],
                "plain":[{"p":2},{"p":3}]}}"#,
        );
        let changed = |pointer: &str| is_changed(&old, &new, &Pointer::parse(pointer).unwrap());
        for pointer in [
            "/metadata/labels/a",
            "/spec/list/0",
            "/spec/list/0/securityContext/x",
            "/spec/list/2/image",
            "/spec/list/2/gone/y",
            "/spec/plain/1/p",
        ] {
            assert!(changed(pointer), "{pointer}");
        }
        for pointer in [
            "",
            "/metadata",
            "/metadata/labels/b",
            "/spec/list",
            "/spec/list/-",
            "/spec/list/1/x",
            "/spec/list/2/new",
            "/spec/plain/0/p",
        ] {
            assert!(!changed(pointer), "{pointer}");
        }
    }
}
