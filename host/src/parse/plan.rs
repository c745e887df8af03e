//! Plans of Terraform in the shape of its modules, so that one rule reads both. [`super::hcl`] says what that shape is.

use super::{Limits, SyntaxError};
use crate::document::{Entry, Node, Value};
use std::collections::HashMap;

/// What stands for a value that only applying the plan gives.
const UNKNOWN: &str = "known after apply";

/// Makes a module's document of what `terraform show -json` printed; `path` is the file's.
///
/// # Errors
/// When a bound is exceeded.
pub fn document(plan: &Node, path: &str, limits: &Limits) -> Result<Node, SyntaxError> {
    let changes = plan.get("resource_changes").map_or(&[][..], Node::items).iter();
    let unknown = changes.filter_map(|change| {
        Some((change.get("address").and_then(Node::as_str)?, change.path(&["change", "after_unknown"])?))
    });
    let mut module = Module { unknown: unknown.collect(), limits, nodes: 0, blocks: Vec::new() };
    if let Some(root) = plan.path(&["planned_values", "root_module"]) {
        module.resources(root, 0)?;
    }
    for provider in plan.path(&["configuration", "provider_config"]).map_or(&[][..], Node::entries) {
        module.provider(provider)?;
    }
    let start = plan.span;
    let at = crate::document::Span { end: start.start, ..start };
    let text = |text: &str| Node::string(text, at);
    let variables = plan.get("variables").map_or(&[][..], Node::entries);
    let tfvars = variables.iter().filter_map(|variable| {
        let value = variable.value.get("value")?;
        Some(Entry::new(&*variable.key, variable.key_span, value.clone()))
    });
    if let Some(changes) = plan.get("resource_changes") {
        module.count(changes, plan)?;
    }
    let blocks = std::mem::take(&mut module.blocks);
    let of = |kind: &'static str| blocks.iter().filter(move |block| is_of(block, kind));
    let addressed = |kind| by_label(of(kind), plan.span, |blocks| by_address(kind, blocks, plan.span));
    let providers = by_label(of("provider"), plan.span, |blocks| {
        Node::new(Value::Array(blocks.into_iter().cloned().collect()), plan.span)
    });
    let (resources, data) = (addressed("resource"), addressed("data"));
    let changes = plan.get("resource_changes").filter(|changes| matches!(changes.value, Value::Array(_)));
    let changes = changes.cloned().unwrap_or_else(|| Node::new(Value::Array(Vec::new()), at));
    let entries = [
        ("path", text(path)),
        ("files", Node::new(Value::Array(vec![text(path.rsplit('/').next().unwrap_or(path))]), at)),
        ("blocks", Node::new(Value::Array(blocks.clone()), plan.span)),
        ("tfvars", Node::new(Value::Object(tfvars.collect()), plan.span)),
        ("provider", providers),
        ("resource", resources),
        ("data", data),
        ("changes", changes),
    ];
    Ok(record(entries, plan.span))
}

fn is_of(block: &Node, kind: &str) -> bool {
    block.get("type").and_then(Node::as_str) == Some(kind)
}

/// The first label of a block: a resource's type, a provider's name.
fn label(block: &Node) -> &str {
    block.get("labels").and_then(|labels| labels.items().first()).and_then(Node::as_str).unwrap_or_default()
}

/// Blocks by their first label, in the order in which labels come.
fn by_label<'b>(
    blocks: impl Iterator<Item = &'b Node>,
    at: crate::document::Span,
    group: impl Fn(Vec<&'b Node>) -> Node,
) -> Node {
    let mut groups: indexmap::IndexMap<&str, Vec<&Node>> = indexmap::IndexMap::new();
    for block in blocks {
        groups.entry(label(block)).or_default().push(block);
    }
    let entries = groups.into_iter().map(|(name, blocks)| Entry::new(name, blocks[0].span, group(blocks)));
    Node::new(Value::Object(entries.collect()), at)
}

/// Blocks of one type by their addresses without it: `logs[0]`, `module.storage.logs`.
fn by_address(kind: &str, blocks: Vec<&Node>, at: crate::document::Span) -> Node {
    let entries = blocks.into_iter().map(|block| {
        let address = block.get("address").and_then(Node::as_str).unwrap_or_default();
        let data = if kind == "data" { "data." } else { "" };
        let key = address.replacen(&format!("{data}{}.", label(block)), "", 1);
        Entry::new(key.as_str(), block.span, block.clone())
    });
    Node::new(Value::Object(entries.collect()), at)
}

struct Module<'p, 'l> {
    /// By the address of a resource, what of it is known after apply: a tree in which `true` stands for it.
    unknown: HashMap<&'p str, &'p Node>,
    limits: &'l Limits,
    nodes: usize,
    blocks: Vec<Node>,
}

impl Module<'_, '_> {
    fn resources(&mut self, module: &Node, depth: usize) -> Result<(), SyntaxError> {
        if depth > self.limits.depth {
            let message = format!("nested deeper than {} levels (limit `depth`)", self.limits.depth);
            return Err(SyntaxError::new(module.span.start as usize, message));
        }
        for resource in module.get("resources").map_or(&[][..], Node::items) {
            let block = if resource.get("mode").and_then(Node::as_str) == Some("data") { "data" } else { "resource" };
            let labels = ["type", "name"].iter().filter_map(|key| resource.get(key).cloned()).collect();
            let address = resource.get("address").and_then(Node::as_str);
            let unknown = address.and_then(|address| self.unknown.get(address).copied());
            let empty = Node::new(Value::Object(Vec::new()), resource.span);
            let values = resource.get("values").filter(|values| matches!(values.value, Value::Object(_)));
            let mut node = self.block(block, labels, values.unwrap_or(&empty), unknown, resource, 0)?;
            if let (Value::Object(entries), Some(address)) = (&mut node.value, resource.entry("address")) {
                entries.push(address.clone());
            }
            self.blocks.push(node);
        }
        for child in module.get("child_modules").map_or(&[][..], Node::items) {
            self.resources(child, depth + 1)?;
        }
        Ok(())
    }

    fn provider(&mut self, provider: &Entry) -> Result<(), SyntaxError> {
        let name =
            provider.value.get("name").cloned().unwrap_or_else(|| Node::string(&*provider.key, provider.key_span));
        let empty = Node::new(Value::Object(Vec::new()), provider.value.span);
        let expressions = provider.value.get("expressions").unwrap_or(&empty);
        // Only constants are known.
        let attributes = expressions.entries().iter().filter_map(|entry| {
            let value = match entry.value.get("constant_value") {
                Some(value) => value.clone(),
                None => unknown(entry.value.span),
            };
            matches!(entry.value.value, Value::Object(_)).then(|| Entry::new(&*entry.key, entry.key_span, value))
        });
        let values = Node::new(Value::Object(attributes.collect()), expressions.span);
        let block = self.block("provider", vec![name], &values, None, &provider.value, 0)?;
        self.blocks.push(block);
        Ok(())
    }

    /// A block of these values; a value that is a list of mappings, or one, may be written as blocks.
    fn block(
        &mut self,
        kind: &str,
        labels: Vec<Node>,
        values: &Node,
        after: Option<&Node>,
        at: &Node,
        depth: usize,
    ) -> Result<Node, SyntaxError> {
        self.count(values, at)?;
        let values = merged(values, after);
        let mut blocks = Vec::new();
        for entry in values.entries().iter().filter(|_| depth < self.limits.depth) {
            let mappings = match &entry.value.value {
                Value::Array(items) => &items[..],
                _ => &[],
            };
            if mappings.iter().all(|item| matches!(item.value, Value::Object(_)) && item.get("$unknown").is_none()) {
                for item in mappings {
                    blocks.push(self.block(&entry.key, Vec::new(), item, None, item, depth + 1)?);
                }
            }
        }
        let entries = [
            ("type", Node::string(kind, at.span)),
            ("labels", Node::new(Value::Array(labels), at.span)),
            ("attributes", values),
            ("blocks", Node::new(Value::Array(blocks), at.span)),
        ];
        Ok(record(entries, at.span))
    }

    /// Counts what a block copies of the plan: nested blocks are there once for each level.
    fn count(&mut self, values: &Node, at: &Node) -> Result<(), SyntaxError> {
        self.nodes += size(values);
        if self.nodes > self.limits.nodes {
            let message = format!("more than {} values (limit `nodes`)", self.limits.nodes);
            return Err(SyntaxError::new(at.span.start as usize, message));
        }
        Ok(())
    }
}

fn size(node: &Node) -> usize {
    1 + node.items().iter().map(size).sum::<usize>()
        + node.entries().iter().map(|entry| size(&entry.value)).sum::<usize>()
}

fn record<const N: usize>(fields: [(&str, Node); N], at: crate::document::Span) -> Node {
    let entries = fields.into_iter().map(|(key, value)| Entry::new(key, value.span, value));
    Node::new(Value::Object(entries.collect()), at)
}

fn unknown(at: crate::document::Span) -> Node {
    record([("$unknown", Node::string(UNKNOWN, at))], at)
}

/// The values with what is known after apply in its place.
fn merged(values: &Node, after: Option<&Node>) -> Node {
    let Some(after) = after else { return values.clone() };
    match (&values.value, &after.value) {
        (_, Value::Bool(true)) => unknown(values.span),
        (Value::Object(known), Value::Object(unknowns)) => {
            let mut entries: Vec<Entry> = known
                .iter()
                .map(|entry| Entry::new(&*entry.key, entry.key_span, merged(&entry.value, after.get(&entry.key))))
                .collect();
            for entry in unknowns.iter().filter(|entry| values.get(&entry.key).is_none()) {
                if entry.value.value == Value::Bool(true) {
                    entries.push(Entry::new(&*entry.key, values.span, unknown(values.span)));
                }
            }
            Node::new(Value::Object(entries), values.span)
        }
        (Value::Array(items), Value::Array(unknowns)) => {
            let items = items.iter().enumerate().map(|(index, item)| merged(item, unknowns.get(index)));
            Node::new(Value::Array(items.collect()), values.span)
        }
        _ => values.clone(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::parse::json;
    use serde_json::json;

    const PLAN: &str = r#"{
      "format_version": "1.2",
      "variables": {"region": {"value": "eu-central-1"}},
      "planned_values": {"root_module": {
        "resources": [{"address": "aws_s3_bucket.a", "mode": "managed", "type": "aws_s3_bucket", "name": "a",
          "values": {"bucket": "x", "tags": null, "versioning": [{"enabled": true}]}}],
        "child_modules": [{"resources": [
          {"address": "module.m.data.aws_region.r", "mode": "data", "type": "aws_region", "name": "r", "values": {}}]}]}},
      "resource_changes": [{"address": "aws_s3_bucket.a", "change": {"after_unknown": {"arn": true, "versioning": [{}]}}}],
      "configuration": {"provider_config": {"aws": {"name": "aws", "expressions": {
        "region": {"constant_value": "eu-central-1"}, "profile": {"references": ["var.p"]}}}}}
    }"#;

    #[test]
    fn a_plan_has_the_shape_of_a_module() {
        let plan = json::parse(PLAN, &Limits::default()).unwrap();
        let document = document(&plan, "out/plan.json", &Limits::default()).unwrap();
        let after = json!({ "$unknown": "known after apply" });
        let blocks = json!([
            {
                "type": "resource", "labels": ["aws_s3_bucket", "a"], "address": "aws_s3_bucket.a",
                "attributes": { "bucket": "x", "tags": null, "versioning": [{ "enabled": true }], "arn": after },
                "blocks": [
                    { "type": "versioning", "labels": [], "attributes": { "enabled": true }, "blocks": [] },
                ],
            },
            {
                "type": "data", "labels": ["aws_region", "r"], "address": "module.m.data.aws_region.r",
                "attributes": {}, "blocks": [],
            },
            {
                "type": "provider", "labels": ["aws"], "blocks": [],
                "attributes": { "region": "eu-central-1", "profile": after },
            },
        ]);
        assert_eq!(
            document.to_value(),
            json!({
                "path": "out/plan.json", "files": ["plan.json"], "tfvars": { "region": "eu-central-1" }, "blocks": blocks,
                "provider": { "aws": [blocks[2]] },
                "resource": { "aws_s3_bucket": { "a": blocks[0] } },
                "data": { "aws_region": { "module.m.r": blocks[1] } },
                "changes": [{
                    "address": "aws_s3_bucket.a", "change": { "after_unknown": { "arn": true, "versioning": [{}] } },
                }],
            })
        );
        let bucket = document.get("blocks").unwrap().items()[0].path(&["attributes", "bucket"]).unwrap();
        assert_eq!(&PLAN[bucket.span.range()], "\"x\"");
    }

    #[test]
    fn bounds_are_kept() {
        let plan = json::parse(PLAN, &Limits::default()).unwrap();
        let few = Limits { nodes: 5, ..Limits::default() };
        assert!(document(&plan, "p", &few).unwrap_err().message.contains("limit `nodes`"));
    }

    proptest::proptest! {
        #[test]
        fn any_value_makes_a_document(text in "\\{\"planned_values\":(\\{\"root_module\":\\{\"resources\":\\[(\\{\"values\":(\\{\"a\":\\[\\{\\}\\]\\}|1)\\}|2)\\]\\}\\}|3|\\[\\]),\"variables\":(4|\\{\"v\":5\\}),\"resource_changes\":(\\[6\\]|\\{\\})\\}") {
            let plan = json::parse(&text, &Limits::default()).unwrap();
            crate::parse::testing::check(&document(&plan, "p", &Limits::default()).unwrap(), &text);
        }
    }
}
