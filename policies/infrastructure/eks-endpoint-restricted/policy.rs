use policy_sdk::kubernetes::production::ProductionSigns;
use policy_sdk::prelude::*;
use policy_sdk::repository::eks::{self, EksClusters};
use policy_sdk::repository::terraform::{self, Argument, Callers};
use policy_sdk::repository::terraform_calls::Made;
use policy_sdk::values::cidr::Cidr;

policy_sdk::rule! {
    /// Not everybody reaches the API of an EKS cluster
    ///
    /// The endpoint of the API server is private, or `public_access_cidrs` names ranges that are not the whole
    /// internet: neither `0.0.0.0/0` and `::/0` nor their halves. Where the public endpoint is off the ranges do not
    /// count.
    ///
    /// What is left out has EKS' defaults: public, for everybody, and not private. Calls of the module
    /// `terraform-aws-modules/eks/aws` have its defaults: since version 19 private only.
    ///
    /// ## Why
    /// Whoever finds a kubeconfig or steals a token from a pipeline uses it from anywhere. The next hole in the API
    /// server can be tried by everybody. Without the private endpoint the nodes, too, reach the API by its public
    /// address, so the ranges have to have that of every NAT gateway.
    ///
    /// ## Fix
    /// ```hcl
    /// vpc_config {
    ///   endpoint_private_access = true
    ///   endpoint_public_access  = true
    ///   public_access_cidrs     = ["203.0.113.0/24"] # the office and the VPN
    /// }
    /// ```
    ///
    /// Switch on the private endpoint first. Pipelines that run elsewhere need a runner in the VPC, or their range in
    /// the list.
    findings: {
        /// Everybody reaches the API, and nodes only by the public way
        Open: High, Certain;
        /// Everybody reaches the API
        Public: Medium, Certain;
        /// The nodes reach the API by its public address
        NotPrivate: Low, Certain;
    },
    priority: P1,
    effort: Medium,
    factor: Security,
    peers: ["CK:CKV_AWS_38", "CK:CKV_AWS_39", "TR:AWS-0040", "TR:AWS-0041", "KC:C-0227", "KC:C-0228"],
    since: "0.1.0",
    applies_to: ["file/TerraformModule", "file/TerraformPlan"],
    uses: [Callers, EksClusters, ProductionSigns],
    reads: ["path"],
    parameters: {
        /// Whether only clusters of production are checked, as the folders of the setting `production` say.
        production_only: bool = false,
    },
}

fn check(input: &Input<'_, Parameters>, findings: &mut Findings) -> Check {
    let clusters = eks::clusters(input);
    if clusters.is_empty() {
        return not_applicable("it makes no cluster of EKS");
    }
    terraform::uncalled(input)?;
    let folders = input.setting::<ProductionSigns>().folders;
    let mut path = input.document.get("path").text().split('/');
    if input.parameters.production_only && !path.any(|folder| folders.iter().any(|known| known == folder)) {
        return not_applicable("its cluster is not of production");
    }
    let mut unknown = None;
    for cluster in &clusters {
        if judge(cluster, findings).is_none() {
            unknown = Some(format!("who reaches the API of `{}` is not known", cluster.called));
        }
    }
    findings.or_unknown(unknown)
}

/// Checks a cluster; `None` where that is not known.
fn judge(cluster: &Made<'_>, findings: &mut Findings) -> Option<()> {
    let is_old = cluster.call.as_ref().is_none_or(|call| call.is_before(19));
    let argument = |name: &str| {
        let in_call = ["cluster_", name].concat();
        cluster.argument(&["vpc_config.", name].concat(), &[name, &in_call])
    };
    let (public, private) = (argument("endpoint_public_access"), argument("endpoint_private_access"));
    let is_on = |argument: &Argument<'_>, default: bool| match argument {
        Argument::Known(on) => on.as_bool(),
        Argument::Absent(_) => Some(default),
        Argument::Unknown(..) => None,
    };
    if !is_on(&public, is_old)? {
        return Some(());
    }
    let ranges = cluster.argument(
        "vpc_config.public_access_cidrs",
        &["endpoint_public_access_cidrs", "cluster_endpoint_public_access_cidrs"],
    );
    let open = match &ranges {
        Argument::Absent(_) => Some((public.place().clone(), "0.0.0.0/0".to_owned())),
        Argument::Unknown(..) => None,
        Argument::Known(list) => match open_range(list) {
            Some(found) => Some(found),
            None if list.items().any(|range| Argument::of(range).is_unknown()) => None,
            None => {
                if is_on(&private, !is_old) == Some(false) {
                    let message = format!(
                        "nodes of `{}` reach the API by its public address: `endpoint_private_access` is off",
                        cluster.called
                    );
                    findings.report(Code::NotPrivate, private.place(), message);
                }
                return Some(());
            }
        },
    };
    let (place, range) = open?;
    let is_private = is_on(&private, !is_old)?;
    let (code, also) = if is_private {
        (Code::Public, "")
    } else {
        (Code::Open, ", and the nodes reach it by its public address too")
    };
    let said = if matches!(ranges, Argument::Absent(_)) { "which is the default" } else { "which is the internet" };
    let message =
        format!("everybody reaches the API of `{}`: it is public for `{range}`, {said}{also}", cluster.called);
    findings.report(code, &place, message);
    Some(())
}

/// The range of a list that is everybody, and its place; two halves are that too.
fn open_range<'d>(list: &View<'d>) -> Option<(View<'d>, String)> {
    let ranges: Vec<(View<'d>, Cidr)> =
        list.items().filter_map(|range| Some((range.clone(), Cidr::parse(range.text())?))).collect();
    if let Some((place, _)) = ranges.iter().find(|(_, range)| range.is_any()) {
        return Some((place.clone(), place.text().to_owned()));
    }
    let halves: Vec<&(View<'d>, Cidr)> = ranges.iter().filter(|(_, range)| range.length() == 1).collect();
    let (first, second) = halves.iter().enumerate().find_map(|(at, first)| {
        let other = halves[at + 1..].iter().find(|other| other.1.is_v6() == first.1.is_v6() && other.1 != first.1)?;
        Some((first, other))
    })?;
    Some((first.0.clone(), [first.0.text(), "` and `", second.0.text()].concat()))
}
