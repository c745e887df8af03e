//! Annotations of GitHub Actions: workflow commands, which the runner reads from the step's output.
//!
//! GitHub shows ten errors, ten warnings and ten notices of a step. So the worst finding of each rule comes first, then
//! the second of each; the rest is in the log all the same.

use super::{Grade, OutcomeName, Results, graded};
use crate::visible::visible;
use std::fmt::{self, Write as _};

/// Problems of the input, and rules that could not run, that go before findings.
const FIRST: usize = 3;
/// Exceptions that one annotation names.
const LISTED: usize = 10;

/// Writes the report.
pub fn github(results: &Results<'_>) -> String {
    let mut out = String::new();
    // Writing to a String cannot fail, here and below.
    let mut first = Vec::new();
    for error in results.standing_errors() {
        let place = error
            .location
            .as_ref()
            .map(|at| format!("file={},line={},col={},", Property(&at.file), at.line, at.column))
            .or_else(|| (!error.file.is_empty()).then(|| format!("file={},", Property(&error.file))));
        let place = place.unwrap_or_default();
        let level = if error.is_judged() { "warning" } else { "error" };
        first.push(format!("::{level} {place}title=input::{}\n", Data(&error.message)));
    }
    let (first, last) = first.split_at(first.len().min(FIRST));
    out.extend(first.iter().map(String::as_str));
    let mut failures = Vec::new();
    for document in &results.documents {
        for outcome in document.outcomes.iter().filter(|outcome| outcome.outcome == OutcomeName::Error) {
            let at = &document.location;
            let (file, rule) = (Property(&at.file), Property(&outcome.rule));
            let reason = format!("the rule failed: {}", outcome.reason.as_deref().unwrap_or_default());
            failures.push(format!("::error file={file},line={},title={rule}::{}\n", at.line, Data(&reason)));
        }
    }
    let (first, failures) = failures.split_at(failures.len().min(FIRST));
    out.extend(first.iter().map(String::as_str));
    exceptions(results, &mut out);
    for (document, outcome, finding) in results.chosen_first() {
        let kind = match Grade::of(finding.severity, finding.enforcement) {
            Grade::Error => "error",
            Grade::Warning => "warning",
            Grade::Note => "notice",
        };
        let at = &finding.location;
        let _ = write!(out, "::{kind} file={},line={},endLine={}", Property(&at.file), at.line, at.end_line);
        // GitHub takes columns only within one line.
        if at.line == at.end_line {
            let _ = write!(out, ",col={},endColumn={}", at.column, at.end_column);
        }
        let title = format!("{} ({})", outcome.rule, graded(finding.severity, finding.confidence));
        let message = format!("{}: {}", document.subject, finding.message);
        let _ = writeln!(out, ",title={}::{}", Property(&title), Data(&message));
    }
    out.extend(last.iter().chain(failures).map(String::as_str));
    out
}

/// One annotation for all exceptions that somebody should look at, and one that counts what is exempt: they take no
/// place from findings.
fn exceptions(results: &Results<'_>, out: &mut String) {
    let said = results.exceptions.iter().flat_map(|exception| {
        exception.said().into_iter().map(move |said| (exception, format!("{}: {said}", exception.written_at())))
    });
    let said: Vec<_> = said.collect();
    if let Some((exception, _)) = said.first() {
        let at = exception.location.as_ref();
        let place = at.map(|at| format!("file={},line={},", Property(&at.file), at.line)).unwrap_or_default();
        let mut lines: Vec<&str> = said.iter().take(LISTED).map(|(_, line)| line.as_str()).collect();
        let more = format!("and {} more", said.len().saturating_sub(LISTED));
        lines.extend((said.len() > LISTED).then_some(more.as_str()));
        let _ = writeln!(out, "::warning {place}title=exceptions::{}", Lines(&lines));
    }
    let counts = &results.summary;
    let parts = [(counts.exempt, "exempt"), (counts.baseline, "in the baseline")];
    let parts: Vec<String> =
        parts.iter().filter(|(count, _)| *count > 0).map(|(count, what)| format!("{count} {what}")).collect();
    if !parts.is_empty() {
        let _ = writeln!(out, "::notice title=exceptions::findings that do not count: {}", parts.join("; "));
    }
}

/// Several lines of data.
struct Lines<'t>(&'t [&'t str]);

impl fmt::Display for Lines<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, line) in self.0.iter().enumerate() {
            write!(f, "{}{}", if index > 0 { "%0A" } else { "" }, Data(line))?;
        }
        Ok(())
    }
}

/// What stands behind `::`.
struct Data<'t>(&'t str);

/// The value of a property.
struct Property<'t>(&'t str);

impl fmt::Display for Data<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        escape(self.0, &['%', '\r', '\n'], f)
    }
}

impl fmt::Display for Property<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        escape(self.0, &['%', '\r', '\n', ':', ','], f)
    }
}

fn escape(text: &str, special: &[char], f: &mut fmt::Formatter<'_>) -> fmt::Result {
    for letter in visible(text).chars() {
        match letter {
            letter if special.contains(&letter) => write!(f, "%{:02X}", u32::from(letter))?,
            letter => f.write_char(letter)?,
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn properties_and_data_are_escaped_as_the_runner_reads_them() {
        assert_eq!(Property("a,b:c%").to_string(), "a%2Cb%3Ac%25");
        assert_eq!(Data("100 %: a, b").to_string(), "100 %25: a, b");
    }

    proptest! {
        #[test]
        fn no_text_starts_a_command_of_its_own(text in any::<String>()) {
            prop_assert!(!Data(&text).to_string().contains(['\n', '\r']));
            prop_assert!(!Property(&text).to_string().contains(['\n', '\r', ':', ',']));
        }
    }
}
