//! What an editor is told of an evaluation: diagnostics, documentation, fixes.

use super::text::Text;
use super::workspace::uri_beside;
use crate::baseline::{Baseline, Evaluated as Looked};
use crate::bundle::{Bundle, Enforcement, Level};
use crate::document::Source;
use crate::evaluate::{DocumentVerdict, ExemptBy, Finding, Place, RunResult, Secrets, Session, Status, mask_messages};
use crate::fix::{self, Extent};
use crate::manifest::{Confidence, Severity};
use crate::parse::Unit;
use crate::report;
use crate::sets::Surroundings;
use crate::visible::{visible, visible_lines};
use lsp_types::{
    Diagnostic, DiagnosticRelatedInformation, DiagnosticSeverity, DiagnosticTag, Hover, HoverContents, Location,
    MarkupContent, MarkupKind, NumberOrString, Range, TextEdit, Uri,
};
use std::ops;

/// Diagnostics of one file; an editor shows no more either.
const DIAGNOSTICS: usize = 1000;
/// Rules that one hover explains.
const EXPLAINED: usize = 3;

/// What the last evaluation came to.
#[derive(Default)]
pub(super) struct Evaluated {
    pub(super) units: Vec<Unit>,
    pub(super) result: RunResult,
    pub(super) secrets: Secrets,
    level: Level,
}

/// A finding in a file.
pub(super) struct Found<'e> {
    pub(super) unit: &'e Unit,
    pub(super) document: &'e DocumentVerdict,
    pub(super) rule: u16,
    pub(super) finding: &'e Finding,
    /// Bytes of the file.
    pub(super) bytes: ops::Range<usize>,
}

impl Evaluated {
    /// What a run over units came to, of which what is bad and sure enough is told, and not in the baseline.
    pub(super) fn new(
        units: Vec<Unit>,
        mut result: RunResult,
        bundle: &Bundle,
        level: Level,
        baseline: Option<&Baseline>,
    ) -> Self {
        let secrets = Secrets::of(&units, &result);
        mask_messages(&secrets, &units, &mut result);
        if let Some(baseline) = baseline {
            baseline.apply(bundle, &mut result, Looked { units: &units, problems: &[] });
        }
        Self { units, result, secrets, level }
    }

    /// The findings in a file.
    pub(super) fn found<'e>(&'e self, path: &'e str) -> impl Iterator<Item = Found<'e>> {
        self.result.documents.iter().flat_map(move |(unit, document)| {
            let unit = &self.units[*unit];
            let told =
                document.findings().filter(|(_, finding)| self.level.includes(finding.severity, finding.confidence));
            told.filter_map(move |(rule, finding)| {
                let bytes = bytes(unit, &finding.place, path)?;
                Some(Found { unit, document, rule, finding, bytes })
            })
        })
    }

    /// Everything to be said of a file.
    pub(super) fn diagnostics(&self, path: &str, uri: &Uri, text: &Text, bundle: &Bundle) -> Vec<Diagnostic> {
        let mut diagnostics = Vec::new();
        for found in self.result.problems(&self.units) {
            let Some(at) = found.place else { continue };
            let start = at.at as u32;
            let place = Place { file: at.file, start, end: start, exact: true };
            if let Some(bytes) = bytes(&self.units[at.unit], &place, path) {
                let range = text.range(bytes.start..text.character_end(bytes.start));
                let severity = match found.kind.is_judged() {
                    true => DiagnosticSeverity::WARNING,
                    false => DiagnosticSeverity::ERROR,
                };
                diagnostics.push(problem(range, severity, found.kind.as_str(), visible(&found.message).into_owned()));
            }
        }
        for (unit, document) in &self.result.documents {
            for (rule, failure) in document.errors() {
                if let Some(bytes) = bytes(&self.units[*unit], &document.place, path) {
                    let id = bundle.rules[usize::from(rule)].id();
                    let message = format!("the rule failed on {}: {failure}", document.subject);
                    let message = visible(&message).into_owned();
                    diagnostics.push(problem(text.range(bytes), DiagnosticSeverity::ERROR, id, message));
                }
            }
        }
        for exception in &self.result.exceptions {
            let place = exception.place.and_then(|(unit, place)| bytes(&self.units[unit], &place, path));
            let Some(at) = place else { continue };
            for said in report::said(exception) {
                let message = visible(&said).into_owned();
                let mut told = problem(text.range(at.clone()), DiagnosticSeverity::WARNING, "exception", message);
                // An editor shows it as what is not needed.
                told.tags = (exception.status == Status::Unused).then(|| vec![DiagnosticTag::UNNECESSARY]);
                diagnostics.push(told);
            }
        }
        let file = File { path, uri, text };
        let findings = self.found(path).map(|found| diagnostic(&found, &self.units, &file, bundle));
        diagnostics.extend(findings);
        diagnostics.extend(self.exempt(path, text, bundle));
        diagnostics.truncate(DIAGNOSTICS);
        diagnostics
    }

    /// What an exception lifts, as hints: few editors do more than underline them faintly. What the baseline knows is not told.
    fn exempt(&self, path: &str, text: &Text, bundle: &Bundle) -> Vec<Diagnostic> {
        let mut hints = Vec::new();
        for (unit, document) in &self.result.documents {
            for (rule, finding) in document.all_findings().filter(|(_, finding)| finding.withheld.is_none()) {
                let shown = self.level.includes(finding.severity, finding.confidence)
                    && finding.exempt_by != Some(ExemptBy::Baseline);
                let Some(reason) = finding.exempt.as_ref().filter(|_| shown) else { continue };
                let Some(bytes) = bytes(&self.units[*unit], &finding.place, path) else { continue };
                let message = format!("exempt, {}\n{}", visible(reason), visible(&finding.message));
                let id = bundle.rules[usize::from(rule)].id();
                hints.push(problem(text.range(bytes), DiagnosticSeverity::HINT, id, message));
            }
        }
        hints
    }

    /// The documentation of the rules whose findings are at a place.
    pub(super) fn hover(&self, path: &str, at: usize, text: &Text, bundle: &Bundle) -> Option<Hover> {
        let mut rules: Vec<u16> = Vec::new();
        let mut parts: Vec<String> = Vec::new();
        let mut range = None;
        for found in self.found(path).filter(|found| found.bytes.start <= at && at <= found.bytes.end) {
            if rules.contains(&found.rule) || rules.len() == EXPLAINED {
                continue;
            }
            rules.push(found.rule);
            range = range.or(Some(text.range(found.bytes)));
            parts.push(report::explain(&bundle.rules[usize::from(found.rule)].source.manifest, "## "));
        }
        let value = parts.join("\n---\n\n");
        let contents = HoverContents::Markup(MarkupContent { kind: MarkupKind::Markdown, value });
        (!rules.is_empty()).then_some(Hover { contents, range })
    }
}

impl Found<'_> {
    /// The edits that the finding's fix comes to.
    ///
    /// # Errors
    /// Says why there is none.
    pub(super) fn edits(
        &self,
        text: &Text,
        path: &str,
        session: &Session,
        secrets: &Secrets,
    ) -> Result<Option<Vec<TextEdit>>, String> {
        let Some(fix) = &self.finding.fix else { return Ok(None) };
        let slots = fix::fix_one(self.unit, self.document, fix, session.limits())?;
        // A fix that changes another file of a module too is not offered: half of it would be applied.
        let others = slots.iter().flat_map(|slot| slot.unit.sources.iter()).filter(|source| *source.path != *path);
        let same = |new: &Source| self.unit.sources.iter().any(|old| old.path == new.path && old.text == new.text);
        Ok(if others.into_iter().all(same) { edits(&slots, text, path, secrets) } else { None })
    }
}

/// The edits that all safe fixes of a file come to.
pub(super) fn fix_all(
    evaluated: &Evaluated,
    (text, path): (&Text, &str),
    session: &Session,
    surroundings: &Surroundings,
) -> Option<Vec<TextEdit>> {
    let of_file = |unit: &Unit| unit.sources.iter().any(|source| *source.path == *path);
    let given = (session.limits(), surroundings);
    let fixed = fix::fix_where(session.judge(), evaluated.units.clone(), given, Extent::Safe, of_file);
    let slots: Vec<fix::Slot> = fixed.slots.into_iter().filter(|slot| of_file(&slot.unit)).collect();
    edits(&slots, text, path, &evaluated.secrets)
}

/// Slots as edits of one file's text.
fn edits(slots: &[fix::Slot], text: &Text, path: &str, secrets: &Secrets) -> Option<Vec<TextEdit>> {
    let own = |name: &str| (name == path).then(|| text.as_str().to_owned());
    fix::changed_files(slots, own).remove(path).map(|new| text.edits_to(&new, secrets))
}

/// The bytes of a file that a place is; `None` when it is in another file.
fn bytes(unit: &Unit, place: &Place, path: &str) -> Option<ops::Range<usize>> {
    let source = unit.sources.get(usize::from(place.file)).filter(|source| *source.path == *path)?;
    Some(source.offset + place.start as usize..source.offset + place.end as usize)
}

/// A file that an editor shows.
struct File<'f> {
    path: &'f str,
    uri: &'f Uri,
    text: &'f Text,
}

impl File<'_> {
    /// A place of a unit in this file.
    fn location(&self, unit: &Unit, place: &Place) -> Option<Location> {
        Some(Location { uri: self.uri.clone(), range: self.text.range(bytes(unit, place, self.path)?) })
    }

    /// A place of a unit in this file or another one.
    fn location_beside(&self, unit: &Unit, place: &Place) -> Option<Location> {
        if let Some(here) = self.location(unit, place) {
            return Some(here);
        }
        let source = unit.sources.get(usize::from(place.file))?;
        let mut range = Text::new(source.text.to_string()).range(place.start as usize..place.end as usize);
        for position in [&mut range.start, &mut range.end] {
            position.line += source.lines_before as u32;
        }
        Some(Location { uri: uri_beside(self.uri, self.path, &source.path)?, range })
    }
}

fn diagnostic(found: &Found<'_>, units: &[Unit], file: &File<'_>, bundle: &Bundle) -> Diagnostic {
    let rule = &bundle.rules[usize::from(found.rule)];
    let finding = found.finding;
    let severity = match (finding.enforcement, finding.severity) {
        (Enforcement::Audit, _) | (_, Severity::Info) => DiagnosticSeverity::INFORMATION,
        _ if finding.confidence == Confidence::Guess => DiagnosticSeverity::INFORMATION,
        (Enforcement::Deny, severity) if severity >= Severity::High => DiagnosticSeverity::ERROR,
        _ => DiagnosticSeverity::WARNING,
    };
    let told = |location, text: &str| DiagnosticRelatedInformation { location, message: visible(text).into_owned() };
    let own = finding.labels.iter();
    let own = own.filter_map(|label| Some(told(file.location(found.unit, &label.place)?, &label.text)));
    let others = finding.related.iter().filter_map(|label| {
        let (unit, place) = label.place()?;
        let location = file.location_beside(units.get(unit)?, &place)?;
        Some(told(location, &format!("{}: {}", label.subject, label.text)))
    });
    let labels: Vec<_> = own.chain(others).collect();
    let unsure = match finding.confidence {
        Confidence::Certain => String::new(),
        confidence => format!(" ({confidence})"),
    };
    let (message, fix) = (visible(&finding.message), rule.source.manifest.fix_line());
    let message = format!("{message}{unsure}\n{}", visible(&fix));
    Diagnostic {
        related_information: (!labels.is_empty()).then_some(labels),
        ..problem(file.text.range(found.bytes.clone()), severity, rule.id(), message)
    }
}

pub(super) fn problem(range: Range, severity: DiagnosticSeverity, code: &str, message: String) -> Diagnostic {
    Diagnostic {
        range,
        severity: Some(severity),
        code: Some(NumberOrString::String(visible(code).into_owned())),
        source: Some("policy-host".to_owned()),
        // The lines of ours are left.
        message: visible_lines(&message).into_owned(),
        ..Diagnostic::default()
    }
}
