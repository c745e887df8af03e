use policy_sdk::json::Kind;
use policy_sdk::kubernetes::metadata::{self, OwnMetadata};
use policy_sdk::prelude::*;
use policy_sdk::values::label::{is_key, is_value};

policy_sdk::rule! {
    /// Labels and annotations are such that the API server takes them
    ///
    /// Keys of labels, annotations, selectors and `nodeSelector` are a name of at most 63 characters, with an optional
    /// DNS name and `/` before it. Values of labels have at most 63 letters, digits, `-`, `_` and `.`, and begin and
    /// end with a letter or digit. All values are texts: a number or `true` without quotes is none. The rule checks the
    /// object, the pod template of a workload, its selector and the selector of a Service. Values that something fills
    /// in later (`${X}`, `{{ x }}`) are not known.
    ///
    /// ## Why
    /// The API server refuses the object. In a pipeline this stops the rollout at this object, with half of the others
    /// already applied.
    ///
    /// ## Fix
    /// Quote numbers and booleans:
    ///
    /// ```yaml
    /// labels:
    ///   version: "1.10"
    ///   enabled: "true"
    /// ```
    findings: {
        /// A value is no text, and the API server refuses it
        NotText: High, Certain;
        /// The API server refuses a key
        Key: High, Certain;
        /// The API server refuses a value
        Value: High, Certain;
    },
    priority: P1,
    effort: Small,
    factor: Codebase,
    peers: ["KS:label-values"],
    since: "0.1.0",
    applies_to: [
        "workload", "core/Namespace", "core/Service", "core/ConfigMap", "core/Secret", "core/ServiceAccount",
        "core/PersistentVolumeClaim", "core/PersistentVolume", "networking.k8s.io/Ingress", "networking.k8s.io/NetworkPolicy",
        "policy/PodDisruptionBudget", "autoscaling/HorizontalPodAutoscaler", "rbac.authorization.k8s.io/Role",
        "rbac.authorization.k8s.io/RoleBinding", "rbac.authorization.k8s.io/ClusterRole",
        "rbac.authorization.k8s.io/ClusterRoleBinding", "gateway.networking.k8s.io/HTTPRoute",
    ],
    uses: [OwnMetadata],
    reads: [
        "pod.metadata.labels", "pod.metadata.annotations", "pod.spec.nodeSelector", "object.spec.selector", "spec.selector",
    ],
}

fn check(input: &Input<'_, Parameters>, findings: &mut Findings) -> Check {
    let metadata = metadata::metadata(input);
    let mut maps = vec![(metadata.get("labels"), "label", true), (metadata.get("annotations"), "annotation", false)];
    if input.document.get("pod").exists() {
        let pod = input.document.at("pod.metadata");
        // A Pod is its own template.
        if input.subject.kind != "Pod" {
            maps.extend([(pod.get("labels"), "label", true), (pod.get("annotations"), "annotation", false)]);
        }
        maps.push((input.document.at("pod.spec.nodeSelector"), "label", true));
        maps.push((input.document.at("object.spec.selector.matchLabels"), "label", true));
    } else if input.subject.kind == "Service" {
        maps.push((input.document.at("spec.selector"), "label", true));
    }
    let mut unknown = false;
    for (map, what, is_label) in &maps {
        for (key, value) in map.entries() {
            if is_filled_in(key) || *is_label && is_filled_in(value.text()) {
                unknown = true;
                continue;
            }
            if !is_key(key) {
                let article = if *is_label { "a" } else { "an" };
                let message = format!("`{key}` can be no key of {article} {what}: the API server refuses it");
                findings.report(Code::Key, &value, message);
            }
            match value.kind() {
                Some(Kind::Null) | None => {}
                Some(Kind::String) => {
                    if *is_label && !is_value(value.text()) {
                        let message =
                            format!("`{}` can be no value of a label: the API server refuses it", value.text());
                        findings.report(Code::Value, &value, message);
                    }
                }
                Some(Kind::Number | Kind::Bool(_)) => {
                    let digits = value.scalar_text().filter(|digits| digits.bytes().all(|byte| byte.is_ascii_digit()));
                    let (written, quoted) = match value.as_bool() {
                        Some(true) => ("the boolean true".into(), Some("true")),
                        Some(false) => ("the boolean false".into(), Some("false")),
                        None => (format!("the number {}", value.scalar_text().unwrap_or_default()), digits),
                    };
                    // How it is written is not known: `yes` is a boolean, too, and 1.10 is 1.1.
                    let fix = quoted.map(|text| Fix::unsafe_(format!("write `\"{text}\"`")).set(&value, text));
                    let message =
                        format!("the {what} `{key}` is {written}, expected a text: the API server refuses it");
                    findings.report(Code::NotText, &value, message).fix(fix);
                }
                Some(Kind::Array | Kind::Object) => {
                    let message = format!("the {what} `{key}` is no text: the API server refuses it");
                    findings.report(Code::NotText, &value, message);
                }
            }
        }
    }
    if unknown && findings.is_empty() { not_evaluated("some of it is filled in later") } else { Ok(()) }
}

/// Whether something fills a text in before the API server sees it.
fn is_filled_in(text: &str) -> bool {
    ["{{", "$", "<", "%"].iter().any(|mark| text.contains(mark))
}
