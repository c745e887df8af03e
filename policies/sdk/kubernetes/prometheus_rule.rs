//! PrometheusRules, and Prometheus' own rule files: groups of alerts and recorded series.

use crate::finding::{Check, Findings};
use crate::input::Input;
use crate::json::{Kind, View};
use crate::language::promql::{Expression, Recorded, query};
use crate::uses::Uses;
use crate::values::duration::parse_millis;

crate::usable! {
    /// The subject itself, a PrometheusRule or a rule file.
    pub OwnRules {
        reads: ["spec.groups", "groups"],
    }
    /// The queries of the subject, a PrometheusRule or a rule file.
    pub OwnQueries {
        reads: ["spec.groups[*].rules[*].expr:promql", "groups[*].rules[*].expr:promql"],
    }
}

/// One rule of a group.
#[derive(Clone)]
pub struct Rule<'d> {
    /// Where it stands.
    pub view: View<'d>,
    /// Its group.
    pub group: View<'d>,
}

impl<'d> Rule<'d> {
    /// Where it names its alert; absent where it records a series.
    pub fn alert(&self) -> View<'d> {
        self.view.get("alert")
    }

    /// Whether it is an alert.
    pub fn is_alert(&self) -> bool {
        self.alert().exists()
    }

    /// Where its PromQL stands.
    pub fn expression(&self) -> View<'d> {
        self.view.get("expr")
    }

    /// Its query, for a rule that uses [`OwnQueries`]; why not, where it does not parse. A number is no text, and has
    /// none.
    pub fn query(&self) -> Option<Result<Expression<'d>, &'d str>> {
        (self.expression().kind() == Some(Kind::String)).then(|| query(&self.view.get("expr:promql")))
    }

    /// The place of a label.
    pub fn label(&self, key: &str) -> View<'d> {
        self.view.get("labels").get(key)
    }

    /// The place of an annotation.
    pub fn annotation(&self, key: &str) -> View<'d> {
        self.view.get("annotations").get(key)
    }

    /// How long the alert must hold before it fires, in milliseconds: `for`, which is 0 where it is absent; `None`
    /// where it is no duration.
    pub fn pending_millis(&self) -> Option<i64> {
        let pending = self.view.get("for");
        if pending.exists() { parse_millis(pending.text()) } else { Some(0) }
    }
}

/// The groups of the subject, a PrometheusRule or a rule file.
pub fn groups<'d, P: Uses<OwnRules>>(input: &Input<'d, P>) -> impl Iterator<Item = View<'d>> + use<'d, P> {
    let own = input.document.get("groups");
    let groups = if own.exists() { own } else { input.document.at("spec.groups") };
    groups.items()
}

/// The rules of all groups of the subject, a PrometheusRule or a rule file.
pub fn rules<'d, P: Uses<OwnRules>>(input: &Input<'d, P>) -> impl Iterator<Item = Rule<'d>> + use<'d, P> {
    groups(input).flat_map(|group| group.get("rules").items().map(move |view| Rule { view, group: group.clone() }))
}

/// Has every part of every query of the subject checked. A query that does not parse is the reason why a rule that
/// finds nothing is not evaluated.
pub fn judge_parts<'d, P: Uses<OwnRules> + Uses<OwnQueries>>(
    input: &Input<'d, P>,
    findings: &mut Findings,
    judge: impl Fn(&Expression<'d>, &Rule<'d>, &mut Findings),
) -> Check {
    let mut unread = None;
    for rule in rules(input) {
        match rule.query() {
            Some(Ok(query)) => query.all().iter().for_each(|part| judge(part, &rule, findings)),
            Some(Err(reason)) => unread = Some(reason),
            None => {}
        }
    }
    findings.or_unknown(unread.map(|reason| format!("a query is no PromQL: {reason}")))
}

/// What the rules of the subject record.
pub fn recorded<'d, P: Uses<OwnRules> + Uses<OwnQueries>>(input: &Input<'d, P>) -> Recorded<'d> {
    Recorded::of(rules(input).filter_map(|rule| Some((rule.view.get("record").text(), rule.query()?.ok()?))))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::look;

    #[test]
    fn rule_files_are_read_like_objects() {
        let document = r#"{"groups":[{"name":"a","rules":[{"record":"x:y","expr":"up",
            "expr:promql":{"expression":{"metric":"up"}}},{"record":"one","expr":1}]}]}"#;
        look("shop", document, &[], &[], |input| {
            assert_eq!((groups(input).count(), rules(input).count()), (1, 2));
            assert_eq!(recorded(input).query("x:y").map(|query| query.metric().to_owned()).as_deref(), Some("up"));
            assert!(recorded(input).query("one").is_none());
        });
    }

    #[test]
    fn rules_of_all_groups_are_told() {
        let document = r#"{"spec":{"groups":[{"name":"a","rules":[{"record":"x:y","expr":"1"}]},
            {"name":"b","rules":[{"alert":"Down","expr":"up == 0","for":"5m","labels":{"severity":"page"}}]}]}}"#;
        look("shop", document, &[], &[], |input| {
            let rules: Vec<Rule<'_>> = rules(input).collect();
            assert_eq!(rules.iter().map(Rule::is_alert).collect::<Vec<_>>(), [false, true]);
            assert_eq!((rules[1].group.get("name").text(), rules[1].label("severity").text()), ("b", "page"));
            assert_eq!(rules[1].annotation("runbook_url").pointer(), "/spec/groups/1/rules/0/annotations/runbook_url");
            assert_eq!((rules[0].pending_millis(), rules[1].pending_millis()), (Some(0), Some(300_000)));
            assert_eq!(rules[1].expression().text(), "up == 0");
        });
    }
}
