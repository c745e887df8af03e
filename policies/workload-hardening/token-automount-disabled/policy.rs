use policy_sdk::kubernetes::rbac::{self, AccountBindings};
use policy_sdk::kubernetes::service_account::{self, OwnServiceAccount};
use policy_sdk::prelude::*;
use policy_sdk::settings::ApiAccessLabel;

policy_sdk::rule! {
    /// A token for the API server is mounted only where it gives rights
    ///
    /// Where the pods of a workload mount the token of a ServiceAccount of their own, some RoleBinding or
    /// ClusterRoleBinding names the account. What is bound to a group of accounts (`system:serviceaccounts`) is not looked
    /// for. The pod's `automountServiceAccountToken` counts before the account's. Tokens that a pod projects itself,
    /// as for roles of a cloud, are not meant and go on working without.
    ///
    /// A workload whose containers name the token's directory, in a variable, their command or an argument, uses the token.
    /// Exempt are workloads with the label `policy/needs-kube-api` (the setting `apiAccessLabel`), and those into which
    /// Vault's injector puts an agent, since that takes this token to log in. Pods of the account `default` are
    /// dedicated-service-account's. An account that is not among the documents may be bound where it is made.
    ///
    /// The fix needs a person: what the API server tells to everybody, or says about the token itself, needs no
    /// binding.
    ///
    /// ## Why
    /// Whoever gets into the container finds the token. It opens what every account may read, and whatever somebody
    /// binds to the account later.
    ///
    /// ## Fix
    /// Say so in the pod, or for all its pods in the ServiceAccount:
    ///
    /// ```yaml
    /// spec:
    ///   automountServiceAccountToken: false
    /// ```
    findings: {
        /// The token of an account that nothing binds is mounted
        Unbound: Medium, Likely, absence;
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
        return not_applicable("its pods run as the ServiceAccount `default`, which dedicated-service-account judges");
    }
    if workload.label(&input.setting::<ApiAccessLabel>()).is_some_and(|value| value != "false") {
        return not_applicable("a label says that it needs the API server");
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
        return not_evaluated(format!("the ServiceAccount `{name}` is not among the documents, nor what binds it"));
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
