//! Pods for Windows nodes, which have none of Linux' security fields.

use crate::input::Input;
use crate::uses::Uses;

/// The label of nodes that names their operating system.
pub const OS_LABEL: &str = "kubernetes.io/os";

crate::usable! {
    /// Whether the subject's pods are for Windows nodes.
    pub Windows {
        reads: ["pod.spec.os.name", "pod.spec.nodeSelector"],
    }
}

/// True when the pod says that it is for Windows nodes (`os.name`): what Pod Security goes by.
pub fn is_declared<P: Uses<Windows>>(input: &Input<'_, P>) -> bool {
    input.workload().spec().at("os.name").text() == "windows"
}

/// True when a node selector binds the pod to Windows nodes.
pub fn is_selected<P: Uses<Windows>>(input: &Input<'_, P>) -> bool {
    input.workload().spec().get("nodeSelector").get(OS_LABEL).text() == "windows"
}

/// What to add to a message where the pod is bound to Windows nodes but does not say so.
pub fn hint<P: Uses<Windows>>(input: &Input<'_, P>) -> &'static str {
    if is_selected(input) { "; for Windows nodes set `os.name: windows`" } else { "" }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::look;

    #[test]
    fn the_name_of_the_system_decides_and_a_selector_is_hinted_at() {
        let of = |spec: &str| {
            look("shop", &format!(r#"{{"pod":{{"spec":{spec}}}}}"#), &[], &[], |input| {
                (is_declared(input), !hint(input).is_empty())
            })
        };
        assert_eq!(of(r#"{"os":{"name":"windows"}}"#), (true, false));
        assert_eq!(of(r#"{"nodeSelector":{"kubernetes.io/os":"windows"}}"#), (false, true));
        assert_eq!(of(r#"{"os":{"name":"linux"}}"#), (false, false));
    }
}
