use policy_sdk::parameter::{QuantityParameter, quantity};
use policy_sdk::prelude::*;
use policy_sdk::quantity::suffix;

policy_sdk::rule! {
    /// Requests stay within limits, and quantities are plausible
    ///
    /// For the pod as a whole and every container, the requests of `cpu`, `memory` and
    /// `ephemeral-storage` are at most their limits, and each quantity can be meant as it is written:
    /// no bytes in thousandths (`128m`, which is 0.128 bytes), not less than `min_memory`, no whole number of
    /// more than `max_cpu` cores, which most likely lacks its `m`. A decimal suffix of memory (`500M`
    /// where `500Mi` is usual) is a remark.
    ///
    /// ## Why
    /// A typing error in a unit is off by a thousand or a million: the pod is refused, never
    /// scheduled, or killed the moment it starts.
    ///
    /// ## Fix
    /// Write CPU in thousandths (`250m`) and memory in `Mi` or `Gi`, requests no higher than limits.
    severity: High,
    priority: P0,
    effort: Small,
    factor: "VIII Concurrency",
    since: "0.1.0",
    applies_to: ["workload"],
    reads: ["pod.spec.resources", "container.resources.requests", "container.resources.limits"],
    parameters: {
        /// Less memory than this is taken for an error.
        min_memory: QuantityParameter = quantity("4Mi"),
        /// More whole cores than this are taken for an error.
        max_cpu: i64 = 64,
    },
}

const RESOURCES: [&str; 3] = ["cpu", "memory", "ephemeral-storage"];

fn check(input: &Input<'_, Parameters>, findings: &mut Findings) -> Check {
    let workload = input.workload();
    let pod = (String::from("the pod"), workload.spec().get("resources"));
    let containers = workload.containers().map(|container| (container.described(), container.get("resources")));
    for (name, resources) in std::iter::once(pod).chain(containers) {
        for resource in RESOURCES {
            let [request, limit] = ["requests", "limits"].map(|list| resources.get(list).get(resource));
            for amount in [&request, &limit] {
                judge_unit(input, (&name, resource), amount, findings);
            }
            let (Some(requested), Some(limited)) = (Quantity::from_view(&request), Quantity::from_view(&limit)) else {
                continue;
            };
            if requested > limited {
                let [request_text, limit_text] = [&request, &limit].map(|view| view.scalar_text().unwrap_or_default());
                let message =
                    format!("{name} requests `{request_text}` of {resource}, above its limit of `{limit_text}`");
                findings.report(&request, message).code("above-limit").label(&limit, "the limit");
            }
        }
    }
    Ok(())
}

fn judge_unit(
    input: &Input<'_, Parameters>,
    (name, resource): (&str, &str),
    amount: &View<'_>,
    findings: &mut Findings,
) {
    let Some(text) = amount.scalar_text() else { return };
    let Some(value) = Quantity::from_view(amount) else {
        let message = format!("{name} sets {resource} to `{text}`, which is no quantity");
        findings.report(amount, message).code("not-a-quantity");
        return;
    };
    let (min, max) = (&input.parameters.min_memory, input.parameters.max_cpu);
    let is_memory = resource == "memory";
    match suffix(text.trim()) {
        "" if resource == "cpu" && value > Quantity::from_integer(max) => {
            let message = format!("{name} sets cpu to `{text}` cores, expected at most {max}; is an `m` missing?");
            findings.report(amount, message).code("too-many-cores");
        }
        "m" if resource != "cpu" => {
            let message =
                format!("{name} sets {resource} to `{text}`, which is in thousandths of a byte; is `Mi` meant?");
            findings.report(amount, message).code("milli-bytes");
        }
        _ if is_memory && !value.is_zero() && value < min.value => {
            let message =
                format!("{name} sets memory to `{text}`, expected at least `{}`; is a unit missing?", min.text);
            findings.report(amount, message).code("too-little-memory");
        }
        unit @ ("k" | "M" | "G" | "T" | "P" | "E") if is_memory => {
            let binary = if unit == "k" { "Ki" } else { &[unit, "i"].concat() };
            let message = format!("{name} sets memory to `{text}`, in powers of 1000; is `{binary}` meant?");
            findings.report(amount, message).code("decimal-unit").severity(Severity::Info);
        }
        _ => {}
    }
}
