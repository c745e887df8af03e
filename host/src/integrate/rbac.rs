//! The rights of the server: to list and watch the kinds that the bundle's rules ask for, and nothing else.

use super::{File, NAME, Options, asked, by_group, kustomization};
use crate::bundle::Bundle;
use serde_json::json;

/// The files for a bundle.
pub fn rbac(bundle: &Bundle, options: &Options) -> Vec<File> {
    let name = format!("{NAME}-{}", bundle.name);
    let account = json!({
        "apiVersion": "v1",
        "kind": "ServiceAccount",
        "metadata": { "name": NAME, "namespace": options.namespace },
    });
    let rule = |(group, resources): (String, Vec<String>)| json!({ "apiGroups": [group], "resources": resources, "verbs": ["list", "watch"] });
    let rules: Vec<_> = by_group(&asked(bundle)).into_iter().map(rule).collect();
    let role = json!({
        "apiVersion": "rbac.authorization.k8s.io/v1",
        "kind": "ClusterRole",
        "metadata": { "name": name },
        "rules": rules,
    });
    let binding = json!({
        "apiVersion": "rbac.authorization.k8s.io/v1",
        "kind": "ClusterRoleBinding",
        "metadata": { "name": name },
        "roleRef": { "apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": name },
        "subjects": [{ "kind": "ServiceAccount", "name": NAME, "namespace": options.namespace }],
    });
    let mut files = vec![
        File::manifest("service-account.yaml", "", &account),
        File::manifest("cluster-role.yaml", WORDS, &role),
        File::manifest("cluster-role-binding.yaml", "", &binding),
    ];
    files.push(kustomization(&files));
    files
}

const WORDS: &str =
    "What the bundle's rules ask for. Without it they are not evaluated; the others judge all the same.";
