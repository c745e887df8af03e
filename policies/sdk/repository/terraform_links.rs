//! How resources of a Terraform module belong together: which one an argument of another names.
//!
//! What a provider computes is not known, so a reference is what its expression says: `aws_s3_bucket.logs.id`.

use super::terraform::{Argument, Resource, resources};
use crate::json::View;

/// How resources of one type name one of another. The rule reads both types.
pub struct Link {
    /// The type that names: `aws_ecr_lifecycle_policy`.
    pub from: &'static str,
    /// Its argument: `repository`.
    pub argument: &'static str,
    /// The type that is named: `aws_ecr_repository`.
    pub to: &'static str,
    /// The argument that the name stands in: `name`.
    pub name: &'static str,
}

/// What a plan says in place of an expression.
const AFTER_APPLY: &str = "known after apply";

/// The resources that name one, as far as that is known.
pub struct Linked<'d> {
    /// Those that do.
    pub known: Vec<Resource<'d>>,
    /// One of which nobody can tell.
    pub unknown: Option<Resource<'d>>,
}

impl Link {
    /// The resources of the module that name `to`.
    pub fn of<'d>(&self, module: &View<'d>, to: &Resource<'d>) -> Linked<'d> {
        let mut linked = Linked { known: Vec::new(), unknown: None };
        for from in resources(module, self.from) {
            match self.names(&from, &from.1.argument(self.argument), to) {
                Some(true) => linked.known.push(from),
                Some(false) => {}
                None => linked.unknown = linked.unknown.or(Some(from)),
            }
        }
        linked
    }

    /// The resource of the module that an argument of `from`, or of a block inside it, names.
    pub fn to<'d>(&self, module: &View<'d>, from: &Resource<'d>, argument: &Argument<'d>) -> Option<Resource<'d>> {
        resources(module, self.to).find(|to| self.names(from, argument, to) == Some(true))
    }

    /// Whether an argument of `from` names `to`; `None` where nobody can tell.
    fn names(&self, from: &Resource<'_>, argument: &Argument<'_>, to: &Resource<'_>) -> Option<bool> {
        let own = to.1.argument(self.name);
        match argument {
            Argument::Absent(_) => Some(false),
            Argument::Known(name) => own.known().map(|own| own.scalar_text() == name.scalar_text()),
            Argument::Unknown(_, expression) => self.refers(from, expression, to).or_else(|| {
                // `name = each.key` here and `repository = each.key` there, over the same collection.
                let is_same = |one: &Argument<'_>, text: &str| matches!(one, Argument::Unknown(_, own) if *own == text);
                let each = from.1.argument("for_each");
                let same_each = match &each {
                    Argument::Unknown(_, text) => is_same(&to.1.argument("for_each"), text),
                    Argument::Known(_) => false,
                    Argument::Absent(_) => !expression.contains("each."),
                };
                let is_told = *expression != AFTER_APPLY && home(from) == home(to);
                (is_told && same_each && is_same(&own, expression)).then_some(true)
            }),
        }
    }

    /// What the references of an expression, or of the `for_each` that it is of, say.
    fn refers(&self, from: &Resource<'_>, expression: &str, to: &Resource<'_>) -> Option<bool> {
        let each = from.1.argument("for_each");
        let texts = [Some(expression), expression_of(&each).filter(|_| expression.contains("each."))];
        let mut named = texts.into_iter().flatten().flat_map(|text| references(text, self.to)).peekable();
        named.peek()?;
        let suffix = &to.0[home(to).len()..];
        Some(
            home(from) == home(to)
                && named.any(|(name, index)| name == to.1.label(1) && is_instance(suffix, name, index)),
        )
    }
}

fn expression_of<'d>(argument: &Argument<'d>) -> Option<&'d str> {
    match argument {
        Argument::Unknown(_, expression) => Some(expression),
        Argument::Known(_) | Argument::Absent(_) => None,
    }
}

/// Whether an address without its modules is an instance that a reference with this index may mean.
fn is_instance(address: &str, name: &str, index: &str) -> bool {
    let own = address.get(name.len()..).unwrap_or_default();
    let is_literal = |index: &str| index.starts_with('"') || index.bytes().all(|byte| byte.is_ascii_digit());
    let index_text = index.trim_start_matches('[').trim_end_matches(']');
    own.is_empty() || index.is_empty() || !is_literal(index_text) || own == index
}

/// The references to resources of a type in an expression: the name of each and the index behind it, if it has one.
pub fn references<'e>(expression: &'e str, kind: &str) -> impl Iterator<Item = (&'e str, &'e str)> {
    let is_name = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-');
    expression.match_indices(kind).filter_map(move |(at, _)| {
        let before = expression[..at].bytes().next_back();
        let rest = expression[at + kind.len()..].strip_prefix('.')?;
        if before.is_some_and(|byte| is_name(byte) || byte == b'.') {
            return None;
        }
        let end = rest.bytes().position(|byte| !is_name(byte)).unwrap_or(rest.len());
        let (name, rest) = rest.split_at(end);
        let index = if rest.starts_with('[') { &rest[..rest.find(']').map_or(rest.len(), |end| end + 1)] } else { "" };
        (!name.is_empty()).then_some((name, index))
    })
}

/// The modules that a resource is in, as its address begins: `module.storage.`; empty for the subject's own.
pub fn home<'d>((address, _): &Resource<'d>) -> &'d str {
    modules(address)
}

/// What messages call something of a type: `aws_s3_bucket.module.storage.logs`. The address stands in it as the model has
/// it, by which the host knows what is the same finding for all that call a module.
pub fn name_of(kind: &str, address: &str) -> String {
    [kind, ".", address].concat()
}

fn modules(address: &str) -> &str {
    let mut rest = address;
    while let Some(behind) = rest.strip_prefix("module.") {
        // Dots and brackets may stand in the key of an instance.
        let mut is_quoted = false;
        let mut is_index = false;
        let dot = behind.bytes().position(|byte| {
            match byte {
                b'"' => is_quoted = !is_quoted,
                b'[' if !is_quoted => is_index = true,
                b']' if !is_quoted => is_index = false,
                _ => {}
            }
            byte == b'.' && !is_quoted && !is_index
        });
        let Some(dot) = dot else { break };
        rest = &behind[dot + 1..];
    }
    &address[..address.len() - rest.len()]
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::json::Json;
    use crate::repository::terraform::Block;

    const LINK: Link = Link { from: "policy", argument: "repository", to: "repository", name: "name" };

    /// Which of the repositories each policy names, `?` where nobody can tell.
    fn told(repositories: &str, policies: &str) -> Vec<String> {
        let resource = |text: &str, kind: &str| -> String {
            let each = text.split_terminator(';').map(|one| {
                let (address, attributes) = one.split_once(' ').unwrap();
                let name = address.rsplit('.').next().unwrap().split('[').next().unwrap();
                let address = address.replace('"', "\\\"");
                format!(r#""{address}": {{"labels": ["{kind}", "{name}"], "attributes": {{{attributes}}}}}"#)
            });
            format!(r#""{kind}": {{{}}}"#, each.collect::<Vec<_>>().join(","))
        };
        let text = format!(
            r#"{{"resource": {{{}, {}}}}}"#,
            resource(repositories, "repository"),
            resource(policies, "policy")
        );
        let json = Json::parse(&text).unwrap();
        let module = json.root();
        let all = resources(&module, "repository").map(|to| {
            let linked = LINK.of(&module, &to);
            let unknown = if linked.unknown.is_some() { " ?" } else { "" };
            for from in &linked.known {
                assert!(LINK.to(&module, from, &from.1.argument("repository")).is_some());
            }
            let known: Vec<&str> = linked.known.iter().map(|(address, _)| *address).collect();
            format!("{}: {}{unknown}", to.0, known.join(" "))
        });
        all.collect()
    }

    #[test]
    fn references_lead_to_resources_of_the_same_module() {
        let repositories = r#"a "name": "x";b "name": {"$unknown": "var.b"};module.m.a "name": "y""#;
        let policy = |expression: &str| format!(r#"p "repository": {{"$unknown": "{expression}"}}"#);
        assert_eq!(told(repositories, &policy("repository.a.name")), ["a: p", "b: ", "module.m.a: "]);
        assert_eq!(told(repositories, &policy("local.x")), ["a:  ?", "b:  ?", "module.m.a:  ?"]);
        assert_eq!(told(repositories, &policy("var.b")), ["a:  ?", "b: p", "module.m.a:  ?"]);
        let planned = r#"a "name": {"$unknown": "known after apply"}"#;
        assert_eq!(told(planned, &policy("known after apply")), ["a:  ?"]);
        assert_eq!(told(repositories, r#"p "repository": "y""#), ["a: ", "b:  ?", "module.m.a: p"]);
        let inner = r#"module.m.p "repository": {"$unknown": "repository.a[0].name"}"#;
        assert_eq!(told(repositories, inner), ["a: ", "b: ", "module.m.a: module.m.p"]);
    }

    #[test]
    fn instances_are_told_apart() {
        let repositories = r#"a[0] "name": {"$unknown": "x.y"};a[1] "name": {"$unknown": "x.y"}"#;
        let by = |index: &str| format!(r#"p "repository": {{"$unknown": "repository.a[{index}].name"}}"#);
        assert_eq!(told(repositories, &by("1")), ["a[0]: ", "a[1]: p"]);
        assert_eq!(told(repositories, &by("count.index")), ["a[0]: p", "a[1]: p"]);
        let each = r#"a "for_each": {"$unknown": "var.n"}, "name": {"$unknown": "each.key"}"#;
        let same = r#"p "for_each": {"$unknown": "var.n"}, "repository": {"$unknown": "each.key"}"#;
        assert_eq!(told(each, same), ["a: p"]);
        assert_eq!(told(each, &same.replace("var.n", "var.other")), ["a:  ?"]);
        assert_eq!(told(each, &same.replace("var.n", "repository.a").replace("each.key", "each.value.name")), ["a: p"]);
    }

    #[test]
    fn addresses_know_their_modules() {
        let json = Json::parse("{}").unwrap();
        let block = Block::of(json.root());
        for (address, modules) in [
            ("a", ""),
            (r#"a["module.b.c"]"#, ""),
            ("module.b.a", "module.b."),
            (r#"module.b["x.y"].module.c[0].a["d"]"#, r#"module.b["x.y"].module.c[0]."#),
        ] {
            assert_eq!(home(&(address, block.clone())), modules);
        }
        assert_eq!(name_of("t", "module.b.a[0]"), "t.module.b.a[0]");
    }
}
