use policy_sdk::language::shell::Command;
use policy_sdk::prelude::*;
use policy_sdk::repository::files::{self, File, RepositoryFiles};
use policy_sdk::repository::pipeline::{self, AllPipelines, Pipeline};
use policy_sdk::repository::targets::{self, Targets, Task};
use policy_sdk::tables::pipeline_work::Does;

policy_sdk::rule! {
    /// The pipelines of a repository have every stage that is required
    ///
    /// Each of the stages `required` stands in some workflow, pipeline of GitLab or buildspec: as a command or an action that
    /// is known for it, in a reusable workflow or an action of the repository, behind a target of a Makefile or a script of
    /// a package. A stage counts only where the repository has something for it: sources for tests, linters, coverage and
    /// audits, a Dockerfile for images, SBOM, signature and provenance, `*.tf` files for infrastructure, charts and
    /// kustomizations for manifests, a deployment for the smoke test and the rollback.
    ///
    /// Where something else runs as well (Jenkins, CircleCI, Prow, which an `OWNERS` file shows …), in a workflow of another repository, or behind a target
    /// that no file has, a stage that is not found is not evaluated; neither are tests, linters and coverage where a script
    /// of the repository runs whose name does not say what it does. `pre-commit` may bring linters, scans for secrets and
    /// checks of infrastructure. Services that look at the repository from outside are not seen: list here only what a file
    /// has to say.
    ///
    /// ## Why
    /// What no stage checks is found by those who use it. A list of stages that is the same for all repositories shows where
    /// one of them goes without.
    ///
    /// ## Fix
    /// Add the stage to the workflow that the finding points at:
    ///
    /// ```yaml
    /// jobs:
    ///   audit:
    ///     runs-on: ubuntu-24.04
    ///     steps:
    ///       - uses: actions/checkout@v4
    ///       - uses: EmbarkStudios/cargo-deny-action@v2   # dependencies, licences
    ///   image:
    ///     needs: [test, audit]
    ///     runs-on: ubuntu-24.04
    ///     steps:
    ///       - uses: docker/build-push-action@v6
    ///         with: {push: true, sbom: true, provenance: mode=max, tags: "ghcr.io/acme/cart:1.4.0"}
    ///       - run: trivy image --exit-code 1 --severity HIGH,CRITICAL ghcr.io/acme/cart:1.4.0
    ///       - run: cosign sign ghcr.io/acme/cart:1.4.0
    /// ```
    findings: {
        /// No pipeline has the stage
        Missing: Low, Guess, absence: ["pipelines"];
        /// There is no pipeline at all
        NoPipeline: Low, Guess, absence: ["pipelines"];
    },
    priority: P1,
    effort: Medium,
    factor: BuildReleaseRun,
    renamed_from: [
        "wf-dependency-audit", "wf-dockerfile-lint", "wf-manifest-validation", "wf-policy-check",
        "wf-terraform-validated",
    ],
    since: "0.1.0",
    applies_to: ["file/Repository"],
    uses: [RepositoryFiles, AllPipelines, Targets],
    parameters: {
        /// The stages that pipelines have.
        required: Vec<Stage> = vec![Stage::Test, Stage::Lint],
    },
}

policy_sdk::choice! {
    /// A stage of a pipeline.
    pub Stage {
        Test = "test",
        Lint = "lint",
        Coverage = "coverage",
        StaticAnalysis = "static-analysis",
        DependencyAudit = "dependency-audit",
        LicenceCheck = "licence-check",
        SecretScan = "secret-scan",
        DockerfileLint = "dockerfile-lint",
        ImageBuild = "image-build",
        ImagePush = "image-push",
        ImageScan = "image-scan",
        Sbom = "sbom",
        Signature = "signature",
        Provenance = "provenance",
        InfrastructureFormat = "infrastructure-format",
        InfrastructureValidate = "infrastructure-validate",
        InfrastructureScan = "infrastructure-scan",
        ManifestValidate = "manifest-validate",
        PolicyCheck = "policy-check",
        Deploy = "deploy",
        Smoke = "smoke",
        Rollback = "rollback",
    }
}

/// What a repository has that a stage is for.
struct Holds {
    sources: bool,
    image: bool,
    infrastructure: bool,
    manifests: bool,
    deployment: bool,
}

/// What the pipelines do: each of the works, and the words of each command and action, to tell tools of one kind apart.
struct Done<'d> {
    file: Related<'d>,
    does: Vec<Does>,
    words: Vec<String>,
    /// A script of the repository that it runs and whose name says nothing.
    script: Option<String>,
}

fn check(input: &Input<'_, Parameters>, findings: &mut Findings) -> Check {
    let files = files::files(input);
    if !files::are_whole(&files) {
        return not_evaluated("this folder does not look like a whole repository");
    }
    let mut unknown = other_ci(&files).map(|path| format!("`{path}` may have more stages"));
    let pipelines: Vec<_> = pipeline::all(input).into_iter().filter(|(file, _)| is_own(input, &files, file)).collect();
    let done: Vec<Done<'_>> = pipelines
        .iter()
        .map(|(file, pipeline)| {
            unknown = unknown.take().or_else(|| pipeline.unknown.clone());
            done(input, file, pipeline, &mut unknown)
        })
        .collect();
    let holds = holds(&files, &done);
    let uses_pre_commit = has(&files, &[".pre-commit-config.yaml", ".pre-commit-config.yml", "lefthook.yml"]);
    let missing: Vec<Stage> = input
        .parameters
        .required
        .iter()
        .copied()
        .filter(|stage| applies(*stage, &holds) && !done.iter().any(|done| has_stage(done, *stage)))
        .filter(|stage| !(uses_pre_commit && may_be_pre_commit(*stage)))
        .collect();
    if missing.is_empty() {
        return if holds.sources || holds.image || holds.infrastructure {
            Ok(())
        } else {
            not_applicable("it has nothing that a stage is for")
        };
    }
    if let Some(reason) = unknown {
        return not_evaluated(reason);
    }
    let script = done.iter().find_map(|done| done.script.as_ref());
    let (hidden, missing): (Vec<Stage>, Vec<Stage>) =
        missing.into_iter().partition(|stage| script.is_some() && may_be_scripted(*stage));
    let hidden = hidden.first().zip(script);
    let unknown = hidden.map(|(stage, script)| format!("`{script}` may have the stage `{}`", stage.as_ref()));
    if done.is_empty() {
        if !files.iter().any(|file| file.path.starts_with(".git")) {
            return not_evaluated("this may be a folder of a repository, whose pipelines lie above it");
        }
        let stages: Vec<&str> = missing.iter().map(AsRef::as_ref).collect();
        let message = format!("there is no pipeline, and so none of the stages `{}`", stages.join("`, `"));
        findings.report(Code::NoPipeline, &input.document.get("path"), message);
        return Ok(());
    }
    for stage in missing {
        // The workflow that comes nearest: that has most of what the stage goes with.
        let nearest = done.iter().max_by_key(|done| (near(done, stage), done.does.len()));
        let path = nearest.map_or("", |done| files::below(input, done.file.name()));
        let place = files.iter().find(|file| file.path == path);
        let place = place.map_or_else(|| input.document.get("path"), |file| file.place.clone());
        let message = format!("no pipeline has the stage `{}`: {}", stage.as_ref(), expected(stage));
        findings.report(Code::Missing, &place, message);
    }
    findings.or_unknown(unknown)
}

/// Whether a pipeline is one that the repository runs, and no sample.
fn is_own(input: &Input<'_, Parameters>, files: &[File<'_>], file: &Related<'_>) -> bool {
    let path = files::below(input, file.name());
    let is_known = files.iter().any(|it| it.path == path && !it.is_aside());
    is_known && (file.kind() != "GitHubWorkflow" || path.starts_with(".github/workflows/"))
}

/// What a pipeline does, with what its targets and scripts do.
fn done<'d>(
    input: &Input<'d, Parameters>,
    file: &Related<'d>,
    pipeline: &Pipeline<'d>,
    unknown: &mut Option<String>,
) -> Done<'d> {
    let mut does: Vec<Does> = pipeline.works.iter().map(|work| work.does).collect();
    let mut words: Vec<String> = pipeline.works.iter().map(|work| work.place.text().to_ascii_lowercase()).collect();
    let mut script = None;
    for step in pipeline.jobs.iter().flat_map(|job| &job.steps) {
        words.push(step.uses.text().to_ascii_lowercase());
        for command in step.commands() {
            words.push(command.line().to_ascii_lowercase());
            script = script.or_else(|| silent_script(&command));
            match targets::of_command(input, &command) {
                Task::Known(more) => does.extend(more),
                Task::Unknown(reason) => *unknown = unknown.take().or(Some(reason)),
                Task::None => {}
            }
        }
    }
    for work in &pipeline.works {
        words.extend(work.command.as_ref().map(|command| command.line().to_ascii_lowercase()));
    }
    Done { file: file.clone(), does, words, script }
}

/// A script of the repository that a command runs and whose name does not say what it does.
fn silent_script(command: &Command<'_>) -> Option<String> {
    let program = command.program_words().map(|word| word.text()).find(|word| !matches!(*word, "bash" | "sh"))?;
    let is_own = program.starts_with("./") || program.ends_with(".sh") && !program.starts_with(['/', '$']);
    (is_own && pipeline::of_command(command, &[]).is_empty()).then(|| program.to_owned())
}

/// Whether scripts of repositories often do what a stage is.
fn may_be_scripted(stage: Stage) -> bool {
    matches!(stage, Stage::Test | Stage::Lint | Stage::Coverage)
}

fn has(files: &[File<'_>], paths: &[&str]) -> bool {
    files.iter().any(|file| paths.contains(&file.path))
}

/// The configuration of something else that runs pipelines.
fn other_ci<'d>(files: &[File<'d>]) -> Option<&'d str> {
    // Prow, whose jobs stand in a repository of their own, asks `OWNERS`.
    const FILES: [&str; 13] = [
        "Jenkinsfile",
        ".travis.yml",
        ".drone.yml",
        "azure-pipelines.yml",
        "azure-pipelines.yaml",
        "bitbucket-pipelines.yml",
        "appveyor.yml",
        ".appveyor.yml",
        "cloudbuild.yaml",
        ".cirrus.yml",
        ".woodpecker.yml",
        ".prow.yaml",
        "OWNERS",
    ];
    const FOLDERS: [&str; 10] = [
        ".circleci/",
        ".buildkite/",
        ".semaphore/",
        ".tekton/",
        ".prow/",
        ".woodpecker/",
        ".azure-pipelines/",
        ".teamcity/",
        ".jenkins/",
        ".kokoro/",
    ];
    let is_one = |path: &str| FILES.contains(&path) || FOLDERS.iter().any(|folder| path.starts_with(folder));
    files.iter().map(|file| file.path).find(|path| is_one(path))
}

fn holds(files: &[File<'_>], done: &[Done<'_>]) -> Holds {
    const MANIFESTS: [&str; 9] = [
        "Cargo.toml",
        "go.mod",
        "package.json",
        "pyproject.toml",
        "requirements.txt",
        "pom.xml",
        "build.gradle",
        "build.gradle.kts",
        "Gemfile",
    ];
    const BUILT: [&str; 3] = ["kustomization.yaml", "kustomization.yml", "Chart.yaml"];
    let any = |is: &dyn Fn(&File<'_>) -> bool| files.iter().any(|file| !file.is_aside() && is(file));
    let is_dockerfile = |file: &File<'_>| {
        let name = file.name();
        name == "Dockerfile"
            || name == "Containerfile"
            || name.starts_with("Dockerfile.")
            || name.ends_with(".Dockerfile")
    };
    Holds {
        sources: any(&|file| MANIFESTS.contains(&file.name()) || file.name().ends_with(".csproj")),
        image: any(&|file| {
            is_dockerfile(file) && !file.path.contains(".devcontainer") && !file.name().ends_with(".dockerignore")
        }),
        infrastructure: any(&|file| file.name().ends_with(".tf") || file.name().ends_with(".tofu")),
        manifests: any(&|file| BUILT.contains(&file.name())),
        deployment: done.iter().any(|done| done.does.contains(&Does::Deploy)),
    }
}

/// Whether a repository has what a stage is for.
fn applies(stage: Stage, holds: &Holds) -> bool {
    match stage {
        Stage::Test
        | Stage::Lint
        | Stage::Coverage
        | Stage::StaticAnalysis
        | Stage::DependencyAudit
        | Stage::LicenceCheck => holds.sources,
        Stage::SecretScan => holds.sources || holds.image || holds.infrastructure,
        Stage::DockerfileLint
        | Stage::ImageBuild
        | Stage::ImagePush
        | Stage::ImageScan
        | Stage::Sbom
        | Stage::Signature
        | Stage::Provenance => holds.image,
        Stage::InfrastructureFormat | Stage::InfrastructureValidate | Stage::InfrastructureScan => holds.infrastructure,
        Stage::ManifestValidate | Stage::PolicyCheck => holds.manifests,
        Stage::Deploy => holds.image && holds.manifests,
        Stage::Smoke | Stage::Rollback => holds.deployment,
    }
}

/// What does a stage: kinds of work, or words of its tools.
fn has_stage(done: &Done<'_>, stage: Stage) -> bool {
    let does = |kinds: &[Does]| done.does.iter().any(|does| kinds.contains(does));
    let says = |tools: &[&str]| done.words.iter().any(|words| tools.iter().any(|tool| words.contains(tool)));
    match stage {
        // In a container, too.
        Stage::Test => {
            does(&[Does::Test, Does::TestCluster])
                || says(&[" go test", " cargo test", " pytest", " npm test", " npm run test", " mvn test"])
        }
        Stage::Lint => does(&[Does::Lint, Does::Format]),
        Stage::Coverage => says(&[
            "tarpaulin",
            "llvm-cov",
            "codecov",
            "coveralls",
            "--cov",
            "coverage",
            "coverprofile",
            "-cover",
            "jacoco",
            "grcov",
            "c8 ",
            "nyc ",
        ]),
        Stage::StaticAnalysis => does(&[Does::StaticAnalysis]) || says(&["gosec", "clippy", "staticcheck"]),
        Stage::DependencyAudit => does(&[Does::DependencyAudit]),
        Stage::LicenceCheck => {
            says(&["license", "licence", "cargo deny", "cargo-deny", "fossa", "reuse", "scancode", "dependency-review"])
        }
        Stage::SecretScan => does(&[Does::SecretScan]),
        Stage::DockerfileLint => says(&["hadolint", "policy-host", "dockle", "docker build --check"]),
        Stage::ImageBuild => does(&[Does::BuildImage, Does::PushImage]) || says(&["goreleaser"]),
        Stage::ImagePush => does(&[Does::PushImage]) || says(&["goreleaser"]),
        Stage::ImageScan => does(&[Does::ScanImage]),
        Stage::Sbom => does(&[Does::Sbom]) || says(&["goreleaser"]),
        Stage::Signature => does(&[Does::Sign]) || says(&["goreleaser", "attest-build-provenance"]),
        Stage::Provenance => does(&[Does::Provenance]) || pushes_with_action(done),
        Stage::InfrastructureFormat => does(&[Does::InfrastructureFormat]),
        Stage::InfrastructureValidate => does(&[Does::InfrastructureValidate, Does::InfrastructurePlan]),
        Stage::InfrastructureScan => does(&[Does::InfrastructureScan]),
        Stage::ManifestValidate => does(&[Does::ManifestValidate]),
        Stage::PolicyCheck => says(&[
            "policy-host",
            "conftest",
            "kyverno",
            "gator",
            "checkov",
            "trivy config",
            "kube-linter",
            "kube-score",
            "polaris",
            "kubescape",
        ]),
        Stage::Deploy => does(&[Does::Deploy]),
        Stage::Smoke => does(&[Does::Smoke, Does::VerifyRollout]),
        Stage::Rollback => does(&[Does::Rollback]) || says(&["--atomic", "--rollback-on-failure"]),
    }
}

/// `docker/build-push-action` adds a provenance by itself where it pushes.
fn pushes_with_action(done: &Done<'_>) -> bool {
    done.does.contains(&Does::PushImage)
        && done.words.iter().any(|words| words.starts_with("docker/build-push-action@"))
}

/// Whether `pre-commit` may do what a stage is.
fn may_be_pre_commit(stage: Stage) -> bool {
    matches!(
        stage,
        Stage::Lint
            | Stage::SecretScan
            | Stage::DockerfileLint
            | Stage::InfrastructureFormat
            | Stage::InfrastructureValidate
            | Stage::InfrastructureScan
            | Stage::ManifestValidate
    )
}

/// How much of a pipeline goes with a stage.
fn near(done: &Done<'_>, stage: Stage) -> usize {
    let kinds: &[Does] = match stage {
        Stage::ImageScan
        | Stage::ImagePush
        | Stage::ImageBuild
        | Stage::Sbom
        | Stage::Signature
        | Stage::Provenance
        | Stage::DockerfileLint => &[Does::BuildImage, Does::PushImage, Does::Publish],
        Stage::InfrastructureFormat | Stage::InfrastructureValidate | Stage::InfrastructureScan => {
            &[Does::InfrastructurePlan, Does::InfrastructureApply, Does::InfrastructureValidate]
        }
        Stage::Deploy | Stage::Smoke | Stage::Rollback | Stage::ManifestValidate | Stage::PolicyCheck => {
            &[Does::Deploy]
        }
        _ => &[Does::Test, Does::Lint],
    };
    done.does.iter().filter(|does| kinds.contains(does)).count()
}

/// What is meant by a stage, for the message.
fn expected(stage: Stage) -> &'static str {
    match stage {
        Stage::Test => "nothing tests the code",
        Stage::Lint => "no linter runs",
        Stage::Coverage => "nobody measures what tests cover",
        Stage::StaticAnalysis => "nothing analyses the code for flaws, such as CodeQL or Semgrep",
        Stage::DependencyAudit => {
            "nothing compares dependencies with known flaws, such as `cargo audit` or osv-scanner"
        }
        Stage::LicenceCheck => "nobody checks the licences of dependencies",
        Stage::SecretScan => "nothing looks for secrets, such as Gitleaks or TruffleHog",
        Stage::DockerfileLint => "nothing checks Dockerfiles, such as hadolint",
        Stage::ImageBuild => "no image is built",
        Stage::ImagePush => "no image is pushed",
        Stage::ImageScan => "nothing scans images for flaws, such as Trivy or Grype",
        Stage::Sbom => "no SBOM is made, such as by Syft or `sbom: true` of BuildKit",
        Stage::Signature => "nothing signs images, such as cosign",
        Stage::Provenance => "nothing attests how images were built",
        Stage::InfrastructureFormat => "nothing checks the format of Terraform files",
        Stage::InfrastructureValidate => "nothing validates or plans Terraform modules",
        Stage::InfrastructureScan => "nothing scans Terraform modules, such as Checkov or Trivy",
        Stage::ManifestValidate => "nothing validates manifests, such as kubeconform or `helm lint`",
        Stage::PolicyCheck => "no policy is checked",
        Stage::Deploy => "nothing deploys",
        Stage::Smoke => "nothing asks a new version whether it works",
        Stage::Rollback => "nothing takes a new version back that does not work",
    }
}
