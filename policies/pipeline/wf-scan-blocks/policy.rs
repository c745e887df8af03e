use policy_sdk::parameter::list;
use policy_sdk::prelude::*;
use policy_sdk::repository::github::{Action, given};
use policy_sdk::repository::pipeline::{self, OwnPipeline, Pipeline, Work};
use policy_sdk::tables::pipeline_work::Does;
use policy_sdk::values::version::major_minor;

policy_sdk::rule! {
    /// The scan of an image can fail the build
    ///
    /// A step that scans an image with Trivy, Grype, Snyk or Docker Scout ends with an error when it finds something of
    /// the severities in `severities`. Trivy and Docker Scout need an exit code for that (`exit-code: 1`,
    /// `TRIVY_EXIT_CODE`, `--exit-code`), `grype` needs `--fail-on`; Anchore's action and Snyk fail by themselves. A
    /// list of severities leaves none of these out, and a threshold does not lie above them.
    ///
    /// Trivy's action from 0.9 to 0.13 ignores the exit code for SARIF. A scan whose SARIF is uploaded to code scanning is a
    /// remark, since a ruleset of the repository may stop the merge; so is one in a workflow that only a schedule starts.
    /// A second scan of the same job that can fail is enough. An exit code from an expression is not checked, and
    /// neither is one from a configuration file (`trivy-config`).
    ///
    /// The step that uploads the result needs `if: always()` or `!cancelled()` where the scan can fail.
    ///
    /// ## Why
    /// A scan that cannot fail writes a table that nobody reads. The image with the known vulnerability is shipped.
    ///
    /// ## Fix
    /// ```yaml
    /// - uses: aquasecurity/trivy-action@0.33.1
    ///   with:
    ///     image-ref: registry.example/shop:candidate
    ///     exit-code: 1
    ///     severity: CRITICAL,HIGH
    ///     ignore-unfixed: true
    /// ```
    findings: {
        /// The scan succeeds whatever it finds
        NotBlocking: Medium, Likely;
        /// The scan leaves out severities that count
        Severity: Medium, Likely;
        /// The result of a scan that cannot fail is uploaded to code scanning
        OnlyUploaded: Info, Likely;
        /// A scan by a schedule cannot fail
        Scheduled: Info, Likely;
        /// Vulnerabilities without a fix do not count
        IgnoresUnfixed: Info, Certain;
        /// The result is not uploaded when the scan fails
        UploadSkipped: Low, Certain;
    },
    priority: P1,
    effort: Small,
    factor: Security,
    since: "0.1.0",
    applies_to: ["file/GitHubWorkflow"],
    uses: [OwnPipeline],
    reads: [],
    parameters: {
        /// Severities that have to fail the build.
        severities: Vec<String> = list(["CRITICAL", "HIGH"]),
    },
}

/// What a scan says of itself.
struct Scan<'d> {
    /// The setting that decides whether it fails: what to put there to mend it.
    setting: View<'d>,
    cure: &'static str,
    fails: Option<bool>,
    /// The severities that it counts; `None` for all, or where that is not known.
    severities: Option<Vec<String>>,
    /// Where those are said.
    listed: View<'d>,
    ignores_unfixed: bool,
}

fn check(input: &Input<'_, Parameters>, findings: &mut Findings) -> Check {
    let pipeline = pipeline::own(input);
    let scans: Vec<(&Work<'_>, Scan<'_>)> = pipeline
        .doing(&[Does::ScanImage])
        .filter(|work| !work.is_called)
        .filter_map(|work| Some((work, scan(input, &pipeline, work)?)))
        .collect();
    if scans.is_empty() {
        return not_applicable("no step of it scans an image");
    }
    let mut unknown = None;
    for (work, scan) in &scans {
        let in_job = || scans.iter().filter(|(other, _)| other.at.0 == work.at.0);
        match scan.fails {
            None => unknown = Some("whether the scan can fail stands in an expression or a file"),
            Some(false) if in_job().any(|(_, other)| other.fails != Some(false)) => {}
            Some(false) => {
                let (code, end) = if pipeline.is_only_scheduled() {
                    (Code::Scheduled, "")
                } else if uploads_later(&pipeline, work).is_some() {
                    (Code::OnlyUploaded, ", and a ruleset of the repository has to stop the merge")
                } else {
                    (Code::NotBlocking, "")
                };
                let message = format!("`{}` succeeds whatever it finds{end}, expected {}", work.name(), scan.cure);
                let fix = (code == Code::NotBlocking && work.command.is_none() && scan.cure == "`exit-code: 1`")
                    .then(|| Fix::unsafe_("fail the job on vulnerabilities").set(&scan.setting, "1"));
                findings.report(code, &scan.setting, message).fix(fix);
            }
            Some(true) => check_details(input, &pipeline, work, scan, findings),
        }
    }
    findings.or_unknown(unknown)
}

/// Of a scan that can fail: what it counts, and what becomes of its result.
fn check_details(
    input: &Input<'_, Parameters>,
    pipeline: &Pipeline<'_>,
    work: &Work<'_>,
    scan: &Scan<'_>,
    findings: &mut Findings,
) {
    let is_counted = |wanted: &&String| {
        scan.severities.as_ref().is_none_or(|list| list.iter().any(|own| own.eq_ignore_ascii_case(wanted)))
    };
    let left_out: Vec<&str> =
        input.parameters.severities.iter().filter(|wanted| !is_counted(wanted)).map(String::as_str).collect();
    if !left_out.is_empty() {
        let message = format!("`{}` does not fail for {}", work.name(), left_out.join(" and "));
        findings.report(Code::Severity, &scan.listed, message);
    }
    if scan.ignores_unfixed {
        let message = format!("`{}` passes vulnerabilities that have no fix yet", work.name());
        findings.report(Code::IgnoresUnfixed, &work.place, message);
    }
    if let Some(upload) = uploads_later(pipeline, work).filter(|upload| !upload.runs_after_failure()) {
        let condition = upload.view.get("if");
        let message = "the result is not uploaded when the scan fails, expected `if: ${{ !cancelled() }}`";
        let fix = (!condition.exists())
            .then(|| Fix::safe("upload the result in any case").set(&condition, "${{ !cancelled() }}"));
        findings.report(Code::UploadSkipped, &upload.uses, message).label(&work.place, "this can fail").fix(fix);
    }
}

/// The step behind a scan that uploads its result to code scanning.
fn uploads_later<'p, 'd>(pipeline: &'p Pipeline<'d>, work: &Work<'d>) -> Option<&'p pipeline::Step<'d>> {
    let steps = pipeline.jobs.get(work.at.0)?.steps.iter().skip(work.at.1 + 1);
    let mut uploads =
        steps.filter(|step| step.uses.text().to_ascii_lowercase().starts_with("github/codeql-action/upload-sarif"));
    uploads.next()
}

/// What is known of a scan; `None` for one that is not understood.
fn scan<'d>(input: &Input<'d, Parameters>, pipeline: &Pipeline<'d>, work: &Work<'d>) -> Option<Scan<'d>> {
    match &work.command {
        None => action(input, pipeline, work, &Action::parse(work.place.text())?),
        Some(command) => {
            let arguments: Vec<&str> = command.arguments().collect();
            let has = |options: &[&str]| option(&arguments, options);
            let list = |value: Option<&str>| value.map(|text| text.split(',').map(|it| it.trim().to_owned()).collect());
            let (fails, severities, cure) = match command.name() {
                "trivy" => {
                    let code = has(&["--exit-code"]).or(variable(input, pipeline, work, "TRIVY_EXIT_CODE"));
                    let severities = has(&["--severity", "-s"]).or(variable(input, pipeline, work, "TRIVY_SEVERITY"));
                    (has_code(code), list(severities), "`--exit-code 1`")
                }
                "grype" => {
                    let level = has(&["--fail-on", "-f"]).or(variable(input, pipeline, work, "GRYPE_FAIL_ON_SEVERITY"));
                    (Some(level.is_some()), level.and_then(above), "`--fail-on high`")
                }
                "snyk" => (Some(true), has(&["--severity-threshold"]).and_then(above), ""),
                "docker" if command.has(&["scout"]) => {
                    let fails = arguments.iter().any(|it| matches!(*it, "--exit-code" | "-e"));
                    (Some(fails), list(has(&["--only-severity", "--only-severities"])), "`--exit-code`")
                }
                _ => return None,
            };
            let ignores_unfixed = command.has(&["--ignore-unfixed", "--only-fixed"]);
            let (setting, listed) = (work.place.clone(), work.place.clone());
            Some(Scan { setting, cure, fails, severities: severities.filter(is_known), listed, ignores_unfixed })
        }
    }
}

fn action<'d>(
    input: &Input<'d, Parameters>,
    pipeline: &Pipeline<'d>,
    work: &Work<'d>,
    action: &Action<'d>,
) -> Option<Scan<'d>> {
    let value = |name: &str| given(&work.with, name);
    let list = |text: &str| (!text.is_empty()).then(|| text.split(',').map(|it| it.trim().to_owned()).collect());
    let is_true = |view: &View<'_>| view.is_true() || view.text() == "true";
    let (setting, cure, fails, listed, severities) = if action.is("aquasecurity/trivy-action") {
        let setting = value("exit-code");
        let own = setting.scalar_text().filter(|text| !text.is_empty());
        let mut fails = has_code(own.or(variable(input, pipeline, work, "TRIVY_EXIT_CODE")));
        if value("trivy-config").exists() && own.is_none() {
            fails = None;
        }
        let is_sarif = value("format").text() == "sarif";
        let mut cure = "`exit-code: 1`";
        if is_sarif && fails == Some(true) && ignores_code(action.reference) {
            (fails, cure) = (Some(false), "version 0.14 or later, which does not ignore the exit code for SARIF");
        }
        // For SARIF the list does not count, unless that is asked for.
        let counts = !is_sarif || is_true(&value("limit-severities-for-sarif"));
        let severities = list(value("severity").text()).filter(|_| counts);
        (setting, cure, fails, value("severity"), severities)
    } else if action.is("anchore/scan-action") {
        let (setting, cutoff) = (value("fail-build"), value("severity-cutoff"));
        let fails = if setting.text().contains("${{") {
            None
        } else {
            Some(setting.as_bool() != Some(false) && setting.text() != "false")
        };
        (
            setting,
            "`fail-build: true`",
            fails,
            cutoff.clone(),
            above(if cutoff.exists() { cutoff.text() } else { "medium" }),
        )
    } else if action.is("snyk/actions") {
        let args = value("args");
        let words: Vec<&str> = args.text().split_whitespace().collect();
        (args.clone(), "", Some(true), args.clone(), option(&words, &["--severity-threshold"]).and_then(above))
    } else if action.is("docker/scout-action") {
        let setting = value("exit-code");
        let fails = if setting.text().contains("${{") { None } else { Some(is_true(&setting)) };
        (setting, "`exit-code: true`", fails, value("only-severities"), list(value("only-severities").text()))
    } else {
        return None;
    };
    let ignores_unfixed = is_true(&value("ignore-unfixed")) || is_true(&value("only-fixed"));
    Some(Scan { setting, cure, fails, severities: severities.filter(is_known), listed, ignores_unfixed })
}

/// Whether an exit code is one of a failure; `None` where it is not known.
fn has_code(code: Option<&str>) -> Option<bool> {
    match code {
        None => Some(false),
        Some(code) if code.contains('$') => None,
        Some(code) => Some(code.trim().trim_start_matches('0') != ""),
    }
}

/// Whether a version of Trivy's action takes no exit code for SARIF.
fn ignores_code(reference: &str) -> bool {
    let version = reference.trim_start_matches('v');
    version.contains('.') && ((0, 9)..(0, 14)).contains(&major_minor(version))
}

fn is_known(severities: &Vec<String>) -> bool {
    !severities.iter().any(|severity| severity.contains('$'))
}

/// The severities from a threshold on.
fn above(threshold: &str) -> Option<Vec<String>> {
    const LEVELS: [&str; 5] = ["negligible", "low", "medium", "high", "critical"];
    let at = LEVELS.iter().position(|level| threshold.eq_ignore_ascii_case(level))?;
    Some(LEVELS[at..].iter().map(|level| (*level).to_owned()).collect())
}

/// The value of an option: `--severity HIGH`, `--severity=HIGH`.
fn option<'a>(arguments: &[&'a str], names: &[&str]) -> Option<&'a str> {
    for (at, argument) in arguments.iter().enumerate() {
        if names.contains(argument) {
            return arguments.get(at + 1).copied();
        }
        let (name, value) = argument.split_once('=').unwrap_or_default();
        if names.contains(&name) {
            return Some(value);
        }
    }
    None
}

/// A variable of the step, the job or the workflow.
fn variable<'d>(
    input: &Input<'d, Parameters>,
    pipeline: &Pipeline<'d>,
    work: &Work<'d>,
    name: &str,
) -> Option<&'d str> {
    let step = pipeline.step(work).map(|step| step.view.get("env"));
    let job = pipeline.job(work).map(|job| job.view.get("env"));
    let of = [step, job, Some(input.document.get("env"))];
    of.into_iter().flatten().find_map(|env| env.get(name).scalar_text())
}
