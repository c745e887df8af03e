use policy_sdk::prelude::*;
use policy_sdk::values::duration::parse_millis;

policy_sdk::rule! {
    /// Rotated secrets reach the process
    ///
    /// A workload that runs all the time takes a Secret which an ExternalSecret reads again and again, as a variable
    /// (`env`, `envFrom`) or by `subPath`, and something restarts it when the Secret changes: an annotation of
    /// Reloader (`reloader.stakater.com/auto`, `secret.reloader.stakater.com/reload`, `search`), a checksum in the pod
    /// template (`checksum/…`). Files of a whole volume pass, since the kubelet renews them. So do Secrets that are
    /// read once, immutable ones, and Jobs.
    ///
    /// With `reloads_all: true` Reloader restarts everything by itself (`autoReloadAll`), and the rule does not apply.
    ///
    /// ## Why
    /// Variables are set when the process starts. After a rotation it goes on with the old value until it happens to be
    /// restarted, and then all replicas find out together that the old one has ended.
    ///
    /// ## Fix
    /// Mount the Secret as a volume and read the file again, or have Reloader restart the workload:
    ///
    /// ```yaml
    /// metadata:
    ///   annotations:
    ///     reloader.stakater.com/auto: "true"
    /// ```
    findings: {
        /// Nothing restarts the workload when the Secret changes
        NotReloaded: Low, Likely;
    },
    priority: P1,
    effort: Small,
    factor: Config,
    peers: ["KY:restart-deployment-on-secret-change", "KY:refresh-volumes-in-pods"],
    since: "0.1.0",
    applies_to: ["workload"],
    reads: [
        "object.metadata.annotations", "pod.metadata.annotations", "container.name",
        "container.env[*].valueFrom.secretKeyRef.name", "container.envFrom[*].secretRef.name",
        "container.volumeMounts[*].name", "container.volumeMounts[*].subPath", "container.volumeMounts[*].subPathExpr",
        "pod.spec.volumes[*].name", "pod.spec.volumes[*].secret.secretName",
    ],
    inventory: {
        // One that names no target makes the Secret of its own name.
        called_alike: {
            kinds: ["external-secrets.io/ExternalSecret"],
            scope: "namespace",
            relation: named {
                name: [
                    "container.env[*].valueFrom.secretKeyRef.name", "container.envFrom[*].secretRef.name",
                    "pod.spec.volumes[*].secret.secretName",
                ],
            },
            reads: ["spec.refreshInterval", "spec.refreshPolicy", "spec.target.name", "spec.target.immutable"],
        },
        making_variables: {
            kinds: ["external-secrets.io/ExternalSecret"],
            scope: "namespace",
            relation: same { there: "spec.target.name", here: "main_container.env[*].valueFrom.secretKeyRef.name" },
            reads: ["spec.refreshInterval", "spec.refreshPolicy", "spec.target.name", "spec.target.immutable"],
        },
        making_environments: {
            kinds: ["external-secrets.io/ExternalSecret"],
            scope: "namespace",
            relation: same { there: "spec.target.name", here: "main_container.envFrom[*].secretRef.name" },
            reads: ["spec.refreshInterval", "spec.refreshPolicy", "spec.target.name", "spec.target.immutable"],
        },
        making_volumes: {
            kinds: ["external-secrets.io/ExternalSecret"],
            scope: "namespace",
            relation: same { there: "spec.target.name", here: "pod.spec.volumes[*].secret.secretName" },
            reads: ["spec.refreshInterval", "spec.refreshPolicy", "spec.target.name", "spec.target.immutable"],
        },
    },
    parameters: {
        /// Whether Reloader restarts all workloads by itself.
        reloads_all: bool = false,
    },
}

const ASKED: [&str; 4] = ["called_alike", "making_variables", "making_environments", "making_volumes"];

fn check(input: &Input<'_, Parameters>, findings: &mut Findings) -> Check {
    let workload = input.workload();
    if input.parameters.reloads_all {
        return not_applicable("Reloader restarts all workloads (`reloads_all`)");
    }
    if workload.is_batch() || workload.kind() == "Pod" {
        return not_applicable("each of its pods starts anew");
    }
    if is_reloaded(&workload) {
        return Ok(());
    }
    let mut told: Vec<&str> = Vec::new();
    for (place, who) in taken(&workload) {
        let name = place.text();
        let mut makers = ASKED.into_iter().flat_map(|query| input.related(query));
        let Some(maker) = makers.find(|maker| target(maker) == name && is_renewed(maker)) else { continue };
        if told.contains(&name) {
            continue;
        }
        told.push(name);
        let message = format!("{who} takes the Secret `{name}`, and nothing restarts it when that changes");
        let interval = maker.document.at("spec.refreshInterval");
        findings.report(Code::NotReloaded, &place, message).label_in(&maker, &interval, "it is read again and again");
    }
    Ok(())
}

/// The Secret that an ExternalSecret makes.
fn target<'d>(maker: &Related<'d>) -> &'d str {
    match maker.document.at("spec.target.name").text() {
        "" => maker.name(),
        name => name,
    }
}

fn is_renewed(maker: &Related<'_>) -> bool {
    let spec = maker.document.get("spec");
    let interval = spec.get("refreshInterval").text();
    let never = !interval.is_empty() && parse_millis(interval).is_none_or(|millis| millis <= 0);
    !never && spec.get("refreshPolicy").text() != "CreatedOnce" && !spec.at("target.immutable").is_true()
}

/// Whether an annotation has something restart the pods.
fn is_reloaded(workload: &Workload<'_>) -> bool {
    let annotations = [workload.object.at("metadata.annotations"), workload.pod.at("metadata.annotations")];
    let restarts = |key: &str| {
        key.starts_with("checksum/")
            || key.ends_with("reloader.stakater.com/auto")
            || key.ends_with("reloader.stakater.com/reload")
            || key == "reloader.stakater.com/search"
    };
    annotations.iter().any(|map| map.entries().any(|(key, _)| restarts(key)))
}

/// Where a workload takes Secrets that its processes see only when they start.
fn taken<'d>(workload: &Workload<'d>) -> Vec<(View<'d>, String)> {
    let spec = workload.spec();
    let volumes: Vec<View<'d>> = spec.get("volumes").items().collect();
    let mut taken = Vec::new();
    for container in workload.containers().filter(|container| matches!(container.class, Class::Main | Class::Sidecar)) {
        let variables = container.get("env").items().map(|one| one.at("valueFrom.secretKeyRef.name"));
        let environments = container.get("envFrom").items().map(|one| one.at("secretRef.name"));
        let fixed = |mount: &View<'d>| ["subPath", "subPathExpr"].iter().any(|key| !mount.get(key).text().is_empty());
        let mounts = container.get("volumeMounts").items().filter(fixed).filter_map(|mount| {
            let volume = volumes.iter().find(|volume| volume.get("name").text() == mount.get("name").text())?;
            Some(volume.at("secret.secretName"))
        });
        let all = variables.chain(environments).chain(mounts).filter(|view| !view.text().is_empty());
        taken.extend(all.map(|view| (view, container.described())));
    }
    taken
}
