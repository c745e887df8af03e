//! JUnit XML as GitLab and Jenkins read it: a suite for each file, a case for each rule and document.
//!
//! What a pipeline would not fail on (a finding that the bundle does not deny) is a passed case that says it.

use super::{DocumentResult, FindingResult, OutcomeName, OutcomeResult, Results, Rule, graded};
use crate::bundle::Enforcement;
use crate::visible::{visible, visible_lines};
use quick_xml::Writer;
use quick_xml::escape::escape;
use quick_xml::events::{BytesDecl, BytesEnd, BytesStart, BytesText, Event};
use std::collections::HashMap;
use std::fmt::Write as _;
use std::io;

/// Writes the report.
///
/// # Errors
/// Never: memory takes everything.
pub fn junit(results: &Results<'_>) -> io::Result<String> {
    let rules: HashMap<&str, &Rule<'_>> = results.rules.iter().map(|rule| (&*rule.id, rule)).collect();
    let mut suites: Vec<Suite<'_>> = Vec::new();
    let mut by_file: HashMap<&str, usize> = HashMap::new();
    for error in results.standing_errors() {
        let file = error.location.as_ref().map_or(&*error.file, |at| &at.file);
        let file = if file.is_empty() { "input" } else { file };
        let line = error.location.as_ref().map(|at| at.line);
        let case = Case {
            name: "readable".to_owned(),
            class: "input".to_owned(),
            line,
            verdict: match error.is_judged() {
                true => Verdict::Told(visible(&error.message).into_owned()),
                false => Verdict::Error(visible(&error.message).into_owned()),
            },
        };
        suite(&mut suites, &mut by_file, file).cases.push(case);
    }
    for document in &results.documents {
        let suite = suite(&mut suites, &mut by_file, &document.location.file);
        let subject = document.subject.to_string();
        suite.cases.extend(document.outcomes.iter().filter_map(|outcome| case(document, &subject, outcome, &rules)));
    }
    for exception in &results.exceptions {
        let said = exception.said();
        if said.is_empty() {
            continue;
        }
        let file = exception.location.as_ref().map_or("exceptions", |at| &at.file);
        let text: Vec<String> =
            said.iter().map(|said| visible(&format!("{}: {said}", exception.written_at())).into_owned()).collect();
        let case = Case {
            name: format!("exception from {}", exception.rule),
            class: "exceptions".to_owned(),
            line: exception.location.as_ref().map(|at| at.line),
            verdict: Verdict::Told(text.join("\n")),
        };
        suite(&mut suites, &mut by_file, file).cases.push(case);
    }
    suites.retain(|suite| !suite.cases.is_empty());
    write(&suites)
}

struct Suite<'r> {
    file: &'r str,
    cases: Vec<Case>,
}

struct Case {
    name: String,
    class: String,
    line: Option<usize>,
    verdict: Verdict,
}

enum Verdict {
    Passed,
    /// Passed, and something to say.
    Told(String),
    Skipped(String),
    Failed {
        message: String,
        severity: String,
        text: String,
    },
    Error(String),
}

fn suite<'s, 'r>(
    suites: &'s mut Vec<Suite<'r>>,
    by_file: &mut HashMap<&'r str, usize>,
    file: &'r str,
) -> &'s mut Suite<'r> {
    let index = *by_file.entry(file).or_insert_with(|| {
        suites.push(Suite { file, cases: Vec::new() });
        suites.len() - 1
    });
    &mut suites[index]
}

/// `None` where the rule has nothing to say.
fn case(
    document: &DocumentResult<'_>,
    subject: &str,
    outcome: &OutcomeResult<'_>,
    rules: &HashMap<&str, &Rule<'_>>,
) -> Option<Case> {
    let rule = rules.get(&*outcome.rule).copied();
    let reason = || visible(outcome.reason.as_deref().unwrap_or_default()).into_owned();
    let (exempt, counted): (Vec<_>, Vec<_>) = outcome.findings.iter().partition(|finding| finding.exempt.is_some());
    let verdict = match outcome.outcome {
        OutcomeName::NotApplicable => return None,
        OutcomeName::Pass => Verdict::Passed,
        OutcomeName::NotEvaluated => Verdict::Skipped(reason()),
        OutcomeName::Error => Verdict::Error(reason()),
        OutcomeName::Fail => match (counted.first(), exempt.first()) {
            (Some(first), _) if counted.iter().any(|finding| finding.enforcement == Enforcement::Deny) => {
                Verdict::Failed {
                    message: first.message.to_string(),
                    severity: first.severity.to_string(),
                    text: details(&counted, &exempt, rule),
                }
            }
            (Some(_), _) => Verdict::Told(details(&counted, &exempt, rule)),
            (None, Some(_)) => {
                Verdict::Skipped(exempt.iter().map(|finding| lifted(finding)).collect::<Vec<_>>().join("\n"))
            }
            (None, None) if outcome.covered > 0 => Verdict::Skipped("the finding of another rule covers it".to_owned()),
            // All of them are below `--min-severity` or `--min-confidence`.
            (None, None) => Verdict::Passed,
        },
    };
    let pack = rule.map_or("", |rule| &rule.pack);
    let class = if pack.is_empty() { outcome.rule.to_string() } else { format!("{pack}.{}", outcome.rule) };
    let line = counted.first().map_or(document.location.line, |finding| finding.location.line);
    Some(Case { name: format!("{}: {subject}", outcome.rule), class, line: Some(line), verdict })
}

/// A finding that does not count, and why.
fn lifted(finding: &FindingResult<'_>) -> String {
    let at = &finding.location;
    let (file, message) = (visible(&at.file), visible(&finding.message));
    format!("exempt: {file}:{}:{}: {message} ({})", at.line, at.column, visible(&finding.exemption()))
}

fn details(findings: &[&FindingResult<'_>], exempt: &[&FindingResult<'_>], rule: Option<&Rule<'_>>) -> String {
    let mut text = String::new();
    // Writing to a String cannot fail, here and below.
    for finding in findings {
        let at = &finding.location;
        let grade = graded(finding.severity, finding.confidence);
        let (file, message) = (visible(&at.file), visible(&finding.message));
        let _ = writeln!(text, "{file}:{}:{}: {grade}: {message}", at.line, at.column);
    }
    for finding in exempt {
        let _ = writeln!(text, "{}", lifted(finding));
    }
    if let Some(rule) = rule {
        let _ = write!(text, "\nWhy: {}\n\nFix: {}\n", rule.why, rule.fix);
    }
    text
}

fn write(suites: &[Suite<'_>]) -> io::Result<String> {
    let mut xml = Writer::new_with_indent(Vec::new(), b' ', 1);
    xml.write_event(Event::Decl(BytesDecl::new("1.0", Some("UTF-8"), None)))?;
    let mut root = BytesStart::new("testsuites");
    attribute(&mut root, "name", "policy-host");
    counts(&mut root, suites.iter().flat_map(|suite| &suite.cases));
    xml.write_event(Event::Start(root))?;
    for suite in suites {
        let mut start = BytesStart::new("testsuite");
        attribute(&mut start, "name", suite.file);
        counts(&mut start, suite.cases.iter());
        xml.write_event(Event::Start(start))?;
        for case in &suite.cases {
            write_case(&mut xml, suite.file, case)?;
        }
        xml.write_event(Event::End(BytesEnd::new("testsuite")))?;
    }
    xml.write_event(Event::End(BytesEnd::new("testsuites")))?;
    let mut text = String::from_utf8(xml.into_inner()).map_err(io::Error::other)?;
    text.push('\n');
    Ok(visible_lines(&text).into_owned())
}

fn counts<'c>(element: &mut BytesStart<'_>, cases: impl Iterator<Item = &'c Case>) {
    let (mut tests, mut failures, mut errors, mut skipped) = (0_usize, 0_usize, 0_usize, 0_usize);
    for case in cases {
        tests += 1;
        match case.verdict {
            Verdict::Failed { .. } => failures += 1,
            Verdict::Error(_) => errors += 1,
            Verdict::Skipped(_) => skipped += 1,
            Verdict::Passed | Verdict::Told(_) => {}
        }
    }
    for (name, count) in [("tests", tests), ("failures", failures), ("errors", errors), ("skipped", skipped)] {
        attribute(element, name, &count.to_string());
    }
}

fn write_case(xml: &mut Writer<Vec<u8>>, file: &str, case: &Case) -> io::Result<()> {
    let mut start = BytesStart::new("testcase");
    attribute(&mut start, "classname", &case.class);
    attribute(&mut start, "name", &case.name);
    attribute(&mut start, "file", file);
    if let Some(line) = case.line {
        attribute(&mut start, "line", &line.to_string());
    }
    let (element, text) = match &case.verdict {
        Verdict::Passed => return xml.write_event(Event::Empty(start)),
        Verdict::Told(text) => (BytesStart::new("system-out"), text),
        Verdict::Skipped(reason) => {
            let mut skipped = BytesStart::new("skipped");
            attribute(&mut skipped, "message", reason);
            (skipped, reason)
        }
        Verdict::Failed { message, severity, text } => {
            let mut failure = BytesStart::new("failure");
            attribute(&mut failure, "message", message);
            attribute(&mut failure, "type", severity);
            (failure, text)
        }
        Verdict::Error(reason) => {
            let mut error = BytesStart::new("error");
            attribute(&mut error, "message", reason);
            (error, reason)
        }
    };
    xml.write_event(Event::Start(start))?;
    let end = element.to_end().into_owned();
    xml.write_event(Event::Start(element))?;
    xml.write_event(Event::Text(BytesText::from_escaped(escape(visible_lines(text)))))?;
    xml.write_event(Event::End(end))?;
    xml.write_event(Event::End(BytesEnd::new("testcase")))
}

fn attribute(element: &mut BytesStart<'_>, name: &str, value: &str) {
    element.push_attribute((name, &*visible(value)));
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use quick_xml::Reader;

    /// Every text and attribute of an XML document, or what is wrong with it.
    fn read(xml: &str) -> Result<Vec<String>, String> {
        let mut reader = Reader::from_str(xml);
        reader.config_mut().check_end_names = true;
        let mut texts = Vec::new();
        let allowed = |letter: char| matches!(letter, '\t' | '\n' | '\r' | ' '..='\u{d7ff}' | '\u{e000}'..='\u{fffd}' | '\u{10000}'..);
        if let Some(letter) = xml.chars().find(|letter| !allowed(*letter)) {
            return Err(format!("{letter:?} is no character of XML"));
        }
        loop {
            match reader.read_event().map_err(|error| error.to_string())? {
                Event::Eof => return Ok(texts),
                Event::Start(element) | Event::Empty(element) => {
                    for attribute in element.attributes() {
                        let attribute = attribute.map_err(|error| error.to_string())?;
                        let value = attribute
                            .normalized_value(quick_xml::XmlVersion::Explicit1_0)
                            .map_err(|error| error.to_string())?;
                        texts.push(value.into_owned());
                    }
                }
                _ => {}
            }
        }
    }

    proptest! {
        #[test]
        fn any_text_gives_well_formed_xml(file in any::<String>(), name in any::<String>(), text in any::<String>()) {
            let verdict = Verdict::Failed { message: text.clone(), severity: name.clone(), text };
            let case = Case { name: name.clone(), class: name, line: Some(1), verdict };
            let xml = write(&[Suite { file: &file, cases: vec![case] }]).unwrap();
            let texts = read(&xml).unwrap();
            prop_assert!(texts.contains(&visible(&file).into_owned()), "{xml}");
        }
    }
}
