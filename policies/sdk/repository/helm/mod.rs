//! Helm charts, as they are written: what their templates may be rendered to, as far as that can be told without
//! values.
//!
//! `--render` renders a chart, and what it deploys is checked then in the place of its templates. So a rule about
//! templates has nothing to say where a chart was rendered, and here it only says what holds with any values.

pub mod dependency;
mod outline;
pub mod values;

use crate::finding::{FindingCode, Findings, Report, Skip};
use crate::input::{Input, Related};
use crate::json::View;
use crate::repository::files::folder;
use crate::uses::Uses;
use outline::{Outline, What, quoted, without_comment};
use std::cell::Cell;

crate::usable! {
    /// The subject, a template: its text, and the named templates that it may include.
    pub OwnTemplate {
        reads: ["lines"],
        inventory: {
            own_chart: {
                kinds: ["file/HelmChart"],
                scope: "cluster",
                relation: calls {},
                reads: ["name", "type"],
            },
            own_helpers: {
                kinds: ["file/HelmHelpers"],
                scope: "cluster",
                via: "own_chart",
                relation: called {},
                reads: ["lines"],
            },
            own_parts: {
                kinds: ["file/HelmChart"],
                scope: "cluster",
                via: "own_chart",
                relation: called {},
                reads: [],
            },
            helpers_of_parts: {
                kinds: ["file/HelmHelpers"],
                scope: "cluster",
                via: "own_parts",
                relation: called {},
                reads: ["lines"],
            },
        },
    }
    /// The subject, a chart: its templates, and those that it is a part of.
    pub OwnChart {
        reads: ["name", "type"],
        inventory: {
            templates: {
                kinds: ["file/HelmTemplate", "file/HelmHelpers"],
                scope: "cluster",
                relation: called {},
                reads: ["lines"],
            },
            parts: {
                kinds: ["file/HelmChart"],
                scope: "cluster",
                relation: called {},
                reads: [],
            },
            templates_of_parts: {
                kinds: ["file/HelmHelpers"],
                scope: "cluster",
                via: "parts",
                relation: called {},
                reads: ["lines"],
            },
            wholes: {
                kinds: ["file/HelmChart"],
                scope: "cluster",
                relation: calls {},
                reads: [],
            },
            templates_of_wholes: {
                kinds: ["file/HelmTemplate"],
                scope: "cluster",
                via: "wholes",
                relation: called {},
                reads: ["lines"],
            },
        },
    }
}

/// Kinds whose pods run for long, and of which there may be several.
pub const LONG_RUNNING: [&str; 3] = ["Deployment", "StatefulSet", "Rollout"];
/// Kinds that have pods, with the way to their pod template.
const WORKLOADS: [(&str, &[&str]); 9] = [
    ("Deployment", &["spec", "template"]),
    ("StatefulSet", &["spec", "template"]),
    ("DaemonSet", &["spec", "template"]),
    ("Rollout", &["spec", "template"]),
    ("ReplicaSet", &["spec", "template"]),
    ("ReplicationController", &["spec", "template"]),
    ("Job", &["spec", "template"]),
    ("CronJob", &["spec", "jobTemplate", "spec", "template"]),
    ("Pod", &[]),
];
/// How deep templates may include one another, and how often in all.
const DEPTH: usize = 12;
const INCLUSIONS: usize = 100_000;

/// Whether a key may be rendered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Said {
    /// It is written, whatever the condition.
    Written,
    /// Values are put there as they are, and may have it.
    Passed,
    /// A named template is put there that is not among the files.
    Unknown(String),
    /// Nothing puts it there.
    Absent,
}

impl Said {
    /// What is said of something that may stand in either of two places.
    pub fn or(self, other: impl FnOnce() -> Self) -> Self {
        match self {
            Self::Written | Self::Passed => self,
            Self::Unknown(_) => match other() {
                Self::Absent => self,
                other => other,
            },
            Self::Absent => other(),
        }
    }

    /// Whether nothing can put it there. Where that is not known, `unknown` becomes the reason.
    pub fn is_absent(&self, missing: &mut Option<String>) -> bool {
        if let Self::Unknown(name) = self {
            *missing = Some(unknown(name));
        }
        *self == Self::Absent
    }

    /// What is said of any of several places.
    pub fn of_any(all: impl IntoIterator<Item = Self>) -> Self {
        all.into_iter().fold(Self::Absent, |said, next| said.or(|| next))
    }
}

/// Why a rule does not check a template that includes one that is not there.
pub fn unknown(name: &str) -> String {
    format!("it includes the named template `{name}`, which is not among the files")
}

/// Some files of a chart.
pub struct Templates<'d> {
    files: Vec<File<'d>>,
    /// Named templates, with the file and the node that has them.
    defines: Vec<(String, At)>,
    /// How often templates have been followed into others.
    followed: Cell<usize>,
}

struct File<'d> {
    path: &'d str,
    /// `None` for the subject.
    related: Option<Related<'d>>,
    lines: View<'d>,
    outline: Outline,
    /// Whether it is rendered, and not only included by others.
    is_rendered: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct At {
    file: usize,
    node: usize,
}

impl<'d> Templates<'d> {
    fn new(files: Vec<File<'d>>) -> Self {
        let mut defines = Vec::new();
        for (number, file) in files.iter().enumerate() {
            for node in &file.outline.nodes[0].children {
                if let What::Define(name) = &file.outline.nodes[*node].what {
                    defines.push((name.clone(), At { file: number, node: *node }));
                }
            }
        }
        Self { files, defines, followed: Cell::new(0) }
    }

    /// The named template of a name, where it is among the files; `None` inside of it where it is not followed any
    /// more.
    fn define(&self, name: &str, depth: usize) -> Option<Option<At>> {
        let (_, at) = self.defines.iter().find(|(known, _)| known == name)?;
        self.followed.set(self.followed.get() + 1);
        Some(Some(*at).filter(|_| depth < DEPTH && self.followed.get() < INCLUSIONS))
    }

    /// The templates of the subject, a chart, with the named ones of what it depends on. Tests are left out.
    pub fn of_chart<P: Uses<OwnChart>>(input: &Input<'d, P>) -> Self {
        let own = input.related("templates").map(|it| (it, true));
        let others = input.related("templates_of_parts").map(|it| (it, false));
        Self::of_related(own.chain(others))
    }

    /// The templates of the charts that the subject, a chart, is a part of.
    pub fn of_wholes<P: Uses<OwnChart>>(input: &Input<'d, P>) -> Self {
        Self::of_related(input.related("templates_of_wholes").map(|it| (it, true)))
    }

    /// The subject, a template, with the named templates around it.
    pub fn of_template<P: Uses<OwnTemplate>>(input: &Input<'d, P>) -> Self {
        let lines = input.document.get("lines");
        let outline = outline::read(lines.items().map(|line| line.text()));
        let own = File { path: &input.subject.name, related: None, lines, outline, is_rendered: true };
        let helpers = input.related("own_helpers").chain(input.related("helpers_of_parts"));
        Self::new(std::iter::once(own).chain(helpers.map(|it| File::of(it, false))).collect())
    }

    /// Files that queries gave, each with whether it is rendered if it is no helper.
    fn of_related(related: impl Iterator<Item = (Related<'d>, bool)>) -> Self {
        let files = related.map(|(it, is_own)| {
            let is_rendered = is_own && it.kind() == "HelmTemplate";
            File::of(it, is_rendered)
        });
        Self::new(files.filter(|file| !is_test(file.path)).collect())
    }

    /// What is rendered, with the names of templates that render something and are not among the files.
    pub fn objects(&self) -> (Vec<Part<'_, 'd>>, Vec<String>) {
        let (mut objects, mut missing) = (Vec::new(), Vec::new());
        for (file, _) in self.files.iter().enumerate().filter(|(_, file)| file.is_rendered) {
            let at = At { file, node: 0 };
            self.collect(Part { templates: self, at, place: at }, 0, &mut objects, &mut missing);
        }
        (objects, missing)
    }

    /// The objects of a file or of a named template.
    fn collect<'t>(
        &'t self,
        of: Part<'t, 'd>,
        depth: usize,
        objects: &mut Vec<Part<'t, 'd>>,
        missing: &mut Vec<String>,
    ) {
        for document in of.children().filter(|it| *it.what() == What::Document) {
            let is_kind = |it: &Part<'_, '_>| matches!(it.what(), What::Key { name, .. } if name == "kind");
            let mut keys = document.children().filter(|it| matches!(it.what(), What::Key { .. }));
            if let Some(first) = keys.next() {
                // Its kind is what an object is shown by.
                let shown = if is_kind(&first) { first } else { keys.find(is_kind).unwrap_or(first) };
                let object = Part { place: of.place_of(shown.at), ..document };
                objects.push(object);
                let lists = object.get("kind").iter().any(|kind| kind.value().ends_with("List"));
                objects.extend(object.get("items").iter().filter(|_| lists).flat_map(Part::items));
                continue;
            }
            for emit in document.children() {
                let What::Emit(text) = emit.what() else { continue };
                let Some(name) = included(text) else { continue };
                let place = of.place_of(emit.at);
                match self.define(name, depth) {
                    Some(Some(at)) => self.collect(Part { templates: self, at, place }, depth + 1, objects, missing),
                    Some(None) => {}
                    None => missing.push(name.to_owned()),
                }
            }
        }
    }

    /// The workloads among what is rendered, but for what helm runs beside an installation.
    pub fn workloads(&self) -> Vec<Workload<'_, 'd>> {
        let workloads = self.objects().0.into_iter().filter_map(Workload::of);
        workloads.filter(|workload| !workload.object.is_hook()).collect()
    }

    /// The workloads whose pods run for long. `Err` says that there is none.
    pub fn long_running(&self) -> Result<Vec<Workload<'_, 'd>>, Skip> {
        let mut workloads = self.workloads();
        workloads.retain(Workload::is_long_running);
        if workloads.is_empty() {
            return Err(Skip::NotApplicable("it renders no Deployment, StatefulSet or Rollout".to_owned()));
        }
        Ok(workloads)
    }

    /// Whether an object of one of some kinds may be rendered: `Unknown` where some named template may be one.
    pub fn renders(&self, kinds: &[&str]) -> Said {
        let (objects, missing) = self.objects();
        if objects.iter().any(|object| object.is_any_of(kinds)) {
            return Said::Written;
        }
        missing.into_iter().next().map_or(Said::Absent, Said::Unknown)
    }

    /// Whether there is no template at all.
    pub fn is_empty(&self) -> bool {
        !self.files.iter().any(|file| file.is_rendered)
    }

    /// Whether the text of some template holds a word.
    pub fn mention(&self, word: &str) -> bool {
        self.files.iter().any(|file| file.lines.items().any(|line| line.text().contains(word)))
    }
}

impl<'d> File<'d> {
    fn of(related: Related<'d>, is_rendered: bool) -> Self {
        let lines = related.document.get("lines");
        let outline = outline::read(lines.items().map(|line| line.text()));
        Self { path: related.name(), related: Some(related), lines, outline, is_rendered }
    }
}

/// Whether a template is one of the chart's tests, which `helm test` runs.
pub fn is_test(path: &str) -> bool {
    path.contains("/templates/tests/") || path.contains("/templates/test/") || path.starts_with("templates/tests/")
}

/// Whether a chart lies in a folder of tests, so that nobody installs it.
pub fn is_for_tests(path: &str) -> bool {
    let mut folders = folder(path).split('/');
    folders.any(|folder| matches!(folder, "test" | "tests" | "testdata" | "e2e" | "fixtures" | "testing"))
}

/// Whether a chart's name says that it is an operator: it works for the cluster, and one of its pods at a time.
pub fn is_operator(name: &str) -> bool {
    name.split(['-', '_']).any(|word| matches!(word, "operator" | "controller"))
}

/// The named template that an action includes, where it says which.
fn included(text: &str) -> Option<&str> {
    let text = text.trim_start_matches(['{', '-', ' ', '(']);
    let call = text.strip_prefix("include").or_else(|| text.strip_prefix("template"))?;
    if !call.starts_with([' ', '"', '`']) || text.contains("fromYaml") {
        return None;
    }
    // Names that are put together are not known.
    let name = call.trim_start();
    if name.starts_with(['"', '`']) { quoted(name) } else { Some("") }
}

/// A part of a template.
#[derive(Clone, Copy)]
pub struct Part<'t, 'd> {
    templates: &'t Templates<'d>,
    at: At,
    /// Where a rendered file has it, or includes it.
    place: At,
}

/// What stands in a mapping or a list.
enum Entry<'t, 'd> {
    Key(&'t str, Part<'t, 'd>),
    Item(Part<'t, 'd>),
    Passed,
    Unknown(&'t str),
}

impl<'t, 'd> Part<'t, 'd> {
    fn what(&self) -> &'t What {
        &self.templates.files[self.at.file].outline.nodes[self.at.node].what
    }

    /// Where something below this is shown.
    fn place_of(&self, at: At) -> At {
        let is_here = self.at.file == self.place.file && self.templates.files[at.file].is_rendered;
        if is_here { at } else { self.place }
    }

    fn children(self) -> impl Iterator<Item = Part<'t, 'd>> {
        let children = &self.templates.files[self.at.file].outline.nodes[self.at.node].children;
        children.iter().map(move |node| {
            let at = At { file: self.at.file, node: *node };
            Part { templates: self.templates, at, place: self.place_of(at) }
        })
    }

    /// What stands right below it, with what is included there.
    fn entries(self, depth: usize, entries: &mut Vec<Entry<'t, 'd>>) {
        for child in self.children() {
            match child.what() {
                What::Key { name, .. } => entries.push(Entry::Key(name, child)),
                What::Item => entries.push(Entry::Item(child)),
                What::Document | What::Define(_) => {}
                What::Emit(text) => {
                    let Some(name) = included(text) else {
                        entries.push(Entry::Passed);
                        continue;
                    };
                    match self.templates.define(name, depth) {
                        Some(Some(at)) => {
                            let define = Part { at, ..child };
                            let documents = define.children().map(|it| Part { place: child.place, ..it });
                            documents.for_each(|document| document.entries(depth + 1, entries));
                        }
                        Some(None) => entries.push(Entry::Unknown(name)),
                        // What renders values that it is given.
                        None if text.contains("\"value\"") || text.contains("toYaml") => entries.push(Entry::Passed),
                        None => entries.push(Entry::Unknown(name)),
                    }
                }
            }
        }
    }

    fn all(self) -> Vec<Entry<'t, 'd>> {
        let mut entries = Vec::new();
        self.entries(0, &mut entries);
        entries
    }

    /// What stands under a key, once for each branch that has it.
    pub fn get(self, name: &str) -> Vec<Part<'t, 'd>> {
        let entries = self.all().into_iter();
        entries
            .filter_map(|it| if let Entry::Key(key, part) = it { (key == name).then_some(part) } else { None })
            .collect()
    }

    /// What stands at the end of a way of keys.
    pub fn at(self, keys: &[&str]) -> Vec<Part<'t, 'd>> {
        keys.iter().fold(vec![self], |parts, key| parts.into_iter().flat_map(|part| part.get(key)).collect())
    }

    /// The elements of a list.
    pub fn items(&self) -> Vec<Part<'t, 'd>> {
        let entries = self.all().into_iter();
        entries.filter_map(|it| if let Entry::Item(part) = it { Some(part) } else { None }).collect()
    }

    /// Whether a mapping may have one of some keys.
    pub fn says(self, names: &[&str]) -> Said {
        Said::of_any(self.all().into_iter().map(|entry| match entry {
            Entry::Key(key, _) if names.contains(&key) => Said::Written,
            Entry::Passed => Said::Passed,
            Entry::Unknown(name) => Said::Unknown(name.to_owned()),
            Entry::Key(..) | Entry::Item(_) => Said::Absent,
        }))
    }

    /// Whether a list or mapping has anything at all.
    pub fn is_empty(self) -> bool {
        self.all().is_empty()
    }

    /// What is written behind the key that this is under; empty where there is none.
    pub fn value(&self) -> &'t str {
        match self.what() {
            What::Key { value, .. } => value.trim_matches(['"', '\'']),
            _ => "",
        }
    }

    /// Its value where no action makes it.
    pub fn literal(&self) -> Option<&'t str> {
        Some(self.value()).filter(|value| !value.is_empty() && !value.contains("{{"))
    }

    /// Whether it is an object of one of some kinds. Of a kind that an action makes, the words of the action count.
    pub fn is_any_of(self, kinds: &[&str]) -> bool {
        self.kinds().any(|kind| kinds.contains(&kind))
    }

    fn kinds(self) -> impl Iterator<Item = &'t str> {
        let values = self.get("kind").into_iter().map(|it| it.value());
        values.flat_map(|value| value.split(|it: char| !it.is_ascii_alphanumeric())).filter(|word| !word.is_empty())
    }

    /// The conditions and loops around it in its file, the innermost first.
    pub fn guards(&self) -> Vec<&'t str> {
        let mut guards = Vec::new();
        // A document begins before the condition around what is in it.
        let is_document = *self.what() == What::Document;
        let own = self.get("kind").first().filter(|_| is_document).map_or(self.at, |kind| kind.at);
        for at in [own, self.place] {
            let outline = &self.templates.files[at.file].outline;
            let mut guard = outline.nodes[at.node].guard;
            while let Some((around, text)) = outline.guards.get(guard).filter(|_| guard > 0) {
                guards.push(text.as_str());
                guard = *around;
            }
        }
        guards
    }

    /// The document that it is shown in, where that is not the subject, and the line there.
    pub fn shown(&self) -> (Option<&'t Related<'d>>, View<'d>) {
        let file = &self.templates.files[self.place.file];
        (file.related.as_ref(), file.lines.item(file.outline.nodes[self.place.node].line))
    }

    /// Reports something at its line, in the subject.
    pub fn report<'f>(
        &self,
        findings: &'f mut Findings,
        code: impl FindingCode,
        message: impl Into<String>,
    ) -> Report<'f> {
        let line = self.shown().1;
        let excerpt = without_comment(line.text().trim()).to_owned();
        findings.report(code, &line, message).excerpt(excerpt)
    }

    /// Shows its line beside a finding.
    pub fn label<'f>(&self, report: Report<'f>, text: &str) -> Report<'f> {
        match self.shown() {
            (Some(related), line) => report.label_in(related, &line, text),
            (None, line) => report.label(&line, text),
        }
    }

    /// Whether helm runs it beside an installation, and it is no part of that.
    pub fn is_hook(self) -> bool {
        let annotations = self.at(&["metadata", "annotations"]);
        annotations.iter().any(|it| !it.get("helm.sh/hook").is_empty())
    }
}

/// An object with a pod template.
pub struct Workload<'t, 'd> {
    /// The object.
    pub object: Part<'t, 'd>,
    /// Its kind; the first where it may be one of several.
    pub kind: &'t str,
    /// The specifications of its pods, one for each branch that has one.
    pub pods: Vec<Part<'t, 'd>>,
    /// A named template that may hold some of it, and is not among the files.
    pub missing: Option<String>,
}

impl<'t, 'd> Workload<'t, 'd> {
    fn of(object: Part<'t, 'd>) -> Option<Self> {
        let known = object.kinds().find_map(|kind| WORKLOADS.iter().find(|(name, _)| *name == kind));
        let (kind, way) = match known {
            Some((kind, way)) => (*kind, *way),
            // Values say which.
            None if object.get("kind").iter().any(|kind| kind.value().contains("{{")) => ("workload", WORKLOADS[0].1),
            None => return None,
        };
        let way = [way, &["spec"]].concat();
        let pods: Vec<Part<'t, 'd>> = object.at(&way);
        let mut missing = None;
        for length in 0..way.len() {
            for part in object.at(&way[..length]) {
                if let Said::Unknown(name) = part.says(&[way[length]]) {
                    missing = Some(name);
                }
            }
        }
        (missing.is_some() || !pods.is_empty()).then_some(Self { object, kind, pods, missing })
    }

    /// Whether its pods run for long, and there may be several; of a kind that values say it is not known, and taken
    /// for so.
    pub fn is_long_running(&self) -> bool {
        self.kind == "workload" || LONG_RUNNING.contains(&self.kind)
    }

    /// Its containers that run for as long as the pod does. Those of the image `auto` are left out: Istio puts its own
    /// there.
    pub fn containers(&self) -> Vec<Part<'t, 'd>> {
        let lists = self.pods.iter().flat_map(|pod| pod.get("containers"));
        let mut containers: Vec<Part<'t, 'd>> = lists.flat_map(|list| list.items()).collect();
        containers.retain(|it| !it.get("image").iter().any(|image| image.literal() == Some("auto")));
        containers
    }

    /// Whether its pods may have one of some keys.
    pub fn pod_says(&self, keys: &[&str]) -> Said {
        let missing = self.missing.iter().map(|name| Said::Unknown(name.clone()));
        Said::of_any(self.pods.iter().map(|pod| pod.says(keys)).chain(missing))
    }

    /// Whether one of its containers may have one of some keys.
    pub fn container_says(&self, keys: &[&str]) -> Said {
        let of_pod = |pod: &Part<'t, 'd>| {
            let lists = pod.get("containers");
            let of_list = |list: &Part<'t, 'd>| {
                let items = list.items();
                // All containers may come from values, or from a template that is not there.
                let of_list = items.is_empty().then(|| list.says(&[]));
                Said::of_any(items.into_iter().map(|item| item.says(keys)).chain(of_list))
            };
            let of_pod = lists.is_empty().then(|| pod.says(&[]));
            Said::of_any(lists.iter().map(of_list).chain(of_pod))
        };
        let missing = self.missing.iter().map(|name| Said::Unknown(name.clone()));
        Said::of_any(self.pods.iter().map(of_pod).chain(missing))
    }

    /// The number of its pods, where that is written: 1 where nothing is.
    pub fn fixed_replicas(&self) -> Option<i64> {
        let specs = self.object.get("spec");
        let replicas: Vec<_> = specs.iter().flat_map(|spec| spec.get("replicas")).collect();
        match &replicas[..] {
            [] => specs.iter().all(|spec| spec.says(&["replicas"]) == Said::Absent).then_some(1),
            [one] => one.literal()?.parse().ok(),
            _ => None,
        }
    }
}

/// The templates of the subject, a chart that is installed. `Err` says why a rule does not apply to it.
pub fn installed<'d, P: Uses<OwnChart>>(input: &Input<'d, P>) -> Result<Templates<'d>, Skip> {
    let not_applicable = |reason: &str| Err(Skip::NotApplicable(reason.to_owned()));
    if input.document.get("type").text() == "library" {
        return not_applicable("it is a library, which deploys nothing");
    }
    if is_for_tests(&input.subject.name) {
        return not_applicable("it is for tests");
    }
    let templates = Templates::of_chart(input);
    if templates.is_empty() {
        return not_applicable("none of its templates is among the files, or what it deploys is checked instead");
    }
    Ok(templates)
}

/// What a container is called in messages.
pub fn called(container: &Part<'_, '_>) -> String {
    let names = container.get("name");
    match names.iter().find_map(Part::literal) {
        Some(name) => format!("container `{name}`"),
        None => "a container".to_owned(),
    }
}

/// Ports by their names, but for those of metrics and health checks, which nobody but the platform asks.
pub fn serves(container: &Part<'_, '_>) -> bool {
    let ports: Vec<Part<'_, '_>> = container.get("ports").iter().flat_map(Part::items).collect();
    ports.iter().any(|port| {
        let names = port.get("name");
        !names.iter().any(|name| name.literal().is_some_and(is_of_platform))
    })
}

/// Whether a port's name says that only monitoring and the kubelet ask it.
fn is_of_platform(name: &str) -> bool {
    name.split('-').any(|word| {
        matches!(word, "metrics" | "prometheus" | "prom" | "health" | "healthz" | "healthcheck" | "probe" | "probes")
            || matches!(word, "pprof" | "liveness" | "readiness" | "telemetry")
    })
}

/// The name of the subject's chart, where it is one that is installed. `Err` says why a rule does not apply.
pub fn chart_of_template<'d, P: Uses<OwnTemplate>>(input: &Input<'d, P>) -> Result<Related<'d>, Skip> {
    let not_applicable = |reason: &str| Skip::NotApplicable(reason.to_owned());
    // Of charts in each other the innermost.
    let Some(chart) = input.related("own_chart").max_by_key(|chart| chart.name().len()) else {
        return Err(Skip::NotEvaluated("the `Chart.yaml` of its chart is not among the files".to_owned()));
    };
    if chart.document.get("type").text() == "library" {
        return Err(not_applicable("its chart is a library, which deploys nothing"));
    }
    if is_test(&input.subject.name) || is_for_tests(&input.subject.name) {
        return Err(not_applicable("it is for tests"));
    }
    Ok(chart)
}

#[cfg(test)]
mod tests;
