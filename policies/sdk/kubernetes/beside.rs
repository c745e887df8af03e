//! Documents that a fix writes to stand beside a workload, under its name.

use crate::finding::Fix;
use crate::input::Input;
use crate::manifest::Query;
use crate::object;
use crate::uses::{Usable, Uses};
use crate::write::{Raw, ToJson};
use std::marker::PhantomData;

/// A kind of document that stands beside a workload.
pub trait Companion {
    /// Its `apiVersion`.
    const API_VERSION: &'static str;
    /// Its `kind`.
    const KIND: &'static str;
    /// It, as queries name it.
    const KINDS: &'static [&'static str];
    /// The query for one that has the name.
    const QUERY: &'static str;
}

macro_rules! companions {
    ($($kind:ident: $group:literal, $version:literal;)+) => {
        $(
            /// The kind of that name.
            pub struct $kind;

            impl Companion for $kind {
                const API_VERSION: &'static str = concat!($group, "/", $version);
                const KIND: &'static str = stringify!($kind);
                const KINDS: &'static [&'static str] = &[concat!($group, "/", stringify!($kind))];
                const QUERY: &'static str = concat!("beside_", stringify!($kind));
            }
        )+
    };
}

companions! {
    HorizontalPodAutoscaler: "autoscaling", "v2";
    NetworkPolicy: "networking.k8s.io", "v1";
    PodDisruptionBudget: "policy", "v1";
    ServiceMonitor: "monitoring.coreos.com", "v1";
}

/// The name that a new document of the kind `K` would take: the workload's, in its namespace. Two documents may not
/// share it, so the fix asks whether one has it.
pub struct Beside<K>(PhantomData<K>);

impl<K: Companion> Usable for Beside<K> {
    const QUERIES: &'static [Query] = &[Query {
        name: K::QUERY,
        kinds: K::KINDS,
        scope: "namespace",
        via: &[],
        unless: &[],
        relation: &[("same", &[("there", &["metadata.name"]), ("here", &["object.metadata.name"])])],
        reads: &[],
    }];
}

impl<K: Companion> Beside<K> {
    /// A fix that creates the document; `None` where one of its name is there.
    pub fn create<P: Uses<Self>>(input: &Input<'_, P>, title: impl Into<String>, spec: impl ToJson) -> Option<Fix> {
        let metadata = metadata(input, K::QUERY)?;
        let head = object! { "apiVersion": K::API_VERSION, "kind": K::KIND, "metadata": metadata, "spec": spec };
        Some(Fix::create(title, head))
    }
}

/// Apart from [`Beside::create`], so that a component has it once for each rule.
fn metadata<P>(input: &Input<'_, P>, query: &str) -> Option<Raw> {
    if input.related(query).next().is_some() {
        return None;
    }
    let subject = input.subject;
    let namespace = Some(&subject.namespace).filter(|namespace| !namespace.is_empty());
    Some(object! { "name": subject.name, "namespace": ?namespace })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::look;

    #[test]
    fn a_name_is_taken_once() {
        let of = |namespace: &str, related: &str| {
            look(namespace, "{}", Beside::<NetworkPolicy>::QUERIES, &[related], |input| {
                Beside::<NetworkPolicy>::create(input, "add a NetworkPolicy", object! {}).is_some()
            })
        };
        assert!(of("shop", "[]"));
        assert!(!of("shop", r#"[{"subject":{"name":"cart"},"document":{}}]"#));
        let written = |namespace| {
            look(namespace, "{}", &[], &[], |input| metadata(input, NetworkPolicy::QUERY).map(|metadata| metadata.0))
        };
        assert_eq!(written("shop").as_deref(), Some(r#"{"name":"cart","namespace":"shop"}"#));
        assert_eq!(written("").as_deref(), Some(r#"{"name":"cart"}"#));
    }
}
