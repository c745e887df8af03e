//! Pods for Windows nodes, which have none of Linux' security fields.

use crate::finding::Fix;
use crate::input::Input;
use crate::json::View;
use crate::uses::Uses;

/// The labels of nodes that name their operating system.
const OS_LABELS: [&str; 2] = ["kubernetes.io/os", "beta.kubernetes.io/os"];

crate::usable! {
    /// Whether the subject's pods are for Windows nodes.
    pub Windows {
        reads: [
            "pod.spec.os.name",
            "pod.spec.nodeSelector",
            "pod.spec.affinity.nodeAffinity.requiredDuringSchedulingIgnoredDuringExecution",
        ],
    }
}

/// True when the pod says that it is for Windows nodes (`os.name`): what Pod Security goes by.
pub fn is_declared<P: Uses<Windows>>(input: &Input<'_, P>) -> bool {
    input.workload().spec().at("os.name").text() == "windows"
}

/// True when the pod can only run on Windows nodes: by `os.name`, a node selector or a required affinity.
pub fn is_only<P: Uses<Windows>>(input: &Input<'_, P>) -> bool {
    let spec = input.workload().spec();
    let selected = spec.get("nodeSelector");
    let required = spec.at("affinity.nodeAffinity.requiredDuringSchedulingIgnoredDuringExecution");
    let is_windows = |expression: View<'_>| {
        let mut values = expression.get("values").items().peekable();
        OS_LABELS.contains(&expression.get("key").text())
            && expression.get("operator").text() == "In"
            && values.peek().is_some()
            && values.all(|value| value.text() == "windows")
    };
    let mut terms = required.get("nodeSelectorTerms").items().peekable();
    is_declared(input)
        || OS_LABELS.iter().any(|label| selected.get(label).text() == "windows")
        || terms.peek().is_some() && terms.all(|term| term.get("matchExpressions").items().any(is_windows))
}

/// What to add to a message where the pod can only run on Windows nodes but does not say so.
pub fn hint<P: Uses<Windows>>(input: &Input<'_, P>) -> &'static str {
    if is_only(input) { "; for Windows nodes set `os.name: windows`" } else { "" }
}

/// The cure of a missing Linux field: `fix`, but where the pod can only run on Windows nodes, to say so, since it may not
/// have the field there.
pub fn unless_only<P: Uses<Windows>>(input: &Input<'_, P>, fix: Option<Fix>) -> Option<Fix> {
    if !is_only(input) {
        return fix;
    }
    let fix = Fix::unsafe_("say that the pod is for Windows nodes");
    Some(fix.set(&input.workload().spec().at("os.name"), "windows"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::look;

    #[test]
    fn the_name_of_the_system_a_selector_or_an_affinity_decides() {
        let of = |spec: &str| {
            look("shop", &format!(r#"{{"pod":{{"spec":{spec}}}}}"#), &[], &[], |input| {
                (is_declared(input), is_only(input))
            })
        };
        let required = |terms: &str| {
            of(&format!(
                r#"{{"affinity":{{"nodeAffinity":{{"requiredDuringSchedulingIgnoredDuringExecution":{{"nodeSelectorTerms":{terms}}}}}}}}}"#
            ))
        };
        const WINDOWS: &str =
            r#"{"matchExpressions":[{"key":"kubernetes.io/os","operator":"In","values":["windows"]}]}"#;
        assert_eq!(of(r#"{"os":{"name":"windows"}}"#), (true, true));
        assert_eq!(of(r#"{"nodeSelector":{"beta.kubernetes.io/os":"windows"}}"#), (false, true));
        assert_eq!(of(r#"{"os":{"name":"linux"}}"#), (false, false));
        assert_eq!(required(&format!("[{WINDOWS}]")), (false, true));
        assert_eq!(required(&format!("[{WINDOWS},{{}}]")), (false, false));
        assert_eq!(required("[]"), (false, false));
    }
}
