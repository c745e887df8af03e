use policy_sdk::json::Json;
use policy_sdk::kubernetes::network_policy::{self, AnyNetworkPolicy};
use policy_sdk::parameter::list;
use policy_sdk::prelude::*;
use policy_sdk::repository::terraform::{self, Argument};

policy_sdk::rule! {
    /// A cluster with NetworkPolicies enforces them
    ///
    /// Where a Terraform module of the repository has the add-on `vpc-cni` of an EKS cluster, its
    /// `configuration_values` have `enableNetworkPolicy: "true"`: as a resource `aws_eks_addon`, or in the argument
    /// `addons` or `cluster_addons` of a module. Values that are not known are not checked. The rule reports the first
    /// NetworkPolicy of a namespace, and shows the add-on.
    ///
    /// Another network plugin that enforces policies (`enforcers`: Cilium, Calico, kube-router, Antrea), as a
    /// `helm_release`, a HelmRelease or an Application, is enough.
    ///
    /// ## Why
    /// The plugin of EKS ignores NetworkPolicies unless this is set. Everybody believes that the policies isolate the
    /// pods, and nothing does.
    ///
    /// ## Fix
    /// ```hcl
    /// resource "aws_eks_addon" "vpc_cni" {
    ///   cluster_name         = "<cluster>"
    ///   addon_name           = "vpc-cni"
    ///   configuration_values = jsonencode({ enableNetworkPolicy = "true" })
    /// }
    /// ```
    findings: {
        /// The plugin of the cluster does not enforce the policies that are applied to it
        NotEnforced: Medium, Likely;
    },
    priority: P1,
    effort: Small,
    factor: Security,
    peers: ["KC:C-0205", "KC:C-0230"],
    since: "0.1.0",
    applies_to: ["networking.k8s.io/NetworkPolicy"],
    uses: [AnyNetworkPolicy],
    reads: ["metadata.name"],
    inventory: {
        // No relation fits: a module does not say what is applied to its cluster.
        cluster_modules: {
            kinds: ["file/TerraformModule"],
            scope: "cluster",
            reads: [
                "resource.aws_eks_addon", "resource.helm_release.*.attributes.chart",
                "resource.helm_release.*.attributes.name", "module.*.attributes.addons",
                "module.*.attributes.cluster_addons",
            ],
        },
        releases: {
            kinds: ["helm.toolkit.fluxcd.io/HelmRelease", "argoproj.io/Application"],
            scope: "cluster",
            reads: ["spec.chart.spec.chart", "spec.source.chart", "spec.sources[*].chart"],
        },
    },
    parameters: {
        /// Words in the names of charts and releases of plugins that enforce policies.
        enforcers: Vec<String> = list(["antrea", "calico", "cilium", "kube-router", "tigera"]),
    },
}

/// An add-on: what messages call it, where it stands, and its configuration.
struct Addon<'d> {
    called: String,
    place: View<'d>,
    configuration: Argument<'d>,
}

/// What the configuration of an add-on says.
enum Enforced {
    Yes,
    No,
    Unknown,
}

fn check(input: &Input<'_, Parameters>, findings: &mut Findings) -> Check {
    let modules: Vec<Related<'_>> = input.related("cluster_modules").collect();
    let addons: Vec<(&Related<'_>, Addon<'_>)> = modules
        .iter()
        .flat_map(|module| addons(&module.document).into_iter().map(move |addon| (module, addon)))
        .collect();
    if addons.is_empty() {
        return not_applicable("no Terraform module has an add-on `vpc-cni`");
    }
    if network_policy::any(input).is_some_and(|first| first.name() < input.subject.name.as_str()) {
        return not_applicable("another NetworkPolicy of the namespace has the finding");
    }
    if has_enforcer(input, &modules) {
        return Ok(());
    }
    let mut unknown = None;
    for (module, addon) in &addons {
        match enforced(&addon.configuration) {
            Enforced::Yes => {}
            Enforced::Unknown => unknown = Some(format!("the configuration of {} is not known", addon.called)),
            Enforced::No => {
                let message = format!(
                    "{} does not enable network policies, so this and all others of the namespace have no effect",
                    addon.called
                );
                let report = findings.report(Code::NotEnforced, &input.document.at("metadata.name"), message);
                report.label_in(module, &addon.place, "this add-on does not enforce it");
                // One cluster is enough.
                return Ok(());
            }
        }
    }
    match unknown {
        Some(reason) => not_evaluated(reason),
        None => Ok(()),
    }
}

/// The add-ons `vpc-cni` of a module, as resources and as arguments of modules that are called.
fn addons<'d>(module: &View<'d>) -> Vec<Addon<'d>> {
    let resources = terraform::resources(module, "aws_eks_addon").filter_map(|(address, block)| {
        let is_it = block.argument("addon_name").known().is_some_and(|name| name.text() == "vpc-cni");
        let configuration = block.argument("configuration_values");
        let place = configuration.known().unwrap_or(block.place()).clone();
        is_it.then(|| Addon { called: format!("the add-on `aws_eks_addon.{address}`"), place, configuration })
    });
    let calls = module.get("module").entries().flat_map(|(name, call)| {
        let lists = ["addons", "cluster_addons"].map(|list| call.get("attributes").get(list).get("vpc-cni"));
        let of_list = |addon: View<'d>| {
            let configuration = Argument::of(addon.get("configuration_values"));
            let called = format!("the add-on `vpc-cni` of the module `{name}`");
            addon.exists().then_some(Addon { called, place: addon, configuration })
        };
        lists.into_iter().filter_map(of_list).collect::<Vec<_>>()
    });
    resources.chain(calls).collect()
}

fn enforced(configuration: &Argument<'_>) -> Enforced {
    let text = match configuration {
        Argument::Absent(_) => return Enforced::No,
        Argument::Unknown(..) => return Enforced::Unknown,
        Argument::Known(view) => view.text(),
    };
    // JSON, or YAML, which the API takes as well.
    let is_on = match Json::parse(text) {
        Ok(json) => {
            let flag = json.root().get("enableNetworkPolicy");
            flag.is_true() || flag.text() == "true"
        }
        Err(_) => text.lines().any(|line| {
            let line: String = line.chars().filter(|it| !matches!(it, ' ' | '"' | '\'')).collect();
            line == "enableNetworkPolicy:true"
        }),
    };
    if is_on { Enforced::Yes } else { Enforced::No }
}

/// Whether another plugin enforces policies.
fn has_enforcer(input: &Input<'_, Parameters>, modules: &[Related<'_>]) -> bool {
    let is_one = |text: &str| input.parameters.enforcers.iter().any(|word| text.contains(&**word));
    let charts = modules.iter().flat_map(|module| terraform::resources(&module.document, "helm_release"));
    let mut arguments = charts.flat_map(|(_, block)| ["chart", "name"].map(|name| block.argument(name)));
    let of_terraform = arguments.any(|argument| argument.known().is_some_and(|view| is_one(view.text())));
    let paths = ["spec.chart.spec.chart", "spec.source.chart", "spec.sources[*].chart"];
    let mut releases = input.related("releases");
    of_terraform
        || releases.any(|it| paths.iter().flat_map(|path| it.document.select(path)).any(|chart| is_one(chart.text())))
}
