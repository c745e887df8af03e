//! Objects that make other objects, which are in no file.

use crate::document::Subject;
use crate::manifest::Target;

/// What an object makes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Made {
    /// Whatever it is told to, by a source that is not read.
    Anything,
    /// Workloads of some kind.
    Workloads,
    /// Objects of a group and kind.
    Objects(&'static str, &'static str),
}

use Made::{Anything, Objects, Workloads};

const AUTOSCALER: Made = Objects("autoscaling", "HorizontalPodAutoscaler");
const SECRET: Made = Objects("", "Secret");

/// Kinds, by group, with what their controllers make: what their documentation says.
const MAKERS: &[(&str, &str, &[Made])] = &[
    // Delivery: a chart, a directory of a repository, a package.
    ("addons.cluster.x-k8s.io", "HelmChartProxy", &[Anything]),
    ("apps.kubeblocks.io", "Cluster", &[Workloads]),
    ("argoproj.io", "Application", &[Anything]),
    ("argoproj.io", "ApplicationSet", &[Anything]),
    ("core.oam.dev", "Application", &[Anything]),
    ("fleet.cattle.io", "Bundle", &[Anything]),
    ("fleet.cattle.io", "GitRepo", &[Anything]),
    ("helm.cattle.io", "HelmChart", &[Anything]),
    ("helm.toolkit.fluxcd.io", "HelmRelease", &[Anything]),
    ("kappctrl.k14s.io", "App", &[Anything]),
    ("kustomize.toolkit.fluxcd.io", "Kustomization", &[Anything]),
    ("operators.coreos.com", "Subscription", &[Anything]),
    ("packaging.carvel.dev", "PackageInstall", &[Anything]),
    ("policies.kyverno.io", "GeneratingPolicy", &[Anything]),
    ("source.toolkit.fluxcd.io", "HelmChart", &[Anything]),
    // Objects of one kind.
    ("bitnami.com", "SealedSecret", &[SECRET]),
    ("cert-manager.io", "Certificate", &[SECRET]),
    ("external-secrets.io", "ClusterExternalSecret", &[SECRET]),
    ("external-secrets.io", "ExternalSecret", &[SECRET]),
    ("isindir.github.com", "SopsSecret", &[SECRET]),
    ("keda.sh", "ScaledObject", &[AUTOSCALER]),
    ("kubernetes-client.io", "ExternalSecret", &[SECRET]),
    ("onepassword.com", "OnePasswordItem", &[SECRET]),
    ("secrets-store.csi.x-k8s.io", "SecretProviderClass", &[SECRET]),
    ("secrets.hashicorp.com", "VaultDynamicSecret", &[SECRET]),
    ("secrets.hashicorp.com", "VaultPKISecret", &[SECRET]),
    ("secrets.hashicorp.com", "VaultStaticSecret", &[SECRET]),
    ("trust.cert-manager.io", "Bundle", &[Objects("", "ConfigMap"), SECRET]),
    // Workloads.
    ("acid.zalan.do", "postgresql", &[Workloads]),
    ("elasticsearch.k8s.elastic.co", "Elasticsearch", &[Workloads]),
    ("k8s.mariadb.com", "MariaDB", &[Workloads]),
    ("kafka.strimzi.io", "Kafka", &[Workloads]),
    ("kafka.strimzi.io", "KafkaConnect", &[Workloads]),
    ("kibana.k8s.elastic.co", "Kibana", &[Workloads]),
    ("monitoring.coreos.com", "Alertmanager", &[Workloads]),
    ("monitoring.coreos.com", "Prometheus", &[Workloads]),
    ("monitoring.coreos.com", "PrometheusAgent", &[Workloads]),
    ("monitoring.coreos.com", "ThanosRuler", &[Workloads]),
    ("opentelemetry.io", "OpenTelemetryCollector", &[Workloads]),
    ("postgresql.cnpg.io", "Cluster", &[Workloads]),
    ("rabbitmq.com", "RabbitmqCluster", &[Workloads]),
    ("serving.knative.dev", "Service", &[Workloads, Objects("", "Service")]),
];

impl Made {
    /// Whether what is made may be what a query asks for.
    pub(super) fn may_be(self, target: &Target) -> bool {
        match (self, target) {
            (Anything, _) | (Workloads, Target::Workload | Target::WorkloadKind(_)) => true,
            (Objects(group, kind), Target::Object { group: of, kind: wanted }) => group == of && kind == wanted,
            _ => false,
        }
    }
}

/// What an object makes.
pub(super) fn made_by(subject: &Subject) -> &'static [Made] {
    let known = MAKERS.iter().find(|(group, kind, _)| *group == subject.group && *kind == subject.kind);
    known.map_or(&[], |(.., made)| made)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn makers_make_what_is_asked_for() {
        let made = |group: &str, kind: &str, target: &str| {
            let subject = Subject { group: group.to_owned(), kind: kind.to_owned(), ..Subject::default() };
            let target: Target = target.parse().unwrap();
            made_by(&subject).iter().any(|made| made.may_be(&target))
        };
        assert!(made("helm.toolkit.fluxcd.io", "HelmRelease", "policy/PodDisruptionBudget"));
        assert!(made("external-secrets.io", "ExternalSecret", "core/Secret"));
        assert!(!made("external-secrets.io", "ExternalSecret", "core/ConfigMap"));
        assert!(made("monitoring.coreos.com", "Prometheus", "workload"));
        assert!(!made("monitoring.coreos.com", "ServiceMonitor", "workload"));
        assert!(!made("", "Secret", "core/Secret"));
    }
}
