//! Telling once what several renderings have: a fault of a template is there with every values file.

use crate::document::{Rendering, Subject};
use crate::evaluate::{Exception, Place, RunResult, Status, Withheld};
use crate::parse::Unit;
use std::collections::HashMap;
use std::sync::Arc;

/// Renderings that a message names.
const NAMED: usize = 5;

/// What makes two findings the same, apart from the rendering: what is wrong with which part of which object of which
/// file. Its line may be certain in one rendering and not in another. Of findings that are alike within one rendering, the
/// first is the same as the first of another one, and so on.
#[derive(PartialEq, Eq, Hash, Clone)]
struct Same {
    rule: u16,
    code: String,
    message: String,
    stable_path: String,
    subject: Subject,
    file: Arc<str>,
    is_exempt: bool,
}

/// Where a finding is: the index of its document, of its outcome and its own.
type At = (usize, usize, usize);

/// Says of every finding which renderings have it, and withholds it where another one tells it. Exceptions that stand
/// in what was rendered several times are told once too.
pub(super) fn merge(units: &[Unit], result: &mut RunResult) {
    let mut told: HashMap<(Same, usize), At> = HashMap::new();
    let mut renderings: HashMap<At, Vec<Arc<Rendering>>> = HashMap::new();
    let mut seen: HashMap<(Same, *const Rendering), usize> = HashMap::new();
    for (index, (unit, document)) in result.documents.iter_mut().enumerate() {
        let Some(rendering) = &units[*unit].rendered else { continue };
        for (of_document, outcome) in document.outcomes.iter_mut().enumerate() {
            for (of_outcome, finding) in outcome.outcome.findings_mut().iter_mut().enumerate() {
                if finding.withheld.is_some() {
                    continue;
                }
                let same = Same {
                    rule: outcome.rule,
                    code: finding.code.clone(),
                    message: finding.message.clone(),
                    stable_path: finding.stable_path.clone(),
                    subject: document.subject.clone(),
                    file: Arc::clone(&units[*unit].sources[0].path),
                    is_exempt: finding.exempt.is_some(),
                };
                let count = seen.entry((same.clone(), Arc::as_ptr(rendering))).or_default();
                let here = (index, of_document, of_outcome);
                let first = *told.entry((same, *count)).or_insert(here);
                *count += 1;
                renderings.entry(first).or_default().push(Arc::clone(rendering));
                if first != here {
                    finding.withheld = Some(Withheld::Rendered);
                }
            }
        }
    }
    for ((document, outcome, finding), renderings) in renderings {
        let outcome = &mut result.documents[document].1.outcomes[outcome];
        if let Some(finding) = outcome.outcome.findings_mut().get_mut(finding) {
            finding.message.push_str(&named(&renderings));
            finding.renderings = renderings;
        }
    }
    merge_exceptions(units, &mut result.exceptions);
}

/// The renderings that have a finding, as its message names them.
fn named(renderings: &[Arc<Rendering>]) -> String {
    let names: Vec<String> = renderings.iter().take(NAMED).map(|rendering| format!("`{}`", rendering.name)).collect();
    let more = match renderings.len().saturating_sub(NAMED) {
        0 => String::new(),
        more => format!(" and {more} more"),
    };
    format!(" (in {}{more})", names.join(", "))
}

/// What makes two exceptions the same: the rule, the file and the place that it is written at, and the reason.
type Written = (String, Arc<str>, (u32, u32), String);

/// Keeps of the exceptions that stand at one place the one that lifts something, if any does.
fn merge_exceptions(units: &[Unit], exceptions: &mut Vec<Exception>) {
    let mut kept: HashMap<Written, usize> = HashMap::new();
    let mut merged: Vec<Exception> = Vec::with_capacity(exceptions.len());
    for exception in exceptions.drain(..) {
        let Some((unit, Place { start, end, .. })) = exception.place else {
            merged.push(exception);
            continue;
        };
        let file = Arc::clone(&units[unit].sources[0].path);
        let key = (exception.rule.clone(), file, (start, end), exception.reason.clone());
        match kept.get(&key) {
            Some(index) => {
                let known = &mut merged[*index];
                known.findings += exception.findings;
                if known.status == Status::Unused {
                    known.status = exception.status;
                }
            }
            None => {
                kept.insert(key, merged.len());
                merged.push(exception);
            }
        }
    }
    *exceptions = merged;
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::document::{RenderTool, Source};
    use crate::evaluate::{DocumentVerdict, Finding, Outcome, RuleOutcome};
    use crate::parse::{Form, Scalars};

    fn verdict(unit: usize, findings: &[(&str, u32)]) -> (usize, DocumentVerdict) {
        let place = |start| Place { file: 0, start, end: start, exact: true };
        let finding = |(message, start): &(&str, u32)| Finding {
            place: place(*start),
            ..Finding::sample("bad", "/spec", message)
        };
        let outcome = Outcome::Fail(findings.iter().map(finding).collect());
        let outcomes = vec![RuleOutcome { rule: 0, outcome }];
        (unit, DocumentVerdict { subject: Subject::default(), place: place(0), base: String::new(), outcomes })
    }

    #[test]
    fn a_finding_of_several_renderings_is_told_once_with_their_names() {
        let rendering = |values| Arc::new(Rendering::new(RenderTool::Helm, "web", values));
        let renderings = [rendering(None), rendering(Some("web/values-a.yaml")), rendering(Some("web/values-b.yaml"))];
        let unit = |rendering: &Arc<Rendering>| {
            Unit::new(Form::Yaml(Scalars::Kubernetes), Source::new("web/templates/a.yaml", "x")).rendered_by(rendering)
        };
        let units: Vec<Unit> = renderings.iter().map(unit).collect();
        let mut result = RunResult {
            documents: vec![
                verdict(0, &[("m", 1), ("m", 1)]),
                verdict(1, &[("m", 2), ("other", 1)]),
                verdict(2, &[("m", 1), ("m", 1)]),
            ],
            ..RunResult::default()
        };
        merge(&units, &mut result);
        let told: Vec<&str> = result.documents.iter().flat_map(|it| it.1.findings()).map(|it| &*it.1.message).collect();
        assert_eq!(
            told,
            [
                "m (in `chart web`, `chart web with values-a.yaml`, `chart web with values-b.yaml`)",
                "m (in `chart web`, `chart web with values-b.yaml`)",
                "other (in `chart web with values-a.yaml`)",
            ]
        );
        assert!(!result.documents[2].1.outcomes[0].outcome.is_pass(), "it is told elsewhere, and no pass");
    }
}
