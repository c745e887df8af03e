//! The server as webhook of the API server: no engine between them.

use super::options::TLS_PORT;
use super::resources::Family;
use super::{FailurePolicy, File, Options, OptionsError, Plan, Purpose, base64, kustomization, resources};
use crate::bundle::{Bundle, BundleRule};
use crate::workload::WORKLOAD_CONTROLLERS;
use serde_json::{Value, json};
use std::collections::BTreeMap;

const ENGINE: &str = "the API server";
/// In seconds: more than the two in which the server answers, checked or not.
const TIMEOUT: u8 = 5;

/// The files for a bundle.
///
/// # Errors
/// When the options or the bundle's name are nothing that the API server takes.
pub fn webhook(bundle: &Bundle, options: &Options) -> Result<Vec<File>, OptionsError> {
    let plan = Plan::new(bundle, options)?;
    let mut files = vec![
        plan.file("mutating.yaml", Purpose::Apply, MUTATING, &plan.configuration(Kind::Mutating)?),
        plan.file("validating.yaml", Purpose::Apply, VALIDATING, &plan.configuration(Kind::Validating)?),
    ];
    files.push(kustomization(options, &files));
    Ok(files)
}

const MUTATING: &str = "\
The safe fixes, before anything is judged. An object that comes while the server is away is stored unmended: it is the
validation that refuses.";

const VALIDATING: &str = "\
Asks for the verdict of the whole bundle in one call. Namespaces without which neither the cluster nor the server
would start are left alone, and so are those who would have to act for the server to come back.";

/// The two kinds of configuration.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    Mutating,
    Validating,
}

impl Kind {
    fn name(self) -> &'static str {
        match self {
            Kind::Mutating => "MutatingWebhookConfiguration",
            Kind::Validating => "ValidatingWebhookConfiguration",
        }
    }

    fn path(self) -> &'static str {
        match self {
            Kind::Mutating => "mutate",
            Kind::Validating => "validate",
        }
    }
}

impl Plan<'_> {
    fn configuration(&self, kind: Kind) -> Result<Value, OptionsError> {
        let mut metadata = self.metadata(&self.name());
        let path = format!("/{}/{}", kind.path(), self.bundle.name);
        let mut client = match &self.options.url {
            Some(_) => json!({ "url": self.options.tls_url(ENGINE, &path)? }),
            None => json!({ "service": {
                "name": self.options.name, "namespace": self.options.namespace, "path": path, "port": TLS_PORT,
            } }),
        };
        match &self.options.authority {
            Some(authority) => client["caBundle"] = base64(authority).into(),
            None if self.options.url.is_none() => {
                let certificate = format!("{}/{}", self.options.namespace, self.options.name);
                metadata["annotations"] = json!({ "cert-manager.io/inject-ca-from": certificate });
            }
            // The authorities that the API server's own machine knows.
            None => {}
        }
        let mut webhook = json!({
            "name": format!("{}.{}.policy-host", self.bundle.name, kind.path()),
            "clientConfig": client,
            "rules": self.webhook_rules(kind),
            "namespaceSelector": self.options.namespace_selector(None),
            "matchConditions": self.match_conditions(),
            "matchPolicy": "Equivalent",
            "failurePolicy": self.failure_policy(kind),
            "sideEffects": "None",
            "timeoutSeconds": self.options.timeout.unwrap_or(TIMEOUT),
            "admissionReviewVersions": ["v1"],
        });
        if kind == Kind::Mutating {
            // What another webhook changes afterwards may need mending too.
            webhook["reinvocationPolicy"] = "IfNeeded".into();
        }
        Ok(json!({
            "apiVersion": "admissionregistration.k8s.io/v1",
            "kind": kind.name(),
            "metadata": metadata,
            "webhooks": [webhook],
        }))
    }

    fn failure_policy(&self, kind: Kind) -> &'static str {
        match (kind, self.options.failure_policy) {
            (Kind::Validating, FailurePolicy::Fail) => "Fail",
            _ => "Ignore",
        }
    }

    fn webhook_rules(&self, kind: Kind) -> Vec<Value> {
        let mut rules: Vec<Value> = Vec::new();
        for family in resources::families(&self.judged) {
            let mut plurals = family.plurals();
            // What changes the containers of a pod that is there already.
            if family.group.is_empty() && kind == Kind::Validating && plurals.contains(&"pods") {
                plurals.extend(["pods/ephemeralcontainers", "pods/resize"]);
            }
            rules.push(webhook_rule(&family, &["CREATE", "UPDATE"], &plurals));
        }
        // Nor is a scale mended, which is a number that somebody or an autoscaler asks for.
        let scaled = resources::scaled(self.bundle);
        for family in resources::families(&scaled).into_iter().filter(|_| kind == Kind::Validating) {
            let scales: Vec<String> = family.plurals().iter().map(|plural| format!("{plural}/scale")).collect();
            let scales: Vec<&str> = scales.iter().map(String::as_str).collect();
            rules.push(webhook_rule(&family, &["UPDATE"], &scales));
        }
        // Nothing is mended on its way out.
        for operation in ["DELETE", "CONNECT"].into_iter().filter(|_| kind == Kind::Validating) {
            let judged = resources::judged_on(self.bundle, &[operation]);
            let families = resources::families(&judged);
            rules.extend(families.iter().map(|family| webhook_rule(family, &[operation], &family.plurals())));
        }
        rules
    }

    /// Who is not asked about. Nothing here looks at whether an object is being deleted: who may change it then could
    /// make anything of it.
    fn match_conditions(&self) -> Value {
        let own = format!("system:serviceaccount:{}:{}", self.options.namespace, self.options.name);
        let mut conditions = vec![
            // It writes its own roles when it starts, and gives up when it cannot.
            json!({ "name": "not-the-api-server", "expression": "request.userInfo.username != 'system:apiserver'" }),
            // They mirror pods that run already.
            json!({ "name": "not-a-node", "expression": "!('system:nodes' in request.userInfo.groups)" }),
            json!({ "name": "not-policy-host", "expression": format!("request.userInfo.username != '{own}'") }),
        ];
        let owners: Vec<String> = owners(self.bundle).into_iter().map(is_owner).collect();
        if !owners.is_empty() {
            let controllers = WORKLOAD_CONTROLLERS.map(|name| format!("'{name}'"));
            conditions.push(json!({ "name": "not-what-its-owner-is-judged-for", "expression": format!(
                "!(request.userInfo.username in [\n    {}\n  ]\n  \
                 && [object, oldObject].exists(state, state != null && has(state.metadata.ownerReferences)\n    \
                 && state.metadata.ownerReferences.exists(owner, has(owner.controller) && owner.controller\n    \
                 && ({}))))",
                controllers.join(",\n    "),
                owners.join("\n      || ")
            ) }));
        }
        conditions.into()
    }
}

fn webhook_rule(family: &Family<'_>, operations: &[&str], resources: &[&str]) -> Value {
    json!({
        "apiGroups": [family.group],
        "apiVersions": [family.version],
        "operations": operations,
        "resources": resources,
        "scope": "*",
    })
}

/// Kubernetes' own kinds of owners, by group, with what each makes.
const OWNERS: [(&str, &[&str], &str, &str); 5] = [
    ("", &["ReplicationController"], "", "Pod"),
    ("apps", &["DaemonSet", "ReplicaSet", "StatefulSet"], "", "Pod"),
    ("apps", &["Deployment"], "apps", "ReplicaSet"),
    ("batch", &["CronJob"], "batch", "Job"),
    ("batch", &["Job"], "", "Pod"),
];

/// The kinds that are checked by every rule that checks what they make: by group, those of one API version together.
fn owners(bundle: &Bundle) -> BTreeMap<&'static str, Vec<&'static str>> {
    let judges = |rule: &BundleRule, group: &str, kind: &str| {
        let mut targets = rule.source.manifest.applies_to.iter();
        targets.any(|target| bundle.workloads.names(target, group, kind))
    };
    let mut owners: BTreeMap<_, Vec<_>> = BTreeMap::new();
    for (group, kinds, made_group, made) in OWNERS {
        for kind in kinds {
            let mut rules = bundle.rules.iter().filter(|rule| judges(rule, made_group, made)).peekable();
            if rules.peek().is_some() && rules.all(|rule| judges(rule, group, kind)) {
                owners.entry(group).or_default().push(*kind);
            }
        }
    }
    owners
}

/// The expression for an owner of one of some kinds of a group.
fn is_owner((group, kinds): (&str, Vec<&str>)) -> String {
    let kinds: Vec<String> = kinds.iter().map(|kind| format!("'{kind}'")).collect();
    let version = match group {
        "" => " == 'v1'".to_owned(),
        group => format!(".startsWith('{group}/')"),
    };
    format!("owner.apiVersion{version} && owner.kind in [{}]", kinds.join(", "))
}
