//! Baselines: the findings that were there when a repository adopted its rules, so that only new ones fail.
//!
//! A finding is known again by its rule, its document and its path ([`Finding::stable_path`]), not by lines or
//! messages; of findings that are alike, as many are known as there were.

use crate::document::{Document, Subject};
use crate::evaluate::{ExemptBy, Finding, Outcome, RunResult};
use crate::problem::{InputProblem, ProblemKind};
use crate::visible::visible_json;
use crate::{bundle::Bundle, root, system};
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};
use std::io::Write as _;
use std::path::{Path, PathBuf};

const SCHEMA: &str = "policy-host/baseline/v1";
/// Bytes of a baseline that are read at the most.
const MAX_BYTES: usize = 64 << 20;

/// Why a baseline cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum BaselineError {
    /// The file could not be read or written.
    #[error("{}: {source}", path.display())]
    File {
        /// The file.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// It is no baseline.
    #[error("{}: {message}", path.display())]
    Content {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        message: String,
    },
}

/// What a finding is known by.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, schemars::JsonSchema)]
pub struct Known {
    /// The rule's id.
    pub rule: String,
    /// Tells apart what one rule can find.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub code: String,
    /// The object, or the file from the baseline's directory.
    pub document: String,
    /// The stable path.
    pub path: String,
}

/// What an input that could not be judged is known by.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, schemars::JsonSchema)]
pub struct KnownInput {
    /// What is wrong with it.
    pub kind: ProblemKind,
    /// The file, from the baseline's directory.
    pub path: String,
    /// What in the file it is about, where one file may have several: the key that stands twice.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub about: String,
}

/// Findings, and inputs that could not be judged, and how often each is there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Baseline {
    path: PathBuf,
    findings: BTreeMap<Known, usize>,
    inputs: BTreeMap<KnownInput, usize>,
}

/// What comparing a run with its baseline came to.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Compared {
    /// What is no longer found in documents that were judged, and how often.
    pub fixed: Vec<(Known, usize)>,
    /// Findings of the baseline whose documents were not judged.
    pub unseen: usize,
    /// Former ids of rules that the baseline names, with the present ones.
    pub renamed: BTreeMap<String, String>,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    schema: String,
    findings: Vec<Entry>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    inputs: Vec<InputEntry>,
}

#[derive(Serialize, Deserialize)]
struct Entry {
    #[serde(flatten)]
    known: Known,
    #[serde(default = "once", skip_serializing_if = "is_once")]
    count: usize,
}

#[derive(Serialize, Deserialize)]
struct InputEntry {
    #[serde(flatten)]
    known: KnownInput,
    #[serde(default = "once", skip_serializing_if = "is_once")]
    count: usize,
}

fn once() -> usize {
    1
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde passes a reference")]
fn is_once(count: &usize) -> bool {
    *count == 1
}

impl Baseline {
    /// Reads a baseline.
    ///
    /// # Errors
    /// When the file cannot be read or is no baseline.
    pub fn read(path: &Path) -> Result<Self, BaselineError> {
        let failed = |source| BaselineError::File { path: path.to_owned(), source };
        let content = |message: String| BaselineError::Content { path: path.to_owned(), message };
        let bytes = crate::files::read(path, MAX_BYTES).map_err(failed)?;
        let file: File =
            serde_json::from_slice(&bytes).map_err(|error| content(format!("this is no baseline: {error}")))?;
        if file.schema != SCHEMA {
            return Err(content(format!("its schema is `{}`, not `{SCHEMA}`", file.schema)));
        }
        let mut findings = BTreeMap::new();
        for entry in file.findings {
            let count: &mut usize = findings.entry(entry.known).or_default();
            *count = count.saturating_add(entry.count);
        }
        let mut inputs = BTreeMap::new();
        for entry in file.inputs {
            let count: &mut usize = inputs.entry(entry.known).or_default();
            *count = count.saturating_add(entry.count);
        }
        Ok(Self { path: path.to_owned(), findings, inputs })
    }

    /// The baseline of a run, to be written at `path`: all that stands in it.
    pub fn of(path: &Path, bundle: &Bundle, result: &RunResult, problems: &[InputProblem]) -> Self {
        let mut findings: BTreeMap<Known, usize> = BTreeMap::new();
        for (_, document) in &result.documents {
            for (rule, finding) in document.all_findings() {
                if finding.withheld.is_none() && matches!(finding.exempt_by, None | Some(ExemptBy::Baseline)) {
                    let known = known(path, bundle, &document.subject, rule, finding);
                    *findings.entry(known).or_default() += 1;
                }
            }
        }
        let mut inputs: BTreeMap<KnownInput, usize> = BTreeMap::new();
        for problem in problems {
            *inputs.entry(known_input(path, problem)).or_default() += 1;
        }
        Self { path: path.to_owned(), findings, inputs }
    }

    /// Writes the file, whole.
    ///
    /// # Errors
    /// When that fails; what was there before stays.
    pub fn write(&self) -> Result<(), BaselineError> {
        let failed = |source| BaselineError::File { path: self.path.clone(), source };
        let findings = self.findings.iter().map(|(known, count)| Entry { known: known.clone(), count: *count });
        let inputs = self.inputs.iter().map(|(known, count)| InputEntry { known: known.clone(), count: *count });
        let file = File { schema: SCHEMA.to_owned(), findings: findings.collect(), inputs: inputs.collect() };
        let text = serde_json::to_string_pretty(&file).map_err(|error| failed(error.into()))?;
        let mut text = visible_json(&text).into_owned();
        text.push('\n');
        let mut written = system::file_for(&self.path, 0o644).map_err(failed)?;
        written.write_all(text.as_bytes()).map_err(failed)?;
        written.persist(&self.path).map_err(|error| failed(error.error))?;
        Ok(())
    }

    /// How many findings it holds, inputs that could not be judged among them.
    pub fn len(&self) -> usize {
        self.findings.values().chain(self.inputs.values()).sum()
    }

    /// Whether it holds none.
    pub fn is_empty(&self) -> bool {
        self.findings.is_empty()
    }

    /// Marks the inputs that could not be judged and are known.
    pub fn apply_to_inputs(&self, problems: &mut [InputProblem]) {
        let mut left = self.inputs.clone();
        for problem in problems {
            if let Some(count) = left.get_mut(&known_input(&self.path, problem)).filter(|count| **count > 0) {
                *count -= 1;
                problem.known = true;
            }
        }
    }

    /// Takes what is known out of what stands in a run, and says what of the baseline is fixed.
    pub fn apply(&self, bundle: &Bundle, result: &mut RunResult) -> Compared {
        let mut left = BTreeMap::new();
        let mut renamed = BTreeMap::new();
        for (known, count) in &self.findings {
            let mut known = known.clone();
            if let Some(rule) = bundle.called(&known.rule) {
                let id = bundle.rules[usize::from(rule)].id().to_owned();
                let written = std::mem::replace(&mut known.rule, id.clone());
                if written != id {
                    renamed.insert(written, id);
                }
            }
            let count_of: &mut usize = left.entry(known).or_default();
            *count_of = count_of.saturating_add(*count);
        }
        let mut judged = BTreeSet::new();
        for (_, document) in &mut result.documents {
            judged.insert(identity(&self.path, &document.subject));
            let subject = &document.subject;
            for outcome in &mut document.outcomes {
                let Outcome::Fail(findings) = &mut outcome.outcome else { continue };
                for finding in findings.iter_mut().filter(|finding| finding.stands()) {
                    let known = known(&self.path, bundle, subject, outcome.rule, finding);
                    if let Some(count) = left.get_mut(&known).filter(|count| **count > 0) {
                        *count -= 1;
                        finding.exempt = Some("it is in the baseline".to_owned());
                        finding.exempt_by = Some(ExemptBy::Baseline);
                    }
                }
            }
        }
        // A rule that was not asked has fixed nothing.
        let is_fixed = |known: &Known| judged.contains(&known.document) && bundle.called(&known.rule).is_some();
        let (fixed, unseen): (Vec<_>, Vec<_>) =
            left.into_iter().filter(|(_, count)| *count > 0).partition(|(known, _)| is_fixed(known));
        Compared { fixed, unseen: unseen.into_iter().map(|(_, count)| count).sum(), renamed }
    }
}

fn known(baseline: &Path, bundle: &Bundle, subject: &Subject, rule: u16, finding: &Finding) -> Known {
    Known {
        rule: bundle.rules[usize::from(rule)].id().to_owned(),
        code: finding.code.clone(),
        document: identity(baseline, subject),
        path: finding.stable_path.clone(),
    }
}

fn known_input(baseline: &Path, problem: &InputProblem) -> KnownInput {
    KnownInput { kind: problem.kind, path: below(baseline, &problem.path), about: problem.about.clone() }
}

/// A path from the baseline's directory, where it is below it.
fn below(baseline: &Path, path: &str) -> String {
    let directory = baseline.parent().unwrap_or(Path::new(""));
    let below = root::below(directory, path).map(|path| path.to_string_lossy().into_owned());
    match below {
        Some(below) if below.is_empty() => ".".to_owned(),
        Some(below) => below,
        None => path.to_owned(),
    }
}

/// Who a document is, wherever its file is and whatever version its API has.
fn identity(baseline: &Path, subject: &Subject) -> String {
    if subject.group == Document::FILE_GROUP {
        return format!("{} {}", subject.kind, below(baseline, &subject.name));
    }
    let kind =
        if subject.group.is_empty() { subject.kind.clone() } else { format!("{}.{}", subject.kind, subject.group) };
    Subject { kind, ..subject.clone() }.to_string()
}
