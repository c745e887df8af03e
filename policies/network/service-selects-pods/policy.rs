use policy_sdk::kubernetes::file::{self, OwnFile};
use policy_sdk::kubernetes::operated::{self, LATE_LABELS, OperatedPods};
use policy_sdk::kubernetes::service::{self, AnyWorkload, Exposures, NearServed, OwnService, ServedWorkloads};
use policy_sdk::prelude::*;

policy_sdk::rule! {
    /// Services select the pods of a workload
    ///
    /// `spec.selector` matches the pod labels of at least one workload in the namespace. Labels that only controllers
    /// or programs set on pods (`statefulset.kubernetes.io/pod-name`, `role`, `spilo-role`, …, and `late_labels`) are
    /// taken for right. A Service without a selector gets its endpoints from somebody else, and one of the type
    /// ExternalName has none: neither is checked.
    ///
    /// The rule is not evaluated where no workload of the namespace is among the documents, and where an operator makes
    /// pods in it that are in no document (Prometheus, Elasticsearch, a Postgres cluster, …). Files of tests, examples
    /// and documentation stand each for itself and are not checked.
    ///
    /// ## Why
    /// A Service that selects nothing is accepted and has no endpoint. Every connection to it fails, and so does every
    /// Ingress and route that leads to it, while all pods are ready.
    ///
    /// ## Fix
    /// Copy the labels from the workload's pod template, not from the workload itself:
    ///
    /// ```yaml
    /// # Deployment
    /// spec: {template: {metadata: {labels: {app: cart}}}}
    /// # Service
    /// spec: {selector: {app: cart}}
    /// ```
    findings: {
        /// The selector matches the pods of no workload
        Nothing: High, Likely, absence: ["served_workloads", "near_served"];
    },
    priority: P1,
    effort: Small,
    factor: PortBinding,
    peers: ["KL:dangling-service", "KS:service-targets-pod", "KC:C-0293"],
    since: "0.1.0",
    applies_to: ["core/Service"],
    uses: [OwnService, ServedWorkloads, NearServed, AnyWorkload, Exposures, OperatedPods, OwnFile],
    parameters: {
        /// Labels that programs set on pods while they run, beside those that are known.
        late_labels: Vec<String> = Vec::new(),
    },
}

/// The most Ingresses and routes that a finding shows.
const SHOWN: usize = 3;

fn check(input: &Input<'_, Parameters>, findings: &mut Findings) -> Check {
    let spec = input.document.get("spec");
    if !service::has_selector(input) || spec.get("type").text() == "ExternalName" {
        return not_applicable("it selects no pods");
    }
    if file::is_sample(input) {
        return not_applicable("it is a sample, which stands for itself");
    }
    let selector = spec.get("selector");
    let is_late = |key: &str| LATE_LABELS.contains(&key) || input.parameters.late_labels.iter().any(|late| late == key);
    let missed = |workload: &Related<'_>| {
        let labels = workload.workload().pod_labels();
        let is_missed = |(key, value): &(&str, View<'_>)| match labels.get(key).as_str() {
            None => !is_late(key),
            label => label != value.as_str(),
        };
        selector.entries().filter(is_missed).map(|(key, _)| key.to_owned()).collect::<Vec<_>>()
    };
    let near: Vec<Related<'_>> = service::near(input).collect();
    if service::workloads(input).next().is_some() || near.iter().any(|workload| missed(workload).is_empty()) {
        return Ok(());
    }
    if selector.entries().all(|(key, _)| is_late(key)) {
        return not_evaluated("its pods get all the labels that it selects by while they run");
    }
    if let Some(operated) = operated::operated(input) {
        let (kind, name) = (operated.kind(), operated.name());
        return not_evaluated(format!("an operator makes pods for {kind} `{name}`, and they are in no document"));
    }
    if service::any_workload(input).is_none() {
        return not_evaluated("no workload of the namespace is among the documents");
    }
    let nearest = near.iter().map(|workload| (missed(workload), workload)).min_by_key(|(missed, _)| missed.len());
    let exposures = service::exposures(input);
    let end = match exposures.first() {
        Some((by, _)) => format!(", so {} `{}` leads nowhere", by.kind(), by.name()),
        None => ", so it has no endpoint".to_owned(),
    };
    let message = match &nearest {
        Some((missed, workload)) => {
            let key = missed.first().map_or("", String::as_str);
            let labels = workload.workload().pod_labels();
            let has = match labels.get(key).as_str() {
                Some(value) => format!("have `{key}: {value}`"),
                None => format!("have no label `{key}`"),
            };
            let (kind, name, wanted) = (workload.kind(), workload.name(), selector.get(key).text());
            format!("no pods have its labels{end}; those of {kind} `{name}` {has}, not `{wanted}`")
        }
        None => format!("no pods have its labels{end}"),
    };
    let mut report = findings.report(Code::Nothing, &selector, message);
    for (by, place) in exposures.iter().take(SHOWN) {
        report = report.label_in(by, place, "it sends to this Service");
    }
    if let Some((missed, workload)) = &nearest {
        let label = workload.workload().pod_labels().get(missed.first().map_or("", String::as_str));
        report.label_in(workload, &label, "the label that differs");
    }
    Ok(())
}
