use policy_sdk::prelude::*;
use policy_sdk::repository::helm::{self, OwnTemplate, Templates};

policy_sdk::rule! {
    /// Charts can set the resources of their containers
    ///
    /// Each main container in a template has `resources`, even if they are empty by default (`resources: {}`), or gets
    /// values as they are (`toYaml`, `tpl`, a named template), which may have them.
    ///
    /// It is only a finding where no values can set them. What the default values make of the template is checked where
    /// the chart is rendered (`--render`), and this rule then says nothing. Tests and hooks of charts are not checked,
    /// nor are library charts.
    ///
    /// ## Why
    /// A container without requests is the first that is evicted when its node runs out of memory, and one without a
    /// memory limit takes that of its neighbours. Whoever installs the chart can only patch what it renders.
    ///
    /// ## Fix
    /// Let values set them, with defaults that the program really needs:
    ///
    /// ```yaml
    /// # values.yaml
    /// resources:
    ///   requests: {cpu: 100m, memory: 128Mi}
    ///   limits: {memory: 256Mi}
    /// # templates/deployment.yaml, in the container
    ///           resources:
    ///             {{- toYaml .Values.resources | nindent 12 }}
    /// ```
    findings: {
        /// A container has no resources and can get none
        Missing: Medium, Likely;
    },
    priority: P0,
    effort: Small,
    factor: Concurrency,
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
        workload.container_says(&["resources"]).is_absent(&mut unknown);
        for container in workload.containers() {
            if container.says(&["resources"]).is_absent(&mut unknown) {
                let message = format!("{} has no `resources`, and no value can set them", helm::called(&container));
                container.report(findings, Code::Missing, message);
            }
        }
    }
    findings.or_unknown(unknown)
}
