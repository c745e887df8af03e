//! Baselines: the findings that were there when a repository adopted its rules, so that only new ones fail.
//!
//! A finding is known again by its rule, its document and its path ([`Finding::stable_path`]), not by lines or
//! messages; of findings that are alike, as many are known as there were. The file that each was in is noted, to tell
//! what is fixed from what was not evaluated this time.

use crate::discover::STDIN;
use crate::document::{Document, Subject};
use crate::evaluate::{DocumentVerdict, ExemptBy, Finding, Outcome, RunResult};
use crate::parse::Unit;
use crate::problem::{InputProblem, ProblemKind};
use crate::visible::visible_json;
use crate::{bundle::Bundle, plain, root, system};
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
use std::io::{ErrorKind, Write as _};
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

/// What an input that could not be checked is known by.
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

/// Findings, and inputs that could not be checked, and how often each is there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Baseline {
    path: PathBuf,
    findings: BTreeMap<Known, Counts>,
    inputs: BTreeMap<KnownInput, usize>,
}

/// What comparing a run with its baseline came to.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Compared {
    /// What is no longer found where its rule looked, and how often.
    pub fixed: Vec<(Known, usize)>,
    /// Findings of the baseline that nobody looked for.
    pub unseen: Unseen,
    /// Former ids of rules that the baseline names, with the present ones.
    pub renamed: BTreeMap<String, String>,
}

/// How many findings of a baseline were not evaluated this time, so that they are neither found nor fixed.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Unseen {
    /// Their files were not evaluated: other paths, excluded, or with something wrong in them.
    pub files: usize,
    /// Their rules, or their kinds of finding, are not among those of this run.
    pub rules: usize,
    /// Their rules could not decide, or failed.
    pub undecided: usize,
}

impl Unseen {
    /// All of them.
    pub fn total(self) -> usize {
        self.files + self.rules + self.undecided
    }
}

/// How often something is there in each file, from the baseline's directory. The empty path is a file that an older
/// baseline does not name.
type Counts = BTreeMap<String, usize>;

/// What of a baseline is not in a run, with its files and how often it is missing.
type Open = BTreeMap<Known, (Counts, usize)>;

/// What a run looked at.
#[derive(Clone, Copy)]
pub struct Evaluated<'r> {
    /// What was read.
    pub units: &'r [Unit],
    /// What is wrong with inputs.
    pub problems: &'r [InputProblem],
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
    /// The file that it was found in.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    file: String,
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
        let file: File = serde_json::from_slice(&bytes)
            .map_err(|error| content(format!("this is no baseline: {}", plain::value(&error))))?;
        if file.schema != SCHEMA {
            return Err(content(format!("its schema is `{}`, not `{SCHEMA}`", file.schema)));
        }
        let mut findings: BTreeMap<Known, Counts> = BTreeMap::new();
        for entry in file.findings {
            let count = findings.entry(entry.known).or_default().entry(entry.file).or_default();
            *count = count.saturating_add(entry.count);
        }
        let mut inputs = BTreeMap::new();
        for entry in file.inputs {
            let count: &mut usize = inputs.entry(entry.known).or_default();
            *count = count.saturating_add(entry.count);
        }
        Ok(Self { path: path.to_owned(), findings, inputs })
    }

    /// The baseline that is at a place already; none where there is no file.
    ///
    /// # Errors
    /// When there is something else, which is not to be lost, or when it cannot be read.
    pub fn before(path: &Path) -> Result<Option<Self>, BaselineError> {
        match Self::read(path) {
            Ok(baseline) => Ok(Some(baseline)),
            Err(BaselineError::File { source, .. }) if source.kind() == ErrorKind::NotFound => Ok(None),
            Err(BaselineError::Content { path, message }) => {
                let message = format!("{message}; remove the file, or name another one, to write a baseline");
                Err(BaselineError::Content { path, message })
            }
            Err(error) => Err(error),
        }
    }

    /// The baseline of a run, to be written at `path`: all that stands in it.
    pub fn of(path: &Path, bundle: &Bundle, result: &RunResult, evaluated: Evaluated<'_>) -> Self {
        let mut findings: BTreeMap<Known, Counts> = BTreeMap::new();
        for (unit, document) in &result.documents {
            for (rule, finding) in document.all_findings() {
                if finding.withheld.is_none() && matches!(finding.exempt_by, None | Some(ExemptBy::Baseline)) {
                    let known = known(path, bundle, &document.subject, rule, finding);
                    let sources = &evaluated.units[*unit].sources;
                    let source = sources.get(usize::from(finding.place.file)).unwrap_or(&sources[0]);
                    *findings.entry(known).or_default().entry(below(path, &source.path)).or_default() += 1;
                }
            }
        }
        let mut inputs: BTreeMap<KnownInput, usize> = BTreeMap::new();
        for problem in evaluated.problems {
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
        let findings = self.findings.iter().flat_map(|(known, files)| {
            let entry =
                |(file, count): (&String, &usize)| Entry { known: known.clone(), file: file.clone(), count: *count };
            files.iter().map(entry)
        });
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

    /// How many findings it holds, inputs that could not be checked among them.
    pub fn len(&self) -> usize {
        self.findings.values().flat_map(Counts::values).chain(self.inputs.values()).sum()
    }

    /// Whether it holds none.
    pub fn is_empty(&self) -> bool {
        self.findings.is_empty()
    }

    /// Marks the inputs that could not be checked and are known.
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
    pub fn apply(&self, bundle: &Bundle, result: &mut RunResult, evaluated: Evaluated<'_>) -> Compared {
        let (open, renamed) = self.open(bundle, result, true);
        let seen = Seen::of(&self.path, result, evaluated);
        let mut compared = Compared { renamed, ..Compared::default() };
        for (known, (files, left)) in open {
            let unseen = seen.unseen((&known, &files, left), bundle);
            compared.unseen.files += unseen.files;
            compared.unseen.rules += unseen.rules;
            compared.unseen.undecided += unseen.undecided;
            if left > unseen.total() {
                compared.fixed.push((known, left - unseen.total()));
            }
        }
        compared
    }

    /// Takes over from an older baseline at the same place what was not evaluated this time, and says how much that is.
    pub fn keep_unseen(
        &mut self,
        older: &Self,
        bundle: &Bundle,
        result: &mut RunResult,
        evaluated: Evaluated<'_>,
    ) -> usize {
        let mut kept = 0;
        let open = older.open(bundle, result, false).0;
        let seen = Seen::of(&older.path, result, evaluated);
        for (known, (files, left)) in open {
            let mut unseen = seen.unseen((&known, &files, left), bundle).total();
            let own = self.findings.entry(known).or_default();
            // First those of files that nobody looked at, then the others, of whatever file.
            for is_seen in [false, true] {
                for (file, count) in files.iter().filter(|(file, _)| seen.evaluated(file) == is_seen) {
                    let taken = unseen.min(*count);
                    *own.entry(file.clone()).or_default() += taken;
                    kept += taken;
                    unseen -= taken;
                }
            }
            own.retain(|_, count| *count > 0);
        }
        self.findings.retain(|_, files| !files.is_empty());
        for (known, count) in &older.inputs {
            let is_told = self.inputs.contains_key(known);
            if !is_told && !seen.evaluated(&known.path) {
                self.inputs.insert(known.clone(), *count);
                kept += count;
            }
        }
        kept
    }

    /// What of the baseline is not in a run, with its files and how often it is missing, and rules that are called
    /// otherwise now. What is in the run is marked there, where that is asked for. What an exception lifts, or another
    /// finding covers, is in the run all the same.
    fn open(&self, bundle: &Bundle, result: &mut RunResult, mark: bool) -> (Open, BTreeMap<String, String>) {
        let mut left = Open::new();
        let mut renamed = BTreeMap::new();
        for (known, files) in &self.findings {
            let mut known = known.clone();
            if let Some(rule) = bundle.called(&known.rule) {
                let id = bundle.rules[usize::from(rule)].id().to_owned();
                let written = std::mem::replace(&mut known.rule, id.clone());
                if written != id {
                    renamed.insert(written, id);
                }
            }
            let (known_files, total) = left.entry(known).or_default();
            for (file, count) in files {
                let count_of = known_files.entry(file.clone()).or_default();
                *count_of = count_of.saturating_add(*count);
                *total = total.saturating_add(*count);
            }
        }
        // Those that count first: they are to be marked. Each is known once, also when the mark is what it does not
        // count for.
        let mut matched = HashSet::new();
        for stands in [true, false] {
            for (at, (_, document)) in result.documents.iter_mut().enumerate() {
                let subject = &document.subject;
                for outcome in &mut document.outcomes {
                    let Outcome::Fail(findings) = &mut outcome.outcome else { continue };
                    for (index, finding) in findings.iter_mut().enumerate() {
                        let place = (at, outcome.rule, index);
                        if finding.stands() != stands || matched.contains(&place) {
                            continue;
                        }
                        let known = known(&self.path, bundle, subject, outcome.rule, finding);
                        let Some((_, count)) = left.get_mut(&known).filter(|(_, count)| *count > 0) else { continue };
                        *count -= 1;
                        matched.insert(place);
                        if mark && stands {
                            finding.exempt = Some("it is in the baseline".to_owned());
                            finding.exempt_by = Some(ExemptBy::Baseline);
                        }
                    }
                }
            }
        }
        left.retain(|_, (_, count)| *count > 0);
        (left, renamed)
    }
}

/// What a run looked at, by the names that a baseline has for it.
struct Seen<'r> {
    directory: &'r Path,
    /// Files that were read.
    read: BTreeSet<String>,
    /// Files and directories with something wrong.
    wrong: BTreeSet<String>,
    /// The documents by who they are.
    documents: HashMap<String, Vec<&'r DocumentVerdict>>,
}

impl<'r> Seen<'r> {
    fn of(baseline: &'r Path, result: &'r RunResult, evaluated: Evaluated<'_>) -> Self {
        let sources = evaluated.units.iter().flat_map(|unit| &*unit.sources);
        let mut documents: HashMap<String, Vec<&DocumentVerdict>> = HashMap::new();
        for (_, document) in &result.documents {
            documents.entry(identity(baseline, &document.subject)).or_default().push(document);
        }
        Self {
            directory: baseline.parent().unwrap_or(Path::new("")),
            read: sources.map(|source| below(baseline, &source.path)).collect(),
            wrong: evaluated.problems.iter().map(|problem| below(baseline, &problem.path)).collect(),
            documents,
        }
    }

    /// How many of the findings that are missing were not evaluated, and why.
    fn unseen(&self, (known, files, left): (&Known, &Counts, usize), bundle: &Bundle) -> Unseen {
        let asked = |rule: &u16| bundle.rules[usize::from(*rule)].tells(&known.code, bundle.report);
        let Some(rule) = bundle.called(&known.rule).filter(asked) else {
            return Unseen { rules: left, ..Unseen::default() };
        };
        let documents = self.documents.get(&known.document).map_or(&[][..], Vec::as_slice);
        let has_decided = |document: &&DocumentVerdict| {
            let outcome = document.outcomes.iter().find(|outcome| outcome.rule == rule);
            let outcome = outcome.map(|outcome| &outcome.outcome);
            matches!(outcome, Some(Outcome::Pass | Outcome::Fail(_) | Outcome::NotApplicable(_)))
        };
        if !documents.iter().all(has_decided) {
            return Unseen { undecided: left, ..Unseen::default() };
        }
        let elsewhere = files.iter().filter(|(file, _)| match file.is_empty() {
            true => documents.is_empty(),
            false => !self.evaluated(file),
        });
        let elsewhere = elsewhere.fold(0_usize, |sum, (_, count)| sum.saturating_add(*count));
        Unseen { files: left.min(elsewhere), ..Unseen::default() }
    }

    /// Whether a file was read and nothing is wrong with it, or is gone.
    fn evaluated(&self, file: &str) -> bool {
        if self.wrong.contains(file) || self.read.contains(file) {
            return !self.wrong.contains(file);
        }
        let found = std::fs::symlink_metadata(self.directory.join(file));
        let is_gone = |error: std::io::Error| matches!(error.kind(), ErrorKind::NotFound | ErrorKind::NotADirectory);
        file != STDIN && found.is_err_and(is_gone)
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
