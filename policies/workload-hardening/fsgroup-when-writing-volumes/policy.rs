use policy_sdk::kubernetes::claim::{self, ClaimTemplates, Claims};
use policy_sdk::kubernetes::mount;
use policy_sdk::kubernetes::run_as::{self, RunAs};
use policy_sdk::prelude::*;
use policy_sdk::settings::Openshift;

policy_sdk::rule! {
    /// Pods that are not root and write to volumes set `fsGroup`
    ///
    /// The rule looks at containers that are known to run as a user other than root and mount a volume writable: a
    /// PersistentVolumeClaim that only one node can mount, one from the template of a StatefulSet, or an ephemeral
    /// volume. Their pod sets `securityContext.fsGroup`. With `require_change_policy` it also sets
    /// `fsGroupChangePolicy: OnRootMismatch`.
    ///
    /// Exempt are volumes that an init container mounts which may run as root, because it can change their owner;
    /// and claims that many nodes can mount or whose storage class is named after a file server or local
    /// directories (`efs`, `nfs`, `local-path`), because their drivers ignore `fsGroup`. With the setting
    /// `openshift` all pods are exempt: OpenShift sets the group itself.
    ///
    /// ## Why
    /// A new volume belongs to root, so the first write fails (`permission denied`) and the container restarts
    /// again and again. With `fsGroup` the kubelet changes the group of the volume's files.
    ///
    /// ## Fix
    ///
    /// ```yaml
    /// spec:
    ///   securityContext:
    ///     runAsUser: 10001
    ///     fsGroup: 10001
    ///     fsGroupChangePolicy: OnRootMismatch   # does not change every file at each start
    /// ```
    findings: {
        /// A container that is not root writes to a volume that may belong to root
        Missing: Low, Guess;
        /// All files of the volume change their group at each start
        ChangePolicy: Low, Certain;
    },
    priority: P1,
    effort: Small,
    factor: Security,
    since: "0.1.0",
    applies_to: ["workload"],
    uses: [RunAs, Claims, ClaimTemplates, Openshift],
    reads: [
        "pod.spec.securityContext.fsGroup", "pod.spec.securityContext.fsGroupChangePolicy", "pod.spec.volumes[*].name",
        "pod.spec.volumes[*].persistentVolumeClaim.readOnly",
        "pod.spec.volumes[*].ephemeral.volumeClaimTemplate.spec", "container.volumeMounts",
    ],
    parameters: {
        /// Require `fsGroupChangePolicy: OnRootMismatch`.
        require_change_policy: bool = false,
    },
}

fn check(input: &Input<'_, Parameters>, findings: &mut Findings) -> Check {
    if input.setting::<Openshift>() {
        return not_applicable("OpenShift sets the group of volumes itself");
    }
    let workload = input.workload();
    let writers: Vec<Container<'_>> =
        workload.containers().filter(|container| run_as::is_known_non_root(input, container)).collect();
    let written = |volume: &str| writers.iter().find_map(|writer| Some((writer, writable_mount(writer, volume)?)));
    let is_handed_over = |volume: &str| {
        let mut init = workload.containers().filter(|container| container.class == Class::Init);
        init.any(|container| {
            !run_as::is_known_non_root(input, &container) && writable_mount(&container, volume).is_some()
        })
    };
    let mut volumes = own_volumes(input);
    volumes.retain(|(volume, _)| !is_handed_over(volume));
    let security = workload.spec().get("securityContext");
    let (group, policy) = (security.get("fsGroup"), security.get("fsGroupChangePolicy"));
    let known = volumes.iter().filter(|(_, is_known)| *is_known);
    let Some((volume, (writer, mount))) = known.map(|(volume, _)| volume).find_map(|it| Some((it, written(it)?)))
    else {
        let unknown = volumes.iter().find(|(volume, is_known)| !is_known && written(volume).is_some());
        return match unknown {
            Some((volume, _)) if !group.exists() => {
                not_evaluated(format!("the claim of the volume `{volume}` is not among the documents"))
            }
            _ => Ok(()),
        };
    };
    if !group.exists() {
        let writer = writer.described();
        let message =
            format!("{writer} is not root and writes to the volume `{volume}`, but the pod sets no `fsGroup`");
        findings.report(Code::Missing, &group, message).label(&mount, "mounted here");
    } else if input.parameters.require_change_policy && policy.text() != "OnRootMismatch" {
        let message = format!("all files of the volume `{volume}` change their group at each start");
        let fix = Fix::unsafe_("change them only if the root of the volume differs").set(&policy, "OnRootMismatch");
        findings.report(Code::ChangePolicy, &policy, message).label(&mount, "mounted here").fix(fix);
    }
    Ok(())
}

/// Where a container mounts a volume that it may write to.
fn writable_mount<'d>(container: &Container<'d>, volume: &str) -> Option<View<'d>> {
    mount::of_volume(container, volume).find(|mount| !mount.get("readOnly").is_true())
}

/// The names of the volumes whose owner `fsGroup` decides, and whether that is known.
fn own_volumes<'d>(input: &Input<'d, Parameters>) -> Vec<(&'d str, bool)> {
    let claims: Vec<Related<'d>> = claim::claims(input).collect();
    let templates = claim::templates(input).filter(|template| claim::follows_group(&template.get("spec")));
    let of_template = templates.map(|template| (template.at("metadata.name").text(), true));
    let of_pod = input.workload().spec().get("volumes").items().filter_map(|volume| {
        let name = volume.get("name").text();
        let claimed = volume.get("persistentVolumeClaim");
        if claim::follows_group(&volume.at("ephemeral.volumeClaimTemplate.spec")) {
            return Some((name, true));
        }
        let claim_name = claimed.get("claimName").as_str().filter(|_| !claimed.get("readOnly").is_true())?;
        match claims.iter().find(|claim| claim.name() == claim_name) {
            Some(claim) => claim::follows_group(&claim.document.get("spec")).then_some((name, true)),
            None => Some((name, false)),
        }
    });
    of_template.chain(of_pod).collect()
}
