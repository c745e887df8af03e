//! What a document's own selector demands. Which other documents a selector selects, or which select
//! this one, is for the host to answer: see `relation` in [`rule!`](crate::rule!).

use crate::json::{Kind, View};

/// True when a LabelSelector selects an object with these labels: every entry of `matchLabels` and
/// every expression of `matchExpressions` holds.
///
/// An absent selector selects nothing, and an empty one everything, as for NetworkPolicy and
/// policy/v1 PodDisruptionBudget. One that the API server would refuse (an unknown operator, `In` or
/// `NotIn` without values, `Exists` or `DoesNotExist` with values) selects nothing.
pub fn matches(selector: &View<'_>, labels: &View<'_>) -> bool {
    matches_by(selector, &|key| labels.get(key).as_str())
}

/// True when a LabelSelector is there but demands nothing, so that it selects everything. For an
/// absent one, which selects nothing, it is false.
pub fn is_empty(selector: &View<'_>) -> bool {
    let demands_nothing = |field| !selector.get(field).exists() || is_empty_of(&selector.get(field));
    selector.kind() == Some(Kind::Object) && demands_nothing("matchLabels") && demands_nothing("matchExpressions")
}

/// The key of the one label by whose value a LabelSelector misses an object that it would select otherwise; the
/// object has another value for it. `None` when it matches, or misses by more.
pub fn near_miss<'s>(selector: &View<'s>, labels: &View<'_>) -> Option<&'s str> {
    let mut wrong = selector.get("matchLabels").entries().filter(|(key, value)| {
        let label = labels.get(key).as_str();
        label.is_some() && label != value.as_str()
    });
    let (key, value) = wrong.next()?;
    let but_for = |name: &str| if name == key { value.as_str() } else { labels.get(name).as_str() };
    // One label of one is no likeness.
    (selector.get("matchLabels").len() > 1 && matches_by(selector, &but_for)).then_some(key)
}

/// [`matches()`], with labels that programs or controllers set later (`ignored`) taken for right.
pub fn matches_ignoring(selector: &View<'_>, labels: &View<'_>, ignored: &[&str]) -> bool {
    let required = selector.get("matchLabels");
    matches_by(selector, &|key| match labels.get(key).as_str() {
        None if ignored.contains(&key) => required.get(key).as_str(),
        label => label,
    })
}

/// What is known of a question about labels.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Answer {
    /// It is not so.
    No,
    /// What is known does not tell.
    Unknown,
    /// It is so.
    Yes,
}

impl Answer {
    /// The answer that a fact gives.
    pub fn of(holds: bool) -> Self {
        if holds { Self::Yes } else { Self::No }
    }
}

/// Whether a LabelSelector selects an object of whose labels only some are known: `known` gives the value of a label,
/// `Some(None)` for one that it does not have, and `None` for one that is not known.
pub fn matches_known<'d>(selector: &View<'_>, known: impl Fn(&str) -> Option<Option<&'d str>>) -> Answer {
    let (required, expressions) = (selector.get("matchLabels"), selector.get("matchExpressions"));
    let value = |key: &str| known(key).flatten();
    let required = required.entries().map(|(key, _)| (key, None));
    let expressions = expressions.items().map(|expression| (expression.get("key").text(), Some(expression)));
    // Each demand on its own, as if all the others held.
    let demands = required.chain(expressions).map(|(key, expression)| match expression {
        _ if key.is_empty() || known(key).is_none() => Answer::Unknown,
        Some(expression) => Answer::of(holds(&expression, &value)),
        None => Answer::of(selector.get("matchLabels").get(key).as_str().is_some_and(|it| value(key) == Some(it))),
    });
    let least = demands.min().unwrap_or(Answer::Yes);
    // What the API server would refuse selects nothing, whatever is known.
    let is_valid = least != Answer::Unknown || is_well_formed(selector);
    if is_valid && selector.kind() == Some(Kind::Object) && (least != Answer::Yes || matches_by(selector, &value)) {
        least
    } else {
        Answer::No
    }
}

/// Whether the API server takes a selector.
fn is_well_formed(selector: &View<'_>) -> bool {
    let (required, expressions) = (selector.get("matchLabels"), selector.get("matchExpressions"));
    (!required.exists() || required.kind() == Some(Kind::Object))
        && required.entries().all(|(_, value)| value.as_str().is_some())
        && (!expressions.exists() || expressions.kind() == Some(Kind::Array))
        && expressions.items().all(|expression| {
            let values = expression.get("values");
            expression.get("key").as_str().is_some()
                && match expression.get("operator").text() {
                    "In" | "NotIn" => !values.is_empty(),
                    "Exists" | "DoesNotExist" => values.is_empty(),
                    _ => false,
                }
        })
}

/// The value of a label.
type Labels<'f, 'd> = dyn Fn(&str) -> Option<&'d str> + 'f;

fn matches_by(selector: &View<'_>, labels: &Labels<'_, '_>) -> bool {
    let (required, expressions) = (selector.get("matchLabels"), selector.get("matchExpressions"));
    selector.kind() == Some(Kind::Object)
        && (!required.exists() || has_all(&required, labels))
        && (!expressions.exists() || expressions.kind() == Some(Kind::Array))
        && expressions.items().all(|expression| holds(&expression, labels))
}

fn has_all(required: &View<'_>, labels: &Labels<'_, '_>) -> bool {
    required.kind() == Some(Kind::Object)
        && required.entries().all(|(key, value)| value.as_str().is_some_and(|value| labels(key) == Some(value)))
}

fn holds(expression: &View<'_>, labels: &Labels<'_, '_>) -> bool {
    let Some(key) = expression.get("key").as_str() else { return false };
    let (label, values) = (labels(key), expression.get("values"));
    let is_listed = || values.items().any(|value| value.as_str() == label);
    match expression.get("operator").text() {
        "In" => label.is_some() && is_listed(),
        "NotIn" => !values.is_empty() && (label.is_none() || !is_listed()),
        "Exists" => values.is_empty() && label.is_some(),
        "DoesNotExist" => values.is_empty() && label.is_none(),
        _ => false,
    }
}

fn is_empty_of(view: &View<'_>) -> bool {
    matches!(view.kind(), Some(Kind::Object | Kind::Array)) && view.is_empty()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::json::Json;
    use proptest::prelude::*;
    use std::collections::BTreeMap;

    const LABELS: &str = r#"{"app":"web","tier":"front"}"#;

    fn selects(selector: &str, labels: &str) -> bool {
        let (selector, labels) = (Json::parse(selector).unwrap(), Json::parse(labels).unwrap());
        matches(&selector.root(), &labels.root())
    }

    #[test]
    fn a_near_miss_is_one_value_of_several() {
        let miss = |selector: &str| {
            let (selector, labels) = (Json::parse(selector).unwrap(), Json::parse(LABELS).unwrap());
            near_miss(&selector.root(), &labels.root()).map(str::to_owned)
        };
        for (selector, key) in [
            (r#"{"matchLabels":{"app":"web","tier":"back"}}"#, Some("tier")),
            (r#"{"matchLabels":{"app":"wbe","tier":"front"}}"#, Some("app")),
            (r#"{"matchLabels":{"app":"web","tier":"front"}}"#, None),
            (r#"{"matchLabels":{"app":"wbe","tier":"back"}}"#, None),
            (r#"{"matchLabels":{"app":"wbe"}}"#, None),
            (r#"{"matchLabels":{"app":"web","other":"x"}}"#, None),
            (
                r#"{"matchLabels":{"app":"wbe","tier":"front"},"matchExpressions":[{"key":"app","operator":"Exists"}]}"#,
                Some("app"),
            ),
            (
                r#"{"matchLabels":{"app":"wbe","tier":"front"},"matchExpressions":[{"key":"x","operator":"Exists"}]}"#,
                None,
            ),
            ("{}", None),
        ] {
            assert_eq!(miss(selector).as_deref(), key, "{selector}");
        }
    }

    #[test]
    fn labels_that_come_late_are_taken_for_right() {
        let selects = |selector: &str| {
            let (selector, labels) = (Json::parse(selector).unwrap(), Json::parse(LABELS).unwrap());
            matches_ignoring(&selector.root(), &labels.root(), &["role", "tier"])
        };
        assert!(selects(r#"{"matchLabels":{"app":"web","role":"primary"}}"#));
        assert!(!selects(r#"{"matchLabels":{"app":"web","other":"x"}}"#));
        // Where the label is there it counts.
        assert!(!selects(r#"{"matchLabels":{"app":"web","tier":"back"}}"#));
    }

    #[test]
    fn every_demand_must_hold() {
        for (selector, expected) in [
            ("{}", true),
            (r#"{"matchLabels":{}}"#, true),
            (r#"{"matchLabels":null,"matchExpressions":[]}"#, true),
            (r#"{"matchLabels":{"app":"web"}}"#, true),
            (r#"{"matchLabels":{"app":"web","tier":"front"}}"#, true),
            (r#"{"matchLabels":{"app":"web","tier":"back"}}"#, false),
            (r#"{"matchLabels":{"other":"x"}}"#, false),
            (r#"{"matchLabels":{"app":1}}"#, false),
            (r#"{"matchExpressions":[{"key":"app","operator":"In","values":["api","web"]}]}"#, true),
            (r#"{"matchExpressions":[{"key":"app","operator":"In","values":["api"]}]}"#, false),
            (r#"{"matchExpressions":[{"key":"other","operator":"In","values":["web"]}]}"#, false),
            (r#"{"matchExpressions":[{"key":"app","operator":"NotIn","values":["api"]}]}"#, true),
            (r#"{"matchExpressions":[{"key":"app","operator":"NotIn","values":["web"]}]}"#, false),
            (r#"{"matchExpressions":[{"key":"other","operator":"NotIn","values":["web"]}]}"#, true),
            (r#"{"matchExpressions":[{"key":"app","operator":"Exists"}]}"#, true),
            (r#"{"matchExpressions":[{"key":"app","operator":"Exists","values":[]}]}"#, true),
            (r#"{"matchExpressions":[{"key":"other","operator":"Exists"}]}"#, false),
            (r#"{"matchExpressions":[{"key":"other","operator":"DoesNotExist"}]}"#, true),
            (r#"{"matchExpressions":[{"key":"app","operator":"DoesNotExist"}]}"#, false),
            (r#"{"matchLabels":{"app":"web"},"matchExpressions":[{"key":"tier","operator":"Exists"}]}"#, true),
            (r#"{"matchLabels":{"app":"web"},"matchExpressions":[{"key":"tier","operator":"DoesNotExist"}]}"#, false),
        ] {
            assert_eq!(selects(selector, LABELS), expected, "{selector}");
        }
    }

    #[test]
    fn what_the_server_refuses_selects_nothing() {
        for selector in [
            "null",
            "[]",
            "true",
            r#"{"matchLabels":"app"}"#,
            r#"{"matchLabels":[]}"#,
            r#"{"matchExpressions":{}}"#,
            r#"{"matchExpressions":[null]}"#,
            r#"{"matchExpressions":[{"key":"app","operator":"Gt","values":["1"]}]}"#,
            r#"{"matchExpressions":[{"key":"app","operator":"exists"}]}"#,
            r#"{"matchExpressions":[{"operator":"DoesNotExist"}]}"#,
            r#"{"matchExpressions":[{"key":"app","operator":"In"}]}"#,
            r#"{"matchExpressions":[{"key":"other","operator":"NotIn","values":[]}]}"#,
            r#"{"matchExpressions":[{"key":"app","operator":"Exists","values":["web"]}]}"#,
        ] {
            assert!(!selects(selector, LABELS), "{selector}");
        }
    }

    #[test]
    fn absent_is_not_empty() {
        let json = Json::parse(r#"{"none":null,"all":{},"list":{"matchLabels":{},"matchExpressions":[]},"some":{"matchLabels":{"a":"b"}},"odd":{"matchLabels":1}}"#).unwrap();
        let labels = Json::parse(LABELS).unwrap();
        for (field, empty, selects) in [
            ("absent", false, false),
            ("none", false, false),
            ("all", true, true),
            ("list", true, true),
            ("some", false, false),
            ("odd", false, false),
        ] {
            let selector = json.root().get(field);
            assert_eq!((is_empty(&selector), matches(&selector, &labels.root())), (empty, selects), "{field}");
        }
    }

    #[test]
    fn labels_that_are_not_known_decide_nothing() {
        let ask = |selector: &str| {
            let selector = Json::parse(selector).unwrap();
            matches_known(&selector.root(), |key| match key {
                "app" => Some(Some("web")),
                "tier" => Some(None),
                _ => None,
            })
        };
        for (selector, answer) in [
            ("{}", Answer::Yes),
            (r#"{"matchLabels":{"app":"web"}}"#, Answer::Yes),
            (r#"{"matchLabels":{"app":"web","team":"a"}}"#, Answer::Unknown),
            (r#"{"matchLabels":{"app":"api","team":"a"}}"#, Answer::No),
            (r#"{"matchLabels":{"tier":"back"}}"#, Answer::No),
            (r#"{"matchExpressions":[{"key":"team","operator":"Exists"}]}"#, Answer::Unknown),
            (r#"{"matchExpressions":[{"key":"tier","operator":"DoesNotExist"}]}"#, Answer::Yes),
            (r#"{"matchExpressions":[{"key":"team","operator":"Exists","values":["a"]}]}"#, Answer::No),
            (r#"{"matchExpressions":[{"key":"app","operator":"Gt","values":["a"]}]}"#, Answer::No),
            ("null", Answer::No),
        ] {
            assert_eq!(ask(selector), answer, "{selector}");
        }
    }

    fn map() -> impl Strategy<Value = BTreeMap<String, String>> {
        prop::collection::btree_map("[a-c]", "[xy]", 0..3)
    }

    proptest! {
        #[test]
        fn the_forms_of_a_demand_agree(required in map(), labels in map()) {
            let expected = required.iter().all(|(key, value)| labels.get(key) == Some(value));
            let expressions: Vec<serde_json::Value> = required
                .iter()
                .map(|(key, value)| serde_json::json!({"key": key, "operator": "In", "values": [value]}))
                .collect();
            let labels = serde_json::to_string(&labels).unwrap();
            prop_assert_eq!(selects(&serde_json::json!({"matchLabels": required}).to_string(), &labels), expected);
            prop_assert_eq!(selects(&serde_json::json!({"matchExpressions": expressions}).to_string(), &labels), expected);
        }

        #[test]
        fn opposite_operators_are_opposite(labels in map(), values in prop::collection::vec("[xyz]", 1..3)) {
            let labels = serde_json::to_string(&labels).unwrap();
            let ask = |operator: &str, values: &[String]| {
                let expression = serde_json::json!({"key": "a", "operator": operator, "values": values});
                selects(&serde_json::json!({"matchExpressions": [expression]}).to_string(), &labels)
            };
            prop_assert_ne!(ask("In", &values), ask("NotIn", &values));
            prop_assert_ne!(ask("Exists", &[]), ask("DoesNotExist", &[]));
        }
    }
}
