use policy_sdk::kubernetes::pod_security;
use policy_sdk::kubernetes::pod_security::baseline::Privileged;
use policy_sdk::kubernetes::pod_security::restricted::{self, NonRoot, RunAsNonRoot, RunAsUser};
use policy_sdk::prelude::*;
use policy_sdk::settings::KubernetesVersion;

policy_sdk::rule! {
    /// Containers must run as a user other than root
    ///
    /// The pod's `securityContext.runAsNonRoot` is `true`, or that of every container of every class
    /// is; neither the pod nor a container sets `false`. From Kubernetes 1.35 on a user namespace of the pod's own
    /// (`hostUsers: false`) is enough.
    ///
    /// A pod is reported once, whatever is wrong with its containers. Where `pss-run-as-user` is asked too, it alone
    /// tells of containers with `runAsUser: 0`.
    ///
    /// The fix is safe only where it cannot keep a container from starting, since every container that it concerns has
    /// a numeric `runAsUser` other than 0, and where nobody wrote `false`. Otherwise the image decides the user, or
    /// somebody did, so a person must confirm it. Where a container has `runAsUser: 0` or is privileged there is no
    /// fix.
    ///
    /// ## Why
    /// A process that is root in its container is root on the node once it gets out, and inside it
    /// may overwrite binaries and use every capability that is left.
    ///
    /// ## Fix
    /// Set `runAsNonRoot: true` in the pod's `securityContext`, with a numeric `USER` in the image or
    /// a numeric `runAsUser`.
    findings: {
        /// Neither the pod nor all of its containers say that they are not root
        Missing: Medium, Certain;
        /// The pod or a container allows root
        False: Medium, Certain;
    },
    priority: P0,
    effort: Small,
    factor: Security,
    controls: ["pss:restricted", "cis:5.2.7", "nsa:non-root"],
    peers: [
        "KL:run-as-non-root", "PO:runAsRootAllowed", "KC:C-0013", "CK:CKV_K8S_23", "TR:KSV-0012",
        "KY:require-run-as-nonroot", "GK:users", "PSS:runAsNonRoot",
    ],
    since: "0.1.0",
    applies_to: ["workload"],
    uses: [RunAsNonRoot, RunAsUser, Privileged, KubernetesVersion],
}

fn check(input: &Input<'_, Parameters>, findings: &mut Findings) -> Check {
    let (spec, version) = (input.workload().spec(), pod_security::version(input));
    if pod_security::has_user_namespace(&spec, version) {
        return not_applicable("the pod has a user namespace of its own (`hostUsers: false`)");
    }
    let NonRoot { pod: refused, mut allowing, mut silent } = restricted::run_as_non_root(input, version);
    // Where all are to be root, the finding stands at one of them: pss-run-as-user covers it there.
    let is_root = |container: &Container<'_>| container.at("securityContext.runAsUser").as_i64() == Some(0);
    allowing.sort_by_key(is_root);
    let all_are_root = silent.iter().all(is_root);
    silent.retain(|container| all_are_root || !is_root(container));
    let targets: Vec<View<'_>> = refused.iter().cloned().chain(allowing.iter().map(own)).collect();
    if let Some(first) = targets.first() {
        let mut who: Vec<String> = refused.iter().map(|_| "the pod".to_owned()).collect();
        if !allowing.is_empty() {
            who.push(listed(&allowing));
        }
        let mut written: Vec<String> = targets.iter().map(|target| format!("`{}`", target.to_json())).collect();
        written.dedup();
        let message = format!("`runAsNonRoot` of {} is {}, expected `true`", who.join(" and "), written.join(" and "));
        let concerned: Vec<&Container<'_>> = allowing.iter().chain(&silent).collect();
        let report = findings.report(Code::False, first, message).fix(fix(&targets, &spec, &concerned));
        targets[1..].iter().fold(report, |report, target| report.label(target, "here too"));
    } else if let Some(first) = silent.first() {
        let pod = spec.at("securityContext.runAsNonRoot");
        let at = if all_are_root { own(first) } else { pod.clone() };
        let message = format!("neither the pod nor {} sets `runAsNonRoot: true`", listed_or(&silent));
        let fix = fix(std::slice::from_ref(&pod), &spec, &silent.iter().collect::<Vec<_>>());
        let report = findings.report(Code::Missing, &at, message).fix(fix);
        silent.iter().fold(report, |report, container| report.label(container, "does not set it either"));
    }
    Ok(())
}

fn own<'d>(container: &Container<'d>) -> View<'d> {
    container.at("securityContext.runAsNonRoot")
}

/// Sets `true` at the targets, which decide for the containers `concerned`.
fn fix(targets: &[View<'_>], spec: &View<'_>, concerned: &[&Container<'_>]) -> Option<Fix> {
    let user = |container: &&Container<'_>| {
        let own = container.at("securityContext.runAsUser").as_i64();
        own.or_else(|| spec.at("securityContext.runAsUser").as_i64())
    };
    let is_privileged = |container: &&Container<'_>| container.at("securityContext.privileged").is_true();
    if concerned.iter().any(|container| user(container) == Some(0) || is_privileged(container)) {
        return None;
    }
    let title = "require a user other than root";
    let is_decided = targets.iter().any(View::exists);
    let fix = if !is_decided && concerned.iter().all(|container| user(container).is_some()) {
        Fix::safe(title)
    } else {
        Fix::unsafe_(title)
    };
    Some(targets.iter().fold(fix, |fix, target| fix.set(target, true)))
}
