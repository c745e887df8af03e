//! A rule's manifest: what the host knows of a rule without running it.

mod relation;

pub use relation::{
    Absent, Belonging, Building, Calling, Naming, Relation, Selection, SelectorForm, Sharing, Term, Terms, Whole,
};

use crate::language::Language;
use crate::language::key::Reading;
use crate::{kinds, suggest};
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;
use std::fmt;
use std::str::FromStr;

/// How bad a finding is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "lowercase")]
#[allow(missing_docs, reason = "the names say it")]
pub enum Severity {
    Info,
    Low,
    Medium,
    High,
    Critical,
}

impl fmt::Display for Severity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Severity::Info => "info",
            Severity::Low => "low",
            Severity::Medium => "medium",
            Severity::High => "high",
            Severity::Critical => "critical",
        })
    }
}

/// How sure a rule is of a finding.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Confidence {
    /// What is found may well be something else
    Guess,
    /// What the rule cannot see would have to be unusual
    Likely,
    /// It follows from what is written
    Certain,
}

impl fmt::Display for Confidence {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Confidence::Guess => "guess",
            Confidence::Likely => "likely",
            Confidence::Certain => "certain",
        })
    }
}

/// Where the findings stand that a kind of finding covers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Within {
    /// At the same path.
    #[default]
    Path,
    /// In the same container of a workload.
    Container,
    /// In the same document.
    Document,
}

/// One kind of finding that a rule has.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct FindingKind {
    /// Stable kebab-case name, unique in the rule.
    pub code: String,
    /// What it means, one line.
    pub title: String,
    /// How bad it is.
    pub severity: Severity,
    /// How sure the rule is of it.
    pub confidence: Confidence,
    /// The kinds of finding that its cure heals too: `RULE`, or `RULE/CODE`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub covers: Vec<String>,
    /// Where those stand.
    #[serde(default, skip_serializing_if = "is_path")]
    pub within: Within,
    /// The queries of the rule of which it says that nothing answers them. It is only told where all that is deployed
    /// together and could answer them is known; what other queries ask for does not count.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub absence: Vec<String>,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde passes a reference")]
fn is_path(within: &Within) -> bool {
    *within == Within::Path
}

impl FindingKind {
    /// Whether it says that it covers a kind of finding of some rule.
    pub fn covers(&self, rule: &str, code: &str) -> bool {
        self.covers.iter().any(|covered| match covered.split_once('/') {
            None => covered == rule,
            Some((of, kind)) => of == rule && kind == code,
        })
    }
}

/// How soon a gap should be closed, as the gap analyses rank it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, schemars::JsonSchema)]
#[allow(missing_docs, reason = "the names say it")]
pub enum Priority {
    P0,
    P1,
    P2,
    P3,
}

impl Priority {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::P0, Self::P1, Self::P2, Self::P3];

    /// As it is written.
    pub fn as_str(self) -> &'static str {
        match self {
            Priority::P0 => "P0",
            Priority::P1 => "P1",
            Priority::P2 => "P2",
            Priority::P3 => "P3",
        }
    }
}

/// How much work the cure is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "lowercase")]
#[allow(missing_docs, reason = "the names say it")]
pub enum Effort {
    Small,
    Medium,
    Large,
}

/// What the rule's own source says of it; see `wit/v1/rule.wit` and the SDK's `rule!`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Manifest {
    /// Stable kebab-case name.
    pub id: String,
    /// The component's version.
    pub version: String,
    /// The requirement, one line.
    pub title: String,
    /// What exactly is checked.
    #[serde(default)]
    pub description: String,
    /// Why it matters.
    pub why: String,
    /// What to do.
    pub fix: String,
    /// The kinds of finding that it has; at least one.
    pub findings: Vec<FindingKind>,
    /// How soon.
    pub priority: Priority,
    /// How much work.
    pub effort: Effort,
    /// The 12-factor factor (or one of the three that were added to them).
    pub factor: String,
    /// Ids of controls that it covers: `pss:restricted`, `cis:5.2.6`, ….
    #[serde(default)]
    pub controls: Vec<String>,
    /// What others call the check. People search for these; exceptions never name them.
    #[serde(default)]
    pub peers: Vec<String>,
    /// Ids that it had before. Exceptions and baselines may still name them.
    #[serde(default)]
    pub renamed_from: Vec<String>,
    /// The release that first had it.
    pub since: String,
    /// The documents that it checks.
    pub applies_to: Vec<Target>,
    /// The paths of them that it reads.
    pub reads: Vec<ReadPath>,
    /// Whether it also reads the object before an UPDATE.
    #[serde(default)]
    pub reads_old: bool,
    /// Whether it checks an object of files as the kustomizations around it build it. A rule that asks for other
    /// documents always does.
    #[serde(default)]
    pub reads_built: bool,
    /// Whether it also reads who asks for the change.
    #[serde(default)]
    pub reads_user: bool,
    /// The operations that it is asked about, beside CREATE and UPDATE where it lists none.
    #[serde(default)]
    pub operations: Vec<Operation>,
    /// The sub-resources that it is asked about, beside the object itself.
    #[serde(default)]
    pub subresources: Vec<String>,
    /// The other documents that it asks for.
    #[serde(default)]
    pub inventory: Vec<Query>,
    /// JSON Schema of the settings that it uses, by their names.
    #[serde(default = "no_parameters")]
    pub settings: serde_json::Value,
    /// JSON Schema of its parameters.
    #[serde(default = "no_parameters")]
    pub parameters: serde_json::Value,
}

/// What the API server is asked to do with an object.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "UPPERCASE")]
#[allow(missing_docs, reason = "the names say it")]
pub enum Operation {
    Create,
    Update,
    Delete,
    Connect,
}

impl Operation {
    /// Its name in a review.
    pub fn as_str(self) -> &'static str {
        match self {
            Operation::Create => "CREATE",
            Operation::Update => "UPDATE",
            Operation::Delete => "DELETE",
            Operation::Connect => "CONNECT",
        }
    }
}

fn no_parameters() -> serde_json::Value {
    serde_json::json!({"type": "object", "additionalProperties": false, "properties": {}})
}

/// A text's first paragraph, line breaks as spaces.
fn one_line(text: &str) -> String {
    let paragraph = text.split("\n\n").next().unwrap_or_default();
    paragraph.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// Which related documents a rule asks for.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Query {
    /// The key under which the rule finds them.
    pub name: String,
    /// Their kinds.
    pub kinds: Vec<Target>,
    /// How far it looks.
    pub scope: Scope,
    /// An earlier query of the rule: the relation then holds between the documents there and each document of its
    /// answer, and each document says by their positions which of them it came by.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub via: Option<String>,
    /// An earlier query of the rule: where that one finds anything, this one is not asked, and its answer is empty.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub unless: Option<String>,
    /// How they belong to the document here. Without it, all documents of the kinds in scope are told, and paid for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub relation: Option<Relation>,
    /// The paths of them that it reads.
    pub reads: Vec<ReadPath>,
}

/// Queries of one rule at the most.
const MAX_QUERIES: usize = 32;
/// Queries in one chain at the most, the first included.
const MAX_HOPS: usize = 3;

/// How far an inventory query looks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Scope {
    /// Documents of the subject's namespace.
    Namespace,
    /// All documents.
    Cluster,
}

/// A class of documents.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub enum Target {
    /// `workload`: everything with a pod template.
    Workload,
    /// `workload/Deployment`: one kind of them.
    WorkloadKind(String),
    /// `GROUP/Kind`; the core group is written `core`.
    Object {
        /// API group, empty for core.
        group: String,
        /// Kind.
        kind: String,
    },
    /// `file/Dockerfile`: a kind of repository file.
    File(String),
}

/// Why a text is not a [`Target`] or a [`ReadPath`].
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ManifestSyntaxError {
    /// Not a target.
    #[error("`{0}` must be one of `workload`, `workload/KIND`, `GROUP/KIND` or `file/KIND`")]
    Target(String),
    /// Not a path.
    #[error("`{0}` is not a read path: {1}")]
    Path(String, &'static str),
}

impl FromStr for Target {
    type Err = ManifestSyntaxError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let well_formed =
            |part: &str| !part.is_empty() && part.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '.' | '-'));
        match text.split_once('/') {
            None if text == "workload" => Ok(Target::Workload),
            Some(("workload", kind)) if well_formed(kind) => Ok(Target::WorkloadKind(kind.to_owned())),
            Some(("file", kind)) if well_formed(kind) => Ok(Target::File(kind.to_owned())),
            Some((group, kind)) if well_formed(group) && well_formed(kind) => {
                let group = if group == "core" { "" } else { group };
                Ok(Target::Object { group: group.to_owned(), kind: kind.to_owned() })
            }
            _ => Err(ManifestSyntaxError::Target(text.to_owned())),
        }
    }
}

impl fmt::Display for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Target::Workload => f.write_str("workload"),
            Target::WorkloadKind(kind) => write!(f, "workload/{kind}"),
            Target::Object { group, kind } if group.is_empty() => write!(f, "core/{kind}"),
            Target::Object { group, kind } => write!(f, "{group}/{kind}"),
            Target::File(kind) => write!(f, "file/{kind}"),
        }
    }
}

/// A path that a rule reads: `pod.spec.containers[*].image`. It takes in everything below its end, but no trees: those
/// are read where a path names them, `jobs.*.steps[*].run:shell`, `data.*:yaml`, `phases.*.commands[*]:shell`.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct ReadPath(Vec<Segment>);

/// One step of a [`ReadPath`].
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Segment {
    /// One key.
    Key(String),
    /// Every key of a mapping: `*`.
    AnyKey,
    /// Every element of a sequence: `[*]`.
    AnyItem,
    /// The tree of the text under one key, or under every key.
    Tree(Option<String>, Reading),
}

impl ReadPath {
    /// The steps.
    pub fn segments(&self) -> &[Segment] {
        &self.0
    }
}

/// What a path says that names a language that nobody knows.
const UNKNOWN_LANGUAGE: &str = "behind `:` stands no language (a key with `:` stands in `[\"…\"]`)";

impl FromStr for ReadPath {
    type Err = ManifestSyntaxError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let error = |why| ManifestSyntaxError::Path(text.to_owned(), why);
        let mut segments = Vec::new();
        let mut rest = text;
        // The comments of the whole document.
        let of_all = format!(":{}", Language::Comments);
        if let Some(after) = rest.strip_prefix(&of_all).filter(|after| after.is_empty() || after.starts_with('.')) {
            let reading = Reading { each: false, language: Language::Comments };
            segments.push(Segment::Tree(Some(String::new()), reading));
            rest = after.strip_prefix('.').unwrap_or(after);
        }
        while !rest.is_empty() {
            if let Some(after) = rest.strip_prefix("[*]") {
                segments.push(Segment::AnyItem);
                rest = after;
            } else if let Some(after) = rest.strip_prefix("[\"") {
                let (key, after) = after.split_once("\"]").ok_or_else(|| error("`[\"` is not closed by `\"]`"))?;
                segments.push(Segment::Key(key.to_owned()));
                rest = after;
            } else {
                let end = rest.find(['.', '[', ':']).unwrap_or(rest.len());
                let (key, after) = rest.split_at(end);
                if key.is_empty() {
                    return Err(error("a key is empty"));
                }
                if key != "*" && key.contains(['*', '"', ']']) {
                    return Err(error("a key with `*`, `\"` or `]` stands in `[\"…\"]`"));
                }
                segments.push(if key == "*" { Segment::AnyKey } else { Segment::Key(key.to_owned()) });
                rest = after;
            }
            if let Some(after) = rest.strip_prefix(':') {
                let end = after.find(['.', '[', ':']).unwrap_or(after.len());
                let (language, after) = after.split_at(end);
                let language = language.parse().map_err(|_| error(UNKNOWN_LANGUAGE))?;
                let each = segments.pop_if(|last| *last == Segment::AnyItem).is_some();
                let key = match segments.pop() {
                    Some(Segment::Key(key)) => Some(key),
                    Some(Segment::AnyKey) => None,
                    _ => return Err(error("no key stands before the language")),
                };
                segments.push(Segment::Tree(key, Reading { each, language }));
                rest = after;
            }
            if let Some(after) = rest.strip_prefix('.') {
                if after.is_empty() {
                    return Err(error("it ends with a dot"));
                }
                rest = after;
            } else if !rest.is_empty() && !rest.starts_with('[') {
                return Err(error("a dot is missing behind `]`"));
            }
        }
        if segments.is_empty() {
            return Err(error("it is empty; `*` reads the whole document"));
        }
        Ok(Self(segments))
    }
}

impl fmt::Display for ReadPath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, segment) in self.0.iter().enumerate() {
            let dot = if index == 0 { "" } else { "." };
            let key = |key: &str, f: &mut fmt::Formatter<'_>| {
                let quoted = key.is_empty() || key.contains(['.', '[', ']', '*', '"', '=', '|', ':']);
                if quoted { write!(f, "[\"{key}\"]") } else { write!(f, "{dot}{key}") }
            };
            match segment {
                Segment::AnyItem => f.write_str("[*]")?,
                Segment::AnyKey => write!(f, "{dot}*")?,
                Segment::Key(name) => key(name, f)?,
                Segment::Tree(Some(name), reading) => {
                    if !name.is_empty() || reading.language != Language::Comments {
                        key(name, f)?;
                    }
                    write!(f, "{reading}")?;
                }
                Segment::Tree(None, reading) => write!(f, "{dot}*{reading}")?,
            }
        }
        Ok(())
    }
}

macro_rules! through_strings {
    ($($type:ty),*) => {$(
        impl TryFrom<String> for $type {
            type Error = $crate::manifest::ManifestSyntaxError;

            fn try_from(text: String) -> Result<Self, Self::Error> {
                text.parse()
            }
        }

        impl From<$type> for String {
            fn from(value: $type) -> String {
                value.to_string()
            }
        }
    )*};
}

use through_strings;

through_strings!(Target, ReadPath);

/// Reads JSON, to its end.
fn read<'j, T: Deserialize<'j>>(json: &'j [u8], limit: usize) -> Result<T, ManifestError> {
    if json.len() > limit {
        return Err(ManifestError::TooLarge { bytes: json.len(), limit });
    }
    let mut deserializer = serde_json::Deserializer::from_slice(json);
    let read = serde_path_to_error::deserialize(&mut deserializer).map_err(|error| ManifestError::Malformed {
        path: error.path().to_string(),
        reason: crate::plain::value(error.inner()),
    })?;
    deserializer
        .end()
        .map_err(|error| ManifestError::Malformed { path: ".".to_owned(), reason: crate::plain::value(&error) })?;
    Ok(read)
}

/// Bounds on a manifest. What is shipped has a tenth of each.
pub mod bounds {
    /// Bytes of its JSON.
    pub const BYTES: usize = 128 << 10;
    /// Bytes of all manifests of one component.
    pub const TOTAL_BYTES: usize = 4 << 20;
    /// Bytes of an id: it names files, metrics and labels.
    pub const ID_BYTES: usize = 100;
    /// Bytes of what is one line: title, version, factor, names.
    pub const LINE_BYTES: usize = 500;
    /// Bytes of a text: what is checked, why, and what to do.
    pub const TEXT_BYTES: usize = 16 << 10;
    /// Entries of a list: documents, paths, controls, names.
    pub const ENTRIES: usize = 256;
    /// Steps of a path.
    pub const STEPS: usize = 32;
    /// Queries of the inventory.
    pub const QUERIES: usize = 16;
    /// Parameters.
    pub const PARAMETERS: usize = 64;
    /// Settings that it uses.
    pub const SETTINGS: usize = 64;
}

/// Why a manifest is refused.
#[derive(Debug, thiserror::Error)]
pub enum ManifestError {
    /// A component without rules.
    #[error("it has no rules")]
    None,
    /// Not the JSON that it should be.
    #[error("its manifest is malformed at `{path}`: {reason}")]
    Malformed {
        /// The field.
        path: String,
        /// What is wrong with it.
        reason: String,
    },
    /// Larger than a manifest may be.
    #[error("its manifest has {bytes} bytes, more than {limit}")]
    TooLarge {
        /// Its size.
        bytes: usize,
        /// The bound.
        limit: usize,
    },
    /// Well-formed, but a field says nothing or something impossible.
    #[error("its manifest's `{field}` {reason}")]
    Invalid {
        /// The field.
        field: &'static str,
        /// What is wrong with it.
        reason: String,
    },
}

impl Manifest {
    /// Reads and checks a manifest.
    ///
    /// # Errors
    /// Names the field.
    pub fn parse(json: &[u8]) -> Result<Self, ManifestError> {
        let manifest: Self = read(json, bounds::BYTES)?;
        manifest.check()?;
        Ok(manifest)
    }

    /// Reads and checks the manifests of a component, a JSON array.
    ///
    /// # Errors
    /// Names the field. There is at least one manifest, and no two have one id.
    pub fn parse_all(json: &[u8]) -> Result<Vec<Self>, ManifestError> {
        let texts: Vec<&serde_json::value::RawValue> = read(json, bounds::TOTAL_BYTES)?;
        if let Some(bytes) = texts.iter().map(|text| text.get().len()).find(|bytes| *bytes > bounds::BYTES) {
            return Err(ManifestError::TooLarge { bytes, limit: bounds::BYTES });
        }
        let manifests: Vec<Self> = read(json, bounds::TOTAL_BYTES)?;
        if manifests.is_empty() {
            return Err(ManifestError::None);
        }
        let mut ids = BTreeSet::new();
        for manifest in &manifests {
            manifest.check()?;
            if !ids.insert(manifest.id.as_str()) {
                return Err(ManifestError::Invalid { field: "id", reason: "is there twice".to_owned() });
            }
        }
        Ok(manifests)
    }

    /// Reads the manifests of a component that this program embeds: its build has checked them.
    ///
    /// # Errors
    /// When they are not what the build wrote.
    pub fn read_embedded(json: &[u8]) -> Result<Vec<Self>, serde_json::Error> {
        serde_json::from_slice(json)
    }

    /// Whether the rule is asked about a request for an object, or a sub-resource of one.
    pub fn is_asked_about(&self, operation: &str, subresource: &str) -> bool {
        let operations = match self.operations.as_slice() {
            [] => &[Operation::Create, Operation::Update][..],
            listed => listed,
        };
        operations.iter().any(|known| known.as_str() == operation)
            && (subresource.is_empty() || self.subresources.iter().any(|known| known == subresource))
    }

    /// Why it matters, on one line.
    pub fn why_line(&self) -> String {
        one_line(&self.why)
    }

    /// What to do, on one line.
    pub fn fix_line(&self) -> String {
        one_line(&self.fix)
    }

    /// The kind of finding with that code.
    pub fn kind(&self, code: &str) -> Option<&FindingKind> {
        self.findings.iter().find(|kind| kind.code == code)
    }

    /// The kinds of the documents of which a kind of finding says that there is none.
    pub fn missing<'a>(&'a self, kind: &'a FindingKind) -> Vec<&'a Target> {
        self.missing_queries(kind).flat_map(|query| &query.kinds).collect()
    }

    /// The queries that would find what a kind of finding says is missing.
    pub fn missing_queries<'a>(&'a self, kind: &'a FindingKind) -> impl Iterator<Item = &'a Query> {
        self.inventory.iter().filter(|query| kind.absence.contains(&query.name))
    }

    /// The severity of its worst kind of finding.
    pub fn worst(&self) -> Severity {
        self.findings.iter().map(|kind| kind.severity).max().unwrap_or(Severity::Info)
    }

    /// The names of the settings that it uses.
    pub fn setting_names(&self) -> impl Iterator<Item = &str> {
        properties(&self.settings).map(|(name, _)| name)
    }

    /// Whether that is its id, or was.
    pub fn is_called(&self, name: &str) -> bool {
        self.id == name || self.renamed_from.iter().any(|former| former == name)
    }

    fn check(&self) -> Result<(), ManifestError> {
        let invalid = |field, reason: &str| Err(ManifestError::Invalid { field, reason: reason.to_owned() });
        if !is_kebab_case(&self.id) {
            return invalid("id", "is not kebab-case");
        }
        self.check_bounds()?;
        self.check_findings()?;
        for (index, former) in self.renamed_from.iter().enumerate() {
            if !is_kebab_case(former) {
                return invalid("renamedFrom", &format!("names `{former}`, which is not kebab-case"));
            }
            if *former == self.id || self.renamed_from[..index].contains(former) {
                return invalid("renamedFrom", &format!("names `{former}`, which is not another id"));
            }
        }
        for (field, text) in [("title", &self.title), ("why", &self.why), ("fix", &self.fix)] {
            if text.trim().is_empty() {
                return invalid(field, "is empty");
            }
        }
        if self.applies_to.is_empty() {
            return invalid("appliesTo", "names no documents");
        }
        self.check_targets()?;
        for (field, schema) in [("parameters", &self.parameters), ("settings", &self.settings)] {
            if schema.get("type").and_then(serde_json::Value::as_str) != Some("object") {
                return invalid(field, "is not a schema of type `object`");
            }
        }
        let mut names: Vec<&str> = self.inventory.iter().map(|query| query.name.as_str()).collect();
        names.sort_unstable();
        names.dedup();
        if names.len() != self.inventory.len() {
            return invalid("inventory", "has two queries of one name");
        }
        check_queries(&self.inventory).map_err(|reason| ManifestError::Invalid { field: "inventory", reason })
    }

    /// Whether every kind of file that it names is one.
    fn check_targets(&self) -> Result<(), ManifestError> {
        let queries = self.inventory.iter().map(|query| ("inventory", &query.kinds));
        for (field, targets) in queries.chain([("appliesTo", &self.applies_to)]) {
            for target in targets {
                let Target::File(kind) = target else { continue };
                if kinds::named(kind).is_none() {
                    let known = kinds::KINDS.iter().map(|kind| kind.name);
                    let meant = suggest::closest(kind, known).map(|kind| format!("; did you mean `file/{kind}`?"));
                    let reason = format!("names `{target}`, which is no kind of file{}", meant.unwrap_or_default());
                    return Err(ManifestError::Invalid { field, reason });
                }
            }
        }
        Ok(())
    }

    fn check_findings(&self) -> Result<(), ManifestError> {
        let invalid = |reason: String| Err(ManifestError::Invalid { field: "findings", reason });
        if self.findings.is_empty() {
            return invalid("declares no kind of finding".to_owned());
        }
        for (index, kind) in self.findings.iter().enumerate() {
            let code = &kind.code;
            if !is_kebab_case(code) {
                return invalid(format!("has the code `{code}`, which is not kebab-case"));
            }
            if self.findings[..index].iter().any(|earlier| earlier.code == *code) {
                return invalid(format!("has two kinds with the code `{code}`"));
            }
            if kind.title.trim().is_empty() {
                return invalid(format!("does not say what `{code}` means"));
            }
            let is_kind = |covered: &str| match covered.split_once('/') {
                None => is_kebab_case(covered) && covered != self.id,
                Some((rule, kind)) => {
                    is_kebab_case(rule) && is_kebab_case(kind) && (rule, kind) != (self.id.as_str(), code.as_str())
                }
            };
            if let Some(covered) = kind.covers.iter().find(|covered| !is_kind(covered)) {
                return invalid(format!("says that `{code}` covers `{covered}`, which is no other RULE or RULE/CODE"));
            }
            let is_query = |name: &&String| self.inventory.iter().any(|query| query.name == **name);
            if let Some(name) = kind.absence.iter().find(|name| !is_query(name)) {
                return invalid(format!("says that nothing answers `{name}`, which is no query of its `inventory`"));
            }
        }
        Ok(())
    }

    /// Whether everything is within its bound.
    fn check_bounds(&self) -> Result<(), ManifestError> {
        use bounds::{ENTRIES, ID_BYTES, LINE_BYTES, PARAMETERS, QUERIES, SETTINGS, STEPS, TEXT_BYTES};
        let within = |field: &'static str, counted: usize, limit: usize, what: &str| {
            let reason = || format!("has {counted} {what}, more than {limit}");
            if counted <= limit { Ok(()) } else { Err(ManifestError::Invalid { field, reason: reason() }) }
        };
        let bytes = |field, text: &str, limit| within(field, text.len(), limit, "bytes");
        bytes("id", &self.id, ID_BYTES)?;
        for (field, text) in
            [("version", &self.version), ("title", &self.title), ("factor", &self.factor), ("since", &self.since)]
        {
            bytes(field, text, LINE_BYTES)?;
        }
        for (field, text) in [("description", &self.description), ("why", &self.why), ("fix", &self.fix)] {
            bytes(field, text, TEXT_BYTES)?;
        }
        for (field, texts) in
            [("controls", &self.controls), ("peers", &self.peers), ("renamedFrom", &self.renamed_from)]
        {
            within(field, texts.len(), ENTRIES, "entries")?;
            texts.iter().try_for_each(|text| bytes(field, text, LINE_BYTES))?;
        }
        within("findings", self.findings.len(), ENTRIES, "entries")?;
        for kind in &self.findings {
            bytes("findings", &kind.code, ID_BYTES)?;
            bytes("findings", &kind.title, LINE_BYTES)?;
            within("findings", kind.covers.len(), ENTRIES, "entries")?;
            kind.covers.iter().try_for_each(|covered| bytes("findings", covered, LINE_BYTES))?;
            within("findings", kind.absence.len(), ENTRIES, "entries")?;
            kind.absence.iter().try_for_each(|query| bytes("findings", query, ID_BYTES))?;
        }
        within("operations", self.operations.len(), ENTRIES, "entries")?;
        within("subresources", self.subresources.len(), ENTRIES, "entries")?;
        self.subresources.iter().try_for_each(|name| bytes("subresources", name, ID_BYTES))?;
        within("inventory", self.inventory.len(), QUERIES, "queries")?;
        let queries = || self.inventory.iter();
        queries().try_for_each(|query| bytes("inventory", &query.name, ID_BYTES))?;
        let targets = queries().map(|query| ("inventory", &query.kinds)).chain([("appliesTo", &self.applies_to)]);
        for (field, targets) in targets {
            within(field, targets.len(), ENTRIES, "kinds")?;
            targets.iter().try_for_each(|target| bytes(field, &target.to_string(), LINE_BYTES))?;
        }
        let reads = queries().map(|query| ("inventory", &query.reads)).chain([("reads", &self.reads)]);
        for (field, paths) in reads {
            within(field, paths.len(), ENTRIES, "paths")?;
            for path in paths {
                within(field, path.segments().len(), STEPS, "steps in a path")?;
                bytes(field, &path.to_string(), LINE_BYTES)?;
            }
        }
        within("parameters", properties(&self.parameters).count(), PARAMETERS, "parameters")?;
        within("settings", properties(&self.settings).count(), SETTINGS, "settings")
    }
}

/// The properties of a schema, by their names.
pub fn properties(schema: &serde_json::Value) -> impl Iterator<Item = (&str, &serde_json::Value)> {
    let properties = schema.get("properties").and_then(serde_json::Value::as_object);
    properties.into_iter().flatten().map(|(name, schema)| (name.as_str(), schema))
}

/// The kind of what a registry says of an image.
pub const IMAGE_KIND: &str = "policy-host.dev/Image";

/// Whether a target is what a registry says of an image.
pub fn is_image(target: &Target) -> bool {
    matches!(target, Target::Object { group, kind } if IMAGE_KIND.split_once('/') == Some((group.as_str(), kind.as_str())))
}

fn is_kebab_case(text: &str) -> bool {
    let is_part = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
    !text.is_empty() && text.chars().all(is_part) && !text.starts_with('-') && !text.ends_with('-')
}

/// What no query can be: related in an impossible way, or by a chain that is too long or runs backwards.
fn check_queries(queries: &[Query]) -> Result<(), String> {
    if queries.len() > MAX_QUERIES {
        return Err(format!("has {} queries, more than {MAX_QUERIES}", queries.len()));
    }
    let mut hops = Vec::with_capacity(queries.len());
    for query in queries {
        let wrong = |reason: String| format!("has a query `{}` that {reason}", query.name);
        let earlier = |name: &String| queries[..hops.len()].iter().position(|earlier| earlier.name == *name);
        if let Some(unless) = query.unless.as_ref().filter(|unless| earlier(unless).is_none()) {
            return Err(wrong(format!("is asked unless `{unless}` finds anything, which is no earlier one")));
        }
        let before = match &query.via {
            None => 0,
            Some(_) if query.relation.is_none() => return Err(wrong("has a `via` and no relation".to_owned())),
            Some(via) => hops[earlier(via).ok_or_else(|| wrong(format!("is via `{via}`, which is no earlier one")))?],
        };
        if before == MAX_HOPS {
            return Err(wrong(format!("ends a chain of more than {MAX_HOPS} queries")));
        }
        hops.push(before + 1);
        if let Some(relation) = &query.relation {
            relation.check().map_err(wrong)?;
            if let Relation::Selects(selection) | Relation::Selected(selection) = relation
                && (selection.namespaces.is_some() || selection.namespace_labels.is_some())
                && query.scope == Scope::Namespace
            {
                return Err(wrong("looks into other namespaces and has the scope `namespace`".to_owned()));
            }
            let is_dockerfile = |kind: &Target| *kind == Target::File("Dockerfile".to_owned());
            if matches!(relation, Relation::Built(_)) && !query.kinds.iter().all(is_dockerfile) {
                return Err(wrong("is `built`, which only a `file/Dockerfile` can be".to_owned()));
            }
        }
        // Of such documents there are no more than are asked for by the images here.
        let (is_about, are_images) =
            (matches!(query.relation, Some(Relation::About(_))), query.kinds.iter().map(is_image));
        if is_about != are_images.clone().any(|is| is) || is_about && !are_images.clone().all(|is| is) {
            return Err(wrong(format!("is `about` images, as every query for `{IMAGE_KIND}` is, and no other")));
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn targets_and_paths_read_back_as_written() {
        for text in
            ["workload", "workload/Deployment", "core/ConfigMap", "rbac.authorization.k8s.io/Role", "file/Dockerfile"]
        {
            assert_eq!(text.parse::<Target>().unwrap().to_string(), text);
        }
        for text in
            ["*", "pod.spec.containers[*].env[*].value", "metadata.labels[\"a.b/c\"]", "jobs.*.steps[*]", "[\"\"].x"]
        {
            assert_eq!(text.parse::<ReadPath>().unwrap().to_string(), text);
        }
    }

    #[test]
    fn malformed_ones_are_refused() {
        for text in ["", "Workload", "workload/", "/Kind", "a/b/c", "file/"] {
            assert!(text.parse::<Target>().is_err(), "{text}");
        }
        for text in ["", ".", "a.", "a..b", "a[*]b", "[\"x", "a[0]"] {
            assert!(text.parse::<ReadPath>().is_err(), "{text}");
        }
    }

    #[test]
    fn absence_is_of_queries() {
        let parsed = |absence: serde_json::Value| {
            let query = |name: &str, kind: &str| serde_json::json!({"name": name, "kinds": [kind], "scope": "cluster", "reads": []});
            let manifest = serde_json::json!({
                "id": "x", "version": "1.0.0", "title": "t", "why": "w", "fix": "f", "priority": "P1", "effort": "small",
                "findings": [
                    {"code": "c", "title": "t", "severity": "low", "confidence": "certain", "absence": absence},
                ],
                "factor": "I", "since": "0.1.0", "reads": [], "appliesTo": ["workload"],
                "inventory": [query("services", "core/Service"), query("policies", "networking.k8s.io/NetworkPolicy")],
            });
            Manifest::parse(manifest.to_string().as_bytes())
        };
        let missing = |absence: &[&str]| {
            let manifest = parsed(serde_json::json!(absence)).unwrap();
            let missing = manifest.missing(&manifest.findings[0]);
            missing.into_iter().map(ToString::to_string).collect::<Vec<_>>().join(" ")
        };
        assert_eq!(missing(&["policies"]), "networking.k8s.io/NetworkPolicy");
        assert_eq!(missing(&["policies", "services"]), "core/Service networking.k8s.io/NetworkPolicy");
        assert_eq!(missing(&[]), "");
        let refused = parsed(serde_json::json!(["service"])).unwrap_err().to_string();
        assert!(
            refused.ends_with("says that nothing answers `service`, which is no query of its `inventory`"),
            "{refused}"
        );
    }

    #[test]
    fn kinds_of_files_are_known_ones_and_objects_any() {
        let refused = |target: &str| {
            let manifest = serde_json::json!([{
                "id": "x", "version": "1.0.0", "title": "t", "why": "w", "fix": "f", "priority": "P1", "effort": "small",
                "findings": [{"code": "c", "title": "t", "severity": "low", "confidence": "certain"}],
                "factor": "I", "since": "0.1.0", "reads": [], "appliesTo": [target],
            }]);
            Manifest::parse_all(manifest.to_string().as_bytes()).err().map(|error| error.to_string())
        };
        for known in ["file/Dockerfile", "core/ConfigMap", "cert-manager.io/Certificate", "x.example/Anything"] {
            assert_eq!(refused(known), None, "{known}");
        }
        assert_eq!(
            refused("file/Dockerfle").unwrap(),
            "its manifest's `appliesTo` names `file/Dockerfle`, which is no kind of file; did you mean `file/Dockerfile`?"
        );
        assert!(refused("file/Zzz").unwrap().ends_with("which is no kind of file"));
    }

    #[test]
    fn chains_lead_forwards_and_end() {
        let query = |name: &str, via: Option<&str>| {
            let relation = serde_json::json!({"named": {"name": "spec.x"}});
            let mut query = serde_json::json!({
                "name": name, "kinds": ["core/Service"], "scope": "cluster", "relation": relation, "reads": [],
            });
            if let Some(via) = via {
                query["via"] = via.into();
            }
            serde_json::from_value::<Query>(query).unwrap()
        };
        let chain = [query("a", None), query("b", Some("a")), query("c", Some("b"))];
        assert_eq!(check_queries(&chain), Ok(()));
        let longer: Vec<Query> = chain.iter().cloned().chain([query("d", Some("c"))]).collect();
        assert_eq!(check_queries(&longer).unwrap_err(), "has a query `d` that ends a chain of more than 3 queries");
        let backwards = [query("a", Some("b")), query("b", None)];
        assert_eq!(check_queries(&backwards).unwrap_err(), "has a query `a` that is via `b`, which is no earlier one");
        let early = Query { unless: Some("b".to_owned()), ..query("a", None) };
        assert_eq!(
            check_queries(&[early.clone(), query("b", None)]).unwrap_err(),
            "has a query `a` that is asked unless `b` finds anything, which is no earlier one"
        );
        assert_eq!(check_queries(&[query("b", None), early]), Ok(()));
        let all = Query { relation: None, ..query("b", Some("a")) };
        assert_eq!(
            check_queries(&[query("a", None), all]).unwrap_err(),
            "has a query `b` that has a `via` and no relation"
        );
        let spaces = serde_json::from_value::<Query>(serde_json::json!({
            "name": "m", "kinds": ["x.io/M"], "scope": "namespace", "reads": [],
            "relation": {"selects": {"there": "a", "here": "b", "namespaces": "c"}},
        }));
        assert_eq!(
            check_queries(&[spaces.unwrap()]).unwrap_err(),
            "has a query `m` that looks into other namespaces and has the scope `namespace`"
        );
    }

    proptest! {
        #[test]
        fn paths_never_panic(text in "[a.*\\[\\]\"]{0,12}") {
            if let Ok(path) = text.parse::<ReadPath>() {
                prop_assert_eq!(path.to_string().parse::<ReadPath>().unwrap(), path);
            }
        }
    }
}
