use policy_sdk::kubernetes::run_as::{self, RunAs};
use policy_sdk::prelude::*;
use policy_sdk::settings::Openshift;

policy_sdk::rule! {
    /// Processes that are not root are not in root's group
    ///
    /// Where a container is known to run as a user other than root, its `runAsGroup` and the pod's `fsGroup` and
    /// `supplementalGroups` are not 0 if they are set. With `require_run_as_group` a group has to be set, because
    /// the group of an image is often 0. Containers that run as root, or may do so, are exempt: changing the user
    /// comes first (`pss-run-as-user`).
    ///
    /// With the setting `openshift` all pods are exempt. OpenShift assigns arbitrary users, and their group 0 lets
    /// them write the files of an image.
    ///
    /// ## Why
    /// The process can read and write files that are meant for root and its group: in its volumes and, after an
    /// escape from the container, on the node.
    ///
    /// ## Fix
    /// Use a group of the application:
    ///
    /// ```yaml
    /// securityContext:
    ///   runAsUser: 65532
    ///   runAsGroup: 65532
    ///   fsGroup: 65532
    /// ```
    findings: {
        /// A process that is not root runs in root's group
        Root: Low, Certain;
        /// No group is set, so the image decides
        Unset: Low, Guess;
    },
    priority: P1,
    effort: Small,
    factor: Security,
    peers: ["TR:KSV-0116", "KY:require-non-root-groups", "GK:fsgroup", "KS:container-security-context-user-group-id"],
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
        return not_applicable("on OpenShift, group 0 lets arbitrary users write the files of an image");
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
    let pods: Vec<View<'_>> = pods.filter(is_root).collect();
    report(&format!("the pod runs {}", first.described()), &pods, findings);
    for container in &non_root {
        let group = container.at("securityContext.runAsGroup");
        if is_root(&group) {
            report(&format!("{} runs", container.described()), &[group], findings);
        } else if input.parameters.require_run_as_group && !group.exists() && !pod.get("runAsGroup").exists() {
            let message = format!("{} sets no `runAsGroup`, so its group is the image's", container.described());
            findings.report(Code::Unset, &group, message);
        }
    }
    Ok(())
}

/// Reports root's group once, at the first place.
fn report(subject: &str, places: &[View<'_>], findings: &mut Findings) {
    let Some((first, more)) = places.split_first() else { return };
    let message = format!("{subject} in root's group 0, although its user is not root");
    let report = findings.report(Code::Root, first, message);
    more.iter().fold(report, |report, place| report.label(place, "here too"));
}
