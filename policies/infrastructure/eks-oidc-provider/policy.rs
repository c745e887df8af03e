use policy_sdk::prelude::*;
use policy_sdk::repository::eks::{self, EksClusters};
use policy_sdk::repository::terraform::{self, Argument, Callers, resources};
use policy_sdk::repository::terraform_calls::{Made, calls};

policy_sdk::rule! {
    /// Pods of an EKS cluster can have a role of their own
    ///
    /// A cluster has an `aws_iam_openid_connect_provider` for its issuer (IRSA), or the agent of EKS Pod Identity: the
    /// add-on `eks-pod-identity-agent`, an `aws_eks_pod_identity_association`, or EKS Auto Mode, which has the agent
    /// built in. The module `terraform-aws-modules/eks/aws` makes the provider unless `enable_irsa` is `false`.
    ///
    /// Where another root module of the run has such a thing it may be for this cluster, so that is not evaluated.
    ///
    /// ## Why
    /// Without either, a pod that calls AWS takes the role of its node, or a key that somebody put into a Secret. The
    /// role of the node is then allowed what any of its pods needs, and every pod on it may do all of that.
    ///
    /// ## Fix
    /// ```hcl
    /// resource "aws_eks_addon" "pod_identity" {
    ///   cluster_name = aws_eks_cluster.shop.name
    ///   addon_name   = "eks-pod-identity-agent"
    /// }
    /// ```
    ///
    /// Then give each ServiceAccount a role with `aws_eks_pod_identity_association`.
    findings: {
        /// Nothing gives pods roles of their own
        Missing: Low, Likely, absence: ["others"];
        /// The module is set to make no provider, and has no agent
        SwitchedOff: Low, Likely, absence: ["others"];
    },
    priority: P0,
    effort: Small,
    factor: BackingServices,
    since: "0.1.0",
    applies_to: ["file/TerraformModule", "file/TerraformPlan"],
    uses: [Callers, EksClusters],
    reads: [
        "path", "resource.aws_iam_openid_connect_provider", "resource.aws_eks_addon",
        "resource.aws_eks_pod_identity_association.*.type",
    ],
    inventory: {
        // No relation fits: a provider names the cluster by a value that only AWS knows.
        others: {
            kinds: ["file/TerraformModule"],
            scope: "cluster",
            reads: [
                "path", "resource.aws_iam_openid_connect_provider", "resource.aws_eks_addon",
                "resource.aws_eks_pod_identity_association.*.type", "module.*.attributes.source",
                "module.*.attributes.addons",
            ],
        },
    },
}

const AGENT: &str = "eks-pod-identity-agent";

fn check(input: &Input<'_, Parameters>, findings: &mut Findings) -> Check {
    let module = &input.document;
    let clusters = eks::clusters(input);
    if clusters.is_empty() {
        return not_applicable("it makes no cluster of EKS");
    }
    terraform::uncalled(input)?;
    if gives_identities(module) {
        return Ok(());
    }
    let path = module.get("path").text();
    let without: Vec<&Made<'_>> = clusters.iter().filter(|cluster| has_own(cluster) == Some(false)).collect();
    if without.is_empty() {
        let is_unknown = clusters.iter().any(|cluster| has_own(cluster).is_none());
        return findings.or_unknown(is_unknown.then_some("what gives pods of its cluster roles is not known"));
    }
    let other = input
        .related("others")
        .find(|other| other.document.get("path").text() != path && gives_identities(&other.document));
    if let Some(other) = other {
        return not_evaluated(format!("what `{}` has may be for its cluster", other.name()));
    }
    for cluster in without {
        let is_off = cluster.call.is_some();
        let (code, why) = if is_off {
            (Code::SwitchedOff, "`enable_irsa` is `false`, and there is no Pod Identity agent")
        } else {
            (Code::Missing, "there is no OIDC provider and no Pod Identity agent")
        };
        let message = format!("pods of `{}` cannot have roles of their own: {why}", cluster.called);
        let place =
            if is_off { cluster.block.argument("enable_irsa").place().clone() } else { cluster.block.place().clone() };
        findings.report(code, &place, message);
    }
    Ok(())
}

/// Whether a module has something that gives pods of some cluster roles.
fn gives_identities(module: &View<'_>) -> bool {
    // Of a provider that is not for a cluster the address is written: that of GitHub.
    let is_of_cluster = |url: Argument<'_>| url.known().is_none_or(|url| url.text().contains("oidc.eks"));
    let is_agent = |name: Argument<'_>| name.known().is_none_or(|name| name.text() == AGENT);
    let has_addon = |addons: Argument<'_>| match addons {
        Argument::Known(addons) => addons.get(AGENT).kind().is_some(),
        Argument::Unknown(..) => true,
        Argument::Absent(_) => false,
    };
    resources(module, "aws_iam_openid_connect_provider").any(|(_, provider)| is_of_cluster(provider.argument("url")))
        || resources(module, "aws_eks_addon").any(|(_, addon)| is_agent(addon.argument("addon_name")))
        || resources(module, "aws_eks_pod_identity_association").next().is_some()
        || calls(module).any(|call| {
            call.is_of("terraform-aws-modules/eks-pod-identity/aws") || has_addon(call.block.argument("eks_addons"))
        })
}

/// Whether a cluster brings its own; `None` where that is not known.
fn has_own(cluster: &Made<'_>) -> Option<bool> {
    let auto = cluster.argument("compute_config.enabled", &["compute_config", "cluster_compute_config"]);
    let auto = match &auto {
        Argument::Known(config) if cluster.call.is_some() => {
            Some(!config.get("enabled").exists() || config.get("enabled").is_true())
        }
        Argument::Known(on) => on.as_bool(),
        Argument::Unknown(..) => None,
        Argument::Absent(_) => Some(false),
    };
    let Some(call) = &cluster.call else { return auto };
    let irsa = match call.argument(&["enable_irsa"]) {
        // Before version 18 it was off.
        Argument::Absent(_) => Some(!call.is_before(18)),
        Argument::Known(on) => on.as_bool(),
        Argument::Unknown(..) => None,
    };
    let agent = match call.argument(&["addons", "cluster_addons"]) {
        Argument::Known(addons) => Some(addons.get(AGENT).kind().is_some()),
        Argument::Unknown(..) => None,
        Argument::Absent(_) => Some(false),
    };
    let all = [auto, irsa, agent];
    if all.contains(&Some(true)) { Some(true) } else { all.into_iter().find(Option::is_none).unwrap_or(Some(false)) }
}
