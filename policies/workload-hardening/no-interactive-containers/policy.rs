use policy_sdk::prelude::*;

policy_sdk::rule! {
    /// Containers have no terminal and no standard input
    ///
    /// No main container, init container or sidecar sets `tty`, `stdin` or `stdinOnce`. Pods that somebody started
    /// by hand (`kubectl run`, `kubectl debug`) and ephemeral containers are exempt.
    ///
    /// The fix is unsafe: a shell or interpreter as the container's program exits when it has no input.
    ///
    /// ## Why
    /// Anybody who may attach to the container (`pods/attach`) can type into its program, and no log records the
    /// input. Many programs that see a terminal write colour codes and progress bars into the log.
    ///
    /// ## Fix
    /// Remove the fields. For manual work use `kubectl debug`, which adds a temporary container.
    findings: {
        /// A container has a terminal or standard input
        Interactive: Low, Certain;
    },
    priority: P3,
    effort: Small,
    factor: Security,
    peers: ["GK:disallowinteractive"],
    since: "0.1.0",
    applies_to: ["workload"],
    reads: [
        "object.metadata.name", "object.metadata.labels.run", "container.tty", "container.stdin", "container.stdinOnce",
    ],
}

fn check(input: &Input<'_, Parameters>, findings: &mut Findings) -> Check {
    let workload = input.workload();
    if workload.kind() == "Pod" && is_by_hand(&workload.object.get("metadata")) {
        return not_applicable("somebody started the Pod by hand");
    }
    for container in workload.containers().filter(|container| container.class != Class::Ephemeral) {
        let set: Vec<View<'_>> =
            ["stdin", "stdinOnce", "tty"].map(|field| container.get(field)).into_iter().filter(View::is_true).collect();
        let Some((first, more)) = set.split_first() else { continue };
        let what = if container.get("tty").is_true() { "a terminal" } else { "standard input" };
        let message = format!("{} has {what}, expected neither terminal nor input", container.described());
        let fix = set.iter().fold(Fix::unsafe_("remove terminal and input"), Fix::remove);
        let report = findings.report(Code::Interactive, first, message).fix(fix);
        more.iter().fold(report, |report, place| report.label(place, "here too"));
    }
    Ok(())
}

/// `kubectl run` labels a Pod with its own name, `kubectl debug` names those on nodes.
fn is_by_hand(metadata: &View<'_>) -> bool {
    let name = metadata.get("name").text();
    !name.is_empty() && metadata.at("labels.run").text() == name || name.starts_with("node-debugger-")
}
