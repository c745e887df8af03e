use policy_sdk::language::shell::{Command, base_name};
use policy_sdk::prelude::*;
use policy_sdk::repository::pipeline::{self, OwnPipeline, Pipeline, Work, has_word};
use policy_sdk::tables::pipeline_work::Does;

policy_sdk::rule! {
    /// A deployment waits until the new pods are ready
    ///
    /// `kubectl apply`, `set image`, `set env`, `patch` and `rollout restart` of workloads are followed by something that
    /// waits, in the same job or in one that needs it: `kubectl rollout status`, `kubectl wait`, `argocd app wait`,
    /// `flux reconcile`. `helm upgrade` and `helm install` need `--wait`, `--atomic` or `--rollback-on-failure` (Helm 4
    /// waits for hooks alone without them), or such a command behind them.
    ///
    /// What applies no workload passes: paths that say that they hold CRDs, namespaces, RBAC, ConfigMaps or Secrets, files
    /// that are called after a Service, an Ingress or an autoscaler alone (`service.yaml`), and what
    /// `kubectl create configmap --dry-run` has written. The rule skips jobs that test (they create a cluster, or their
    /// name says so).
    ///
    /// ## Why
    /// `kubectl apply` ends as soon as the API server has stored the object. The run is green, and the pods fail to start
    /// because the image does not exist or the configuration is wrong. Nobody learns of it from the pipeline.
    ///
    /// ## Fix
    /// ```yaml
    /// - run: |
    ///     kubectl set image deployment/cart cart=registry.example/cart@${{ needs.build.outputs.digest }}
    ///     kubectl rollout status deployment/cart --timeout=10m
    /// ```
    ///
    /// With Helm: `helm upgrade --install cart ./chart --wait --timeout 10m`.
    findings: {
        /// Nothing waits for what is deployed
        NotVerified: Medium, Likely;
        /// The wait has no limit of its own
        NoTimeout: Info, Certain;
    },
    priority: P0,
    effort: Small,
    factor: BuildReleaseRun,
    renamed_from: ["wf-image-exists-check"],
    since: "0.1.0",
    applies_to: ["file/GitHubWorkflow"],
    uses: [OwnPipeline],
    reads: ["jobs.*.steps[*].run"],
}

fn check(input: &Input<'_, Parameters>, findings: &mut Findings) -> Check {
    let pipeline = pipeline::own(input);
    let of_cluster: Vec<&Work<'_>> = pipeline.deployments().into_iter().filter(|work| work.is_of_cluster()).collect();
    if of_cluster.is_empty() {
        return not_applicable("it deploys nothing to a cluster");
    }
    let verifications: Vec<&Work<'_>> = pipeline.doing(&[Does::VerifyRollout]).collect();
    let mut judged = None;
    for work in of_cluster.iter().filter(|work| changes_workloads(&pipeline, work)) {
        let waits = |other: &&Work<'_>| {
            pipeline.is_before(work, other) || other.at == work.at && other.place.pointer() == work.place.pointer()
        };
        if judged == Some(work.at.0) || verifications.iter().any(|other| waits(other)) {
            continue;
        }
        judged = Some(work.at.0);
        let message = format!("`{}` is not followed by anything that waits for the new pods", work.name());
        findings.report(Code::NotVerified, &work.place, message).fix(fix(&pipeline, work));
    }
    let deploying: Vec<usize> = of_cluster.iter().map(|work| work.at.0).collect();
    for work in verifications.iter().filter(|work| deploying.contains(&work.at.0) && !work.is_called) {
        let Some(command) = work.command.as_ref().filter(|command| command.name() == "kubectl") else { continue };
        let is_status = command.has(&["rollout"]) && command.has(&["status"]);
        if is_status && !command.arguments().any(|argument| argument.starts_with("--timeout")) {
            let message = "`kubectl rollout status` waits as long as `progressDeadlineSeconds`, expected `--timeout`";
            findings.report(Code::NoTimeout, &work.place, message);
        }
    }
    findings.or_unknown(pipeline.unknown.clone().filter(|_| verifications.is_empty()))
}

/// Whether a command changes workloads, as far as it says.
fn changes_workloads(pipeline: &Pipeline<'_>, work: &Work<'_>) -> bool {
    const OTHERS: [&str; 18] = [
        "crd",
        "crds",
        "namespace",
        "namespaces",
        "ns",
        "rbac",
        "role",
        "roles",
        "configmap",
        "configmaps",
        "secret",
        "secrets",
        "sealed",
        "policy",
        "policies",
        "quota",
        "storageclass",
        "issuer",
    ];
    const WORKLOADS: [&str; 12] = [
        "deployment",
        "deployments",
        "deploy",
        "statefulset",
        "statefulsets",
        "sts",
        "daemonset",
        "daemonsets",
        "ds",
        "rollout",
        "rollouts",
        "cronjob",
    ];
    /// Names of files of one object that is none.
    const FILES: [&str; 10] =
        ["service", "svc", "hpa", "ingress", "pdb", "serviceaccount", "networkpolicy", "pvc", "cm", "gateway"];
    let Some(command) = &work.command else { return true };
    let is_file = |argument: &str| {
        base_name(argument).split_once('.').is_some_and(|(name, _)| FILES.contains(&name.to_ascii_lowercase().as_str()))
    };
    let says = |words: &[&str]| command.arguments().any(|argument| words.iter().any(|word| has_word(argument, word)));
    match command.name() {
        "kubectl" | "oc" if command.has(&["scale"]) => false,
        "kubectl" | "oc" if command.has(&["patch"]) => says(&WORKLOADS),
        "kubectl" | "oc" if command.has(&["apply", "create", "replace"]) => {
            !says(&OTHERS) && !command.arguments().any(is_file) && !is_fed_with_configuration(pipeline, work, command)
        }
        _ => true,
    }
}

/// `kubectl create configmap … --dry-run=client -o yaml | kubectl apply -f -`.
fn is_fed_with_configuration(pipeline: &Pipeline<'_>, work: &Work<'_>, command: &Command<'_>) -> bool {
    let commands: Vec<Command<'_>> = pipeline.step(work).into_iter().flat_map(|step| step.commands()).collect();
    let at = commands.iter().position(|other| other.pointer() == command.pointer());
    let before = at.and_then(|at| commands.get(at.checked_sub(1)?));
    let is_pipe = command.joined() == "|";
    is_pipe
        && before.is_some_and(|it| {
            matches!(it.name(), "kubectl" | "oc")
                && it.has(&["create", "label", "annotate"])
                && !it.has(&["deployment"])
        })
}

/// Adds `--wait` to the one `helm upgrade` of a script.
fn fix(pipeline: &Pipeline<'_>, work: &Work<'_>) -> Option<Fix> {
    let command = work.command.as_ref().filter(|command| command.name() == "helm" && !work.is_called)?;
    let run = pipeline.step(work)?.view.get("run");
    let verb = ["upgrade", "install"].into_iter().find(|verb| command.has(&[verb]))?;
    let written = format!("helm {verb}");
    let is_one = run.text().matches(&written).count() == 1;
    let waits = format!("{written} --wait --timeout 10m");
    is_one.then(|| Fix::unsafe_("wait for the new pods").set(&run, run.text().replace(&written, &waits)))
}
