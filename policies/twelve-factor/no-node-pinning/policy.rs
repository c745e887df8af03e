use policy_sdk::kubernetes::claim::{self, ClaimTemplates, Claims};
use policy_sdk::kubernetes::written::{self, FromCluster, Owned};
use policy_sdk::prelude::*;

policy_sdk::rule! {
    /// Workloads are not tied to one node
    ///
    /// A pod template names no node: neither by `nodeName`, nor by a node selector or a required node affinity that only
    /// one `kubernetes.io/hostname` (or `metadata.name`) meets. `NotIn` only avoids a node and passes, as does a choice of
    /// several nodes. The rule skips DaemonSets, and what needs the node's own disk (a `hostPath` volume, a claim of a
    /// storage class for local disks), a Pod that the scheduler or a controller placed, and a static pod.
    ///
    /// ## Why
    /// When that node is drained or lost, its pods have nowhere to go: they stay pending until exactly this node is back.
    ///
    /// ## Fix
    /// Choose nodes by what they offer (`nodeSelector: {topology.kubernetes.io/zone: eu-central-1a}`, or a label of the
    /// node group), or leave the choice to the scheduler.
    findings: {
        /// `nodeName` names a node: the scheduler is not asked, and does not look whether there is room
        NodeName: Low, Certain;
        /// A selector or an affinity that one node alone meets
        Hostname: Low, Certain;
    },
    priority: P2,
    effort: Small,
    factor: Processes,
    peers: ["KY:restrict-node-selection"],
    since: "0.1.0",
    applies_to: ["workload"],
    uses: [Claims, ClaimTemplates, FromCluster, Owned],
    reads: [
        "file",
        "object.metadata.annotations[\"kubernetes.io/config.mirror\"]",
        "object.status.phase",
        "pod.spec.nodeName",
        "pod.spec.nodeSelector",
        "pod.spec.affinity.nodeAffinity.requiredDuringSchedulingIgnoredDuringExecution",
        "pod.spec.volumes[*].hostPath.path",
    ],
}

fn check(input: &Input<'_, Parameters>, findings: &mut Findings) -> Check {
    let workload = input.workload();
    let spec = workload.spec();
    if workload.kind() == "DaemonSet" {
        return not_applicable("a DaemonSet runs on each node that it selects");
    }
    if let Some(who) = placed_by(input) {
        return not_applicable(who);
    }
    let Some((code, place, message)) = pinned(&spec) else { return Ok(()) };
    if spec.get("volumes").items().any(|volume| volume.get("hostPath").exists()) {
        return not_applicable("its `hostPath` volume is on one node");
    }
    let mut claims = claim::claims(input).map(|claim| claim.document.get("spec"));
    let mut templates = claim::templates(input).map(|template| template.get("spec"));
    if claims.any(|spec| claim::is_local(&spec)) || templates.any(|spec| claim::is_local(&spec)) {
        return not_applicable("its claim is for a disk of one node");
    }
    let is_unknown = |name: &View<'_>| !claim::claims(input).any(|claim| claim.name() == name.text());
    if let Some(name) = claim::names(input).find(is_unknown) {
        let name = name.text();
        return not_evaluated(format!(
            "the claim `{name}` is not among the documents, and may be for a disk of one node"
        ));
    }
    findings.report(code, &place, message);
    Ok(())
}

/// Who put a Pod on its node, where that was not whoever wrote it.
fn placed_by(input: &Input<'_, Parameters>) -> Option<&'static str> {
    let object = input.workload().object;
    let metadata = object.get("metadata");
    if metadata.get("annotations").get("kubernetes.io/config.mirror").exists() {
        Some("it shows a static pod of a node")
    } else if input.document.get("file").text().contains("kubernetes/manifests/") {
        Some("it is a static pod of a node")
    } else if input.subject.kind != "Pod" {
        None
    } else if object.at("status.phase").exists()
        || written::is_from_cluster(input)
        || input.subject.operation == "UPDATE"
    {
        Some("the scheduler has placed it")
    } else if written::owner(input).is_some() {
        Some("a controller has made it")
    } else {
        None
    }
}

const HOSTNAME: &str = "kubernetes.io/hostname";

/// Where the pod is tied to one node.
fn pinned<'d>(spec: &View<'d>) -> Option<(Code, View<'d>, String)> {
    let name = spec.get("nodeName");
    if !name.text().is_empty() {
        let message = format!("`nodeName` ties its pods to the node `{}`, without asking the scheduler", name.text());
        return Some((Code::NodeName, name, message));
    }
    let selected = spec.get("nodeSelector").get(HOSTNAME);
    if selected.exists() {
        let message = format!("the node selector ties its pods to the node `{}`", selected.text());
        return Some((Code::Hostname, selected, message));
    }
    let required = spec.at("affinity.nodeAffinity.requiredDuringSchedulingIgnoredDuringExecution");
    // One term is enough, so a second node anywhere is a choice.
    let terms: Vec<_> = required.get("nodeSelectorTerms").items().map(|term| only_node(&term)).collect();
    let first = terms.first()?.clone()?;
    let is_same = |node: &Option<View<'d>>| node.as_ref().is_some_and(|node| node.text() == first.text());
    if !terms.iter().all(is_same) {
        return None;
    }
    let message = format!("its required node affinity ties its pods to the node `{}`", first.text());
    Some((Code::Hostname, first, message))
}

/// The one node that a term of an affinity allows, by an expression of it.
fn only_node<'d>(term: &View<'d>) -> Option<View<'d>> {
    let labels = term.get("matchExpressions").items().filter(|it| it.get("key").text() == HOSTNAME);
    let fields = term.get("matchFields").items().filter(|it| it.get("key").text() == "metadata.name");
    let mut pins = labels.chain(fields).filter(|it| it.get("operator").text() == "In" && it.get("values").len() == 1);
    pins.next().map(|pin| pin.get("values").item(0))
}
