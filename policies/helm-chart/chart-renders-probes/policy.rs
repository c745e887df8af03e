use policy_sdk::prelude::*;
use policy_sdk::repository::helm::{self, OwnTemplate, Templates};

policy_sdk::rule! {
    /// Charts can give their pods probes
    ///
    /// A template of a Deployment, StatefulSet or Rollout whose containers declare ports has a `readinessProbe`,
    /// `livenessProbe` or `startupProbe` for one of them. It may come from values that the template puts into a
    /// container as they are (`toYaml`, `tpl`), or from a named template. What the values are called is free.
    ///
    /// It is only a finding where no values can give any container a probe. What the default values make of the
    /// template is checked where the chart is rendered (`--render`), and this rule then says nothing. Tests and hooks
    /// of charts are not checked, nor are library charts.
    ///
    /// ## Why
    /// Without a readiness probe Kubernetes sends requests to a pod that cannot answer yet, at every rollout. Without a
    /// liveness probe nobody restarts a process that hangs. Whoever installs the chart can only patch what it renders.
    ///
    /// ## Fix
    /// Write probes into the template, and let values change them:
    ///
    /// ```yaml
    /// # values.yaml
    /// readinessProbe:
    ///   httpGet: {path: /readyz, port: http}
    /// livenessProbe:
    ///   httpGet: {path: /healthz, port: http}
    /// # templates/deployment.yaml, in the container
    ///           {{- with .Values.readinessProbe }}
    ///           readinessProbe:
    ///             {{- toYaml . | nindent 12 }}
    ///           {{- end }}
    ///           {{- with .Values.livenessProbe }}
    ///           livenessProbe:
    ///             {{- toYaml . | nindent 12 }}
    ///           {{- end }}
    /// ```
    findings: {
        /// No container of a workload can have a probe
        Missing: Medium, Likely;
    },
    priority: P0,
    effort: Small,
    factor: Disposability,
    since: "0.1.0",
    applies_to: ["file/HelmTemplate"],
    uses: [OwnTemplate],
}

fn check(input: &Input<'_, Parameters>, findings: &mut Findings) -> Check {
    helm::chart_of_template(input)?;
    let templates = Templates::of_template(input);
    let mut unknown = None;
    for workload in templates.long_running()? {
        let said = workload.container_says(&["readinessProbe", "livenessProbe", "startupProbe"]);
        let containers = workload.containers();
        let with_ports = containers.iter().find(|it| it.get("ports").iter().any(|ports| !ports.is_empty()));
        if said.is_absent(&mut unknown)
            && let Some(container) = with_ports
        {
            let message = format!("no container of this {} has a probe, and no value can give it one", workload.kind);
            container.report(findings, Code::Missing, message);
        }
    }
    findings.or_unknown(unknown)
}
