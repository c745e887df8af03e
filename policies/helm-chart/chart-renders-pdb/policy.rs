use policy_sdk::prelude::*;
use policy_sdk::repository::helm::{self, OwnChart, Said, Templates};

policy_sdk::rule! {
    /// Charts offer a PodDisruptionBudget
    ///
    /// A chart whose Deployment, StatefulSet or Rollout takes its replicas from a value, has more than one, or is
    /// scaled by an autoscaler, has a template of a PodDisruptionBudget. For a chart in another one's `charts/`, a
    /// template of the outer chart counts as well. A budget of `policy/v1beta1` alone, without a look at
    /// `.Capabilities`, is one that the API server has refused since Kubernetes 1.25.
    ///
    /// Whether a budget selects the pods is checked where the chart is rendered (`--render`); this rule then says
    /// nothing. Library charts are not checked.
    ///
    /// ## Why
    /// Without a budget a drain of nodes may evict all replicas at once: an upgrade of the cluster, or an autoscaler
    /// that moves pods together. Whoever installs the chart has to write one by hand for each release.
    ///
    /// ## Fix
    /// Offer one that counts for several replicas:
    ///
    /// ```yaml
    /// # values.yaml
    /// podDisruptionBudget: {enabled: true, maxUnavailable: 1}
    /// # templates/pdb.yaml
    /// {{- if and .Values.podDisruptionBudget.enabled (gt (int .Values.replicaCount) 1) }}
    /// apiVersion: policy/v1
    /// kind: PodDisruptionBudget
    /// metadata:
    ///   name: {{ include "shop.fullname" . }}
    /// spec:
    ///   maxUnavailable: {{ .Values.podDisruptionBudget.maxUnavailable }}
    ///   selector:
    ///     matchLabels:
    ///       {{- include "shop.selectorLabels" . | nindent 6 }}
    /// {{- end }}
    /// ```
    findings: {
        /// The only budget is of a version that is no longer served
        OldVersion: Medium, Certain;
        /// The chart has no template of a budget
        Missing: Low, Likely;
    },
    priority: P1,
    effort: Small,
    factor: Disposability,
    since: "0.1.0",
    applies_to: ["file/HelmChart"],
    uses: [OwnChart],
}

const BUDGET: [&str; 1] = ["PodDisruptionBudget"];

fn check(input: &Input<'_, Parameters>, findings: &mut Findings) -> Check {
    let templates = helm::installed(input)?;
    let name = input.document.get("name");
    let mut budgets = templates.objects().0;
    budgets.retain(|object| object.is_any_of(&BUDGET));
    let is_old = |budget: &helm::Part<'_, '_>| {
        let versions = budget.get("apiVersion");
        versions.iter().all(|version| version.literal() == Some("policy/v1beta1"))
            && !versions.is_empty()
            && !budget.guards().iter().any(|guard| guard.contains("Capabilities"))
    };
    if let Some(budget) = budgets.first().filter(|_| budgets.iter().all(is_old)) {
        let message = "its PodDisruptionBudget is of `policy/v1beta1`, which Kubernetes does not serve since 1.25";
        budget.label(findings.report(Code::OldVersion, &name, message), "here");
        return Ok(());
    }
    let mut workloads = templates.long_running()?;
    let is_scaled = templates.renders(&["HorizontalPodAutoscaler", "ScaledObject"]) == Said::Written;
    workloads.retain(|workload| is_scaled || !matches!(workload.fixed_replicas(), Some(0 | 1)));
    let Some(workload) = workloads.first() else {
        return not_applicable("it renders no workload with several replicas");
    };
    match templates.renders(&BUDGET) {
        Said::Unknown(missing) => not_evaluated(helm::unknown(&missing)),
        Said::Absent if Templates::of_wholes(input).renders(&BUDGET) != Said::Written => {
            let message = format!("the chart `{}` offers no PodDisruptionBudget", name.text());
            workload.object.label(findings.report(Code::Missing, &name, message), "for these pods");
            Ok(())
        }
        _ => Ok(()),
    }
}
