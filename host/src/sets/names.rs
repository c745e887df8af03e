//! References by name, which follow the names that a build gives to its objects.

use super::fields::{Field, NAMINGS, is_cluster_scoped};
use crate::document::{Document, Entry, Node, Subject, Value};
use std::collections::HashMap;

/// An object of a build.
#[derive(Debug, Clone, Default)]
pub(super) struct Named {
    /// Who it is, as it is written.
    pub(super) written: Subject,
    /// Names that it had on the way, if anything was done to it.
    pub(super) before: Vec<String>,
    /// Who it is as it is built.
    pub(super) built: Subject,
    /// The prefixes and suffixes that it got, from the inside.
    pub(super) affixes: Vec<(Box<str>, Box<str>)>,
}

/// The objects of one build, by the names that they had.
#[derive(Debug, Default)]
pub(super) struct Names {
    objects: Vec<Named>,
    by_name: HashMap<String, Vec<usize>>,
}

impl Names {
    pub(super) fn add(&mut self, named: Named) {
        let at = self.objects.len();
        for name in &named.before {
            let known = self.by_name.entry(name.clone()).or_default();
            if known.last() != Some(&at) {
                known.push(at);
            }
        }
        self.objects.push(named);
    }

    /// Leads the references of an object to what they mean in the build.
    pub(super) fn follow(&self, document: &mut Document, affixes: &[(Box<str>, Box<str>)]) {
        if self.by_name.is_empty() {
            return;
        }
        let referrer = document.subject.clone();
        for naming in NAMINGS {
            let Some(field) = naming.field(&referrer) else { continue };
            let role = role_reference(&document.root, &field);
            let asked = Asked { target: naming.names, role, referrer: &referrer, affixes };
            field.visit(&mut document.root, &Value::Null, &mut |node| self.set(&asked, node));
        }
    }

    fn set(&self, asked: &Asked<'_>, node: &mut Node) {
        match &mut node.value {
            Value::String(name) => {
                let is_any = |_: &Named| true;
                if let Some(found) = self.meant(asked, name, &is_any) {
                    *name = found.built.name.as_str().into();
                }
            }
            Value::Array(items) => items.iter_mut().for_each(|item| self.set(asked, item)),
            Value::Object(_) => {
                let text = |key: &str| node.get(key).and_then(Node::as_str).map(str::to_owned);
                let (Some(name), namespace) = (text("name"), text("namespace")) else { return };
                let found = match &namespace {
                    None => self.meant(asked, &name, &|_| true),
                    Some(namespace) => {
                        let was = |named: &Named| named.written.namespace == *namespace;
                        let is = |named: &Named| named.built.namespace == *namespace;
                        match self.objects.iter().any(was) {
                            true => self.meant(asked, &name, &was),
                            false => self.meant(asked, &name, &is),
                        }
                    }
                };
                if let Some(found) = found {
                    put(node, "name", &found.built.name);
                    if !found.built.namespace.is_empty() {
                        put(node, "namespace", &found.built.namespace);
                    }
                }
            }
            _ => {}
        }
    }

    /// The object that a name means; `None` where it is in no file of the build, or may be one of several.
    fn meant(&self, asked: &Asked<'_>, name: &str, is_there: &dyn Fn(&Named) -> bool) -> Option<&Named> {
        let candidates = self.by_name.get(name)?.iter().map(|at| &self.objects[*at]);
        let (group, kind) = asked.target;
        let referrer_is_free = is_cluster_scoped(asked.referrer);
        let fits = |named: &&Named| {
            let built = &named.built;
            built.kind == kind
                && (group.is_empty() || built.group == group)
                && asked.role.as_ref().is_none_or(|(group, kind)| built.group == *group && built.kind == *kind)
                && is_there(named)
                && (referrer_is_free
                    || is_cluster_scoped(built)
                    || kind == "ServiceAccount"
                    || is_same(&built.namespace, &asked.referrer.namespace))
        };
        let found: Vec<&Named> = candidates.filter(fits).collect();
        let near = |found: &[&Named], may_be_none: bool| -> Vec<usize> {
            let agrees = |named: &Named| {
                may_be_none && (named.affixes.is_empty() || asked.affixes.is_empty())
                    || ends_alike(&named.affixes, asked.affixes)
            };
            (0..found.len()).filter(|at| agrees(found[*at])).collect()
        };
        let pick =
            |found: &[&'_ Named], at: &[usize]| at.iter().map(|at| found[*at].built.name.clone()).collect::<Vec<_>>();
        if found.len() <= 1 {
            return found.first().copied();
        }
        let mut kept = near(&found, true);
        if kept.len() > 1 {
            kept = near(&found, false);
        }
        let names = pick(&found, &kept);
        match kept.first() {
            Some(first) if names.iter().all(|name| *name == names[0]) => Some(found[*first]),
            _ => None,
        }
    }
}

/// What a reference asks for.
struct Asked<'a> {
    /// Group, any where it is empty, and kind of what it names.
    target: (&'static str, &'static str),
    /// Group and kind that stand beside the name, where they count.
    role: Option<(String, String)>,
    referrer: &'a Subject,
    affixes: &'a [(Box<str>, Box<str>)],
}

/// The group and kind of a binding's role.
fn role_reference(root: &Node, field: &Field) -> Option<(String, String)> {
    if field.path.first().is_none_or(|key| &**key != "roleRef") {
        return None;
    }
    let text = |key: &str| root.path(&["roleRef", key]).and_then(Node::as_str).map(str::to_owned);
    Some((text("apiGroup")?, text("kind")?))
}

/// Whether two namespaces are the same to kustomize.
fn is_same(one: &str, other: &str) -> bool {
    let named = |name: &'_ str| if name.is_empty() { "default".to_owned() } else { name.to_owned() };
    named(one) == named(other)
}

/// Whether the shorter of two lists is how the other ends.
fn ends_alike<T: PartialEq>(one: &[T], other: &[T]) -> bool {
    one.iter().rev().zip(other.iter().rev()).all(|(one, other)| one == other)
}

fn put(node: &mut Node, key: &str, text: &str) {
    let span = node.span;
    let Value::Object(entries) = &mut node.value else { return };
    match entries.iter_mut().find(|entry| &*entry.key == key) {
        Some(entry) => entry.value.value = Value::String(text.into()),
        None => {
            let value = Node { value: Value::String(text.into()), span, aliased: true };
            entries.push(Entry::new(key, span, value));
        }
    }
}
