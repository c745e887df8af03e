use policy_sdk::prelude::*;

policy_sdk::rule! {
    /// Containers must run as a user other than root
    ///
    /// The pod's `securityContext.runAsNonRoot` is `true`, or that of every container of every class
    /// is; neither the pod nor a container sets `false`.
    ///
    /// A pod is told once, whatever is wrong with its containers.
    ///
    /// The fix is safe only where it cannot keep a container from starting, since every container that it
    /// concerns has a numeric `runAsUser` other than 0, and where nobody wrote `false`. Otherwise the image decides the
    /// user, or somebody did, so a person must confirm it. Where a container has `runAsUser: 0` or is privileged there is no fix.
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
        "KY:require-run-as-nonroot", "GK:users",
    ],
    since: "0.1.0",
    applies_to: ["workload"],
    reads: [
        "pod.spec.hostUsers",
        "pod.spec.securityContext.runAsNonRoot",
        "pod.spec.securityContext.runAsUser",
        "container.securityContext.runAsNonRoot",
        "container.securityContext.runAsUser",
        "container.securityContext.privileged",
    ],
    parameters: {
        /// Let pods in a user namespace of their own (`hostUsers: false`) run as root, as Pod
        /// Security does from Kubernetes 1.35.
        allow_userns: bool = false,
    },
}

fn check(input: &Input<'_, Parameters>, findings: &mut Findings) -> Check {
    let workload = input.workload();
    let spec = workload.spec();
    if input.parameters.allow_userns && spec.get("hostUsers").as_bool() == Some(false) {
        return not_applicable("the pod has a user namespace of its own (`hostUsers: false`)");
    }
    let pod = spec.at("securityContext.runAsNonRoot");
    let (mut unset, set): (Vec<_>, Vec<_>) =
        workload.containers().partition(|container| !container.at("securityContext.runAsNonRoot").exists());
    let is_refused = pod.exists() && !pod.is_true();
    let allowing: Vec<Container<'_>> =
        set.into_iter().filter(|container| !container.at("securityContext.runAsNonRoot").is_true()).collect();
    if pod.is_true() {
        unset.clear();
    }
    if is_refused || !allowing.is_empty() {
        let mut who: Vec<String> = is_refused.then(|| "the pod".to_owned()).into_iter().collect();
        if !allowing.is_empty() {
            who.push(listed(&allowing));
        }
        let targets: Vec<View<'_>> = is_refused
            .then(|| pod.clone())
            .into_iter()
            .chain(allowing.iter().map(|container| container.at("securityContext.runAsNonRoot")))
            .collect();
        let mut written: Vec<String> = targets.iter().map(|target| format!("`{}`", target.to_json())).collect();
        written.dedup();
        let message = format!("`runAsNonRoot` of {} is {}, expected `true`", who.join(" and "), written.join(" and "));
        let concerned: Vec<&Container<'_>> = allowing.iter().chain(&unset).collect();
        let fix = fix(&targets, &spec, &concerned);
        let report = findings.report(Code::False, &targets[0], message).fix(fix);
        targets[1..].iter().fold(report, |report, target| report.label(target, "here too"));
    } else if !unset.is_empty() {
        let message = format!("neither the pod nor {} sets `runAsNonRoot: true`", listed(&unset));
        let fix = fix(std::slice::from_ref(&pod), &spec, &unset.iter().collect::<Vec<_>>());
        let report = findings.report(Code::Missing, &pod, message).fix(fix);
        unset.iter().fold(report, |report, container| report.label(container, "does not set it either"));
    }
    Ok(())
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
