use policy_sdk::kubernetes::pod_security::baseline::HostProcess;
use policy_sdk::kubernetes::windows::{self, Windows};
use policy_sdk::prelude::*;

policy_sdk::rule! {
    /// Windows containers do not run as administrator
    ///
    /// In pods that can only run on Windows nodes (`os.name: windows`, a node selector or a required affinity) the user
    /// of each container, `securityContext.windowsOptions.runAsUserName` of its own or of the pod, is not
    /// `ContainerAdministrator`, whatever its case and domain. Where nothing is set the image decides, which cannot be
    /// seen here. HostProcess containers run as accounts of the node and are left to `pss-windows-hostprocess`.
    ///
    /// ## Why
    /// `ContainerAdministrator` may change every file and every setting in the container, and most escapes from Windows
    /// containers began with it.
    ///
    /// ## Fix
    /// Let the program run as `ContainerUser`, and give that user in the image what it must write:
    ///
    /// ```yaml
    /// securityContext:
    ///   windowsOptions: {runAsUserName: ContainerUser}
    /// ```
    findings: {
        /// A container runs as administrator
        Administrator: Medium, Certain;
    },
    priority: P1,
    effort: Medium,
    factor: Security,
    peers: ["KY:require-run-as-containeruser"],
    renamed_from: ["windows-excluded-from-linux-rules"],
    since: "0.1.0",
    applies_to: ["workload"],
    uses: [Windows, HostProcess],
    reads: [
        "pod.spec.securityContext.windowsOptions.runAsUserName",
        "container.securityContext.windowsOptions.runAsUserName",
    ],
}

fn check(input: &Input<'_, Parameters>, findings: &mut Findings) -> Check {
    if !windows::is_only(input) {
        return not_applicable("its pods are not only for Windows nodes");
    }
    let workload = input.workload();
    let pod_user = option(&workload.spec(), "runAsUserName");
    let mut of_pod: Vec<Container<'_>> = Vec::new();
    for container in workload.containers() {
        let (own, process) = (option(&container, "runAsUserName"), option(&container, "hostProcess"));
        let process = if process.exists() { process } else { option(&workload.spec(), "hostProcess") };
        if process.is_true() || !is_administrator(if own.exists() { &own } else { &pod_user }) {
            continue;
        }
        if own.exists() {
            let message = message(&format!("{} runs", container.described()), &own);
            findings.report(Code::Administrator, &own, message);
        } else {
            of_pod.push(container);
        }
    }
    if !of_pod.is_empty() {
        let run = if of_pod.len() == 1 { "runs" } else { "run" };
        let message = message(&format!("{} {run}", listed(&of_pod)), &pod_user);
        findings.report(Code::Administrator, &pod_user, message);
    }
    Ok(())
}

/// An option for Windows of the pod or of a container.
fn option<'d>(owner: &View<'d>, name: &str) -> View<'d> {
    owner.at("securityContext.windowsOptions").get(name)
}

fn message(who_runs: &str, user: &View<'_>) -> String {
    format!("{who_runs} as `{}`, expected another user, such as `ContainerUser`", user.text())
}

/// Whether a user, perhaps with its domain, is the administrator of containers.
fn is_administrator(user: &View<'_>) -> bool {
    let name = user.text().rsplit('\\').next().unwrap_or_default();
    name.eq_ignore_ascii_case("ContainerAdministrator")
}
