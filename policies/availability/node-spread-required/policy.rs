use policy_sdk::kubernetes::autoscaling::{self, Autoscalers};
use policy_sdk::kubernetes::node_place::{self, NodePlace};
use policy_sdk::kubernetes::spread::{self, NewConstraints, Spread};
use policy_sdk::parameter;
use policy_sdk::prelude::*;
use policy_sdk::settings::NodeCount;
use policy_sdk::values::selector::Answer;

policy_sdk::rule! {
    /// Replicas are spread over nodes
    ///
    /// A Deployment, StatefulSet or Rollout that always has two replicas or more (the minimum of its autoscaler, else
    /// `spec.replicas`) has a topology spread constraint, or an anti-affinity to its own pods, on one of `keys`: the
    /// node, its zone or its region, since pods in different zones are on different nodes. A constraint whose selector
    /// misses the workload's own pods is for `topology-spread-selector-matches`; an anti-affinity to other pods does
    /// not count.
    ///
    /// Pods with a host port or on the node's network are alone on their node anyway, and a cluster of one node
    /// (`nodeCount`) has nothing to spread over. Since 1.24 the scheduler spreads over nodes by itself, as far as that
    /// is convenient, so the severity is low. Where `zone-spread-required` reports the same workload, its fix helps
    /// here too, and this rule reports nothing.
    ///
    /// Where there are constraints already, the fix appends a soft one over nodes, which only advises the scheduler. It
    /// needs a person. Where there are none there is no fix: any constraint ends what the scheduler does by itself, which
    /// spreads over zones too.
    ///
    /// ## Why
    /// All replicas can end up on one node. When that node fails or is drained, all of them are gone at once.
    ///
    /// ## Fix
    /// Add a constraint over nodes with the workload's own selector:
    ///
    /// ```yaml
    /// topologySpreadConstraints:
    ///   - maxSkew: 1
    ///     topologyKey: kubernetes.io/hostname
    ///     whenUnsatisfiable: ScheduleAnyway
    ///     labelSelector: {matchLabels: {app: cart}}
    /// ```
    findings: {
        /// Nothing spreads the replicas over nodes
        Missing: Low, Likely;
    },
    priority: P1,
    effort: Small,
    factor: Concurrency,
    peers: [
        "KL:no-anti-affinity", "KS:deployment-has-host-podantiaffinity", "KS:statefulset-has-host-podantiaffinity",
        "KY:create-pod-antiaffinity",
    ],
    since: "0.1.0",
    applies_to: [
        "workload/Deployment", "workload/StatefulSet", "workload/Rollout", "workload/CloneSet",
        "workload/DeploymentConfig",
    ],
    uses: [Autoscalers, NodePlace, Spread, NewConstraints, NodeCount],
    parameters: {
        /// Labels of nodes that tell nodes apart, or groups of them.
        keys: Vec<String> = parameter::list(spread::KEYS),
    },
}

fn check(input: &Input<'_, Parameters>, findings: &mut Findings) -> Check {
    let replicas = autoscaling::effective_replicas(input);
    if replicas < 2 {
        return not_applicable(format!("it may have {replicas} replicas"));
    }
    if input.setting::<NodeCount>().is_some_and(|count| count.get() == 1) {
        return not_applicable("`nodeCount` says that there is one node");
    }
    if let Some(why) = node_place::holds_alone(input) {
        return not_applicable(format!("only one of its pods fits on a node: {why}"));
    }
    let counts = |key: &str| input.parameters.keys.iter().any(|known| known == key);
    let is_spread = spread::constraints(input).any(|it| counts(it.key()))
        || spread::anti_affinity(input).any(|it| counts(it.key()) && it.selects_own != Answer::No);
    if !is_spread {
        let message = format!("it has {replicas} replicas, and nothing spreads them over nodes");
        let fix = spread::fix_over_nodes(input);
        findings.report(Code::Missing, &spread::list(&input.workload().spec()), message).fix(fix);
    }
    Ok(())
}
