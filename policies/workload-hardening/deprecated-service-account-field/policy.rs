use policy_sdk::kubernetes::service_account::{self, AccountFields};
use policy_sdk::prelude::*;

policy_sdk::rule! {
    /// Pods name their ServiceAccount in `serviceAccountName`
    ///
    /// The deprecated field `serviceAccount` is not the only one that is set, and it never names another account
    /// than `serviceAccountName`. Objects read from a cluster have both fields with the same value, which is
    /// correct.
    ///
    /// The fix renames the field. It is safe where only the deprecated field is set. Where both are set, the API
    /// server ignores the deprecated one, so a person must say which account was meant.
    ///
    /// ## Why
    /// `serviceAccount` was replaced in Kubernetes 1.0. Tools that only read `serviceAccountName` take the pod for
    /// one of the account `default`. Where both fields are set, Kubernetes ignores the deprecated one without a
    /// warning.
    ///
    /// ## Fix
    /// Rename the field:
    ///
    /// ```yaml
    /// spec:
    ///   serviceAccountName: cart
    /// ```
    findings: {
        /// Only the deprecated field names the account
        Former: Low, Certain;
        /// The two fields name different accounts
        Different: Low, Certain;
    },
    priority: P3,
    effort: Small,
    factor: Security,
    peers: ["KL:deprecated-service-account-field", "KC:C-0294"],
    since: "0.1.0",
    applies_to: ["workload"],
    uses: [AccountFields],
}

fn check(input: &Input<'_, Parameters>, findings: &mut Findings) -> Check {
    let (present, former) = service_account::fields(input);
    let (name, former_name) = (present.text(), former.text());
    if former_name.is_empty() || name == former_name {
        return Ok(());
    }
    if name.is_empty() {
        let message =
            format!("the ServiceAccount `{former_name}` is named in `serviceAccount`, expected `serviceAccountName`");
        let fix = Fix::safe("rename the field to `serviceAccountName`").remove(&former).set(&present, former_name);
        findings.report(Code::Former, &former, message).fix(fix);
    } else {
        let message =
            format!("`serviceAccount` is `{former_name}`, but `serviceAccountName` overrides it with `{name}`");
        let fix = Fix::unsafe_("remove `serviceAccount`, which is ignored").remove(&former);
        findings.report(Code::Different, &former, message).label(&present, "overrides it").fix(fix);
    }
    Ok(())
}
