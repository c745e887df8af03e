use policy_sdk::kubernetes::service_account::{self, OwnServiceAccount};
use policy_sdk::prelude::*;
use policy_sdk::repository::terraform::{Argument, Block};

policy_sdk::rule! {
    /// Pods that use AWS have an identity for it
    ///
    /// The ServiceAccount of a workload whose variables or ConfigMaps name a queue, table, bucket or secret of AWS (an
    /// address at `amazonaws.com`, an ARN, a variable `DYNAMODB_…`) has a role: by the annotation
    /// `eks.amazonaws.com/role-arn`, or by an `aws_eks_pod_identity_association` in Terraform.
    ///
    /// What passes: pods that get keys or a role by variables (`AWS_ACCESS_KEY_ID`, `AWS_ROLE_ARN` …); stored keys are
    /// a finding of `cloud-credentials-not-static`. Pods that speak to a store of their own (an endpoint that is not at
    /// `amazonaws.com`) are not checked. Unless Terraform among the files makes a cluster of EKS, the rule is not
    /// evaluated.
    ///
    /// ## Why
    /// Without a role of their own the AWS libraries take that of the node. Then every pod of the node may do what this
    /// one needs, and nobody can tell from the log which one did.
    ///
    /// ## Fix
    /// ```hcl
    /// resource "aws_eks_pod_identity_association" "cart" {
    ///   cluster_name    = aws_eks_cluster.this.name
    ///   namespace       = "shop"
    ///   service_account = "cart"
    ///   role_arn        = aws_iam_role.cart.arn
    /// }
    /// ```
    findings: {
        /// Pods use AWS with the role of their node
        Missing: Medium, Guess, absence: ["service_account", "associations"];
    },
    priority: P0,
    effort: Medium,
    factor: BackingServices,
    since: "0.1.0",
    applies_to: ["workload"],
    uses: [OwnServiceAccount],
    reads: ["container.env", "container.envFrom"],
    inventory: {
        values: {
            kinds: ["core/ConfigMap"],
            scope: "namespace",
            relation: named { kind: "=ConfigMap", name: "main_container.envFrom[*].configMapRef.name" },
            reads: ["data"],
        },
        associations: {
            kinds: ["file/TerraformModule"],
            scope: "cluster",
            relation: same {
                there: "resource.aws_eks_pod_identity_association.*.attributes.service_account",
                here: "pod.spec.serviceAccountName|pod.spec.serviceAccount=default",
            },
            reads: ["resource.aws_eks_pod_identity_association"],
        },
        // No relation fits: whether there is a cluster of EKS at all.
        clusters: {
            kinds: ["file/TerraformModule"],
            scope: "cluster",
            reads: ["resource.aws_eks_cluster.*.type", "module.*.attributes.source"],
        },
    },
}

/// Variables by which a container has an identity, or keys.
const IDENTITIES: [&str; 7] = [
    "AWS_ACCESS_KEY_ID",
    "AWS_ROLE_ARN",
    "AWS_WEB_IDENTITY_TOKEN_FILE",
    "AWS_CONTAINER_CREDENTIALS_FULL_URI",
    "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI",
    "AWS_SHARED_CREDENTIALS_FILE",
    "AWS_PROFILE",
];
/// Services of AWS that ask who is there. A database or cache has users of its own.
const SERVICES: [&str; 9] = ["sqs", "sns", "s3", "dynamodb", "secretsmanager", "kinesis", "ssm", "kms", "lambda"];

fn check(input: &Input<'_, Parameters>, findings: &mut Findings) -> Check {
    let workload = input.workload();
    let maps: Vec<Related<'_>> = input.related("values").collect();
    let own = workload.containers().flat_map(|container| {
        container.get("env").items().map(|variable| (variable.get("name").text(), variable.get("value"), None))
    });
    let of_maps = maps
        .iter()
        .flat_map(|map| map.document.get("data").entries().map(move |(name, value)| (name, value, Some(map))));
    let values: Vec<(&str, View<'_>, Option<&Related<'_>>)> = own.chain(of_maps).collect();
    let Some((name, place, map)) = values.iter().find(|(name, value, _)| is_of_aws(name, value.text())) else {
        return not_applicable("nothing says that its pods use AWS");
    };
    if values.iter().any(|(name, value, _)| is_other_store(name, value.text())) {
        return not_applicable("its pods use a store of their own");
    }
    if values.iter().any(|(name, ..)| IDENTITIES.contains(name)) {
        return Ok(());
    }
    let account = service_account::service_account(input);
    if account.as_ref().is_some_and(|it| service_account::cloud_identity_of(&it.document).is_some())
        || is_associated(input)
    {
        return Ok(());
    }
    let is_eks = |module: Related<'_>| {
        let document = &module.document;
        !document.at("resource.aws_eks_cluster").is_empty()
            || document.get("module").entries().any(|(_, call)| call.at("attributes.source").text().contains("eks"))
    };
    if !input.related("clusters").any(is_eks) {
        return not_evaluated("no Terraform among the files makes a cluster of EKS");
    }
    let takes_secret = |entry: View<'_>| entry.get("secretRef").exists();
    if workload.containers().any(|container| container.get("envFrom").items().any(takes_secret)) {
        return not_evaluated("its pods take all of a Secret as variables, keys of AWS perhaps");
    }
    let account = service_account::name(input);
    let called = if account.text().is_empty() { service_account::DEFAULT } else { account.text() };
    let message = format!("its pods use AWS (`{name}`), and their ServiceAccount `{called}` has no role");
    let report = findings.report(Code::Missing, &account, message);
    match map {
        Some(map) => report.label_in(map, place, "it names what they use"),
        None => report.label(place, "it names what they use"),
    };
    Ok(())
}

/// Whether a variable names something of AWS that asks who is there.
fn is_of_aws(name: &str, value: &str) -> bool {
    let is_service = |part: &str| SERVICES.contains(&part);
    let host = value.split_once("://").map_or(value, |(_, rest)| rest).split(['/', ':']).next().unwrap_or_default();
    let by_host = host.ends_with(".amazonaws.com") && host.split(['.', '-']).any(is_service);
    let by_arn = value.strip_prefix("arn:aws").and_then(|rest| rest.split(':').nth(1)).is_some_and(is_service);
    by_host || by_arn || name.starts_with("DYNAMODB_")
}

/// Whether a variable has the address of a store that AWS does not run.
fn is_other_store(name: &str, value: &str) -> bool {
    let is_address = name.contains("ENDPOINT") || name.ends_with("_URL") && name.starts_with("AWS_");
    is_address && value.contains("://") && !value.contains("amazonaws.com")
        || ["MINIO", "LOCALSTACK"].iter().any(|word| name.contains(word))
}

/// Whether an association gives the ServiceAccount a role. What is not known of it may fit.
fn is_associated(input: &Input<'_, Parameters>) -> bool {
    let own = &*input.subject.namespace;
    input.related("associations").any(|module| {
        let associations = module.document.at("resource.aws_eks_pod_identity_association").entries();
        associations.map(|(_, block)| Block::of(block)).any(|association| {
            let account = service_account::name(input).text();
            let account = if account.is_empty() { service_account::DEFAULT } else { account };
            let fits = |argument: Argument<'_>, wanted: &str| argument.known().is_none_or(|it| it.text() == wanted);
            fits(association.argument("service_account"), account)
                && (own.is_empty() || fits(association.argument("namespace"), own))
        })
    })
}
