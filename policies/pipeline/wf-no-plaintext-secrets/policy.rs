use policy_sdk::language::shell::all_commands;
use policy_sdk::prelude::*;
use policy_sdk::values::credential::name::is_telling;
use policy_sdk::values::credential::{self, is_sample};
use policy_sdk::values::secret;

policy_sdk::rule! {
    /// Workflows hold no secrets in plain text
    ///
    /// No text of a workflow or action is a credential by its form: a token, a private key. No `env`, `with` and no
    /// assignment in a script gives a literal to a name that says that it is a secret, and no `credentials` of a
    /// container or service has a literal password.
    ///
    /// Expressions (`${{ secrets.TOKEN }}`), variables and placeholders pass. So do well-known passwords (`postgres`,
    /// `changeme`), and those of the services that a job starts for its tests. Passwords in URLs are found by
    /// `no-credentials-in-url`.
    ///
    /// ## Why
    /// Everybody who reads the repository reads the secret, and every fork and old clone keeps it.
    ///
    /// ## Fix
    /// Rotate the secret, since it is in the history. Store it as a secret of the repository or the environment, and
    /// name it where it is used:
    ///
    /// ```yaml
    /// env:
    ///   API_TOKEN: ${{ secrets.API_TOKEN }}
    /// ```
    findings: {
        /// A text is a credential by its form
        Token: Critical, Certain, covers: ["no-credentials-in-url"];
        /// A literal under a name that says that it is a secret
        Literal: High, Likely;
        /// A registry's password is a literal
        RegistryPassword: High, Likely;
    },
    priority: P1,
    effort: Medium,
    factor: Config,
    peers: ["ZZ:hardcoded-container-credentials", "AL:credentials"],
    since: "0.1.0",
    applies_to: ["file/GitHubWorkflow", "file/GitHubAction"],
    reads: [
        "env", "jobs.*.env", "jobs.*.with", "jobs.*.container.env", "jobs.*.container.credentials", "jobs.*.services",
        "jobs.*.steps[*].env", "jobs.*.steps[*].with", "jobs.*.steps[*].run", "jobs.*.steps[*].run:shell",
        "runs.env", "runs.steps[*].env", "runs.steps[*].with", "runs.steps[*].run", "runs.steps[*].run:shell",
    ],
}

fn check(input: &Input<'_, Parameters>, findings: &mut Findings) -> Check {
    let document = &input.document;
    let jobs: Vec<View<'_>> = document.get("jobs").entries().map(|(_, job)| job).collect();
    // What the databases of tests are started with.
    let services = jobs.iter().flat_map(|job| job.get("services").entries()).map(|(_, service)| service);
    let of_tests: Vec<&str> = services
        .flat_map(|it| it.get("env").entries())
        .map(|(_, value)| value.text())
        .filter(|it| !it.is_empty())
        .collect();
    judge_names(&document.get("env"), &of_tests, findings);
    judge_names(&document.at("runs.env"), &of_tests, findings);
    for job in &jobs {
        for place in ["env", "with", "container.env"] {
            judge_names(&job.at(place), &of_tests, findings);
        }
        judge_credentials(&job.at("container.credentials"), findings);
        for (_, service) in job.get("services").entries() {
            judge_credentials(&service.get("credentials"), findings);
            service.get("env").entries().for_each(|(_, value)| judge_form(&value, findings));
        }
    }
    let steps = jobs.iter().flat_map(|job| job.get("steps").items());
    for step in steps.chain(document.at("runs.steps").items()) {
        judge_names(&step.get("env"), &of_tests, findings);
        judge_names(&step.get("with"), &of_tests, findings);
        judge_script(&step, &of_tests, findings);
    }
    Ok(())
}

/// Reports a text that is a credential by its form.
fn judge_form(value: &View<'_>, findings: &mut Findings) {
    if let Some((what, line)) = credential::detect_line(value.text()) {
        let message = format!("{what} stands in plain text, expected it from a secret");
        findings.report(Code::Token, value, message).excerpt(line).secret();
    }
}

fn judge_names(mapping: &View<'_>, of_tests: &[&str], findings: &mut Findings) {
    for (name, value) in mapping.entries() {
        if credential::detect(value.text()).is_some() {
            judge_form(&value, findings);
        } else if is_secret(name, value.text(), of_tests) {
            let message = format!("`{name}` is a literal, expected `${{{{ secrets.… }}}}`");
            findings.report(Code::Literal, &value, message).secret();
        }
    }
}

/// Whether a value is the secret that its name says it is.
fn is_secret(name: &str, value: &str, of_tests: &[&str]) -> bool {
    !value.contains("${{")
        && !of_tests.contains(&value)
        && !is_sample(value)
        && credential::urls_with_password(value).is_empty()
        && is_telling(name)
        && secret::is_secret_setting(&secret::default_names(), name, value)
}

fn judge_credentials(credentials: &View<'_>, findings: &mut Findings) {
    let password = credentials.get("password");
    if password.as_str().is_some_and(|text| !text.contains("${{") && !text.is_empty()) {
        let message = "the password of a registry is a literal, expected `${{ secrets.… }}`";
        findings.report(Code::RegistryPassword, &password, message).secret();
    }
}

fn judge_script(step: &View<'_>, of_tests: &[&str], findings: &mut Findings) {
    judge_form(&step.get("run"), findings);
    for command in all_commands(&step.get("run:shell")) {
        for assignment in command.get("assignments").items() {
            let (name, value) = (assignment.get("name").text(), assignment.get("value"));
            judge_assignment((name, value.get("text").text()), &value, of_tests, findings);
        }
        if command.name() == "export" {
            for word in command.program_words().skip(1) {
                if let Some(pair) = word.text().split_once('=') {
                    judge_assignment(pair, &word, of_tests, findings);
                }
            }
        }
    }
}

fn judge_assignment((name, value): (&str, &str), place: &View<'_>, of_tests: &[&str], findings: &mut Findings) {
    let is_known = !place.get("parts").exists() && credential::detect(value).is_none();
    if is_known && is_secret(name, value, of_tests) {
        let message = format!("`{name}` is a literal in a script, expected a variable from `${{{{ secrets.… }}}}`");
        findings.report(Code::Literal, place, message).secret();
    }
}
