//! The results of a run as programs read them: what `json` writes and `policy-host report` reads.
//!
//! One set of types serves writer, reader and the published schema (`host/schema/results.v1.json`). [`SCHEMA`]
//! names the version; fields are only added to one, so a reader skips those that it does not know.

use super::exceptions::{self, ExceptionResult};
use super::location::{Location, location, place};
use super::order::{self, Entry};
use super::{Counts, Report, fingerprint};
use crate::baseline::{Compared, Known, Unseen};
use crate::bundle::{BundleRule, Enforcement, Level};
use crate::document::{RenderTool, Rendering, Subject};
use crate::evaluate::{Change, DocumentVerdict, Finding, Outcome};
use crate::manifest::{Confidence, Effort, FindingKind, Priority, Severity};
use crate::parse::Unit;
use crate::problem::ProblemKind;
use crate::render::Renderable;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use std::borrow::Cow;

/// The version of the schema.
pub const SCHEMA: &str = "policy-host/results/v1";

/// The results of one run of `policy-host eval`.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Results<'r> {
    /// `policy-host/results/v1`.
    pub schema: Cow<'r, str>,
    /// What checked.
    #[serde(default)]
    pub tool: Tool<'r>,
    /// By which bundle.
    pub bundle: BundleName<'r>,
    /// Counts of the run.
    pub summary: Counts,
    /// What the owner of the bundle should know.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub notices: Vec<Cow<'r, str>>,
    /// What is wrong with inputs, also what is in the baseline.
    pub errors: Vec<InputError<'r>>,
    /// What lifts rules, and what became of it.
    #[serde(default)]
    pub exceptions: Vec<ExceptionResult<'r>>,
    /// How the run compares with its baseline; absent without one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub baseline: Option<BaselineResult<'r>>,
    /// Findings outside of what the change touches, which are left out; absent where all was asked for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub untouched: Option<usize>,
    /// What is milder, or less sure, is left out. Results of older versions do not say.
    #[serde(default)]
    pub level: Level,
    /// Charts and kustomizations of the input.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub renderables: Vec<RenderableResult<'r>>,
    /// The rules of the bundle, in its order; outcomes name them by id.
    #[serde(default)]
    pub rules: Vec<Rule<'r>>,
    /// The documents, in the order of the input.
    pub documents: Vec<DocumentResult<'r>>,
}

/// A chart or a kustomization.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
pub struct RenderableResult<'r> {
    /// What renders it.
    pub tool: RenderTool,
    /// Its folder.
    pub folder: Cow<'r, str>,
    /// The command that renders it.
    pub command: Cow<'r, str>,
    /// Whether the run was to render it, by `--render`; why it could not is among the errors.
    pub rendered: bool,
}

/// How a run compares with its baseline.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct BaselineResult<'r> {
    /// What is no longer found where its rule looked.
    pub fixed: Vec<FixedResult<'r>>,
    /// Findings of the baseline that were not evaluated this time, so that they are neither found nor fixed.
    pub unseen: usize,
    /// Why these were not. Results of older versions do not say.
    #[serde(default)]
    pub unseen_by: Unseen,
}

/// Findings that are no longer there.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
pub struct FixedResult<'r> {
    /// What the baseline knows them by.
    #[serde(flatten)]
    pub known: Cow<'r, Known>,
    /// How many.
    pub count: usize,
}

/// The program.
#[derive(Debug, Clone, Default, Serialize, Deserialize, JsonSchema)]
pub struct Tool<'r> {
    /// Its name.
    pub name: Cow<'r, str>,
    /// Its version.
    pub version: Cow<'r, str>,
}

/// A bundle.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
pub struct BundleName<'r> {
    /// Its name.
    pub name: Cow<'r, str>,
    /// Its version.
    pub version: Cow<'r, str>,
    /// How many rules it has.
    pub rules: usize,
}

/// What is wrong with an input: it could not be read or parsed, or a key stands twice in it.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct InputError<'r> {
    /// What is wrong with it. Results of older versions do not say.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub kind: Option<ProblemKind>,
    /// The file's path, or `<stdin>`.
    #[serde(default, skip_serializing_if = "str::is_empty")]
    pub file: Cow<'r, str>,
    /// How bad it is that nothing of it was checked.
    #[serde(default = "input_severity")]
    pub severity: Severity,
    /// Where; absent when the file could not be read.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub location: Option<Location<'r>>,
    /// Why.
    pub message: Cow<'r, str>,
    /// `baseline` where that knows it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub exempt_by: Option<Cow<'r, str>>,
}

fn input_severity() -> Severity {
    crate::problem::SEVERITY
}

/// What a rule says of itself, with the bundle's settings applied.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Rule<'r> {
    /// Stable kebab-case name.
    pub id: Cow<'r, str>,
    /// The component's version.
    pub version: Cow<'r, str>,
    /// The pack that it is from; empty for a single component.
    pub pack: Cow<'r, str>,
    /// The 12-factor factor, or one of the three that were added to them: `IX Disposability`.
    pub factor: Cow<'r, str>,
    /// The requirement, one line, Markdown.
    pub title: Cow<'r, str>,
    /// What exactly is checked, Markdown.
    pub description: Cow<'r, str>,
    /// Why it matters, Markdown.
    pub why: Cow<'r, str>,
    /// What to do, Markdown.
    pub fix: Cow<'r, str>,
    /// Severity of its worst kind of finding.
    pub severity: Severity,
    /// The same before the bundle's override.
    pub default_severity: Severity,
    /// The kinds of finding that it has.
    #[serde(default)]
    pub findings: Vec<Kind<'r>>,
    /// What happens to its findings.
    pub enforcement: Enforcement,
    /// How soon its gaps should be closed.
    pub priority: Priority,
    /// How much work one is.
    pub effort: Effort,
    /// Ids of controls that it covers.
    #[serde(default)]
    pub controls: Vec<Cow<'r, str>>,
}

/// A kind of finding, with the bundle's settings applied.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Kind<'r> {
    /// Stable kebab-case name, unique in the rule.
    pub code: Cow<'r, str>,
    /// What it means, one line, Markdown.
    pub title: Cow<'r, str>,
    /// How bad it is.
    pub severity: Severity,
    /// The same before the bundle's override.
    pub default_severity: Severity,
    /// How sure the rule is of it.
    pub confidence: Confidence,
}

/// A document, and what each rule that applies to it came to.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct DocumentResult<'r> {
    /// Who it is.
    pub subject: Cow<'r, Subject>,
    /// Where it starts.
    pub location: Location<'r>,
    /// What it was rendered by; absent for what stands in a file.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rendering: Option<Cow<'r, Rendering>>,
    /// One for each rule that applies.
    pub outcomes: Vec<OutcomeResult<'r>>,
}

/// What a rule came to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum OutcomeName {
    /// Nothing found.
    Pass,
    /// Findings, of which those are left out that are below `--min-severity` or `--min-confidence` or that another
    /// finding covers.
    Fail,
    /// The rule has nothing to say about the document.
    NotApplicable,
    /// The rule could not decide.
    NotEvaluated,
    /// The rule failed.
    Error,
}

/// What one rule came to on one document.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct OutcomeResult<'r> {
    /// The rule's id.
    pub rule: Cow<'r, str>,
    /// What it came to.
    pub outcome: OutcomeName,
    /// Why, for what is neither a pass nor a failure.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<Cow<'r, str>>,
    /// What was found.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub findings: Vec<FindingResult<'r>>,
    /// How many findings others cover: one cure heals both.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub covered: usize,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde passes a reference")]
fn is_zero(count: &usize) -> bool {
    *count == 0
}

/// A violation.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct FindingResult<'r> {
    /// Which kind of finding of its rule it is.
    #[serde(default)]
    pub code: Cow<'r, str>,
    /// What is wrong; names stand between backticks.
    pub message: Cow<'r, str>,
    /// How bad.
    pub severity: Severity,
    /// How sure the rule is of it. Results of older versions do not say.
    #[serde(default = "certain")]
    pub confidence: Confidence,
    /// What happens to it.
    pub enforcement: Enforcement,
    /// JSON pointer in the document.
    pub path: Cow<'r, str>,
    /// Names the finding from run to run, also when lines move: by rule, code, file, document and path.
    #[serde(default, skip_serializing_if = "str::is_empty")]
    pub fingerprint: Cow<'r, str>,
    /// Where to look.
    pub location: Location<'r>,
    /// Further places.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub labels: Vec<LabelResult<'r>>,
    /// The cure.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub fix: Option<FixResult<'r>>,
    /// Why it is exempt, where it is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub exempt: Option<Cow<'r, str>>,
    /// What exempts it: `bundle`, `configuration`, `comment`, `annotation` or `baseline`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub exempt_by: Option<Cow<'r, str>>,
    /// The names of the renderings that have it; none for what stands in a file.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub renderings: Vec<Cow<'r, str>>,
}

fn certain() -> Confidence {
    Confidence::Certain
}

/// A further place of a finding.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
pub struct LabelResult<'r> {
    /// What to read there.
    pub text: Cow<'r, str>,
    /// Where.
    pub location: Location<'r>,
    /// Who the document there is, where it is another one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub subject: Option<Cow<'r, Subject>>,
}

/// The cure of a finding.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
pub struct FixResult<'r> {
    /// What it does.
    pub title: Cow<'r, str>,
    /// Whether it may be applied without asking.
    pub safe: bool,
    /// RFC 6902 operations on the document; left out where they hold a secret.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Option<serde_json::Value>")]
    pub patch: Option<Cow<'r, RawValue>>,
    /// A document to stand beside this one; left out where it holds a secret.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Option<serde_json::Value>")]
    pub create: Option<Cow<'r, RawValue>>,
}

impl InputError<'_> {
    /// Whether what it is about was checked all the same.
    pub(super) fn is_judged(&self) -> bool {
        self.kind.is_some_and(ProblemKind::is_judged)
    }
}

impl FindingResult<'_> {
    /// Why it does not count: `comment: the agent needs it`, `baseline`.
    pub(super) fn exemption(&self) -> String {
        let by = self.exempt_by.as_deref().unwrap_or("exempt");
        match &self.exempt {
            Some(reason) if !self.is_in_baseline() => format!("{by}: {reason}"),
            _ => by.to_owned(),
        }
    }

    /// Whether the baseline knows it.
    pub(super) fn is_in_baseline(&self) -> bool {
        self.exempt_by.as_deref() == Some("baseline")
    }
}

impl<'r> Results<'r> {
    /// The results of a run.
    ///
    /// # Errors
    /// When a fix holds something that is not JSON, which evaluation rules out.
    pub fn of(report: &'r Report<'r>) -> serde_json::Result<Self> {
        let errors = report.problems.iter().map(|problem| InputError {
            kind: Some(problem.kind),
            file: (&problem.path).into(),
            severity: input_severity(),
            location: report.problem_source(problem).map(|(source, at)| location(source, at, at)),
            message: match problem.place {
                Some(_) => (&problem.message).into(),
                None => problem.line(report.units).into(),
            },
            exempt_by: problem.known.then_some("baseline".into()),
        });
        Ok(Results {
            schema: SCHEMA.into(),
            tool: Tool { name: "policy-host".into(), version: env!("CARGO_PKG_VERSION").into() },
            bundle: BundleName {
                name: (&report.bundle.name).into(),
                version: (&report.bundle.version).into(),
                rules: report.bundle.rules.len(),
            },
            summary: report.counts(),
            notices: report.bundle.notices.iter().map(|notice| (&notice.0).into()).collect(),
            errors: errors.collect(),
            exceptions: exceptions::results(report),
            baseline: report.adoption.compared.as_ref().map(BaselineResult::of),
            untouched: report.adoption.untouched,
            level: Level {
                severity: report.level.severity.max(report.bundle.report.severity),
                confidence: report.level.confidence.max(report.bundle.report.confidence),
            },
            renderables: report.renderables.iter().map(|it| RenderableResult::of(report, it)).collect(),
            rules: report.bundle.rules.iter().map(Rule::of).collect(),
            documents: report
                .result
                .documents
                .iter()
                .map(|(unit, document)| document_result(report, &report.units[*unit], document))
                .collect::<serde_json::Result<_>>()?,
        })
    }

    /// The inputs that could not be read or parsed and that no baseline knows.
    pub fn standing_errors(&self) -> impl Iterator<Item = &InputError<'r>> {
        self.errors.iter().filter(|error| error.exempt_by.is_none())
    }

    /// All findings that are not exempt, with their document and rule, in the order of the input.
    pub fn findings(&self) -> impl Iterator<Item = (&DocumentResult<'r>, &OutcomeResult<'r>, &FindingResult<'r>)> {
        self.all_findings().filter(|(_, _, finding)| finding.exempt.is_none())
    }

    fn all_findings(&self) -> impl Iterator<Item = (&DocumentResult<'r>, &OutcomeResult<'r>, &FindingResult<'r>)> {
        let outcomes =
            self.documents.iter().flat_map(|document| document.outcomes.iter().map(move |outcome| (document, outcome)));
        outcomes
            .flat_map(|(document, outcome)| outcome.findings.iter().map(move |finding| (document, outcome, finding)))
    }

    /// The findings that an exception lifts or that are in the baseline.
    pub(super) fn exempt(&self) -> impl Iterator<Item = (&DocumentResult<'r>, &OutcomeResult<'r>, &FindingResult<'r>)> {
        self.all_findings().filter(|(_, _, finding)| finding.exempt.is_some())
    }

    /// All findings that are not exempt, those first that are to be shown where not all can be: the worst, and
    /// something of every rule.
    pub fn chosen_first(&self) -> Vec<(&DocumentResult<'r>, &OutcomeResult<'r>, &FindingResult<'r>)> {
        let findings: Vec<_> = self.findings().collect();
        let entries = findings.iter().map(|(_, outcome, finding)| Entry {
            rule: &outcome.rule,
            severity: finding.severity,
            confidence: finding.confidence,
            file: &finding.location.file,
        });
        order::fair(entries).into_iter().map(|index| findings[index]).collect()
    }
}

impl<'r> BaselineResult<'r> {
    fn of(compared: &'r Compared) -> Self {
        let fixed = compared.fixed.iter();
        let fixed = fixed.map(|(known, count)| FixedResult { known: Cow::Borrowed(known), count: *count });
        Self { fixed: fixed.collect(), unseen: compared.unseen.total(), unseen_by: compared.unseen }
    }
}

impl<'r> RenderableResult<'r> {
    fn of(report: &Report<'_>, renderable: &'r Renderable) -> Self {
        Self {
            tool: renderable.tool,
            folder: (&renderable.folder).into(),
            command: renderable.command().into(),
            rendered: report.rendered,
        }
    }
}

impl<'r> Rule<'r> {
    fn of(rule: &'r BundleRule) -> Self {
        let manifest = &rule.source.manifest;
        Rule {
            id: (&manifest.id).into(),
            version: (&manifest.version).into(),
            pack: (&rule.source.component.name).into(),
            factor: (&manifest.factor).into(),
            title: (&manifest.title).into(),
            description: (&manifest.description).into(),
            why: (&manifest.why).into(),
            fix: (&manifest.fix).into(),
            severity: rule.worst(),
            default_severity: manifest.worst(),
            findings: manifest.findings.iter().map(|kind| Kind::of(rule, kind)).collect(),
            enforcement: rule.enforcement,
            priority: manifest.priority,
            effort: manifest.effort,
            controls: manifest.controls.iter().map(Cow::from).collect(),
        }
    }
}

impl<'r> Kind<'r> {
    fn of(rule: &BundleRule, kind: &'r FindingKind) -> Self {
        Kind {
            code: (&kind.code).into(),
            title: (&kind.title).into(),
            severity: rule.severity_of(kind),
            default_severity: kind.severity,
            confidence: kind.confidence,
        }
    }
}

fn document_result<'r>(
    report: &Report<'r>,
    unit: &'r Unit,
    document: &'r DocumentVerdict,
) -> serde_json::Result<DocumentResult<'r>> {
    let outcomes = document.outcomes.iter().map(|outcome| {
        let rule = report.bundle.rules[usize::from(outcome.rule)].id();
        let (name, reason, findings): (_, Option<Cow<'r, str>>, _) = match &outcome.outcome {
            Outcome::Fail(findings) if !outcome.outcome.is_pass() => (OutcomeName::Fail, None, findings.as_slice()),
            Outcome::Pass | Outcome::Fail(_) => (OutcomeName::Pass, None, &[][..]),
            Outcome::NotApplicable(reason) => (OutcomeName::NotApplicable, Some(reason.into()), &[][..]),
            Outcome::NotEvaluated(reason) => (OutcomeName::NotEvaluated, Some(reason.into()), &[][..]),
            Outcome::Error(failure) => (OutcomeName::Error, Some(failure.to_string().into()), &[][..]),
        };
        let shown = || findings.iter().filter(|finding| report.shows(finding));
        let covered = shown().filter(|finding| finding.is_covered()).count();
        let told = shown().filter(|finding| finding.withheld.is_none());
        let findings = told.map(|finding| finding_result(report, unit, document, rule, finding));
        Ok(OutcomeResult {
            rule: rule.into(),
            outcome: name,
            reason,
            findings: findings.collect::<serde_json::Result<_>>()?,
            covered,
        })
    });
    Ok(DocumentResult {
        subject: Cow::Borrowed(&document.subject),
        location: place(unit, &document.place),
        rendering: unit.rendered.as_deref().map(Cow::Borrowed),
        outcomes: outcomes.collect::<serde_json::Result<_>>()?,
    })
}

fn finding_result<'r>(
    report: &Report<'r>,
    unit: &'r Unit,
    document: &'r DocumentVerdict,
    rule: &str,
    finding: &'r Finding,
) -> serde_json::Result<FindingResult<'r>> {
    let fix = finding.fix.as_ref().map(|fix| {
        let (Change::Patch(text) | Change::Create(text)) = &fix.change;
        let change = match report.secrets.is_empty() || !report.secrets.stand_in_json(&serde_json::from_str(text)?) {
            true => Some(Cow::Borrowed(serde_json::from_str(text)?)),
            false => None,
        };
        let (patch, create) = match &fix.change {
            Change::Patch(_) => (change, None),
            Change::Create(_) => (None, change),
        };
        Ok(FixResult { title: (&fix.title).into(), safe: fix.safe, patch, create })
    });
    let location = place(unit, &finding.place);
    Ok(FindingResult {
        code: (&finding.code).into(),
        message: (&finding.message).into(),
        severity: finding.severity,
        confidence: finding.confidence,
        enforcement: finding.enforcement,
        path: (&finding.path).into(),
        fingerprint: fingerprint(rule, &location.file, &document.subject, finding).into(),
        location,
        labels: labels(report.units, unit, finding),
        fix: fix.transpose()?,
        exempt: finding.exempt.as_ref().map(Cow::from),
        exempt_by: exceptions::exempt_by(report, finding).map(Cow::from),
        renderings: finding.renderings.iter().map(|rendering| (&rendering.name).into()).collect(),
    })
}

/// The further places of a finding: those of its document, then those of others.
fn labels<'r>(units: &'r [Unit], unit: &'r Unit, finding: &'r Finding) -> Vec<LabelResult<'r>> {
    let own = finding.labels.iter().map(|label| LabelResult {
        text: (&label.text).into(),
        location: place(unit, &label.place),
        subject: None,
    });
    let related = finding.related.iter().filter_map(|label| {
        let (unit, at) = label.place()?;
        let location = place(units.get(unit)?, &at);
        Some(LabelResult { text: (&label.text).into(), location, subject: Some(Cow::Borrowed(&label.subject)) })
    });
    own.chain(related).collect()
}
