use policy_sdk::kubernetes::mention::{self, Mentions};
use policy_sdk::parameter::{Bounded, list};
use policy_sdk::prelude::*;
use policy_sdk::values::image::glob_match;

policy_sdk::rule! {
    /// Pods on the node's network find Services by name
    ///
    /// A pod with `hostNetwork: true` whose containers name a host of the cluster (`….svc`) has `dnsPolicy:
    /// ClusterFirstWithHostNet`. With any other policy, `ClusterFirst` included, it asks the node's DNS. Agents that
    /// must work before the cluster's DNS does (network and storage plugins, kube-proxy, DNS itself) are exempt by
    /// their images.
    ///
    /// With `require_ndots` every pod sets the option `ndots` to at most `max_ndots`: by default a name with fewer than
    /// five dots is looked up in every search domain first.
    ///
    /// ## Why
    /// The node's DNS does not know the cluster's names: every look-up of a Service fails.
    ///
    /// ## Fix
    /// ```yaml
    /// spec:
    ///   hostNetwork: true
    ///   dnsPolicy: ClusterFirstWithHostNet
    /// ```
    findings: {
        /// A pod on the node's network names a host of the cluster and asks the node's DNS
        HostNetwork: Info, Guess;
        /// The pods look up names in more search domains than allowed
        Ndots: Info, Guess;
    },
    priority: P3,
    effort: Small,
    factor: BackingServices,
    peers: ["KL:dnsconfig-options", "KY:add-ndots", "KY:dns-policy-and-dns-config"],
    since: "0.1.0",
    applies_to: ["workload"],
    uses: [Mentions],
    reads: ["pod.spec.hostNetwork", "pod.spec.dnsPolicy", "pod.spec.dnsConfig.options", "container.image"],
    parameters: {
        /// Require the option `ndots`.
        require_ndots: bool = false,
        /// The largest `ndots`.
        max_ndots: Bounded<1, 15> = Bounded::of(2),
        /// Images, as globs, of agents that need the node's DNS.
        node_agents: Vec<String> = list([
            "*calico*", "*cilium*", "*cni*", "*coredns*", "*csi*", "*flannel*", "*kube-proxy*", "*kube-router*",
            "*kube-vip*", "*metallb*", "*multus*", "*node-cache*", "*weave*",
        ]),
    },
}

fn check(input: &Input<'_, Parameters>, findings: &mut Findings) -> Check {
    let workload = input.workload();
    let spec = workload.spec();
    let is_agent =
        |container: Container<'_>| input.parameters.node_agents.iter().any(|glob| glob_match(glob, container.image()));
    let policy = spec.get("dnsPolicy");
    let asks_node = spec.get("hostNetwork").is_true() && matches!(policy.text(), "" | "ClusterFirst");
    if asks_node && !workload.containers().any(is_agent) {
        let mut named = mention::mentions(input).into_iter();
        if let Some(mention) = named.find(|it| it.host.ends_with(".svc") || it.host.contains(".svc.")) {
            let message = format!(
                "{} names `{}`, which the node's DNS does not know, and `dnsPolicy` does not lead to the cluster's",
                mention.container.described(),
                mention.host
            );
            let fix = Fix::unsafe_("ask the cluster's DNS").set(&policy, "ClusterFirstWithHostNet");
            let report = findings.report(Code::HostNetwork, &policy, message).fix(fix);
            report.label(&mention.place, "a host of the cluster");
        }
    }
    let most = input.parameters.max_ndots.get();
    if input.parameters.require_ndots && !matches!(policy.text(), "None" | "Default") {
        let options = spec.at("dnsConfig.options");
        let option = options.items().find(|option| option.get("name").text() == "ndots");
        let value = option.as_ref().and_then(|option| option.get("value").scalar_text()?.parse::<i64>().ok());
        let (place, has) = match (&option, value) {
            (Some(_), Some(value)) if value <= most => return Ok(()),
            (Some(option), Some(value)) => (option.get("value"), format!("`ndots` is {value}")),
            (Some(option), None) => (option.get("value"), "`ndots` has no number".to_owned()),
            (None, _) => (options, "`ndots` is not set, which is 5".to_owned()),
        };
        findings.report(Code::Ndots, &place, format!("{has}, expected at most {most}"));
    }
    Ok(())
}
