//! A table of the rules that found something, by severity.

use super::heading;
use crate::manifest::{Confidence, Severity};
use crate::report::SEVERITIES;
use crate::report::frame::Style;
use crate::report::row::Row;
use crate::visible::visible;
use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;

/// What a rule found.
struct Found<'r> {
    by_severity: [usize; 5],
    worst: (Severity, Confidence),
    files: BTreeSet<&'r str>,
    fixable: usize,
}

/// Writes the table: the worst rules first, then the surest, then those with findings in the most files.
pub(super) fn table(rows: &[Row<'_>], style: Style, out: &mut String) {
    if rows.is_empty() {
        return;
    }
    let mut of_rules: BTreeMap<&str, Found<'_>> = BTreeMap::new();
    for row in rows {
        let grade = (row.finding.severity, row.finding.confidence);
        let found = of_rules.entry(row.rule.id()).or_insert_with(|| Found {
            by_severity: [0; 5],
            worst: grade,
            files: BTreeSet::new(),
            fixable: 0,
        });
        found.by_severity[4 - grade.0 as usize] += 1;
        found.worst = found.worst.max(grade);
        found.files.insert(row.file);
        found.fixable += usize::from(row.finding.fix.as_ref().is_some_and(|fix| fix.safe));
    }
    let mut found: Vec<(&str, Found<'_>)> = of_rules.into_iter().collect();
    found.sort_by_key(|(rule, it)| (Reverse((it.worst, it.files.len(), it.by_severity)), *rule));
    let used: Vec<usize> = (0..5).filter(|at| found.iter().any(|(_, it)| it.by_severity[*at] > 0)).collect();
    let mut titles: Vec<&str> = used.iter().map(|at| SEVERITIES[*at]).collect();
    titles.push("files");
    if found.iter().any(|(_, it)| it.fixable > 0) {
        titles.push("--fix");
    }
    let rules = found.iter().map(|(rule, it)| {
        let mut cells: Vec<usize> = used.iter().map(|at| it.by_severity[*at]).collect();
        cells.extend([it.files.len(), it.fixable]);
        (visible(rule), cells)
    });
    let rules: Vec<_> = rules.collect();
    let width = rules.iter().map(|(rule, _)| rule.chars().count()).max().unwrap_or_default().max("rule".len());
    let columns: Vec<usize> = (0..titles.len())
        .map(|at| rules.iter().map(|(_, cells)| cells[at].to_string().len()).max().unwrap_or(0).max(titles[at].len()))
        .collect();
    let mut head = format!("{:width$}", "rule");
    for (title, width) in titles.iter().zip(&columns) {
        // Writing to a String cannot fail, here and below.
        let _ = write!(head, "  {title:>width$}");
    }
    let _ = writeln!(out, "{}", heading(&head, style));
    for (rule, cells) in &rules {
        let _ = write!(out, "{rule:width$}");
        for (cell, width) in cells.iter().zip(&columns) {
            let cell = if *cell == 0 { "·".to_owned() } else { cell.to_string() };
            let _ = write!(out, "  {cell:>width$}");
        }
        out.push('\n');
    }
    out.push('\n');
}
