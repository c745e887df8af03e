use policy_sdk::kubernetes::service_account::{self, AccountFields};
use policy_sdk::prelude::*;

policy_sdk::rule! {
    /// Pods name their ServiceAccount in `serviceAccountName`
    ///
    /// The deprecated `serviceAccount` is not set alone, and never says something other than `serviceAccountName`. Objects
    /// from a cluster have both with the same value, which is right.
    ///
    /// The fix renames the field. It is safe but where both are set, since the API server then takes `serviceAccountName`
    /// and nobody knows which one was meant.
    ///
    /// ## Why
    /// `serviceAccount` was replaced in Kubernetes 1.0, and tools that look at `serviceAccountName` alone take the
    /// pod for one of the account `default`. Where both are set, the deprecated one is ignored without a word.
    ///
    /// ## Fix
    /// Rename the field:
    ///
    /// ```yaml
    /// spec:
    ///   serviceAccountName: cart
    /// ```
    findings: {
        /// The account is named in the deprecated field alone
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
        let message = format!(
            "`serviceAccount` is `{former_name}`, but the pods run as `{name}`, since `serviceAccountName` counts"
        );
        let fix = Fix::unsafe_("remove `serviceAccount`, which is ignored").remove(&former);
        findings.report(Code::Different, &former, message).label(&present, "this one counts").fix(fix);
    }
    Ok(())
}
