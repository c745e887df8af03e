use policy_sdk::json::Kind;
use policy_sdk::parameter::Parameter;
use policy_sdk::prelude::*;
use policy_sdk::repository::eks::{self, EksClusters};
use policy_sdk::repository::terraform::{self, Argument, Callers};
use policy_sdk::repository::terraform_calls::Made;
use policy_sdk::settings::RequireOwnKeys;
use policy_sdk::values::version::Version;

policy_sdk::rule! {
    /// Secrets in EKS are encrypted before they are stored
    ///
    /// EKS encrypts all objects of clusters of version 1.28 and later with a key of AWS. A cluster whose `version` is
    /// older needs an `encryption_config` for `secrets`. With the setting `requireOwnKeys` every cluster needs one,
    /// with a key of one's own.
    ///
    /// The module `terraform-aws-modules/eks/aws` makes a key and a configuration by default since version 18.
    ///
    /// ## Why
    /// Before 1.28 Secrets lie in etcd as they are, on disks that AWS encrypts. Whoever gets at a backup of etcd reads
    /// them. A key of one's own can be revoked, and CloudTrail says who used it.
    ///
    /// ## Fix
    /// Upgrade the cluster. Where a key of one's own is required:
    ///
    /// ```hcl
    /// encryption_config {
    ///   resources = ["secrets"]
    ///   provider {
    ///     key_arn = aws_kms_key.eks.arn
    ///   }
    /// }
    /// ```
    ///
    /// This can be switched on for a cluster that exists, but not off again. If the key is ever deleted, the cluster is
    /// lost with it.
    findings: {
        /// The version is too old to encrypt by itself
        OldVersion: Low, Certain;
        /// A key of AWS encrypts the Secrets
        NoOwnKey: Low, Certain;
    },
    priority: P1,
    effort: Medium,
    factor: Security,
    peers: ["CK:CKV_AWS_58", "TR:AWS-0039", "KC:C-0066"],
    since: "0.1.0",
    applies_to: ["file/TerraformModule", "file/TerraformPlan"],
    uses: [Callers, EksClusters, RequireOwnKeys],
}

fn check(input: &Input<'_, Parameters>, findings: &mut Findings) -> Check {
    let clusters = eks::clusters(input);
    if clusters.is_empty() {
        return not_applicable("it makes no cluster of EKS");
    }
    terraform::uncalled(input)?;
    let needs_own = input.setting::<RequireOwnKeys>();
    let mut unknown = None;
    for cluster in &clusters {
        let version = cluster.argument("version", &["kubernetes_version", "cluster_version"]);
        let old = version.known().and_then(|known| {
            let is_old = Version::read(known).is_some_and(|version| !version.is_at_least(1, 28));
            is_old.then(|| known.clone())
        });
        if old.is_none() && !needs_own {
            if version.is_unknown() {
                unknown = Some(format!("the version of `{}` is not known", cluster.called));
            }
            continue;
        }
        match has_key(cluster) {
            Some(true) => {}
            None => unknown = Some(format!("how Secrets of `{}` are encrypted is not known", cluster.called)),
            Some(false) if needs_own => {
                let message = format!(
                    "Secrets of `{}` are not encrypted with a key of one's own: it has no `encryption_config`",
                    cluster.called
                );
                findings.report(Code::NoOwnKey, cluster.block.place(), message);
            }
            Some(false) => {
                let place = old.as_ref().unwrap_or(cluster.block.place());
                let message = format!(
                    "Secrets of `{}` are not encrypted on their own: version {} does not do that by itself, and it has \
                     no `encryption_config`",
                    cluster.called,
                    place.text()
                );
                findings.report(Code::OldVersion, place, message);
            }
        }
    }
    findings.or_unknown(unknown)
}

/// Whether a cluster has a key that encrypts its Secrets.
fn has_key(cluster: &Made<'_>) -> Option<bool> {
    let Some(call) = &cluster.call else {
        const KIND: &str = "encryption_config";
        let is_any = cluster.block.blocks(KIND).next().is_some();
        let is_open = cluster.block.is_dynamic(KIND) || cluster.block.argument(KIND).is_unknown();
        return if is_any || !is_open { Some(is_any) } else { None };
    };
    if call.is_before(18) {
        return match call.argument(&["cluster_encryption_config"]) {
            Argument::Known(list) => Some(!list.is_empty()),
            Argument::Unknown(..) => None,
            Argument::Absent(_) => Some(false),
        };
    }
    // `{}` switches it off before version 21, `null` since.
    let before = call.argument(&["cluster_encryption_config"]);
    let since = call.argument(&["encryption_config"]);
    let is_off = before.known().is_some_and(View::is_empty) || since.place().kind() == Some(Kind::Null);
    let makes_key = call.argument(&["create_kms_key"]).known().and_then(View::as_bool) != Some(false);
    let names_key = [&before, &since].iter().any(|config| config.known().is_some_and(|one| !one.is_empty()));
    if before.is_unknown() || since.is_unknown() {
        return None;
    }
    Some(!is_off && (makes_key || names_key))
}
