use policy_sdk::prelude::*;
use policy_sdk::repository::helm::{self, OwnTemplate, Templates};

policy_sdk::rule! {
    /// Charts can restrict their pods
    ///
    /// Each workload in a template has a `securityContext`, of the pod or of a container, or gets values as they are
    /// (`toYaml`, `tpl`, a named template), which may have one. What the values are called is free.
    ///
    /// It is only a finding where no values can set one. What the default values make of the template is checked where
    /// the chart is rendered (`--render`), and this rule then says nothing. Tests and hooks of charts are not checked,
    /// nor are library charts.
    ///
    /// ## Why
    /// The pods run as root where their image does, with a dozen capabilities, and a namespace that enforces the Pod
    /// Security level `restricted` refuses them. Whoever installs the chart can only patch what it renders.
    ///
    /// ## Fix
    /// Begin with defaults that `restricted` admits, and let values change them:
    ///
    /// ```yaml
    /// # values.yaml
    /// podSecurityContext:
    ///   runAsNonRoot: true
    ///   seccompProfile: {type: RuntimeDefault}
    /// securityContext:
    ///   allowPrivilegeEscalation: false
    ///   readOnlyRootFilesystem: true
    ///   capabilities: {drop: [ALL]}
    /// # templates/deployment.yaml
    ///       securityContext:
    ///         {{- toYaml .Values.podSecurityContext | nindent 8 }}
    ///       containers:
    ///         - name: {{ .Chart.Name }}
    ///           securityContext:
    ///             {{- toYaml .Values.securityContext | nindent 12 }}
    /// ```
    findings: {
        /// Neither the pods of a workload nor its containers can have a security context
        Missing: Medium, Likely;
    },
    priority: P0,
    effort: Small,
    factor: Security,
    since: "0.1.0",
    applies_to: ["file/HelmTemplate"],
    uses: [OwnTemplate],
}

fn check(input: &Input<'_, Parameters>, findings: &mut Findings) -> Check {
    helm::chart_of_template(input)?;
    let templates = Templates::of_template(input);
    let workloads = templates.workloads();
    if workloads.is_empty() {
        return not_applicable("it renders no workload");
    }
    let mut unknown = None;
    for workload in &workloads {
        let said = workload.pod_says(&["securityContext"]).or(|| workload.container_says(&["securityContext"]));
        if said.is_absent(&mut unknown)
            && let Some(pod) = workload.pods.first()
        {
            let message = format!(
                "neither the pods of this {} nor their containers have a `securityContext`, and no value can set one",
                workload.kind
            );
            pod.report(findings, Code::Missing, message);
        }
    }
    findings.or_unknown(unknown)
}
