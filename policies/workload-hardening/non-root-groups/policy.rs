use policy_sdk::kubernetes::run_as::{self, RunAs};
use policy_sdk::prelude::*;
use policy_sdk::settings::Openshift;

policy_sdk::rule! {
    /// Processes of users other than root are not in root's group
    ///
    /// Where a container is known to run as a user other than root, `runAsGroup`, and the pod's `fsGroup` and
    /// `supplementalGroups`, are not 0 where they are set. With `require_run_as_group` a group has to be set, since the
    /// image's is often 0. A container that is root, or may be, has another cure first (`pss-run-as-user`).
    ///
    /// With the setting `openshift` nothing is judged: there the group 0 is what lets any user write files of an image.
    ///
    /// ## Why
    /// Files that only root and its group may read or write are open to the process, in its volumes and, once it
    /// gets out of the container, on the node.
    ///
    /// ## Fix
    /// Take a group of the application's own:
    ///
    /// ```yaml
    /// securityContext:
    ///   runAsUser: 65532
    ///   runAsGroup: 65532
    ///   fsGroup: 65532
    /// ```
    findings: {
        /// A process that is not root is in root's group
        Root: Low, Certain;
        /// No group is set, so the image decides
        Unset: Low, Guess;
    },
    priority: P1,
    effort: Small,
    factor: Security,
    peers: ["TR:KSV-0116", "KY:require-non-root-groups", "GK:fsgroup"],
    since: "0.1.0",
    applies_to: ["workload"],
    uses: [RunAs, Openshift],
    reads: [
        "pod.spec.securityContext.runAsGroup", "pod.spec.securityContext.fsGroup",
        "pod.spec.securityContext.supplementalGroups", "container.securityContext.runAsGroup",
    ],
    parameters: {
        /// Require that a group is set.
        require_run_as_group: bool = false,
    },
}

fn check(input: &Input<'_, Parameters>, findings: &mut Findings) -> Check {
    if input.setting::<Openshift>() {
        return not_applicable("on OpenShift the group 0 lets any user write files of an image");
    }
    let workload = input.workload();
    let non_root: Vec<Container<'_>> =
        workload.containers().filter(|container| run_as::is_known_non_root(input, container)).collect();
    let Some(first) = non_root.first() else {
        return not_applicable("no container is known to run as a user other than root");
    };
    let pod = workload.spec().get("securityContext");
    let is_root = |group: &View<'_>| group.as_i64() == Some(0);
    let own = |container: &&Container<'_>| container.at("securityContext.runAsGroup").exists();
    let inherits = non_root.iter().any(|container| !own(&container));
    let pods = Some(pod.get("runAsGroup")).filter(|_| inherits).into_iter();
    let pods = pods.chain([pod.get("fsGroup")]).chain(pod.get("supplementalGroups").items());
    report("the pod", &pods.filter(is_root).collect::<Vec<_>>(), first, findings);
    for container in &non_root {
        let group = container.at("securityContext.runAsGroup");
        if is_root(&group) {
            report(&container.described(), &[group], container, findings);
        } else if input.parameters.require_run_as_group && !group.exists() && !pod.get("runAsGroup").exists() {
            let message = format!("{} sets no `runAsGroup`, so its group is the image's", container.described());
            findings.report(Code::Unset, &group, message);
        }
    }
    Ok(())
}

/// Tells what is in root's group once, at the first place.
fn report(who: &str, places: &[View<'_>], container: &Container<'_>, findings: &mut Findings) {
    let Some((first, more)) = places.split_first() else { return };
    let whose = if who == "the pod" { format!(" of {}", container.described()) } else { String::new() };
    let message = format!("{who} puts the processes{whose} into root's group 0, though they are not root");
    let report = findings.report(Code::Root, first, message);
    more.iter().fold(report, |report, place| report.label(place, "here too"));
}
