use policy_sdk::prelude::*;
use policy_sdk::settings::{KubernetesVersion, LanguageLabel, LanguageVersionLabel};
use policy_sdk::values::image;
use policy_sdk::values::version::{Version, major_minor};

policy_sdk::rule! {
    /// Go uses as many threads as its CPU limit allows
    ///
    /// Where a Go container takes `GOMAXPROCS` from a resource, that is its own `limits.cpu` or `requests.cpu`
    /// with divisor 1. A number is at most its CPU limit, rounded up, or 2, below which Go never goes by itself.
    /// A container without a limit of its own has that of the pod as a whole, where there is one; `limits.cpu`
    /// gives it from Kubernetes 1.34 on.
    /// A Go that is known to be older than 1.25 and has a CPU limit sets it; where `unknown_versions` is set, so
    /// does one of which the version is not known.
    ///
    /// Go containers are those with a variable of Go's runtime (`GOMEMLIMIT`, `GOGC`, …), the main ones of a
    /// workload whose label or annotation names the language
    /// `go`, and those of the listed images. A workload whose label or annotation says Go 1.25 or
    /// later is exempt: that runtime reads the limit itself (unless `GODEBUG` switches that off), and a fixed value
    /// would stop it from following changes.
    ///
    /// ## Why
    /// Before Go 1.25 the runtime starts as many threads as the node has CPUs. With a limit of two on a node
    /// of 64, all of them run at once, use the quota up and are paused together: latency in steps
    /// of 100 ms.
    ///
    /// ## Fix
    /// Upgrade to Go 1.25, or take `GOMAXPROCS` from the limit.
    findings: {
        /// `GOMAXPROCS` is taken from another value than the container's CPU limit
        WrongReference: Medium, Certain;
        /// `GOMAXPROCS` is higher than the CPU limit allows
        Literal: Low, Likely;
        /// A Go before 1.25 has a CPU limit and no `GOMAXPROCS`
        Missing: Low, Likely;
        /// A Go of unknown version has a CPU limit and no `GOMAXPROCS`
        Unknown: Low, Guess;
    },
    priority: P3,
    effort: Small,
    factor: Concurrency,
    since: "0.1.0",
    applies_to: ["workload"],
    uses: [KubernetesVersion, LanguageLabel, LanguageVersionLabel],
    reads: [
        "object.metadata.labels",
        "object.metadata.annotations",
        "pod.metadata.labels",
        "pod.metadata.annotations",
        "container.image",
        "container.env[*].name",
        "container.env[*].value",
        "container.env[*].valueFrom.resourceFieldRef",
        "container.resources.limits.cpu",
        "pod.spec.resources.limits.cpu",
    ],
    parameters: {
        /// Images, as globs, that are Go programs.
        go_images: Vec<String> = Vec::new(),
        /// Report a Go of unknown version without `GOMAXPROCS`, too.
        unknown_versions: bool = false,
        /// The first Go version whose runtime follows the limit itself.
        min_go_version_exempt: Version = Version::of(1, 25),
    },
}

fn check(input: &Input<'_, Parameters>, findings: &mut Findings) -> Check {
    let workload = input.workload();
    let Parameters { go_images, unknown_versions, min_go_version_exempt } = &input.parameters;
    let named = |key: &str| workload.label(key).or_else(|| workload.annotation(key));
    let is_go = named(&input.setting::<LanguageLabel>())
        .is_some_and(|language| matches!(&*language.to_ascii_lowercase(), "go" | "golang"));
    let version = named(&input.setting::<LanguageVersionLabel>());
    let is_old = version.is_some_and(|known| major_minor(known) < min_go_version_exempt.major_minor());
    if let Some(known) =
        version.filter(|_| !is_old && !workload.containers().any(|container| ignores_limit(&container)))
    {
        return not_applicable(format!("Go {known} follows the CPU limit itself"));
    }
    let is_judged = |container: &Container<'_>| {
        is_go && container.class == Class::Main
            || RUNTIME.iter().any(|name| container.variable(name).is_some())
            || go_images.iter().any(|glob| image::glob_match(glob, container.image()))
    };
    let lack = match version {
        _ if is_old => Some(Code::Missing),
        None if *unknown_versions => Some(Code::Unknown),
        _ => None,
    };
    let mut unknown = Vec::new();
    let mut judged = 0;
    for container in workload.containers().filter(is_judged) {
        judged += 1;
        if !judge(input, &container, lack, findings) {
            unknown.push(container.described());
        }
    }
    match judged {
        0 => not_applicable("no container is known to be a Go program"),
        _ if findings.is_empty() && !unknown.is_empty() => {
            not_evaluated(format!("`GOMAXPROCS` of {} is set elsewhere", unknown.join(", ")))
        }
        _ => Ok(()),
    }
}

/// Variables that only Go's runtime reads.
const RUNTIME: [&str; 4] = ["GOMAXPROCS", "GOMEMLIMIT", "GOGC", "GODEBUG"];

/// Whether a container keeps Go 1.25 from reading the limit.
fn ignores_limit(container: &Container<'_>) -> bool {
    container.variable("GODEBUG").is_some_and(|debug| debug.get("value").text().contains("containermaxprocs=0"))
}

/// False when the value is not known. `lack` is what it is to have no `GOMAXPROCS`.
fn judge(
    input: &Input<'_, Parameters>,
    container: &Container<'_>,
    lack: Option<Code>,
    findings: &mut Findings,
) -> bool {
    let (own, of_pod) = (container.limit("cpu"), input.workload().spec().at("resources.limits.cpu"));
    let quantity = |limit: &View<'_>| Quantity::from_view(limit).filter(|limit| limit.is_positive());
    // Its own limit goes first.
    let is_own = quantity(&own).is_some();
    let limit = if is_own { own } else { of_pod };
    let cores = quantity(&limit).map(Quantity::ceil);
    let the = if is_own { "its CPU limit" } else { "the pod's CPU limit" };
    let name = container.described();
    let env = container.get("env");
    let Some(variable) = container.variable("GOMAXPROCS") else {
        if let (Some(code), Some(cores)) = (lack, cores) {
            let what = if is_own { "has a CPU limit" } else { "has the CPU limit of the pod" };
            let message = format!("{name} {what} but no `GOMAXPROCS`, expected {cores}");
            let fix = if is_own || input.setting::<KubernetesVersion>().is_at_least(1, 34) {
                let title = "take `GOMAXPROCS` from the CPU limit";
                // From 1.25 on a set value keeps Go from following changes of the limit.
                let fix = if code == Code::Missing { Fix::safe(title) } else { Fix::unsafe_(title) };
                fix.set(&env.end(), from_limit())
            } else {
                // Before, `limits.cpu` gives a container without a limit of its own all CPUs of the node.
                let variable = object! { "name": "GOMAXPROCS", "value": cores.to_string() };
                Fix::unsafe_(format!("set `GOMAXPROCS` to {cores}")).set(&env.end(), variable)
            };
            findings.report(code, &env, message).label(&limit, "the limit").fix(fix);
        }
        return true;
    };
    let reference = variable.at("valueFrom.resourceFieldRef");
    if reference.exists() {
        judge_reference(container, &reference, findings);
        return true;
    }
    let value = variable.get("value");
    let Some(text) = value.scalar_text() else { return !variable.get("valueFrom").exists() };
    let Some(cores) = cores else { return true };
    // Go itself never goes below 2, and less is a choice.
    if text.trim().parse::<i128>().is_ok_and(|threads| threads > cores.max(2)) {
        let message = format!("{name} sets `GOMAXPROCS` to `{text}`, expected at most {cores}, {the} rounded up");
        let fix = Fix::unsafe_(format!("set `GOMAXPROCS` to {cores}")).set(&value, cores.to_string());
        findings.report(Code::Literal, &value, message).label(&limit, "the limit").fix(fix);
    }
    true
}

fn judge_reference(container: &Container<'_>, reference: &View<'_>, findings: &mut Findings) {
    let name = container.described();
    let (resource, divisor, of) = (reference.get("resource"), reference.get("divisor"), reference.get("containerName"));
    let (place, message) = if !matches!(resource.text(), "limits.cpu" | "requests.cpu") {
        (&resource, format!("`GOMAXPROCS` of {name} is taken from `{}`, expected `limits.cpu`", resource.text()))
    } else if !of.text().is_empty() && of.text() != container.name() {
        (&of, format!("`GOMAXPROCS` of {name} is taken from container `{}`, expected its own limit", of.text()))
    } else if Quantity::from_view(&divisor)
        .is_some_and(|divisor| !divisor.is_zero() && divisor != Quantity::from_integer(1))
    {
        (
            &divisor,
            format!(
                "`GOMAXPROCS` of {name} has the divisor `{}`, expected `1`",
                divisor.scalar_text().unwrap_or_default()
            ),
        )
    } else {
        return;
    };
    findings.report(Code::WrongReference, place, message);
}

fn from_limit() -> impl ToJson {
    object! {
        "name": "GOMAXPROCS",
        "valueFrom": object! { "resourceFieldRef": object! { "resource": "limits.cpu", "divisor": "1" } },
    }
}
