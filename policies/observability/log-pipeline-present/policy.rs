use policy_sdk::kubernetes::namespace::{self, ClusterNamespace};
use policy_sdk::prelude::*;
use policy_sdk::settings::{Expected, Logs};
use policy_sdk::values::image::base_name;

policy_sdk::rule! {
    /// Something collects the logs of all pods
    ///
    /// Where `logs` is `required`, the cluster has a DaemonSet with a log shipper (`shippers`), a chart of one, an object
    /// of a logging operator, or, in Terraform, a service that does it: GKE's own logging, a CloudWatch add-on of EKS,
    /// Container Insights of AKS. The finding stands at one Namespace for the whole cluster: `kube-system` of a live
    /// one, else the first by its name.
    ///
    /// ## Why
    /// The logs of a container are deleted with its pod. After a crash, an eviction or a node that is gone, nobody can
    /// read what happened.
    ///
    /// ## Fix
    /// Install a shipper on every node (Alloy, Fluent Bit, Vector) that sends to a store, for example Loki.
    findings: {
        /// Nothing collects logs
        Missing: Low, Guess, absence: ["node_agents", "log_releases", "log_objects"];
    },
    priority: P1,
    effort: Medium,
    factor: Logs,
    since: "0.1.0",
    applies_to: ["core/Namespace"],
    uses: [ClusterNamespace, Logs],
    inventory: {
        // Facts about the cluster, which no relation leads to.
        node_agents: { kinds: ["workload/DaemonSet"], scope: "cluster", reads: ["container.image"] },
        log_releases: {
            kinds: ["helm.toolkit.fluxcd.io/HelmRelease"],
            scope: "cluster",
            reads: ["spec.chart.spec.chart"],
        },
        log_objects: {
            kinds: [
                "logging.banzaicloud.io/Logging", "logging.banzaicloud.io/FluentbitAgent", "fluentbit.fluent.io/FluentBit",
                "fluentd.fluent.io/Fluentd", "logging.openshift.io/ClusterLogForwarder",
                "observability.openshift.io/ClusterLogForwarder", "operator.victoriametrics.com/VLAgent",
                "collectors.grafana.com/Alloy", "vector.dev/Vector", "observability.kaasops.io/Vector",
            ],
            scope: "cluster",
            reads: [],
        },
        managed: {
            kinds: ["file/TerraformModule"],
            scope: "cluster",
            reads: [
                "resource.google_container_cluster.*.address", "resource.aws_eks_addon.*.attributes.addon_name",
                "resource.azurerm_kubernetes_cluster.*.blocks[*].type",
            ],
        },
    },
    parameters: {
        /// Names of images and charts that ship logs, of which one is enough.
        shippers: Vec<String> = policy_sdk::parameter::list([
            "fluent-bit", "fluentd", "vector", "alloy", "promtail", "filebeat", "elastic-agent", "agent", "logstash",
            "opentelemetry-collector", "opentelemetry-collector-contrib", "opentelemetry-collector-k8s", "vlagent",
            "k8s-monitoring", "victoria-logs-collector", "datadog", "newrelic-logging", "logging-operator",
        ]),
    },
}

fn check(input: &Input<'_, Parameters>, findings: &mut Findings) -> Check {
    if input.setting::<Logs>() != Expected::Required {
        return not_applicable("`logs` is not `required`");
    }
    if namespace::cluster(input).is_none() {
        return not_applicable("another Namespace stands for the cluster");
    }
    let is_shipper = |name: &str| input.parameters.shippers.iter().any(|shipper| shipper == name);
    let by_agent = input
        .related("node_agents")
        .any(|agent| agent.workload().containers().any(|container| is_shipper(base_name(container.image()))));
    let by_chart = input.related("log_releases").any(|it| is_shipper(it.document.at("spec.chart.spec.chart").text()));
    if !by_agent && !by_chart && input.related("log_objects").next().is_none() && !is_managed(input) {
        findings.report(Code::Missing, &input.document.at("metadata.name"), "nothing collects the logs of pods");
    }
    Ok(())
}

/// Whether Terraform switches on a service of the cloud that collects logs.
fn is_managed(input: &Input<'_, Parameters>) -> bool {
    input.related("managed").any(|module| {
        let resources = module.document.get("resource");
        let addons = resources.get("aws_eks_addon");
        let mut addons = addons.entries().map(|(_, addon)| addon.at("attributes.addon_name"));
        let clusters = resources.get("azurerm_kubernetes_cluster");
        let mut blocks = clusters.entries().flat_map(|(_, cluster)| cluster.get("blocks").items());
        !resources.get("google_container_cluster").is_empty()
            || addons.any(|name| name.text() == "amazon-cloudwatch-observability")
            || blocks.any(|block| block.get("type").text() == "oms_agent")
    })
}
