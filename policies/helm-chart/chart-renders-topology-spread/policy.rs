use policy_sdk::prelude::*;
use policy_sdk::repository::helm::{self, OwnTemplate, Templates};

policy_sdk::rule! {
    /// Charts can spread their pods
    ///
    /// A template of a Deployment, StatefulSet or Rollout has `topologySpreadConstraints` or `affinity`, or gets values
    /// as they are (`toYaml`, `tpl`, a named template), which may have them. A workload that always has one replica is
    /// not checked.
    ///
    /// It is only a finding where no values can set any of them. What the default values make of the template is
    /// checked where the chart is rendered (`--render`), and this rule then says nothing. Tests and hooks of charts are
    /// not checked, nor are library charts.
    ///
    /// ## Why
    /// The scheduler may put all replicas on one node, or into one zone, and they then go down together. Whoever
    /// installs the chart can only patch what it renders.
    ///
    /// ## Fix
    /// Spread over zones by default, and let values add more:
    ///
    /// ```yaml
    /// # templates/deployment.yaml
    ///       topologySpreadConstraints:
    ///         - maxSkew: 1
    ///           topologyKey: topology.kubernetes.io/zone
    ///           whenUnsatisfiable: ScheduleAnyway
    ///           labelSelector:
    ///             matchLabels:
    ///               {{- include "shop.selectorLabels" . | nindent 14 }}
    ///       {{- with .Values.affinity }}
    ///       affinity:
    ///         {{- toYaml . | nindent 8 }}
    ///       {{- end }}
    /// ```
    findings: {
        /// The pods of a workload can have neither constraints nor an affinity
        Missing: Low, Likely;
    },
    priority: P1,
    effort: Small,
    factor: Concurrency,
    since: "0.1.0",
    applies_to: ["file/HelmTemplate"],
    uses: [OwnTemplate],
}

fn check(input: &Input<'_, Parameters>, findings: &mut Findings) -> Check {
    helm::chart_of_template(input)?;
    let templates = Templates::of_template(input);
    let mut workloads = templates.long_running()?;
    workloads.retain(|workload| !matches!(workload.fixed_replicas(), Some(0 | 1)));
    if workloads.is_empty() {
        return not_applicable("it renders no workload with several replicas");
    }
    let mut unknown = None;
    for workload in &workloads {
        let said = workload.pod_says(&["topologySpreadConstraints", "affinity"]);
        if said.is_absent(&mut unknown)
            && let Some(pod) = workload.pods.first()
        {
            let message = format!(
                "the pods of this {} have no `topologySpreadConstraints` and no `affinity`, and no value can set them",
                workload.kind
            );
            pod.report(findings, Code::Missing, message);
        }
    }
    findings.or_unknown(unknown)
}
