//! The cure of a gap as a person would paste it: what the fixes of its findings add, as YAML.

use crate::document::Pointer;
use crate::edit::write_yaml;
use crate::report::{DocumentResult, FindingResult, FixResult};
use crate::visible::visible;
use serde_json::{Map, Value};
use std::collections::{BTreeSet, HashMap};

/// Findings that are looked at; what more of them would add is seldom new.
const MAX_EXAMINED: usize = 500;
/// Operations of one fix that are looked at.
const MAX_OPERATIONS: usize = 50;
/// Examples that are shown of one gap.
const MAX_SNIPPETS: usize = 3;
/// A longer one is cut.
const MAX_LINES: usize = 60;

/// A piece of YAML, and where it belongs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Snippet {
    pub(super) place: String,
    pub(super) yaml: String,
}

/// The cures of some findings. Those of one document and mapping become one; those that read the same are shown once.
pub(super) fn snippets<'r>(findings: &[(&'r DocumentResult<'r>, &'r FindingResult<'r>)]) -> Vec<Snippet> {
    let mut created = Vec::new();
    // By document and parent, in the order of the findings.
    let mut parents: Vec<(String, String, Parent)> = Vec::new();
    let mut known: HashMap<(String, String), usize> = HashMap::new();
    for (document, finding) in findings.iter().take(MAX_EXAMINED) {
        let Some(fix) = &finding.fix else { continue };
        let subject = document.subject.to_string();
        if let Some(value) = fix.create.as_ref().and_then(|json| serde_json::from_str::<Value>(json.get()).ok()) {
            created.push(Snippet { place: format!("a new document beside {subject}"), yaml: write_yaml(&value) });
        }
        for (path, value) in additions(fix) {
            let Some((parent, key)) = path.split_last() else { continue };
            let parent = parent.to_string();
            let index = *known.entry((subject.clone(), parent.clone())).or_insert_with(|| {
                parents.push((subject.clone(), parent, Parent::default()));
                parents.len() - 1
            });
            parents[index].2.add(key, value);
        }
    }
    // Those that say most come first; the sort is stable.
    parents.sort_by_key(|(.., parent)| std::cmp::Reverse(parent.additions));
    let patched = parents.into_iter().map(|(subject, path, parent)| Snippet {
        place: format!("{subject}, at {}", if path.is_empty() { "/" } else { &path }),
        yaml: parent.yaml(),
    });
    let mut seen = BTreeSet::new();
    patched
        .chain(created)
        .filter(|snippet| !snippet.yaml.is_empty() && seen.insert(snippet.yaml.clone()))
        .take(MAX_SNIPPETS)
        .map(|snippet| Snippet { yaml: shortened(&snippet.yaml), ..snippet })
        .collect()
}

fn shortened(yaml: &str) -> String {
    let lines: Vec<&str> = yaml.lines().collect();
    if lines.len() <= MAX_LINES {
        return yaml.to_owned();
    }
    format!("{}\n# …\n", lines[..MAX_LINES].join("\n"))
}

/// What a patch puts where; `None` where it removes.
fn additions(fix: &FixResult<'_>) -> Vec<(Pointer, Option<Value>)> {
    // What is no list of operations is no cure; of a run it always is one.
    let operations = fix.patch.as_ref().and_then(|json| serde_json::from_str::<Vec<Value>>(json.get()).ok());
    let operations = operations.unwrap_or_default();
    let read = |operation: &Value| {
        let path = Pointer::parse(operation.get("path")?.as_str()?).ok()?;
        match operation.get("op")?.as_str()? {
            "add" | "replace" => Some((path, Some(operation.get("value")?.clone()))),
            "remove" => Some((path, None)),
            _ => None,
        }
    };
    operations.iter().take(MAX_OPERATIONS).filter_map(read).collect()
}

/// What is to be put into one mapping or sequence.
#[derive(Default)]
struct Parent {
    entries: Map<String, Value>,
    items: Vec<Value>,
    removed: BTreeSet<String>,
    additions: usize,
}

impl Parent {
    fn add(&mut self, key: &str, value: Option<Value>) {
        self.additions += 1;
        let Some(value) = value else {
            self.removed.insert(key.to_owned());
            return;
        };
        if key == "-" || key.bytes().all(|byte| byte.is_ascii_digit()) {
            if !self.items.contains(&value) {
                self.items.push(value);
            }
            return;
        }
        match self.entries.get_mut(key) {
            Some(known) => merge(known, value),
            None => drop(self.entries.insert(key.to_owned(), value)),
        }
    }

    fn yaml(self) -> String {
        let mut yaml = String::new();
        if !self.entries.is_empty() {
            yaml.push_str(&write_yaml(&Value::Object(self.entries)));
        }
        if !self.items.is_empty() {
            yaml.push_str(&write_yaml(&Value::Array(self.items)));
        }
        for key in &self.removed {
            yaml.push_str(&format!("# remove {}\n", visible(key)));
        }
        yaml
    }
}

/// Mappings grow together, anything else is replaced.
fn merge(known: &mut Value, new: Value) {
    match (known, new) {
        (Value::Object(known), Value::Object(new)) => {
            for (key, value) in new {
                match known.get_mut(&key) {
                    Some(known) => merge(known, value),
                    None => drop(known.insert(key, value)),
                }
            }
        }
        (known, new) => *known = new,
    }
}
