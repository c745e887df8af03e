use policy_sdk::prelude::*;

policy_sdk::rule! {
    /// What a Canary of Flagger names exists, and what Flagger makes does not
    ///
    /// `targetRef`, `autoscalerRef` and `ingressRef` of a Canary name objects of its namespace, and its metrics and
    /// alerts name MetricTemplates and AlertProviders. Flagger itself makes the Services of the Canary
    /// (`service.name`, or the name of the target), and a Deployment and Services with the ending `-primary` and a
    /// Service with `-canary`; nobody else writes them. An autoscaler of the target is the one that `autoscalerRef`
    /// names.
    ///
    /// What `targetRef`, `autoscalerRef` and `ingressRef` name is reported as missing only where the documents hold
    /// workloads of the namespace, and nothing of another namespace is.
    ///
    /// ## Why
    /// A Canary without its target stays in the phase `Initializing` for ever. Two writers of one Service take turns:
    /// each time the files are applied, requests go past the canary. An autoscaler that Flagger does not know scales
    /// the Deployment that Flagger has scaled to zero.
    ///
    /// ## Fix
    /// Name what exists, and leave the Services to Flagger:
    ///
    /// ```yaml
    /// spec:
    ///   targetRef:
    ///     apiVersion: apps/v1
    ///     kind: Deployment
    ///     name: podinfo
    ///   autoscalerRef:
    ///     apiVersion: autoscaling/v2
    ///     kind: HorizontalPodAutoscaler
    ///     name: podinfo
    ///   service:
    ///     port: 9898
    /// ```
    findings: {
        /// No workload has the name of the target
        NoTarget: High, Likely, absence: ["target"];
        /// No autoscaler has that name
        NoAutoscaler: High, Likely, absence: ["autoscaler"];
        /// No Ingress has that name
        NoIngress: High, Likely, absence: ["ingress"];
        /// No MetricTemplate or AlertProvider has that name
        NoTemplate: High, Likely, absence: ["templates", "providers"];
        /// A file writes a Service that Flagger makes
        Service: Medium, Likely;
        /// A file writes a workload or Service that Flagger makes for its own pods
        Generated: High, Likely;
        /// An autoscaler scales the target without Flagger
        Unnamed: Medium, Likely;
    },
    priority: P1,
    effort: Small,
    factor: BuildReleaseRun,
    since: "0.1.0",
    applies_to: ["flagger.app/Canary"],
    reads: [
        "spec.targetRef", "spec.autoscalerRef", "spec.ingressRef", "spec.service.name", "spec.provider",
        "spec.analysis.metrics[*].templateRef", "spec.analysis.alerts[*].providerRef", "metadata.ownerReferences",
    ],
    inventory: {
        target: {
            kinds: ["workload", "core/Service"],
            scope: "namespace",
            relation: named {
                kind: "spec.targetRef.kind",
                group: "spec.targetRef.apiVersion",
                name: "spec.targetRef.name",
            },
            reads: ["metadata.name"],
        },
        autoscaler: {
            kinds: ["autoscaling/HorizontalPodAutoscaler", "keda.sh/ScaledObject"],
            scope: "namespace",
            relation: named {
                kind: "spec.autoscalerRef.kind",
                group: "spec.autoscalerRef.apiVersion",
                name: "spec.autoscalerRef.name",
            },
            reads: ["metadata.name"],
        },
        ingress: {
            kinds: ["networking.k8s.io/Ingress", "extensions/Ingress"],
            scope: "namespace",
            relation: named { kind: "=Ingress", name: "spec.ingressRef.name" },
            reads: ["metadata.name"],
        },
        templates: {
            kinds: ["flagger.app/MetricTemplate"],
            scope: "namespace",
            relation: named { kind: "=MetricTemplate", name: "spec.analysis.metrics[*].templateRef.name" },
            reads: ["metadata.name"],
        },
        providers: {
            kinds: ["flagger.app/AlertProvider"],
            scope: "namespace",
            relation: named { kind: "=AlertProvider", name: "spec.analysis.alerts[*].providerRef.name" },
            reads: ["metadata.name"],
        },
        // No relation fits: their names are made of that of the target and an ending.
        services: { kinds: ["core/Service"], scope: "namespace", reads: ["metadata.name", "metadata.ownerReferences"] },
        workloads: {
            kinds: ["workload"],
            scope: "namespace",
            reads: ["object.metadata.name", "object.metadata.ownerReferences"],
        },
        scalers: {
            kinds: ["autoscaling/HorizontalPodAutoscaler", "keda.sh/ScaledObject"],
            scope: "namespace",
            relation: same {
                there: ["spec.scaleTargetRef.kind=Deployment", "spec.scaleTargetRef.name"],
                here: ["spec.targetRef.kind", "spec.targetRef.name"],
            },
            reads: ["spec.scaleTargetRef.name"],
        },
    },
}

fn check(input: &Input<'_, Parameters>, findings: &mut Findings) -> Check {
    let spec = input.document.get("spec");
    let (target, autoscaler, ingress) = (spec.get("targetRef"), spec.get("autoscalerRef"), spec.get("ingressRef"));
    let (kind, name) = (target.get("kind").text(), target.get("name"));
    if name.text().is_empty() {
        return not_evaluated("`targetRef` names nothing that can be read");
    }
    let is_own = matches!(kind, "Deployment" | "DaemonSet" | "Service");
    // Where there is no workload at all, what is rolled out is kept elsewhere.
    let is_here = input.related("workloads").next().is_some();
    if is_own && is_here && input.related("target").next().is_none() {
        let message = format!("there is no {kind} `{}` in its namespace, so the Canary never begins", name.text());
        findings.report(Code::NoTarget, &name, message);
    }
    for (reference, query, code) in
        [(&autoscaler, "autoscaler", Code::NoAutoscaler), (&ingress, "ingress", Code::NoIngress)]
    {
        let name = reference.get("name");
        if is_here && !name.text().is_empty() && input.related(query).next().is_none() {
            let kind = reference.get("kind").as_str().unwrap_or("Ingress");
            let message = format!("there is no {kind} `{}` in its namespace, so the Canary never begins", name.text());
            findings.report(code, &name, message);
        }
    }
    check_templates(input, findings);
    check_generated(input, &name, findings);
    if autoscaler.get("name").text().is_empty() {
        for scaler in input.related("scalers") {
            let message = format!(
                "{} `{}` scales the target, but `autoscalerRef` does not name it: it scales what Flagger sets to zero",
                scaler.kind(),
                scaler.name()
            );
            let place = scaler.document.at("spec.scaleTargetRef.name");
            findings.report(Code::Unnamed, &autoscaler, message).label_in(&scaler, &place, "it scales the target");
        }
    }
    Ok(())
}

fn check_templates(input: &Input<'_, Parameters>, findings: &mut Findings) {
    let references = [
        ("spec.analysis.metrics[*].templateRef", "MetricTemplate", "templates"),
        ("spec.analysis.alerts[*].providerRef", "AlertProvider", "providers"),
    ];
    for (path, kind, query) in references {
        for reference in input.document.select(path) {
            let namespace = reference.get("namespace").as_str().unwrap_or(&input.subject.namespace);
            let name = reference.get("name");
            // Those of other namespaces are kept by others.
            let is_here = namespace == input.subject.namespace;
            if is_here && !input.related(query).any(|it| it.name() == name.text()) {
                let message =
                    format!("there is no {kind} `{}` in its namespace, so the Canary never begins", name.text());
                findings.report(Code::NoTemplate, &name, message);
            }
        }
    }
}

/// What Flagger makes is owned by the Canary in a cluster; in files it should not be.
fn check_generated(input: &Input<'_, Parameters>, target: &View<'_>, findings: &mut Findings) {
    let service_name = input.document.at("spec.service.name");
    let apex = if service_name.text().is_empty() { target.text() } else { service_name.text() };
    let ends = |name: &str, base: &str| matches!(name.strip_prefix(base), Some("-primary" | "-canary"));
    // With Kubernetes' own provider a Service may itself be the target.
    let is_target_service = input.document.at("spec.targetRef.kind").text() == "Service";
    for service in input.related("services").filter(|it| it.document.at("metadata.ownerReferences").is_empty()) {
        let (name, place) = (service.name(), service.document.at("metadata.name"));
        if ends(name, apex) {
            let message = format!("Flagger makes Service `{name}`, and a file writes it too");
            findings.report(Code::Generated, target, message).label_in(&service, &place, "the Service");
        } else if name == apex && !is_target_service {
            let message =
                format!("Flagger makes Service `{name}`, and a file writes it too: each takes it from the other");
            findings.report(Code::Service, target, message).label_in(&service, &place, "the Service");
        }
    }
    let primary = [target.text(), "-primary"].concat();
    let is_written =
        |it: &Related<'_>| it.name() == primary && it.document.at("object.metadata.ownerReferences").is_empty();
    if let Some(workload) = input.related("workloads").find(is_written) {
        let message = format!("Flagger makes {} `{primary}`, and a file writes it too", workload.kind());
        let place = workload.document.at("object.metadata.name");
        findings.report(Code::Generated, target, message).label_in(&workload, &place, "the workload");
    }
}
