use policy_sdk::prelude::*;
use policy_sdk::repository::terraform::{Argument, Block, resources};

policy_sdk::rule! {
    /// Pods cannot take the role of their EC2 node
    ///
    /// Nodes of EKS ask for a token before they answer about themselves (`http_tokens = "required"`), and the answer
    /// does not leave the node (`http_put_response_hop_limit = 1`, which is the default of a launch template). Checked
    /// are the `metadata_options` of launch templates that an `aws_eks_node_group` uses, or that stand beside an
    /// `aws_eks_cluster`; of node groups in calls of EKS modules; and of Karpenter's EC2NodeClass. The metadata service
    /// may be switched off instead (`http_endpoint = "disabled"`).
    ///
    /// Where modules and Karpenter leave the options out, their defaults hold: a token is required.
    ///
    /// ## Why
    /// The metadata service of EC2 at 169.254.169.254 hands out the credentials of the node's role to whoever asks.
    /// With a request that an application is tricked into sending, an intruder gets them: they pull every image and,
    /// depending on the role, change networks and volumes. With a token and a hop limit of 1 no request from a pod's
    /// own network gets an answer.
    ///
    /// ## Fix
    /// ```hcl
    /// metadata_options {
    ///   http_tokens                 = "required"
    ///   http_put_response_hop_limit = 1
    /// }
    /// ```
    ///
    /// Give pods that call AWS a role of their own first, by Pod Identity or IRSA. Agents with `hostNetwork` go on
    /// working.
    findings: {
        /// The node answers without a token
        TokensOptional: High, Certain;
        /// The template does not say whether a token is required
        TokensUnset: High, Likely;
        /// The answer reaches pods
        HopLimit: Medium, Certain;
    },
    priority: P1,
    effort: Small,
    factor: Security,
    peers: ["KC:C-0052", "CK:CKV_AWS_341", "CK:CKV_AWS_79"],
    since: "0.1.0",
    applies_to: ["file/TerraformModule", "karpenter.k8s.aws/EC2NodeClass"],
    reads: [
        "spec.metadataOptions", "resource.aws_launch_template", "resource.aws_eks_node_group",
        "resource.aws_eks_cluster.*.type",
        "module.*.attributes.source", "module.*.attributes.metadata_options",
        "module.*.attributes.eks_managed_node_groups.*.metadata_options",
        "module.*.attributes.self_managed_node_groups.*.metadata_options",
        "module.*.attributes.eks_managed_node_group_defaults.metadata_options",
        "module.*.attributes.self_managed_node_group_defaults.metadata_options",
    ],
}

/// What is said of the metadata service.
struct Options<'d> {
    endpoint: Argument<'d>,
    tokens: Argument<'d>,
    hops: Argument<'d>,
}

impl<'d> Options<'d> {
    /// Of a mapping, whose keys are these.
    fn of(options: &View<'d>, [endpoint, tokens, hops]: [&str; 3]) -> Self {
        let argument = |key| Argument::of(options.get(key));
        Self { endpoint: argument(endpoint), tokens: argument(tokens), hops: argument(hops) }
    }
}

const NAMES: [&str; 3] = ["http_endpoint", "http_tokens", "http_put_response_hop_limit"];

fn check(input: &Input<'_, Parameters>, findings: &mut Findings) -> Check {
    let document = &input.document;
    if input.subject.kind == "EC2NodeClass" {
        let options = document.at("spec.metadataOptions");
        judge(&Options::of(&options, ["httpEndpoint", "httpTokens", "httpPutResponseHopLimit"]), findings);
        return Ok(());
    }
    let mut unknown = None;
    let mut is_any = false;
    for (address, template) in resources(document, "aws_launch_template") {
        let Some(is_used) = node_template(document, template.label(1)) else { continue };
        is_any = true;
        let Some(block) = template.blocks("metadata_options").next() else {
            if template.is_dynamic("metadata_options") {
                unknown = Some(format!("the metadata options of `{address}` are made by a `dynamic` block"));
            } else if is_used {
                report_unset(template.place(), findings);
            }
            continue;
        };
        let [endpoint, tokens, hops] = NAMES.map(|name| block.argument(name));
        let options = Options { endpoint, tokens, hops };
        if options.tokens.is_unknown() || options.endpoint.is_unknown() {
            unknown = Some(format!("the metadata options of `{address}` are not known"));
        }
        if matches!(options.tokens, Argument::Absent(_)) && !is_off(&options) {
            report_unset(block.place(), findings);
        }
        judge(&options, findings);
    }
    for (name, call) in document.get("module").entries() {
        let attributes = call.get("attributes");
        if !attributes.get("source").text().contains("eks") {
            continue;
        }
        is_any = true;
        let groups = ["eks_managed_node_groups", "self_managed_node_groups"].map(|list| attributes.get(list));
        let of_groups = groups.iter().flat_map(|list| list.entries()).map(|(_, group)| group.get("metadata_options"));
        let defaults = ["eks_managed_node_group_defaults", "self_managed_node_group_defaults"];
        let of_defaults = defaults.map(|list| attributes.get(list).get("metadata_options"));
        for options in of_groups.chain(of_defaults).chain([attributes.get("metadata_options")]) {
            let options = Options::of(&options, NAMES);
            if options.tokens.is_unknown() || options.hops.is_unknown() {
                unknown = Some(format!("the metadata options of the module `{name}` are not known"));
            }
            judge(&options, findings);
        }
    }
    if !is_any && unknown.is_none() {
        return not_applicable("it makes no nodes of EKS");
    }
    findings.or_unknown(unknown)
}

fn report_unset(place: &View<'_>, findings: &mut Findings) {
    let message = "the launch template does not say `http_tokens`: the node answers pods without a token, unless its image \
        or the account says otherwise";
    findings.report(Code::TokensUnset, place, message);
}

fn is_off(options: &Options<'_>) -> bool {
    options.endpoint.known().is_some_and(|endpoint| endpoint.text() == "disabled")
}

fn judge(options: &Options<'_>, findings: &mut Findings) {
    if is_off(options) {
        return;
    }
    if let Some(tokens) = options.tokens.known().filter(|tokens| tokens.text() == "optional") {
        let message = "the node tells its credentials to whoever asks, without a token; expected `required`";
        findings.report(Code::TokensOptional, tokens, message);
    }
    let hops = options.hops.known().and_then(|hops| Some((hops, hops.as_i64()?)));
    if let Some((place, hops)) = hops.filter(|(_, hops)| *hops > 1) {
        let message = format!("the answer travels {hops} hops and so reaches pods, expected 1");
        findings.report(Code::HopLimit, place, message);
    }
}

/// Whether a launch template is of nodes, and whether a node group uses it: `None` where it is of something else.
fn node_template(module: &View<'_>, name: &str) -> Option<bool> {
    let names_it = |argument: &Argument<'_>| match argument {
        Argument::Unknown(_, expression) => expression
            .strip_prefix("aws_launch_template.")
            .and_then(|rest| rest.strip_prefix(name))
            .is_some_and(|rest| rest.starts_with(['.', '['])),
        Argument::Known(_) | Argument::Absent(_) => false,
    };
    let uses = |group: &Block<'_>| {
        let mut templates = group.blocks("launch_template");
        templates.any(|template| ["id", "name"].iter().any(|field| names_it(&template.argument(field))))
    };
    if resources(module, "aws_eks_node_group").any(|(_, group)| uses(&group)) {
        return Some(true);
    }
    (!module.at("resource.aws_eks_cluster").is_empty()).then_some(false)
}
