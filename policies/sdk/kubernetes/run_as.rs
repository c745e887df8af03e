//! As which user a workload's containers run: what a container's own `securityContext` says, else the pod's.

use crate::input::Input;
use crate::json::View;
use crate::kubernetes::workload::Container;
use crate::uses::Uses;

crate::usable! {
    /// As which user the subject's containers run.
    pub RunAs {
        reads: [
            "pod.spec.securityContext.runAsUser", "pod.spec.securityContext.runAsNonRoot",
            "container.securityContext.runAsUser", "container.securityContext.runAsNonRoot",
        ],
    }
}

/// Where the user of a container is set: by itself, else by the pod. Absent where neither does, and the image decides.
pub fn user<'d, P: Uses<RunAs>>(input: &Input<'d, P>, container: &Container<'d>) -> View<'d> {
    own_or_pods(input, container, "runAsUser")
}

/// Where it is set whether a container may be root.
pub fn non_root<'d, P: Uses<RunAs>>(input: &Input<'d, P>, container: &Container<'d>) -> View<'d> {
    own_or_pods(input, container, "runAsNonRoot")
}

/// Whether a container is known to run as a user other than root.
pub fn is_known_non_root<'d, P: Uses<RunAs>>(input: &Input<'d, P>, container: &Container<'d>) -> bool {
    match user(input, container).as_i64() {
        Some(user) => user != 0,
        None => non_root(input, container).is_true(),
    }
}

/// A field of a container's `securityContext`, else of the pod's, else where the container lacks it.
fn own_or_pods<'d, P>(input: &Input<'d, P>, container: &Container<'d>, field: &str) -> View<'d> {
    let own = container.security_context().get(field);
    let pods = input.workload().spec().get("securityContext").get(field);
    if own.exists() || !pods.exists() { own } else { pods }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::look;

    #[test]
    fn a_container_decides_before_its_pod() {
        let of = |pod: &str, container: &str| {
            let document = format!(
                r#"{{"pod":{{"spec":{{"securityContext":{pod},"containers":[{{"securityContext":{container}}}]}}}}}}"#
            );
            look("shop", &document, &[], &[], |input| {
                let container = input.workload().containers().next().unwrap();
                (user(input, &container).pointer(), is_known_non_root(input, &container))
            })
        };
        let (pods, own) = ("/pod/spec/securityContext/runAsUser", "/pod/spec/containers/0/securityContext/runAsUser");
        assert_eq!(of(r#"{"runAsUser":1000}"#, "{}"), (pods.into(), true));
        assert_eq!(of(r#"{"runAsUser":1000}"#, r#"{"runAsUser":0}"#), (own.into(), false));
        assert_eq!(of(r#"{"runAsUser":0}"#, r#"{"runAsUser":null}"#), (pods.into(), false));
        assert_eq!(of(r#"{"runAsNonRoot":true}"#, "{}"), (own.into(), true));
        assert_eq!(of(r#"{"runAsNonRoot":true}"#, r#"{"runAsNonRoot":false}"#), (own.into(), false));
        assert_eq!(of(r#"{"runAsNonRoot":true,"runAsUser":0}"#, "{}"), (pods.into(), false));
    }
}
