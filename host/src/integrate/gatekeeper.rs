//! Gatekeeper: one template that asks for the verdict of the whole bundle, its constraints, the provider, the
//! mutation that pins images, and a variant that `gator`, which asks no provider, can run.

use super::{File, NAME, Options, Resource, TIMEOUT_SECONDS, judged, pascal};
use crate::bundle::Bundle;
use base64::Engine as _;
use serde_json::{Value, json};

const REGO: &str = include_str!("gatekeeper.rego");
const MOCK: &str = include_str!("gatekeeper_mock.rego");
const SYSTEM: &str = "gatekeeper-system";

/// The files for a bundle.
pub fn gatekeeper(bundle: &Bundle, options: &Options) -> Vec<File> {
    let names = Names::of(bundle);
    let resources = judged(bundle);
    vec![
        File::manifest("provider.yaml", PROVIDER_WORDS, &provider(options)),
        File::manifest("template.yaml", TEMPLATE_WORDS, &template(bundle, &names, &rego(bundle, &names))),
        File::manifest("constraint-warnings.yaml", WARNINGS_WORDS, &constraint(&names, &resources, options, "warn")),
        File::manifest("constraint.yaml", CONSTRAINT_WORDS, &constraint(&names, &resources, options, "deny")),
        File::manifest("assign-image-digests.yaml", ASSIGN_WORDS, &assign(options)),
        File::example("catalog.yaml", CATALOG_WORDS, &catalog(bundle, &names)),
        File::example("gator/template.yaml", MOCK_WORDS, &template(bundle, &names, &mocked(bundle, &names))),
        File::example("gator/constraint.yaml", "", &constraint(&names, &resources, options, "deny")),
        File::example("gator/suite.yaml", SUITE_WORDS, &suite(bundle)),
        sample("allowed", &json!({ "allowed": true, "message": "", "violations": [], "warnings": [WARNING] })),
        sample(
            "denied",
            &json!({ "allowed": false, "message": "two reasons", "violations": [VIOLATION, "second"], "warnings": [] }),
        ),
        sample("failed", &json!({ "allowed": false, "message": "a-rule: could not run", "violations": [] })),
        sample("unanswered", &Value::Null),
    ]
}

const PROVIDER_WORDS: &str = "\
Where Gatekeeper asks. It speaks https only, believes `caBundle` alone, and counts `timeout` in seconds, of which
none would be none: `policy-host bundle gatekeeper BUNDLE --ca-bundle ca.crt` fills the authority in.";
const TEMPLATE_WORDS: &str = "\
Asks for the verdict of the whole bundle in one call. Whatever is no verdict refuses.";
const CONSTRAINT_WORDS: &str = "\
What the bundle enforces by `deny`. To begin with the audit alone, use
  enforcementAction: scoped
  scopedEnforcementActions: [{action: deny, enforcementPoints: [{name: audit.gatekeeper.sh}]}]";
const WARNINGS_WORDS: &str = "What the bundle enforces by `warn`.";
const ASSIGN_WORDS: &str = "\
Replaces images by their digest-pinned form, as far as the server's `gatekeeper.imageDigests` has them; an image
that it has not is refused. Leave it out where images are pinned before they are applied.";
const CATALOG_WORDS: &str = "For `gator policy`: serve this folder over https and point GATOR_CATALOG_URL here.";
const MOCK_WORDS: &str = "For gator, which asks no provider: the answer is in an annotation of the object.";
const SUITE_WORDS: &str = "gator verify gator/";

const WARNING: &str = "warning";
const VIOLATION: &str = "first";

struct Names {
    /// Kind of the constraints: `PolicyHostTwelveFactor`.
    kind: String,
    /// Name of the template, which Gatekeeper wants to be the kind in lower case.
    template: String,
    /// Name of the constraint that denies.
    constraint: String,
}

impl Names {
    fn of(bundle: &Bundle) -> Self {
        let kind = format!("PolicyHost{}", pascal(&bundle.name));
        Self { template: kind.to_ascii_lowercase(), kind, constraint: format!("{NAME}-{}", bundle.name) }
    }
}

fn rego(bundle: &Bundle, names: &Names) -> String {
    REGO.replace("PACKAGE", &names.template).replace("BUNDLE", &bundle.name).replace("PROVIDER", NAME)
}

fn mocked(bundle: &Bundle, names: &Names) -> String {
    format!("{}{MOCK}", rego(bundle, names))
}

fn provider(options: &Options) -> Value {
    let mut provider = json!({
        "apiVersion": "externaldata.gatekeeper.sh/v1beta1",
        "kind": "Provider",
        "metadata": { "name": NAME },
        "spec": { "url": format!("{}/v1/gatekeeper", options.tls_url()), "timeout": TIMEOUT_SECONDS - 1 },
    });
    if let Some(authority) = &options.ca_bundle {
        provider["spec"]["caBundle"] = base64::engine::general_purpose::STANDARD.encode(authority).into();
    }
    provider
}

fn template(bundle: &Bundle, names: &Names, rego: &str) -> Value {
    let levels = json!({
        "type": "array",
        "description": "Which of the bundle's enforcements become violations; deny where it is left out",
        "items": { "type": "string", "enum": ["deny", "warn", "audit"] },
    });
    json!({
        "apiVersion": "templates.gatekeeper.sh/v1",
        "kind": "ConstraintTemplate",
        "metadata": {
            "name": names.template,
            "annotations": {
                "description": bundle_title(bundle),
                "metadata.gatekeeper.sh/title": format!("policy-host {}", bundle.name),
                "metadata.gatekeeper.sh/version": bundle.version,
            },
        },
        "spec": {
            "crd": { "spec": {
                "names": { "kind": names.kind },
                "validation": { "openAPIV3Schema": { "type": "object", "properties": { "levels": levels } } },
            } },
            "targets": [{ "target": "admission.k8s.gatekeeper.sh", "rego": rego }],
        },
    })
}

fn bundle_title(bundle: &Bundle) -> String {
    format!("The verdict of policy-host with the bundle {}", bundle.name)
}

fn constraint(names: &Names, resources: &[Resource], options: &Options, level: &str) -> Value {
    let mut kinds: Vec<(&str, Vec<&str>)> = Vec::new();
    for resource in resources {
        match kinds.iter_mut().find(|(group, _)| *group == resource.group) {
            Some((_, of_group)) => of_group.push(&resource.kind),
            None => kinds.push((&resource.group, vec![&resource.kind])),
        }
    }
    let kinds: Vec<Value> =
        kinds.into_iter().map(|(group, kinds)| json!({ "apiGroups": [group], "kinds": kinds })).collect();
    let suffix = if level == "warn" { "-warnings" } else { "" };
    json!({
        "apiVersion": "constraints.gatekeeper.sh/v1beta1",
        "kind": names.kind,
        "metadata": { "name": format!("{}{suffix}", names.constraint) },
        "spec": {
            "enforcementAction": level,
            "match": { "kinds": kinds, "excludedNamespaces": options.exempt_namespaces(Some(SYSTEM)) },
            "parameters": { "levels": [level] },
        },
    })
}

fn assign(options: &Options) -> Value {
    json!({
        "apiVersion": "mutations.gatekeeper.sh/v1",
        "kind": "Assign",
        "metadata": { "name": format!("{NAME}-image-digests") },
        "spec": {
            "applyTo": [{ "groups": ["apps"], "versions": ["v1"], "kinds": ["DaemonSet", "Deployment", "StatefulSet"] }],
            "match": { "scope": "Namespaced", "excludedNamespaces": options.exempt_namespaces(Some(SYSTEM)) },
            "location": "spec.template.spec.containers[name:*].image",
            "parameters": { "assign": { "externalData": {
                "provider": NAME, "dataSource": "ValueAtLocation", "failurePolicy": "Fail",
            } } },
        },
    })
}

fn catalog(bundle: &Bundle, names: &Names) -> Value {
    let version = format!("v{}", if bundle.version.is_empty() { "0.0.0" } else { &bundle.version });
    json!({
        "apiVersion": "gator.gatekeeper.sh/v1alpha1",
        "kind": "PolicyCatalog",
        "metadata": { "name": NAME, "version": version, "updatedAt": "2026-01-01T00:00:00Z" },
        "bundles": [{ "name": bundle.name, "description": bundle_title(bundle), "policies": [names.template] }],
        "policies": [{
            "name": names.template,
            "version": version,
            "description": bundle_title(bundle),
            "category": "general",
            "templatePath": "template.yaml",
            "bundles": [bundle.name],
            "bundleConstraints": { &bundle.name: "constraint.yaml" },
        }],
    })
}

fn suite(bundle: &Bundle) -> Value {
    let case = |name: &str, assertions: Value| json!({ "name": name, "object": format!("{name}.yaml"), "assertions": assertions });
    json!({
        "apiVersion": "test.gatekeeper.sh/v1alpha1",
        "kind": "Suite",
        "tests": [{
            "name": bundle.name,
            "template": "template.yaml",
            "constraint": "constraint.yaml",
            "cases": [
                case("allowed", json!([{ "violations": "no" }])),
                case("denied", json!([
                    { "violations": 2 },
                    { "violations": 1, "message": "^first: what is wrong \\(at /spec/replicas\\); what to do$" },
                ])),
                case("failed", json!([{ "violations": 1, "message": "^a-rule: could not run$" }])),
                case("unanswered", json!([{ "violations": 1, "message": "^policy-host: no verdict: no route to host$" }])),
            ],
        }],
    })
}

/// An object with the answer that a provider would give; without a verdict, that it cannot be reached.
fn sample(name: &str, verdict: &Value) -> File {
    let finding = |rule: &Value| json!({ "rule": rule, "message": "what is wrong", "path": "/spec/replicas", "fix": "what to do" });
    let mut verdict = verdict.clone();
    for list in ["violations", "warnings"] {
        if let Some(Value::Array(rules)) = verdict.get_mut(list) {
            rules.iter_mut().for_each(|rule| *rule = finding(rule));
        }
    }
    let answer = if verdict.is_null() {
        json!({ "responses": null, "errors": null, "status_code": 500, "system_error": "no route to host" })
    } else {
        json!({ "responses": [["sha256:…", verdict]], "errors": [], "status_code": 200, "system_error": "" })
    };
    let object = json!({
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {
            "name": name,
            "namespace": "shop",
            "annotations": { "policy-host.dev/mock-answer": answer.to_string() },
        },
        "spec": {
            "replicas": 1,
            "selector": { "matchLabels": { "app": name } },
            "template": {
                "metadata": { "labels": { "app": name } },
                "spec": { "containers": [{ "name": "app", "image": "registry.example.com/app:1.0.0" }] },
            },
        },
    });
    File::example(&format!("gator/{name}.yaml"), "", &object)
}
