//! The findings of a report, each with what is around it.

use super::Report;
use super::order::Entry;
use crate::bundle::BundleRule;
use crate::evaluate::{DocumentVerdict, Finding};

/// A finding with what is around it.
#[derive(Clone, Copy)]
pub(super) struct Row<'r> {
    /// Index of its unit.
    pub(super) unit: usize,
    /// The document that it is about.
    pub(super) document: &'r DocumentVerdict,
    /// The rule that found it.
    pub(super) rule: &'r BundleRule,
    /// The finding.
    pub(super) finding: &'r Finding,
    /// The path of the file that it is in.
    pub(super) file: &'r str,
    /// The byte of the file at which it starts.
    pub(super) at: usize,
}

impl<'r> Row<'r> {
    /// What decides whether it is shown where not all can be.
    pub(super) fn entry(&self) -> Entry<'r> {
        let Finding { severity, confidence, .. } = *self.finding;
        Entry { rule: self.rule.id(), severity, confidence, file: self.file }
    }
}

/// The findings that count and are bad and sure enough for the report, in the order of the input.
pub(super) fn rows<'r>(report: &'r Report<'_>) -> Vec<Row<'r>> {
    of(report, |finding| finding.stands() && report.shows(finding))
}

/// The findings that an exception lifts or that are in the baseline, in the order of the input.
pub(super) fn exempt<'r>(report: &'r Report<'_>) -> Vec<Row<'r>> {
    of(report, |finding| finding.exempt.is_some() && finding.withheld.is_none() && report.shows(finding))
}

fn of<'r>(report: &'r Report<'_>, is_wanted: impl Fn(&Finding) -> bool) -> Vec<Row<'r>> {
    let mut rows = Vec::new();
    for (unit, document) in &report.result.documents {
        for (rule, finding) in document.all_findings().filter(|(_, finding)| is_wanted(finding)) {
            let sources = &report.units[*unit].sources;
            let source = sources.get(usize::from(finding.place.file)).unwrap_or(&sources[0]);
            rows.push(Row {
                unit: *unit,
                document,
                rule: &report.bundle.rules[usize::from(rule)],
                finding,
                file: &source.path,
                at: source.offset + finding.place.start as usize,
            });
        }
    }
    rows
}
