use policy_sdk::prelude::*;
use policy_sdk::repository::github::{Action, given};
use policy_sdk::repository::pipeline::{self, Job, OwnPipeline, Pipeline};
use policy_sdk::tables::pipeline_work::Does;

policy_sdk::rule! {
    /// Tools that a pipeline installs have a version
    ///
    /// A step that sets up a tool says which version: not `latest`, and not nothing where the action then takes the newest
    /// (`terraform_version`, `tflint_version`, the `version` of `setup-kubectl`, `golangci-lint-action`, `setup-trivy` …). A
    /// file of the repository that says it counts (`go-version-file`, `.tool-versions`). In jobs that publish or deploy, a
    /// version that moves (`stable`, `lts/*`, `22.x`) is one as well; in others it is the intent of a matrix of tests.
    ///
    /// A setup of Helm, Buildx, QEMU or `gcloud` without a version is a remark. With `strict_runner`, so is `runs-on:
    /// ubuntu-latest`. What a script installs is not checked.
    ///
    /// ## Why
    /// A new release of a tool fails every build on the day when it appears, or builds something else from the same commit.
    /// A malicious one runs in the job, with its secrets.
    ///
    /// ## Fix
    /// Write the version, and let a bot raise it:
    ///
    /// ```yaml
    /// - uses: hashicorp/setup-terraform@v3
    ///   with: {terraform_version: 1.13.3}
    /// ```
    findings: {
        /// A tool is taken in its newest version
        Latest: Low, Certain;
        /// A job that publishes takes a version that moves
        Moving: Low, Certain;
        /// A helper of the build is taken in its newest version
        Helper: Info, Certain;
        /// The machine is the newest one
        Runner: Info, Certain;
    },
    priority: P1,
    effort: Small,
    factor: Dependencies,
    peers: ["ZZ:unpinned-tools"],
    since: "0.1.0",
    applies_to: ["file/GitHubWorkflow"],
    uses: [OwnPipeline],
    reads: ["jobs.*.runs-on", "jobs.*.strategy.matrix"],
    parameters: {
        /// Whether `runs-on` names the version of the machine.
        strict_runner: bool = false,
    },
}

/// An action that sets up a tool.
struct Setup {
    action: &'static str,
    /// Inputs that say the version, or name a file that does; one is enough.
    inputs: &'static [&'static str],
    /// Whether it takes the newest version where none is given.
    is_newest: bool,
    /// Whether it is a helper of the build, and no tool that decides anything.
    is_helper: bool,
}

const fn tool(action: &'static str, inputs: &'static [&'static str], is_newest: bool) -> Setup {
    Setup { action, inputs, is_newest, is_helper: false }
}

const fn helper(action: &'static str) -> Setup {
    Setup { action, inputs: &["version"], is_newest: true, is_helper: true }
}

const SETUPS: &[Setup] = &[
    tool("actions/setup-go", &["go-version", "go-version-file"], false),
    tool("actions/setup-node", &["node-version", "node-version-file"], false),
    tool("actions/setup-python", &["python-version", "python-version-file"], false),
    tool("actions/setup-java", &["java-version", "java-version-file"], false),
    tool("actions/setup-dotnet", &["dotnet-version", "global-json-file"], false),
    tool("actions-rust-lang/setup-rust-toolchain", &["toolchain"], false),
    tool("hashicorp/setup-terraform", &["terraform_version"], true),
    tool("opentofu/setup-opentofu", &["tofu_version", "tofu_version_file"], true),
    tool("terraform-linters/setup-tflint", &["tflint_version", "tflint_version_file"], true),
    tool("hashicorp/setup-packer", &["version"], true),
    tool("azure/setup-kubectl", &["version"], true),
    tool("golangci/golangci-lint-action", &["version", "version-file"], true),
    tool("goreleaser/goreleaser-action", &["version"], false),
    tool("aquasecurity/setup-trivy", &["version"], true),
    tool("aquasecurity/trivy-action", &["version"], false),
    tool("fluxcd/flux2", &["version"], true),
    tool("oven-sh/setup-bun", &["bun-version", "bun-version-file"], true),
    tool("denoland/setup-deno", &["deno-version", "deno-version-file"], false),
    tool("bufbuild/buf-setup-action", &["version"], true),
    tool("bufbuild/buf-action", &["version"], true),
    tool("arduino/setup-protoc", &["version"], true),
    tool("sigstore/cosign-installer", &["cosign-release"], false),
    tool("pulumi/actions", &["pulumi-version", "pulumi-version-file"], true),
    tool("astral-sh/ruff-action", &["version", "version-file"], true),
    helper("azure/setup-helm"),
    helper("docker/setup-buildx-action"),
    helper("docker/setup-qemu-action"),
    helper("google-github-actions/setup-gcloud"),
    helper("astral-sh/setup-uv"),
    helper("arduino/setup-task"),
];

fn check(input: &Input<'_, Parameters>, findings: &mut Findings) -> Check {
    let pipeline = pipeline::own(input);
    let mut is_any = false;
    for (at, job) in pipeline.jobs.iter().enumerate() {
        let ships = ships(&pipeline, at);
        for step in &job.steps {
            let Some(action) = Action::parse(step.uses.text()) else { continue };
            let Some(setup) = SETUPS.iter().find(|setup| action.is(setup.action)) else { continue };
            is_any = true;
            let with = step.view.get("with");
            let given = setup.inputs.iter().map(|input| given(&with, input)).find(View::exists);
            judge(setup, given, (&step.uses, &with), ships && !has_matrix(job), findings);
        }
        let runner = job.view.get("runs-on");
        if input.parameters.strict_runner && runner.text().ends_with("-latest") {
            is_any = true;
            let message = format!("job `{}` runs on `{}`, which changes", job.id, runner.text());
            findings.report(Code::Runner, &runner, message);
        }
    }
    if is_any { Ok(()) } else { not_applicable("it sets up no tool") }
}

fn judge(
    setup: &Setup,
    given: Option<View<'_>>,
    (uses, with): (&View<'_>, &View<'_>),
    ships: bool,
    findings: &mut Findings,
) {
    let name = setup.action;
    let Some(version) = given else {
        if setup.is_newest {
            let code = if setup.is_helper { Code::Helper } else { Code::Latest };
            let input = setup.inputs.first().copied().unwrap_or_default();
            let message = format!("`{name}` gets no `{input}`, and takes the newest version");
            findings.report(code, &with.get(input), message).label(uses, "the tool is set up here");
        }
        return;
    };
    let text = version.text().trim();
    if matches!(text, "latest" | "nightly" | "canary" | "edge" | "*") {
        let code = if setup.is_helper { Code::Helper } else { Code::Latest };
        findings.report(code, &version, format!("`{name}` takes the version `{text}`"));
    } else if ships && moves(text) {
        let message = format!("`{name}` takes the version `{text}`, which moves, in a job that publishes or deploys");
        findings.report(Code::Moving, &version, message);
    }
}

/// Whether a version is one that moves.
fn moves(version: &str) -> bool {
    let is_wild = |part: &str| matches!(part, "x" | "X" | "*");
    matches!(version, "stable" | "oldstable" | "node" | "current" | "lts" | "lts/*" | "beta")
        || version.split('.').any(is_wild)
        || version.starts_with(">=")
}

/// Whether a job publishes or deploys.
fn ships(pipeline: &Pipeline<'_>, job: usize) -> bool {
    const SHIPS: [Does; 5] = [Does::PushImage, Does::Publish, Does::Deploy, Does::InfrastructureApply, Does::Sign];
    // What goes to a cluster that the job makes for itself is a test.
    let does = |kinds: &[Does]| pipeline.works_of(job).any(|work| kinds.contains(&work.does));
    does(&SHIPS) && !does(&[Does::TestCluster])
}

fn has_matrix(job: &Job<'_>) -> bool {
    job.view.at("strategy.matrix").exists()
}
