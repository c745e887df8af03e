use policy_sdk::prelude::*;
use policy_sdk::repository::helm::{self, OwnTemplate, Templates};

policy_sdk::rule! {
    /// Charts can let their pods end in order
    ///
    /// A template of a Deployment, StatefulSet or Rollout with ports has `terminationGracePeriodSeconds`, a container
    /// with `lifecycle`, or gets values as they are (`toYaml`, `tpl`, a named template), which may have them. Ports
    /// that are called after metrics or health checks do not count.
    ///
    /// It is only a finding where no values can set any of them. What the default values make of the template is
    /// checked where the chart is rendered (`--render`), and this rule then says nothing. Tests and hooks of charts are
    /// not checked, nor are library charts and operators.
    ///
    /// ## Why
    /// A pod that ends goes on getting requests for some seconds, until every load balancer knows. A server that stops
    /// at once loses them, at every rollout and every drain. One that needs more than 30 seconds is killed.
    ///
    /// ## Fix
    /// Let values say how long it takes:
    ///
    /// ```yaml
    /// # values.yaml
    /// terminationGracePeriodSeconds: 35
    /// preStopSeconds: 5
    /// # templates/deployment.yaml
    ///       terminationGracePeriodSeconds: {{ .Values.terminationGracePeriodSeconds }}
    ///       containers:
    ///         - name: {{ .Chart.Name }}
    ///           lifecycle:
    ///             preStop:
    ///               sleep: {seconds: {{ .Values.preStopSeconds }}}
    /// ```
    findings: {
        /// The pods of a workload can have neither a hook nor another grace period
        Missing: Low, Likely;
    },
    priority: P0,
    effort: Small,
    factor: Disposability,
    since: "0.1.0",
    applies_to: ["file/HelmTemplate"],
    uses: [OwnTemplate],
}

fn check(input: &Input<'_, Parameters>, findings: &mut Findings) -> Check {
    let chart = helm::chart_of_template(input)?;
    if helm::is_operator(chart.document.get("name").text()) {
        return not_applicable("its chart is an operator, which serves nobody who waits");
    }
    let templates = Templates::of_template(input);
    let mut unknown = None;
    for workload in templates.long_running()? {
        let said = workload.pod_says(&["terminationGracePeriodSeconds"]);
        let said = said.or(|| workload.container_says(&["lifecycle"]));
        if said.is_absent(&mut unknown)
            && let Some(container) = workload.containers().iter().find(|it| helm::serves(it))
        {
            let who = helm::called(container);
            let message = format!("{who} serves, and no value can set `lifecycle` or `terminationGracePeriodSeconds`");
            container.report(findings, Code::Missing, message);
        }
    }
    findings.or_unknown(unknown)
}
