//! Policies of AWS' IAM in Terraform: who may take a role.

use super::terraform::{self, Argument, Block};
use crate::input::Input;
use crate::json::{Kind, View};
use crate::language::unread;
use crate::uses::Uses;

crate::usable! {
    /// The roles of the subject, a Terraform module, and the policy documents that its data sources write.
    pub TrustPolicies {
        reads: [
            "data.aws_iam_policy_document", "resource.aws_iam_role.*.labels",
            "resource.aws_iam_role.*.attributes.assume_role_policy",
            "resource.aws_iam_role.*.attributes.assume_role_policy:json",
        ],
    }
}

crate::usable! {
    /// The policies of the subject, a Terraform module or plan, that say what users, groups and roles may do.
    pub IdentityPolicies {
        reads: [
            "data.aws_iam_policy_document", "resource.aws_iam_policy.*.attributes.policy",
            "resource.aws_iam_policy.*.attributes.policy:json", "resource.aws_iam_role_policy.*.attributes.policy",
            "resource.aws_iam_role_policy.*.attributes.policy:json", "resource.aws_iam_user_policy.*.attributes.policy",
            "resource.aws_iam_user_policy.*.attributes.policy:json", "resource.aws_iam_group_policy.*.attributes.policy",
            "resource.aws_iam_group_policy.*.attributes.policy:json", "resource.aws_iam_role.*.blocks[*].type",
            "resource.aws_iam_role.*.blocks[*].attributes.policy",
            "resource.aws_iam_role.*.blocks[*].attributes.policy:json",
            "resource.aws_ssoadmin_permission_set_inline_policy.*.attributes.inline_policy",
            "resource.aws_ssoadmin_permission_set_inline_policy.*.attributes.inline_policy:json",
            "resource.aws_organizations_policy.*.attributes.content",
        ],
    }
}

/// A statement of a policy.
#[derive(Clone)]
pub struct Statement<'d> {
    /// Where it is.
    pub place: View<'d>,
    /// Whether it allows.
    pub allows: bool,
    /// What.
    pub actions: Vec<Argument<'d>>,
    /// All actions but these, where it says so.
    pub not_actions: Vec<Argument<'d>>,
    /// On what.
    pub resources: Vec<Argument<'d>>,
    /// On all but these, where it says so.
    pub not_resources: Vec<Argument<'d>>,
    /// To whom: `Service`, `Federated` or `AWS`, and the identifier.
    pub principals: Vec<(&'d str, Argument<'d>)>,
    /// Under which conditions.
    pub conditions: Vec<Condition<'d>>,
    /// Whether there may be more principals or conditions than are known.
    pub is_partial: bool,
}

/// A condition of a statement.
#[derive(Clone)]
pub struct Condition<'d> {
    /// How it compares: `StringEquals`.
    pub operator: &'d str,
    /// What.
    pub key: Key<'d>,
    /// With what.
    pub values: Vec<Argument<'d>>,
    /// Where it is.
    pub place: View<'d>,
}

/// What a condition compares: its name, or the expression of it.
#[derive(Clone, Copy)]
pub struct Key<'d>(&'d str);

impl<'d> Key<'d> {
    /// Its name, or the expression of it.
    pub fn text(&self) -> &'d str {
        self.0
    }

    /// Whether it is the claim of that name: `…:sub`.
    pub fn is_claim(&self, claim: &str) -> bool {
        self.0.trim_end_matches('"').strip_suffix(claim).is_some_and(|rest| rest.ends_with(':'))
    }
}

impl Statement<'_> {
    /// Whether it allows an action, by its name or by `sts:*`, or may do so.
    pub fn allows(&self, action: &str) -> bool {
        let is_it = |known: &Argument<'_>| match known {
            Argument::Known(view) => view.text() == action || matches!(view.text(), "sts:*" | "*"),
            Argument::Unknown(..) => true,
            Argument::Absent(_) => false,
        };
        self.allows && self.actions.iter().any(is_it)
    }
}

/// What is known of who may take a role.
pub enum Trust<'d> {
    /// Its policy.
    Known(Vec<Statement<'d>>),
    /// It is not known: its expression.
    Unknown(&'d str),
}

/// The roles of the subject, a module, each with its address, and with who may take it.
pub fn roles<'d, P: Uses<TrustPolicies>>(input: &Input<'d, P>) -> Vec<(&'d str, Trust<'d>)> {
    let module = &input.document;
    terraform::resources(module, "aws_iam_role")
        .map(|(address, role)| (address, trust(module, address, &role)))
        .collect()
}

/// Who may take a role of a module.
fn trust<'d>(module: &View<'d>, address: &str, role: &Block<'d>) -> Trust<'d> {
    match role.argument("assume_role_policy") {
        Argument::Known(_) => {
            let tree = role.place().at("attributes.assume_role_policy:json");
            if unread(&tree).is_some() { Trust::Unknown("no JSON") } else { Trust::Known(of_json(&tree.get("value"))) }
        }
        Argument::Unknown(_, expression) => match document(module, prefix(address, role.label(1)), expression) {
            Some(document) => Trust::Known(of_document(&document)),
            None => Trust::Unknown(expression),
        },
        Argument::Absent(_) => Trust::Known(Vec::new()),
    }
}

/// The role that an expression means, from the module of the block with this address and name: `aws_iam_role.cart.arn`.
pub fn role_of<'r, 'd>(
    roles: &'r [(&'d str, Trust<'d>)],
    (address, name): (&str, &str),
    expression: &str,
) -> Option<&'r (&'d str, Trust<'d>)> {
    let wanted = [prefix(address, name), referred(expression, "aws_iam_role.")?].concat();
    roles.iter().find(|(address, _)| is_instance(address, &wanted))
}

/// What stands before a block's own name in its address: the modules that it is in.
fn prefix<'a>(address: &'a str, name: &str) -> &'a str {
    address.rfind(name).map_or("", |at| &address[..at])
}

/// Whether an address is this one, or an instance of it.
fn is_instance(address: &str, wanted: &str) -> bool {
    address.strip_prefix(wanted).is_some_and(|rest| rest.is_empty() || rest.starts_with('['))
}

/// The name in an expression that is a reference to an attribute of something: `x` of `data.T.x[0].json`.
fn referred<'e>(expression: &'e str, kind: &str) -> Option<&'e str> {
    let rest = expression.strip_prefix(kind)?;
    let end = rest.find(['.', '[']).unwrap_or(rest.len());
    let is_plain = rest.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"_-.[]\"".contains(&byte));
    is_plain.then_some(&rest[..end])
}

fn document<'d>(module: &View<'d>, prefix: &str, expression: &str) -> Option<Block<'d>> {
    let wanted = [prefix, referred(expression, "data.aws_iam_policy_document.")?].concat();
    let documents = module.at("data.aws_iam_policy_document").entries();
    documents.filter(|(address, _)| is_instance(address, &wanted)).map(|(_, view)| Block::of(view)).next()
}

/// The policy documents of the subject, a module, each with its address.
pub fn documents<'d, P: Uses<TrustPolicies>>(
    input: &Input<'d, P>,
) -> impl Iterator<Item = (&'d str, Block<'d>)> + use<'d, P> {
    input.document.at("data.aws_iam_policy_document").entries().map(|(address, view)| (address, Block::of(view)))
}

/// The statements of a data source `aws_iam_policy_document`.
pub fn of_document<'d>(document: &Block<'d>) -> Vec<Statement<'d>> {
    let statement = |block: Block<'d>| Statement {
        place: block.place().clone(),
        allows: block.argument("effect").known().is_none_or(|effect| effect.text() == "Allow"),
        actions: elements(block.argument("actions")),
        not_actions: elements(block.argument("not_actions")),
        resources: elements(block.argument("resources")),
        not_resources: elements(block.argument("not_resources")),
        principals: block
            .blocks("principals")
            .flat_map(|principal| {
                let kind = principal.argument("type").known().map(View::text).unwrap_or_default();
                elements(principal.argument("identifiers")).into_iter().map(move |identifier| (kind, identifier))
            })
            .collect(),
        conditions: block
            .blocks("condition")
            .map(|condition| Condition {
                operator: condition.argument("test").known().map(View::text).unwrap_or_default(),
                key: key(&condition.argument("variable")),
                values: elements(condition.argument("values")),
                place: condition.place().clone(),
            })
            .collect(),
        is_partial: block.is_dynamic("condition") || block.is_dynamic("principals"),
    };
    document.blocks("statement").map(statement).collect()
}

/// What a user, group or role may do.
pub struct Policy<'d> {
    /// What it is: `aws_iam_policy.deploy`.
    pub name: String,
    /// Its statements, or the expression of a policy that is not known.
    pub statements: Result<Vec<Statement<'d>>, &'d str>,
}

/// The policies of the subject, a module or plan. A data source is told where it stands, so a policy that only refers to
/// one is left out, and so is a data source that limits accounts and grants nothing.
pub fn policies<'d, P: Uses<IdentityPolicies>>(input: &Input<'d, P>) -> Vec<Policy<'d>> {
    let module = &input.document;
    let mut policies = Vec::new();
    let kinds = [
        ("aws_iam_policy", "policy"),
        ("aws_iam_role_policy", "policy"),
        ("aws_iam_user_policy", "policy"),
        ("aws_iam_group_policy", "policy"),
        ("aws_ssoadmin_permission_set_inline_policy", "inline_policy"),
    ];
    for (kind, argument) in kinds {
        for (address, resource) in terraform::resources(module, kind) {
            let attributes = resource.place().get("attributes");
            policies.extend(policy(terraform::full_address(kind, address), &attributes, argument));
        }
    }
    for (address, role) in terraform::resources(module, "aws_iam_role") {
        for inline in role.blocks("inline_policy") {
            policies.extend(policy(
                terraform::full_address("aws_iam_role", address),
                &inline.place().get("attributes"),
                "policy",
            ));
        }
    }
    // A plan has the finished text of each as well.
    if input.subject.kind != "TerraformPlan" {
        let limits: Vec<&str> = terraform::resources(module, "aws_organizations_policy")
            .filter_map(|(_, policy)| match policy.argument("content") {
                Argument::Unknown(_, expression) => referred(expression, "data.aws_iam_policy_document."),
                _ => None,
            })
            .collect();
        let documents = module.at("data.aws_iam_policy_document").entries();
        let grants = documents.filter(|(address, _)| !limits.iter().any(|limit| is_instance(address, limit)));
        policies.extend(grants.map(|(address, document)| Policy {
            name: terraform::full_address("data.aws_iam_policy_document", address),
            statements: Ok(of_document(&Block::of(document))),
        }));
    }
    policies
}

/// A policy that stands in an argument as JSON; `None` where it stands elsewhere.
fn policy<'d>(name: String, attributes: &View<'d>, argument: &str) -> Option<Policy<'d>> {
    let statements = match Argument::of(attributes.get(argument)) {
        Argument::Known(_) => {
            let tree = attributes.get(&[argument, ":json"].concat());
            if unread(&tree).is_some() { Err("no JSON") } else { Ok(of_json(&tree.get("value"))) }
        }
        Argument::Unknown(_, expression) if expression.starts_with("data.aws_iam_policy_document.") => return None,
        Argument::Unknown(_, expression) => Err(expression),
        Argument::Absent(_) => return None,
    };
    Some(Policy { name, statements })
}

fn key<'d>(variable: &Argument<'d>) -> Key<'d> {
    match variable {
        Argument::Known(view) => Key(view.text()),
        Argument::Unknown(_, expression) => Key(expression),
        Argument::Absent(_) => Key(""),
    }
}

fn elements<'d>(argument: Argument<'d>) -> Vec<Argument<'d>> {
    match argument {
        Argument::Known(view) if view.kind() == Some(Kind::Array) => view.items().map(Argument::of).collect(),
        Argument::Absent(_) => Vec::new(),
        one => vec![one],
    }
}

/// The statements of a policy in JSON.
pub fn of_json<'d>(policy: &View<'d>) -> Vec<Statement<'d>> {
    let list = |view: View<'d>| elements(Argument::of(view));
    let statement = |place: View<'d>| Statement {
        allows: place.get("Effect").text() == "Allow",
        actions: list(place.get("Action")),
        not_actions: list(place.get("NotAction")),
        resources: list(place.get("Resource")),
        not_resources: list(place.get("NotResource")),
        principals: place
            .get("Principal")
            .entries()
            .flat_map(|(kind, identifiers)| list(identifiers).into_iter().map(move |identifier| (kind, identifier)))
            .chain(place.get("Principal").as_str().map(|_| ("*", Argument::of(place.get("Principal")))))
            .collect(),
        conditions: place
            .get("Condition")
            .entries()
            .flat_map(|(operator, keys)| {
                keys.entries().map(move |(key, values)| Condition {
                    operator,
                    key: Key(key),
                    values: list(values.clone()),
                    place: values,
                })
            })
            .collect(),
        is_partial: false,
        place,
    };
    let statements = policy.get("Statement");
    match statements.kind() {
        Some(Kind::Object) => vec![statement(statements)],
        _ => statements.items().map(statement).collect(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::look;

    const MODULE: &str = r#"{
        "resource": {"aws_iam_role": {
            "module.app.cart[0]": {"labels": ["aws_iam_role", "cart"], "attributes": {
                "assume_role_policy": {"$unknown": "data.aws_iam_policy_document.cart[0].json"}}},
            "other": {"labels": ["aws_iam_role", "other"], "attributes": {
                "assume_role_policy": {"$unknown": "jsonencode({x = y.z})"}}},
            "json": {"labels": ["aws_iam_role", "json"], "attributes": {"assume_role_policy": "{}",
                "assume_role_policy:json": {"value": {"Statement": {"Effect": "Allow", "Action": "sts:AssumeRole",
                    "Principal": {"Service": ["a", "b"]}, "Condition": {"StringEquals": {"x:sub": "y"}}}}}}}}},
        "data": {"aws_iam_policy_document": {"module.app.cart[0]": {"attributes": {}, "blocks": [
            {"type": "statement", "attributes": {"actions": ["sts:AssumeRole", {"$unknown": "var.a"}]}, "blocks": [
                {"type": "principals", "attributes": {"type": "Federated", "identifiers": [{"$unknown": "x.arn"}]}},
                {"type": "condition", "attributes": {"test": "StringLike",
                    "variable": {"$unknown": "\"${x.url}:sub\""}, "values": ["*"]}}]}]}}}}"#;

    #[test]
    fn who_may_take_a_role_is_read_from_both_forms() {
        look("", MODULE, &[], &[], |input| {
            let roles = roles(input);
            let told = roles.iter().map(|(address, trust)| match trust {
                Trust::Unknown(expression) => format!("{address}: {expression}"),
                Trust::Known(statements) => {
                    let [statement] = statements.as_slice() else { return format!("{address}: {}", statements.len()) };
                    let condition = &statement.conditions[0];
                    format!(
                        "{address}: {} of {} by {} {}",
                        statement.actions.len(),
                        statement.principals[0].0,
                        condition.operator,
                        condition.key.is_claim("sub"),
                    )
                }
            });
            let expected = [
                "module.app.cart[0]: 2 of Federated by StringLike true",
                "other: jsonencode({x = y.z})",
                "json: 1 of Service by StringEquals true",
            ];
            assert_eq!(told.collect::<Vec<_>>(), expected);
            let found = |from, expression| role_of(&roles, from, expression).map(|(address, _)| *address);
            assert_eq!(found(("module.app.x", "x"), "aws_iam_role.cart[0].arn"), Some("module.app.cart[0]"));
            assert_eq!(found(("x", "x"), "aws_iam_role.cart.arn"), None);
            assert_eq!(found(("x", "x"), "aws_iam_role.json.arn"), Some("json"));
            assert_eq!(found(("x", "x"), "module.role.arn"), None);
            assert_eq!(documents(input).count(), 1);
        });
    }

    #[test]
    fn policies_of_identities_are_read_from_all_forms() {
        const MODULE: &str = r#"{"resource": {
            "aws_iam_policy": {
                "a": {"attributes": {"policy": "{}", "policy:json": {"value": {"Statement": [
                    {"Effect": "Allow", "NotAction": "iam:*", "Resource": "*"}, {"Effect": "Deny", "NotResource": ["x"]}]}}}},
                "b": {"attributes": {"policy": {"$unknown": "data.aws_iam_policy_document.d.json"}}},
                "c": {"attributes": {"policy": {"$unknown": "jsonencode(x.y)"}}}},
            "aws_iam_role": {"r": {"attributes": {}, "blocks": [{"type": "inline_policy", "attributes": {
                "policy": "[", "policy:json": {"unread": [{"reason": "broken"}]}}}]}},
            "aws_organizations_policy": {"o": {"attributes": {
                "content": {"$unknown": "data.aws_iam_policy_document.limit.json"}}}}},
            "data": {"aws_iam_policy_document": {
                "d": {"attributes": {}, "blocks": [{"type": "statement", "attributes": {
                    "actions": ["s3:*"], "resources": ["*"]}, "blocks": []}]},
                "limit": {"attributes": {}, "blocks": []}}}}"#;
        look("", MODULE, &[], &[], |input| {
            let told = policies(input).into_iter().map(|policy| match policy.statements {
                Ok(statements) => {
                    let counts = |of: fn(&Statement<'_>) -> usize| statements.iter().map(of).sum::<usize>();
                    let actions = counts(|it| it.actions.len()) * 1000 + counts(|it| it.not_actions.len()) * 100;
                    let resources = counts(|it| it.resources.len()) * 10 + counts(|it| it.not_resources.len());
                    format!("{} {}", policy.name, actions + resources)
                }
                Err(expression) => format!("{} {expression}", policy.name),
            });
            let expected = [
                "aws_iam_policy.a 111",
                "aws_iam_policy.c jsonencode(x.y)",
                "aws_iam_role.r no JSON",
                "data.aws_iam_policy_document.d 1010",
            ];
            assert_eq!(told.collect::<Vec<_>>(), expected);
        });
    }

    #[test]
    fn actions_are_allowed_by_name_or_by_all() {
        look("", MODULE, &[], &[], |input| {
            let roles = roles(input);
            let allows = |at: usize, action| match &roles[at].1 {
                Trust::Known(statements) => statements[0].allows(action),
                Trust::Unknown(_) => false,
            };
            assert!(allows(0, "sts:TagSession"), "it is not known");
            assert!(allows(2, "sts:AssumeRole") && !allows(2, "sts:TagSession"));
        });
    }
}
