//! A line a finding, as compilers write them and editors read them. What is exempt follows, one line each as well; what the
//! baseline knows is only counted.

use super::Results;
use super::text::counted;
use crate::visible::{visible, visible_lines};
use std::fmt::Write as _;

/// Writes the report.
pub fn concise(results: &Results<'_>) -> String {
    let mut out = String::new();
    // Writing to a String cannot fail, here and below.
    for error in results.standing_errors() {
        if let Some(at) = &error.location {
            let _ = write!(out, "{}:{}:{}: ", visible(&at.file), at.line, at.column);
        }
        let level = if error.is_judged() { "warning" } else { "error" };
        let _ = writeln!(out, "{level} {}", visible(&error.message));
    }
    for document in &results.documents {
        for outcome in &document.outcomes {
            if let (super::OutcomeName::Error, Some(reason)) = (outcome.outcome, &outcome.reason) {
                let at = &document.location;
                let (file, reason) = (visible(&at.file), visible(reason));
                let _ = writeln!(out, "{file}:{}:{}: error {} {reason}", at.line, at.column, visible(&outcome.rule));
            }
            for finding in outcome.findings.iter().filter(|finding| finding.exempt.is_none()) {
                let at = &finding.location;
                let (file, message) = (visible(&at.file), visible(&finding.message));
                let severity = finding.severity;
                let rule = visible(&outcome.rule);
                let _ = writeln!(out, "{file}:{}:{}: {severity} {rule} {message}", at.line, at.column);
            }
        }
    }
    exceptions(results, &mut out);
    visible_lines(&out).into_owned()
}

fn exceptions(results: &Results<'_>, out: &mut String) {
    for exception in &results.exceptions {
        for said in exception.said() {
            let _ = writeln!(out, "{}: warning exception {}", visible(&exception.written_at()), visible(&said));
        }
    }
    for (_, outcome, finding) in results.exempt().filter(|(_, _, finding)| !finding.is_in_baseline()) {
        let at = &finding.location;
        let (file, message) = (visible(&at.file), visible(&finding.message));
        let (rule, why) = (visible(&outcome.rule), finding.exemption());
        let _ = writeln!(out, "{file}:{}:{}: exempt {rule} {message} ({})", at.line, at.column, visible(&why));
    }
    if results.summary.baseline > 0 {
        let _ = writeln!(out, "note: {} in the baseline", counted(results.summary.baseline, "finding"));
    }
}
