use policy_sdk::kubernetes::run_as::{self, RunAs};
use policy_sdk::parameter::Bounded;
use policy_sdk::prelude::*;
use policy_sdk::settings::Openshift;

policy_sdk::rule! {
    /// Users have numbers above those of the node's own users
    ///
    /// A `runAsUser` that is set is at least `min_uid`, for containers of every class. With `groups` so is `runAsGroup`, and with
    /// `require_set` a user has to be set. User 0 and group 0 are the matter of other rules (`pss-run-as-user`,
    /// `non-root-groups`).
    ///
    /// Not judged are pods with a user namespace of their own (`hostUsers: false`), whose numbers are none of the node's,
    /// and, with the setting `openshift`, all: OpenShift gives each namespace its users.
    ///
    /// ## Why
    /// A process that gets out of its container is on the node the user with that number. Those below 1000 are the
    /// node's own, with the rights of its services.
    ///
    /// ## Fix
    /// Build the image for a user with a higher number, and name it here. The number alone is not enough: the files
    /// of an image belong to its user, such as 101 of nginx, 999 of redis and postgres, 472 of Grafana. Exempt images of others
    /// that have such a one.
    findings: {
        /// A user's number is one of the node's own
        User: Low, Certain;
        /// A group's number is one of the node's own
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
    uses: [RunAs, Openshift],
    reads: [
        "pod.spec.hostUsers", "pod.spec.securityContext.runAsGroup", "container.securityContext.runAsGroup",
    ],
    parameters: {
        /// The lowest number of a user, and of a group.
        min_uid: Bounded<1, 2147483647> = Bounded::of(1000),
        /// Require that a user is set.
        require_set: bool = false,
        /// Judge `runAsGroup` too.
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
        return not_applicable("OpenShift gives each namespace its users");
    }
    let min = min_uid.get();
    let is_low = |number: &View<'_>| number.as_i64().is_some_and(|number| number > 0 && number < min);
    let pod = workload.spec().get("securityContext");
    let mut judge = |who: &str, context: &View<'_>| {
        for (field, code, what) in [("runAsUser", Code::User, "user"), ("runAsGroup", Code::Group, "group")] {
            let number = context.get(field);
            if is_low(&number) && (code == Code::User || *groups) {
                let message = format!("{who} runs as {what} {}, expected at least {min}", number.to_json());
                findings.report(code, &number, message);
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
