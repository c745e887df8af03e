use policy_sdk::kubernetes::metadata::{self, OwnMetadata};
use policy_sdk::prelude::*;

policy_sdk::rule! {
    /// Objects do not live in the namespace `default`
    ///
    /// A workload, Service, ConfigMap, Secret or ServiceAccount is not in the namespace `default`. A file that names no
    /// namespace passes: `kubectl -n`, Helm, Argo CD, Flux or a kustomization give one. What the cluster makes itself is
    /// exempt (the Service `kubernetes`, the ConfigMap `kube-root-ca.crt`, the ServiceAccount `default`), and so is what
    /// another object owns.
    ///
    /// ## Why
    /// Quotas, network policies and access rights are given by namespace. In `default` all that nobody thought about
    /// shares them.
    ///
    /// ## Fix
    /// Give the application a namespace of its own, and write it into `metadata.namespace`.
    findings: {
        /// The object is in `default`
        Default: Low, Certain;
    },
    priority: P2,
    effort: Medium,
    factor: Security,
    controls: ["cis:5.6.4"],
    peers: ["KL:use-namespace", "KC:C-0061", "KC:C-0212", "CK:CKV_K8S_21", "TR:KSV-0110", "KY:disallow-default-namespace"],
    since: "0.1.0",
    applies_to: ["workload", "core/Service", "core/ConfigMap", "core/Secret", "core/ServiceAccount"],
    uses: [OwnMetadata],
    reads_built: true,
}

/// What every cluster has there.
const OF_THE_CLUSTER: [(&str, &str); 3] =
    [("Service", "kubernetes"), ("ConfigMap", "kube-root-ca.crt"), ("ServiceAccount", "default")];

fn check(input: &Input<'_, Parameters>, findings: &mut Findings) -> Check {
    let metadata = metadata::metadata(input);
    let namespace = metadata.get("namespace");
    if namespace.text() != "default" {
        return Ok(());
    }
    if OF_THE_CLUSTER.contains(&(&input.subject.kind, &input.subject.name)) {
        return not_applicable("the cluster itself has it there");
    }
    if !metadata.get("ownerReferences").is_empty() {
        return not_applicable("another object owns it");
    }
    findings.report(Code::Default, &namespace, "it is in the namespace `default`, expected one of its own");
    Ok(())
}
