//! One application whose numbers meet: shutdown, availability and autoscaling are checked together, before and after
//! the fixes. What is expected stands in the file, above the line, with the arithmetic behind it.

use crate::cli::{Home, stderr};
use serde_json::Value;

const APPLICATION: &str = include_str!("fixtures/application.yaml");
const FIXED: &str = include_str!("fixtures/application.fixed.yaml");

const BUNDLE: &str = "\
name: application
version: '1'
settings: {nodeCount: 2}
rules:
  - grace-covers-prestop
  - hpa-metrics-defined
  - hpa-min-replicas
  - hpa-needs-requests
  - hpa-owns-replicas
  - hpa-range-meaningful
  - hpa-target-exists
  - min-replicas
  - node-spread-required
  - pdb-allows-disruption
  - pdb-fits-replicas
  - pdb-not-overlapping
  - pdb-policy-set
  - pdb-required
  - pdb-selector-matches
  - pdb-unhealthy-eviction
  - prestop-drain-hook
  - priority-class-exists
  - progress-deadline-set
  - revision-history-kept
  - rolling-update-strategy
  - scaledobject-auth-identity
  - selector-matches-template
  - spread-not-unschedulable
  - statefulset-service-exists
  - topology-spread-selector-matches
  - zone-spread-required
";

/// Lines with what is found there: `RULE/CODE`, and the message.
type Findings = Vec<(u64, String, String)>;

/// What comments of these kinds expect, `# KIND[RULE/CODE]: MESSAGE`, at the next line that is no comment.
fn expected(text: &str, kinds: &[&str]) -> Findings {
    let mut open: Vec<(String, String)> = Vec::new();
    let mut expected = Findings::new();
    for (line, text) in (1..).zip(text.lines()) {
        let Some(comment) = text.trim_start().strip_prefix("# ") else {
            expected.extend(open.drain(..).map(|(kind, message)| (line, kind, message)));
            continue;
        };
        let said = kinds.iter().find_map(|kind| comment.strip_prefix(kind)?.strip_prefix('['));
        if let Some((kind, message)) = said.and_then(|said| said.split_once("]: ")) {
            open.push((kind.to_owned(), message.to_owned()));
        }
    }
    expected
}

fn found(json: &Value) -> Findings {
    let mut found = Findings::new();
    for outcome in json["documents"].as_array().unwrap().iter().flat_map(|it| it["outcomes"].as_array().unwrap()) {
        let rule = outcome["rule"].as_str().unwrap();
        assert!(!matches!(outcome["outcome"].as_str(), Some("error" | "not-evaluated")), "{outcome}");
        for finding in outcome["findings"].as_array().into_iter().flatten() {
            let (code, message) = (finding["code"].as_str().unwrap(), finding["message"].as_str().unwrap());
            let line = finding["location"]["line"].as_u64().unwrap();
            found.push((line, format!("{rule}/{code}"), message.to_owned()));
        }
    }
    found.sort();
    found
}

#[test]
fn the_numbers_of_an_application_are_as_computed_by_hand() {
    assert_eq!(APPLICATION.lines().filter(|line| line.starts_with("kind: ")).count(), 10);
    let home = Home::with(&[("shop.yaml", APPLICATION), ("bundle.yaml", BUNDLE)]);
    let eval = ["eval", "--no-cache", "--bundle", "bundle.yaml", "shop.yaml"];
    assert_eq!(found(&home.json(&eval)), expected(APPLICATION, &["before", "always"]));

    let output = home.run(&[&eval[..], &["--fix=unsafe"]].concat());
    assert_eq!(home.read("shop.yaml"), FIXED, "{}", stderr(&output));
    assert_eq!(found(&home.json(&eval)), expected(FIXED, &["always"]));
}
