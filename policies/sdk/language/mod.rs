//! Views on the trees that the host makes of texts: a rule that reads `run:shell` finds the script's commands there.
//!
//! What the host could not read is under `unread`. A rule that found nothing in a text of which something is unread has
//! not checked it, and says so.

pub mod comment;
pub mod condition;
pub mod execution;
pub mod expression;
pub mod promql;
pub mod shell;
pub mod sleep;

use crate::json::{Kind, View};

/// The names of the languages. A key that ends in `:` and one of them is that of a tree; the host writes a colon more
/// behind a key of the document that looks so.
pub const LANGUAGES: [&str; 14] = [
    "cidr",
    "comments",
    "condition",
    "cron",
    "duration",
    "exec",
    "expression",
    "image",
    "json",
    "promql",
    "regex",
    "semver",
    "shell",
    "yaml",
];

/// Why something of a text was not read, first of all.
pub fn unread<'d>(tree: &View<'d>) -> Option<&'d str> {
    tree.get("unread").items().next().map(|part| part.get("reason").text())
}

/// The scalars of a YAML or JSON tree (`data.*:yaml`), in the order of the text, each under the keys that lead to it,
/// joined by dots. Elements of a list have the key of the list.
pub fn scalars<'d>(tree: &View<'d>) -> Vec<(String, View<'d>)> {
    let mut scalars = Vec::new();
    let mut open = vec![(String::new(), tree.get("value")), (String::new(), tree.get("documents"))];
    while let Some((key, view)) = open.pop() {
        let at = open.len();
        match view.kind() {
            Some(Kind::Object) => open.extend(view.entries().map(|(name, child)| {
                let key = if key.is_empty() { name.to_owned() } else { [&key, ".", name].concat() };
                (key, child)
            })),
            Some(Kind::Array) => open.extend(view.items().map(|child| (key.clone(), child))),
            Some(_) => scalars.push((key, view)),
            None => {}
        }
        // The first comes to lie on top.
        open[at..].reverse();
    }
    scalars
}

/// The strings in a value, wherever they stand, in the order in which they are written.
pub fn texts<'d>(value: &View<'d>) -> Vec<View<'d>> {
    let mut texts = Vec::new();
    let mut open = vec![value.clone()];
    while let Some(view) = open.pop() {
        let at = open.len();
        match view.kind() {
            Some(Kind::Array) => open.extend(view.items()),
            Some(Kind::Object) => open.extend(view.entries().map(|(_, child)| child)),
            Some(Kind::String) => texts.push(view),
            _ => {}
        }
        // The first comes to lie on top.
        open[at..].reverse();
    }
    texts
}

/// The mappings in a tree that are asked for, in the order in which they are written, wherever they stand.
pub(crate) fn mappings<'d>(tree: &View<'d>, wanted: impl Fn(&View<'d>) -> bool) -> Vec<View<'d>> {
    let mut found = Vec::new();
    // Without recursion, since a rule's stack is small.
    let mut open = vec![tree.clone()];
    while let Some(view) = open.pop() {
        let mut children: Vec<View<'d>> = match view.kind() {
            Some(Kind::Array) => view.items().collect(),
            Some(Kind::Object) => view.entries().map(|(_, child)| child).collect(),
            _ => continue,
        };
        if wanted(&view) {
            found.push(view);
        }
        children.reverse();
        open.append(&mut children);
    }
    found
}

/// Whether a key is that of a tree: `run:shell`.
pub(crate) fn is_tree(key: &str) -> bool {
    key.rsplit_once(':').is_some_and(|(_, language)| LANGUAGES.contains(&language))
}

/// A key as it stands in the document: without the colon that tells it from that of a tree.
pub(crate) fn own_key(key: &str) -> &str {
    match key.strip_suffix(':') {
        Some(shorter) if is_tree(shorter.trim_end_matches(':')) => shorter,
        _ => key,
    }
}

#[cfg(test)]
mod tests {
    use crate::json::Json;

    #[test]
    fn scalars_have_the_keys_that_lead_to_them() {
        let told = |text: &str| {
            let json = Json::parse(text).unwrap();
            let scalars = super::scalars(&json.root());
            scalars.iter().map(|(key, view)| format!("{key}={}", view.scalar_text().unwrap_or("?"))).collect::<Vec<_>>()
        };
        let tree = r#"{"documents":[{"a":{"b":1,"c":["x",{"d":"y"}]},"e":true},2]}"#;
        assert_eq!(told(tree), ["a.b=1", "a.c=x", "a.c.d=y", "e=?", "=2"]);
        assert_eq!(told(r#"{"value":{"a":null,"b":[]},"unread":[]}"#), ["a=?"]);
    }

    #[test]
    fn strings_of_a_value_come_in_their_order() {
        let json = Json::parse(r#"{"a":["x",{"b":"y","c":1}],"d":null,"e":"z"}"#).unwrap();
        let texts: Vec<&str> = super::texts(&json.root()).iter().map(|view| view.text()).collect();
        assert_eq!(texts, ["x", "y", "z"]);
    }

    #[test]
    fn trees_are_no_entries_of_a_document() {
        let json = Json::parse(r#"{"run":"a","run:shell":{"commands":[]},"run:shell:":"b","a:b":1,"x::":2}"#).unwrap();
        let keys: Vec<&str> = json.root().entries().map(|(key, _)| key).collect();
        assert_eq!(keys, ["run", "run:shell", "a:b", "x::"]);
        let (_, own) = json.root().entries().nth(1).unwrap();
        assert_eq!((own.text(), own.pointer().as_str()), ("b", "/run:shell:"));
        assert!(json.root().get("run:shell").get("commands").exists());
    }
}
