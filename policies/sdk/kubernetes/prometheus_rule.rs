//! PrometheusRules: groups of alerts and recorded series.

use crate::input::Input;
use crate::json::View;
use crate::uses::Uses;
use crate::values::duration::parse_millis;

crate::usable! {
    /// The subject itself, a PrometheusRule.
    pub OwnRules {
        reads: ["spec.groups"],
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

/// The rules of all groups of the subject, a PrometheusRule.
pub fn rules<'d, P: Uses<OwnRules>>(input: &Input<'d, P>) -> impl Iterator<Item = Rule<'d>> + use<'d, P> {
    input
        .document
        .at("spec.groups")
        .items()
        .flat_map(|group| group.get("rules").items().map(move |view| Rule { view, group: group.clone() }))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::look;

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
