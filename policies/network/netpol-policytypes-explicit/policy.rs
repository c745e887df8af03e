use policy_sdk::kubernetes::network_policy::{self, Direction, OwnPolicy};
use policy_sdk::prelude::*;

policy_sdk::rule! {
    /// NetworkPolicies name the directions of their rules
    ///
    /// Where `spec.policyTypes` names directions, it names each direction for which the policy has rules. Kubernetes
    /// ignores the rules of a direction that is not named. `Egress` without any rule is right: it denies all egress.
    ///
    /// Without `policyTypes` (or with an empty list) a policy isolates ingress, and egress only where it has an egress
    /// rule. So `egress: []` alone denies nothing. With `require_explicit` every policy names its directions.
    ///
    /// ## Why
    /// The API server accepts rules for a direction that is not named and does not enforce them. Whoever reads the
    /// policy believes that the pods are restricted, and they are not.
    ///
    /// ## Fix
    /// Name every direction that the policy is about. Check first that the rules admit all that the pods need, since
    /// they are enforced from then on:
    ///
    /// ```yaml
    /// spec:
    ///   policyTypes: [Ingress, Egress]
    /// ```
    findings: {
        /// The policy has rules for a direction that `policyTypes` leaves out: they are ignored
        Ignored: High, Certain;
        /// The list of egress rules is empty, and nothing says that the policy is about egress: it denies nothing
        EmptyEgress: Medium, Likely;
        /// The policy does not name its directions
        Implicit: Low, Certain;
    },
    priority: P1,
    effort: Small,
    factor: Security,
    since: "0.1.0",
    applies_to: ["networking.k8s.io/NetworkPolicy"],
    uses: [OwnPolicy],
    parameters: {
        /// Require `policyTypes` of every policy.
        require_explicit: bool = false,
    },
}

fn check(input: &Input<'_, Parameters>, findings: &mut Findings) -> Check {
    let policy = network_policy::own(input);
    let types = policy.0.get("policyTypes");
    if types.is_empty() {
        let egress = policy.0.get("egress");
        if egress.kind() == Some(Kind::Array) && egress.is_empty() {
            let message =
                "`egress` is an empty list and `policyTypes` does not name Egress, so the policy denies no egress";
            let fix = Fix::unsafe_("name Ingress and Egress").set(&types, ["Ingress", "Egress"]);
            findings.report(Code::EmptyEgress, &egress, message).fix(fix);
        } else if input.parameters.require_explicit {
            let isolated: Vec<&str> = [Direction::Ingress, Direction::Egress]
                .into_iter()
                .filter(|direction| policy.isolates(*direction))
                .map(Direction::name)
                .collect();
            let message = format!("no `policyTypes`: the policy is about {}", isolated.join(" and "));
            let fix = Fix::safe("name the directions that it is about").set(&types, isolated);
            findings.report(Code::Implicit, &types, message).fix(fix);
        }
        return Ok(());
    }
    for direction in [Direction::Ingress, Direction::Egress] {
        let field = direction.name().to_ascii_lowercase();
        let rules = policy.0.get(&field);
        if policy.isolates(direction) || rules.is_empty() {
            continue;
        }
        let count = rules.len();
        let (noun, verb) = if count == 1 { ("rule", "is") } else { ("rules", "are") };
        let message =
            format!("{count} {field} {noun} {verb} ignored, since `policyTypes` does not name {}", direction.name());
        let fix = Fix::unsafe_(format!("name {}", direction.name())).set(&types.end(), direction.name());
        findings.report(Code::Ignored, &rules, message).label(&types, "the directions that are enforced").fix(fix);
    }
    Ok(())
}
