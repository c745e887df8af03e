//! What the rules say of other tools' checks, and `tests/peers/checks.tsv`, which lists all of these.

use policy_host::bundle::Library;
use policy_host::peers::Peers;
use std::path::Path;

#[test]
fn each_check_of_a_listed_tool_is_covered_or_has_a_reason() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let pack = std::fs::read(root.join("target/policies/embedded.pack")).unwrap();
    let library = Library::embedded(pack.leak()).unwrap();
    let rules = library.rules().map(|rule| (rule.component.name.as_str(), &*rule.manifest));
    let problems = Peers::read(&root.join("tests/peers")).unwrap().problems(rules);
    assert!(problems.is_empty(), "{problems:#?}");
}
