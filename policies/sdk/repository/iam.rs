//! Policies of AWS' IAM in Terraform: who may do what, and who may take a role.

use super::terraform::{self, Argument, Block, Resource};
use super::terraform_links::home;
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
    /// All but what.
    pub not_actions: Vec<Argument<'d>>,
    /// With what.
    pub resources: Vec<Argument<'d>>,
    /// With all but what.
    pub not_resources: Vec<Argument<'d>>,
    /// To whom: `Service`, `Federated`, `AWS` or `*`, and the identifier.
    pub principals: Vec<(&'d str, Argument<'d>)>,
    /// To all but whom.
    pub not_principals: Vec<(&'d str, Argument<'d>)>,
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

    /// Whether it is the condition key of that name, whose letters may be of any case.
    pub fn is(&self, name: &str) -> bool {
        self.0.eq_ignore_ascii_case(name)
    }

    /// Whether it is the claim of that name: `…:sub`.
    pub fn is_claim(&self, claim: &str) -> bool {
        self.0.trim_end_matches('"').strip_suffix(claim).is_some_and(|rest| rest.ends_with(':'))
    }
}

/// Condition keys that say who somebody is, or on whose behalf a service acts.
const IDENTITY_KEYS: [&str; 12] = [
    "aws:PrincipalOrgID",
    "aws:PrincipalOrgPaths",
    "aws:PrincipalAccount",
    "aws:PrincipalArn",
    "aws:SourceAccount",
    "aws:SourceArn",
    "aws:SourceOrgID",
    "aws:SourceOrgPaths",
    "aws:SourceVpc",
    "aws:SourceVpce",
    "aws:SourceIp",
    "aws:VpcSourceIp",
];

impl Condition<'_> {
    /// Whether it demands one of these keys. A demand of `…IfExists` or `ForAllValues:` also holds where the key is
    /// missing, one that negates lets all others in, and one of `*` everybody.
    pub fn demands(&self, keys: &[&str]) -> bool {
        let holds_without = self.operator.ends_with("IfExists") || self.operator.starts_with("ForAllValues:");
        let is_all =
            |value: &Argument<'_>| value.known().is_some_and(|value| matches!(value.text(), "*" | "0.0.0.0/0"));
        !holds_without
            && !self.operator.contains("Not")
            && !matches!(self.operator, "Null" | "Bool")
            && keys.iter().any(|key| self.key.is(key))
            && !self.values.iter().any(is_all)
    }
}

impl Statement<'_> {
    /// Whether it is for everybody, whatever the conditions are: a principal `*`.
    pub fn is_for_all(&self) -> bool {
        let is_all = |identifier: &Argument<'_>| identifier.known().is_some_and(|text| text.text() == "*");
        self.principals.iter().any(|(kind, identifier)| matches!(*kind, "*" | "AWS") && is_all(identifier))
    }

    /// Whether a condition narrows it to identities, accounts, organisations or networks.
    pub fn is_narrowed(&self) -> bool {
        self.conditions.iter().any(|condition| condition.demands(&IDENTITY_KEYS))
    }

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

/// A policy, as far as it is known.
#[derive(Default)]
pub struct Policy<'d> {
    /// The statements that are known.
    pub statements: Vec<Statement<'d>>,
    /// The expression of what is not; `dynamic` for statements that such a block makes.
    pub unknown: Option<&'d str>,
}

/// The policy in an argument of a resource: JSON, or the data source `aws_iam_policy_document` that it names. The rule
/// reads the argument, its `:json`, and `data.aws_iam_policy_document`.
pub fn policy<'d>(module: &View<'d>, resource: &Resource<'d>, argument: &str) -> Policy<'d> {
    let tree = resource.1.place().get("attributes").get(&[argument, ":json"].concat());
    match resource.1.argument(argument) {
        Argument::Known(text) => match unread(&tree) {
            Some(_) => Policy { statements: Vec::new(), unknown: Some(text.text()) },
            None => Policy::of_json(&tree.get("value")),
        },
        Argument::Unknown(..) if tree.get("value").exists() => Policy::of_json(&tree.get("value")),
        Argument::Unknown(_, expression) => {
            let mut policy = Policy::default();
            policy.add(module, home(resource), expression, 0);
            policy
        }
        Argument::Absent(_) => Policy::default(),
    }
}

/// How many documents a document may be made of, one in another.
const DEEPEST: usize = 4;

impl<'d> Policy<'d> {
    /// A policy in JSON. Terraform may not know some of its values.
    pub fn of_json(policy: &View<'d>) -> Self {
        let mut known = Self::default();
        for statement in elements(Argument::of(policy.get("Statement"))) {
            match statement {
                Argument::Known(view) => match Argument::of(view.get("Effect")) {
                    Argument::Unknown(_, expression) => _ = known.unknown.get_or_insert(expression),
                    Argument::Known(_) | Argument::Absent(_) => known.statements.push(statement_of_json(view)),
                },
                Argument::Unknown(_, expression) => _ = known.unknown.get_or_insert(expression),
                Argument::Absent(_) => {}
            }
        }
        known
    }

    /// Its statements where all are known, else the expression of one that is not.
    fn whole(self) -> Result<Vec<Statement<'d>>, &'d str> {
        self.unknown.map_or(Ok(self.statements), Err)
    }

    /// Adds the document that an expression means, and those that it is made of.
    fn add(&mut self, module: &View<'d>, home: &str, expression: &'d str, depth: usize) {
        let Some(document) = document(module, home, expression).filter(|_| depth < DEEPEST) else {
            self.unknown.get_or_insert(expression);
            return;
        };
        self.statements.extend(of_document(&document));
        if document.is_dynamic("statement") {
            self.unknown.get_or_insert("dynamic");
        }
        for list in ["source_policy_documents", "override_policy_documents"] {
            for other in elements(document.argument(list)) {
                match other {
                    Argument::Unknown(_, expression) => self.add(module, home, expression, depth + 1),
                    Argument::Known(text) => _ = self.unknown.get_or_insert(text.text()),
                    Argument::Absent(_) => {}
                }
            }
        }
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
    let tree = role.place().at("attributes.assume_role_policy:json");
    let of_json = || Policy::of_json(&tree.get("value")).whole().map_or_else(Trust::Unknown, Trust::Known);
    match role.argument("assume_role_policy") {
        Argument::Known(_) if unread(&tree).is_some() => Trust::Unknown("no JSON"),
        Argument::Known(_) => of_json(),
        Argument::Unknown(..) if tree.get("value").exists() => of_json(),
        Argument::Unknown(_, expression) => match document(module, home(&(address, role.clone())), expression) {
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
    let prefix = address.rfind(name).map_or("", |at| &address[..at]);
    let wanted = [prefix, referred(expression, "aws_iam_role.")?].concat();
    roles.iter().find(|(address, _)| is_instance(address, &wanted))
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
        principals: principals(&block, "principals"),
        not_principals: principals(&block, "not_principals"),
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
pub struct Grant<'d> {
    /// What it is: `aws_iam_policy.deploy`.
    pub name: String,
    /// What it says.
    pub policy: Policy<'d>,
}

/// The policies of the subject, a module or plan. A data source is told where it stands, so a policy that only refers
/// to one is left out, and so is a data source that limits accounts and grants nothing.
pub fn grants<'d, P: Uses<IdentityPolicies>>(input: &Input<'d, P>) -> Vec<Grant<'d>> {
    let module = &input.document;
    let mut found = Vec::new();
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
            found.extend(grant(terraform::full_address(kind, address), &attributes, argument));
        }
    }
    for (address, role) in terraform::resources(module, "aws_iam_role") {
        for inline in role.blocks("inline_policy") {
            found.extend(grant(
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
        found.extend(grants.map(|(address, document)| Grant {
            name: terraform::full_address("data.aws_iam_policy_document", address),
            policy: Policy { statements: of_document(&Block::of(document)), unknown: None },
        }));
    }
    found
}

/// A policy that stands in an argument as JSON; `None` where it stands elsewhere.
fn grant<'d>(name: String, attributes: &View<'d>, argument: &str) -> Option<Grant<'d>> {
    let tree = attributes.get(&[argument, ":json"].concat());
    let not_known = |expression| Policy { statements: Vec::new(), unknown: Some(expression) };
    let policy = match Argument::of(attributes.get(argument)) {
        Argument::Known(_) if unread(&tree).is_some() => not_known("no JSON"),
        Argument::Known(_) => Policy::of_json(&tree.get("value")),
        Argument::Unknown(..) if tree.get("value").exists() => Policy::of_json(&tree.get("value")),
        Argument::Unknown(_, expression) if expression.starts_with("data.aws_iam_policy_document.") => return None,
        Argument::Unknown(_, expression) => not_known(expression),
        Argument::Absent(_) => return None,
    };
    Some(Grant { name, policy })
}

fn principals<'d>(statement: &Block<'d>, kind: &str) -> Vec<(&'d str, Argument<'d>)> {
    let of_block = |principal: Block<'d>| {
        let kind = principal.argument("type").known().map(View::text).unwrap_or_default();
        elements(principal.argument("identifiers")).into_iter().map(move |identifier| (kind, identifier))
    };
    statement.blocks(kind).flat_map(of_block).collect()
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

/// The statements of a policy in JSON that are known.
pub fn of_json<'d>(policy: &View<'d>) -> Vec<Statement<'d>> {
    Policy::of_json(policy).statements
}

fn statement_of_json<'d>(place: View<'d>) -> Statement<'d> {
    let list = |view: View<'d>| elements(Argument::of(view));
    // `"Principal": "*"` is everybody.
    let principals = |view: View<'d>| match (Argument::of(view.clone()), view.as_str()) {
        (Argument::Known(_), Some(all)) => vec![(all, Argument::Known(view))],
        (Argument::Known(_), None) => view
            .entries()
            .flat_map(|(kind, identifiers)| list(identifiers).into_iter().map(move |identifier| (kind, identifier)))
            .collect(),
        (Argument::Unknown(view, expression), _) => vec![("", Argument::Unknown(view, expression))],
        (Argument::Absent(_), _) => Vec::new(),
    };
    // Each operator has the keys that it compares. A key that is not known makes the mapping unknown.
    let mut is_partial = false;
    let mut known = |view: View<'d>| {
        let is_unknown = Argument::of(view.clone()).is_unknown();
        is_partial |= is_unknown;
        (!is_unknown).then_some(view)
    };
    let mut conditions = Vec::new();
    for (operator, keys) in known(place.get("Condition")).iter().flat_map(View::entries) {
        for (key, values) in known(keys).iter().flat_map(View::entries) {
            conditions.push(Condition { operator, key: Key(key), values: list(values.clone()), place: values });
        }
    }
    Statement {
        allows: place.get("Effect").text() == "Allow",
        actions: list(place.get("Action")),
        not_actions: list(place.get("NotAction")),
        resources: list(place.get("Resource")),
        not_resources: list(place.get("NotResource")),
        principals: principals(place.get("Principal")),
        not_principals: principals(place.get("NotPrincipal")),
        conditions,
        is_partial,
        place,
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
    fn grants_are_read_from_all_forms() {
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
            let told = grants(input).into_iter().map(|grant| match grant.policy {
                Policy { unknown: Some(expression), .. } => format!("{} {expression}", grant.name),
                Policy { statements, .. } => {
                    let counts = |of: fn(&Statement<'_>) -> usize| statements.iter().map(of).sum::<usize>();
                    let actions = counts(|it| it.actions.len()) * 1000 + counts(|it| it.not_actions.len()) * 100;
                    let resources = counts(|it| it.resources.len()) * 10 + counts(|it| it.not_resources.len());
                    format!("{} {}", grant.name, actions + resources)
                }
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
    fn policies_are_followed_to_what_they_are_made_of() {
        const POLICIES: &str = r#"{"resource": {"p": {
            "module.m.a": {"labels": ["p", "a"], "attributes": {
                "policy": {"$unknown": "data.aws_iam_policy_document.top.json"}}},
            "b": {"labels": ["p", "b"], "attributes": {"policy": {"$unknown": "jsonencode(x.y)"}}},
            "c": {"labels": ["p", "c"], "attributes": {"policy": "{}", "policy:json": {"value": {"Statement": [
                {"Effect": "Allow", "Principal": "*", "NotAction": "s3:*", "Resource": ["*"]}]}}}},
            "d": {"labels": ["p", "d"], "attributes": {"policy": "no", "policy:json": {"unread": [{"reason": "r"}]}}},
            "e": {"labels": ["p", "e"], "attributes": {}}}},
            "data": {"aws_iam_policy_document": {
                "module.m.top": {"attributes": {"source_policy_documents": [
                    {"$unknown": "data.aws_iam_policy_document.base.json"}, {"$unknown": "var.more"}]},
                    "blocks": [{"type": "statement", "attributes": {"not_actions": ["a:*"]}, "blocks": [
                        {"type": "not_principals", "attributes": {"type": "AWS", "identifiers": ["x"]}}]}]},
                "module.m.base": {"attributes": {"source_policy_documents": [
                    {"$unknown": "data.aws_iam_policy_document.top.json"}]},
                    "blocks": [{"type": "statement", "attributes": {"resources": ["r", "s"]}, "blocks": []}]}}}}"#;
        look("", POLICIES, &[], &[], |input| {
            let told = terraform::resources(&input.document, "p").map(|resource| {
                let policy = policy(&input.document, &resource, "policy");
                let told = policy.statements.iter().map(|one| {
                    let counts = [&one.actions, &one.not_actions, &one.resources].map(Vec::len);
                    format!("{counts:?}{}{}", one.principals.len(), one.not_principals.len())
                });
                format!("{} {} {:?}", resource.0, told.collect::<Vec<_>>().join(","), policy.unknown)
            });
            let expected = [
                r#"module.m.a [0, 1, 0]01,[0, 0, 2]00,[0, 1, 0]01,[0, 0, 2]00 Some("data.aws_iam_policy_document.top.json")"#,
                r#"b  Some("jsonencode(x.y)")"#,
                "c [0, 1, 1]10 None",
                r#"d  Some("no")"#,
                "e  None",
            ];
            assert_eq!(told.collect::<Vec<_>>(), expected);
        });
    }

    #[test]
    fn a_policy_in_json_may_be_known_in_part() {
        const POLICIES: &str = r#"{"resource": {"p": {
            "a": {"labels": ["p", "a"], "attributes": {
                "policy": {"$unknown": "jsonencode(…)", "$json": {"Statement": []}},
                "policy:json": {"value": {"Statement": [
                    {"Effect": "Allow", "Action": ["s3:*", {"$unknown": "x.y"}], "Resource": {"$unknown": "b.arn"},
                     "Principal": {"AWS": {"$unknown": "c.arn"}}, "Condition": {"StringEquals": {"k": {"$unknown": "d"}}}},
                    {"Effect": "Allow", "Action": {"$unknown": "var.actions"}, "Principal": {"$unknown": "var.who"},
                     "Condition": {"StringEquals": {"$unknown": "{…}"}}},
                    {"Effect": {"$unknown": "var.effect"}, "Action": "*"}]}}}},
            "b": {"labels": ["p", "b"], "attributes": {
                "policy": {"$unknown": "jsonencode(…)", "$json": {"Statement": {"$unknown": "var.statements"}}},
                "policy:json": {"value": {"Statement": {"$unknown": "var.statements"}}}}}}}}"#;
        look("", POLICIES, &[], &[], |input| {
            let told = |argument: &Argument<'_>| match argument {
                Argument::Known(view) => view.text().to_owned(),
                Argument::Unknown(_, expression) => format!("?{expression}"),
                Argument::Absent(_) => "-".to_owned(),
            };
            let told = terraform::resources(&input.document, "p").map(|resource| {
                let policy = policy(&input.document, &resource, "policy");
                let statements = policy.statements.iter().map(|one| {
                    let who = one.principals.iter().map(|(kind, who)| format!("{kind}:{}", told(who)));
                    let what = one.actions.iter().chain(&one.resources).map(told).chain(who);
                    let when = one.conditions.iter().flat_map(|it| it.values.iter().map(told));
                    let all: Vec<String> = what.chain(when).collect();
                    format!("{}{}", all.join(" "), if one.is_partial { " …" } else { "" })
                });
                format!("{}; {:?}", statements.collect::<Vec<_>>().join("; "), policy.unknown)
            });
            let expected = [
                r#"s3:* ?x.y ?b.arn AWS:?c.arn ?d; ?var.actions :?var.who …; Some("var.effect")"#,
                r#"; Some("var.statements")"#,
            ];
            assert_eq!(told.collect::<Vec<_>>(), expected);
        });
    }

    #[test]
    fn everybody_is_narrowed_by_what_must_be_there() {
        let narrowed = |principal: &str, condition: &str| {
            let text = format!(
                r#"{{"Statement": [{{"Effect": "Allow", "Principal": {principal}, "Condition": {condition}}}]}}"#
            );
            let json = crate::json::Json::parse(&text).unwrap();
            let statements = of_json(&json.root());
            (statements[0].is_for_all(), statements[0].is_narrowed())
        };
        for (condition, is_narrowed) in [
            (r#"{"StringEquals": {"aws:PrincipalOrgID": "o-1"}}"#, true),
            (r#"{"ForAnyValue:StringLike": {"aws:principalorgpaths": "o-1/*"}}"#, true),
            (r#"{"ArnLike": {"aws:SourceArn": ["arn:aws:lambda:eu-central-1:111122223333:function:*"]}}"#, true),
            (r#"{"ForAllValues:StringEquals": {"aws:PrincipalOrgID": "o-1"}}"#, false),
            (r#"{"StringEqualsIfExists": {"aws:PrincipalOrgID": "o-1"}}"#, false),
            (r#"{"StringNotEquals": {"aws:PrincipalOrgID": "o-1"}}"#, false),
            (r#"{"StringLike": {"aws:PrincipalArn": "*"}}"#, false),
            (r#"{"Bool": {"aws:SecureTransport": "true"}}"#, false),
            ("{}", false),
        ] {
            assert_eq!(narrowed(r#""*""#, condition), (true, is_narrowed), "{condition}");
        }
        assert!(narrowed(r#"{"AWS": ["x", "*"]}"#, "{}").0);
        assert!(!narrowed(r#"{"Service": "*"}"#, "{}").0 && !narrowed(r#"{"AWS": "x"}"#, "{}").0);
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
