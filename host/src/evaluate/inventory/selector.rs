//! Label selectors, as Kubernetes means them.
//!
//! A selector that is absent selects nothing; what an empty one selects depends on its kind. One that the API
//! server would refuse selects nothing: nobody guesses what was meant.

use crate::document::{Node, Subject, Value};
use crate::manifest::{Absent, SelectorForm};
use serde::{Deserialize, Serialize};

/// Labels, in the order of their keys.
#[derive(Debug, Clone, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Labels(Vec<(Box<str>, Box<str>)>);

impl Labels {
    /// The labels that stand at a node. What is no text is no label.
    pub(super) fn read(node: Option<&Node>) -> Self {
        let entries = node.map_or(&[][..], Node::entries).iter();
        let label = |(key, value): (&str, &Node)| Some((key.into(), value.as_str()?.into()));
        let mut labels: Vec<_> = entries.filter_map(|entry| label((&entry.key, &entry.value))).collect();
        labels.sort();
        Self(labels)
    }

    /// Adds what a controller puts on pods, unless the label is there. Where pods get different values, all of them are
    /// there.
    pub(super) fn add(&mut self, added: impl IntoIterator<Item = (&'static str, String)>) {
        let own = self.0.len();
        for (key, value) in added {
            if !self.0[..own].iter().any(|(known, _)| **known == *key) {
                self.0.push((key.into(), value.into()));
            }
        }
        self.0.sort();
    }

    /// A label's value.
    pub(super) fn get(&self, key: &str) -> Option<&str> {
        self.values(key).next()
    }

    /// The values that pods have for a label.
    fn values(&self, key: &str) -> impl Iterator<Item = &str> + Clone {
        let from = self.0.partition_point(|(known, _)| **known < *key);
        self.0[from..].iter().take_while(move |(known, _)| **known == *key).map(|(_, value)| &**value)
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = (&str, &str)> {
        self.0.iter().map(|(key, value)| (&**key, &**value))
    }

    pub(super) fn bytes(&self) -> usize {
        self.iter().map(|(key, value)| key.len() + value.len() + 2 * size_of::<Box<str>>()).sum()
    }
}

/// Which labels are selected.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum Selector {
    /// None.
    Nothing,
    /// Those that meet all requirements; without any, all.
    All(Vec<Requirement>),
}

/// What a selector demands of one label.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Requirement {
    pub(super) key: Box<str>,
    pub(super) demand: Demand,
}

/// See [`Requirement`].
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum Demand {
    /// It is one of these.
    In(Vec<Box<str>>),
    /// It is not one of these, or absent.
    NotIn(Vec<Box<str>>),
    /// It is there.
    Exists,
    /// It is absent.
    DoesNotExist,
}

/// What is known of a condition.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Truth {
    False,
    Unknown,
    True,
}

impl From<bool> for Truth {
    fn from(holds: bool) -> Self {
        if holds { Truth::True } else { Truth::False }
    }
}

impl Truth {
    pub(super) fn and(self, other: impl FnOnce() -> Self) -> Self {
        match self {
            Truth::False => Truth::False,
            Truth::True => other(),
            Truth::Unknown => {
                if other() == Truth::False {
                    Truth::False
                } else {
                    Truth::Unknown
                }
            }
        }
    }

    pub(super) fn or(self, other: impl FnOnce() -> Self) -> Self {
        match self {
            Truth::True => Truth::True,
            Truth::False => other(),
            Truth::Unknown => {
                if other() == Truth::True {
                    Truth::True
                } else {
                    Truth::Unknown
                }
            }
        }
    }
}

impl Selector {
    /// The selector that stands at a node of a document.
    pub(super) fn read(node: Option<&Node>, of: &Subject, form: Option<SelectorForm>, absent: Absent) -> Self {
        let node = node.filter(|node| node.value != Value::Null);
        let Some(node) = node else {
            return if absent == Absent::Everything { Self::All(Vec::new()) } else { Self::Nothing };
        };
        let (form, empty_selects) = match (form, &*of.group, &*of.version, &*of.kind) {
            (Some(SelectorForm::Map), ..) => (SelectorForm::Map, false),
            (Some(SelectorForm::Selector), ..) => (SelectorForm::Selector, true),
            (None, "", _, "Service" | "ReplicationController") => (SelectorForm::Map, false),
            (None, "policy", "v1beta1", "PodDisruptionBudget") => (SelectorForm::Selector, false),
            (None, ..) => (SelectorForm::Selector, true),
        };
        let requirements = match form {
            SelectorForm::Map => map(node),
            SelectorForm::Selector => label_selector(node),
        };
        match requirements {
            Some(requirements) if empty_selects || !requirements.is_empty() => Self::All(requirements),
            _ => Self::Nothing,
        }
    }

    /// Whether it selects an object with these labels.
    pub(super) fn matches(&self, labels: &Labels) -> bool {
        let Self::All(requirements) = self else { return false };
        requirements.iter().all(|requirement| {
            let values = labels.values(&requirement.key);
            let is_absent = values.clone().next().is_none();
            is_absent && requirement.demand.admits(None)
                || values.into_iter().any(|it| requirement.demand.admits(Some(it)))
        })
    }

    /// Whether it selects an object of whose labels `label` gives what it knows: `None` for one that it does
    /// not know of.
    pub(super) fn judge<'l>(&self, label: impl Fn(&str) -> Option<Option<&'l str>>) -> Truth {
        let Self::All(requirements) = self else { return Truth::False };
        let holds = |requirement: &Requirement| match label(&requirement.key) {
            None => Truth::Unknown,
            Some(value) => requirement.demand.admits(value).into(),
        };
        requirements.iter().fold(Truth::True, |truth, requirement| truth.and(|| holds(requirement)))
    }

    pub(super) fn bytes(&self) -> usize {
        let Self::All(requirements) = self else { return 0 };
        let values = |requirement: &Requirement| match &requirement.demand {
            Demand::In(values) | Demand::NotIn(values) => {
                values.iter().map(|value| value.len() + size_of::<Box<str>>()).sum()
            }
            Demand::Exists | Demand::DoesNotExist => 0,
        };
        requirements.iter().map(|it| size_of::<Requirement>() + it.key.len() + values(it)).sum()
    }
}

impl Demand {
    fn admits(&self, value: Option<&str>) -> bool {
        let listed = |values: &[Box<str>]| value.is_some_and(|value| values.iter().any(|listed| **listed == *value));
        match self {
            Demand::In(values) => listed(values),
            Demand::NotIn(values) => !listed(values),
            Demand::Exists => value.is_some(),
            Demand::DoesNotExist => value.is_none(),
        }
    }
}

/// The requirements of a plain map of labels; `None` when it is none.
fn map(node: &Node) -> Option<Vec<Requirement>> {
    let Value::Object(entries) = &node.value else { return None };
    let required = |(key, value): (&str, &Node)| {
        Some(Requirement { key: key.into(), demand: Demand::In(vec![value.as_str()?.into()]) })
    };
    entries.iter().map(|entry| required((&entry.key, &entry.value))).collect()
}

/// The requirements of a LabelSelector; `None` when the API server would refuse it.
fn label_selector(node: &Node) -> Option<Vec<Requirement>> {
    let Value::Object(_) = &node.value else { return None };
    let part = |key| node.get(key).filter(|part| part.value != Value::Null);
    let mut requirements = part("matchLabels").map_or(Some(Vec::new()), map)?;
    if let Some(expressions) = part("matchExpressions") {
        let Value::Array(expressions) = &expressions.value else { return None };
        for expression in expressions {
            requirements.push(requirement(expression)?);
        }
    }
    Some(requirements)
}

fn requirement(expression: &Node) -> Option<Requirement> {
    let key = expression.get("key")?.as_str()?.into();
    let values = match expression.get("values").map(|values| &values.value) {
        None | Some(Value::Null) => Vec::new(),
        Some(Value::Array(values)) => {
            values.iter().map(|value| value.as_str().map(Into::into)).collect::<Option<Vec<_>>>()?
        }
        Some(_) => return None,
    };
    let demand = match (expression.get("operator")?.as_str()?, values.is_empty()) {
        ("In", false) => Demand::In(values),
        ("NotIn", false) => Demand::NotIn(values),
        ("Exists", true) => Demand::Exists,
        ("DoesNotExist", true) => Demand::DoesNotExist,
        _ => return None,
    };
    Some(Requirement { key, demand })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::parse::{Limits, json};

    fn subject(group: &str, version: &str, kind: &str) -> Subject {
        Subject { group: group.into(), version: version.into(), kind: kind.into(), ..Subject::default() }
    }

    fn node(text: &str) -> Node {
        json::parse(text, &Limits::default()).unwrap()
    }

    fn selects(of: &Subject, selector: &str, labels: &str) -> bool {
        let selector = Selector::read(Some(&node(selector)), of, None, Absent::Nothing);
        selector.matches(&Labels::read(Some(&node(labels))))
    }

    const LABELS: &str = r#"{"app":"web","tier":"front","odd":1}"#;

    #[test]
    fn every_requirement_holds_as_kubernetes_means_it() {
        let policy = subject("networking.k8s.io", "v1", "NetworkPolicy");
        for (selector, expected) in [
            ("{}", true),
            (r#"{"matchLabels":{}}"#, true),
            (r#"{"matchLabels":null,"matchExpressions":[]}"#, true),
            (r#"{"matchLabels":{"app":"web","tier":"front"}}"#, true),
            (r#"{"matchLabels":{"app":"web","tier":"back"}}"#, false),
            (r#"{"matchLabels":{"odd":"1"}}"#, false),
            (r#"{"matchExpressions":[{"key":"app","operator":"In","values":["api","web"]}]}"#, true),
            (r#"{"matchExpressions":[{"key":"other","operator":"In","values":["web"]}]}"#, false),
            (r#"{"matchExpressions":[{"key":"app","operator":"NotIn","values":["web"]}]}"#, false),
            (r#"{"matchExpressions":[{"key":"other","operator":"NotIn","values":["web"]}]}"#, true),
            (r#"{"matchExpressions":[{"key":"app","operator":"Exists","values":[]}]}"#, true),
            (r#"{"matchExpressions":[{"key":"other","operator":"Exists"}]}"#, false),
            (r#"{"matchExpressions":[{"key":"other","operator":"DoesNotExist"}]}"#, true),
            (r#"{"matchLabels":{"app":"web"},"matchExpressions":[{"key":"tier","operator":"DoesNotExist"}]}"#, false),
            // What the API server refuses.
            ("null", false),
            ("[]", false),
            (r#"{"matchLabels":"app"}"#, false),
            (r#"{"matchLabels":{"app":1}}"#, false),
            (r#"{"matchExpressions":{}}"#, false),
            (r#"{"matchExpressions":[null]}"#, false),
            (r#"{"matchExpressions":[{"key":"app","operator":"Gt","values":["1"]}]}"#, false),
            (r#"{"matchExpressions":[{"key":"other","operator":"exists"}]}"#, false),
            (r#"{"matchExpressions":[{"operator":"DoesNotExist"}]}"#, false),
            (r#"{"matchExpressions":[{"key":"app","operator":"In"}]}"#, false),
            (r#"{"matchExpressions":[{"key":"other","operator":"NotIn","values":[]}]}"#, false),
            (r#"{"matchExpressions":[{"key":"other","operator":"NotIn","values":[1]}]}"#, false),
            (r#"{"matchExpressions":[{"key":"app","operator":"Exists","values":["web"]}]}"#, false),
        ] {
            assert_eq!(selects(&policy, selector, LABELS), expected, "{selector}");
        }
    }

    #[test]
    fn what_an_empty_one_selects_depends_on_its_kind() {
        let budget = |version| subject("policy", version, "PodDisruptionBudget");
        let service = subject("", "v1", "Service");
        assert!(selects(&budget("v1"), "{}", LABELS));
        assert!(!selects(&budget("v1beta1"), "{}", LABELS));
        assert!(selects(&budget("v1beta1"), r#"{"matchLabels":{"app":"web"}}"#, LABELS));
        assert!(!selects(&service, "{}", LABELS) && !selects(&service, "null", LABELS));
        assert!(selects(&service, r#"{"app":"web"}"#, LABELS));
        assert!(!selects(&service, r#"{"app":true}"#, LABELS) && !selects(&service, r#"["web"]"#, LABELS));
        let absent = |absent| Selector::read(None, &service, None, absent).matches(&Labels::default());
        assert!(!absent(Absent::Nothing) && absent(Absent::Everything));
        let gateway = subject("networking.istio.io", "v1", "Gateway");
        let map = Selector::read(Some(&node(r#"{"app":"web"}"#)), &gateway, Some(SelectorForm::Map), Absent::Nothing);
        assert!(map.matches(&Labels::read(Some(&node(LABELS)))));
    }

    #[test]
    fn pods_may_have_different_values() {
        let selects = |text: &str| {
            let mut labels = Labels::read(Some(&node(LABELS)));
            labels.add([("app", "other".to_owned()), ("n", "a-0".to_owned()), ("n", "a-1".to_owned())]);
            Selector::read(Some(&node(text)), &subject("policy", "v1", "X"), None, Absent::Nothing).matches(&labels)
        };
        assert!(selects(r#"{"matchLabels":{"app":"web","n":"a-1"}}"#) && !selects(r#"{"matchLabels":{"n":"a-2"}}"#));
        assert!(!selects(r#"{"matchLabels":{"app":"other"}}"#), "what is written stays");
        assert!(selects(r#"{"matchExpressions":[{"key":"n","operator":"NotIn","values":["a-0"]}]}"#));
        assert!(!selects(r#"{"matchExpressions":[{"key":"n","operator":"DoesNotExist"}]}"#));
    }

    #[test]
    fn what_is_not_known_of_labels_matters_only_where_it_decides() {
        let selector = |text| Selector::read(Some(&node(text)), &Subject::default(), None, Absent::Nothing);
        let judge = |text| selector(text).judge(|key| (key == "name").then_some(Some("shop")));
        assert_eq!(judge("{}"), Truth::True);
        assert_eq!(judge(r#"{"matchLabels":{"name":"shop"}}"#), Truth::True);
        assert_eq!(judge(r#"{"matchLabels":{"env":"prod","name":"bank"}}"#), Truth::False);
        assert_eq!(judge(r#"{"matchLabels":{"env":"prod","name":"shop"}}"#), Truth::Unknown);
        assert_eq!(judge(r#"{"matchExpressions":[{"key":"env","operator":"DoesNotExist"}]}"#), Truth::Unknown);
    }
}
