use policy_sdk::kubernetes::operated::LATE_LABELS;
use policy_sdk::kubernetes::written::{self, Owned};
use policy_sdk::prelude::*;

policy_sdk::rule! {
    /// A StatefulSet's Service gives its pods their names
    ///
    /// The Service that `spec.serviceName` names is headless (`clusterIP: None`) and selects the StatefulSet's pods;
    /// labels that controllers add are taken to match. Without `serviceName` the pods have no names of their own, which
    /// is allowed. A Service that is not among the documents is reported where all of them are known: as likely where
    /// the pods' own environment or arguments use such a name (`orders-0.orders`), else as a guess, since many
    /// StatefulSets never use these names. StatefulSets that an operator writes are not checked.
    ///
    /// ## Why
    /// Only a headless Service that selects the pods gives each of them a name in DNS. Without it members of a database
    /// do not find each other, or reach whichever member a load balancer chooses.
    ///
    /// ## Fix
    /// Add a headless Service with the pods' labels:
    ///
    /// ```yaml
    /// apiVersion: v1
    /// kind: Service
    /// metadata: {name: orders}
    /// spec:
    ///   clusterIP: None
    ///   selector: {app: orders}
    ///   ports: [{name: sql, port: 5432}]
    /// ```
    findings: {
        /// The pods use names that no Service gives them
        MissingNames: Medium, Likely, absence: ["governing"];
        /// There is no Service of that name
        Missing: Low, Guess, absence: ["governing"];
        /// The Service is not headless
        NotHeadless: Low, Likely;
        /// The Service selects other pods
        SelectsOthers: Low, Likely;
    },
    priority: P2,
    effort: Small,
    factor: PortBinding,
    peers: ["KS:statefulset-has-servicename"],
    since: "0.1.0",
    applies_to: ["workload/StatefulSet"],
    uses: [Owned],
    reads: [
        "object.spec.serviceName", "pod.metadata.labels", "container.command", "container.args",
        "container.env[*].value",
    ],
    inventory: {
        governing: {
            kinds: ["core/Service"],
            scope: "namespace",
            relation: named { kind: "=Service", name: "object.spec.serviceName" },
            reads: ["spec.clusterIP", "spec.type", "spec.selector"],
        },
    },
}

fn check(input: &Input<'_, Parameters>, findings: &mut Findings) -> Check {
    let workload = input.workload();
    let place = workload.object.at("spec.serviceName");
    let name = place.text();
    if name.is_empty() {
        return not_applicable("it names no Service");
    }
    if let Some(owner) = written::owner(input) {
        return not_applicable(format!("a {} writes it", owner.text()));
    }
    let Some(service) = input.related("governing").next() else {
        let (code, but) = match using(&workload, name) {
            Some(text) => (Code::MissingNames, format!(", and its pods use the names that it would give: `{text}`")),
            None => (Code::Missing, ", so its pods have no names in DNS".to_owned()),
        };
        findings.report(code, &place, format!("there is no Service `{name}`{but}"));
        return Ok(());
    };
    let spec = service.document.get("spec");
    let (address, selector) = (spec.get("clusterIP"), spec.get("selector"));
    if address.text() != "None" {
        let message = format!("Service `{name}` is not headless, so the pods have no names in DNS");
        let report = findings.report(Code::NotHeadless, &place, message);
        report.label_in(&service, &address, "it is not `None`");
        return Ok(());
    }
    let labels = workload.pod_labels();
    let selects = |(key, value): (&str, View<'_>)| match labels.get(key).as_str() {
        None => LATE_LABELS.contains(&key),
        label => label == value.as_str(),
    };
    if selector.is_empty() || !selector.entries().all(selects) {
        let message = format!("Service `{name}` does not select its pods, so they have no names in DNS");
        findings.report(Code::SelectsOthers, &place, message).label_in(&service, &selector, "what it selects");
    }
    Ok(())
}

/// A text of the pods' environment or arguments in which one of them is called by its name: `orders-0.orders`,
/// `$(POD_NAME).orders.shop.svc`.
fn using<'d>(workload: &Workload<'d>, service: &str) -> Option<&'d str> {
    let texts = |container: Container<'d>| {
        let words = ["command", "args"].map(|list| container.get(list).items());
        words
            .into_iter()
            .flatten()
            .chain(container.get("env").items().map(|variable| variable.get("value")))
            .collect::<Vec<_>>()
    };
    let suffix = [".", service].concat();
    let is_name = |text: &str| {
        text.match_indices(&suffix).any(|(at, _)| {
            let before = text[..at].chars().next_back();
            let after = text[at + suffix.len()..].chars().next();
            before.is_some_and(|it| it.is_ascii_alphanumeric() || matches!(it, ')' | '}'))
                && !after.is_some_and(|it| it.is_ascii_alphanumeric() || matches!(it, '-' | '_'))
        })
    };
    let text = workload.containers().flat_map(texts).map(|view| view.text()).find(|text| is_name(text))?;
    text.split_ascii_whitespace().find(|word| is_name(word))
}
