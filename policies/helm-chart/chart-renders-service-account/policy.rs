use policy_sdk::prelude::*;
use policy_sdk::repository::helm::{self, OwnChart, Part, Said};
use policy_sdk::settings::WorkloadIdentity;

policy_sdk::rule! {
    /// Charts give their pods a ServiceAccount of their own
    ///
    /// The pods of a chart that binds a role, or names a role of a cloud for its ServiceAccount, name that account
    /// (`serviceAccountName`), or get values as they are (`toYaml`, `tpl`, a named template), which may do so. A
    /// ServiceAccount of a chart takes annotations from values, so that it can have a role of a cloud (IRSA, Workload
    /// Identity).
    ///
    /// A chart without any role needs no account, unless `workloadIdentity` expects one for every workload. Where the
    /// chart is rendered (`--render`), what it deploys is checked, and this rule says nothing. Library charts are not
    /// checked.
    ///
    /// ## Why
    /// Pods that name no account run as `default`: they do not have the rights that the chart binds, or `default` has
    /// them and every other pod of the namespace too. A pod without an account of its own falls back to the role of its
    /// node to reach the cloud.
    ///
    /// ## Fix
    /// Make an account, let values annotate it, and name it in the pods:
    ///
    /// ```yaml
    /// # values.yaml
    /// serviceAccount: {create: true, name: "", annotations: {}}
    /// # templates/serviceaccount.yaml
    /// {{- if .Values.serviceAccount.create }}
    /// apiVersion: v1
    /// kind: ServiceAccount
    /// metadata:
    ///   name: {{ include "shop.serviceAccountName" . }}
    ///   {{- with .Values.serviceAccount.annotations }}
    ///   annotations:
    ///     {{- toYaml . | nindent 4 }}
    ///   {{- end }}
    /// {{- end }}
    /// # templates/deployment.yaml, in the pod
    ///       serviceAccountName: {{ include "shop.serviceAccountName" . }}
    /// ```
    findings: {
        /// The chart has roles for a ServiceAccount, and its pods run as `default`
        Default: Medium, Likely;
        /// Its pods cannot have a ServiceAccount of their own, which is expected of all
        Missing: Low, Likely;
        /// Its ServiceAccount cannot have annotations
        NoAnnotations: Low, Likely;
    },
    priority: P0,
    effort: Small,
    factor: BackingServices,
    since: "0.1.0",
    applies_to: ["file/HelmChart"],
    uses: [OwnChart, WorkloadIdentity],
}

/// Annotations that name a role of a cloud.
const CLOUD: [&str; 3] =
    ["eks.amazonaws.com/role-arn", "iam.gke.io/gcp-service-account", "azure.workload.identity/client-id"];

fn check(input: &Input<'_, Parameters>, findings: &mut Findings) -> Check {
    let templates = helm::installed(input)?;
    let name = input.document.get("name");
    let workloads = templates.workloads();
    let accounts = |part: &Part<'_, '_>| part.is_any_of(&["ServiceAccount"]);
    let objects = templates.objects().0;
    let own: Vec<&Part<'_, '_>> = objects.iter().filter(|it| accounts(it) && !it.is_hook()).collect();
    let metadata: Vec<Part<'_, '_>> = own.iter().flat_map(|account| account.get("metadata")).collect();
    if !metadata.is_empty() && metadata.iter().all(|it| it.says(&["annotations"]) == Said::Absent) {
        let message = "no value can annotate a ServiceAccount of the chart, so its pods cannot have a role of a cloud";
        let report = findings.report(Code::NoAnnotations, &name, message);
        own.iter().fold(report, |report, account| account.label(report, "this account"));
    }
    let said: Vec<Said> = workloads.iter().map(|it| it.pod_says(&["serviceAccountName", "serviceAccount"])).collect();
    let Some(workload) = workloads.iter().zip(&said).find(|(_, said)| **said == Said::Absent).map(|(it, _)| it) else {
        let unknown = said.into_iter().find_map(|said| if let Said::Unknown(name) = said { Some(name) } else { None });
        return findings.or_unknown(unknown.map(|name| helm::unknown(&name)));
    };
    // Where other pods name an account, the roles are for those.
    let is_used = said.iter().any(|said| *said != Said::Absent);
    let binding = objects.iter().find(|it| {
        let subjects: Vec<Part<'_, '_>> = it.get("subjects").iter().flat_map(Part::items).collect();
        it.is_any_of(&["RoleBinding", "ClusterRoleBinding"]) && subjects.iter().any(accounts)
    });
    let has_role = binding.is_some() || CLOUD.iter().any(|annotation| templates.mention(annotation));
    if has_role && !is_used {
        let message = "the chart has roles for a ServiceAccount, but its pods name none, and no value can";
        let report =
            workload.object.label(findings.report(Code::Default, &name, message), "these pods run as `default`");
        binding.into_iter().fold(report, |report, binding| binding.label(report, "this binds a role"));
    } else if input.setting::<WorkloadIdentity>() && workload.is_long_running() {
        let (kind, chart) = (workload.kind, name.text());
        let message = format!("the {kind} of the chart `{chart}` names no ServiceAccount, and no value can");
        workload.object.label(findings.report(Code::Missing, &name, message), "these pods run as `default`");
    }
    Ok(())
}
