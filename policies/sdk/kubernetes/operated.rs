//! Objects of which an operator makes pods that are in no document.

use crate::input::{Input, Related};
use crate::uses::Uses;

crate::usable! {
    /// The objects of the subject's namespace of which an operator makes pods. No relation fits: which labels those
    /// pods get is the operator's own, so any of them may be meant, and only that there are none tells something.
    pub OperatedPods {
        inventory: {
            operated: {
                kinds: [
                    "monitoring.coreos.com/Prometheus", "monitoring.coreos.com/Alertmanager",
                    "monitoring.coreos.com/ThanosRuler", "elasticsearch.k8s.elastic.co/Elasticsearch",
                    "postgresql.cnpg.io/Cluster", "acid.zalan.do/postgresql", "kafka.strimzi.io/Kafka",
                    "rabbitmq.com/RabbitmqCluster", "mongodbcommunity.mongodb.com/MongoDBCommunity",
                    "redis.redis.opstreelabs.in/Redis", "redis.redis.opstreelabs.in/RedisCluster", "ray.io/RayCluster",
                    "ray.io/RayService",
                ],
                scope: "namespace",
                reads: ["metadata.name"],
            },
        },
    }
}

/// Labels that pods get while they run, from controllers and from programs in them.
pub const LATE_LABELS: [&str; 14] = [
    "pod-template-hash",
    "rollouts-pod-template-hash",
    "controller-revision-hash",
    "statefulset.kubernetes.io/pod-name",
    "apps.kubernetes.io/pod-index",
    "job-name",
    "batch.kubernetes.io/job-name",
    "batch.kubernetes.io/job-completion-index",
    "controller-uid",
    "batch.kubernetes.io/controller-uid",
    "role",
    "spilo-role",
    "cnpg.io/instanceRole",
    "cnpg.io/podRole",
];

/// An object of which an operator makes pods that may be meant.
pub fn operated<'d, P: Uses<OperatedPods>>(input: &Input<'d, P>) -> Option<Related<'d>> {
    input.related("operated").next()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::look;
    use crate::uses::Usable;

    #[test]
    fn an_operated_object_is_named() {
        let kafka = r#"[{"subject":{"kind":"Kafka","name":"orders"},"document":{}}]"#;
        let kind = |related: &str| {
            look("shop", "{}", OperatedPods::QUERIES, &[related], |input| {
                operated(input).map(|it| it.kind().to_owned())
            })
        };
        assert_eq!((kind(kafka).as_deref(), kind("[]")), (Some("Kafka"), None));
    }
}
