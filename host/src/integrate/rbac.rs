//! The rights of the server: to list and watch the kinds that the loaded rules ask for, and no other.

use super::options::is_name;
use super::{File, Options, OptionsError, Purpose, Resource, file, kustomization, labels, resources};
use crate::bundle::Bundle;
use serde_json::{Value, json};
use std::collections::BTreeSet;

const GROUP: &str = "rbac.authorization.k8s.io";

/// The files for a bundle; where no rule asks for other objects, only the server's service account. The role is named
/// after the bundle, so that a server of several has the rights of all.
///
/// # Errors
/// When the options are nothing that Kubernetes takes.
pub fn rbac(bundle: &Bundle, options: &Options) -> Result<Vec<File>, OptionsError> {
    options.check()?;
    if !is_name(&bundle.name) {
        return Err(OptionsError::BundleName(bundle.name.clone()));
    }
    let account = json!({
        "apiVersion": "v1",
        "kind": "ServiceAccount",
        "metadata": { "name": options.name, "namespace": options.namespace, "labels": labels(options) },
        // Where the token is needed, the pod says so.
        "automountServiceAccountToken": false,
    });
    let mut files = vec![file(options, "service-account.yaml", Purpose::Apply, "", &account)];
    let asked = resources::asked(bundle);
    if !asked.is_empty() {
        files.extend(rights(&asked, bundle, options));
    }
    files.push(kustomization(options, &files));
    Ok(files)
}

fn rights(asked: &BTreeSet<Resource>, bundle: &Bundle, options: &Options) -> [File; 2] {
    let name = format!("{}-{}", options.name, bundle.name);
    let metadata = json!({ "name": name, "labels": labels(options) });
    let rules = resources::families(asked).into_iter().map(
        |family| json!({ "apiGroups": [family.group], "resources": family.plurals(), "verbs": ["list", "watch"] }),
    );
    let mut of_role = metadata.clone();
    if asked.iter().any(|resource| resource.group.is_empty() && resource.plural == "secrets") {
        of_role["annotations"] = json!({ "ignore.policy-host.dev/rbac-secret-access": SECRETS });
    }
    let role = json!({
        "apiVersion": format!("{GROUP}/v1"),
        "kind": "ClusterRole",
        "metadata": of_role,
        "rules": rules.collect::<Vec<Value>>(),
    });
    let binding = json!({
        "apiVersion": format!("{GROUP}/v1"),
        "kind": "ClusterRoleBinding",
        "metadata": metadata,
        "roleRef": { "apiGroup": GROUP, "kind": "ClusterRole", "name": name },
        "subjects": [{ "kind": "ServiceAccount", "name": options.name, "namespace": options.namespace }],
    });
    [
        file(options, "cluster-role.yaml", Purpose::Apply, ROLE, &role),
        file(options, "cluster-role-binding.yaml", Purpose::Apply, "", &binding),
    ]
}

/// Why the role reads Secrets.
const SECRETS: &str = "\
its rules ask which Secrets there are and which keys they have; without the right they are not evaluated, and the rest is";

const ROLE: &str = "\
What the rules ask for beside the object that they judge. Rules that may not have it are not evaluated, the others
judge all the same.";
