use policy_sdk::kubernetes::rbac::{self, AccountBindings};
use policy_sdk::kubernetes::service_account::{self, OwnServiceAccount};
use policy_sdk::prelude::*;
use policy_sdk::settings::ApiAccessLabel;

policy_sdk::rule! {
    /// The API token is only mounted where it gives rights
    ///
    /// Where the pods of a workload mount the token of their own ServiceAccount, a RoleBinding or
    /// ClusterRoleBinding names this account. The rule does not look for bindings of account groups
    /// (`system:serviceaccounts`). The pod's `automountServiceAccountToken` overrides the account's. Tokens that a
    /// pod projects itself, for example for cloud roles, keep working without the mounted one.
    ///
    /// A workload passes if one of its containers names the token's directory in a variable, its command or an
    /// argument. Exempt are workloads with the label `policy/needs-kube-api` (setting `apiAccessLabel`), and
    /// workloads into which Vault's injector puts an agent, because the agent logs in with this token.
    /// `dedicated-service-account` checks pods of the account `default`. If the account is not among the documents,
    /// its bindings may be elsewhere too, so the rule is not evaluated.
    ///
    /// The fix is unsafe: some API requests need no binding, such as discovery or a review of the token itself.
    ///
    /// ## Why
    /// Whoever breaks into the container finds the token. It gives access to everything that any authenticated
    /// account may read, and to whatever somebody binds to the account later.
    ///
    /// ## Fix
    /// Switch the mount off in the pod, or in the ServiceAccount for all its pods:
    ///
    /// ```yaml
    /// spec:
    ///   automountServiceAccountToken: false
    /// ```
    findings: {
        /// The token of an account that nothing binds is mounted
        Unbound: Medium, Likely, absence: ["account_bindings"];
    },
    priority: P1,
    effort: Small,
    factor: Security,
    controls: ["cis:5.1.6"],
    peers: [
        "PO:automountServiceAccountToken", "KC:C-0034", "KC:C-0261", "KC:C-0190", "CK:CKV_K8S_38", "TR:KSV-0036",
        "KY:restrict-automount-sa-token", "GK:automount-serviceaccount-token",
    ],
    since: "0.1.0",
    applies_to: ["workload"],
    uses: [OwnServiceAccount, AccountBindings, ApiAccessLabel],
    reads: [
        "object.metadata.labels", "object.metadata.annotations", "pod.metadata.labels", "pod.metadata.annotations",
        "container.env[*].value", "container.command", "container.args",
    ],
}

/// Where the token is mounted, below `/run` or `/var/run`.
const DIRECTORY: &str = "/secrets/kubernetes.io/serviceaccount";

fn check(input: &Input<'_, Parameters>, findings: &mut Findings) -> Check {
    let workload = input.workload();
    let name = service_account::name(input).text();
    if matches!(name, "" | service_account::DEFAULT) {
        return not_applicable("its pods run as the ServiceAccount `default`, which dedicated-service-account checks");
    }
    if workload.label(&input.setting::<ApiAccessLabel>()).is_some_and(|value| value != "false") {
        return not_applicable("a label says that it needs the API token");
    }
    if workload.annotation("vault.hashicorp.com/agent-inject") == Some("true") {
        return not_applicable("Vault's agent logs in with the token");
    }
    let automount = service_account::automount(input);
    if automount.is_some_and(|automount| !automount.is_true())
        || rbac::binding_of_account(input).is_some()
        || workload.containers().any(|container| names_token(&container))
    {
        return Ok(());
    }
    let Some(account) = service_account::service_account(input) else {
        return not_evaluated(format!(
            "the ServiceAccount `{name}` is not among the documents, so its bindings may be elsewhere"
        ));
    };
    let place = workload.spec().get("automountServiceAccountToken");
    let message =
        format!("the token of the ServiceAccount `{name}` is mounted, but no binding gives the account any right");
    let fix = Fix::unsafe_("mount no token").set(&place, false);
    let own = account.document.get("automountServiceAccountToken");
    findings.report(Code::Unbound, &place, message).label_in(&account, &own, "the account").fix(fix);
    Ok(())
}

/// Whether a container names the directory of the token.
fn names_token(container: &Container<'_>) -> bool {
    let variables = container.get("env").items().map(|variable| variable.get("value"));
    let words = ["command", "args"].map(|list| container.get(list).items()).into_iter().flatten();
    variables.chain(words).any(|text| text.text().contains(DIRECTORY))
}
