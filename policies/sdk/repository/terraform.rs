//! Terraform modules: resources by their addresses, blocks, and arguments that are known or not.
//!
//! A rule reads `resource.aws_s3_bucket`, `provider.aws`, `terraform.backend` and the like; the whole model is
//! described at the host's parser, `host/src/parse/hcl`.

use crate::finding::{Check, not_applicable};
use crate::input::{Input, Related};
use crate::json::{Kind, View};
use crate::uses::Uses;

crate::usable! {
    /// The modules that call the subject, a Terraform module, by its path.
    pub Callers {
        inventory: {
            callers: { kinds: ["file/TerraformModule"], scope: "cluster", relation: calls {}, reads: [] },
        },
    }
}

crate::usable! {
    /// Whether somebody applies the subject, a Terraform module, as it is.
    pub RootModule {
        reads: ["path"],
        inventory: {
            calling: { kinds: ["file/TerraformModule"], scope: "cluster", relation: calls {}, reads: [] },
        },
    }
}

/// Folders whose modules nobody applies as they are.
const NO_ROOTS: [&str; 9] =
    ["examples", "example", "test", "tests", "fixtures", "testdata", "e2e", "modules", "wrappers"];

/// Leaves a module that nobody applies as it is: Terraform skips its backend.
///
/// # Errors
/// Says that the rule does not apply to the module.
pub fn applied<P: Uses<RootModule>>(input: &Input<'_, P>) -> Check {
    let path = input.document.get("path").text();
    if let Some(folder) = path.split('/').find(|folder| NO_ROOTS.contains(folder)) {
        return not_applicable(format!("it is no root module: it is in a folder `{folder}`"));
    }
    match input.related("calling").next() {
        Some(caller) => not_applicable(format!("it is no root module: `{}` calls it", caller.name())),
        None => Ok(()),
    }
}

/// A module that calls the subject.
pub fn caller<'d, P: Uses<Callers>>(input: &Input<'d, P>) -> Option<Related<'d>> {
    input.related("callers").next()
}

/// Leaves a module to those that call it: there its arguments are known.
///
/// # Errors
/// Says that the rule does not apply to the module by itself.
pub fn uncalled<P: Uses<Callers>>(input: &Input<'_, P>) -> Check {
    match caller(input) {
        Some(caller) => not_applicable(format!("it is checked where `{}` calls it", caller.name())),
        None => Ok(()),
    }
}

/// An argument of a block. There is no way to a value that skips the question whether it is known.
#[derive(Clone)]
pub enum Argument<'d> {
    /// It is not written, or `null`, which is the same to Terraform.
    Absent(View<'d>),
    /// Its value.
    Known(View<'d>),
    /// The files do not tell: where it stands, and its expression.
    Unknown(View<'d>, &'d str),
}

impl<'d> Argument<'d> {
    /// What is known of a value in a module: of an argument, or of an element of one.
    pub fn of(view: View<'d>) -> Self {
        let expression = view.get("$unknown");
        match expression.as_str() {
            // Beside the text of `jsonencode(…)` is what is known of it.
            Some(text) if view.len() == 1 || view.get("$json").exists() => Self::Unknown(view, text),
            _ if view.exists() => Self::Known(view),
            _ => Self::Absent(view),
        }
    }

    /// The value, where there is one that is known.
    pub fn known(&self) -> Option<&View<'d>> {
        match self {
            Self::Known(view) => Some(view),
            Self::Absent(_) | Self::Unknown(..) => None,
        }
    }

    /// Where it is, or would be.
    pub fn place(&self) -> &View<'d> {
        match self {
            Self::Absent(view) | Self::Known(view) | Self::Unknown(view, _) => view,
        }
    }

    /// Whether it is written and not known, so that a rule that needs it cannot check.
    pub fn is_unknown(&self) -> bool {
        matches!(self, Self::Unknown(..))
    }
}

/// A block of a module.
#[derive(Clone)]
pub struct Block<'d> {
    view: View<'d>,
    /// Whether it is written in JSON inside a resource, where a block looks like an argument.
    is_plain: bool,
}

impl<'d> Block<'d> {
    /// A block of the model: `terraform.backend`, an element of `provider.aws`, a value of `resource.TYPE`.
    pub fn of(view: View<'d>) -> Self {
        Self { view, is_plain: false }
    }

    /// A block whose arguments are the entries of a mapping: what a plan says of a resource before or after.
    pub fn of_values(view: View<'d>) -> Self {
        Self { view, is_plain: true }
    }

    /// Where it is.
    pub fn place(&self) -> &View<'d> {
        &self.view
    }

    /// A label by its place; empty where there is none.
    pub fn label(&self, at: usize) -> &'d str {
        self.view.get("labels").item(at).text()
    }

    /// One of its arguments.
    pub fn argument(&self, name: &str) -> Argument<'d> {
        Argument::of(if self.is_plain { self.view.get(name) } else { self.view.get("attributes").get(name) })
    }

    /// The blocks of a kind inside it, also those that JSON writes like an argument. A plan has them in both ways.
    pub fn blocks<'k>(&self, kind: &'k str) -> impl Iterator<Item = Block<'d>> + use<'d, 'k> {
        let mut own = self.view.get("blocks").items().filter(move |block| block.get("type").text() == kind).peekable();
        let plain = match self.argument(kind) {
            _ if own.peek().is_some() => Vec::new(),
            Argument::Known(view) if view.kind() == Some(Kind::Object) => vec![view],
            Argument::Known(view) => view.items().filter(|item| item.kind() == Some(Kind::Object)).collect(),
            Argument::Absent(_) | Argument::Unknown(..) => Vec::new(),
        };
        own.map(Self::of).chain(plain.into_iter().map(|view| Self { view, is_plain: true }))
    }

    /// Whether blocks of a kind are made by a `dynamic` block, so that these are not all that there will be.
    pub fn is_dynamic(&self, kind: &str) -> bool {
        self.blocks("dynamic").any(|block| block.label(0) == kind)
    }

    /// An argument of blocks inside it of which there is one each: `vpc_config.subnet_ids`. It is unknown where a
    /// `dynamic` block makes one of them.
    pub fn argument_at(&self, path: &str) -> Argument<'d> {
        let Some((kind, rest)) = path.split_once('.') else { return self.argument(path) };
        if let Some(block) = self.blocks(kind).next() {
            return block.argument_at(rest);
        }
        if let Some(dynamic) = self.blocks("dynamic").find(|block| block.label(0) == kind) {
            return Argument::Unknown(dynamic.view, "dynamic");
        }
        match self.argument(kind) {
            Argument::Known(view) => Argument::Absent(view),
            other => other,
        }
    }

    /// Whether `count` or `for_each` is known to make none of it.
    pub fn is_left_out(&self) -> bool {
        let is_zero = |count: Argument<'d>| count.known().and_then(View::as_i64) == Some(0);
        let is_empty = |each: Argument<'d>| {
            let is_collection = |each: &&View<'d>| matches!(each.kind(), Some(Kind::Array | Kind::Object));
            each.known().filter(is_collection).is_some_and(View::is_empty)
        };
        is_zero(self.argument("count")) || is_empty(self.argument("for_each"))
    }
}

/// A resource or data source with its address behind the type: `logs[0]`, or `module.storage.logs` of a module that is
/// called.
pub type Resource<'d> = (&'d str, Block<'d>);

/// The resources of a type. The rule reads `resource.TYPE`.
pub fn resources<'d>(module: &View<'d>, kind: &str) -> impl Iterator<Item = Resource<'d>> + use<'d> {
    module.get("resource").get(kind).entries().map(|(address, view)| (address, Block::of(view)))
}

/// The configurations of all providers. The rule reads `provider`, or of it `provider.*[*]`.
pub fn providers<'d>(module: &View<'d>) -> impl Iterator<Item = Block<'d>> + use<'d> {
    module.get("provider").entries().flat_map(|(_, configurations)| configurations.items().map(Block::of))
}

/// What a message calls a resource: its type and its address behind that. By the address the host knows that callers of
/// a module, and instances of a block, have the same finding.
pub fn full_address(kind: &str, address: &str) -> String {
    [kind, ".", address].concat()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::json::Json;
    use crate::testing::look;
    use crate::uses::Usable;

    const MODULE: &str = r#"{"resource": {"plan": {"p": {
            "attributes": {"rule": [{"days": 3}], "one": {"x": 1}, "u": {"$unknown": "var.u"}},
            "blocks": [{"type": "rule", "attributes": {"days": 3}, "blocks": []},
                       {"type": "dynamic", "labels": ["log"], "attributes": {}, "blocks": []}]}},
        "bucket": {
        "logs": {"type": "resource", "labels": ["bucket", "logs"], "attributes": {
            "name": "a", "acl": {"$unknown": "var.acl"}, "tags": {"$$unknown": 1}, "list": [{"$unknown": "x.y"}], "none": null},
            "blocks": [{"type": "rule", "labels": [], "attributes": {"days": 1}, "blocks": []},
                       {"type": "dynamic", "labels": ["log"], "attributes": {}, "blocks": []}]},
        "module.m.json": {"type": "resource", "labels": ["bucket", "json"], "attributes": {
            "count": 0, "rule": [{"days": 2}, {"days": {"$unknown": "var.d"}}]}, "blocks": []}}},
        "provider": {"a": [{"attributes": {}}, {"attributes": {"alias": "x"}}]}}"#;

    fn looked<T>(look: impl FnOnce(&[(&str, Block<'_>)]) -> T) -> T {
        let json = Json::parse(MODULE).unwrap();
        let found: Vec<_> = resources(&json.root(), "bucket").collect();
        look(&found)
    }

    #[test]
    fn modules_of_others_are_not_applied() {
        let applied = |path: &str, callers: &[&str]| {
            look("", &format!(r#"{{"path": "{path}"}}"#), RootModule::QUERIES, callers, |input| applied(input).is_ok())
        };
        assert!(applied("live/prod", &["[]"]));
        assert!(!applied("modules/network", &["[]"]));
        assert!(!applied("network", &[r#"[{"subject": {"name": "live"}, "document": {}}]"#]));
    }

    #[test]
    fn arguments_are_known_or_not() {
        looked(|found| {
            let (address, logs) = &found[0];
            assert_eq!((*address, logs.label(1)), ("logs", "logs"));
            assert_eq!(logs.argument("name").known().map(View::text), Some("a"));
            assert!(matches!(logs.argument("acl"), Argument::Unknown(_, "var.acl")));
            assert!(logs.argument("acl").known().is_none() && logs.argument("acl").is_unknown());
            assert!(logs.argument("tags").known().is_some(), "a key that only looks like it");
            assert!(matches!(logs.argument("none"), Argument::Absent(_)));
            let list = logs.argument("list");
            assert!(Argument::of(list.place().item(0)).is_unknown());
            let absent = logs.argument("other");
            assert!(matches!(absent, Argument::Absent(_)));
            assert_eq!(absent.place().pointer(), "/resource/bucket/logs/attributes/other");
        });
    }

    #[test]
    fn blocks_are_the_same_in_both_syntaxes() {
        looked(|found| {
            let days = |block: &Block<'_>| {
                block
                    .blocks("rule")
                    .map(|rule| rule.argument("days").known().and_then(View::as_i64))
                    .collect::<Vec<_>>()
            };
            assert_eq!(days(&found[0].1), [Some(1)]);
            assert_eq!(days(&found[1].1), [Some(2), None]);
            assert!(found[0].1.is_dynamic("log") && !found[0].1.is_dynamic("rule"));
        });
    }

    #[test]
    fn what_a_plan_has_in_both_ways_is_there_once() {
        let json = Json::parse(MODULE).unwrap();
        let (_, plan) = resources(&json.root(), "plan").next().unwrap();
        assert_eq!(plan.blocks("rule").count(), 1);
        let told = |path: &str| match plan.argument_at(path) {
            Argument::Known(view) => format!("known {}", view.pointer()),
            Argument::Absent(view) => format!("absent {}", view.pointer()),
            Argument::Unknown(_, expression) => format!("unknown {expression}"),
        };
        assert_eq!(told("rule.days"), "known /resource/plan/p/blocks/0/attributes/days");
        assert_eq!(told("rule.weeks"), "absent /resource/plan/p/blocks/0/attributes/weeks");
        assert_eq!(told("one.x"), "known /resource/plan/p/attributes/one/x");
        assert_eq!(told("none.x"), "absent /resource/plan/p/attributes/none");
        assert_eq!((told("log.x"), told("u.x")), ("unknown dynamic".into(), "unknown var.u".into()));
        let values = Block::of_values(plan.place().get("attributes"));
        assert_eq!((values.blocks("rule").count(), values.argument_at("rule.days").known().is_some()), (1, true));
    }

    #[test]
    fn what_is_made_no_time_is_told_apart() {
        looked(|found| assert!(!found[0].1.is_left_out() && found[1].1.is_left_out()));
        let json = Json::parse(MODULE).unwrap();
        assert_eq!(providers(&json.root()).filter(|provider| provider.argument("alias").known().is_some()).count(), 1);
    }
}
