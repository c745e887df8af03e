//! Findings in Terraform modules that are called: told once, whoever calls them.
//!
//! A module is read with those that it calls, so what is wrong with a called one is found by the module itself, by each
//! of its callers, and for each instance of a block. At one place it is one finding; the calls are its labels.

use super::related::RelatedLabel;
use super::verdict::{DocumentVerdict, Finding, Label, Place, Withheld};
use crate::document::{Document, Format, Pointer};
use crate::parse::Unit;
use std::collections::HashMap;
use std::sync::Arc;

/// Calls that are shown beside one finding.
const SHOWN: usize = 5;

/// The label of a finding that stands in a file of another module: where that is called.
pub(super) fn call(document: &Document, path: &Pointer, place: Place) -> Option<Label> {
    let directory = |file: usize| {
        let path = &document.sources.get(file)?.path;
        Some(crate::document::directory(path))
    };
    let is_called = document.format == Format::Hcl && directory(usize::from(place.file))? != directory(0)?;
    let address = addressed(path).filter(|_| is_called)?;
    let name = address.whole.strip_prefix("module.")?.split(['.', '[']).next()?;
    let call: Pointer = ["module", name].into_iter().collect();
    document.at(&call)?;
    let span = document.locate(&call).span;
    let place = Place { file: span.file, start: span.start, end: span.end, exact: true };
    Some(Label { place, text: format!("`module.{name}` calls it here") })
}

/// The address of a block: `module.storage.logs[0]`.
struct Address<'p> {
    whole: &'p str,
    /// The modules that it is in, up to its name: `module.storage.`.
    modules: &'p str,
    /// Its name without the instance: `logs`.
    name: &'p str,
    /// Its name with the instance: `logs[0]`.
    instance: &'p str,
}

/// The address of the block that a path leads into.
fn addressed(path: &Pointer) -> Option<Address<'_>> {
    let at = match path.tokens().first()?.as_str() {
        "resource" | "data" => 2,
        "module" => 1,
        _ => return None,
    };
    let address = path.tokens().get(at)?.as_str();
    // The key of an instance may hold anything: what stands in quotes is skipped.
    let (mut start, mut end, mut is_quoted, mut is_escaped) = (0, address.len(), false, false);
    for (at, byte) in address.bytes().enumerate() {
        match byte {
            b'\\' if is_quoted && !is_escaped => {
                is_escaped = true;
                continue;
            }
            b'"' if !is_escaped => is_quoted = !is_quoted,
            b'.' if !is_quoted => (start, end) = (at + 1, address.len()),
            b'[' if !is_quoted => end = at,
            _ => {}
        }
        is_escaped = false;
    }
    let (modules, instance) = address.split_at_checked(start)?;
    Some(Address { whole: address, modules, name: address.get(start..end)?, instance })
}

/// What makes two findings the same, whoever calls the module: what is wrong at which place of which file.
#[derive(PartialEq, Eq, Hash)]
struct Same {
    rule: u16,
    code: String,
    message: String,
    file: Arc<str>,
    range: (u32, u32),
    is_exempt: bool,
}

impl Same {
    fn of(unit: &Unit, rule: u16, finding: &Finding) -> Option<Self> {
        let path = Pointer::parse(&finding.path).ok()?;
        let address = addressed(&path)?;
        Some(Self {
            rule,
            code: finding.code.clone(),
            message: without_callers(&finding.message, &address),
            file: Arc::clone(&unit.sources.get(usize::from(finding.place.file))?.path),
            range: (finding.place.start, finding.place.end),
            is_exempt: finding.exempt.is_some(),
        })
    }
}

/// A message with the block by its name alone, without what calls it and the instance: whether it has the address as the
/// model does (`bucket.module.storage.logs[0]`) or as Terraform does (`module.storage.bucket.logs[0]`).
fn without_callers(message: &str, address: &Address<'_>) -> String {
    let Address { whole, modules, name, instance } = *address;
    let message = message.replace(whole, name);
    let message = if modules.is_empty() { message } else { message.replace(modules, "") };
    if instance == name { message } else { message.replace(instance, name) }
}

/// Where a finding is: the index of its document, of its outcome and its own.
type At = (usize, usize, usize);

/// Withholds what another module, or another instance, tells of the same place. The module whose file it is tells it
/// where that finds it too, else the first that calls it.
pub(super) fn tell_once(units: &[Unit], documents: &mut [(usize, DocumentVerdict)]) {
    let mut same: HashMap<Same, Vec<At>> = HashMap::new();
    for (index, (unit, document)) in documents.iter().enumerate() {
        let unit = &units[*unit];
        if !unit.is_module() {
            continue;
        }
        for (of_document, outcome) in document.outcomes.iter().enumerate() {
            for (of_outcome, finding) in outcome.outcome.findings().iter().enumerate() {
                if finding.withheld.is_none()
                    && let Some(key) = Same::of(unit, outcome.rule, finding)
                {
                    let here = (index, of_document, of_outcome);
                    same.entry(key).or_default().push(here);
                }
            }
        }
    }
    let mut groups: Vec<Vec<At>> = same.into_values().filter(|all| all.len() > 1).collect();
    groups.sort();
    for all in groups {
        let is_own = |at: &&At| {
            let (unit, _) = documents[at.0];
            finding(documents, **at).is_some_and(|finding| !units[unit].is_borrowed(finding.place.file))
        };
        let Some(kept) = all.iter().find(is_own).or(all.first()).copied() else { continue };
        let mut calls: Vec<(usize, Label)> = Vec::new();
        for at in all.iter().filter(|at| **at != kept) {
            let unit = documents[at.0].0;
            let Some(other) = finding_mut(documents, *at) else { continue };
            other.withheld = Some(Withheld::Called);
            let labels = other.labels.iter().filter(|label| label.text.ends_with("calls it here"));
            calls.extend(labels.map(|label| (unit, label.clone())));
        }
        let (unit, subject) = (documents[kept.0].0, documents[kept.0].1.subject.clone());
        let subjects: HashMap<usize, _> = calls
            .iter()
            .map(|(unit, _)| *unit)
            .filter_map(|unit| Some((unit, documents.iter().find(|(of, _)| *of == unit)?.1.subject.clone())))
            .collect();
        let Some(kept) = finding_mut(documents, kept) else { continue };
        for (of, label) in calls {
            if kept.labels.len() + kept.related.len() >= SHOWN {
                break;
            }
            if of == unit {
                if !kept.labels.contains(&label) {
                    kept.labels.push(label);
                }
                continue;
            }
            let subject = subjects.get(&of).unwrap_or(&subject).clone();
            let label = RelatedLabel::at(of, label.place, label.text, subject);
            if !kept.related.contains(&label) {
                kept.related.push(label);
            }
        }
    }
}

fn finding(documents: &[(usize, DocumentVerdict)], (document, outcome, finding): At) -> Option<&Finding> {
    documents.get(document)?.1.outcomes.get(outcome)?.outcome.findings().get(finding)
}

fn finding_mut(documents: &mut [(usize, DocumentVerdict)], (document, outcome, finding): At) -> Option<&mut Finding> {
    documents.get_mut(document)?.1.outcomes.get_mut(outcome)?.outcome.findings_mut().get_mut(finding)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::document::Source;
    use crate::evaluate::verdict::{Outcome, RuleOutcome};
    use crate::parse::Limits;

    #[test]
    fn an_address_has_a_name() {
        for (path, expected) in [
            ("/resource/bucket/logs/attributes/acl", Some("logs")),
            ("/resource/bucket/module.storage.logs", Some("logs")),
            ("/resource/bucket/module.storage[\"a.b\"].logs[\"c][.\\\"x\"]", Some("logs")),
            ("/data/region/here[0]", Some("here")),
            ("/module/module.a.b", Some("b")),
            ("/blocks/0/attributes", None),
            ("", None),
        ] {
            let path = Pointer::parse(path).unwrap();
            assert_eq!(addressed(&path).map(|address| address.name), expected, "{path}");
        }
    }

    const MODULE: &str = "variable \"acl\" {}\nresource \"bucket\" \"logs\" {\n open = true\n acl = var.acl\n}\n";

    /// The verdicts of a rule that finds something at a path of the document of each unit that has it.
    fn judged(units: &[Unit], found: &[&str]) -> Vec<(usize, DocumentVerdict)> {
        judged_as(units, found, &|_, address| address.to_owned())
    }

    /// The same, by a rule that calls a block of this type and address so.
    fn judged_as(units: &[Unit], found: &[&str], name: &dyn Fn(&str, &str) -> String) -> Vec<(usize, DocumentVerdict)> {
        let mut verdicts = Vec::new();
        for (index, unit) in units.iter().enumerate() {
            let document = unit.parse(&Limits::default()).unwrap().remove(0);
            let mut findings = Vec::new();
            for path in found {
                let pointer = Pointer::parse(path).unwrap();
                let Some(node) = document.at(&pointer) else { continue };
                let place = Place { file: node.span.file, start: node.span.start, end: node.span.end, exact: true };
                let called = name(&pointer.tokens()[1], &pointer.tokens()[2]);
                let mut finding = Finding { place, ..Finding::sample("open", path, &format!("`{called}` is open")) };
                finding.labels.extend(call(&document, &pointer, place));
                findings.push(finding);
            }
            let outcome = RuleOutcome { rule: 0, outcome: Outcome::Fail(findings) };
            let place = Place { file: 0, start: 0, end: 0, exact: true };
            let subject = document.subject.clone();
            verdicts.push((index, DocumentVerdict { subject, place, base: String::new(), outcomes: vec![outcome] }));
        }
        verdicts
    }

    /// The findings that are told: their unit, message and the places of the calls.
    fn told(units: &[Unit], documents: &[(usize, DocumentVerdict)]) -> Vec<String> {
        let shown = |unit: usize, place: Place| units[unit].sources[usize::from(place.file)].path.to_string();
        documents
            .iter()
            .flat_map(|(unit, document)| document.findings().map(move |(_, finding)| (*unit, finding)))
            .map(|(unit, finding)| {
                let own = finding.labels.iter().map(|label| format!("{} {}", shown(unit, label.place), label.text));
                let others = finding.related.iter().map(|label| {
                    let (unit, place) = label.place().unwrap();
                    format!("{} {}", shown(unit, place), label.text)
                });
                let calls = own.chain(others).collect::<Vec<_>>().join(", ");
                format!("{} {}: {calls}", shown(unit, finding.place), finding.message)
            })
            .collect()
    }

    fn units(files: &[(&str, &str)]) -> Vec<Unit> {
        Unit::terraform(files.iter().map(|(path, text)| Source::new(*path, *text)))
    }

    #[test]
    fn a_called_module_is_told_of_once() {
        let call = "module \"m\" {\n source = \"../m\"\n acl = \"public\"\n}\n";
        let twice = format!("{call}module \"again\" {{\n source = \"../m\"\n acl = \"private\"\n}}\n");
        let units = units(&[("a/main.tf", call), ("b/main.tf", &twice), ("m/main.tf", MODULE)]);
        let open = ["/resource/bucket/logs", "/resource/bucket/module.m.logs", "/resource/bucket/module.again.logs"]
            .map(|block| format!("{block}/attributes/open"));
        let mut documents = judged(&units, &open.each_ref().map(String::as_str));
        tell_once(&units, &mut documents);
        let calls = "a/main.tf `module.m` calls it here, b/main.tf `module.m` calls it here, b/main.tf `module.again` calls it here";
        assert_eq!(told(&units, &documents), [format!("m/main.tf `logs` is open: {calls}")]);
        // What only the calls have is told by the first of them.
        let mut documents = judged(&units, &open[1..].iter().map(String::as_str).collect::<Vec<_>>());
        tell_once(&units, &mut documents);
        assert_eq!(told(&units, &documents), [format!("m/main.tf `module.m.logs` is open: {calls}")]);
        // An argument is written by each caller: these are different places.
        let acl =
            ["/resource/bucket/module.m.logs/attributes/acl", "/resource/bucket/module.again.logs/attributes/acl"];
        let mut documents = judged(&units, &acl);
        tell_once(&units, &mut documents);
        assert_eq!(
            told(&units, &documents),
            [
                "a/main.tf `module.m.logs` is open: ",
                "b/main.tf `module.m.logs` is open: ",
                "b/main.tf `module.again.logs` is open: "
            ]
        );
    }

    #[test]
    fn an_address_may_be_spelled_as_terraform_does() {
        let call = |name: &str, arguments: &str| format!("module \"{name}\" {{\n source = \"../m\"\n{arguments}}}\n");
        let counted = call("many", " for_each = toset([\"x.y\", \"z\"])\n");
        let inner = "resource \"bucket\" \"logs\" {\n count = 2\n open = true\n}\n";
        let units = units(&[("a/main.tf", &call("m", "")), ("b/main.tf", &counted), ("m/main.tf", inner)]);
        let modules = ["", "module.m.", "module.many[\"x.y\"].", "module.many[\"z\"]."];
        let open: Vec<String> = modules
            .iter()
            .flat_map(|module| {
                ["[0]", "[1]"].map(|index| format!("/resource/bucket/{module}logs{index}/attributes/open"))
            })
            .collect();
        let open: Vec<&str> = open.iter().map(String::as_str).collect();
        let calls = "a/main.tf `module.m` calls it here, b/main.tf `module.many` calls it here";
        for spelled in [
            |kind: &str, address: &str| match address.rsplit_once(".logs") {
                Some((modules, index)) => format!("{modules}.{kind}.logs{index}"),
                None => format!("{kind}.{address}"),
            },
            |kind: &str, address: &str| match address.rsplit_once(".logs") {
                Some((modules, index)) => format!("{modules}.{kind}.logs{index}` and `{modules}.data.acl.a"),
                None => format!("{kind}.{address}` and `data.acl.a"),
            },
            |kind: &str, address: &str| format!("{kind}.{address}"),
        ] {
            let mut documents = judged_as(&units, &open, &spelled);
            tell_once(&units, &mut documents);
            let name = spelled("bucket", "logs[0]");
            assert_eq!(told(&units, &documents), [format!("m/main.tf `{name}` is open: {calls}")]);
        }
    }

    #[test]
    fn instances_of_a_block_are_told_of_once() {
        let text = "resource \"bucket\" \"b\" {\n for_each = toset([\"x\", \"y\"])\n open = true\n}\nresource \"bucket\" \"c\" {\n open = true\n}\n";
        let units = units(&[("main.tf", text)]);
        let open = [
            "/resource/bucket/b[\"x\"]/attributes/open",
            "/resource/bucket/b[\"y\"]/attributes/open",
            "/resource/bucket/c/attributes/open",
        ];
        let mut documents = judged(&units, &open);
        tell_once(&units, &mut documents);
        assert_eq!(told(&units, &documents), ["main.tf `b[\"x\"]` is open: ", "main.tf `c` is open: "]);
    }
}
