use policy_sdk::parameter::{Bounded, QuantityParameter, quantity};
use policy_sdk::prelude::*;
use policy_sdk::values::quantity::suffix;

policy_sdk::rule! {
    /// Requests stay within limits, and quantities are plausible
    ///
    /// For the pod as a whole and every container, the requests of `cpu`, `memory` and
    /// `ephemeral-storage` are at most their limits, those of extended resources (`nvidia.com/gpu`, `hugepages-2Mi`)
    /// are equal, and containers stay within the limit of the pod as a whole. Each quantity can be meant as it is
    /// written: not less than `min_memory` (`128m` is 0.128 bytes), no whole number of more than `max_cpu` cores,
    /// which most likely lacks its `m`. What is wrong with request and limit alike is reported once.
    ///
    /// ## Why
    /// A typing error in a unit is off by a thousand or a million: the pod is refused, never
    /// scheduled, or killed the moment it starts.
    ///
    /// ## Fix
    /// Write CPU in thousandths (`250m`) and memory in `Mi` or `Gi`, requests no higher than limits.
    findings: {
        /// A request is above its limit: the API server refuses it
        AboveLimit: High, Certain;
        /// A text that is no quantity: the API server refuses it
        NotAQuantity: High, Certain;
        /// Request and limit of an extended resource differ: the API server refuses it
        Extended: High, Certain;
        /// So little memory that a unit must be wrong
        TooLittle: High, Likely;
        /// So many cores that an `m` must be missing
        TooManyCores: Medium, Likely;
        /// Powers of 1000 where powers of 1024 are usual
        DecimalUnit: Info, Certain;
    },
    priority: P0,
    effort: Small,
    factor: Concurrency,
    since: "0.1.0",
    applies_to: ["workload"],
    reads: ["pod.spec.resources", "container.resources.requests", "container.resources.limits"],
    reads_built: true,
    parameters: {
        /// Less memory than this is taken for an error.
        min_memory: QuantityParameter = quantity("4Mi"),
        /// More whole cores than this are taken for an error.
        max_cpu: Bounded<1, 100_000> = Bounded::of(64),
        /// Remark on memory in powers of 1000 (`500M`) where powers of 1024 are usual.
        decimal_units: bool = false,
    },
}

const RESOURCES: [&str; 3] = ["cpu", "memory", "ephemeral-storage"];

fn check(input: &Input<'_, Parameters>, findings: &mut Findings) -> Check {
    let workload = input.workload();
    let of_pod = workload.spec().get("resources");
    let containers: Vec<Container<'_>> = workload.containers().collect();
    judge("the pod", &of_pod, input, findings);
    for container in &containers {
        judge(&container.described(), &container.get("resources"), input, findings);
    }
    for resource in RESOURCES {
        judge_pod_limit(resource, &of_pod.get("limits").get(resource), &containers, findings);
    }
    Ok(())
}

fn judge(name: &str, resources: &View<'_>, input: &Input<'_, Parameters>, findings: &mut Findings) {
    for resource in RESOURCES {
        let [request, limit] = ["requests", "limits"].map(|list| resources.get(list).get(resource));
        let faults = [&request, &limit].map(|amount| fault(input, (name, resource), amount));
        match faults {
            [Some((code, message)), Some((same, _))] if code == same => {
                findings.report(code, &request, message).label(&limit, "the limit too");
            }
            [of_request, of_limit] => {
                for (amount, (code, message)) in [(&request, of_request), (&limit, of_limit)]
                    .into_iter()
                    .filter_map(|(view, fault)| Some((view, fault?)))
                {
                    findings.report(code, amount, message);
                }
            }
        }
        let (Some(requested), Some(limited)) = (Quantity::from_view(&request), Quantity::from_view(&limit)) else {
            continue;
        };
        if requested > limited {
            let [request_text, limit_text] = [&request, &limit].map(text);
            let message = format!(
                "{name} requests `{request_text}` of {resource}, above its limit of `{limit_text}`: the API server refuses it"
            );
            findings.report(Code::AboveLimit, &request, message).label(&limit, "the limit");
        }
    }
    let extended = |name: &str| name.contains('/') || name.starts_with("hugepages-");
    for (resource, request) in resources.get("requests").entries().filter(|(name, _)| extended(name)) {
        let limit = resources.get("limits").get(resource);
        if limit.exists() && Quantity::from_view(&request) != Quantity::from_view(&limit) {
            let [requested, limited] = [&request, &limit].map(text);
            let message = format!(
                "{name} requests `{requested}` of {resource} with a limit of `{limited}`, expected the same: the API server refuses it"
            );
            findings.report(Code::Extended, &request, message).label(&limit, "the limit");
        }
    }
}

/// No container asks for more than the pod as a whole may have, nor do all of them together.
fn judge_pod_limit(resource: &str, limit: &View<'_>, containers: &[Container<'_>], findings: &mut Findings) {
    let Some(limited) = Quantity::from_view(limit) else { return };
    let (mut sum, mut is_told) = (Quantity::from_integer(0), false);
    for container in containers {
        for list in ["requests", "limits"] {
            let amount = container.at("resources").get(list).get(resource);
            if Quantity::from_view(&amount).is_some_and(|amount| amount > limited) {
                let [amount_text, limit_text] = [&amount, limit].map(text);
                let message = format!(
                    "{} has `{amount_text}` of {resource}, above the pod's limit of `{limit_text}`: the API server refuses it",
                    container.described()
                );
                findings.report(Code::AboveLimit, &amount, message).label(limit, "the limit of the pod");
                is_told = true;
                break;
            }
        }
        if matches!(container.class, Class::Main | Class::Sidecar) {
            let request = Quantity::from_view(&container.request(resource));
            sum = request.and_then(|request| sum.checked_add(request)).unwrap_or(sum);
        }
    }
    if sum > limited && !is_told {
        let message = format!(
            "the containers request more {resource} together than the pod's limit of `{}`: the API server refuses it",
            text(limit)
        );
        findings.report(Code::AboveLimit, limit, message);
    }
}

fn text<'d>(view: &View<'d>) -> &'d str {
    view.scalar_text().unwrap_or_default()
}

/// What is wrong with a quantity on its own.
fn fault(input: &Input<'_, Parameters>, (name, resource): (&str, &str), amount: &View<'_>) -> Option<(Code, String)> {
    let text = amount.scalar_text()?;
    let Some(value) = Quantity::from_view(amount) else {
        let message = format!("{name} sets {resource} to `{text}`, which is no quantity: the API server refuses it");
        return Some((Code::NotAQuantity, message));
    };
    let Parameters { min_memory: min, max_cpu, decimal_units } = &input.parameters;
    let max = max_cpu.get();
    let is_memory = resource == "memory";
    let suffix = suffix(text.trim());
    let is_little = !value.is_zero() && value < min.value && (is_memory || resource != "cpu" && suffix == "m");
    match suffix {
        "" if resource == "cpu" && value > Quantity::from_integer(max) => {
            let message = format!("{name} sets cpu to `{text}` cores, expected at most {max}; is an `m` missing?");
            Some((Code::TooManyCores, message))
        }
        "m" if is_little => {
            let message =
                format!("{name} sets {resource} to `{text}`, which is in thousandths of a byte; is `Mi` meant?");
            Some((Code::TooLittle, message))
        }
        _ if is_little => {
            let message =
                format!("{name} sets memory to `{text}`, expected at least `{}`; is a unit missing?", min.text);
            Some((Code::TooLittle, message))
        }
        unit @ ("k" | "M" | "G" | "T" | "P" | "E") if is_memory && *decimal_units => {
            let binary = if unit == "k" { "Ki" } else { &[unit, "i"].concat() };
            let message = format!("{name} sets memory to `{text}`, in powers of 1000; is `{binary}` meant?");
            Some((Code::DecimalUnit, message))
        }
        _ => None,
    }
}
