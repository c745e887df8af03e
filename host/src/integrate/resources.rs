//! From kinds to resources: what the API calls the collection of a kind.

/// A kind and what the API calls its collection.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Resource {
    /// API group; empty for core.
    pub group: String,
    /// Kind.
    pub kind: String,
    /// Name of the collection.
    pub plural: String,
    /// Whether it comes with every Kubernetes, not by a CustomResourceDefinition.
    pub is_built_in: bool,
}

/// Groups of Kubernetes itself: those without a dot, and `*.k8s.io`. Others come by a CustomResourceDefinition.
fn is_built_in(group: &str) -> bool {
    !group.contains('.') || group.ends_with(".k8s.io")
}

impl Resource {
    /// The resource of a kind. Every kind of Kubernetes that rules have a use for, and every custom kind that is
    /// named as its authors are advised to, is the plural of English nouns.
    pub fn of(group: &str, kind: &str) -> Self {
        let is_built_in = is_built_in(group);
        Self { group: group.to_owned(), kind: kind.to_owned(), plural: plural(kind), is_built_in }
    }

    /// `apps/Deployment`, `Pod`.
    pub fn group_kind(&self) -> String {
        if self.group.is_empty() { self.kind.clone() } else { format!("{}/{}", self.group, self.kind) }
    }
}

fn plural(kind: &str) -> String {
    let kind = kind.to_ascii_lowercase();
    let vowel = |c: char| "aeiou".contains(c);
    match kind.strip_suffix('y') {
        // `Endpoints` is its own plural.
        _ if kind == "endpoints" => kind,
        Some(stem) if !stem.ends_with(vowel) => format!("{stem}ies"),
        _ if kind.ends_with(['s', 'x', 'z']) || kind.ends_with("ch") || kind.ends_with("sh") => format!("{kind}es"),
        _ => format!("{kind}s"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn plurals_are_what_the_api_calls_them() {
        let cases = [
            ("Pod", "pods"),
            ("NetworkPolicy", "networkpolicies"),
            ("Ingress", "ingresses"),
            ("Gateway", "gateways"),
            ("StorageClass", "storageclasses"),
            ("PodDisruptionBudget", "poddisruptionbudgets"),
            ("Endpoints", "endpoints"),
            ("ServiceMonitor", "servicemonitors"),
        ];
        for (kind, expected) in cases {
            assert_eq!(plural(kind), expected);
        }
        assert!(Resource::of("networking.k8s.io", "NetworkPolicy").is_built_in);
        assert!(!Resource::of("monitoring.coreos.com", "ServiceMonitor").is_built_in);
    }
}
