//! Two findings with one cure in one place are one finding.
//!
//! A rule declares that a kind of its findings *covers* another kind at the same place
//! ([`FindingKind::covers`](crate::manifest::FindingKind)). Where both stand in one document, only the one that covers
//! is told. What covers has to be in the bundle, must not be exempt, and is at least as bad, as sure and as strictly
//! enforced: so nothing that is denied or gated ever hides behind something that is not.

use super::verdict::{Finding, RuleOutcome, Withheld};
use crate::bundle::{Bundle, Enforcement};
use crate::manifest::{Confidence, FindingKind, Severity, Within};
use std::collections::{BTreeMap, HashSet};

/// A kind of finding of a bundle: its rule, by index, and its code.
type Kind = (u16, String);

/// Which kinds of finding of a bundle cover which.
#[derive(Debug, Default)]
pub(crate) struct Covering {
    /// What is covered, with the kinds that cover it. Nothing comes before what covers it.
    covered: Vec<(Kind, Vec<(Kind, Within)>)>,
}

impl Covering {
    /// What the manifests of a bundle's rules declare.
    pub(crate) fn new(bundle: &Bundle) -> Self {
        let kinds: Vec<(u16, &FindingKind)> = (0..)
            .zip(&bundle.rules)
            .flat_map(|(index, rule)| rule.source.manifest.findings.iter().map(move |kind| (index, kind)))
            .collect();
        let covering: Vec<_> = kinds.iter().filter(|(_, kind)| !kind.covers.is_empty()).collect();
        if covering.is_empty() {
            return Self::default();
        }
        let weight = |(index, kind): &(u16, &FindingKind)| {
            let rule = &bundle.rules[usize::from(*index)];
            (rule.severity_of(kind), kind.confidence, rule.enforcement)
        };
        let named = |(index, kind): &(u16, &FindingKind)| (*index, kind.code.clone());
        let mut open: BTreeMap<Kind, Vec<(Kind, Within)>> = BTreeMap::new();
        for other in &kinds {
            let id = bundle.rules[usize::from(other.0)].id();
            let by: Vec<_> = covering
                .iter()
                .filter(|(_, kind)| kind.covers(id, &other.1.code))
                .filter(|by| outweighs(weight(by), weight(other)))
                .map(|by| (named(by), by.1.within))
                .collect();
            if !by.is_empty() {
                open.insert(named(other), by);
            }
        }
        Self { covered: ordered(open) }
    }

    /// Marks what is covered among all outcomes of one document.
    pub(crate) fn apply(&self, outcomes: &mut [RuleOutcome]) {
        for ((rule, code), by) in &self.covered {
            if !findings(outcomes, *rule).any(|finding| finding.code == *code) {
                continue;
            }
            let mut marked: Vec<(usize, u16)> = Vec::new();
            for ((coverer, covering), within) in by {
                let places: HashSet<&str> = findings(outcomes, *coverer)
                    .filter(|finding| finding.code == *covering && finding.stands())
                    .filter_map(|finding| place(&finding.path, *within))
                    .collect();
                if places.is_empty() {
                    continue;
                }
                let standing = findings(outcomes, *rule).enumerate();
                let standing = standing.filter(|(_, finding)| finding.code == *code && finding.stands());
                let at = |finding: &Finding| place(&finding.path, *within).is_some_and(|at| places.contains(at));
                marked.extend(standing.filter(|(_, finding)| at(finding)).map(|(index, _)| (index, *coverer)));
            }
            // The first that covers is named.
            marked.sort_by_key(|(index, _)| *index);
            marked.dedup_by_key(|(index, _)| *index);
            let of_rule = outcomes.iter_mut().filter(|outcome| outcome.rule == *rule);
            let mut all: Vec<&mut Finding> = of_rule.flat_map(|outcome| outcome.outcome.findings_mut()).collect();
            for (index, coverer) in marked {
                all[index].withheld = Some(Withheld::Covered(coverer));
            }
        }
    }
}

/// How bad, how sure and how strictly enforced.
type Weight = (Severity, Confidence, Enforcement);

fn outweighs(one: Weight, other: Weight) -> bool {
    let strictness = |enforcement| match enforcement {
        Enforcement::Deny => 2,
        Enforcement::Warn => 1,
        Enforcement::Audit => 0,
    };
    one.0 >= other.0 && one.1 >= other.1 && strictness(one.2) >= strictness(other.2)
}

/// What is covered, in an order in which nothing comes before what covers it. Where kinds cover one another in a
/// circle, the first of the bundle is covered by none of them.
fn ordered(mut open: BTreeMap<Kind, Vec<(Kind, Within)>>) -> Vec<(Kind, Vec<(Kind, Within)>)> {
    let mut covered = Vec::new();
    while !open.is_empty() {
        let free = open.iter().find(|(_, by)| by.iter().all(|(kind, _)| !open.contains_key(kind)));
        match free.map(|(kind, _)| kind.clone()) {
            Some(kind) => covered.extend(open.remove_entry(&kind)),
            None => drop(open.pop_first()),
        }
    }
    covered
}

fn findings(outcomes: &[RuleOutcome], rule: u16) -> impl Iterator<Item = &Finding> {
    outcomes.iter().filter(move |outcome| outcome.rule == rule).flat_map(|outcome| outcome.outcome.findings())
}

/// What has to be equal for two findings to be at one place; `None` for a finding that is at no such place.
fn place(path: &str, within: Within) -> Option<&str> {
    match within {
        Within::Path => Some(path),
        Within::Document => Some(""),
        Within::Container => container(path),
    }
}

/// The path of the container that a path leads into: up to the index behind the first list of containers.
fn container(path: &str) -> Option<&str> {
    let mut end = 0;
    let mut in_list = false;
    for token in path.split('/') {
        end += token.len();
        if in_list && token.bytes().all(|byte| byte.is_ascii_digit()) {
            return Some(&path[..end]);
        }
        in_list = matches!(token, "containers" | "initContainers" | "ephemeralContainers");
        end += 1;
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bundle::{BundleRule, RuleSource};
    use crate::evaluate::Outcome;
    use crate::manifest::Manifest;
    use serde_json::{Value, json};
    use std::sync::Arc;

    const PRIVILEGED: &str = "/spec/template/spec/containers/0/securityContext/privileged";
    const ESCALATION: &str = "/spec/template/spec/containers/0/securityContext/allowPrivilegeEscalation";
    const ELSEWHERE: &str = "/spec/template/spec/containers/1/securityContext/allowPrivilegeEscalation";

    fn rule(id: &str, kind: Value) -> BundleRule {
        let manifest = json!({
            "id": id, "version": "1.0.0", "title": "t", "why": "w", "fix": "f", "priority": "P1", "effort": "small",
            "factor": "f", "since": "1", "appliesTo": ["workload"], "reads": ["object"], "findings": [kind],
        });
        let manifest = Manifest::parse(manifest.to_string().as_bytes()).unwrap();
        let source = Arc::new(RuleSource::described(manifest));
        BundleRule {
            source,
            severity: None,
            enforcement: Enforcement::Deny,
            parameters: "{}".to_owned(),
            settings: "{}".to_owned(),
            untold: std::collections::BTreeSet::new(),
        }
    }

    /// A kind of finding called `bad`, high and certain.
    fn kind(covers: &[&str], within: &str) -> Value {
        json!({"code": "bad", "title": "t", "severity": "high", "confidence": "certain", "covers": covers,
            "within": within})
    }

    fn bundle(rules: Vec<BundleRule>) -> Bundle {
        let mut bundle = Bundle::of_rules("test", []);
        bundle.rules = rules;
        bundle
    }

    fn found(bundle: &Bundle, rule: u16, paths: &[&str]) -> RuleOutcome {
        let of = &bundle.rules[usize::from(rule)];
        let kind = &of.source.manifest.findings[0];
        let finding = |path: &&str| Finding {
            severity: of.severity.unwrap_or(kind.severity),
            confidence: kind.confidence,
            enforcement: of.enforcement,
            ..Finding::sample(&kind.code, path, "m")
        };
        RuleOutcome { rule, outcome: Outcome::Fail(paths.iter().map(finding).collect()) }
    }

    /// Which findings of each rule stand, by path.
    fn standing(bundle: &Bundle, mut outcomes: Vec<RuleOutcome>) -> Vec<Vec<String>> {
        Covering::new(bundle).apply(&mut outcomes);
        (0..bundle.rules.len() as u16)
            .map(|rule| {
                findings(&outcomes, rule).filter(|finding| finding.stands()).map(|it| it.path.clone()).collect()
            })
            .collect()
    }

    #[test]
    fn what_is_covered_is_told_at_other_places_only() {
        let covering = |within| {
            bundle(vec![rule("escalation", kind(&[], "path")), rule("privileged", kind(&["escalation"], within))])
        };
        let told = |within, privileged: &str| {
            let bundle = covering(within);
            let outcomes = vec![found(&bundle, 0, &[ESCALATION, ELSEWHERE]), found(&bundle, 1, &[privileged])];
            standing(&bundle, outcomes).remove(0)
        };
        assert_eq!(told("container", PRIVILEGED), [ELSEWHERE]);
        assert_eq!(told("path", PRIVILEGED), [ESCALATION, ELSEWHERE]);
        assert_eq!(told("path", ESCALATION), [ELSEWHERE]);
        assert!(told("document", PRIVILEGED).is_empty());
        // A finding that is in no container covers none in containers.
        assert_eq!(told("container", "/spec/template/spec"), [ESCALATION, ELSEWHERE]);
        let init = "/spec/template/spec/initContainers/0/securityContext/privileged";
        assert_eq!(told("container", init), [ESCALATION, ELSEWHERE]);
    }

    #[test]
    fn a_kind_is_covered_by_its_code() {
        let other = bundle(vec![rule("b", kind(&[], "path")), rule("a", kind(&["b/worse"], "path"))]);
        assert_eq!(standing(&other, vec![found(&other, 0, &["/x"]), found(&other, 1, &["/x"])])[0], ["/x"]);
        let same = bundle(vec![rule("b", kind(&[], "path")), rule("a", kind(&["b/bad"], "path"))]);
        assert!(standing(&same, vec![found(&same, 0, &["/x"]), found(&same, 1, &["/x"])])[0].is_empty());
    }

    #[test]
    fn what_is_exempt_covers_nothing_and_is_not_covered() {
        let bundle = bundle(vec![rule("b", kind(&[], "path")), rule("a", kind(&["b"], "path"))]);
        let exempt = |outcome: &mut RuleOutcome| {
            let Outcome::Fail(findings) = &mut outcome.outcome else { unreachable!() };
            findings[0].exempt = Some("reason".to_owned());
        };
        let mut outcomes = vec![found(&bundle, 0, &["/x"]), found(&bundle, 1, &["/x"])];
        exempt(&mut outcomes[1]);
        assert_eq!(standing(&bundle, outcomes)[0], ["/x"], "the one that covers is exempt");
        let mut outcomes = vec![found(&bundle, 0, &["/x"]), found(&bundle, 1, &["/x"])];
        exempt(&mut outcomes[0]);
        Covering::new(&bundle).apply(&mut outcomes);
        assert_eq!(findings(&outcomes, 0).next().unwrap().withheld, None);
    }

    #[test]
    fn nothing_hides_behind_what_is_milder() {
        let with = |change: fn(&mut BundleRule)| {
            let mut bundle = bundle(vec![rule("b", kind(&[], "path")), rule("a", kind(&["b"], "path"))]);
            change(&mut bundle.rules[1]);
            standing(&bundle, vec![found(&bundle, 0, &["/x"]), found(&bundle, 1, &["/x"])]).remove(0)
        };
        assert!(with(|_| ()).is_empty());
        assert_eq!(with(|rule| rule.enforcement = Enforcement::Warn), ["/x"]);
        assert_eq!(with(|rule| rule.severity = Some(Severity::Low)), ["/x"]);
        let mut unsure = kind(&["b"], "path");
        unsure["confidence"] = "likely".into();
        let bundle = bundle(vec![rule("b", kind(&[], "path")), rule("a", unsure)]);
        assert_eq!(standing(&bundle, vec![found(&bundle, 0, &["/x"]), found(&bundle, 1, &["/x"])])[0], ["/x"]);
    }

    #[test]
    fn what_is_covered_covers_nothing() {
        // c is covered by b alone; where a covers b, c is told.
        let rules =
            || vec![rule("c", kind(&[], "path")), rule("b", kind(&["c"], "path")), rule("a", kind(&["b"], "path"))];
        let chain = bundle(rules());
        let all = |bundle: &Bundle| (0..bundle.rules.len() as u16).map(|rule| found(bundle, rule, &["/x"])).collect();
        assert_eq!(standing(&chain, all(&chain)), [vec!["/x"], vec![], vec!["/x"]]);
        // In a circle one is always told: the first of the bundle.
        let circle = bundle(vec![rule("a", kind(&["b"], "path")), rule("b", kind(&["a"], "path"))]);
        assert_eq!(standing(&circle, all(&circle)), [vec!["/x"], vec![]]);
        let mut three = rules();
        three[0] = rule("c", kind(&["a"], "path"));
        let three = bundle(three);
        assert_eq!(standing(&three, all(&three)).iter().filter(|paths| !paths.is_empty()).count(), 2);
    }
}
