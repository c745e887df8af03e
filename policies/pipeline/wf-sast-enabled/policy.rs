use policy_sdk::prelude::*;
use policy_sdk::repository::files;
use policy_sdk::repository::github::{self, Action, Permissions, Triggers, UsedActions, given};

policy_sdk::rule! {
    /// CodeQL analyses what the repository is written in
    ///
    /// A step with `github/codeql-action/init` names languages that CodeQL has, in a `build-mode` that the language can be
    /// analysed in, and its job goes on with `analyze`, whose token may write `security-events`. Languages stand under
    /// `languages`, or under the key of a matrix that it names. The manifests of the repository (`Cargo.toml`, `go.mod`,
    /// `package.json`, `pyproject.toml`) say which languages no CodeQL step of the workflow analyses: a remark.
    ///
    /// Whether a repository has a static analysis at all is for `wf-required-stages`: the default setup of code scanning has
    /// no workflow.
    ///
    /// ## Why
    /// A language that is not named is not analysed, and the check is green. Without `analyze`, or without the permission,
    /// the results get nowhere.
    ///
    /// ## Fix
    /// ```yaml
    /// permissions: {contents: read, security-events: write}
    /// steps:
    ///   - uses: github/codeql-action/init@v3
    ///     with: {languages: "rust,javascript-typescript", build-mode: none}
    ///   - uses: github/codeql-action/analyze@v3
    /// ```
    findings: {
        /// CodeQL has no such language: the step fails
        UnknownLanguage: Medium, Certain;
        /// The language cannot be analysed without a build: the step fails
        NoBuild: Medium, Certain;
        /// Nothing analyses what `init` has begun
        NoAnalyze: Medium, Certain;
        /// The token may not write the results
        NoPermission: Medium, Certain;
        /// A language of the repository is not analysed
        NotAnalysed: Info, Likely;
    },
    priority: P1,
    effort: Small,
    factor: Security,
    since: "0.1.0",
    applies_to: ["file/GitHubWorkflow"],
    uses: [Permissions, Triggers, UsedActions],
    reads: ["jobs.*.steps[*].with", "jobs.*.strategy.matrix"],
    inventory: {
        // Which languages there are; no relation says that, and nothing is read of them.
        manifests: {
            kinds: ["file/CargoPackage", "file/GoModule", "file/NpmPackage", "file/PythonProject"],
            scope: "cluster",
            reads: [],
        },
    },
}

/// What CodeQL calls languages, and which of its languages that is.
const LANGUAGES: [(&str, &str); 19] = [
    ("actions", "actions"),
    ("c", "c-cpp"),
    ("c-cpp", "c-cpp"),
    ("cpp", "c-cpp"),
    ("c++", "c-cpp"),
    ("csharp", "csharp"),
    ("c#", "csharp"),
    ("go", "go"),
    ("golang", "go"),
    ("java", "java-kotlin"),
    ("java-kotlin", "java-kotlin"),
    ("kotlin", "java-kotlin"),
    ("javascript", "javascript-typescript"),
    ("javascript-typescript", "javascript-typescript"),
    ("typescript", "javascript-typescript"),
    ("python", "python"),
    ("ruby", "ruby"),
    ("rust", "rust"),
    ("swift", "swift"),
];

fn check(input: &Input<'_, Parameters>, findings: &mut Findings) -> Check {
    let mut analysed: Vec<&'static str> = Vec::new();
    let mut first = None;
    let mut unknown = None;
    for (id, job) in input.document.get("jobs").entries() {
        let steps: Vec<View<'_>> = job.get("steps").items().collect();
        let uses = |step: &View<'_>, part: &str| {
            let action = Action::parse(step.get("uses").text());
            action.is_some_and(|action| action.is("github/codeql-action") && action.name.ends_with(part))
        };
        let is_local = |step: &View<'_>| step.get("uses").text().starts_with("./");
        for (at, step) in steps.iter().enumerate().filter(|(_, step)| uses(step, "/init")) {
            first = first.or_else(|| Some(step.get("uses")));
            let languages = given(&step.get("with"), "languages");
            let mode = given(&step.get("with"), "build-mode");
            match listed(&job, &languages) {
                Some(listed) if !listed.is_empty() => {
                    judge(&listed, &mode, &mut analysed, findings);
                }
                // CodeQL finds out by itself, or nobody knows.
                _ => unknown = Some("which languages CodeQL analyses is not written"),
            }
            if !steps[at..].iter().any(|step| uses(step, "/analyze") || is_local(step)) {
                let message = format!("job `{id}` never analyses what `init` has begun");
                findings.report(Code::NoAnalyze, &step.get("uses"), message);
            }
        }
        for step in steps.iter().filter(|step| uses(step, "/analyze")) {
            let upload = given(&step.get("with"), "upload");
            let is_uploaded = !matches!(upload.text(), "never" | "false") && upload.as_bool() != Some(false);
            if is_uploaded && github::may_write(input, &job, "security-events") == Some(false) {
                let permissions = github::permissions(input, &job);
                let message = format!("job `{id}` uploads results, and lacks the permission `security-events: write`");
                let is_mapping = permissions.kind() == Some(Kind::Object);
                let place = permissions.get("security-events");
                let fix = is_mapping.then(|| Fix::unsafe_("let the job write results").set(&place, "write"));
                findings
                    .report(Code::NoPermission, if is_mapping { &place } else { &permissions }, message)
                    .label(&step.get("uses"), "it uploads here")
                    .fix(fix);
            }
        }
    }
    let Some(first) = first else { return not_applicable("it does not use CodeQL") };
    if unknown.is_none() {
        judge_repository(input, &analysed, &first, findings);
    }
    findings.or_unknown(unknown)
}

/// The languages that a step names, with their places; `None` where they hang on something.
fn listed<'d>(job: &View<'d>, languages: &View<'d>) -> Option<Vec<(&'d str, View<'d>)>> {
    let text = languages.text();
    let Some((_, key)) = text.split_once("matrix.").filter(|_| text.contains("${{")) else {
        let names = text.split([',', '\n']).map(str::trim).filter(|name| !name.is_empty());
        return (!text.contains("${{")).then(|| names.map(|name| (name, languages.clone())).collect());
    };
    let key = key.trim_end_matches(['}', ' ']);
    let matrix = job.at("strategy.matrix");
    let own = matrix.get(key);
    let included = matrix.get("include").items().map(|row| row.get(key));
    let places: Vec<View<'d>> = own.items().chain(included).filter(View::exists).collect();
    let names = places.iter().flat_map(|place| place.text().split(',').map(|name| (name.trim(), place.clone())));
    Some(names.filter(|(name, _)| !name.is_empty() && !name.contains("${{")).collect())
}

fn judge(listed: &[(&str, View<'_>)], mode: &View<'_>, analysed: &mut Vec<&'static str>, findings: &mut Findings) {
    for (name, place) in listed {
        let known = LANGUAGES.iter().find(|(alias, _)| alias.eq_ignore_ascii_case(name));
        let Some((_, language)) = known else {
            findings.report(Code::UnknownLanguage, place, format!("CodeQL has no language `{name}`"));
            continue;
        };
        if mode.text() == "none" && matches!(*language, "go" | "swift") {
            let message = format!("CodeQL cannot analyse `{language}` with `build-mode: none`");
            findings.report(Code::NoBuild, mode, message).label(place, "the language");
        }
        analysed.push(language);
    }
}

fn judge_repository(input: &Input<'_, Parameters>, analysed: &[&str], place: &View<'_>, findings: &mut Findings) {
    const KINDS: [(&str, &str); 4] = [
        ("CargoPackage", "rust"),
        ("GoModule", "go"),
        ("NpmPackage", "javascript-typescript"),
        ("PythonProject", "python"),
    ];
    for (kind, language) in KINDS {
        let mut manifests = input.related("manifests").filter(|it| it.kind() == kind && !files::is_sample(it.name()));
        let Some(manifest) = manifests.next().filter(|_| !analysed.contains(&language)) else { continue };
        let message = format!("CodeQL does not analyse `{language}`, which the repository is written in as well");
        findings.report(Code::NotAnalysed, place, message).label_in(&manifest, &manifest.document, "its manifest");
    }
}
