//! Which exceptions hold, and what they lift.

use super::{Covers, Exception, Grant, Ignore, Origin, Status, annotations, syntax};
use crate::bundle::{Bundle, Exemption, Ignoring, Void};
use crate::document::Document;
use crate::evaluate::verdict::{DocumentVerdict, ExemptBy, Finding, RuleOutcome};

/// A unit's verdicts, and the exceptions that stand in it.
pub(in crate::evaluate) struct Settled<'r> {
    pub(in crate::evaluate) unit: usize,
    pub(in crate::evaluate) documents: &'r mut [(usize, DocumentVerdict)],
    pub(in crate::evaluate) ignores: Vec<Ignore>,
}

/// Lifts what a unit's exceptions cover, and tells what became of each.
pub(in crate::evaluate) fn settle(bundle: &Bundle, ignoring: &Ignoring, unit: Settled<'_>) -> Vec<Exception> {
    let mut settled = Vec::with_capacity(unit.ignores.len());
    for ignore in unit.ignores {
        let (grant, problem) = match ignore.grant {
            Ok(grant) => (Some(grant), String::new()),
            Err(problem) => (None, problem),
        };
        let rule = bundle.called(&ignore.rule);
        let expired = grant.as_ref().is_some_and(|grant| has_expired(grant, ignoring.today));
        let origin = match ignore.covers {
            Covers::Part { .. } => Origin::Comment,
            Covers::Document(_) => Origin::Annotation,
        };
        let mut findings = 0;
        let documents = &mut *unit.documents;
        for finding in rule.map(|rule| covered(documents, rule, ignore.covers)).into_iter().flatten() {
            findings += 1;
            if let Some(grant) = grant.as_ref().filter(|_| !expired) {
                lift(finding, grant, origin);
            }
        }
        if ignore.borrowed {
            continue;
        }
        let status = if grant.is_none() {
            Status::Invalid
        } else if rule.is_none() && !ignoring.known.contains(&ignore.rule) {
            Status::UnknownRule
        } else if expired {
            Status::Expired
        } else if findings > 0 {
            Status::Used
        } else if rule.is_none() {
            // It is about a rule of another bundle.
            continue;
        } else {
            Status::Unused
        };
        let problem = match status {
            Status::UnknownRule => close(&ignore.rule, ignoring).unwrap_or_default(),
            _ => problem,
        };
        let grant = grant.unwrap_or(Grant { reason: String::new(), owner: None, until: None });
        let renamed_to = rule.map(|rule| bundle.rules[usize::from(rule)].id()).filter(|id| *id != ignore.rule);
        settled.push(Exception {
            renamed_to: renamed_to.map(str::to_owned),
            rule: ignore.rule,
            origin,
            place: Some((unit.unit, ignore.place)),
            elsewhere: String::new(),
            reason: grant.reason,
            owner: grant.owner,
            until: grant.until,
            status,
            problem,
            findings,
        });
    }
    settled
}

/// What may be meant by a rule that nobody knows.
fn close(rule: &str, ignoring: &Ignoring) -> Option<String> {
    let close = crate::suggest::closest(rule, ignoring.known.iter().map(String::as_str))?;
    Some(format!("did you mean `{close}`?"))
}

/// Lifts what an object's annotations cover, where nothing else of it is checked: by a server.
pub(crate) fn settle_annotations(
    bundle: &Bundle,
    document: &Document,
    outcomes: &mut [RuleOutcome],
    today: jiff::civil::Date,
) {
    for (rule, entry) in annotations(document) {
        let grant = entry.value.as_str().and_then(|text| syntax::grant(text).ok());
        let Some(grant) = grant.filter(|grant| !has_expired(grant, today)) else { continue };
        let Some(rule) = bundle.called(rule) else { continue };
        for finding in findings(outcomes, rule).filter(|finding| finding.exempt.is_none()) {
            lift(finding, &grant, Origin::Annotation);
        }
    }
}

fn has_expired(grant: &Grant, today: jiff::civil::Date) -> bool {
    grant.until.is_some_and(|until| until < today)
}

/// The findings of a rule that an exception is about and that nothing else lifts.
fn covered(
    documents: &mut [(usize, DocumentVerdict)],
    rule: u16,
    covers: Covers,
) -> impl Iterator<Item = &mut Finding> {
    let of_document = move |index: &usize| match covers {
        Covers::Document(document) => *index == document as usize,
        Covers::Part { .. } => true,
    };
    let holds = move |finding: &&mut Finding| match covers {
        Covers::Document(_) => true,
        Covers::Part { file, start, end } => finding.place.file == file && (start..end).contains(&finding.place.start),
    };
    let documents = documents.iter_mut().enumerate().filter(move |(index, _)| of_document(index));
    documents
        .flat_map(move |(_, (_, document))| findings(&mut document.outcomes, rule))
        .filter(|finding| finding.exempt.is_none())
        .filter(holds)
}

fn findings(outcomes: &mut [RuleOutcome], rule: u16) -> impl Iterator<Item = &mut Finding> {
    outcomes.iter_mut().filter(move |outcome| outcome.rule == rule).flat_map(|outcome| outcome.outcome.findings_mut())
}

fn lift(finding: &mut Finding, grant: &Grant, origin: Origin) {
    finding.exempt = Some(grant.reason.clone());
    finding.exempt_by = Some(match origin {
        Origin::Annotation => ExemptBy::Annotation,
        _ => ExemptBy::Comment,
    });
}

/// What became of the exemptions of the bundle and of the configuration.
pub(in crate::evaluate) fn of_entries(bundle: &Bundle, documents: &[(usize, DocumentVerdict)]) -> Vec<Exception> {
    let mut lifted = std::collections::HashMap::new();
    for (_, document) in documents {
        for (rule, finding) in document.all_findings() {
            if let Some(ExemptBy::Entry(entry)) = finding.exempt_by {
                *lifted.entry((entry, rule)).or_default() += 1;
            }
        }
    }
    let mut exceptions = Vec::new();
    for (index, exemption) in bundle.exemptions.iter().enumerate() {
        for name in &exemption.entry.rules {
            let Some(rule) = bundle.called(name) else { continue };
            let findings = lifted.get(&(index as u32, rule)).copied().unwrap_or(0);
            let status = if findings > 0 { Status::Used } else { Status::Unused };
            exceptions.push(of_entry(exemption, name, status, findings));
        }
    }
    for (exemption, void) in &bundle.void {
        let status = match void {
            Void::Expired => Status::Expired,
            Void::UnknownRule => Status::UnknownRule,
        };
        exceptions.extend(exemption.entry.rules.iter().map(|rule| {
            let ignoring = bundle.ignoring.as_ref().filter(|_| status == Status::UnknownRule);
            let problem = ignoring.and_then(|ignoring| close(rule, ignoring)).unwrap_or_default();
            Exception { problem, ..of_entry(exemption, rule, status.clone(), 0) }
        }));
    }
    exceptions
}

fn of_entry(exemption: &Exemption, rule: &str, status: Status, findings: usize) -> Exception {
    let entry = &exemption.entry;
    Exception {
        rule: rule.to_owned(),
        // Entries are written anew with present ids.
        renamed_to: None,
        origin: if exemption.from.configuration { Origin::Configuration } else { Origin::Bundle },
        place: None,
        elsewhere: exemption.from.place.clone(),
        reason: entry.reason.clone(),
        owner: (!entry.owner.is_empty()).then(|| entry.owner.clone()),
        until: entry.expires,
        status,
        problem: String::new(),
        findings,
    }
}
