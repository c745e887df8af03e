use policy_sdk::prelude::*;
use policy_sdk::repository::helm::{self, OwnChart, Said, Templates};

policy_sdk::rule! {
    /// Charts offer a NetworkPolicy
    ///
    /// A chart with a Service and a Deployment, StatefulSet or Rollout has a template of a NetworkPolicy, or of what
    /// Cilium and Calico have for it. For a chart in another one's `charts/`, a template of the outer chart counts as
    /// well. What the policy allows is checked where the chart is rendered (`--render`) with the value that switches it
    /// on.
    ///
    /// A cluster may have policies of its own for all namespaces; the rule says only that this chart offers none. Where
    /// the chart is rendered, it says nothing. Library charts and operators are not checked.
    ///
    /// ## Why
    /// Only the chart knows which ports its pods serve and whom they call. Everybody who installs it has to write that
    /// down alone, and to follow each change.
    ///
    /// ## Fix
    /// Offer one, behind a value. DNS and a list for what differs are part of it:
    ///
    /// ```yaml
    /// # values.yaml
    /// networkPolicy: {enabled: true, egress: []}
    /// # templates/networkpolicy.yaml
    /// {{- if .Values.networkPolicy.enabled }}
    /// apiVersion: networking.k8s.io/v1
    /// kind: NetworkPolicy
    /// metadata:
    ///   name: {{ include "shop.fullname" . }}
    /// spec:
    ///   podSelector:
    ///     matchLabels:
    ///       {{- include "shop.selectorLabels" . | nindent 6 }}
    ///   policyTypes: [Ingress, Egress]
    ///   ingress:
    ///     - ports: [{port: http}]
    ///   egress:
    ///     - to: [{namespaceSelector: {matchLabels: {kubernetes.io/metadata.name: kube-system}}}]
    ///       ports: [{port: 53, protocol: UDP}, {port: 53, protocol: TCP}]
    ///     {{- with .Values.networkPolicy.egress }}
    ///     {{- toYaml . | nindent 4 }}
    ///     {{- end }}
    /// {{- end }}
    /// ```
    findings: {
        /// The chart has no template of a network policy
        Missing: Low, Likely;
    },
    priority: P1,
    effort: Medium,
    factor: BackingServices,
    since: "0.1.0",
    applies_to: ["file/HelmChart"],
    uses: [OwnChart],
}

const POLICIES: [&str; 4] =
    ["NetworkPolicy", "CiliumNetworkPolicy", "CiliumClusterwideNetworkPolicy", "GlobalNetworkPolicy"];

fn check(input: &Input<'_, Parameters>, findings: &mut Findings) -> Check {
    let templates = helm::installed(input)?;
    let name = input.document.get("name");
    if helm::is_operator(name.text()) {
        return not_applicable("it is an operator, which serves nobody but the cluster");
    }
    let workloads = templates.long_running()?;
    if templates.renders(&["Service"]) != Said::Written {
        return not_applicable("it renders no Service");
    }
    match templates.renders(&POLICIES) {
        Said::Unknown(missing) => not_evaluated(helm::unknown(&missing)),
        Said::Absent if Templates::of_wholes(input).renders(&POLICIES) != Said::Written => {
            let message =
                format!("the chart `{}` offers no NetworkPolicy for the pods that it serves with", name.text());
            let report = findings.report(Code::Missing, &name, message);
            workloads.iter().take(1).fold(report, |report, it| it.object.label(report, "these pods"));
            Ok(())
        }
        _ => Ok(()),
    }
}
