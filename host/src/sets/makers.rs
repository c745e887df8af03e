//! Objects that make other objects, which are in no file.

use super::fields::is_cluster_scoped;
use crate::document::{Document, Node, Subject};
use crate::manifest::{Scope, Target};
use serde::{Deserialize, Serialize};
use std::borrow::Cow;

/// What an object makes.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum Made {
    /// Whatever it is told to, by a source that is not read.
    Anything,
    /// Workloads of a kind of Kubernetes' own.
    Workloads,
    /// Objects of a group and kind.
    Objects(Cow<'static, str>, Cow<'static, str>),
    /// The autoscaler of what it names, and no other.
    ItsAutoscaler,
}

use Made::{Anything, ItsAutoscaler, Objects, Workloads};

const SECRET: Made = objects("", "Secret");

const fn objects(group: &'static str, kind: &'static str) -> Made {
    Objects(Cow::Borrowed(group), Cow::Borrowed(kind))
}

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
    ("policies.kyverno.io", "NamespacedGeneratingPolicy", &[Anything]),
    ("source.toolkit.fluxcd.io", "HelmChart", &[Anything]),
    // Objects of one kind.
    ("bitnami.com", "SealedSecret", &[SECRET]),
    ("cert-manager.io", "Certificate", &[SECRET]),
    ("external-secrets.io", "ClusterExternalSecret", &[SECRET]),
    ("external-secrets.io", "ExternalSecret", &[SECRET]),
    ("isindir.github.com", "SopsSecret", &[SECRET]),
    ("keda.sh", "ScaledObject", &[ItsAutoscaler]),
    ("kubernetes-client.io", "ExternalSecret", &[SECRET]),
    ("onepassword.com", "OnePasswordItem", &[SECRET]),
    ("secrets-store.csi.x-k8s.io", "SecretProviderClass", &[SECRET]),
    ("secrets.hashicorp.com", "VaultDynamicSecret", &[SECRET]),
    ("secrets.hashicorp.com", "VaultPKISecret", &[SECRET]),
    ("secrets.hashicorp.com", "VaultStaticSecret", &[SECRET]),
    ("trust.cert-manager.io", "Bundle", &[objects("", "ConfigMap"), SECRET]),
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
    ("serving.knative.dev", "Service", &[Workloads, objects("", "Service")]),
];

/// Kinds of workloads of Kubernetes' own.
const WORKLOADS: [&str; 7] = ["CronJob", "DaemonSet", "Deployment", "Job", "Pod", "ReplicaSet", "StatefulSet"];

/// Kinds, by group, of no namespace: what they make may be in any. Kinds that make anything may do so anywhere, too.
const EVERYWHERE: [(&str, &str); 4] = [
    ("external-secrets.io", "ClusterExternalSecret"),
    ("kyverno.io", "ClusterPolicy"),
    ("kyverno.io", "Policy"),
    ("trust.cert-manager.io", "Bundle"),
];

/// What a rule asks for: kinds, how far each is looked for, and who asks.
#[derive(Debug, Clone)]
pub struct Asked<'a> {
    /// What each query asks for.
    pub kinds: Vec<(&'a Target, Scope)>,
    /// The object that the rule checks, as it is written.
    pub by: &'a Subject,
}

impl Asked<'_> {
    /// Whether a rule reads the ScaledObjects themselves, and so knows what they scale.
    fn reads_scaled_objects(&self) -> bool {
        let is_one = |target: &Target| matches!(target, Target::Object { group, kind } if group == "keda.sh" && kind == "ScaledObject");
        self.kinds.iter().any(|(target, _)| is_one(target))
    }
}

impl Made {
    /// How far what is made may be what a rule asks for: `None` where it is not.
    pub(super) fn may_be(&self, asked: &Asked<'_>) -> Option<Scope> {
        if *self == ItsAutoscaler && asked.reads_scaled_objects() {
            return None;
        }
        let wanted = asked.kinds.iter().filter(|(target, _)| self.is_of(target)).map(|(_, scope)| *scope);
        let is_wide = |scope: Scope| scope == Scope::Cluster || is_cluster_scoped(asked.by);
        wanted.map(|scope| if is_wide(scope) { Scope::Cluster } else { scope }).reduce(|one, other| match one {
            Scope::Cluster => one,
            Scope::Namespace => other,
        })
    }

    /// Whether what is made may be of a class of documents.
    fn is_of(&self, target: &Target) -> bool {
        match (self, target) {
            (Anything, _) | (Workloads, Target::Workload) => true,
            (Workloads, Target::WorkloadKind(kind)) => WORKLOADS.contains(&&**kind),
            (Workloads, Target::Object { group, kind }) => {
                matches!(&**group, "" | "apps" | "batch") && WORKLOADS.contains(&&**kind)
            }
            (Objects(group, kind), Target::Object { group: of, kind: wanted }) => group == of && kind == wanted,
            (Objects(_, kind), Target::WorkloadKind(wanted)) => kind == wanted,
            (Objects(_, kind), Target::Workload) => kind == "Rollout" || WORKLOADS.contains(&&**kind),
            (ItsAutoscaler, Target::Object { group, kind }) => {
                group == "autoscaling" && kind == "HorizontalPodAutoscaler"
            }
            _ => false,
        }
    }

    /// Whether an object that makes it does so in its own namespace only.
    pub(super) fn is_beside(&self, maker: &Subject) -> bool {
        *self != Anything && !EVERYWHERE.contains(&(maker.group.as_str(), maker.kind.as_str()))
    }
}

/// What an object makes by what it says: the `generate` rules of a policy of Kyverno.
pub fn made_by_content(document: &Document) -> Vec<Made> {
    let subject = &document.subject;
    if subject.group != "kyverno.io" || !matches!(subject.kind.as_str(), "ClusterPolicy" | "Policy") {
        return Vec::new();
    }
    let rules = document.root.path(&["spec", "rules"]).map_or(&[][..], Node::items);
    let mut made: Vec<Made> = Vec::new();
    for rule in rules.iter().filter_map(|rule| rule.get("generate")) {
        let each = rule.get("foreach").map_or(&[][..], Node::items);
        for target in [rule].into_iter().chain(each) {
            made.extend(generated(target));
        }
    }
    made.sort();
    made.dedup();
    made
}

/// What one target of a `generate` rule makes: an object of a kind, or copies of those of some kinds.
fn generated(target: &Node) -> Vec<Made> {
    let text = |key: &str| target.get(key).and_then(Node::as_str);
    let of = |version: &str, kind: &str| match [version, kind].iter().any(|text| text.contains("{{")) {
        true => Anything,
        false => {
            let group = version.rsplit_once('/').map_or("", |(group, _)| group);
            Objects(group.to_owned().into(), kind.to_owned().into())
        }
    };
    let own = text("kind").map(|kind| of(text("apiVersion").unwrap_or_default(), kind));
    // `v1/Secret`, `apps/v1/Deployment`.
    let list = target.path(&["cloneList", "kinds"]).map_or(&[][..], Node::items).iter().filter_map(Node::as_str);
    let copies = list.map(|entry| match entry.rsplit_once('/') {
        Some((version, kind)) => of(version, kind),
        None => of("", entry),
    });
    own.into_iter().chain(copies).collect()
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
    fn policies_of_kyverno_make_what_their_rules_say() {
        use crate::document::Source;
        use crate::parse::{Form, Limits, Scalars, Unit};
        let made = |kind: &str, rule: &str, target: &str| {
            let text =
                format!("apiVersion: kyverno.io/v1\nkind: {kind}\nmetadata: {{name: p}}\nspec: {{rules: [{rule}]}}\n");
            let unit = Unit::new(Form::Yaml(Scalars::Kubernetes), Source::new("a.yaml", text));
            let document = unit.parse(&Limits::default()).unwrap().remove(0);
            let target: Target = target.parse().unwrap();
            made_by_content(&document).iter().any(|made| made.is_of(&target))
        };
        let policy = "{generate: {apiVersion: networking.k8s.io/v1, kind: NetworkPolicy, name: deny}}";
        let wanted = "networking.k8s.io/NetworkPolicy";
        assert!(made("ClusterPolicy", policy, wanted) && made("Policy", policy, wanted));
        assert!(!made("ClusterPolicy", policy, "policy/PodDisruptionBudget"));
        assert!(!made("CleanupPolicy", policy, wanted));
        assert!(!made("ClusterPolicy", "{validate: {pattern: {kind: NetworkPolicy}}}", wanted));
        let list = "{generate: {cloneList: {namespace: x, kinds: [v1/Secret, apps/v1/Deployment]}}}";
        assert!(made("ClusterPolicy", list, "core/Secret") && made("ClusterPolicy", list, "workload"));
        assert!(!made("ClusterPolicy", list, "core/ConfigMap"));
        let each = "{generate: {foreach: [{list: x, apiVersion: v1, kind: ConfigMap}]}}";
        assert!(made("ClusterPolicy", each, "core/ConfigMap"));
        assert!(made("ClusterPolicy", "{generate: {apiVersion: v1, kind: \"{{ request.kind }}\"}}", wanted));
    }

    #[test]
    fn makers_make_what_is_asked_for() {
        let made = |group: &str, kind: &str, target: &str| {
            let subject = Subject { group: group.to_owned(), kind: kind.to_owned(), ..Subject::default() };
            let target: Target = target.parse().unwrap();
            made_by(&subject).iter().any(|made| made.is_of(&target))
        };
        assert!(made("helm.toolkit.fluxcd.io", "HelmRelease", "policy/PodDisruptionBudget"));
        assert!(made("external-secrets.io", "ExternalSecret", "core/Secret"));
        assert!(!made("external-secrets.io", "ExternalSecret", "core/ConfigMap"));
        assert!(made("monitoring.coreos.com", "Prometheus", "workload"));
        assert!(!made("monitoring.coreos.com", "ServiceMonitor", "workload"));
        assert!(!made("", "Secret", "core/Secret"));
        assert!(made("monitoring.coreos.com", "Prometheus", "workload/StatefulSet"));
        assert!(!made("monitoring.coreos.com", "Prometheus", "workload/Rollout"));
    }
}
