use policy_sdk::prelude::*;

policy_sdk::rule! {
    /// No Secret holds a token that never expires
    ///
    /// No Secret is of the type `kubernetes.io/service-account-token`. Kubernetes fills such a Secret with a token of
    /// the ServiceAccount that its annotation names, and this token has no end. At admission only new Secrets are
    /// checked, so that old ones can still be changed and deleted.
    ///
    /// ## Why
    /// Whoever reads the Secret once, or a backup of it, is this ServiceAccount from then on, from anywhere. The token
    /// ends only when somebody deletes the Secret. Since 1.24 Kubernetes makes none of these by itself.
    ///
    /// ## Fix
    /// A pod needs no Secret: it mounts a token that the kubelet renews.
    ///
    /// ```yaml
    /// volumes:
    ///   - name: token
    ///     projected:
    ///       sources:
    ///         - serviceAccountToken: {path: token, expirationSeconds: 3600, audience: vault}
    /// ```
    ///
    /// From outside of the cluster ask for one that ends: `kubectl create token ACCOUNT --duration=1h`, or let the
    /// pipeline log in by OIDC.
    findings: {
        /// A Secret is filled with a token without an end
        Token: Medium, Certain;
    },
    priority: P1,
    effort: Medium,
    factor: Security,
    peers: ["KY:deny-secret-service-account-token-type", "KC:C-0287"],
    since: "0.1.0",
    applies_to: ["core/Secret"],
    reads: ["type", "metadata.annotations[\"kubernetes.io/service-account.name\"]"],
    operations: ["CREATE"],
}

fn check(input: &Input<'_, Parameters>, findings: &mut Findings) -> Check {
    let kind = input.document.get("type");
    if kind.text() == "kubernetes.io/service-account-token" {
        let account = input.document.at("metadata.annotations").get("kubernetes.io/service-account.name");
        let of = match account.text() {
            "" => String::new(),
            name => format!(" of the ServiceAccount `{name}`"),
        };
        let message = format!("it is filled with a token{of} that never expires");
        findings.report(Code::Token, &kind, message).label(&account, "the account");
    }
    Ok(())
}
