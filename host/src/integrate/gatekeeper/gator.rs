//! For `gator`, which asks no provider: the same template with a stand-in for `external_data`, and a suite.

use super::super::{File, Plan, Purpose};
use super::{constraint_path, level};
use crate::bundle::Enforcement;
use serde_json::{Value, json};

const MOCK: &str = include_str!("mock.rego");
/// The annotation by which a test's object says how the stand-in answers.
const ANNOTATION: &str = "policy-host/answer";

/// The enforcements whose constraints are tested.
const TESTED: [Enforcement; 2] = [Enforcement::Deny, Enforcement::Warn];

/// A way in which the provider may answer.
struct Scenario {
    name: &'static str,
    /// What `external_data` gives.
    answer: Value,
    /// What the constraint that denies, and the one that warns, are to say; all messages for each.
    denied: &'static [&'static str],
    warned: &'static [&'static str],
}

pub(super) fn files(plan: &Plan<'_>) -> Vec<File> {
    let scenarios = scenarios(plan);
    let answers: serde_json::Map<String, Value> =
        scenarios.iter().map(|scenario| (scenario.name.to_owned(), scenario.answer.clone())).collect();
    let rego = plan.rego() + &MOCK.replace("{{annotation}}", ANNOTATION) + &rego_lines(&answers);
    let mut files = vec![
        plan.file("gator/template.yaml", Purpose::Test, TEMPLATE, &plan.template(&rego)),
        plan.file("gator/suite.yaml", Purpose::Test, SUITE, &suite(plan, &scenarios)),
    ];
    for enforcement in TESTED {
        let path = format!("gator/{}", constraint_path(enforcement));
        files.push(plan.file(&path, Purpose::Test, "", &plan.constraint(enforcement)));
    }
    for scenario in &scenarios {
        let object = plan.sample_object(scenario.name, json!({ ANNOTATION: scenario.name }));
        files.push(plan.file(&format!("gator/{}.yaml", scenario.name), Purpose::Test, "", &object));
    }
    files
}

const TEMPLATE: &str = "The template with a stand-in for the provider, at its end.";
const SUITE: &str = "\
Run by `gator verify gator/`, and as far as objects go by
`gator test -f gator/template.yaml -f gator/constraint.yaml -f gator/denied.yaml`.";

const FOUND: &str = ": what is wrong \\(at /\\); what to do$";

fn scenarios(plan: &Plan<'_>) -> Vec<Scenario> {
    let verdict = |enforcements: &[Enforcement]| json!(plan.sample_verdict(enforcements));
    let answered = |verdict: Value| json!({ "responses": [["sha256:0", verdict]], "errors": [], "status_code": 200, "system_error": "" });
    let mut could_not_run = verdict(&[]);
    could_not_run["allowed"] = false.into();
    could_not_run["message"] = "1 reason\n- a-rule: could not run: out of memory".into();
    let mut undecided = verdict(&[]);
    undecided["notEvaluated"] = json!([{ "rule": "a-rule", "reason": "the cluster is not known" }]);
    vec![
        Scenario { name: "allowed", answer: answered(verdict(&[])), denied: &[], warned: &[] },
        Scenario {
            name: "denied",
            answer: answered(verdict(&[Enforcement::Deny, Enforcement::Warn])),
            denied: &[FOUND],
            warned: &[FOUND],
        },
        Scenario { name: "warned", answer: answered(verdict(&[Enforcement::Warn])), denied: &[], warned: &[FOUND] },
        Scenario {
            name: "failed",
            answer: answered(could_not_run),
            denied: &["^policy-host: 1 reason\n- a-rule: could not run: out of memory$"],
            warned: &[],
        },
        Scenario {
            name: "undecided",
            answer: answered(undecided),
            denied: &[],
            warned: &["^a-rule: not evaluated: the cluster is not known$"],
        },
        Scenario {
            name: "unanswered",
            // As Gatekeeper reports it: null, not empty.
            answer: json!({ "responses": null, "errors": null, "status_code": 500, "system_error": "no route to host" }),
            denied: &["^policy-host: no verdict: no route to host$"],
            warned: &["^policy-host: no verdict: no route to host$"],
        },
        Scenario {
            name: "refused",
            answer: json!({
                "responses": [], "errors": [["sha256:0", "there is no bundle `x`"]], "status_code": 200,
                "system_error": "",
            }),
            denied: &["^policy-host: no verdict: there is no bundle `x`$"],
            warned: &["^policy-host: no verdict: there is no bundle `x`$"],
        },
        Scenario {
            name: "silent",
            answer: json!({ "responses": [], "errors": [], "status_code": 200, "system_error": "" }),
            denied: &["^policy-host: no verdict: 0 answers to one question$"],
            warned: &["^policy-host: no verdict: 0 answers to one question$"],
        },
        Scenario {
            name: "garbled",
            answer: answered(json!({ "verdict": "fine" })),
            denied: &["^policy-host: no verdict: the answer does not say whether the object is allowed$"],
            warned: &["^policy-host: no verdict: the answer does not say whether the object is allowed$"],
        },
        Scenario {
            name: "odd",
            answer: answered(json!({ "allowed": false, "message": "for a reason", "violations": ["a text"] })),
            denied: &["^policy-host: for a reason$"],
            warned: &[],
        },
        Scenario {
            name: "mute",
            answer: json!({}),
            denied: &["^policy-host: no verdict: the answer is not one of a provider$"],
            warned: &["^policy-host: no verdict: the answer is not one of a provider$"],
        },
    ]
}

/// The answers as a Rego value, one scenario a line.
fn rego_lines(answers: &serde_json::Map<String, Value>) -> String {
    let lines: Vec<String> = answers.iter().map(|(name, answer)| format!("  {}: {answer}", json!(name))).collect();
    format!("answers := {{\n{},\n}}\n", lines.join(",\n"))
}

fn suite(plan: &Plan<'_>, scenarios: &[Scenario]) -> Value {
    let tests = TESTED.map(|enforcement| {
        let cases = scenarios.iter().map(|scenario| {
            let messages = if enforcement == Enforcement::Deny { scenario.denied } else { scenario.warned };
            json!({
                "name": scenario.name,
                "object": format!("{}.yaml", scenario.name),
                "assertions": assertions(messages),
            })
        });
        json!({
            "name": level(enforcement),
            "template": "template.yaml",
            "constraint": constraint_path(enforcement),
            "cases": cases.collect::<Vec<_>>(),
        })
    });
    json!({
        "apiVersion": "test.gatekeeper.sh/v1alpha1",
        "kind": "Suite",
        "metadata": { "name": plan.name() },
        "tests": tests,
    })
}

fn assertions(messages: &[&str]) -> Value {
    if messages.is_empty() {
        return json!([{ "violations": "no" }]);
    }
    let each = messages.iter().map(|message| json!({ "violations": 1, "message": message }));
    std::iter::once(json!({ "violations": messages.len() })).chain(each).collect()
}
