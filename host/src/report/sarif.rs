//! SARIF 2.1.0, for code scanning and editors: help texts, fixes as replacements, labelled places as flows, names that
//! outlive moved lines. Paths are relative to the working directory, `%SRCROOT%`.

use super::shown::Shown;
use super::{Grade, Report, exceptions, fingerprint};
use crate::bundle::BundleRule;
use crate::document::Source;
use crate::evaluate::{DocumentVerdict, ExemptBy, Finding, Fix, Place};
use crate::fix::Replacements;
use crate::manifest::{Confidence, Manifest, Severity};
use crate::parse::Unit;
use crate::visible::{visible, visible_json, visible_lines};
use serde::Serialize;
use serde_json::{Value, json};
use std::borrow::Cow;
use std::fmt::Write as _;

/// The version of our fingerprints.
const FINGERPRINT: &str = "policyHost/v1";
const ROOT: &str = "%SRCROOT%";
/// A fix is proved before it is told, which costs as much as checking; more than these nobody applies one by one, and
/// `--fix` applies all.
const MAX_FIXES: usize = 250;
/// A longer part of a file is pointed at, and not quoted.
const MAX_SNIPPET: usize = 2_000;

/// Writes the report.
///
/// # Errors
/// Never for results that came out of an evaluation.
pub fn sarif(report: &Report<'_>) -> serde_json::Result<String> {
    let mut results = Vec::new();
    let mut worth_fixing = worth_fixing(report).into_iter();
    for documents in report.result.documents.chunk_by(|(one, _), (other, _)| one == other) {
        let unit = &report.units[documents[0].0];
        let shown = Shown::new(report, documents[0].0);
        let replacements = Replacements::new(unit);
        for (_, document) in documents {
            for (rule, finding) in reported(report, document) {
                let mut result = result(report, unit, &shown, document, rule, finding);
                if let (Some(true), Some(fix)) = (worth_fixing.next(), &finding.fix) {
                    result.fixes.extend(sarif_fix(report, unit, &replacements, document, fix));
                }
                results.push(result);
            }
        }
    }
    let log = Log {
        schema: "https://json.schemastore.org/sarif-2.1.0.json",
        version: "2.1.0",
        runs: [Run {
            tool: tool(report),
            automation_details: json!({"id": format!("policy-host/{}/", visible(&report.bundle.name))}),
            original_uri_base_ids: json!({ROOT: {"description": {"text": "The directory that policy-host ran in."}}}),
            column_kind: "utf16CodeUnits",
            invocations: [invocation(report)],
            results,
        }],
    };
    let mut text = visible_json(&serde_json::to_string(&log)?).into_owned();
    text.push('\n');
    Ok(text)
}

/// The findings of a document that are in the report, with the index of their rule.
fn reported<'r>(report: &Report<'_>, document: &'r DocumentVerdict) -> impl Iterator<Item = (u16, &'r Finding)> {
    let level = report.level;
    let told = document.all_findings().filter(|(_, finding)| finding.withheld.is_none());
    told.filter(move |(_, finding)| level.includes(finding.severity, finding.confidence))
}

/// For each finding in the report, in its order, whether its fix is worked out: the worst ones that are not exempt.
fn worth_fixing(report: &Report<'_>) -> Vec<bool> {
    let documents = report.result.documents.iter().map(|(_, document)| document);
    let findings: Vec<&Finding> =
        documents.flat_map(|document| reported(report, document)).map(|(_, finding)| finding).collect();
    let mut worst: Vec<usize> = (0..findings.len())
        .filter(|index| findings[*index].fix.is_some() && findings[*index].exempt.is_none())
        .collect();
    worst.sort_by_key(|index| std::cmp::Reverse(findings[*index].severity));
    let mut chosen = vec![false; findings.len()];
    for index in worst.into_iter().take(MAX_FIXES) {
        chosen[index] = true;
    }
    chosen
}

#[derive(Serialize)]
struct Log<'r> {
    #[serde(rename = "$schema")]
    schema: &'static str,
    version: &'static str,
    runs: [Run<'r>; 1],
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Run<'r> {
    tool: Value,
    automation_details: Value,
    original_uri_base_ids: Value,
    column_kind: &'static str,
    invocations: [Value; 1],
    results: Vec<SarifResult<'r>>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct SarifResult<'r> {
    rule_id: &'r str,
    rule_index: u16,
    level: &'static str,
    message: Message<'r>,
    locations: [Location<'r>; 1],
    partial_fingerprints: Value,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    related_locations: Vec<Location<'r>>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    code_flows: Vec<CodeFlow<'r>>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    fixes: Vec<SarifFix<'r>>,
    /// Empty for a finding that counts, which is what the standard wants of who knows suppressions.
    suppressions: Vec<Value>,
    properties: Value,
}

#[derive(Serialize, Clone)]
struct Message<'r> {
    text: Cow<'r, str>,
}

#[derive(Serialize, Clone)]
#[serde(rename_all = "camelCase")]
struct Location<'r> {
    #[serde(skip_serializing_if = "Option::is_none")]
    id: Option<usize>,
    physical_location: PhysicalLocation<'r>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    logical_locations: Vec<LogicalLocation>,
    #[serde(skip_serializing_if = "Option::is_none")]
    message: Option<Message<'r>>,
}

#[derive(Serialize, Clone)]
#[serde(rename_all = "camelCase")]
struct PhysicalLocation<'r> {
    artifact_location: ArtifactLocation<'r>,
    region: Region,
}

#[derive(Serialize, Clone)]
#[serde(rename_all = "camelCase")]
struct LogicalLocation {
    fully_qualified_name: String,
    kind: &'static str,
}

#[derive(Serialize, Clone)]
#[serde(rename_all = "camelCase")]
struct ArtifactLocation<'r> {
    uri: Cow<'r, str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    uri_base_id: Option<&'static str>,
}

#[derive(Serialize, Clone)]
#[serde(rename_all = "camelCase")]
struct Region {
    start_line: usize,
    start_column: usize,
    end_line: usize,
    end_column: usize,
    byte_offset: usize,
    byte_length: usize,
    #[serde(skip_serializing_if = "Option::is_none")]
    snippet: Option<Message<'static>>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct CodeFlow<'r> {
    thread_flows: [ThreadFlow<'r>; 1],
}

#[derive(Serialize)]
struct ThreadFlow<'r> {
    locations: Vec<ThreadFlowLocation<'r>>,
}

#[derive(Serialize)]
struct ThreadFlowLocation<'r> {
    location: Location<'r>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct SarifFix<'r> {
    description: Message<'r>,
    artifact_changes: Vec<ArtifactChange<'r>>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct ArtifactChange<'r> {
    artifact_location: ArtifactLocation<'r>,
    replacements: Vec<SarifReplacement>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct SarifReplacement {
    deleted_region: Region,
    inserted_content: Message<'static>,
}

fn tool(report: &Report<'_>) -> Value {
    let rules: Vec<Value> = report.bundle.rules.iter().map(rule).collect();
    json!({"driver": {
        "name": "policy-host",
        "version": env!("CARGO_PKG_VERSION"),
        "semanticVersion": env!("CARGO_PKG_VERSION"),
        "rules": rules,
    }})
}

fn rule(rule: &BundleRule) -> Value {
    let manifest = &rule.source.manifest;
    let severity = rule.worst();
    let mut tags = vec!["security", &manifest.factor];
    tags.extend((!rule.source.component.name.is_empty()).then_some(rule.source.component.name.as_str()));
    tags.extend(manifest.controls.iter().map(String::as_str));
    tags.dedup();
    let tags: Vec<Cow<'_, str>> = tags.into_iter().map(visible).collect();
    let mut help = String::new();
    if !manifest.description.is_empty() {
        // Writing to a String cannot fail, here and below.
        let _ = write!(help, "{}\n\n", manifest.description);
    }
    let _ = write!(help, "## Why\n\n{}\n\n## Fix\n\n{}\n", manifest.why, manifest.fix);
    let help = visible_lines(&help);
    json!({
        "id": manifest.id,
        "shortDescription": {"text": visible(&manifest.title)},
        "fullDescription": {"text": visible(&manifest.why_line())},
        "help": {"text": help.replace("## ", ""), "markdown": help},
        "defaultConfiguration": {"level": level(severity, rule)},
        "properties": {
            "tags": tags,
            "precision": precision(manifest),
            "security-severity": security_severity(severity),
            "priority": manifest.priority,
            "effort": manifest.effort,
        },
    })
}

fn level(severity: Severity, rule: &BundleRule) -> &'static str {
    level_of(Grade::of(severity, rule.enforcement))
}

fn level_of(grade: Grade) -> &'static str {
    match grade {
        Grade::Error => "error",
        Grade::Warning => "warning",
        Grade::Note => "note",
    }
}

/// What code scanning calls confidence, by rule: that of the least sure kind of finding.
fn precision(manifest: &Manifest) -> &'static str {
    match manifest.findings.iter().map(|kind| kind.confidence).min() {
        Some(Confidence::Guess) => "low",
        Some(Confidence::Likely) => "high",
        Some(Confidence::Certain) | None => "very-high",
    }
}

/// In the middle of the range that code scanning shows under the same name.
fn security_severity(severity: Severity) -> &'static str {
    match severity {
        Severity::Critical => "9.5",
        Severity::High => "8.0",
        Severity::Medium => "5.5",
        Severity::Low => "2.0",
        Severity::Info => "0.0",
    }
}

fn invocation(report: &Report<'_>) -> Value {
    let mut notifications = Vec::new();
    for problem in report.standing_problems() {
        let mut place = json!({"artifactLocation": artifact(&problem.path)});
        if let Some((source, at)) = report.problem_source(problem) {
            place["region"] = json!(region(source, at, at));
        }
        let message = if problem.place.is_some() { problem.message.clone() } else { problem.line(report.units) };
        notifications.push(json!({
            "level": if problem.kind.is_judged() { "warning" } else { "error" },
            "descriptor": {"id": problem.kind.as_str()},
            "message": {"text": text(&message)},
            "locations": [{"physicalLocation": place}],
        }));
    }
    for (unit, document) in &report.result.documents {
        for (rule, failure) in document.errors() {
            let id = report.bundle.rules[usize::from(rule)].id();
            let message = format!("{id} failed on {}: {failure}", document.subject);
            let location = json!({"physicalLocation": physical(&report.units[*unit], &document.place)});
            notifications.push(json!({
                "level": "error",
                "message": {"text": text(&message)},
                "associatedRule": {"id": id, "index": rule},
                "locations": [location],
            }));
        }
    }
    let is_error = |notification: &Value| notification["level"] == "error";
    let successful = !notifications.iter().any(is_error);
    json!({
        "executionSuccessful": successful,
        "toolExecutionNotifications": notifications,
        "toolConfigurationNotifications": of_exceptions(report),
    })
}

/// What somebody should know of exceptions.
fn of_exceptions(report: &Report<'_>) -> Vec<Value> {
    let exceptions = report.result.exceptions.iter().zip(exceptions::results(report));
    let notifications = exceptions.flat_map(|(exception, result)| {
        let place = exception.place.map(|(unit, place)| physical(&report.units[unit], &place));
        let locations: Vec<Value> = place.map(|place| json!({"physicalLocation": place})).into_iter().collect();
        let written_at = result.written_at();
        result.said().into_iter().map(move |said| {
            json!({
                "level": "warning",
                "descriptor": {"id": "exception"},
                "message": {"text": text(&format!("{written_at}: {said}"))},
                "locations": locations,
            })
        })
    });
    notifications.collect()
}

fn result<'r>(
    report: &'r Report<'r>,
    unit: &'r Unit,
    shown: &Shown<'_>,
    document: &'r DocumentVerdict,
    index: u16,
    finding: &'r Finding,
) -> SarifResult<'r> {
    let rule = &report.bundle.rules[usize::from(index)];
    let message = Message { text: text(&finding.message) };
    let mut primary = Location {
        id: None,
        physical_location: physical(unit, &finding.place),
        logical_locations: Vec::new(),
        message: None,
    };
    let own = finding.labels.iter().map(|label| (unit, label.place, &label.text, Vec::new()));
    let others = finding.related.iter().filter_map(|label| {
        let (unit, place) = label.place()?;
        let fully_qualified_name = visible(&label.subject.to_string()).into_owned();
        let name = LogicalLocation { fully_qualified_name, kind: "object" };
        Some((report.units.get(unit)?, place, &label.text, vec![name]))
    });
    let related: Vec<Location<'r>> = own
        .chain(others)
        .enumerate()
        .map(|(id, (unit, place, told, logical_locations))| Location {
            id: Some(id),
            physical_location: physical(unit, &place),
            logical_locations,
            message: Some(Message { text: text(told) }),
        })
        .collect();
    let code_flows = if related.is_empty() { Vec::new() } else { vec![flow(&related, &primary, &message)] };
    primary.physical_location.region.snippet = snippet(shown, &finding.place);
    let name = visible(&format!("{}{}", document.subject, finding.path)).into_owned();
    primary.logical_locations.push(LogicalLocation { fully_qualified_name: name, kind: "object" });
    let source = source(unit, &finding.place);
    SarifResult {
        rule_id: rule.id(),
        rule_index: index,
        level: level_of(Grade::of(finding.severity, finding.enforcement)),
        message,
        locations: [primary],
        partial_fingerprints: json!({FINGERPRINT: fingerprint(rule.id(), &source.path, &document.subject, finding)}),
        related_locations: related,
        code_flows,
        fixes: Vec::new(),
        suppressions: finding.exempt.iter().map(|reason| suppression(report, finding, reason)).collect(),
        properties: json!({
            "code": finding.code,
            "severity": finding.severity,
            "confidence": finding.confidence,
            "enforcement": finding.enforcement,
        }),
    }
}

/// What lifts a finding: something that stands beside it, or a list elsewhere.
fn suppression(report: &Report<'_>, finding: &Finding, reason: &str) -> Value {
    let kind = match finding.exempt_by {
        Some(ExemptBy::Comment | ExemptBy::Annotation) => "inSource",
        _ => "external",
    };
    json!({
        "kind": kind,
        "status": "accepted",
        "justification": text(reason),
        "properties": {"by": exceptions::exempt_by(report, finding)},
    })
}

/// Through the labelled places to the finding.
fn flow<'r>(related: &[Location<'r>], primary: &Location<'r>, message: &Message<'r>) -> CodeFlow<'r> {
    let end = Location { message: Some(message.clone()), ..primary.clone() };
    let steps = related.iter().map(|location| Location { id: None, ..location.clone() });
    let locations = steps.chain([end]).map(|location| ThreadFlowLocation { location });
    CodeFlow { thread_flows: [ThreadFlow { locations: locations.collect() }] }
}

/// `None` for a fix that cannot be applied to the text, or whose text would show a secret.
fn sarif_fix<'r>(
    report: &Report<'_>,
    unit: &'r Unit,
    replacements: &Replacements<'_>,
    document: &DocumentVerdict,
    fix: &'r Fix,
) -> Option<SarifFix<'r>> {
    let replacements = replacements.of(document, fix, report.secrets).ok()?;
    if replacements.is_empty() || replacements.iter().any(|replacement| report.secrets.stand_in(&replacement.text)) {
        return None;
    }
    let changes = replacements.chunk_by(|one, other| one.file == other.file).map(|replacements| {
        let source = &unit.sources[usize::from(replacements[0].file)];
        ArtifactChange {
            artifact_location: artifact(&source.path),
            replacements: replacements
                .iter()
                .map(|replacement| SarifReplacement {
                    deleted_region: region(source, replacement.range.start, replacement.range.end),
                    inserted_content: Message { text: replacement.text.clone().into() },
                })
                .collect(),
        }
    });
    let note = if fix.safe { "" } else { " (look before you apply it)" };
    let description = Message { text: format!("{}{note}", text(&fix.title)).into() };
    Some(SarifFix { description, artifact_changes: changes.collect() })
}

fn snippet(shown: &Shown<'_>, place: &Place) -> Option<Message<'static>> {
    let text = shown.text(place.file).text.get(place.start as usize..place.end as usize)?;
    (!text.is_empty() && text.len() <= MAX_SNIPPET).then(|| Message { text: text.to_owned().into() })
}

fn physical<'r>(unit: &'r Unit, place: &Place) -> PhysicalLocation<'r> {
    let source = source(unit, place);
    PhysicalLocation {
        artifact_location: artifact(&source.path),
        region: region(source, place.start as usize, place.end as usize),
    }
}

fn source<'u>(unit: &'u Unit, place: &Place) -> &'u Source {
    unit.sources.get(usize::from(place.file)).unwrap_or(&unit.sources[0])
}

fn region(source: &Source, start: usize, end: usize) -> Region {
    let ((start_line, start_column), (end_line, end_column)) = (utf16(source, start), utf16(source, end));
    Region {
        start_line,
        start_column,
        end_line,
        end_column,
        byte_offset: source.offset + start,
        byte_length: end.saturating_sub(start),
        snippet: None,
    }
}

/// Line and column, from 1, the column in UTF-16 code units.
fn utf16(source: &Source, at: usize) -> (usize, usize) {
    let position = source.position(at);
    let mut at = at.min(source.text.len());
    while !source.text.is_char_boundary(at) {
        at -= 1;
    }
    // Each character beyond the basic plane is a pair.
    let line_start = source.text[..at].rfind('\n').map_or(0, |newline| newline + 1);
    let pairs = source.text[line_start..at].chars().filter(|letter| letter.len_utf16() == 2).count();
    (position.line, position.column + pairs)
}

/// A path as a URI: below the root where it is relative.
fn artifact(path: &str) -> ArtifactLocation<'_> {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_' | b'~' | b'/');
    let mut uri = Cow::Borrowed(path);
    if !path.bytes().all(plain) {
        let mut encoded = String::with_capacity(path.len() + 8);
        for byte in path.bytes() {
            if plain(byte) {
                encoded.push(char::from(byte));
            } else {
                let _ = write!(encoded, "%{byte:02X}");
            }
        }
        uri = encoded.into();
    }
    if path.starts_with('/') {
        return ArtifactLocation { uri: format!("file://{uri}").into(), uri_base_id: None };
    }
    ArtifactLocation { uri, uri_base_id: Some(ROOT) }
}

/// A message; what would be read as a link is none.
fn text(message: &str) -> Cow<'_, str> {
    let message = visible(message);
    if message.contains("](") {
        return message.replace('[', "\\[").replace(']', "\\]").into();
    }
    message
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_count_utf16_code_units() {
        let source = Source { lines_before: 4, ..Source::new("a", "x\nä😀b") };
        assert_eq!(utf16(&source, source.text.len() - 1), (6, 4));
        assert_eq!(utf16(&source, source.text.len()), (6, 5));
    }

    #[test]
    fn paths_become_uris() {
        assert_eq!(artifact("a b/ü#?.yaml").uri, "a%20b/%C3%BC%23%3F.yaml");
        assert_eq!(artifact("/a/b").uri, "file:///a/b");
        assert!(artifact("/a/b").uri_base_id.is_none());
        // Otherwise the first part would be read as a scheme.
        assert_eq!(artifact("javascript:x").uri, "javascript%3Ax");
    }

    #[test]
    fn messages_link_nowhere() {
        assert_eq!(text("see [here](x)"), "see \\[here\\](x)");
        assert_eq!(text("drop: [\"ALL\"]"), "drop: [\"ALL\"]");
    }
}
