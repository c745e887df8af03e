//! What scrapes metrics: ServiceMonitors, PodMonitors and what others have for them.

use crate::input::{Input, Related};
use crate::json::View;
use crate::settings::{Monitoring, Scraper};
use crate::uses::{self, Uses};

crate::usable! {
    /// The monitors that scrape the subject's pods, themselves or through the Services that select them.
    pub Monitors {
        reads: ["pod.metadata.labels"],
        inventory: {
            scraped_services: {
                kinds: ["core/Service"],
                scope: "namespace",
                relation: selects { there: "spec.selector", here: "pod.metadata.labels" },
                reads: ["spec.ports", "metadata.labels", "metadata.annotations"],
            },
            service_monitors: {
                kinds: ["monitoring.coreos.com/ServiceMonitor", "operator.victoriametrics.com/VMServiceScrape"],
                scope: "cluster",
                via: "scraped_services",
                relation: selects {
                    there: "spec.selector",
                    here: "metadata.labels",
                    namespaces: "spec.namespaceSelector",
                },
                reads: ["spec.endpoints"],
            },
            pod_monitors: {
                kinds: [
                    "monitoring.coreos.com/PodMonitor", "monitoring.googleapis.com/PodMonitoring",
                    "operator.victoriametrics.com/VMPodScrape",
                ],
                scope: "cluster",
                relation: selects {
                    there: "spec.selector",
                    here: "pod.metadata.labels",
                    namespaces: "spec.namespaceSelector",
                },
                reads: ["spec.endpoints", "spec.podMetricsEndpoints"],
            },
        },
    }
    /// Whether the cluster has an operator for monitors: `monitoring` says so, or some monitor is among the documents.
    /// No relation fits: a monitor of whatever selects, in any namespace, tells it. So nothing of them is read, and
    /// the answer costs their number alone.
    pub MonitoringOperator {
        inventory: {
            any_monitor: {
                kinds: [
                    "monitoring.coreos.com/ServiceMonitor", "monitoring.coreos.com/PodMonitor",
                    "monitoring.googleapis.com/PodMonitoring", "operator.victoriametrics.com/VMServiceScrape",
                    "operator.victoriametrics.com/VMPodScrape",
                ],
                scope: "cluster",
                reads: [],
            },
        },
        setting: Monitoring,
    }
    /// The subject itself, a ServiceMonitor or PodMonitor.
    pub OwnMonitor {
        reads: ["spec.selector", "spec.namespaceSelector", "spec.endpoints", "spec.podMetricsEndpoints"],
    }
    /// The Services that the subject, a ServiceMonitor, selects.
    pub MonitoredServices {
        reads: ["spec.selector", "spec.namespaceSelector"],
        inventory: {
            monitored_services: {
                kinds: ["core/Service"],
                scope: "cluster",
                relation: selected {
                    there: "metadata.labels",
                    here: "spec.selector",
                    namespaces: "spec.namespaceSelector",
                },
                reads: ["spec.ports[*].name", "spec.ports[*].port", "spec.ports[*].targetPort"],
            },
            monitored_backends: {
                kinds: ["workload"],
                scope: "namespace",
                via: "monitored_services",
                relation: selected { there: "pod.metadata.labels", here: "spec.selector" },
                reads: ["container.ports[*].name", "container.ports[*].containerPort"],
            },
        },
    }
    /// The workloads whose pods the subject, a PodMonitor, selects.
    pub MonitoredPods {
        reads: ["spec.selector", "spec.namespaceSelector"],
        inventory: {
            monitored_pods: {
                kinds: ["workload"],
                scope: "cluster",
                relation: selected {
                    there: "pod.metadata.labels",
                    here: "spec.selector",
                    namespaces: "spec.namespaceSelector",
                },
                reads: ["container.ports[*].name", "container.ports[*].containerPort"],
            },
        },
    }
}

/// The Services that select the subject's pods, with their labels and annotations.
pub fn services<'d, P: Uses<Monitors>>(input: &Input<'d, P>) -> impl Iterator<Item = Related<'d>> + use<'d, P> {
    input.related("scraped_services")
}

/// The monitors that scrape the subject's pods.
pub fn monitors<'d, P: Uses<Monitors>>(input: &Input<'d, P>) -> impl Iterator<Item = Related<'d>> + use<'d, P> {
    input.related("service_monitors").chain(input.related("pod_monitors"))
}

/// Whether the cluster is known to have an operator for monitors.
pub fn has_operator<P: Uses<MonitoringOperator>>(input: &Input<'_, P>) -> bool {
    uses::read::<Monitoring, P>(input) == Scraper::PrometheusOperator || input.related("any_monitor").next().is_some()
}

/// The endpoints of the subject, a ServiceMonitor or PodMonitor.
pub fn endpoints<'d, P: Uses<OwnMonitor>>(input: &Input<'d, P>) -> impl Iterator<Item = View<'d>> + use<'d, P> {
    endpoints_of(&input.document)
}

/// The endpoints of a ServiceMonitor, a PodMonitor or one of the like.
pub fn endpoints_of<'d>(monitor: &View<'d>) -> impl Iterator<Item = View<'d>> + use<'d> {
    let spec = monitor.get("spec");
    ["endpoints", "podMetricsEndpoints"].into_iter().flat_map(move |list| spec.get(list).items())
}

/// The Services that the subject, a ServiceMonitor, selects.
pub fn monitored<'d, P: Uses<MonitoredServices>>(
    input: &Input<'d, P>,
) -> impl Iterator<Item = Related<'d>> + use<'d, P> {
    input.related("monitored_services")
}

/// The workloads behind the Services that the subject, a ServiceMonitor, selects.
pub fn backends<'d, P: Uses<MonitoredServices>>(
    input: &Input<'d, P>,
) -> impl Iterator<Item = Related<'d>> + use<'d, P> {
    input.related("monitored_backends")
}

/// The workloads whose pods the subject, a PodMonitor, selects.
pub fn monitored_pods<'d, P: Uses<MonitoredPods>>(
    input: &Input<'d, P>,
) -> impl Iterator<Item = Related<'d>> + use<'d, P> {
    input.related("monitored_pods")
}

/// Which namespaces the subject, a ServiceMonitor or PodMonitor, looks into.
pub enum Scope<'d> {
    /// Its own.
    Own,
    /// All.
    All,
    /// These.
    Named(Vec<&'d str>),
}

/// Which namespaces the subject, a ServiceMonitor or PodMonitor, looks into.
pub fn scope<'d, P: Uses<OwnMonitor>>(input: &Input<'d, P>) -> Scope<'d> {
    let selector = input.document.at("spec.namespaceSelector");
    let names: Vec<&str> = selector.get("matchNames").items().map(|name| name.text()).collect();
    match names {
        _ if selector.get("any").is_true() => Scope::All,
        names if names.is_empty() => Scope::Own,
        names => Scope::Named(names),
    }
}

/// Whether a port's name says that it is for metrics.
pub fn is_of_metrics(port: &str) -> bool {
    port.split('-').any(|word| matches!(word, "metrics" | "prometheus" | "prom"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::look;
    use crate::uses::Usable;

    #[test]
    fn monitors_of_services_and_of_pods_count() {
        let some = r#"[{"subject":{"kind":"PodMonitor","name":"cart"},"document":{}}]"#;
        for (answers, count) in [(["[]", "[]", "[]"], 0), (["[]", some, "[]"], 1), (["[]", some, some], 2)] {
            look("shop", "{}", Monitors::QUERIES, &answers, |input| assert_eq!(monitors(input).count(), count));
        }
        assert!(look("shop", "{}", MonitoringOperator::QUERIES, &[some], has_operator));
        assert!(!look("shop", "{}", MonitoringOperator::QUERIES, &["[]"], has_operator));
    }

    #[test]
    fn endpoints_of_both_kinds_are_told() {
        let document = r#"{"spec":{"endpoints":[{"port":"a"}],"podMetricsEndpoints":[{"port":"b"}]}}"#;
        look("shop", document, &[], &[], |input| {
            let ports: Vec<String> = endpoints(input).map(|endpoint| endpoint.get("port").pointer()).collect();
            assert_eq!(ports, ["/spec/endpoints/0/port", "/spec/podMetricsEndpoints/0/port"]);
        });
    }

    #[test]
    fn a_monitor_looks_into_its_own_namespace_unless_it_says_otherwise() {
        let scope_of = |selector: &str| {
            let document = format!(r#"{{"spec":{{"namespaceSelector":{selector}}}}}"#);
            look("shop", &document, &[], &[], |input| match scope(input) {
                Scope::Own => "own".to_owned(),
                Scope::All => "all".to_owned(),
                Scope::Named(names) => names.join(","),
            })
        };
        let selectors = ["{}", r#"{"any":true}"#, r#"{"matchNames":["a","b"]}"#, r#"{"any":false,"matchNames":[]}"#];
        assert_eq!(selectors.map(scope_of), ["own", "all", "a,b", "own"]);
    }

    #[test]
    fn ports_for_metrics_say_so() {
        assert!(is_of_metrics("http-metrics") && is_of_metrics("prom") && !is_of_metrics("promotions"));
    }
}
