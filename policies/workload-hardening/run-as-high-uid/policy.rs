use policy_sdk::kubernetes::run_as::{self, RunAs};
use policy_sdk::kubernetes::windows::{self, Windows};
use policy_sdk::parameter::Bounded;
use policy_sdk::prelude::*;
use policy_sdk::settings::Openshift;
use policy_sdk::tables::image_owners::{self, ImageOwners};

policy_sdk::rule! {
    /// User IDs are above the range of the node's own users
    ///
    /// A `runAsUser` that is set is at least `min_uid`, for containers of every class. The parameter `groups` adds
    /// `runAsGroup`; `require_set` demands that a user is set. Other rules check user 0 and group 0
    /// (`pss-run-as-user`, `non-root-groups`).
    ///
    /// Pods with their own user namespace (`hostUsers: false`) are exempt, because the node maps their IDs to
    /// others. With the setting `openshift` all pods are exempt: OpenShift assigns the users of each namespace.
    /// Windows knows no such numbers. A user passes to whom the files in a well-known image belong: 999 of redis and
    /// postgres, 101 of nginx, 472 of Grafana.
    ///
    /// ## Why
    /// A process that escapes from its container acts on the node as the user with the same ID. IDs below 1000
    /// belong to the node's own users and services, and so do their rights.
    ///
    /// ## Fix
    /// Build the image for a user with a higher ID, and set that ID here. Setting the ID alone is not enough,
    /// because the files in an image belong to its user. For images of vendors add an exemption.
    findings: {
        /// The user ID is in the range of the node's own users
        User: Low, Certain;
        /// The group ID is in the range of the node's own groups
        Group: Low, Certain;
        /// No user is set, so the image decides
        Unset: Low, Guess;
    },
    priority: P1,
    effort: Medium,
    factor: Security,
    peers: [
        "KS:container-security-context-user-group-id", "CK:CKV_K8S_40", "TR:KSV-0020", "TR:KSV-0021",
    ],
    since: "0.1.0",
    applies_to: ["workload"],
    uses: [RunAs, Windows, Openshift, ImageOwners],
    reads: [
        "pod.spec.hostUsers", "pod.spec.securityContext.runAsGroup", "container.securityContext.runAsGroup",
        "container.image",
    ],
    parameters: {
        /// The lowest ID of a user, and of a group.
        min_uid: Bounded<1, 2147483647> = Bounded::of(1000),
        /// Require that a user is set.
        require_set: bool = false,
        /// Check `runAsGroup` too.
        groups: bool = false,
    },
}

fn check(input: &Input<'_, Parameters>, findings: &mut Findings) -> Check {
    let workload = input.workload();
    let Parameters { min_uid, require_set, groups } = &input.parameters;
    if workload.spec().get("hostUsers").as_bool() == Some(false) {
        return not_applicable("the pod has a user namespace of its own (`hostUsers: false`)");
    }
    if input.setting::<Openshift>() {
        return not_applicable("OpenShift assigns the users of each namespace");
    }
    if windows::is_only(input) {
        return not_applicable("its pods are for Windows nodes, which know no such numbers");
    }
    let rows = input.setting::<ImageOwners>().rows;
    let min = min_uid.get();
    let is_low = |number: i64| number > 0 && number < min;
    let pod = workload.spec().get("securityContext");
    let effective = |container: &Container<'_>, field: &str| {
        let own = container.security_context().get(field);
        if own.exists() { own.pointer() } else { pod.get(field).pointer() }
    };
    // Some container that gets the number has files of that user.
    let is_owned = |field: &str, place: &View<'_>, number: i64| {
        let mut given = workload.containers().filter(|container| effective(container, field) == place.pointer());
        given.any(|container| image_owners::owns(&rows, container.image(), number))
    };
    let mut judge = |who: &str, context: &View<'_>| {
        for (field, code, what) in [("runAsUser", Code::User, "user"), ("runAsGroup", Code::Group, "group")] {
            let place = context.get(field);
            let Some(number) = place.as_i64().filter(|number| is_low(*number)) else { continue };
            if (code == Code::User || *groups) && !is_owned(field, &place, number) {
                let message = format!("{who} runs as {what} {number}, expected at least {min}");
                findings.report(code, &place, message);
            }
        }
    };
    judge("the pod", &pod);
    for container in workload.containers() {
        judge(&container.described(), &container.security_context());
    }
    for container in workload.containers().filter(|_| *require_set) {
        let user = run_as::user(input, &container);
        if !user.exists() {
            let message = format!("{} sets no `runAsUser`, expected one of at least {min}", container.described());
            findings.report(Code::Unset, &user, message);
        }
    }
    Ok(())
}
