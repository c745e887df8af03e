use policy_sdk::kubernetes::autoscaling::{self, Autoscalers};
use policy_sdk::kubernetes::production::{self, Production};
use policy_sdk::kubernetes::serving::{self, Services};
use policy_sdk::prelude::*;
use policy_sdk::settings::{DeliveryWay, ExpectedDelivery};

policy_sdk::rule! {
    /// Services in production are rolled out step by step
    ///
    /// Where the setting `delivery` has `progressive`, each Deployment of production that a Service sends to is rolled
    /// out by Argo Rollouts or Flagger: a Rollout takes its template (`workloadRef`), or a Canary names it.
    /// Deployments with one replica and those whose label `tier_label` is one of `internal_tiers` are not checked.
    /// Without the setting nothing is.
    ///
    /// Production is a namespace with the part `prod`, `production` or `live`, a label `environment: prod`, or a folder
    /// `prod`.
    ///
    /// ## Why
    /// A rolling update goes on as long as pods become ready. A version that is ready and answers with errors reaches
    /// all users within minutes.
    ///
    /// ## Fix
    /// Let a Rollout take over the Deployment:
    ///
    /// ```yaml
    /// apiVersion: argoproj.io/v1alpha1
    /// kind: Rollout
    /// metadata:
    ///   name: cart
    /// spec:
    ///   workloadRef:
    ///     apiVersion: apps/v1
    ///     kind: Deployment
    ///     name: cart
    ///     scaleDown: onsuccess
    ///   strategy:
    ///     canary:
    ///       analysis:
    ///         templates:
    ///           - templateName: error-rate
    ///       steps:
    ///         - setWeight: 10
    ///         - pause: {duration: 5m}
    /// ```
    findings: {
        /// All pods get a new version at once
        AtOnce: Info, Guess, absence: ["borrowers", "canaries"];
    },
    priority: P1,
    effort: Large,
    factor: BuildReleaseRun,
    since: "0.1.0",
    applies_to: ["workload/Deployment"],
    uses: [Autoscalers, ExpectedDelivery, Production, Services],
    inventory: {
        canaries: {
            kinds: ["flagger.app/Canary"],
            scope: "namespace",
            relation: names {
                kind: "spec.targetRef.kind",
                group: "spec.targetRef.apiVersion",
                name: "spec.targetRef.name",
            },
            reads: ["metadata.name"],
        },
    },
    parameters: {
        /// The label that names the tier of a workload.
        tier_label: String = "tier".into(),
        /// Tiers whose workloads need no steps.
        internal_tiers: Vec<String> = vec!["internal".into(), "batch".into()],
    },
}

fn check(input: &Input<'_, Parameters>, findings: &mut Findings) -> Check {
    let Parameters { tier_label, internal_tiers } = &input.parameters;
    if !input.setting::<ExpectedDelivery>().contains(&DeliveryWay::Progressive) {
        return not_applicable("the setting `delivery` does not have `progressive`");
    }
    if !production::is_production(input) {
        return not_applicable("it is not of production");
    }
    let workload = input.workload();
    if let Some(tier) = workload.label(tier_label).filter(|tier| internal_tiers.iter().any(|it| it == tier)) {
        return not_applicable(format!("its `{tier_label}` is `{tier}`"));
    }
    let Some(service) = serving::sender(input) else {
        return not_applicable("no Service sends to its pods, other than for metrics");
    };
    if autoscaling::borrower(input).is_some() || input.related("canaries").next().is_some() {
        return Ok(());
    }
    let replicas = autoscaling::effective_replicas(input);
    if replicas < 2 {
        return not_applicable("it has fewer than two replicas");
    }
    let message = format!(
        "Service `{}` sends to {replicas} replicas, which no Rollout and no Canary gives a new version in steps",
        service.name()
    );
    findings.report(Code::AtOnce, &workload.object.at("spec.strategy"), message);
    Ok(())
}
