use policy_sdk::kubernetes::service_account::{self, OwnServiceAccount};
use policy_sdk::prelude::*;
use policy_sdk::settings::WorkloadIdentity;

policy_sdk::rule! {
    /// Workloads do not share the ServiceAccount `default`
    ///
    /// The pods of a workload name a ServiceAccount other than `default`. A workload whose pods mount no token
    /// (`automountServiceAccountToken: false` in the pod or in the account) passes too: it uses no identity.
    ///
    /// The setting `workloadIdentity` expects an account of its own for every workload, with or without a token,
    /// because cloud roles and service mesh policies go by the account. `include_jobs` adds Jobs and standalone
    /// Pods.
    ///
    /// ## Why
    /// Every pod that names no account runs as `default`. A right that somebody grants to this account for one pod
    /// is granted to all pods of the namespace, and the audit log cannot tell them apart.
    ///
    /// ## Fix
    /// A workload that does not call the API server needs no token:
    ///
    /// ```yaml
    /// spec:
    ///   automountServiceAccountToken: false
    /// ```
    ///
    /// Give every other workload its own account:
    ///
    /// ```yaml
    /// apiVersion: v1
    /// kind: ServiceAccount
    /// metadata:
    ///   name: cart
    /// ---
    /// spec:
    ///   serviceAccountName: cart
    /// ```
    findings: {
        /// The pods run as the account `default`
        Default: Low, Certain;
    },
    priority: P0,
    effort: Small,
    factor: Security,
    controls: ["cis:5.1.5"],
    peers: ["KL:default-service-account", "KC:C-0225", "CK:CKV_K8S_41", "CK:CKV_K8S_42"],
    since: "0.1.0",
    applies_to: ["workload"],
    uses: [OwnServiceAccount, WorkloadIdentity],
    parameters: {
        /// Check Jobs and standalone Pods too.
        include_jobs: bool = false,
    },
}

fn check(input: &Input<'_, Parameters>, findings: &mut Findings) -> Check {
    let workload = input.workload();
    if matches!(workload.kind(), "Pod" | "Job") && !input.parameters.include_jobs {
        return not_applicable("standalone Pods and Jobs are only checked with `include_jobs`");
    }
    let name = service_account::name(input);
    if !matches!(name.text(), "" | service_account::DEFAULT) {
        return Ok(());
    }
    let is_expected = input.setting::<WorkloadIdentity>();
    let mounts = service_account::automount(input).is_none_or(|automount| automount.is_true());
    let shared = "its pods run as the ServiceAccount `default`, which all pods of the namespace share";
    if is_expected {
        findings.report(Code::Default, &name, format!("{shared}, expected an account of its own"));
    } else if mounts {
        let message =
            format!("{shared}; give it an account of its own, or no token (`automountServiceAccountToken: false`)");
        let automount = workload.spec().get("automountServiceAccountToken");
        let fix = Fix::unsafe_("mount no token").set(&automount, false);
        findings.report(Code::Default, &name, message).fix(fix);
    }
    Ok(())
}
