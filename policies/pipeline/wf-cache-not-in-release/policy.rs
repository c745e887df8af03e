use policy_sdk::json::Kind;
use policy_sdk::language::shell::{Command, all_commands};
use policy_sdk::prelude::*;
use policy_sdk::repository::github::{self, Action, Triggers, Used, UsedActions};

policy_sdk::rule! {
    /// Releases are built without shared caches
    ///
    /// No job that publishes (an image, a package, the files of a release, an attestation), in a workflow for tags or
    /// releases, restores a cache before: by `actions/cache`, by `cache` of the `setup-*` actions and those that cache
    /// by themselves, by `Swatinem/rust-cache`. What only looks (`lookup-only`) or only saves passes.
    ///
    /// ## Why
    /// Every workflow of the default branch can write the caches that a release restores, also one that runs with less
    /// rights and code of dependencies. What it leaves there becomes part of the release. Caches of pull requests are
    /// not visible to tags.
    ///
    /// ## Fix
    /// Build releases from nothing: leave the cache out, or switch it off.
    ///
    /// ```yaml
    /// - uses: actions/setup-go@v6
    ///   with:
    ///     cache: false
    /// ```
    findings: {
        /// A cache that others may write is restored before something is published
        Restored: Medium, Guess;
    },
    priority: P2,
    effort: Small,
    factor: BuildReleaseRun,
    peers: ["ZZ:cache-poisoning"],
    since: "0.1.0",
    applies_to: ["file/GitHubWorkflow"],
    uses: [Triggers, UsedActions],
    reads: [
        "jobs.*.if", "jobs.*.steps[*].if", "jobs.*.steps[*].uses:comments", "jobs.*.steps[*].with",
        "jobs.*.steps[*].run:shell",
    ],
}

fn check(input: &Input<'_, Parameters>, findings: &mut Findings) -> Check {
    let Some(event) = github::events(input).into_iter().find(is_of_release) else {
        return not_applicable("neither tags nor releases start it");
    };
    for (id, job) in input.document.get("jobs").entries() {
        let steps: Vec<View<'_>> = job.get("steps").items().collect();
        let Some(last) = steps.iter().rposition(|step| publishes(step).is_some()) else { continue };
        let Some((place, what)) = publishes(&steps[last]) else { continue };
        for step in &steps[..last] {
            let Some(Used::Action(action)) = Used::parse(step.get("uses").text()) else { continue };
            if let Some(place_of_cache) = restores(&action, step).filter(|_| !is_for_others(step)) {
                let message =
                    format!("job `{id}` restores a cache with `{}` and then {what}, by `{}`", action.name, event.name);
                findings.report(Code::Restored, &place_of_cache, message).label(&place, "published here");
            }
        }
    }
    Ok(())
}

/// `release`, and `push` of tags.
fn is_of_release(event: &github::Event<'_>) -> bool {
    event.name == "release" || event.name == "push" && event.with.get("tags").exists()
}

/// Whether the condition of a step says that it is not for releases.
fn is_for_others(step: &View<'_>) -> bool {
    let condition = step.get("if").text();
    ["pull_request", "refs/heads/", "!startsWith(github.ref, 'refs/tags"].iter().any(|it| condition.contains(it))
}

/// What a step publishes.
fn publishes<'d>(step: &View<'d>) -> Option<(View<'d>, &'static str)> {
    let uses = step.get("uses");
    let with = step.get("with");
    if let Some(Used::Action(action)) = Used::parse(uses.text()) {
        let is_on = |name: &str| {
            let value = github::given(&with, name);
            value.is_true() || value.text() == "true"
        };
        let what = match () {
            () if action.is("docker/build-push-action") && is_on("push") => "pushes an image",
            () if action.is("pypa/gh-action-pypi-publish") => "publishes a package",
            () if action.is("softprops/action-gh-release") || action.is("ncipollo/release-action") => {
                "uploads a release"
            }
            () if action.is("goreleaser/goreleaser-action") => "makes a release",
            () if action.is_of("actions") && action.repository().contains("/attest") => "attests what it built",
            () => return None,
        };
        return Some((uses, what));
    }
    all_commands(&step.get("run:shell")).iter().find_map(|command| Some((View::clone(command), published_by(command)?)))
}

fn published_by(command: &Command<'_>) -> Option<&'static str> {
    let words: Vec<&str> = command.arguments().filter(|word| !word.starts_with('-')).take(2).collect();
    Some(match (command.name(), words.as_slice()) {
        ("docker" | "podman", ["push", ..]) => "pushes an image",
        ("npm" | "pnpm" | "yarn" | "cargo" | "poetry" | "uv", ["publish", ..]) | ("twine", ["upload", ..]) => {
            "publishes a package"
        }
        ("gh", ["release", "create" | "upload"]) => "uploads a release",
        ("goreleaser", ["release", ..]) => "makes a release",
        ("cosign", ["sign" | "attest", ..]) => "signs what it built",
        ("helm", ["push", ..]) => "pushes a chart",
        _ => return None,
    })
}

/// Where a step restores a cache.
fn restores<'d>(action: &Action<'d>, step: &View<'d>) -> Option<View<'d>> {
    let (uses, with) = (step.get("uses"), step.get("with"));
    let given = |name: &str| github::given(&with, name);
    let is = |name: &str, flag: bool| {
        let value = given(name);
        value.as_bool() == Some(flag) || value.text() == if flag { "true" } else { "false" }
    };
    if action.is("actions/cache") {
        let saves_only = action.name.to_ascii_lowercase().ends_with("/save");
        return (!saves_only && !is("lookup-only", true)).then_some(uses);
    }
    if action.is("Swatinem/rust-cache") {
        return (!is("lookup-only", true)).then_some(uses);
    }
    // Caches that are on unless they are switched off.
    if action.is("actions/setup-go") {
        let major = github::version(action, step)
            .and_then(|it| it.trim_start_matches('v').split('.').next()?.parse::<u32>().ok());
        return (major.is_some_and(|major| major >= 4) && !is("cache", false)).then_some(uses);
    }
    if action.is("astral-sh/setup-uv") {
        return (!is("enable-cache", false)).then_some(uses);
    }
    let is_setup =
        ["setup-node", "setup-python", "setup-java", "setup-dotnet"].iter().any(|it| action.repository().ends_with(it));
    let cache = given("cache");
    let is_on = match cache.kind() {
        Some(Kind::Bool(flag)) => flag,
        Some(Kind::String) => !matches!(cache.text(), "" | "false"),
        _ => false,
    };
    (is_setup && action.is_of("actions") && is_on).then_some(cache)
}
