//! What charts depend on, and the digest by which helm knows whether a lock file is still of the same dependencies.

use crate::json::{Kind, View};
use crate::values::sha256;
use crate::write::ToJson;

/// A dependency of a chart.
pub struct Dependency<'d> {
    /// Where it is listed.
    pub view: View<'d>,
    /// Its name.
    pub name: &'d str,
    /// The version, or a range of them; empty where there is none.
    pub version: &'d str,
    /// The repository that it is from; empty for a chart in `charts/`.
    pub repository: &'d str,
}

/// The dependencies of a list.
pub fn listed<'d>(list: &View<'d>) -> Vec<Dependency<'d>> {
    let dependency = |view: View<'d>| Dependency {
        name: view.get("name").text(),
        version: view.get("version").scalar_text().unwrap_or_default(),
        repository: view.get("repository").text(),
        view,
    };
    list.items().map(dependency).collect()
}

impl Dependency<'_> {
    /// Whether helm fetches it.
    pub fn is_remote(&self) -> bool {
        ["http://", "https://", "oci://"].iter().any(|scheme| self.repository.starts_with(scheme)) || self.is_by_alias()
    }

    /// Whether the name of its repository is one of somebody's own configuration.
    pub fn is_by_alias(&self) -> bool {
        self.repository.starts_with('@') || self.repository.starts_with("alias:")
    }
}

/// The digest that helm 3 writes into `Chart.lock`: of the JSON that Go makes of both lists. `None` where something of
/// it could be written in more than one way.
pub fn lock_digest(dependencies: &View<'_>, locked: &View<'_>) -> Option<String> {
    let mut text = String::from("[");
    write_list(dependencies, &mut text)?;
    text.push(',');
    write_list(locked, &mut text)?;
    text.push(']');
    // Go writes these so that they can stand in HTML.
    let mut escaped = String::with_capacity(text.len());
    for letter in text.chars() {
        match letter {
            '&' => escaped.push_str("\\u0026"),
            '<' => escaped.push_str("\\u003c"),
            '>' => escaped.push_str("\\u003e"),
            letter if letter.is_ascii() => escaped.push(letter),
            _ => return None,
        }
    }
    Some(format!("sha256:{}", sha256::hex(escaped.as_bytes())))
}

fn write_list(list: &View<'_>, out: &mut String) -> Option<()> {
    out.push('[');
    for (at, dependency) in list.items().enumerate() {
        out.push_str(if at > 0 { ",{" } else { "{" });
        let mut is_first = true;
        // In the order of the fields of helm's type. All but two are left out where they are empty.
        for field in ["name", "version", "repository", "condition", "tags", "import-values", "alias"] {
            let value = dependency.get(field);
            let is_kept = matches!(field, "name" | "repository");
            if !is_kept && (!value.exists() || value.is_empty() && value.text().is_empty()) {
                continue;
            }
            out.push_str(if is_first { "" } else { "," });
            is_first = false;
            field.write_json(out);
            out.push(':');
            match value.kind() {
                Some(Kind::String) => value.text().write_json(out),
                None | Some(Kind::Null) => out.push_str("\"\""),
                Some(Kind::Array) => write_texts(&value, out)?,
                _ => return None,
            }
        }
        out.push('}');
    }
    out.push(']');
    Some(())
}

/// A list of texts, or of mappings of texts, whose keys Go sorts.
fn write_texts(list: &View<'_>, out: &mut String) -> Option<()> {
    out.push('[');
    for (at, item) in list.items().enumerate() {
        out.push_str(if at > 0 { "," } else { "" });
        if let Some(text) = item.as_str() {
            text.write_json(out);
            continue;
        }
        let mut entries: Vec<(&str, Option<&str>)> = item.entries().map(|(key, value)| (key, value.as_str())).collect();
        entries.sort_unstable();
        out.push('{');
        for (at, (key, value)) in entries.into_iter().enumerate() {
            out.push_str(if at > 0 { "," } else { "" });
            key.write_json(out);
            out.push(':');
            value?.write_json(out);
        }
        out.push('}');
    }
    out.push(']');
    Some(())
}
