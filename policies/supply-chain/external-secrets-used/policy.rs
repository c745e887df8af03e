use policy_sdk::kubernetes::production::{Production, is_production};
use policy_sdk::kubernetes::workload::Workload;
use policy_sdk::parameter::list;
use policy_sdk::prelude::*;
use policy_sdk::values::image::glob_match;

policy_sdk::rule! {
    /// Secrets of production come from a manager of secrets
    ///
    /// Each Secret of the type `Opaque` that a workload of production takes is made by something: it has an owner
    /// (an ExternalSecret, a SealedSecret, a Certificate), or a label or annotation that says who manages it. It is asked
    /// at admission, about the Secrets of the cluster; of one in a file `no-plaintext-secret-manifest` says more. Names in `allowed`
    /// pass, as globs.
    ///
    /// ## Why
    /// A Secret that somebody made by hand is in nobody's rotation and in no backup. When the cluster is gone nobody knows
    /// what it held.
    ///
    /// ## Fix
    /// Keep the value in a manager of secrets, and have it brought to the cluster:
    ///
    /// ```yaml
    /// apiVersion: external-secrets.io/v1
    /// kind: ExternalSecret
    /// metadata: {name: db}
    /// spec:
    ///   secretStoreRef: {name: vault}
    ///   data:
    ///   - secretKey: password
    ///     remoteRef: {key: shop/db, property: password}
    /// ```
    findings: {
        /// Nothing says who made a Secret
        MadeByHand: Low, Guess;
    },
    priority: P1,
    effort: Medium,
    factor: Config,
    peers: ["KC:C-0208", "KC:C-0234"],
    since: "0.1.0",
    applies_to: ["workload"],
    uses: [Production],
    reads: [
        "container.env[*].valueFrom.secretKeyRef.name", "container.envFrom[*].secretRef.name",
        "pod.spec.volumes[*].secret.secretName", "pod.spec.volumes[*].projected.sources[*].secret.name",
    ],
    reads_user: true,
    inventory: {
        taken_secrets: {
            kinds: ["core/Secret"],
            scope: "namespace",
            relation: named {
                kind: "=Secret",
                name: [
                    "container.env[*].valueFrom.secretKeyRef.name", "container.envFrom[*].secretRef.name",
                    "pod.spec.volumes[*].secret.secretName", "pod.spec.volumes[*].projected.sources[*].secret.name",
                ],
            },
            reads: ["type", "metadata.ownerReferences", "metadata.labels", "metadata.annotations"],
        },
    },
    parameters: {
        /// Names, as globs, of Secrets that are made otherwise.
        allowed: Vec<String> = list(["*-token-?????"]),
    },
}

/// Labels and annotations by which tools say that a Secret is theirs.
const MANAGED: [&str; 6] = [
    "app.kubernetes.io/managed-by",
    "reconcile.external-secrets.io/managed",
    "sealedsecrets.bitnami.com/managed",
    "secrets-store.csi.k8s.io/managed",
    "cert-manager.io/certificate-name",
    "kustomize.toolkit.fluxcd.io/name",
];

fn check(input: &Input<'_, Parameters>, findings: &mut Findings) -> Check {
    if input.user.is_none() {
        return not_applicable("nobody asks for it: of Secrets in files no-plaintext-secret-manifest says more");
    }
    if !is_production(input) {
        return not_applicable("it is not of production");
    }
    for secret in input.related("taken_secrets") {
        let document = &secret.document;
        let is_opaque = matches!(document.get("type").text(), "" | "Opaque");
        let is_made = !document.at("metadata.ownerReferences").is_empty()
            || ["metadata.labels", "metadata.annotations"]
                .iter()
                .any(|map| MANAGED.iter().any(|key| document.at(map).get(key).exists()));
        let is_allowed = input.parameters.allowed.iter().any(|glob| glob_match(glob, secret.name()));
        if !is_opaque || is_made || is_allowed {
            continue;
        }
        if let Some(place) = taken(&input.workload(), secret.name()) {
            let message = format!("it takes the Secret `{}`, of which nothing says who made it", secret.name());
            findings.report(Code::MadeByHand, &place, message);
        }
    }
    Ok(())
}

/// Where a workload takes a Secret.
fn taken<'d>(workload: &Workload<'d>, name: &str) -> Option<View<'d>> {
    let of_containers = workload.containers().flat_map(|container| {
        let variables = container.get("env").items().map(|one| one.at("valueFrom.secretKeyRef.name"));
        variables.chain(container.get("envFrom").items().map(|one| one.at("secretRef.name"))).collect::<Vec<_>>()
    });
    let spec = workload.spec();
    let of_volumes = spec.get("volumes").items().flat_map(|volume| {
        let projected = volume.at("projected.sources").items().map(|one| one.at("secret.name"));
        [volume.at("secret.secretName")].into_iter().chain(projected).collect::<Vec<_>>()
    });
    of_containers.chain(of_volumes).find(|view| view.text() == name)
}
