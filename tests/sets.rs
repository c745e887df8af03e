//! What is deployed together: environments apart, kustomizations known for what they are, absence told where all is
//! known.

use crate::cli::{Home, stderr, stdout};
use serde_json::Value;

/// The answers of one rule in a directory: `FILE KIND OUTCOME CODES`, where it applies.
fn answers(home: &Home, rule: &str) -> Vec<String> {
    let json = home.json(&["eval", "--bundle", "../bundle.yaml", "."]);
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let mut answers = Vec::new();
    for document in json["documents"].as_array().unwrap() {
        for outcome in document["outcomes"].as_array().unwrap().iter().filter(|outcome| outcome["rule"] == rule) {
            let codes = outcome["findings"].as_array().into_iter().flatten().map(|finding| text(&finding["code"]));
            let codes = codes.collect::<Vec<_>>().join(" ");
            let (file, kind) = (text(&document["location"]["file"]), text(&document["subject"]["kind"]));
            let answer = format!("{file} {kind} {} {codes}", text(&outcome["outcome"]));
            answers.push(answer.trim_end().to_owned());
        }
    }
    answers
}

/// A directory with files, and a bundle of rules.
fn home(rules: &str, files: &[(&str, &str)]) -> Home {
    let home = Home::with(files);
    home.write("../bundle.yaml", &format!("name: b\nversion: '1'\nrules: [{rules}]\n"));
    home
}

const SHOP: &str = include_str!("fixtures/shop.yaml");
const BUDGET: &str = "apiVersion: policy/v1\nkind: PodDisruptionBudget\nmetadata: {name: shop}\n\
                      spec: {maxUnavailable: 1, selector: {matchLabels: {app: shop}}}\n";
const SERVICE: &str = "apiVersion: v1\nkind: Service\nmetadata: {name: shop}\n\
                       spec:\n  selector: {app: shop}\n  ports:\n    - port: 80\n";
const RELEASE: &str = "apiVersion: helm.toolkit.fluxcd.io/v2\nkind: HelmRelease\nmetadata: {name: extras}\nspec: {}\n";

#[test]
fn an_environment_is_judged_by_what_is_its_own_and_common() {
    let home =
        home("pdb-required", &[("test/shop.yaml", SHOP), ("test/budget.yaml", BUDGET), ("live/shop.yaml", SHOP)]);
    let answers = || answers(&home, "pdb-required");
    assert_eq!(answers(), ["live/shop.yaml Deployment fail missing", "test/shop.yaml Deployment pass"]);
    assert_eq!(answers().len(), 2, "from memory");
    home.write("common/budget.yaml", &BUDGET.replace("metadata: {name: shop}", "metadata: {name: all}"));
    assert_eq!(answers(), ["live/shop.yaml Deployment pass", "test/shop.yaml Deployment pass"]);
}

#[test]
fn an_application_in_folders_by_kind_is_judged_whole() {
    let files = [("deployments/shop.yaml", SHOP), ("budgets/shop.yaml", BUDGET), ("services/shop.yaml", SERVICE)];
    let home = home("pdb-required, readiness-probe-required", &files);
    assert_eq!(answers(&home, "pdb-required"), ["deployments/shop.yaml Deployment pass"]);
    assert!(answers(&home, "readiness-probe-required")[0].contains(" fail "));
}

#[test]
fn the_configuration_may_say_what_belongs_together() {
    let files = [("a/shop.yaml", SHOP), ("b/shop.yaml", SHOP), ("b-more/budget.yaml", BUDGET)];
    let home = home("pdb-required", &files);
    assert_eq!(answers(&home, "pdb-required"), ["a/shop.yaml Deployment pass", "b/shop.yaml Deployment pass"]);
    home.write("policy-host.yaml", "sets:\n  b: ['b/**', 'b-more/**']\n");
    assert_eq!(answers(&home, "pdb-required"), ["a/shop.yaml Deployment fail missing", "b/shop.yaml Deployment pass"]);
    home.write("policy-host.yaml", "sets:\n  b: ['b/**', '[x']\n");
    let output = home.run(&["eval", "."]);
    assert_eq!(output.status.code(), Some(2));
    assert!(stderr(&output).contains("policy-host.yaml:2:"), "{}", stderr(&output));
}

#[test]
fn patches_are_no_objects() {
    let patch = "apiVersion: apps/v1\nkind: Deployment\nmetadata: {name: shop}\nspec: {replicas: 3}\n";
    let six_nine_oh_two = "- {op: add, path: /spec/replicas, value: 3}\n";
    let component =
        "apiVersion: kustomize.config.k8s.io/v1alpha1\nkind: Component\npatchesStrategicMerge: [more.yaml]\n";
    let kustomization =
        "resources: [../base]\ncomponents: [../parts]\npatches:\n- path: image.yaml\n- path: list.yaml\n";
    let files = [
        ("base/kustomization.yaml", "resources: [shop.yaml]\n"),
        ("base/shop.yaml", SHOP),
        ("live/kustomization.yaml", kustomization),
        ("live/image.yaml", patch),
        ("live/list.yaml", six_nine_oh_two),
        ("parts/kustomization.yaml", component),
        ("parts/more.yaml", patch),
        ("parts/other.yaml", patch),
    ];
    let home = home("resource-requests-required, pss-privilege-escalation", &files);
    assert_eq!(answers(&home, "resource-requests-required"), ["base/shop.yaml Deployment fail missing"]);
    home.run(&["eval", "--bundle", "../bundle.yaml", "--fix=unsafe", "."]);
    assert_eq!((home.read("live/image.yaml"), home.read("parts/more.yaml")), (patch.to_owned(), patch.to_owned()));
    assert_ne!(home.read("base/shop.yaml"), SHOP);

    // Checked alone, by a hook, it is one as well.
    let alone = stdout(&home.run(&["eval", "--bundle", "../bundle.yaml", "live/image.yaml"]));
    assert!(!alone.contains("[resource-requests-required]"), "{alone}");

    // The patch did not change, and is none any more.
    home.write("live/kustomization.yaml", "resources: [../base, image.yaml]\n");
    assert!(answers(&home, "resource-requests-required").iter().any(|answer| answer.starts_with("live/image.yaml ")));
}

#[test]
fn a_part_of_a_workload_beside_a_kustomization_is_a_patch_that_nobody_uses() {
    let part = "apiVersion: apps/v1\nkind: Deployment\nmetadata: {name: shop}\n\
                spec: {selector: {}, template: {spec: {containers: [{name: shop, args: [a]}]}}}\n";
    let files = [
        ("config/kustomization.yaml", "resources: [shop.yaml]\n# patches: [{path: part.yaml}]\n"),
        ("config/shop.yaml", SHOP),
        ("config/part.yaml", part),
        ("config/whole.yaml", &*SHOP.replace("name: shop", "name: whole")),
        ("plain/part.yaml", part),
    ];
    let home = home("resource-requests-required", &files);
    let judged = answers(&home, "resource-requests-required");
    let files: Vec<&str> = judged.iter().map(|answer| answer.split(' ').next().unwrap()).collect();
    assert_eq!(files, ["config/shop.yaml", "config/whole.yaml", "plain/part.yaml"]);
}

#[test]
fn no_namespace_is_default_unless_others_are_named() {
    let deployment = SHOP.replace("{name: shop}", "{name: shop, namespace: default}");
    let home = home("pdb-required, pdb-selector-matches", &[("shop.yaml", &deployment), ("budget.yaml", BUDGET)]);
    assert_eq!(answers(&home, "pdb-required"), ["shop.yaml Deployment pass"]);
    assert_eq!(answers(&home, "pdb-selector-matches"), ["budget.yaml PodDisruptionBudget pass"]);
    home.write("other.yaml", &SERVICE.replace("{name: shop}", "{name: shop, namespace: other}"));
    assert_eq!(answers(&home, "pdb-required"), ["shop.yaml Deployment fail missing"]);
    let output = home.pipe(&["eval", "-"], &format!("{deployment}---\n{BUDGET}"));
    assert!(!stdout(&output).contains("pdb-"), "{}", stdout(&output));
}

#[test]
fn absence_is_told_where_all_that_is_deployed_is_known() {
    let home =
        home("pdb-required, resource-requests-required", &[("app/shop.yaml", SHOP), ("app/release.yaml", RELEASE)]);
    assert_eq!(answers(&home, "pdb-required"), ["app/shop.yaml Deployment not-evaluated"]);
    assert!(answers(&home, "resource-requests-required")[0].contains(" fail "), "other findings stay");
    let output = stdout(&home.run(&["eval", "--bundle", "../bundle.yaml", "."]));
    assert!(output.contains("`app/release.yaml` has the HelmRelease extras"), "{output}");
    std::fs::remove_file(home.path("app/release.yaml")).unwrap();
    assert_eq!(answers(&home, "pdb-required"), ["app/shop.yaml Deployment fail missing"], "memory follows");
    home.write("app/kustomization.yaml", "resources: [shop.yaml, 'https://example.org/base?ref=v1']\n");
    assert_eq!(answers(&home, "pdb-required"), ["app/shop.yaml Deployment not-evaluated"]);
}

#[test]
fn only_what_may_be_what_is_missing_leaves_an_absence_open() {
    let knative = "apiVersion: serving.knative.dev/v1\nkind: Service\nmetadata: {name: activator}\nspec: {}\n";
    let scaled = "apiVersion: keda.sh/v1alpha1\nkind: ScaledObject\nmetadata: {name: other}\n\
                  spec: {scaleTargetRef: {name: other}}\n";
    let secret = "apiVersion: external-secrets.io/v1\nkind: ExternalSecret\nmetadata: {name: keys}\nspec: {}\n";
    let configured = SHOP.replace("shop:1\"}", "shop:1\", envFrom: [{configMapRef: {name: shop}}]}");
    for (rule, maker, finding) in [
        // It makes Services, which the rule asks for as well.
        ("netpol-covers-workload", knative, "none"),
        // It makes an autoscaler, and workloads are scaled by it rather than missing.
        ("pdb-required", scaled, "missing"),
        ("config-reference-exists", secret, "config-map"),
    ] {
        let home = home(rule, &[("app/shop.yaml", &configured), ("app/maker.yaml", maker)]);
        assert_eq!(answers(&home, rule)[0], format!("app/shop.yaml Deployment fail {finding}"), "{rule}");
        home.write("app/release.yaml", RELEASE);
        let told = answers(&home, rule);
        assert!(told.contains(&"app/shop.yaml Deployment not-evaluated".to_owned()), "{rule}: {told:?}");
        let output = stdout(&home.run(&["eval", "--bundle", "../bundle.yaml", "--format", "json", "."]));
        assert!(output.contains("whether there is one cannot be known: `app/release.yaml` has the"), "{output}");
    }
}

#[test]
fn an_object_of_another_maker_is_named_with_its_group() {
    let knative = "apiVersion: serving.knative.dev/v1\nkind: Service\nmetadata: {name: activator}\nspec: {}\n";
    let stateful = SHOP
        .replace("kind: Deployment", "kind: StatefulSet")
        .replace("replicas: 3", "replicas: 3\n  serviceName: shop");
    let home = home("statefulset-service-exists", &[("app/shop.yaml", stateful.as_str()), ("app/maker.yaml", knative)]);
    assert_eq!(answers(&home, "statefulset-service-exists"), ["app/shop.yaml StatefulSet not-evaluated"]);
    let output = stdout(&home.run(&["eval", "--bundle", "../bundle.yaml", "."]));
    assert!(output.contains("`app/maker.yaml` has the Service.serving.knative.dev activator"), "{output}");
}

#[test]
fn what_triggered_a_finding_is_shown_where_it_stands() {
    let home = home("readiness-probe-required", &[("deploy/shop.yaml", SHOP), ("services/a.yaml", SERVICE)]);
    let eval = |format: &str| stdout(&home.run(&["eval", "--bundle", "../bundle.yaml", "--format", format, "."]));
    for text in ["services/a.yaml:6:3", "  ports:", "it sends to the pods", "see: Service shop"] {
        assert!(eval("human").contains(text), "{text}: {}", eval("human"));
    }
    let label = || {
        let json: Value = serde_json::from_str(&eval("json")).unwrap();
        let documents = json["documents"].as_array().unwrap().iter();
        let mut outcomes = documents.flat_map(|document| document["outcomes"].as_array().unwrap());
        outcomes.find(|outcome| outcome["outcome"] == "fail").unwrap()["findings"][0]["labels"][0].clone()
    };
    let (file, line) = (label()["location"]["file"].clone(), label()["location"]["line"].clone());
    assert_eq!((file, line), ("services/a.yaml".into(), 6.into()));
    assert_eq!(label()["subject"]["kind"], "Service");
    // From memory, and with the Service on other lines.
    home.write("services/a.yaml", &format!("# moved\n\n{SERVICE}"));
    assert_eq!(label()["location"]["line"], 8);
    let sarif: Value = serde_json::from_str(&eval("sarif")).unwrap();
    let related = &sarif["runs"][0]["results"][0]["relatedLocations"][0];
    assert_eq!(related["physicalLocation"]["artifactLocation"]["uri"], "services/a.yaml");
    assert_eq!(related["logicalLocations"][0]["fullyQualifiedName"], "Service shop");
    assert!(eval("html").contains("services/a.yaml:8: Service shop: it sends to the pods"));
}

#[test]
fn near_misses_are_shown_where_they_stand() {
    let budget = BUDGET.replace("{app: shop}", "{app: shop, tier: web}");
    let shop = SHOP.replace("{app: shop}", "{app: shop, tier: wbe}");
    let home = home("pdb-required, pdb-selector-matches", &[("shop.yaml", &shop), ("budget.yaml", &budget)]);
    let output = stdout(&home.run(&["eval", "--bundle", "../bundle.yaml", "."]));
    for text in ["its pods have another value", "what they have"] {
        assert!(output.contains(text), "{text}: {output}");
    }
}

#[test]
fn what_an_object_makes_counts_for_what_it_may_be_and_where() {
    let scaled = "apiVersion: keda.sh/v1alpha1\nkind: ScaledObject\nmetadata: {name: x}\n\
                  spec: {scaleTargetRef: {name: other}, triggers: []}\n";
    let budget = BUDGET.replace("app: shop", "app: gone");
    let prometheus = "apiVersion: monitoring.coreos.com/v1\nkind: Prometheus\nmetadata: {name: p, namespace: watch}\n";
    let files = [("shop.yaml", SHOP), ("scaled.yaml", scaled), ("budget.yaml", &budget), ("p.yaml", prometheus)];
    let home = home("pdb-required, pdb-selector-matches", &files);
    assert_eq!(answers(&home, "pdb-required"), ["shop.yaml Deployment fail missing"]);
    assert_eq!(answers(&home, "pdb-selector-matches"), ["budget.yaml PodDisruptionBudget fail nothing"]);
    home.write("p.yaml", &prometheus.replace(", namespace: watch", ""));
    assert_eq!(answers(&home, "pdb-selector-matches"), ["budget.yaml PodDisruptionBudget not-evaluated"]);
    assert_eq!(answers(&home, "pdb-required"), ["shop.yaml Deployment fail missing"]);
}

#[test]
fn kustomizations_set_images_and_replicas() {
    let moving = SHOP.replace("r.example/shop:1", "x:latest");
    let files = [
        ("base/kustomization.yaml", "resources: [shop.yaml]\n"),
        ("base/shop.yaml", &*moving),
        ("live/kustomization.yaml", "resources: [../base]\nimages: [{name: x, newTag: 1.2.3}]\n"),
    ];
    let home = home("image-tag-not-mutable, pdb-required", &files);
    let tag = |home: &Home| answers(home, "image-tag-not-mutable").remove(0);
    assert_eq!(tag(&home), "base/shop.yaml Deployment pass");
    home.write("live/kustomization.yaml", "resources: [../base]\nimages: [{name: x, newTag: latest}]\n");
    assert_eq!(tag(&home), "base/shop.yaml Deployment fail moving-tag");
    assert_eq!(answers(&home, "pdb-required"), ["base/shop.yaml Deployment fail missing"]);
    home.write("live/kustomization.yaml", "resources: [../base]\nreplicas: [{name: shop, count: 1}]\n");
    assert_eq!(answers(&home, "pdb-required"), ["base/shop.yaml Deployment not-applicable"]);
}

#[test]
fn strategic_merge_patches_are_applied() {
    let patch = "apiVersion: apps/v1\nkind: Deployment\nmetadata: {name: shop}\nspec: {replicas: 1}\n";
    let files = [
        ("base/kustomization.yaml", "resources: [shop.yaml]\n"),
        ("base/shop.yaml", SHOP),
        ("live/kustomization.yaml", "resources: [../base]\npatches: [{path: one.yaml}]\n"),
        ("live/one.yaml", patch),
    ];
    let home = home("pdb-required", &files);
    let answers = || answers(&home, "pdb-required").remove(0);
    assert_eq!(answers(), "base/shop.yaml Deployment not-applicable");
    assert_eq!(answers(), "base/shop.yaml Deployment not-applicable", "from memory");
    home.write("live/one.yaml", &patch.replace("replicas: 1", "replicas: 4"));
    assert_eq!(answers(), "base/shop.yaml Deployment fail missing");
    home.write("live/one.yaml", &patch.replace("spec: {replicas: 1}", "$patch: delete"));
    assert_eq!(answers(), "base/shop.yaml Deployment not-evaluated");
}

#[test]
fn what_only_a_patch_adds_is_told_where_it_is_added_to() {
    let patch = "apiVersion: apps/v1\nkind: Deployment\nmetadata: {name: shop}\nspec:\n  template:\n    spec:\n      \
                 topologySpreadConstraints:\n        - {maxSkew: 1, topologyKey: zone, whenUnsatisfiable: DoNotSchedule}\n";
    let files = [
        ("base/kustomization.yaml", "resources: [shop.yaml]\n"),
        ("base/shop.yaml", SHOP),
        ("live/kustomization.yaml", "resources: [../base]\npatches: [{path: spread.yaml}]\n"),
        ("live/spread.yaml", patch),
    ];
    let rule = "topology-spread-selector-matches";
    assert_eq!(answers(&home(rule, &files), rule), ["base/shop.yaml Deployment fail no-selector"]);
}

/// Why a rule did not evaluate the object of a file.
fn reason(home: &Home, rule: &str, file: &str) -> String {
    let json = home.json(&["eval", "--bundle", "../bundle.yaml", "."]);
    let documents = json["documents"].as_array().unwrap().iter();
    let of_file = documents.filter(|document| document["location"]["file"] == file);
    let mut outcomes = of_file.flat_map(|document| document["outcomes"].as_array().unwrap());
    let outcome = outcomes.find(|outcome| outcome["rule"] == rule && outcome["outcome"] == "not-evaluated");
    outcome.and_then(|outcome| outcome["reason"].as_str()).unwrap_or_default().to_owned()
}

#[test]
fn what_rests_on_what_a_kustomization_may_change_is_not_evaluated() {
    let replacing = |kind: &str, field: &str| {
        format!(
            "resources: [../base]\nreplacements:\n- source: {{kind: ConfigMap, name: x}}\n  targets:\n  - select: {{kind: {kind}}}\n    \
             fieldPaths: [{field}]\n    options: {{create: true}}\n"
        )
    };
    let files = [
        ("base/kustomization.yaml", "resources: [shop.yaml, budget.yaml]\n"),
        ("base/shop.yaml", SHOP),
        ("base/budget.yaml", BUDGET),
        ("live/kustomization.yaml", "resources: [../base]\n"),
    ];
    let home = home("pdb-required, resource-requests-required", &files);
    let shop = |kustomization: &str| {
        home.write("live/kustomization.yaml", kustomization);
        answers(&home, "pdb-required").remove(0)
    };
    let passes = "base/shop.yaml Deployment pass";
    let is_open = "base/shop.yaml Deployment not-evaluated";
    assert_eq!(shop("resources: [../base]\n"), passes);
    assert_eq!(shop(&replacing("PodDisruptionBudget", "spec.selector.matchLabels.app")), is_open);
    let why = reason(&home, "pdb-required", "base/shop.yaml");
    let expected = "not all of the PodDisruptionBudget shop is known: the kustomization in `live` changes objects by its `replacements`";
    assert_eq!(why, expected);
    assert!(answers(&home, "resource-requests-required")[0].contains(" fail "), "what is written is told");
    // A field that nobody reads, and an object that nobody asks for.
    assert_eq!(shop(&replacing("PodDisruptionBudget", "metadata.annotations.x")), passes);
    assert_eq!(shop(&replacing("ConfigMap", "data.x")), passes);
    // The object itself.
    assert_eq!(shop(&replacing("Deployment", "spec.template.metadata.labels.app")), is_open);
    assert_eq!(shop(&replacing("Deployment", "spec.template.metadata.annotations.x")), passes);
    for changed in [
        "transformers: [../change]",
        "patches: [{path: gone.yaml}]",
        "patches: [{path: gone.yaml, target: {kind: PodDisruptionBudget}}]",
        "components: ['https://example.org/component?ref=v1']",
        "patches: [{patch: '[{op: add, path: /spec/selector/matchLabels/x, value: y}]', target: {labelSelector: a=b}}]",
    ] {
        assert_eq!(shop(&format!("resources: [../base]\n{changed}\n")), is_open, "{changed}");
    }
    // None may be missing that a replacement may lead here.
    home.write("base/budget.yaml", &BUDGET.replace("{app: shop}", "{app: other}"));
    assert_eq!(shop("resources: [../base]\n"), "base/shop.yaml Deployment fail missing");
    assert_eq!(shop(&replacing("PodDisruptionBudget", "spec.selector.matchLabels.app")), is_open);
    assert_eq!(
        shop(&replacing("PodDisruptionBudget", "metadata.annotations.x")),
        "base/shop.yaml Deployment fail missing"
    );
}

#[test]
fn a_finding_stays_that_does_not_rest_on_what_may_change() {
    let target = |port: &str| SERVICE.replace("- port: 80", &format!("- {{port: 80, targetPort: {port}}}"));
    let named = SHOP.replace("shop:1\"}", "shop:1\", ports: [{name: http, containerPort: 8080}]}");
    let files = [
        ("base/kustomization.yaml", "resources: [shop.yaml, service.yaml]\n"),
        ("base/shop.yaml", &*named),
        ("base/service.yaml", &*target("web")),
        ("live/kustomization.yaml", "resources: [../base]\npatches: [{path: gone.yaml, target: {kind: Deployment}}]\n"),
    ];
    let home = home("service-targetport-resolves", &files);
    let service = || answers(&home, "service-targetport-resolves").remove(0);
    assert_eq!(service(), "base/service.yaml Service not-evaluated");
    let why = reason(&home, "service-targetport-resolves", "base/service.yaml");
    assert!(why.contains("`live` changes objects by the patch `gone.yaml`, which is not among the files"), "{why}");
    home.write("base/service.yaml", &target("'80'"));
    assert_eq!(service(), "base/service.yaml Service fail quoted-number");
    home.write("base/service.yaml", &target("web"));
    home.write("live/kustomization.yaml", "resources: [../base]\n");
    assert_eq!(service(), "base/service.yaml Service fail name");
}

#[test]
fn files_that_define_the_same_object_are_alternatives() {
    let small = format!("{SHOP}---\n{BUDGET}");
    let files = [("db/small.yaml", small.as_str()), ("db/large.yaml", SHOP), ("db/service.yaml", SERVICE)];
    let home = home("pdb-required, readiness-probe-required", &files);
    let large = "db/large.yaml Deployment fail missing";
    assert_eq!(answers(&home, "pdb-required"), [large, "db/small.yaml Deployment pass"]);
    assert_eq!(answers(&home, "pdb-required"), [large, "db/small.yaml Deployment pass"], "from memory");
    let both = answers(&home, "readiness-probe-required");
    assert!(both.iter().all(|answer| answer.ends_with("fail missing")), "{both:?}");
    home.write("db/kustomization.yaml", "resources: [small.yaml, large.yaml]\n");
    assert_eq!(answers(&home, "pdb-required"), ["db/large.yaml Deployment pass", "db/small.yaml Deployment pass"]);
}
