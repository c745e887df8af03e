//! What is told of charts and kustomizations that are not rendered, and who may have them rendered.

use super::{CHART, chart, eval, fake};
use crate::cli::{Home, stderr, stdout};

#[test]
fn without_rendering_they_are_counted_and_named() {
    let home = Home::with(&[
        ("my chart/Chart.yaml", CHART),
        ("my chart/templates/a.yaml", "{{ x }}"),
        ("prod/Kustomization", "resources: []\n"),
        ("ci.yaml", crate::cli::PRIVILEGED),
    ]);
    let shown = stdout(&home.run(&["eval", "--bundle", "pod-security-baseline"]));
    assert!(shown.contains("note: 1 Helm template skipped\n"), "{shown}");
    assert!(
        shown.contains(
            "note: 1 chart and 1 kustomization not rendered; --render checks what they deploy:\n    \
             helm template 'my chart' | policy-host eval -\n    kustomize build prod | policy-host eval -\n"
        ),
        "{shown}"
    );
    let results = home.json(&["eval", "--bundle", "pod-security-baseline"]);
    assert_eq!(
        results["renderables"],
        serde_json::json!([
            {"tool": "helm", "folder": "my chart", "command": "helm template 'my chart'", "rendered": false},
            {"tool": "kustomize", "folder": "prod", "command": "kustomize build prod", "rendered": false},
        ])
    );
}

#[test]
fn a_file_that_was_found_has_nothing_run() {
    let home = chart();
    home.write("policy-host.yaml", "failOn: high\nrender: true\n");
    let helm = fake("fake-helm.sh");
    let arguments = ["eval", "--bundle", "pod-security-baseline", "--helm", &helm];
    let refused = home.run(&arguments);
    assert_eq!(refused.status.code(), Some(2));
    let said =
        "policy-host.yaml:2:9: a file that was found may not have programs run; say `--render`, or name the file";
    assert!(stderr(&refused).contains(said), "{}", stderr(&refused));
    for named in [&["--render"][..], &["--config", "policy-host.yaml"]] {
        let output = home.run(&[&arguments[..], named].concat());
        assert!(stdout(&output).contains("in `chart chart`"), "{named:?}: {}", stderr(&output));
    }
    let not = home.run(&[&arguments[..], &["--no-config"]].concat());
    assert!(stdout(&not).contains("not rendered"), "{}", stdout(&not));
}

#[test]
fn flags_that_are_about_files_do_not_go_with_it() {
    let home = chart();
    for (flag, why) in [
        ("--fix", "fixes are made to files"),
        ("--diff", "fixes"),
        ("--since=HEAD", "a change of a value"),
        ("--watch", "is not watched"),
    ] {
        let output = eval(&home, &[flag]);
        assert_eq!(output.status.code(), Some(2), "{flag}");
        let name = flag.split('=').next().unwrap();
        assert!(stderr(&output).contains(&format!("`--render` does not go with `{name}`: ")), "{}", stderr(&output));
        assert!(stderr(&output).contains(why), "{}", stderr(&output));
    }
}

#[test]
fn a_program_that_is_named_is_one() {
    let home = chart();
    let output = home.run(&["eval", "--render", "--helm", "chart/Chart.yaml"]);
    assert_eq!(output.status.code(), Some(2));
    assert!(
        stderr(&output).contains("--helm chart/Chart.yaml: it is no program that can be run"),
        "{}",
        stderr(&output)
    );
}
