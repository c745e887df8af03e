use policy_sdk::kubernetes::service_account::{self, OwnServiceAccount};
use policy_sdk::parameter::list;
use policy_sdk::prelude::*;
use policy_sdk::repository::files::folder;
use policy_sdk::values::image::glob_match;

policy_sdk::rule! {
    /// The ServiceAccount of a workload is there
    ///
    /// The account that a pod names in `serviceAccountName`, or in the older field `serviceAccount`, is deployed with
    /// it, in the same namespace. Names in `ignore` pass: `default`, which every namespace has, and the accounts that
    /// OpenShift makes in every project.
    ///
    /// Where no account of the namespace is in the folder of the workload, accounts are perhaps kept elsewhere, and the
    /// finding is a guess.
    ///
    /// An account that Terraform (`kubernetes_service_account`) or eksctl (`iam.serviceAccounts`) makes counts. Where
    /// charts, operators or other files that are not read may bring the account, the rule is not evaluated.
    ///
    /// ## Why
    /// The API server makes no pod whose account is missing. A new Deployment stays at zero pods with an event on its
    /// ReplicaSet; one that runs goes on until its first pod has to be replaced.
    ///
    /// ## Fix
    /// Correct the name, or add the account:
    ///
    /// ```yaml
    /// apiVersion: v1
    /// kind: ServiceAccount
    /// metadata:
    ///   name: cart
    ///   namespace: shop
    /// ```
    findings: {
        /// ServiceAccounts are kept here, and none of that name
        Missing: High, Likely, absence: ["service_account"];
        /// No ServiceAccount of that name is deployed with the workload, and they may be kept elsewhere
        Elsewhere: High, Guess, absence: ["service_account"];
    },
    priority: P0,
    effort: Small,
    factor: Security,
    peers: ["KL:non-existent-service-account", "KC:C-0307", "KY:check-serviceaccount"],
    since: "0.1.0",
    applies_to: ["workload"],
    uses: [OwnServiceAccount],
    reads: ["file"],
    inventory: {
        elsewhere: {
            kinds: ["core/ServiceAccount"],
            scope: "cluster",
            relation: same {
                there: "metadata.name",
                here: "pod.spec.serviceAccountName|pod.spec.serviceAccount",
            },
            reads: [],
        },
        of_terraform: {
            kinds: ["file/TerraformModule"],
            scope: "cluster",
            relation: same {
                there: "resource.kubernetes_service_account.*.blocks[*].attributes.name",
                here: "pod.spec.serviceAccountName|pod.spec.serviceAccount",
            },
            reads: [],
        },
        of_terraform_v1: {
            kinds: ["file/TerraformModule"],
            scope: "cluster",
            relation: same {
                there: "resource.kubernetes_service_account_v1.*.blocks[*].attributes.name",
                here: "pod.spec.serviceAccountName|pod.spec.serviceAccount",
            },
            reads: [],
        },
        of_eksctl: {
            kinds: ["eksctl.io/ClusterConfig"],
            scope: "cluster",
            relation: same {
                there: "iam.serviceAccounts[*].metadata.name",
                here: "pod.spec.serviceAccountName|pod.spec.serviceAccount",
            },
            reads: [],
        },
        // No relation fits: which name was meant is what the message offers.
        accounts: { kinds: ["core/ServiceAccount"], scope: "namespace", reads: ["file"] },
    },
    parameters: {
        /// Names, as globs, of accounts that the cluster makes.
        ignore: Vec<String> = list(["default", "builder", "deployer", "pipeline"]),
    },
}

/// Kinds whose references kustomize changes together with the names; of others it only does what its `configurations`
/// say.
const OWN_KINDS: [&str; 8] =
    ["Deployment", "StatefulSet", "DaemonSet", "ReplicaSet", "ReplicationController", "Job", "CronJob", "Pod"];

fn check(input: &Input<'_, Parameters>, findings: &mut Findings) -> Check {
    let place = service_account::name(input);
    let name = place.text();
    if name.is_empty() || input.parameters.ignore.iter().any(|glob| glob_match(glob, name)) {
        return not_applicable("its pods run as an account that the cluster makes");
    }
    let made_otherwise = ["of_terraform", "of_terraform_v1", "of_eksctl"];
    if service_account::service_account(input).is_some()
        || made_otherwise.into_iter().any(|query| input.related(query).next().is_some())
    {
        return Ok(());
    }
    let accounts: Vec<Related<'_>> = input.related("accounts").collect();
    let names = accounts.iter().map(|account| account.name());
    if !OWN_KINDS.contains(&input.workload().kind()) && names.clone().any(|other| is_renamed(name, other)) {
        return not_evaluated("a kustomization may have changed the name of the account, and not the reference to it");
    }
    let elsewhere = input.related("elsewhere").next();
    let (code, hint) = match &elsewhere {
        // Without a namespace the pods may be deployed to that one.
        Some(other) if input.subject.namespace.is_empty() || other.namespace().is_empty() => {
            return not_evaluated(format!(
                "in which namespace the pods and the ServiceAccount `{name}` are is not known"
            ));
        }
        Some(other) => (Code::Missing, format!(", but in the namespace `{}`", other.namespace())),
        None => {
            let own = folder(input.document.get("file").text());
            let is_kept_here = |account: &Related<'_>| folder(account.document.get("file").text()) == own;
            let code = if accounts.iter().any(is_kept_here) { Code::Missing } else { Code::Elsewhere };
            (code, nearest(name, names).map(|near| format!("; there is `{near}`")).unwrap_or_default())
        }
    };
    let message = format!("the ServiceAccount `{name}` is not deployed with it{hint}, so no pod is made");
    findings.report(code, &place, message);
    Ok(())
}

/// Whether a name is this one behind a prefix, or before a suffix.
fn is_renamed(name: &str, other: &str) -> bool {
    other.len() > name.len() && (other.ends_with(name) || other.starts_with(name))
}

/// The name that has the most in common with this one at its beginning and end, where that is at least half of it.
fn nearest<'n>(name: &str, names: impl Iterator<Item = &'n str>) -> Option<&'n str> {
    let common = |other: &str| {
        let front = name.bytes().zip(other.bytes()).take_while(|(one, another)| one == another).count();
        let back = name.bytes().rev().zip(other.bytes().rev()).take_while(|(one, another)| one == another).count();
        (front + back).min(name.len()).min(other.len())
    };
    names.max_by_key(|other| common(other)).filter(|other| common(other) * 2 >= name.len().max(other.len()))
}
