use policy_sdk::image;
use policy_sdk::prelude::*;
use policy_sdk::version::major_minor;

policy_sdk::rule! {
    /// Go uses as many threads as its CPU limit allows
    ///
    /// A Go container with a CPU limit sets `GOMAXPROCS` in its own `env` to the limit, rounded up:
    /// as `resourceFieldRef` of `limits.cpu` with divisor 1, or as that number. Without a CPU limit
    /// there must be no `resourceFieldRef`, since it gives the CPUs of the node.
    ///
    /// Go containers are the main ones of a workload whose label or annotation names the language
    /// `go`, and those of the listed images. A workload whose label or annotation says Go 1.25 or
    /// later is exempt: that runtime reads the limit itself, and a fixed value would stop it from
    /// following changes. So does `go.uber.org/automaxprocs`, which is not visible here.
    ///
    /// ## Why
    /// Before Go 1.25 the runtime starts as many threads as the node has CPUs. With a limit of two on a node
    /// of 64, all of them run at once, use the quota up and are paused together: latency in steps
    /// of 100 ms.
    ///
    /// ## Fix
    /// Upgrade to Go 1.25, or take `GOMAXPROCS` from the limit.
    severity: Medium,
    priority: P3,
    effort: Small,
    factor: "VIII Concurrency",
    since: "0.1.0",
    applies_to: ["workload"],
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
    ],
    parameters: {
        /// The label or annotation that names a workload's language.
        language_label: String = "app.kubernetes.io/language".into(),
        /// The label or annotation that names the version of the language.
        version_label: String = "app.kubernetes.io/language-version".into(),
        /// Images, as globs, that are Go programs.
        go_images: Vec<String> = Vec::new(),
        /// The first Go version whose runtime follows the limit itself.
        min_go_version_exempt: String = "1.25".into(),
        /// Take every main container and sidecar for a Go program.
        apply_to_all: bool = false,
    },
}

fn check(input: &Input<'_, Parameters>, findings: &mut Findings) -> Check {
    let workload = input.workload();
    let Parameters { language_label, version_label, go_images, min_go_version_exempt, apply_to_all } =
        &input.parameters;
    let named = |key: &str| workload.label(key).or_else(|| workload.annotation(key));
    let is_go =
        named(language_label).is_some_and(|language| matches!(&*language.to_ascii_lowercase(), "go" | "golang"));
    if let Some(known) = named(version_label).filter(|known| major_minor(known) >= major_minor(min_go_version_exempt)) {
        return not_applicable(format!("Go {known} follows the CPU limit itself"));
    }
    let is_judged = |container: &Container<'_>| match container.class {
        Class::Main if is_go => true,
        Class::Main | Class::Sidecar if *apply_to_all => true,
        _ => go_images.iter().any(|glob| image::glob_match(glob, container.image())),
    };
    let mut unknown = Vec::new();
    let mut judged = 0;
    for container in workload.containers().filter(is_judged) {
        judged += 1;
        if !judge(&container, findings) {
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

/// False when the value is not known.
fn judge(container: &Container<'_>, findings: &mut Findings) -> bool {
    let limit = container.limit("cpu");
    let cores = Quantity::from_view(&limit).filter(|limit| limit.is_positive()).map(Quantity::ceil);
    let name = container.described();
    let env = container.get("env");
    // Of two variables of one name the last counts.
    let Some(variable) = env.items().filter(|variable| variable.get("name").text() == "GOMAXPROCS").last() else {
        if let Some(cores) = cores {
            let message = format!("{name} has a CPU limit but no `GOMAXPROCS`, expected {cores}");
            findings
                .report(&env, message)
                .code("missing")
                .label(&limit, "the limit")
                .fix(Fix::safe("take `GOMAXPROCS` from the CPU limit").set(&env.end(), from_limit()));
        }
        return true;
    };
    let reference = variable.at("valueFrom.resourceFieldRef");
    if reference.exists() {
        judge_reference(container, &reference, cores, findings);
        return true;
    }
    let value = variable.get("value");
    let Some(text) = value.scalar_text() else { return !variable.get("valueFrom").exists() };
    let Some(cores) = cores else { return true };
    if text.trim().parse() != Ok(cores) {
        let message = format!("{name} sets `GOMAXPROCS` to `{text}`, expected {cores}, its CPU limit rounded up");
        let fix = Fix::unsafe_(format!("set `GOMAXPROCS` to {cores}")).set(&value, cores.to_string());
        findings.report(&value, message).code("literal").label(&limit, "the limit").fix(fix);
    }
    true
}

fn judge_reference(container: &Container<'_>, reference: &View<'_>, cores: Option<i128>, findings: &mut Findings) {
    let name = container.described();
    let (resource, divisor, of) = (reference.get("resource"), reference.get("divisor"), reference.get("containerName"));
    let (place, message) = if resource.text() != "limits.cpu" {
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
    } else if cores.is_none() {
        (
            reference,
            format!("{name} takes `GOMAXPROCS` from a CPU limit that it does not have: that is all CPUs of the node"),
        )
    } else {
        return;
    };
    findings.report(place, message).code("reference");
}

fn from_limit() -> impl ToJson {
    object! {
        "name": "GOMAXPROCS",
        "valueFrom": object! { "resourceFieldRef": object! { "resource": "limits.cpu", "divisor": "1" } },
    }
}
