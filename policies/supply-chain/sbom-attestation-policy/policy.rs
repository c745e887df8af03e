use policy_sdk::prelude::*;

policy_sdk::rule! {
    /// Policies that verify images ask for an inventory and provenance
    ///
    /// A policy that verifies signatures of images, `verifyImages` of a ClusterPolicy or Policy of Kyverno, an
    /// ImageValidatingPolicy, or a ClusterImagePolicy of sigstore, asks for attestations too: of each kind in
    /// `require`, an inventory of packages (`sbom`: SPDX or CycloneDX) and `provenance` (SLSA), however it spells the
    /// predicate type. Policies that name nobody who may sign are not checked.
    ///
    /// ## Why
    /// A signature says who built an image. It says neither from which sources nor what is in it, and that is what is
    /// asked first when a package turns out to be malicious.
    ///
    /// ## Fix
    /// ```yaml
    /// verifyImages:
    /// - imageReferences: ["registry.example.com/shop/*"]
    ///   attestors: [...]
    ///   attestations:
    ///   - type: https://spdx.dev/Document
    ///     attestors: [...]
    ///   - type: https://slsa.dev/provenance/v1
    ///     attestors: [...]
    /// ```
    findings: {
        /// A kind of attestation is not asked for
        NotRequired: Low, Certain;
    },
    priority: P1,
    effort: Medium,
    factor: Dependencies,
    peers: ["KY:verify-sbom-cyclonedx", "KY:verify-image-slsa", "KY:require-vulnerability-scan"],
    since: "0.1.0",
    applies_to: [
        "kyverno.io/ClusterPolicy", "kyverno.io/Policy", "policies.kyverno.io/ImageValidatingPolicy",
        "policies.kyverno.io/NamespacedImageValidatingPolicy", "policy.sigstore.dev/ClusterImagePolicy",
    ],
    reads: [
        "spec.rules[*].name", "spec.rules[*].verifyImages", "spec.attestors", "spec.attestations", "spec.authorities",
    ],
    parameters: {
        /// What is asked for.
        require: Vec<Attested> = vec![Attested::Sbom, Attested::Provenance],
    },
}

policy_sdk::choice! {
    /// A kind of attestation.
    pub Attested { Sbom = "sbom", Provenance = "provenance" }
}

impl Attested {
    /// Whether a predicate type, or a tool's name for one, is of this kind.
    fn is(self, predicate: &str) -> bool {
        let predicate = predicate.to_ascii_lowercase();
        let words: &[&str] = match self {
            Attested::Sbom => &["spdx", "cyclonedx", "sbom"],
            Attested::Provenance => &["slsa.dev/provenance", "slsaprovenance", "provenance"],
        };
        words.iter().any(|word| predicate.contains(word))
    }

    fn described(self) -> &'static str {
        match self {
            Attested::Sbom => "inventory of packages (SPDX, CycloneDX)",
            Attested::Provenance => "provenance (SLSA)",
        }
    }
}

fn check(input: &Input<'_, Parameters>, findings: &mut Findings) -> Check {
    let spec = input.document.get("spec");
    let mut judged = 0;
    let mut judge = |place: &View<'_>, what: &str, predicates: &[&str]| {
        judged += 1;
        for kind in &input.parameters.require {
            if !predicates.iter().any(|predicate| kind.is(predicate)) {
                let message = format!("{what} verifies signatures and asks for no attestation of {}", kind.described());
                findings.report(Code::NotRequired, place, message);
            }
        }
    };
    match input.subject.kind.as_str() {
        "ClusterImagePolicy" => {
            let authorities: Vec<View<'_>> = spec.get("authorities").items().collect();
            let attestations =
                authorities.iter().flat_map(|authority| authority.get("attestations").items().collect::<Vec<_>>());
            let predicates: Vec<&str> = attestations.map(|one| one.get("predicateType").text()).collect();
            let has_signers = authorities.iter().any(|one| one.get("key").exists() || one.get("keyless").exists());
            if has_signers {
                judge(&spec.get("authorities"), "it", &predicates);
            }
        }
        "ImageValidatingPolicy" | "NamespacedImageValidatingPolicy" => {
            let predicates: Vec<&str> = spec
                .get("attestations")
                .items()
                .map(|one| {
                    let intoto = one.at("intoto.type").text();
                    if intoto.is_empty() { one.at("referrer.type").text() } else { intoto }
                })
                .collect();
            if !spec.get("attestors").is_empty() {
                judge(&spec.get("attestors"), "it", &predicates);
            }
        }
        _ => {
            for rule in spec.get("rules").items() {
                for verify in rule.get("verifyImages").items() {
                    let attestations: Vec<View<'_>> = verify.get("attestations").items().collect();
                    let text = |one: &View<'_>| {
                        let kind = one.get("type").text();
                        // As it was spelt before.
                        if kind.is_empty() { one.get("predicateType").text().to_owned() } else { kind.to_owned() }
                    };
                    let predicates: Vec<String> = attestations.iter().map(text).collect();
                    let predicates: Vec<&str> = predicates.iter().map(String::as_str).collect();
                    let signs = ["attestors", "key", "issuer"].iter().any(|key| verify.get(key).exists());
                    if signs || !attestations.is_empty() {
                        judge(&verify, &format!("the rule `{}`", rule.get("name").text()), &predicates);
                    }
                }
            }
        }
    }
    if judged == 0 { not_applicable("it verifies no signatures of images") } else { Ok(()) }
}
