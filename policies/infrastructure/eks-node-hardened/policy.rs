use policy_sdk::prelude::*;
use policy_sdk::repository::terraform::{self, Argument, Block, Callers, Resource, resources};
use policy_sdk::repository::terraform_calls::calls;
use policy_sdk::repository::terraform_links::{Link, name_of};

policy_sdk::rule! {
    /// Nodes of EKS open no port 22 to everybody, and encrypt their disks
    ///
    /// A node group with a key for SSH (`remote_access.ec2_ssh_key`) names the security groups that it may be used
    /// from. Disks that a launch template of a node group describes are encrypted. A launch template of an Auto Scaling
    /// group for Kubernetes, as its tags say, does not make the token of the metadata service optional; for node groups
    /// and clusters the rule `imds-blocked-for-pods` checks that, hop limits too.
    ///
    /// Calls of the module `terraform-aws-modules/eks/aws` are checked by their node groups. They use launch templates
    /// unless `use_custom_launch_template` is `false`, and then take no `remote_access`.
    ///
    /// ## Why
    /// A key without security groups makes EKS open port 22 of every node to all addresses: to the internet in a public
    /// subnet, to all that is connected to the VPC in a private one. Whoever has the key, or the next hole in sshd, is
    /// root on a node and reads the tokens of all of its pods. A snapshot of a disk that is not encrypted can be copied to
    /// another account.
    ///
    /// ## Fix
    /// Leave `remote_access` out and use Session Manager of AWS, which needs no key and no port. Where SSH has to be:
    ///
    /// ```hcl
    /// remote_access {
    ///   ec2_ssh_key               = aws_key_pair.ops.key_name
    ///   source_security_group_ids = [aws_security_group.bastion.id]
    /// }
    /// ```
    ///
    /// ```hcl
    /// block_device_mappings {
    ///   device_name = "/dev/xvda"
    ///   ebs {
    ///     encrypted = true
    ///   }
    /// }
    /// ```
    findings: {
        /// Port 22 of the nodes is open to every address
        OpenSsh: High, Certain;
        /// The metadata service answers without a token
        TokensOptional: Medium, Certain;
        /// Disks are not encrypted, unless the account encrypts all
        Unencrypted: Low, Likely;
    },
    priority: P1,
    effort: Small,
    factor: Security,
    peers: ["CK:CKV_AWS_100", "CK:CKV_AWS_79", "TR:AWS-0130"],
    since: "0.1.0",
    applies_to: ["file/TerraformModule", "file/TerraformPlan"],
    uses: [Callers],
    reads: [
        "resource.aws_eks_node_group", "resource.aws_launch_template", "resource.aws_autoscaling_group",
        "resource.aws_eks_cluster.*.type", "module.*.attributes",
    ],
}

const GROUP: Link = Link { from: "aws_eks_node_group", argument: "", to: "aws_launch_template", name: "name" };
const SCALING: Link = Link { from: "aws_autoscaling_group", argument: "", to: "aws_launch_template", name: "name" };

fn check(input: &Input<'_, Parameters>, findings: &mut Findings) -> Check {
    let module = &input.document;
    let groups: Vec<Resource<'_>> = resources(module, "aws_eks_node_group").collect();
    let scaling: Vec<Resource<'_>> =
        resources(module, "aws_autoscaling_group").filter(|(_, group)| is_of_kubernetes(group)).collect();
    let calls: Vec<_> = calls(module)
        .filter(|call| {
            call.is_of("terraform-aws-modules/eks/aws")
                || call.is_of("terraform-aws-modules/eks/aws//modules/eks-managed-node-group")
        })
        .collect();
    if groups.is_empty() && scaling.is_empty() && calls.is_empty() {
        return not_applicable("it makes no nodes of EKS");
    }
    terraform::uncalled(input)?;
    let mut unknown = None;
    for group in &groups {
        let called = name_of(GROUP.from, group.0);
        for access in group.1.blocks("remote_access") {
            let [key, sources] = ["ec2_ssh_key", "source_security_group_ids"].map(|name| access.argument(name));
            unknown = judge_access(&called, &key, &sources, findings).or(unknown);
        }
        if group.1.is_dynamic("remote_access") {
            unknown = Some(format!("who may use SSH on nodes of `{called}` is not known"));
        }
    }
    let of_groups = groups.iter().filter_map(|group| template(module, &GROUP, group)).map(|found| (found, false));
    let of_scaling = scaling.iter().filter_map(|group| template(module, &SCALING, group)).map(|found| (found, true));
    let mut templates: Vec<(Resource<'_>, bool)> = of_groups.chain(of_scaling).collect();
    let mut seen: Vec<&str> = Vec::new();
    templates.retain(|((address, _), _)| {
        let is_new = !seen.contains(address);
        seen.push(address);
        is_new
    });
    let is_judged_elsewhere = !module.at("resource.aws_eks_cluster").is_empty();
    for ((address, template), is_scaled) in &templates {
        let called = name_of(GROUP.to, address);
        judge_disks(&called, template, findings);
        let options = template.blocks("metadata_options").next();
        let tokens = options.map(|options| options.argument("http_tokens"));
        let optional = tokens.as_ref().and_then(Argument::known).filter(|tokens| tokens.text() == "optional");
        if let Some(tokens) = optional.filter(|_| *is_scaled && !is_judged_elsewhere) {
            let message = format!(
                "the metadata service of nodes from `{called}` answers without a token, expected \
                 `required`"
            );
            findings.report(Code::TokensOptional, tokens, message);
        }
    }
    for call in &calls {
        let attributes = call.block.place().get("attributes");
        let lists = ["eks_managed_node_groups", "eks_managed_node_group_defaults"].map(|list| attributes.get(list));
        let of_list = lists[0].entries().map(|(_, group)| group).chain([lists[1].clone(), attributes.clone()]);
        for group in of_list {
            let takes_access = Argument::of(group.get("use_custom_launch_template"));
            if takes_access.known().is_none_or(|custom| custom.as_bool() != Some(false)) {
                continue;
            }
            let access = group.get("remote_access");
            let [key, sources] =
                ["ec2_ssh_key", "source_security_group_ids"].map(|name| Argument::of(access.get(name)));
            unknown = judge_access(&name_of("module", call.address), &key, &sources, findings).or(unknown);
        }
    }
    findings.or_unknown(unknown)
}

/// Whether the tags of an Auto Scaling group say that its machines are nodes of Kubernetes.
fn is_of_kubernetes(group: &Block<'_>) -> bool {
    group.blocks("tag").any(|tag| {
        let key = match tag.argument("key") {
            Argument::Known(key) => key.text(),
            Argument::Unknown(_, expression) => expression.trim_start_matches('"'),
            Argument::Absent(_) => "",
        };
        key.starts_with("kubernetes.io/cluster/") || key.starts_with("k8s.io/cluster-autoscaler/")
    })
}

/// The launch template of a group, as far as the module has it.
fn template<'d>(module: &View<'d>, link: &Link, group: &Resource<'d>) -> Option<Resource<'d>> {
    let mixed = "mixed_instances_policy.launch_template.launch_template_specification";
    let paths = ["launch_template.id", "launch_template.name"].map(str::to_owned);
    let mixed = ["launch_template_id", "launch_template_name"].map(|name| [mixed, ".", name].concat());
    paths.iter().chain(&mixed).find_map(|path| link.to(module, group, &group.1.argument_at(path)))
}

/// Reports a key for SSH without security groups; says what is not known.
fn judge_access(called: &str, key: &Argument<'_>, sources: &Argument<'_>, findings: &mut Findings) -> Option<String> {
    let is_open = match sources {
        Argument::Absent(_) => true,
        Argument::Known(list) => list.is_empty(),
        Argument::Unknown(..) => return None,
    };
    if !is_open {
        return None;
    }
    match key {
        // A variable may be null.
        Argument::Unknown(_, expression) if expression.starts_with("var.") || expression.starts_with("each.") => {
            return Some(format!("whether nodes of `{called}` have a key for SSH is not known"));
        }
        Argument::Absent(_) => return None,
        Argument::Known(_) | Argument::Unknown(..) => {}
    }
    let message = format!(
        "port 22 of the nodes of `{called}` is open to `0.0.0.0/0`: there is a key for SSH, and no \
         `source_security_group_ids`"
    );
    findings.report(Code::OpenSsh, key.place(), message);
    None
}

fn judge_disks(called: &str, template: &Block<'_>, findings: &mut Findings) {
    for disk in template.blocks("block_device_mappings") {
        for ebs in disk.blocks("ebs") {
            let encrypted = ebs.argument("encrypted");
            let is_off = match &encrypted {
                Argument::Known(on) => !on.is_true() && on.text() != "true",
                Argument::Absent(_) => matches!(ebs.argument("snapshot_id"), Argument::Absent(_)),
                Argument::Unknown(..) => false,
            };
            if is_off {
                let message = format!(
                    "disks of nodes from `{called}` are not encrypted, unless the account encrypts \
                     all of them"
                );
                findings.report(Code::Unencrypted, encrypted.place(), message);
            }
        }
    }
}
