use policy_sdk::kubernetes::service_account::DEFAULT;
use policy_sdk::prelude::*;
use policy_sdk::values::image::glob_match;

policy_sdk::rule! {
    /// Only named people and controllers change the ServiceAccount of a workload
    ///
    /// An UPDATE that changes the account of a workload's pod template comes from a user in `allowed_users` or from a
    /// member of a group in `allowed_groups`. While both lists are empty, the rule is off.
    ///
    /// The rule needs the old object and the user, so it only checks requests at admission.
    ///
    /// ## Why
    /// Whoever may update a Deployment may have its pods run as any ServiceAccount of the namespace, and so use rights
    /// and cloud roles that nobody gave to that person.
    ///
    /// ## Fix
    /// Change the account where the manifest is kept, so that the delivery controller applies it after a review. List
    /// this controller in the bundle:
    ///
    /// ```yaml
    /// - rule: service-account-change-restricted
    ///   parameters:
    ///     allowed_users: ["system:serviceaccount:flux-system:kustomize-controller"]
    ///     allowed_groups: ["system:masters"]
    /// ```
    findings: {
        /// Somebody else changes the account
        Changed: Medium, Certain;
    },
    priority: P2,
    effort: Small,
    factor: Security,
    peers: ["GK:noupdateserviceaccount", "KY:restrict-pod-controller-serviceaccount-updates"],
    since: "0.1.0",
    applies_to: ["workload"],
    reads: ["pod.spec.serviceAccountName", "pod.spec.serviceAccount"],
    reads_old: true,
    reads_user: true,
    operations: ["UPDATE"],
    parameters: {
        /// Names of users, as globs, that may change it.
        allowed_users: Vec<String> = Vec::new(),
        /// Groups whose members may change it.
        allowed_groups: Vec<String> = Vec::new(),
    },
}

fn check(input: &Input<'_, Parameters>, findings: &mut Findings) -> Check {
    let Parameters { allowed_users, allowed_groups } = &input.parameters;
    if allowed_users.is_empty() && allowed_groups.is_empty() {
        return not_applicable("neither `allowed_users` nor `allowed_groups` says who may change the account");
    }
    let Some(old) = &input.old else {
        return not_applicable("only a request that changes an object is checked");
    };
    let (before, after) = (account(old), account(&input.document));
    if before.0 == after.0 {
        return Ok(());
    }
    let Some(user) = input.user else {
        return not_evaluated("who asks for the change is not known");
    };
    let is_allowed = allowed_users.iter().any(|glob| glob_match(glob, &user.name))
        || user.groups.iter().any(|group| allowed_groups.contains(group));
    if !is_allowed {
        let message = format!(
            "`{}` changes the ServiceAccount of its pods from `{}` to `{}`, and may not",
            user.name, before.0, after.0
        );
        findings.report(Code::Changed, &after.1, message);
    }
    Ok(())
}

/// The account of an object's pods, and where it stands.
fn account<'d>(object: &View<'d>) -> (&'d str, View<'d>) {
    let spec = object.at("pod.spec");
    let (present, former) = (spec.get("serviceAccountName"), spec.get("serviceAccount"));
    match (present.text(), former.text()) {
        ("", "") => (DEFAULT, present),
        ("", name) => (name, former),
        (name, _) => (name, present),
    }
}
