//! What `--fix` does to files: it makes nothing worse, changes nothing else, and is done when it is done.

use crate::cli::{Home, stderr, stdout};
use policy_host::bundle::{Bundle, Library};
use policy_host::discover;
use policy_host::engine::{Engine, SandboxLimits};
use policy_host::evaluate::Judge;
use policy_host::fix::{Extent, Fixed, changed_files, fix};
use policy_host::parse::{Form, Limits, Scalars, Unit};
use policy_host::sets::Surroundings;
use proptest::prelude::*;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::{Arc, LazyLock};

/// A Deployment of one replica that serves.
const SHOP: &str = "\
apiVersion: apps/v1
kind: Deployment
metadata: {name: shop, namespace: store-live}
spec:
  replicas: 1
  selector: {matchLabels: {app: shop}}
  template:
    metadata: {labels: {app: shop}}
    spec:
      containers:
        - name: shop
          image: r.example/shop:1
          ports: [{containerPort: 80}]
";

/// The file after `eval --fix` with more arguments, and what was said.
fn fixed(name: &str, text: &str, arguments: &[&str]) -> (String, String) {
    let home = Home::with(&[(name, text)]);
    let output = home.run(&[&["eval", "--no-cache", name], arguments].concat());
    (home.read(name), format!("{}{}", stdout(&output), stderr(&output)))
}

#[test]
fn all_fixes_do_at_least_what_the_safe_ones_do() {
    for bundle in ["default", "strict"] {
        let (safe, _) = fixed("shop.yaml", SHOP, &["--bundle", bundle, "--fix"]);
        let (all, said) = fixed("shop.yaml", SHOP, &["--bundle", bundle, "--fix=unsafe"]);
        assert_ne!(safe, SHOP);
        let missing: Vec<&str> = safe.lines().filter(|line| !all.contains(line.trim())).collect();
        assert_eq!(missing, Vec::<&str>::new(), "{bundle}:\n{all}\n{said}");
    }
}

#[test]
fn a_fix_that_makes_something_worse_is_left_out_alone_and_named() {
    let bundle = "\
name: b
version: '1'
rules:
  - {rule: min-replicas, parameters: {scope: all}}
  - pdb-required
  - pss-seccomp-restricted
";
    let service = "---
apiVersion: v1
kind: Service
metadata: {name: shop, namespace: store-live}
spec: {selector: {app: shop}, ports: [{port: 80}]}
";
    // A second replica asks for a budget, which a single one does not.
    let home = Home::with(&[("shop.yaml", &format!("{SHOP}{service}")), ("bundle.yaml", bundle)]);
    let output = home.run(&["eval", "--no-cache", "--bundle", "bundle.yaml", "--fix=unsafe", "shop.yaml"]);
    let (text, said) = (home.read("shop.yaml"), stderr(&output));
    assert!(text.contains("seccompProfile") && text.contains("replicas: 1\n"), "{text}{said}");
    let why = "shop.yaml:5:13: min-replicas: not fixed: it would cause another finding, of `pdb-required`\n";
    assert!(said.contains(why), "{said}");
}

#[test]
fn no_instruction_is_swallowed() {
    for (command, kept) in [
        ("[\"/shop\", \"ping\"] \\\n  # [2] or more means down\n  || exit 1", "[\"/shop\", \"ping\"]"),
        ("[\"/shop\", \\\n  # [1]\n\n  \"ping\"] || \\\n  exit 1", "[\"/shop\", \\\n  # [1]\n\n  \"ping\"]"),
        ("[\"/shop\", \"||\", \\\n  # \"|| twice\n  \"exit\", \"1\"]", "[\"/shop\"]"),
    ] {
        let text = |command: &str| format!("FROM r.example/shop:1\nHEALTHCHECK CMD {command}\nCMD [\"/shop\"]\n");
        let (fixed, said) = fixed("Dockerfile", &text(command), &["--bundle", "strict", "--fix"]);
        assert_eq!(fixed, text(kept), "{said}");
    }
}

#[test]
fn what_a_person_decided_stays() {
    let grace = SHOP.replace("    spec:\n", "    spec:\n      terminationGracePeriodSeconds: 5 # stops at once\n");
    let (fixed_, said) = fixed("shop.yaml", &grace, &["--bundle", "strict", "--fix"]);
    assert!(fixed_.contains("terminationGracePeriodSeconds: 5 # stops at once\n"), "{fixed_}{said}");
    for user in ["runAsUser: 200", "runAsNonRoot: true"] {
        let context = format!("securityContext: {{{user}, capabilities: {{add: [NET_BIND_SERVICE], drop: [ALL]}}}}");
        let binds = SHOP.replace("          ports:", &format!("          {context}\n          ports:"));
        let (fixed_, said) = fixed("shop.yaml", &binds, &["--bundle", "strict", "--fix"]);
        assert!(!fixed_.contains("allowPrivilegeEscalation"), "{fixed_}{said}");
    }
}

#[test]
fn requests_stay_below_the_limits_of_the_pod() {
    let limits = "      resources: {limits: {cpu: 60m, memory: 96Mi}}\n";
    let one = SHOP.replace("    spec:\n", &format!("    spec:\n{limits}"));
    let two = format!("{one}        - {{name: second, image: r.example/second:1}}\n");
    for (text, cpu, memory) in [(one, "60m", "96Mi"), (two, "30m", "48Mi")] {
        let (fixed, said) = fixed("shop.yaml", &text, &["--bundle", "strict", "--fix=unsafe"]);
        let count = fixed.matches(&format!("cpu: {cpu}")).count() + fixed.matches(&format!("memory: {memory}")).count();
        assert!(count >= 3, "{fixed}{said}");
        assert!(!fixed.contains("128Mi"), "{fixed}");
    }
}

#[test]
fn a_pod_of_windows_nodes_gets_no_linux_field() {
    let affinity = "affinity: {nodeAffinity: {requiredDuringSchedulingIgnoredDuringExecution: {nodeSelectorTerms: \
                    [{matchExpressions: [{key: kubernetes.io/os, operator: In, values: [windows]}]}]}}}";
    for placed in
        ["nodeSelector: {kubernetes.io/os: windows}", "nodeSelector: {beta.kubernetes.io/os: windows}", affinity]
    {
        let text = SHOP.replace("    spec:\n", &format!("    spec:\n      {placed}\n"));
        for extent in ["--fix", "--fix=unsafe"] {
            let (fixed, said) = fixed("shop.yaml", &text, &["--bundle", "strict", extent]);
            for field in ["seccompProfile", "allowPrivilegeEscalation", "drop", "readOnlyRootFilesystem"] {
                assert!(!fixed.contains(field), "{field}\n{fixed}{said}");
            }
            assert_eq!(fixed.contains("name: windows"), extent == "--fix=unsafe", "{fixed}{said}");
        }
    }
}

#[test]
fn what_was_rendered_is_judged_and_not_fixed() {
    let rendered = format!("---\n# Source: shop/templates/deployment.yaml\n{SHOP}");
    let (text, said) = fixed("shop.yaml", &rendered, &["--bundle", "strict", "--fix=unsafe"]);
    assert_eq!(text, rendered);
    assert!(said.contains("pss-seccomp-restricted"), "{said}");
    let report = Home::with(&[("shop.yaml", &rendered)]).json(&["eval", "--bundle", "strict", "shop.yaml"]);
    assert!(!report.to_string().contains("\"patch\""), "no form offers the fix");
}

/// Checks by a bundle: a shipped one, or a file.
fn judge(bundle: &str) -> Judge {
    let pack = Path::new(env!("CARGO_MANIFEST_DIR")).join("../target/policies/embedded.pack");
    let mut library = Library::embedded(std::fs::read(pack).unwrap().leak()).unwrap();
    let engine = Arc::new(Engine::new(SandboxLimits::default(), None).unwrap());
    let today = jiff::civil::date(2026, 1, 1);
    let bundle = Bundle::open(bundle, &mut library, &engine, today).unwrap();
    Judge::new(&engine, &Arc::new(bundle))
}

/// All fixes of some files, by some rules.
fn all_fixes(rules: &[&str], files: impl IntoIterator<Item = (String, String)>) -> Fixed {
    let list: String = rules.iter().map(|rule| format!("  - {rule}\n")).collect();
    let home = Home::with(&[("bundle.yaml", &format!("name: b\nversion: '1'\nrules:\n{list}"))]);
    let judge = judge(&home.path("bundle.yaml").to_string_lossy());
    let limits = Limits::default();
    let split = |(path, text): (String, String)| {
        Unit::split(Form::Yaml(Scalars::Kubernetes), &Arc::from(path), &text, &limits).unwrap()
    };
    let units = files.into_iter().flat_map(split).collect();
    fix(&judge, units, &limits, &Surroundings::default(), Extent::Unsafe)
}

/// A Deployment that serves, and its Service. It has fixes that are good, and one that asks for a budget.
fn shop(name: usize) -> (String, String) {
    let text = format!(
        "{SHOP}---\napiVersion: v1\nkind: Service\nmetadata: {{name: shop, namespace: store-live}}\n\
         spec: {{selector: {{app: shop}}, ports: [{{port: 80}}]}}\n"
    );
    (format!("{name}.yaml"), text.replace("shop", &format!("shop{name}")))
}

#[test]
fn bad_fixes_in_many_units_cost_no_more_runs_than_in_one() {
    let rules = [
        "{rule: min-replicas, parameters: {scope: all}}",
        "pdb-required",
        "pss-seccomp-restricted",
        "pss-privilege-escalation",
        "pss-drop-all-capabilities",
        "revision-history-kept",
        "token-automount-disabled",
        "memory-limit-required",
    ];
    let fixed = |shops: usize| all_fixes(&rules, (0..shops).map(shop));
    let (one, many) = (fixed(1), fixed(32));
    assert_eq!((one.refused.len(), many.refused.len()), (1, 32), "{:?}", many.refused);
    assert_eq!(many.applied, 32 * one.applied);
    assert_eq!(many.cost.runs, one.cost.runs, "found in all of them at once");
    assert_eq!(many.cost.judged, 32 * one.cost.judged, "{:?}", one.cost);
    // Its Service is checked once, the Deployment with each set of fixes that is tried.
    assert!(one.cost.judged <= one.cost.runs + 1, "{:?}", one.cost);
}

#[test]
fn who_is_to_blame_for_another_unit_is_found_for_all_at_once() {
    // Enforcing a level would keep the pods of every other namespace from starting.
    let namespace = |name: usize| {
        let privileged = name.is_multiple_of(2);
        let text = format!(
            "apiVersion: v1\nkind: Namespace\nmetadata: {{name: n{name}}}\n---\napiVersion: v1\nkind: Pod\n\
             metadata: {{name: p, namespace: n{name}}}\nspec:\n  hostNetwork: {privileged}\n  containers: [{{name: a, image: a}}]\n"
        );
        (format!("{name}.yaml"), text)
    };
    let rules = ["namespace-psa-enforced", "workload-fits-namespace-psa"];
    for namespaces in [2, 16, 64] {
        let fixed = all_fixes(&rules, (0..namespaces).map(namespace));
        let named =
            |refused: &String| refused.ends_with("it would cause another finding, of `workload-fits-namespace-psa`");
        assert_eq!(
            fixed.refused.iter().filter(|refused| named(refused)).count(),
            namespaces / 2,
            "{:?}",
            fixed.refused
        );
        assert_eq!(fixed.refused.len(), namespaces / 2);
        let enforced = fixed.slots.iter().filter(|slot| slot.unit.sources[0].text.contains("/enforce: baseline"));
        assert_eq!(enforced.count(), namespaces / 2);
        // Of a whole run it would be all units each time.
        let digits = namespaces.ilog2() as usize;
        assert!(fixed.cost.runs <= 10 + 4 * digits, "{namespaces}: {:?}", fixed.cost);
        assert!(fixed.cost.judged <= namespaces * (10 + 4 * digits), "{namespaces}: {:?}", fixed.cost);
    }
}

#[test]
fn the_sample_is_not_judged_anew_for_each_try() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../tests/sample-repository");
    let limits = Limits::default();
    let units = discover::discover(&[root], &JUDGE.bundle().wanted(), &limits).units;
    let count = units.len();
    let fixed = fix(&JUDGE, units, &limits, &Surroundings::default(), Extent::Unsafe);
    assert!(fixed.applied > 50 && fixed.refused.len() > 5, "{} applied, {:?}", fixed.applied, fixed.refused);
    let whole = fixed.cost.runs * count;
    assert!(fixed.cost.judged * 3 <= whole, "{count} units, {:?}", fixed.cost);
}

/// Checks by all rules that ship.
static JUDGE: LazyLock<Judge> = LazyLock::new(|| judge("strict"));

/// The files of the rules' cases and of the sample repository, with their units.
static FILES: LazyLock<Vec<(PathBuf, Vec<Unit>)>> = LazyLock::new(|| {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let below =
        |folder: &str| discover::discover(&[root.join(folder)], &JUDGE.bundle().wanted(), &Limits::default()).units;
    let mut files: BTreeMap<PathBuf, Vec<Unit>> = BTreeMap::new();
    for unit in below("policies").into_iter().chain(below("tests/sample-repository")) {
        let path = PathBuf::from(&*unit.sources[0].path);
        let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        // The list of a repository's files is no file.
        if unit.form != Form::Terraform
            && path.is_file()
            && (path.starts_with(root.join("tests")) || name.starts_with("fail"))
        {
            files.entry(path).or_default().push(unit);
        }
    }
    files.into_iter().collect()
});

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, ..ProptestConfig::default() })]

    /// Some files, which are each other's inventory: what is fixed parses, and there is nothing left to fix in it.
    #[test]
    fn a_second_run_changes_nothing(chosen in proptest::sample::subsequence((0..FILES.len()).collect::<Vec<_>>(), 1..6)) {
        let limits = Limits::default();
        for extent in [Extent::Safe, Extent::Unsafe] {
            let files: Vec<&(PathBuf, Vec<Unit>)> = chosen.iter().map(|index| &FILES[*index]).collect();
            let units = files.iter().flat_map(|(_, units)| units.clone()).collect();
            let first = fix(&JUDGE, units, &limits, &Surroundings::default(), extent);
            let original = |path: &str| std::fs::read_to_string(path).ok();
            let texts = changed_files(&first.slots, original);
            let again = files.iter().flat_map(|(path, units)| {
                let path = Arc::from(path.to_string_lossy());
                let text = texts.get(&*path).cloned().or_else(|| original(&path)).unwrap();
                Unit::split(units[0].form, &path, &text, &limits).unwrap()
            });
            let second = fix(&JUDGE, again.collect(), &limits, &Surroundings::default(), extent);
            prop_assert_eq!(&second.result.errors, &[], "{:?}", texts);
            let changed = changed_files(&second.slots, |path| texts.get(path).cloned().or_else(|| original(path)));
            prop_assert_eq!(changed, BTreeMap::new(), "{:?}: {:?}", extent, second.refused);
        }
    }
}
