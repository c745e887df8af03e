//! Rendering everything that can be rendered, and checking each rendering as a set of its own.

use super::found::Renderable;
use super::lead::SourceFiles;
use super::program::Programs;
use super::{helm, kustomize, lead, merge};
use crate::document::{RenderTool, Rendering, Source};
use crate::evaluate::{Judge, RunOptions, RunResult, Secrets, mask_messages, run};
use crate::kinds::Kind;
use crate::parse::{Form, Limits, Scalars, Unit};
use crate::root::from_here;
use crate::visible::visible;
use std::collections::{BTreeSet, HashMap};
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// Programs that run at once, at the most.
const AT_ONCE: usize = 4;
/// Values files of a chart that it is rendered with.
const MAX_VALUES: usize = 32;
/// Renderings of a run.
const MAX_RENDERINGS: usize = 256;

/// Something that could not be rendered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Failure {
    /// The folder, as paths are shown.
    pub folder: String,
    /// Why.
    pub message: String,
}

/// What rendering came to.
pub struct Rendered {
    /// The documents, each with its rendering, led back to the files that they are from.
    pub units: Vec<Unit>,
    /// The verdicts on them. A finding of several renderings is told once.
    pub result: RunResult,
    /// What could not be rendered, and why.
    pub failures: Vec<Failure>,
    /// What of all renderings is secret.
    pub secrets: Secrets,
    /// Files that hold objects which were checked as they are rendered, as paths are shown.
    written: BTreeSet<Arc<str>>,
    /// The folders of the charts that were rendered.
    charts: BTreeSet<String>,
}

/// Whether a path lies below a folder, which is `.` for the working directory.
fn is_below(path: &str, folder: &str) -> bool {
    folder == "." || path.strip_prefix(folder).is_some_and(|rest| rest.starts_with('/'))
}

/// A rendered document.
pub(super) struct Piece {
    /// The file that it is from, as paths are shown.
    pub(super) path: Arc<str>,
    /// The file holds the object as such, so that it is not to be checked once more on its own.
    pub(super) is_written: bool,
    /// The document.
    pub(super) text: Box<str>,
}

impl Rendered {
    /// Whether a file's objects are checked as they are rendered, and not on their own. So are those of the templates
    /// of a chart, whether its values switch them on or not.
    pub fn replaces(&self, unit: &Unit) -> bool {
        let path = &unit.sources[0].path;
        let is_template = unit.kind.is_some_and(Kind::is_template);
        self.written.contains(path) || is_template && self.charts.iter().any(|chart| is_below(path, chart))
    }
}

/// Renders, and checks each rendering. `units` are all that were found.
pub fn render(
    judge: &Judge,
    programs: &Programs,
    renderables: &[Renderable],
    units: &[Unit],
    limits: &Limits,
    threads: usize,
) -> Rendered {
    let mut rendered = Rendered {
        units: Vec::new(),
        result: RunResult::default(),
        failures: Vec::new(),
        secrets: Secrets::default(),
        written: BTreeSet::new(),
        charts: BTreeSet::new(),
    };
    let renderings = chosen(programs, renderables, &mut rendered.failures);
    let paths = Paths::of(units);
    let mut files = SourceFiles::new(limits);
    let numbered: Vec<(usize, Arc<Rendering>)> = renderings.into_iter().map(Arc::new).enumerate().collect();
    for some in numbered.chunks(threads.clamp(1, AT_ONCE)) {
        let pieces: Vec<Result<Vec<Piece>, String>> = std::thread::scope(|scope| {
            let started: Vec<_> = some
                .iter()
                .map(|(number, rendering)| {
                    let paths = &paths;
                    scope.spawn(move || pieces(programs, rendering, paths, *number, limits))
                })
                .collect();
            let ended = started.into_iter().map(|thread| thread.join());
            ended.map(|pieces| pieces.unwrap_or_else(|_| Err("rendering it failed".to_owned()))).collect()
        });
        for ((_, rendering), pieces) in some.iter().zip(pieces) {
            match pieces {
                Ok(pieces) => rendered.judge(judge, rendering, pieces, limits, &mut files),
                Err(message) => {
                    let message = format!("{} cannot be rendered: {message}", visible(&rendering.name));
                    rendered.failures.push(Failure { folder: rendering.folder.to_string(), message });
                }
            }
        }
    }
    merge::merge(&rendered.units, &mut rendered.result);
    rendered
}

/// The renderings that are within the bounds and have a program; the others are failures.
fn chosen(programs: &Programs, renderables: &[Renderable], failures: &mut Vec<Failure>) -> Vec<Rendering> {
    for (tool, flag) in [(RenderTool::Helm, "--helm"), (RenderTool::Kustomize, "--kustomize")] {
        let of_tool: Vec<&str> = renderables.iter().filter(|it| it.tool == tool).map(|it| &*it.folder).collect();
        if let (Some(first), false) = (of_tool.first(), programs.has(tool)) {
            let message = format!(
                "there is no `{tool}` on PATH, which {} folders need, this among them; install it, or name it with {flag}",
                of_tool.len()
            );
            failures.push(Failure { folder: (*first).to_owned(), message });
        }
    }
    let mut chosen = Vec::new();
    for renderable in renderables.iter().filter(|it| programs.has(it.tool)) {
        if renderable.values.len() > MAX_VALUES {
            let count = renderable.values.len();
            let message =
                format!("the chart has {count} values files, of which {MAX_VALUES} are rendered (limit `values`)");
            failures.push(Failure { folder: renderable.folder.to_string(), message });
        }
        chosen.extend(renderable.renderings().take(MAX_VALUES + 1));
    }
    if chosen.len() > MAX_RENDERINGS {
        let count = chosen.len();
        let message = format!("of {count} renderings the first {MAX_RENDERINGS} are checked (limit `renderings`)");
        failures.push(Failure { folder: chosen[MAX_RENDERINGS].folder.clone(), message });
        chosen.truncate(MAX_RENDERINGS);
    }
    chosen
}

fn pieces(
    programs: &Programs,
    rendering: &Rendering,
    paths: &Paths,
    number: usize,
    limits: &Limits,
) -> Result<Vec<Piece>, String> {
    match rendering.tool {
        RenderTool::Helm => helm::render(programs, rendering, limits),
        RenderTool::Kustomize => kustomize::render(programs, rendering, paths, number, limits),
    }
}

/// Cuts what a program wrote into documents.
///
/// # Errors
/// When there are more than may be.
pub(super) fn split(
    folder: &str,
    text: &str,
    limits: &Limits,
    piece: impl Fn(&str) -> Piece,
) -> Result<Vec<Piece>, String> {
    // How long it may be was settled when it was read.
    let limits = Limits { bytes: text.len(), ..limits.clone() };
    let units = Unit::split(Form::Yaml(Scalars::Kubernetes), &Arc::from(folder), text, &limits);
    let units = units.map_err(|error| error.message)?;
    let texts = units.iter().map(|unit| &*unit.sources[0].text);
    let holds_something = |text: &&str| {
        text.lines().any(|line| {
            let line = line.trim();
            !line.is_empty() && !line.starts_with('#') && line != "---"
        })
    };
    Ok(texts.filter(holds_something).map(piece).collect())
}

impl Rendered {
    /// Checks one rendering and leads what is found back to the files.
    fn judge(
        &mut self,
        judge: &Judge,
        rendering: &Arc<Rendering>,
        pieces: Vec<Piece>,
        limits: &Limits,
        files: &mut SourceFiles,
    ) {
        if rendering.tool == RenderTool::Helm {
            self.charts.insert(rendering.folder.clone());
        }
        self.written.extend(pieces.iter().filter(|piece| piece.is_written).map(|piece| Arc::clone(&piece.path)));
        let unit = |piece: Piece| {
            Unit::new(Form::Yaml(Scalars::Kubernetes), Source::new(piece.path, piece.text)).rendered_by(rendering)
        };
        let mut units: Vec<Unit> = pieces.into_iter().map(unit).collect();
        let mut result = run(judge, &units, RunOptions { limits: limits.clone(), ..RunOptions::default() });
        let secrets = Secrets::of(&units, &result);
        mask_messages(&secrets, &units, &mut result);
        self.secrets.add_anywhere(&secrets);
        lead::back(&mut units, &mut result, files);
        self.result.append(judge.bundle(), self.units.len(), result);
        self.units.append(&mut units);
    }
}

/// How files are shown that are known by where they really are.
pub(super) struct Paths {
    shown: HashMap<PathBuf, Arc<str>>,
}

impl Paths {
    fn of(units: &[Unit]) -> Self {
        let mut shown = HashMap::new();
        for source in units.iter().flat_map(|unit| unit.sources.iter()) {
            if let Ok(real) = Path::new(&*source.path).canonicalize() {
                shown.entry(real).or_insert_with(|| Arc::clone(&source.path));
            }
        }
        Self { shown }
    }

    /// How a file is shown.
    pub(super) fn shown(&self, file: &Path) -> Arc<str> {
        let real = file.canonicalize().unwrap_or_else(|_| file.to_owned());
        let known = self.shown.get(&real).map(Arc::clone);
        known.unwrap_or_else(|| from_here(&real).to_string_lossy().into())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::document::Format;
    use crate::kinds;

    #[test]
    fn a_chart_that_was_rendered_is_judged_in_the_place_of_its_templates() {
        let of_kind = |kind: &str, path: &str| {
            let form = Form::Plain(Format::Text);
            Unit::split_as(kinds::named(kind), form, &Arc::from(path), "a", &Limits::default()).unwrap().remove(0)
        };
        let mut rendered = Rendered {
            units: Vec::new(),
            result: RunResult::default(),
            failures: Vec::new(),
            secrets: Secrets::default(),
            written: BTreeSet::from(["k8s/pod.yaml".into()]),
            charts: BTreeSet::from(["web".to_owned()]),
        };
        for (kind, path, replaced) in [
            ("HelmTemplate", "web/templates/pod.yaml", true),
            ("HelmHelpers", "web/templates/_helpers.tpl", true),
            ("HelmTemplate", "web/charts/redis/templates/pod.yaml", true),
            ("HelmTemplate", "web-2/templates/pod.yaml", false),
            ("ShellScript", "web/run.sh", false),
            ("ShellScript", "k8s/pod.yaml", true),
        ] {
            assert_eq!(rendered.replaces(&of_kind(kind, path)), replaced, "{path}");
        }
        rendered.charts = BTreeSet::from([".".to_owned()]);
        assert!(rendered.replaces(&of_kind("HelmTemplate", "templates/pod.yaml")));
    }
}
