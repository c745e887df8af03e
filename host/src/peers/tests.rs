use super::Peers;
use crate::manifest::Manifest;
use serde_json::json;

const PEERS: &str = "code\tname\tversion\tsource\nKL\tkube-linter\t1.0\texample.com/linter\n";

/// A rule that names these checks.
fn rule(id: &str, peers: &[&str]) -> Manifest {
    serde_json::from_value(json!({
        "id": id, "version": "0.1.0", "title": "Title", "why": "Why.", "fix": "Fix.",
        "findings": [{"code": "found", "title": "Found", "severity": "low", "confidence": "certain"}],
        "priority": "P2", "effort": "small", "factor": "Config", "since": "0.1.0", "appliesTo": ["workload"],
        "reads": [], "parameters": [], "inventory": [], "peers": peers,
    }))
    .unwrap()
}

/// Lists with these lines of checks.
fn read(checks: &str) -> Result<Peers, String> {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("peers.tsv"), PEERS).unwrap();
    std::fs::write(folder.path().join("checks.tsv"), format!("peer\tcheck\treason\n{checks}")).unwrap();
    Peers::read(folder.path()).map_err(|error| error.replace(&*folder.path().to_string_lossy(), ""))
}

fn problems(checks: &str, rules: &[Manifest]) -> Vec<String> {
    read(checks).unwrap().problems(rules.iter().map(|rule| ("pack", rule)))
}

#[test]
fn each_check_is_covered_or_has_a_reason() {
    let rules = [rule("one", &["KL:latest-tag", "XX:whatever"])];
    assert_eq!(
        problems("KL\tlatest-tag\t\nKL\tsorted-keys\tnot made: taste\nKL\tlater\tplanned: two\n", &rules),
        [""; 0]
    );
    assert_eq!(
        problems("KL\tother\t\n", &rules),
        ["one: kube-linter 1.0 has no check `latest-tag`", "KL:other: no rule names it, and checks.tsv has no reason",]
    );
}

#[test]
fn a_reason_goes_when_a_rule_comes() {
    let rules = [rule("one", &["KL:latest-tag"]), rule("two", &[])];
    assert_eq!(
        problems("KL\tlatest-tag\tnot yet: no rule for tags\n", &rules),
        ["KL:latest-tag: `one` has it, and checks.tsv still has a reason: remove that"]
    );
    assert_eq!(
        problems("KL\tlatest-tag\t\nKL\tother\tplanned: two\n", &rules),
        [
            "KL:other: checks.tsv plans `two`, which is there and does not name it: name it in its `peers`, or say why it does \
          not have it"
        ]
    );
}

#[test]
fn the_page_counts_and_names() {
    let rules = [rule("one", &["KL:latest-tag"]), rule("two", &["KL:latest-tag"])];
    let checks =
        "KL\tlatest-tag\t\nKL\tsorted-keys\tnot made: taste\nKL\tlater\tplanned: four, five\nKL\tx\tnot yet: why\n";
    let page = read(checks).unwrap().page(rules.iter().map(|rule| ("pack", rule)));
    assert!(page.contains("| [kube-linter](#kube-linter) | 1.0 | 4 | 1 | 2 | 1 |"), "{page}");
    assert!(page.contains("| `latest-tag` | [one](pack/README.md#one), [two](pack/README.md#two) |"), "{page}");
    assert!(page.contains("| `sorted-keys` | not made: taste |"), "{page}");
    assert!(page.contains("| `later` | not yet: `four`, `five` |"), "{page}");
    assert!(page.contains("| `x` | not yet: why |"), "{page}");
}

#[test]
fn what_cannot_be_read_is_named_with_its_line() {
    for (checks, expected) in [
        ("KL\tx\n", "/checks.tsv:2: 2 columns instead of 3"),
        ("KL\tx\t\nKL\tx\t\n", "/checks.tsv:3: `KL:x` stands twice"),
        ("ZZ\tx\t\n", "/checks.tsv:2: peers.tsv has no `ZZ`"),
        ("KL\tx\tnot made:\n", "/checks.tsv:2: `not made:` is no reason"),
        (
            "KL\tx\tnever: taste\n",
            "/checks.tsv:2: a reason begins with `planned: `, `not yet: ` or `not made: `, not with `never`",
        ),
    ] {
        assert_eq!(read(checks).unwrap_err(), expected);
    }
}
