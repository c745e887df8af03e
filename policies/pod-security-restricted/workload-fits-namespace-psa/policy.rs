use policy_sdk::kubernetes::namespace::{self, OwnNamespace};
use policy_sdk::kubernetes::pod_security::admission::{self, AdmissionExemption, ENFORCE};
use policy_sdk::kubernetes::pod_security::baseline::{
    AddedCapabilities, AppArmor, HostNamespaces, HostPathVolumes, HostPorts, HostProbes, HostProcess, Privileged,
    ProcMount, SeLinux, Seccomp, SeccompAnnotations, Sysctls,
};
use policy_sdk::kubernetes::pod_security::restricted::{Escalation, RunAsNonRoot, RunAsUser, VolumeSources};
use policy_sdk::kubernetes::pod_security::{self, Level};
use policy_sdk::kubernetes::windows::Windows;
use policy_sdk::prelude::*;
use policy_sdk::settings::KubernetesVersion;
use policy_sdk::tables::safe_sysctls::SafeSysctls;

policy_sdk::rule! {
    /// Pods meet the level that their Namespace enforces
    ///
    /// What Kubernetes' Pod Security Admission would refuse: the level and its version are those of the Namespace's
    /// labels `pod-security.kubernetes.io/enforce` and `enforce-version`, else the defaults of the setting
    /// `podSecurityAdmission`; the checks are those of the `pss-` rules. A label that cannot be read counts as
    /// `restricted` or `latest`, as it does for the API server. A workload gets one finding with all checks that it
    /// fails; the `pss-` rules report each with its cure.
    ///
    /// Namespaces, runtime classes and users that the setting exempts are exempt. Where the Namespace is not among the
    /// files, the rule is not evaluated; nor is it for a patch, whose containers have no image. Where neither the
    /// Namespace nor the setting names a level, it does not apply.
    ///
    /// ## Why
    /// The API server admits a Deployment all the same, and then refuses its pods. The rollout stands still, and the
    /// only trace is an event of the ReplicaSet. Pods that ran before the level was set do not come back once they are
    /// evicted or their node restarts.
    ///
    /// ## Fix
    /// Change what is labelled here, as the `pss-` rules say, or run the workload in a namespace that enforces a level
    /// which it meets. Lowering the level of the Namespace lowers it for everything in it.
    findings: {
        /// The API server would refuse the pods
        Refused: High, Certain;
    },
    priority: P0,
    effort: Medium,
    factor: Security,
    controls: ["pss:baseline", "pss:restricted", "cis:5.2.1"],
    since: "0.1.0",
    applies_to: ["workload"],
    uses: [
        OwnNamespace, AdmissionExemption, KubernetesVersion, AddedCapabilities, AppArmor, HostNamespaces,
        HostPathVolumes, HostPorts, HostProbes, HostProcess, Privileged, ProcMount, SeLinux, Seccomp,
        SeccompAnnotations, Sysctls, Escalation, RunAsNonRoot, RunAsUser, VolumeSources, Windows, SafeSysctls,
    ],
    reads: ["container.image"],
    reads_user: true,
}

/// The most places that are labelled.
const LABELLED: usize = 10;

fn check(input: &Input<'_, Parameters>, findings: &mut Findings) -> Check {
    let configuration = admission::configuration(input);
    if configuration.other_engine {
        return not_applicable("another engine enforces the Pod Security Standards");
    }
    if let Some(by) = admission::exempted_by(input, &configuration) {
        return not_applicable(format!("its {by} is exempt from Pod Security Admission"));
    }
    let namespace = namespace::namespace(input);
    if namespace.is_none() && configuration.enforce == Level::None {
        return not_evaluated("its Namespace is not among the documents");
    }
    let labels = namespace.as_ref().map(|namespace| namespace.document.at("metadata.labels"));
    let Some(profile) = admission::enforced(labels.as_ref(), &configuration) else {
        return not_applicable("its Namespace has no label of Pod Security");
    };
    if let Some(container) = input.workload().containers().find(|container| container.image().is_empty()) {
        return not_evaluated(format!(
            "{} has no image: it is a part of a workload, as in a patch",
            container.described()
        ));
    }
    let version = profile.version.min(pod_security::version(input));
    let failures = pod_security::failures(input, profile.level, version);
    if failures.is_empty() {
        return Ok(());
    }
    let checks: Vec<&str> = failures.iter().map(|failure| failure.check).collect();
    let (level, version) = (profile.level.as_ref(), profile.version);
    let spec = input.workload().spec();
    let message = format!(
        "the API server refuses its pods: namespace `{}` enforces `{level}` ({version}), which forbids {}",
        input.subject.namespace,
        checks.join(", ")
    );
    let mut report = findings.report(Code::Refused, &spec, message);
    if let Some(namespace) = &namespace {
        let label = namespace.document.at("metadata.labels").get(ENFORCE);
        report = report.label_in(namespace, &label, "it enforces the level here");
    }
    let places = failures.iter().flat_map(|failure| {
        failure.violations.iter().map(|violation| (failure.check, violation.owner.described(), &violation.at))
    });
    for (check, who, at) in places.take(LABELLED) {
        report = report.label(at, format!("{check}: {who}"));
    }
    Ok(())
}
