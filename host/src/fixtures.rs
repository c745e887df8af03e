//! A rule's own tests: `pass*` and `fail*` files beside its source, with comments that say what must
//! be found and where.
//!
//! | comment | meaning |
//! | --- | --- |
//! | `# expect: TEXT` | a finding on this line, or on the next one that is no comment, whose message holds TEXT |
//! | `# params: {…}` | the rule's parameters for this document |
//!
//! All documents of a file are each other's inventory. `fail.fixed.EXT` is what all safe fixes make
//! of `fail.EXT`, `fail.fixed-unsafe.EXT` what all fixes make of it.

use crate::bundle::{Bundle, RuleSource};
use crate::discover;
use crate::document::Source;
use crate::engine::Engine;
use crate::evaluate::{DocumentVerdict, Judge, Outcome, Place, RunOptions, RunResult, run};
use crate::fix::{self, Extent};
use crate::parse::{Limits, Unit};
use crate::report::{Frames, Mark, Style, Text};
use annotate_snippets::Level;
use std::collections::BTreeMap;
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// What is wrong with a fixture, a line each.
pub type Problems = Vec<String>;

/// How a rule's fixtures fared.
#[derive(Debug, Default)]
pub struct Outcomes {
    /// How many files were run.
    pub files: usize,
    /// How many findings were expected and found.
    pub matched: usize,
    /// What is wrong.
    pub problems: Problems,
}

/// Runs the fixtures in a rule's folder. With `update`, golden files are written instead of compared.
///
/// # Errors
/// When a file cannot be read or written.
pub fn test(folder: &Path, rule: &Arc<RuleSource>, engine: &Arc<Engine>, update: bool) -> std::io::Result<Outcomes> {
    let mut names: Vec<PathBuf> =
        std::fs::read_dir(folder)?.map(|entry| Ok(entry?.path())).collect::<std::io::Result<_>>()?;
    names.sort();
    let mut outcomes = Outcomes::default();
    let mut kinds = [false; 2];
    for path in &names {
        let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
        let is_fail = name.starts_with("fail");
        if name.contains(".fixed") || !(is_fail || name.starts_with("pass")) {
            continue;
        }
        kinds[usize::from(is_fail)] = true;
        outcomes.files += 1;
        let fixture = Fixture::read(path, rule)?;
        fixture.check(is_fail, engine, &mut outcomes);
        if is_fail {
            fixture.check_fixes(path, engine, update, &mut outcomes)?;
        }
    }
    for (there, kind) in kinds.into_iter().zip(["pass", "fail"]) {
        if !there {
            outcomes.problems.push(format!("{}: there is no `{kind}` fixture", folder.display()));
        }
    }
    Ok(outcomes)
}

struct Fixture<'r> {
    path: String,
    text: String,
    units: Vec<Unit>,
    rule: &'r Arc<RuleSource>,
    /// Units by the parameters that they are judged with.
    by_parameters: BTreeMap<String, Vec<usize>>,
    expectations: Vec<Expectation>,
    problems: Problems,
}

struct Expectation {
    line: usize,
    text: String,
}

impl<'r> Fixture<'r> {
    fn read(path: &Path, rule: &'r Arc<RuleSource>) -> std::io::Result<Self> {
        let text = crate::files::read_text(path, Limits::default().bytes)?;
        let discovered = discover::discover(&[path.to_owned()], &Limits::default());
        let mut fixture = Self {
            path: path.display().to_string(),
            expectations: expectations(&text),
            text,
            units: discovered.units,
            rule,
            by_parameters: BTreeMap::new(),
            problems: discovered.errors.iter().map(ToString::to_string).collect(),
        };
        for (index, unit) in fixture.units.iter().enumerate() {
            let parameters = directive(&unit.sources[0].text, "params").unwrap_or_else(|| "{}".to_owned());
            fixture.by_parameters.entry(parameters).or_default().push(index);
        }
        Ok(fixture)
    }

    fn bundle(&self, parameters: &str) -> Result<Arc<Bundle>, String> {
        let bundle = Bundle::of_rules("fixture", [Arc::clone(self.rule)]);
        bundle
            .with_parameters(0, parameters)
            .map(Arc::new)
            .map_err(|error| format!("{}: `# params:` {error}", self.path))
    }

    /// The verdicts on all documents, each with the parameters of its own.
    fn verdicts(&self, engine: &Arc<Engine>) -> Result<Vec<(usize, DocumentVerdict)>, String> {
        let mut documents = Vec::new();
        for (parameters, units) in &self.by_parameters {
            let bundle = self.bundle(parameters)?;
            let result: RunResult = run(&Judge::new(engine, &bundle), &self.units, RunOptions::default());
            if let Some(error) = result.errors.first() {
                let source = &self.units[error.unit].sources[0];
                let position = source.position(error.error.at);
                return Err(format!("{}:{}:{}: {}", self.path, position.line, position.column, error.error));
            }
            documents.extend(result.documents.into_iter().filter(|(unit, _)| units.contains(unit)));
        }
        Ok(documents)
    }

    fn check(&self, is_fail: bool, engine: &Arc<Engine>, outcomes: &mut Outcomes) {
        outcomes.problems.extend(self.problems.iter().cloned());
        let documents = match self.verdicts(engine) {
            Ok(documents) => documents,
            Err(problem) => return outcomes.problems.push(problem),
        };
        let mut open: Vec<&Expectation> = self.expectations.iter().collect();
        for (unit, document) in &documents {
            let line = |place: &Place| place.position(&self.units[*unit].sources).line;
            for (_, failure) in document.errors() {
                outcomes.problems.push(format!(
                    "{}:{}: {}: {failure}",
                    self.path,
                    line(&document.place),
                    document.subject
                ));
            }
            for (_, finding) in document.findings() {
                let line = line(&finding.place);
                let wanted =
                    open.iter().position(|wanted| wanted.line == line && finding.message.contains(&wanted.text));
                match wanted {
                    Some(at) => {
                        open.remove(at);
                        outcomes.matched += 1;
                    }
                    None => {
                        let title = format!("unexpected finding: {}", finding.message);
                        let note = format!("{}, at {}", document.subject, finding.path);
                        let source = &self.units[*unit].sources[usize::from(finding.place.file)];
                        let span = finding.place.start as usize..finding.place.end as usize;
                        outcomes.problems.push(frame(source, span, &title, None, &[("in", &note)]));
                    }
                }
            }
        }
        for missing in open {
            let title = format!("expected a finding: {}", missing.text);
            let source = Source::new(self.path.as_str(), self.text.as_str());
            outcomes.problems.push(frame(&source, line_span(&self.text, missing.line), &title, Some("here"), &[]));
        }
        let judged = |document: &DocumentVerdict| {
            document.outcomes.iter().any(|outcome| matches!(outcome.outcome, Outcome::Pass | Outcome::Fail(_)))
        };
        if !documents.iter().any(|(_, document)| judged(document)) {
            outcomes.problems.push(format!("{}: the rule judged none of its documents", self.path));
        }
        if is_fail && self.expectations.is_empty() {
            outcomes.problems.push(format!("{}: a fail fixture expects something", self.path));
        }
    }

    fn check_fixes(
        &self,
        path: &Path,
        engine: &Arc<Engine>,
        update: bool,
        outcomes: &mut Outcomes,
    ) -> std::io::Result<()> {
        for (extent, suffix) in [(Extent::Safe, "fixed"), (Extent::Unsafe, "fixed-unsafe")] {
            let golden = golden_path(path, suffix);
            let fixed = match self.fixed(engine, extent) {
                Ok(fixed) => fixed,
                Err(problem) => {
                    outcomes.problems.push(problem);
                    continue;
                }
            };
            let same_as_safe = extent == Extent::Unsafe && Ok(&fixed) == self.fixed(engine, Extent::Safe).as_ref();
            let wanted = (fixed != self.text && !same_as_safe).then_some(fixed);
            let there =
                golden.exists().then(|| crate::files::read_text(&golden, Limits::default().bytes)).transpose()?;
            if wanted == there {
                outcomes.files += usize::from(there.is_some());
            } else if update {
                match wanted {
                    Some(text) => std::fs::write(&golden, text)?,
                    None => std::fs::remove_file(&golden)?,
                }
            } else {
                outcomes.problems.push(difference(&golden, there.as_deref(), wanted.as_deref()));
            }
        }
        Ok(())
    }

    fn fixed(&self, engine: &Arc<Engine>, extent: Extent) -> Result<String, String> {
        let mut slots = Vec::new();
        for (parameters, indices) in &self.by_parameters {
            let bundle = self.bundle(parameters)?;
            let units = indices.iter().map(|index| self.units[*index].clone()).collect();
            let fixed = fix::fix(&Judge::new(engine, &bundle), units, &Limits::default(), extent);
            if let Some(refused) = fixed.refused.first() {
                return Err(refused.clone());
            }
            slots.extend(fixed.slots);
        }
        let changed = fix::changed_files(&slots, |_| Some(self.text.clone()));
        Ok(changed.into_values().next().unwrap_or_else(|| self.text.clone()))
    }
}

/// A problem at a place of a fixture.
fn frame(source: &Source, span: Range<usize>, title: &str, label: Option<&str>, notes: &[(&str, &str)]) -> String {
    let text = Text { path: &source.path, text: &source.text, lines_before: source.lines_before };
    let mark = Mark { span, label, primary: true };
    Frames::new(Style::Plain, 120).frame(Level::ERROR, None, title, &text, &[mark], notes)
}

/// What a line holds, without the space around it.
fn line_span(text: &str, line: usize) -> Range<usize> {
    let start: usize = text.split_inclusive('\n').take(line - 1).map(str::len).sum();
    let line = text[start..].lines().next().unwrap_or_default();
    let indent = line.len() - line.trim_start().len();
    start + indent..start + line.trim_end().len().max(indent)
}

fn golden_path(path: &Path, suffix: &str) -> PathBuf {
    let extension = path.extension().and_then(|extension| extension.to_str()).unwrap_or_default();
    path.with_extension(format!("{suffix}.{extension}"))
}

fn difference(golden: &Path, there: Option<&str>, wanted: Option<&str>) -> String {
    let golden = golden.display();
    match (there, wanted) {
        (None, _) => format!("{golden}: missing: there are fixes; write it with --update"),
        (_, None) => format!("{golden}: there is no fix that would make it"),
        (Some(there), Some(wanted)) => {
            let diff = similar::TextDiff::from_lines(there, wanted);
            format!("{golden}: the fixes make another text\n{}", diff.unified_diff().header("golden", "fixed"))
        }
    }
}

fn expectations(text: &str) -> Vec<Expectation> {
    let lines: Vec<&str> = text.lines().collect();
    let is_comment = |line: &str| line.trim_start().starts_with(['#']) || line.trim_start().starts_with("//");
    let mut expectations = Vec::new();
    for (index, line) in lines.iter().enumerate() {
        let own = is_comment(line);
        let target =
            if own { (index + 1..lines.len()).find(|at| !is_comment(lines[*at])).unwrap_or(index) } else { index };
        for text in line.split("# expect:").skip(1) {
            expectations.push(Expectation { line: target + 1, text: text.trim().to_owned() });
        }
    }
    expectations
}

fn directive(text: &str, name: &str) -> Option<String> {
    let prefix = format!("# {name}:");
    text.lines().find_map(|line| line.trim().strip_prefix(&prefix)).map(|value| value.trim().to_owned())
}
