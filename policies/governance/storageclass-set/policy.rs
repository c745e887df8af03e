use policy_sdk::kubernetes::production::{self, ProductionObject};
use policy_sdk::prelude::*;

policy_sdk::rule! {
    /// Claims name one of the platform's StorageClasses
    ///
    /// A PersistentVolumeClaim, and each of a StatefulSet's `volumeClaimTemplates`, names a class of `allowed`; the old
    /// annotation `volume.beta.kubernetes.io/storage-class` counts. A claim that is bound to a volume by hand (an empty
    /// class with `volumeName` or `selector`) passes. Without `allowed` claims are not checked: the default class is a
    /// legal choice.
    ///
    /// A StorageClass of production has `reclaimPolicy: Retain` and `allowVolumeExpansion: true`.
    ///
    /// ## Why
    /// Which disk a claim without a class gets depends on the cluster: on a slow one the database is slow, on a class
    /// that deletes its volumes the data is gone with the claim.
    ///
    /// ## Fix
    /// ```yaml
    /// spec:
    ///   storageClassName: fast
    /// ```
    findings: {
        /// The claim names no class
        Absent: Low, Certain;
        /// The class is not one of those that are allowed
        NotAllowed: Low, Certain;
        /// Volumes of the class are deleted with their claims
        Deletes: Info, Certain;
        /// Volumes of the class cannot grow
        Fixed: Info, Certain;
    },
    priority: P2,
    effort: Small,
    factor: BackingServices,
    peers: ["KY:require-storageclass", "KY:restrict-storageclass", "GK:storageclass"],
    since: "0.1.0",
    applies_to: ["core/PersistentVolumeClaim", "workload/StatefulSet", "storage.k8s.io/StorageClass"],
    uses: [ProductionObject],
    reads: [
        "spec.storageClassName", "spec.volumeName", "spec.selector", "metadata.annotations", "metadata.name",
        "object.spec.volumeClaimTemplates", "reclaimPolicy", "allowVolumeExpansion",
    ],
    parameters: {
        /// Names of classes. Claims are not checked where there is none.
        allowed: Vec<String> = Vec::new(),
    },
}

/// How claims named their class before `storageClassName`.
const ANNOTATION: &str = "volume.beta.kubernetes.io/storage-class";

fn check(input: &Input<'_, Parameters>, findings: &mut Findings) -> Check {
    match input.subject.kind.as_str() {
        "StorageClass" => return check_class(input, findings),
        _ if input.parameters.allowed.is_empty() => return not_applicable("no classes are configured"),
        "StatefulSet" => {
            let templates = input.document.at("object.spec.volumeClaimTemplates");
            templates.items().for_each(|claim| check_claim(input, &claim, findings));
        }
        _ => check_claim(input, &input.document, findings),
    }
    Ok(())
}

fn check_claim(input: &Input<'_, Parameters>, claim: &View<'_>, findings: &mut Findings) {
    let (spec, allowed) = (claim.get("spec"), &input.parameters.allowed);
    let (class, old) = (spec.get("storageClassName"), claim.at("metadata.annotations").get(ANNOTATION));
    let place = if class.exists() || !old.exists() { class } else { old };
    let expected = format!("expected `{}`", allowed.join("` or `"));
    if place.text().is_empty() {
        let is_bound_by_hand = place.exists() && (spec.get("volumeName").exists() || spec.get("selector").exists());
        if !is_bound_by_hand {
            findings.report(Code::Absent, &place, format!("the claim names no `storageClassName`, {expected}"));
        }
    } else if !allowed.iter().any(|class| class == place.text()) {
        let message = format!("`storageClassName` is `{}`, {expected}", place.text());
        findings.report(Code::NotAllowed, &place, message);
    }
}

fn check_class(input: &Input<'_, Parameters>, findings: &mut Findings) -> Check {
    if !production::is_production_object(input) {
        return not_applicable("it is not known to be of production");
    }
    let policy = input.document.get("reclaimPolicy");
    if policy.text() != "Retain" {
        let message = "volumes are deleted with their claims, expected `reclaimPolicy: Retain`";
        findings.report(Code::Deletes, &policy, message);
    }
    let expansion = input.document.get("allowVolumeExpansion");
    if !expansion.is_true() {
        let message = "volumes cannot grow, expected `allowVolumeExpansion: true`";
        findings.report(Code::Fixed, &expansion, message);
    }
    Ok(())
}
