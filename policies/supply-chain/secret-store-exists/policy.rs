use policy_sdk::kubernetes::file::{OwnFile, is_in_file};
use policy_sdk::prelude::*;

policy_sdk::rule! {
    /// The stores of external secrets exist
    ///
    /// Every SecretStore and ClusterSecretStore that an ExternalSecret or a PushSecret names is among the documents: that of
    /// `secretStoreRef`, and those of single entries (`sourceRef.storeRef`). A SecretStore is one of the same namespace. A
    /// ClusterSecretStore is usually kept with the cluster and not with the application, so in files a missing one is
    /// not evaluated.
    ///
    /// A ClusterSecretStore whose `conditions` list namespaces lists the one of the ExternalSecret; by a selector or an
    /// expression that is not evaluated.
    ///
    /// ## Why
    /// Without its store an ExternalSecret makes no Secret, and the pods that need it do not start. A Secret that was there
    /// already is never changed again.
    ///
    /// ## Fix
    /// Correct the name or the `kind` (`SecretStore` where it is absent), or add the namespace to the `conditions` of
    /// the store.
    findings: {
        /// There is no such store
        Missing: Medium, Likely, absence: ["stores", "stores_of_data", "stores_of_sources", "stores_of_pushes"];
        /// The store is not for this namespace
        NotForNamespace: Medium, Certain;
    },
    priority: P1,
    effort: Small,
    factor: Config,
    since: "0.1.0",
    applies_to: ["external-secrets.io/ExternalSecret", "external-secrets.io/PushSecret"],
    uses: [OwnFile],
    reads: [
        "spec.secretStoreRef", "spec.secretStoreRefs[*]", "spec.data[*].sourceRef.storeRef",
        "spec.dataFrom[*].sourceRef.storeRef",
    ],
    inventory: {
        stores: {
            kinds: ["external-secrets.io/SecretStore", "external-secrets.io/ClusterSecretStore"],
            scope: "cluster",
            relation: named { kind: "spec.secretStoreRef.kind=SecretStore", group: "=external-secrets.io", name: "spec.secretStoreRef.name" },
            reads: ["spec.conditions"],
        },
        stores_of_data: {
            kinds: ["external-secrets.io/SecretStore", "external-secrets.io/ClusterSecretStore"],
            scope: "cluster",
            relation: named { kind: "spec.data[*].sourceRef.storeRef.kind=SecretStore", group: "=external-secrets.io", name: "spec.data[*].sourceRef.storeRef.name" },
            reads: ["spec.conditions"],
        },
        stores_of_sources: {
            kinds: ["external-secrets.io/SecretStore", "external-secrets.io/ClusterSecretStore"],
            scope: "cluster",
            relation: named { kind: "spec.dataFrom[*].sourceRef.storeRef.kind=SecretStore", group: "=external-secrets.io", name: "spec.dataFrom[*].sourceRef.storeRef.name" },
            reads: ["spec.conditions"],
        },
        stores_of_pushes: {
            kinds: ["external-secrets.io/SecretStore", "external-secrets.io/ClusterSecretStore"],
            scope: "cluster",
            relation: named { kind: "spec.secretStoreRefs[*].kind=SecretStore", group: "=external-secrets.io", name: "spec.secretStoreRefs[*].name" },
            reads: ["spec.conditions"],
        },
    },
}

const ASKED: [&str; 4] = ["stores", "stores_of_data", "stores_of_sources", "stores_of_pushes"];

fn check(input: &Input<'_, Parameters>, findings: &mut Findings) -> Check {
    let spec = input.document.get("spec");
    let of_list =
        |list: &str, path: &'static str| spec.get(list).items().map(move |entry| entry.at(path)).collect::<Vec<_>>();
    let mut references = vec![spec.get("secretStoreRef")];
    references.extend(spec.get("secretStoreRefs").items());
    references.extend(of_list("data", "sourceRef.storeRef"));
    references.extend(of_list("dataFrom", "sourceRef.storeRef"));
    references.retain(|reference| !reference.get("name").text().is_empty());
    if references.is_empty() {
        return not_applicable("it names no store: its secrets come from generators");
    }
    let is_file = is_in_file(input);
    let mut unknown = None;
    let mut seen: Vec<(&str, &str)> = Vec::new();
    for reference in &references {
        let name = reference.get("name");
        let kind = match reference.get("kind").text() {
            "" => "SecretStore",
            kind => kind,
        };
        if seen.contains(&(kind, name.text())) {
            continue;
        }
        seen.push((kind, name.text()));
        let mut found = ASKED.into_iter().flat_map(|query| input.related(query));
        let store = found.find(|store| store.kind() == kind && store.name() == name.text());
        match store {
            None if kind == "ClusterSecretStore" && is_file => {
                unknown = Some(format!("the ClusterSecretStore `{}` is not among the files", name.text()));
            }
            None => {
                findings.report(Code::Missing, &name, format!("there is no {kind} `{}`", name.text()));
            }
            Some(store) => match admits(&store, &input.subject.namespace) {
                Some(true) => {}
                Some(false) => {
                    let namespace = &input.subject.namespace;
                    let message = format!("the {kind} `{}` is not for the namespace `{namespace}`", name.text());
                    let conditions = store.document.at("spec.conditions");
                    let report = findings.report(Code::NotForNamespace, &name, message);
                    report.label_in(&store, &conditions, "it is for these namespaces");
                }
                None => {
                    unknown = Some(format!("whether the {kind} `{}` is for the namespace is not known", name.text()))
                }
            },
        }
    }
    match unknown.filter(|_| findings.is_empty()) {
        Some(reason) => not_evaluated(reason),
        None => Ok(()),
    }
}

/// Whether a store is for a namespace; `None` where a selector, an expression or the place of deployment decides.
fn admits(store: &Related<'_>, namespace: &str) -> Option<bool> {
    let conditions: Vec<View<'_>> = store.document.at("spec.conditions").items().collect();
    let lists = |condition: &View<'_>| condition.get("namespaces").items().any(|one| one.text() == namespace);
    let is_open = |condition: &View<'_>| {
        !condition.get("namespaceRegexes").is_empty() || condition.get("namespaceSelector").exists()
    };
    if conditions.is_empty() || conditions.iter().any(lists) {
        return Some(true);
    }
    (!namespace.is_empty() && !conditions.iter().any(is_open)).then_some(false)
}
