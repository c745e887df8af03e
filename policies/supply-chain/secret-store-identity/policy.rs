use policy_sdk::parameter::list;
use policy_sdk::prelude::*;

policy_sdk::rule! {
    /// Secret stores authenticate with the identity of a workload
    ///
    /// A SecretStore or ClusterSecretStore for AWS names no static keys (`auth.secretRef`): it uses the identity of a
    /// ServiceAccount (`auth.jwt.serviceAccountRef`). Without `auth` it uses the identity of the controller, which all
    /// such stores share. With more `providers` the same is asked of Google Cloud (`gcpsm.auth.secretRef`), of Azure (a
    /// service principal's `authSecretRef`) and of Vault (`auth.tokenSecretRef`).
    ///
    /// With `conditions: true` a ClusterSecretStore says which namespaces may use it.
    ///
    /// ## Why
    /// The keys of a store open every secret behind it. Static ones do not end, are copied, and lie in a Secret of the
    /// cluster: whoever can read that has all the others.
    ///
    /// ## Fix
    /// Give the store a ServiceAccount with a role of the cloud:
    ///
    /// ```yaml
    /// provider:
    ///   aws:
    ///     service: SecretsManager
    ///     region: eu-west-1
    ///     auth:
    ///       jwt:
    ///         serviceAccountRef: {name: shop-secrets}
    /// ```
    findings: {
        /// The store has static keys of AWS
        StaticKeys: High, Certain;
        /// The store has another provider's static credentials
        StaticCredentials: Medium, Certain;
        /// The store uses the identity of the controller, as others do
        ControllerIdentity: Info, Certain;
        /// Every namespace may use the store
        EveryNamespace: Low, Certain;
    },
    priority: P1,
    effort: Medium,
    factor: BackingServices,
    since: "0.1.0",
    applies_to: ["external-secrets.io/SecretStore", "external-secrets.io/ClusterSecretStore"],
    reads: ["spec.provider", "spec.conditions"],
    parameters: {
        /// Whose credentials are checked: `aws`, `gcpsm`, `azurekv`, `vault`.
        providers: Vec<String> = list(["aws"]),
        /// Whether a ClusterSecretStore has to say which namespaces may use it.
        conditions: bool = false,
    },
}

fn check(input: &Input<'_, Parameters>, findings: &mut Findings) -> Check {
    let Parameters { providers, conditions } = &input.parameters;
    let spec = input.document.get("spec");
    let provider = spec.get("provider");
    let judged =
        |name: &str| Some(provider.get(name)).filter(|view| view.exists() && providers.iter().any(|one| one == name));
    if let Some(aws) = judged("aws") {
        let auth = aws.get("auth");
        let keys = auth.get("secretRef");
        if keys.exists() {
            findings.report(Code::StaticKeys, &keys, "it authenticates with static keys of AWS from a Secret");
        } else if auth.is_empty() {
            let message = "it authenticates as the controller, whose identity all such stores share";
            findings.report(Code::ControllerIdentity, &auth, message);
        }
    }
    for (name, path, what) in [
        ("gcpsm", "auth.secretRef", "the key of a service account of Google Cloud"),
        ("azurekv", "authSecretRef", "the secret of a service principal of Azure"),
        ("vault", "auth.tokenSecretRef", "a token of Vault"),
    ] {
        let credentials = judged(name).map(|view| view.at(path)).filter(View::exists);
        if let Some(credentials) = credentials {
            findings.report(
                Code::StaticCredentials,
                &credentials,
                format!("it authenticates with {what} from a Secret"),
            );
        }
    }
    if *conditions && input.subject.kind == "ClusterSecretStore" && spec.get("conditions").is_empty() {
        findings.report(Code::EveryNamespace, &spec.get("conditions"), "every namespace of the cluster may use it");
    }
    let names: Vec<&str> = provider.entries().map(|(name, _)| name).collect();
    if findings.is_empty() && !*conditions && !names.iter().any(|name| providers.iter().any(|one| one == name)) {
        return not_applicable(format!("its provider is not checked: `{}`", names.join(", ")));
    }
    Ok(())
}
