use policy_sdk::prelude::*;

policy_sdk::rule! {
    /// Triggers of KEDA reach AWS by an identity, not by keys
    ///
    /// A trigger `aws-…` of a ScaledObject or ScaledJob has `identityOwner: operator`, or an `authenticationRef` to a
    /// TriggerAuthentication or ClusterTriggerAuthentication with `podIdentity.provider: aws` or a role (`awsRoleArn`).
    /// Keys from a Secret, from the environment or in the trigger itself are reported. So is a trigger without any of
    /// these: KEDA then looks for keys and finds none, so it never scales. The provider `aws-eks` still works; KEDA 3
    /// removes it. Triggers with an `awsEndpoint` outside AWS, such as LocalStack, are not checked, and nothing is said
    /// about an authentication that is not among the documents.
    ///
    /// ## Why
    /// Access keys do not expire and are copied easily. Whoever can read the Secret, or the environment of the
    /// workload, can use the queue and everything else that the keys allow.
    ///
    /// ## Fix
    /// Let KEDA use the pod's identity, by `authenticationRef: {name: aws}` in the trigger and
    ///
    /// ```yaml
    /// apiVersion: keda.sh/v1alpha1
    /// kind: TriggerAuthentication
    /// metadata: {name: aws}
    /// spec:
    ///   podIdentity: {provider: aws}
    /// ```
    findings: {
        /// The trigger takes access keys
        StaticKeys: Medium, Certain;
        /// The trigger has no identity, and does not work
        NoIdentity: Medium, Certain;
    },
    priority: P1,
    effort: Small,
    factor: BackingServices,
    since: "0.1.0",
    // A ScaledJob is a workload.
    applies_to: ["keda.sh/ScaledObject", "workload/ScaledJob"],
    reads: [
        "spec.triggers[*].type", "spec.triggers[*].metadata", "spec.triggers[*].authenticationRef",
        "object.spec.triggers[*].type", "object.spec.triggers[*].metadata", "object.spec.triggers[*].authenticationRef",
    ],
    inventory: {
        authentications: {
            kinds: ["keda.sh/TriggerAuthentication", "keda.sh/ClusterTriggerAuthentication"],
            scope: "cluster",
            relation: named {
                kind: "spec.triggers[*].authenticationRef.kind=TriggerAuthentication",
                name: "spec.triggers[*].authenticationRef.name",
            },
            reads: ["spec.podIdentity.provider", "spec.secretTargetRef", "spec.env"],
        },
        job_authentications: {
            kinds: ["keda.sh/TriggerAuthentication", "keda.sh/ClusterTriggerAuthentication"],
            scope: "cluster",
            relation: named {
                kind: "object.spec.triggers[*].authenticationRef.kind=TriggerAuthentication",
                name: "object.spec.triggers[*].authenticationRef.name",
            },
            reads: ["spec.podIdentity.provider", "spec.secretTargetRef", "spec.env"],
        },
    },
}

const KEYS: [&str; 3] = ["awsAccessKeyID", "awsAccessKeyId", "awsSecretAccessKey"];

fn check(input: &Input<'_, Parameters>, findings: &mut Findings) -> Check {
    let mut unknown = None;
    // A ScaledJob has a pod template, so it comes as a workload.
    let (triggers, query) = match &*input.subject.kind {
        "ScaledJob" => ("object.spec.triggers", "job_authentications"),
        _ => ("spec.triggers", "authentications"),
    };
    let triggers: Vec<View<'_>> = input.document.at(triggers).items().filter(is_of_aws).collect();
    if triggers.is_empty() {
        return not_applicable("no trigger asks AWS");
    }
    for trigger in &triggers {
        let (metadata, reference) = (trigger.get("metadata"), trigger.get("authenticationRef"));
        let kind = trigger.get("type").text();
        if metadata.get("identityOwner").text() == "operator" {
            continue;
        }
        if reference.get("name").text().is_empty() {
            let keys = ["awsAccessKeyID", "awsAccessKeyIDFromEnv"].map(|field| metadata.get(field));
            match keys.iter().find(|key| key.exists()) {
                Some(key) => {
                    let message = format!("trigger `{kind}` takes an access key, expected an identity");
                    findings.report(Code::StaticKeys, key, message);
                }
                None => {
                    let message = format!("trigger `{kind}` has no identity, so KEDA cannot ask AWS and never scales");
                    findings.report(Code::NoIdentity, trigger, message);
                }
            }
            continue;
        }
        let (name, wanted) = (reference.get("name"), reference.get("kind").as_str().unwrap_or("TriggerAuthentication"));
        let mut known = input.related(query);
        let Some(authentication) = known.find(|it| it.kind() == wanted && it.name() == name.text()) else {
            unknown = Some(format!("{wanted} `{}` is not among the documents", name.text()));
            continue;
        };
        let spec = authentication.document.get("spec");
        let is_key = |entry: &View<'_>| KEYS.contains(&entry.get("parameter").text());
        let keys = ["secretTargetRef", "env"].map(|list| spec.get(list).items().find(is_key));
        let has_identity = matches!(spec.at("podIdentity.provider").text(), "aws" | "aws-eks");
        if let Some(key) = keys.into_iter().flatten().next().filter(|_| !has_identity) {
            let message = format!("trigger `{kind}` takes access keys from {wanted} `{}`", name.text());
            findings.report(Code::StaticKeys, &name, message).label_in(
                &authentication,
                &key.get("parameter"),
                "an access key",
            );
        }
    }
    findings.or_unknown(unknown)
}

/// Whether a trigger asks AWS itself.
fn is_of_aws(trigger: &View<'_>) -> bool {
    let endpoint = trigger.at("metadata.awsEndpoint").text();
    trigger.get("type").text().starts_with("aws-") && (endpoint.is_empty() || endpoint.contains("amazonaws.com"))
}
