//! Which documents see each other, told by their directories.

use super::*;
use crate::manifest::{Scope, Target};
use proptest::prelude::*;
use std::collections::BTreeMap;

/// A run told in words: each line a file, then the objects in it, `KIND NAMESPACE/NAME`. A kustomization has what it
/// says behind a `|`.
struct Run {
    files: Vec<(String, Vec<Subject>)>,
    kustomizations: Vec<(String, Kustomization)>,
    surroundings: Surroundings,
}

fn run(text: &str) -> Run {
    let mut run = Run { files: Vec::new(), kustomizations: Vec::new(), surroundings: Surroundings::default() };
    for line in text.lines().map(str::trim).filter(|line| !line.is_empty()) {
        let (file, rest) = line.split_once(' ').unwrap_or((line, ""));
        if let Some(kustomization) = rest.strip_prefix("| ") {
            let scalars = crate::parse::Scalars::Core12;
            let root = crate::parse::yaml::parse(kustomization, scalars, &crate::parse::Limits::default());
            let read = Kustomization::read(&root.unwrap().unwrap()).unwrap();
            run.kustomizations.push((file.to_owned(), read));
            run.files.push((file.to_owned(), Vec::new()));
        } else if rest == "TEMPLATE" {
            run.surroundings.templates.push(file.to_owned());
        } else {
            let objects = rest.split(", ").filter(|object| !object.is_empty()).map(subject).collect();
            run.files.push((file.to_owned(), objects));
        }
    }
    run
}

fn subject(text: &str) -> Subject {
    let (kind, name) = text.split_once(' ').unwrap();
    let (group, kind) = kind.split_once(':').unwrap_or(("", kind));
    let (namespace, name) = name.split_once('/').unwrap_or(("", name));
    Subject {
        group: group.to_owned(),
        kind: kind.to_owned(),
        namespace: namespace.to_owned(),
        name: name.to_owned(),
        ..Subject::default()
    }
}

impl Run {
    fn sets(&self) -> Sets {
        let members: Vec<Member<'_>> = self
            .files
            .iter()
            .map(|(path, objects)| Member { path, objects: objects.iter().collect(), makes: Vec::new() })
            .collect();
        let found = self.kustomizations.iter().map(|(path, read)| (path.as_str(), read.clone()));
        Sets::new(&members, &Kustomizations::new(found), &self.surroundings)
    }

    fn unit(&self, path: &str) -> usize {
        self.files.iter().position(|(file, _)| file == path).unwrap()
    }

    /// How the objects of a file are deployed.
    fn whose(&self, sets: &Sets, unit: usize) -> Vec<Whose> {
        match sets.builds().variants(unit).len() {
            0 => vec![Whose::Written(unit)],
            variants => (0..variants).map(|variant| Whose::Built(unit, variant)).collect(),
        }
    }

    /// The files that one sees, itself included, in the first way in which it is deployed.
    fn seen(&self, path: &str) -> Vec<&str> {
        let sets = self.sets();
        let own = self.unit(path);
        let parts = sets.parts(self.whose(&sets, own)[0]);
        let holds = |whose: Whose, part: &Part| {
            let mut branches = sets.branches_of(whose).iter();
            branches
                .any(|branch| *branch == part.branch || part.whole && sets.holders(*branch).any(|it| it == part.branch))
        };
        let mut seen = Vec::new();
        for (unit, (file, _)) in self.files.iter().enumerate() {
            let times = |whose: &Whose| parts.iter().filter(|part| holds(*whose, part)).count();
            let times = self.whose(&sets, unit).iter().map(times).max().unwrap();
            assert!(times <= 1 || !self.surroundings.named.of(file).is_empty(), "{file} is in {times} parts");
            seen.extend((times > 0 && !sets.are_alternatives(own, unit)).then_some(file.as_str()));
        }
        seen
    }

    fn merges_default(&self, path: &str) -> bool {
        let sets = self.sets();
        sets.default_is_none(&sets.parts(self.whose(&sets, self.unit(path))[0]))
    }

    fn shortfall(&self, path: &str, asked: &str) -> Option<String> {
        let targets: Vec<Target> = asked.split(", ").map(|target| target.parse().unwrap()).collect();
        let sets = self.sets();
        let unit = self.unit(path);
        let whose = self.whose(&sets, unit);
        let nobody = Subject::default();
        let by = self.files[unit].1.first().unwrap_or(&nobody);
        let asked = Asked { kinds: targets.iter().map(|target| (target, Scope::Namespace)).collect(), by };
        let reasons: Vec<Option<&str>> = whose.iter().map(|whose| sets.shortfall(*whose, &asked)).collect();
        reasons.iter().all(Option::is_some).then(|| reasons[0].map(str::to_owned)).flatten()
    }
}

const BUDGET: &str = "policy/PodDisruptionBudget";

#[test]
fn files_that_define_the_same_object_do_not_see_each_other() {
    let run = run("
        db/all.yaml apps:Deployment shop, Service shop
        db/large.yaml apps:Deployment db, ConfigMap large
        db/service.yaml Service default/shop
        db/shop.yaml apps:Deployment shop, Namespace shop
        db/small.yaml apps:Deployment db, Namespace shop
        elsewhere/net.yaml NetworkPolicy all");
    let seen = |path: &str| run.seen(&format!("db/{path}.yaml")).join(" ").replace("db/", "").replace(".yaml", "");
    assert_eq!(seen("large"), "all large service shop elsewhere/net");
    assert_eq!(seen("small"), "all service shop small elsewhere/net");
    assert_eq!(seen("all"), "all large small elsewhere/net");
    assert_eq!(seen("shop"), "large service shop small elsewhere/net");
    assert_eq!(run.seen("elsewhere/net.yaml").len(), 6);
}

#[test]
fn files_that_are_built_together_are_no_alternatives() {
    let files = "
        db/large.yaml apps:Deployment db
        db/small.yaml apps:Deployment db
        db/kustomization.yaml | resources: [small.yaml, large.yaml]";
    assert_eq!(run(files).seen("db/large.yaml"), ["db/large.yaml", "db/small.yaml", "db/kustomization.yaml"]);
    let one = run(&files.replace(", large.yaml", ""));
    assert_eq!(one.seen("db/large.yaml"), ["db/large.yaml", "db/kustomization.yaml"]);
    assert_eq!(one.seen("db/small.yaml"), ["db/small.yaml", "db/kustomization.yaml"]);
    let one_file = run("db/x.yaml apps:Deployment db\n db/x.yaml apps:Deployment db");
    assert_eq!(one_file.seen("db/x.yaml"), ["db/x.yaml", "db/x.yaml"]);
}

#[test]
fn alternatives_do_not_see_each_other_and_see_what_is_common() {
    let run = run("
        common/net.yaml NetworkPolicy all
        one/shop.yaml apps:Deployment shop
        one/deep/budget.yaml policy:PodDisruptionBudget shop
        two/shop.yaml apps:Deployment default/shop
        three/cart.yaml apps:Deployment cart");
    assert_eq!(
        run.seen("one/shop.yaml"),
        ["common/net.yaml", "one/shop.yaml", "one/deep/budget.yaml", "three/cart.yaml"]
    );
    assert_eq!(run.seen("two/shop.yaml"), ["common/net.yaml", "two/shop.yaml", "three/cart.yaml"]);
    assert_eq!(run.seen("common/net.yaml").len(), 5, "what is common is deployed with all of them");
}

#[test]
fn one_application_in_folders_by_kind_stays_one() {
    let run = run("
        deployments/shop.yaml apps:Deployment shop, Namespace x
        budgets/shop.yaml policy:PodDisruptionBudget shop, Namespace x
        services/shop.yaml Service shop");
    assert_eq!(run.seen("deployments/shop.yaml").len(), 3);
}

#[test]
fn environments_in_folders_by_kind_are_the_same_by_their_names() {
    let run = run("
        deployments/live/shop.yaml apps:Deployment shop
        deployments/test/shop.yaml apps:Deployment shop
        budgets/test/shop.yaml policy:PodDisruptionBudget shop
        budgets/all.yaml policy:PodDisruptionBudget all");
    assert_eq!(run.seen("deployments/live/shop.yaml"), ["deployments/live/shop.yaml", "budgets/all.yaml"]);
    assert_eq!(run.seen("deployments/test/shop.yaml").len(), 3);
}

#[test]
fn environments_are_apart_whatever_they_hold() {
    let run = run("
        k8s/base/shop.yaml apps:Deployment shop
        k8s/overlays/small/extra.yaml ConfigMap a
        k8s/overlays/large/budget.yaml policy:PodDisruptionBudget shop
        k8s/overlays/base/x.yaml ConfigMap x");
    let small = ["k8s/base/shop.yaml", "k8s/overlays/small/extra.yaml", "k8s/overlays/base/x.yaml"];
    assert_eq!(run.seen("k8s/overlays/small/extra.yaml"), small);
    assert_eq!(run.seen("k8s/base/shop.yaml").len(), 4);
}

#[test]
fn files_above_their_alternatives_are_one_themselves() {
    let run = run("
        k8s/shop.yaml apps:Deployment shop
        k8s/budget.yaml policy:PodDisruptionBudget shop
        k8s/live/shop.yaml apps:Deployment shop
        k8s/common/x.yaml ConfigMap x");
    assert_eq!(run.seen("k8s/live/shop.yaml"), ["k8s/live/shop.yaml", "k8s/common/x.yaml"]);
    assert_eq!(run.seen("k8s/shop.yaml"), ["k8s/shop.yaml", "k8s/budget.yaml", "k8s/common/x.yaml"]);
}

#[test]
fn kustomizations_bring_in_what_they_deploy() {
    let run = run("
        prod/kustomization.yaml | resources: [../test, net.yaml]
        prod/net.yaml NetworkPolicy all
        test/kustomization.yaml | resources: [shop.yaml, ../parts/dev/extra]
        test/shop.yaml apps:Deployment shop
        parts/dev/extra/kustomization.yaml | resources: [budget.yaml]
        parts/dev/extra/budget.yaml policy:PodDisruptionBudget shop");
    assert_eq!(run.seen("prod/net.yaml").len(), 6);
    assert_eq!(run.seen("test/shop.yaml").len(), 6, "it is deployed by `prod`");
}

#[test]
fn standard_input_and_charts_are_sets_of_their_own() {
    let run = run("
        <stdin> Service a
        chart/Chart.yaml
        chart/templates/a.yaml TEMPLATE
        chart/crds/x.yaml apiextensions.k8s.io:CustomResourceDefinition x
        chart/ci/shop.yaml apps:Deployment shop
        other.yaml Service b");
    assert_eq!(run.seen("<stdin>"), ["<stdin>"]);
    assert_eq!(run.seen("chart/crds/x.yaml"), ["chart/crds/x.yaml"]);
    assert_eq!(run.seen("other.yaml"), ["chart/Chart.yaml", "chart/ci/shop.yaml", "other.yaml"]);
    assert!(run.shortfall("chart/crds/x.yaml", BUDGET).is_some());
    assert_eq!(run.shortfall("chart/ci/shop.yaml", BUDGET), None);
}

#[test]
fn the_configuration_says_what_belongs_together() {
    let mut run = run("
        a/shop.yaml apps:Deployment shop
        b/shop.yaml apps:Deployment shop
        both/budget.yaml policy:PodDisruptionBudget shop
        rest/x.yaml ConfigMap x");
    let sets = [("one", ["a/**", "both/**"]), ("two", ["b/**", "both/**"])];
    let sets = sets.map(|(name, globs)| (name.to_owned(), globs.map(str::to_owned).to_vec()));
    run.surroundings.named = NamedSets::new(&BTreeMap::from(sets), std::path::Path::new("")).unwrap();
    assert_eq!(run.seen("a/shop.yaml"), ["a/shop.yaml", "both/budget.yaml"]);
    assert_eq!(run.seen("both/budget.yaml"), ["a/shop.yaml", "b/shop.yaml", "both/budget.yaml"]);
    assert_eq!(run.seen("rest/x.yaml"), ["rest/x.yaml"]);
}

#[test]
fn sets_of_a_configuration_are_checked() {
    let one = |glob: &str| BTreeMap::from([("a".to_owned(), vec!["x/**".to_owned(), glob.to_owned()])]);
    let error = NamedSets::new(&one("[x"), std::path::Path::new("")).unwrap_err();
    assert_eq!((error.set.as_str(), error.glob), ("a", Some(1)));
    let many: BTreeMap<String, Vec<String>> = (0..=MAX_NAMED).map(|n| (format!("{n:03}"), Vec::new())).collect();
    assert_eq!(NamedSets::new(&many, std::path::Path::new("")).unwrap_err().set, "064");
}

#[test]
fn no_namespace_is_default_where_no_other_is_named() {
    let run = run("
        test/a.yaml Service default/a, Service b
        live/a.yaml Service shop/a, Service b
        qa/a.yaml Service b, Namespace shop
        dev/kustomization.yaml | namespace: shop
        dev/a.yaml Service b");
    assert!(run.merges_default("test/a.yaml"));
    for path in ["live/a.yaml", "qa/a.yaml", "dev/a.yaml"] {
        assert!(!run.merges_default(path), "{path}");
    }
}

#[test]
fn what_is_not_known_is_told_with_its_place() {
    let run = run("
        flux/release.yaml helm.toolkit.fluxcd.io:HelmRelease shop
        flux/far/away/shop.yaml apps:Deployment shop
        vault/secret.yaml external-secrets.io:ExternalSecret key");
    let reason = run.shortfall("flux/far/away/shop.yaml", BUDGET).unwrap();
    assert!(reason.starts_with("`flux/release.yaml` has the HelmRelease shop"), "{reason}");
}

#[test]
fn makers_of_one_kind_count_for_that_kind() {
    let run = run("
        a/secret.yaml external-secrets.io:ExternalSecret key
        a/shop.yaml apps:Deployment shop");
    assert!(run.shortfall("a/shop.yaml", "core/Secret").is_some());
    assert_eq!(run.shortfall("a/shop.yaml", BUDGET), None);
}

#[test]
fn makers_of_another_environment_do_not_count() {
    let run = run("
        test/release.yaml helm.toolkit.fluxcd.io:HelmRelease shop
        live/shop.yaml apps:Deployment shop
        shop.yaml apps:Deployment other");
    assert_eq!(run.shortfall("live/shop.yaml", BUDGET), None);
    assert!(run.shortfall("shop.yaml", BUDGET).is_some());
}

#[test]
fn templates_count_for_what_stands_near_them() {
    let run = run("
        app/policy/budget.yaml TEMPLATE
        app/deploy/shop.yaml apps:Deployment shop
        app/shop.yaml apps:Deployment shop2
        app/policy/more/x.yaml apps:Deployment shop3
        other/a/shop.yaml apps:Deployment shop4
        live/deploy/shop.yaml apps:Deployment shop5
        test/policy/x.yaml TEMPLATE");
    for path in ["app/deploy/shop.yaml", "app/shop.yaml", "app/policy/more/x.yaml"] {
        assert!(run.shortfall(path, BUDGET).is_some_and(|reason| reason.contains("template")), "{path}");
    }
    for path in ["other/a/shop.yaml", "live/deploy/shop.yaml"] {
        assert_eq!(run.shortfall(path, BUDGET), None, "{path}");
    }
}

#[test]
fn kustomizations_with_unknown_parts_leave_all_that_they_deploy_incomplete() {
    for unknown in ["resources: [../base, \"https://e.example/x\"]", "{resources: [../base], helmCharts: [{name: x}]}"]
    {
        let text = format!(
            "
            prod/kustomization.yaml | {unknown}
            base/kustomization.yaml | resources: [shop.yaml]
            base/shop.yaml apps:Deployment shop
            other/shop/cart.yaml apps:Deployment cart"
        );
        let run = run(&text);
        let reason = run.shortfall("base/shop.yaml", BUDGET).unwrap();
        assert!(reason.starts_with("the kustomization in `prod`"), "{reason}");
        assert_eq!(run.shortfall("other/shop/cart.yaml", BUDGET), None);
    }
}

/// What is looked at for all units together stays in proportion to the units.
#[test]
fn environments_cost_no_more_than_what_they_hold() {
    let cost = |environments: usize| {
        let files: Vec<String> = (0..environments)
            .flat_map(|environment| (0..10).map(move |n| format!("envs/e{environment}/{n}.yaml apps:Deployment d{n}")))
            .collect();
        let run = run(&files.join("\n"));
        let sets = run.sets();
        (0..run.files.len())
            .map(|unit| {
                let branches = sets.branches_of(Whose::Written(unit));
                sets.parts(Whose::Written(unit)).len()
                    + branches.iter().flat_map(|branch| sets.holders(*branch)).count()
            })
            .sum::<usize>()
    };
    assert_eq!(cost(100), 10 * cost(10));
}

/// Paths and objects of few names, so that many are alike.
fn files() -> impl Strategy<Value = Vec<(String, Vec<Subject>)>> {
    let name = prop::sample::select(vec!["a", "b", "prod", "test", "overlays", "base", "templates"]);
    let path = prop::collection::vec(name, 0..4).prop_map(|parts| [&parts[..], &["x.yaml"]].concat().join("/"));
    let object = prop::sample::select(vec!["Service s", "Service t", "apps:Deployment d", "Service other/s"]);
    let objects = prop::collection::vec(object.prop_map(subject), 0..3);
    prop::collection::vec((path, objects), 0..12)
}

proptest! {
    /// Whatever a repository looks like: an object sees itself, no document is in two parts of its set, and two
    /// directories that define the same object see nothing of each other.
    #[test]
    fn sets_hold_together(files in files(), chart in any::<bool>()) {
        let mut files = files;
        files.sort_by(|one, other| one.0.cmp(&other.0));
        files.dedup_by(|one, other| one.0 == other.0);
        if chart {
            files.push(("a/Chart.yaml".to_owned(), Vec::new()));
        }
        let run = Run { files, kustomizations: Vec::new(), surroundings: Surroundings::default() };
        for (path, objects) in &run.files {
            let seen = run.seen(path);
            prop_assert!(seen.contains(&path.as_str()));
            for (other, twins) in run.files.iter().filter(|(other, _)| other != path) {
                let is_twin = objects.iter().any(|object| twins.contains(object));
                let is_chart = [path, other].iter().any(|path| chart && path.starts_with("a/templates/"));
                if is_twin && !is_chart {
                    prop_assert!(!seen.contains(&other.as_str()), "{path} sees {other}");
                }
            }
        }
    }
}

#[test]
fn what_a_kustomization_builds_is_deployed_where_it_stands() {
    let run = run("
        base/kustomization.yaml | resources: [shop.yaml]
        base/shop.yaml apps:Deployment shop
        prod/kustomization.yaml | {resources: [../base, budget.yaml], components: [../parts]}
        prod/budget.yaml policy:PodDisruptionBudget shop
        test/kustomization.yaml | resources: [../base]
        parts/kustomization.yaml | {kind: Component, resources: [net.yaml]}
        parts/net.yaml NetworkPolicy all
        common/x.yaml ConfigMap x");
    let sets = run.sets();
    let of = |path: &str| {
        let variants = sets.builds().variants(run.unit(path)).iter();
        variants.map(|variant| sets.builds().directory(variant.build)).collect::<Vec<_>>()
    };
    assert_eq!(of("base/shop.yaml"), ["prod", "test"]);
    assert_eq!((of("parts/net.yaml"), of("common/x.yaml")), (vec!["prod"], vec![]));
    let seen = run.seen("base/shop.yaml");
    assert!(seen.contains(&"prod/budget.yaml") && seen.contains(&"parts/net.yaml") && seen.contains(&"common/x.yaml"));
    let in_test = sets.parts(Whose::Built(run.unit("base/shop.yaml"), 1));
    let home = sets.branches_of(Whose::Built(run.unit("prod/budget.yaml"), 0))[0];
    assert!(!in_test.iter().any(|part| part.branch == home), "another environment");
}

#[test]
fn what_is_made_counts_in_its_namespace() {
    let run = run("
        a.yaml apps:Deployment shop/web
        b.yaml apps:Deployment watch/web
        m.yaml monitoring.coreos.com:Prometheus watch/p
        s.yaml external-secrets.io:ExternalSecret watch/s
        base/kustomization.yaml | {namespace: shop, resources: [k.yaml]}
        base/k.yaml k8s.mariadb.com:MariaDB db");
    assert!(run.shortfall("b.yaml", "workload").unwrap().contains("Prometheus"));
    assert!(run.shortfall("a.yaml", "workload").unwrap().contains("MariaDB"), "as it is built");
    assert_eq!(run.shortfall("a.yaml", "core/Secret"), None);
    assert!(run.shortfall("b.yaml", "core/Secret").is_some());
}

#[test]
fn scaled_objects_make_no_budgets_and_no_autoscalers_of_others() {
    let run = run("
        a.yaml apps:Deployment shop/web
        s.yaml keda.sh:ScaledObject shop/other");
    let autoscalers = "autoscaling/HorizontalPodAutoscaler, keda.sh/ScaledObject";
    assert_eq!(run.shortfall("a.yaml", &format!("{autoscalers}, {BUDGET}, workload/Rollout")), None);
    assert!(
        run.shortfall("a.yaml", "autoscaling/HorizontalPodAutoscaler").is_some(),
        "who does not read ScaledObjects"
    );
}

#[test]
fn kustomizations_that_include_each_other_build_nothing() {
    let run = run("
        a/kustomization.yaml | resources: [../b, x.yaml]
        b/kustomization.yaml | resources: [../a]
        a/x.yaml Service x
        c/kustomization.yaml | resources: [../a]");
    let sets = run.sets();
    assert!(sets.builds().variants(run.unit("a/x.yaml")).is_empty());
}

#[test]
fn what_too_many_kustomizations_build_is_judged_as_it_is_written() {
    let overlays = |count: usize| {
        let overlays = (0..count).map(|n| format!("overlays/o{n}/kustomization.yaml | resources: [../../base]\n"));
        format!(
            "base/kustomization.yaml | resources: [x.yaml]\nbase/x.yaml Service x\n{}",
            overlays.collect::<String>()
        )
    };
    let few = run(&overlays(32));
    assert_eq!(few.sets().builds().variants(few.unit("base/x.yaml")).len(), 32);
    let many = run(&overlays(33));
    assert!(many.sets().builds().variants(many.unit("base/x.yaml")).is_empty());
    assert!(many.shortfall("base/x.yaml", BUDGET).unwrap().contains("limit `builds`"));
}
