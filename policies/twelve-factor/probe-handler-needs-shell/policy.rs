use policy_sdk::kubernetes::probe::Probes;
use policy_sdk::kubernetes::shutdown::{self, Shutdown};
use policy_sdk::kubernetes::windows::{self, Windows};
use policy_sdk::language::shell::{all_commands, base_name};
use policy_sdk::prelude::*;
use policy_sdk::repository::dockerfile::{self, ImageSources};
use policy_sdk::settings::KubernetesVersion;
use policy_sdk::tables::shellless_images::{self, ShelllessImage, ShelllessImages};

policy_sdk::rule! {
    /// Commands of probes and hooks are programs that the image has
    ///
    /// Where the image of a container has no shell (distroless, and the others of the table `shelllessImages`), the
    /// `exec` command of its probes and of its `postStart` and `preStop` hooks is no shell and no tool that comes with
    /// one, such as `curl`, `cat` or `sleep`. Programs of the image's own pass; so do the interpreters that images such
    /// as `gcr.io/distroless/python3` have. A program below a mounted volume may have been put there: that is not
    /// evaluated. Where the Dockerfile of an image is known, its base image counts (`scratch` has nothing at all), with
    /// what the Dockerfile copies into the image; else the name of the image counts.
    ///
    /// A `preStop` hook that only sleeps can be the `sleep` action, which needs no program.
    ///
    /// ## Why
    /// A command that is not there is an error of the probe. With it a pod is never ready or never started, a
    /// `postStart` hook kills the container, and a `preStop` hook waits for nothing: each rollout drops requests.
    ///
    /// ## Fix
    /// Ask by `httpGet` or `grpc`, and wait with the `sleep` action:
    ///
    /// ```yaml
    /// lifecycle:
    ///   preStop:
    ///     sleep: {seconds: 5}
    /// ```
    findings: {
        /// A probe runs a program that the image lacks
        Probe: High, Likely;
        /// A `postStart` hook does, and the container is killed
        PostStart: High, Likely;
        /// A `preStop` hook does, and nothing waits
        PreStop: Medium, Likely;
    },
    priority: P0,
    effort: Small,
    factor: Disposability,
    since: "0.1.0",
    applies_to: ["workload"],
    uses: [Probes, Shutdown, Windows, ShelllessImages, KubernetesVersion, ImageSources],
    reads: [
        "container.volumeMounts[*].mountPath", "container.lifecycle.postStart.exec.command",
    ],
}

const PLACES: [(&str, Code, &str); 5] = [
    ("startupProbe", Code::Probe, "the container never counts as started"),
    ("livenessProbe", Code::Probe, "the container is never restarted"),
    ("readinessProbe", Code::Probe, "the container is never ready"),
    ("lifecycle.postStart", Code::PostStart, "the container is killed as soon as it starts"),
    ("lifecycle.preStop", Code::PreStop, "nothing waits"),
];

/// Shells, and what comes with a distribution and not with a program.
const TOOLS: [&str; 31] = [
    "sh", "bash", "ash", "dash", "zsh", "busybox", "curl", "wget", "sleep", "cat", "echo", "test", "[", "true", "ls",
    "grep", "awk", "sed", "nc", "ncat", "netstat", "ps", "pgrep", "pidof", "kill", "killall", "touch", "rm", "mkdir",
    "env", "timeout",
];

fn check(input: &Input<'_, Parameters>, findings: &mut Findings) -> Check {
    if windows::is_only(input) {
        return not_applicable("its pods run on Windows nodes");
    }
    let rows = input.setting::<ShelllessImages>().rows;
    let mut unknown = None;
    for container in input.workload().containers() {
        let source = dockerfile::source_of(input, container.image());
        let base = source.as_ref().map(|file| base_image(file));
        let image = base.as_ref().map_or(container.image(), |base| base.text());
        let scratch = ShelllessImage::default();
        let Some(row) = shellless_images::row(&rows, image).or((image == "scratch").then_some(&scratch)) else {
            continue;
        };
        for (place, code, effect) in PLACES {
            let program = container.at(place).at("exec.command").item(0);
            if !lacks(row, program.text()) {
                continue;
            }
            if is_below_mount(&container, program.text()) {
                unknown = Some(format!("`{}` stands below a volume, and may have been put there", program.text()));
                continue;
            }
            if let Some(copied) = source.as_ref().and_then(|file| copied(file, program.text())) {
                if let Some(reason) = copied {
                    unknown = Some(reason);
                }
                continue;
            }
            let of = if source.is_some() { "an image on " } else { "" };
            let message = format!(
                "the `{place}` of {} runs `{}`, which {of}`{image}` does not have: {effect}",
                container.described(),
                program.text(),
            );
            let fix = (place == "lifecycle.preStop").then(|| sleep_action(input, &container)).flatten();
            let report = findings.report(code, &program, message).fix(fix);
            if let (Some(file), Some(base)) = (&source, &base) {
                report.label_in(file, base, "the base image");
            }
        }
    }
    match unknown.filter(|_| findings.is_empty()) {
        Some(reason) => not_evaluated(reason),
        None => Ok(()),
    }
}

/// The base image of what a Dockerfile builds.
fn base_image<'d>(file: &Related<'d>) -> View<'d> {
    let stages = dockerfile::lineage(&file.document);
    stages.last().map_or_else(|| file.document.get("stages"), |stage| stage.get("resolved"))
}

/// Whether a Dockerfile copies a program into its image; `Some(Some(…))` is why that is not known.
fn copied(file: &Related<'_>, program: &str) -> Option<Option<String>> {
    let stages = dockerfile::lineage(&file.document);
    let instructions: Vec<View<'_>> = stages.iter().flat_map(|stage| stage.get("instructions").items()).collect();
    instructions.iter().filter(|it| matches!(it.get("instruction").text(), "COPY" | "ADD")).find_map(|instruction| {
        let destination = instruction.get("destination").text().trim_end_matches('/');
        let from = instruction.at("flags.from").item(0);
        if base_name(destination) == base_name(program) {
            return Some(None);
        }
        let holds_many =
            matches!(destination, "" | "/bin" | "/sbin" | "/usr" | "/usr/bin" | "/usr/local/bin" | "/busybox");
        (holds_many || from.text().contains("busybox"))
            .then(|| Some(format!("`{}` copies programs, and `{program}` may be one of them", file.name())))
    })
}

/// Whether images of the row lack a program.
fn lacks(row: &ShelllessImage, program: &str) -> bool {
    TOOLS.contains(&base_name(program)) && !shellless_images::has_program(row, program)
}

fn is_below_mount(container: &Container<'_>, program: &str) -> bool {
    container.get("volumeMounts").items().any(|mount| {
        let path = mount.get("mountPath").text().trim_end_matches('/');
        !path.is_empty() && program.strip_prefix(path).is_some_and(|rest| rest.starts_with('/'))
    })
}

/// The same wait without a program. Kubernetes has the action since 1.30.
fn sleep_action(input: &Input<'_, Parameters>, container: &Container<'_>) -> Option<Fix> {
    let hook = shutdown::pre_stop(container);
    let mut commands = all_commands(&hook.at("exec.command:shell")).into_iter();
    let only_sleeps = commands.all(|command| command.name() == "sleep" || command.scripts().next().is_some());
    let seconds = shutdown::hook_seconds(&hook).filter(|_| only_sleeps)?;
    let title = "wait with the `sleep` action";
    let has_action = input.setting::<KubernetesVersion>().is_at_least(1, 30);
    let fix = if has_action { Fix::safe(title) } else { Fix::unsafe_(title) };
    Some(fix.set(&hook, object! { "sleep": object! { "seconds": seconds } }))
}
