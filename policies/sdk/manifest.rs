//! A rule's manifest: everything the host, the docs and a reviewer want to know without running it.

use crate::factor::Factor;
use crate::finding::kebab_case;
use crate::uses::{self, Used};
use crate::write::{ObjectWriter, Raw, ToJson};

/// A manifest as [`rule!`](crate::rule!) captures it.
#[doc(hidden)]
pub struct Manifest {
    /// Path of the module that declares the rule, which is called as the rule is.
    pub module: &'static str,
    pub version: &'static str,
    pub docs: &'static [&'static str],
    pub priority: &'static str,
    pub effort: &'static str,
    pub findings: &'static [FindingKind],
    pub factor: Factor,
    pub controls: &'static [&'static str],
    pub peers: &'static [&'static str],
    pub renamed_from: &'static [&'static str],
    pub since: &'static str,
    pub applies_to: &'static [&'static str],
    pub reads: &'static [&'static str],
    pub reads_old: bool,
    pub reads_built: bool,
    pub reads_user: bool,
    pub operations: &'static [&'static str],
    pub subresources: &'static [&'static str],
    pub inventory: &'static [Query],
    pub uses: &'static [Used],
    pub parameters: Vec<Property>,
}

/// One kind of finding.
#[doc(hidden)]
pub struct FindingKind {
    /// The name of its variant.
    pub name: &'static str,
    pub docs: &'static [&'static str],
    pub severity: Severity,
    pub confidence: Confidence,
    pub covers: &'static [&'static str],
    pub within: Within,
    pub absence: Absence,
}

/// What a kind of finding says is missing: a document that answers one of these queries.
#[doc(hidden)]
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Absence {
    /// It says nothing of the kind.
    None,
    /// Any query of the rule.
    OfAny,
    /// One of those that are named.
    Of(&'static [&'static str]),
}

/// How bad a kind of finding is; CONTRIBUTING.md says which is which.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Severity {
    /// Worth knowing, no demand.
    Info,
    /// Hygiene and convention.
    Low,
    /// Resilience, operation or cost suffers.
    Medium,
    /// One more fault, or one attacker inside the cluster, is enough.
    High,
    /// The next ordinary event is enough.
    Critical,
}

/// How sure a rule is of a kind of finding.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Confidence {
    /// What is found may well be something else.
    Guess,
    /// What the rule cannot see would have to be unusual.
    Likely,
    /// It follows from what is written.
    Certain,
}

/// Where the findings stand that a kind of finding covers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Within {
    /// At the same path.
    Path,
    /// In the same container.
    Container,
    /// In the same document.
    Document,
}

impl Severity {
    fn name(self) -> &'static str {
        match self {
            Severity::Info => "info",
            Severity::Low => "low",
            Severity::Medium => "medium",
            Severity::High => "high",
            Severity::Critical => "critical",
        }
    }
}

impl Confidence {
    fn name(self) -> &'static str {
        match self {
            Confidence::Guess => "guess",
            Confidence::Likely => "likely",
            Confidence::Certain => "certain",
        }
    }
}

impl Within {
    fn name(self) -> &'static str {
        match self {
            Within::Path => "path",
            Within::Container => "container",
            Within::Document => "document",
        }
    }
}

impl FindingKind {
    /// As JSON; `queries` are those of the rule.
    fn to_raw(&self, queries: &[&'static Query]) -> Raw {
        let mut out = String::new();
        let mut object = ObjectWriter::new(&mut out);
        object
            .entry("code", &kebab_case(self.name))
            .entry("title", join(self.docs).trim_end_matches('.'))
            .entry("severity", self.severity.name())
            .entry("confidence", self.confidence.name());
        if !self.covers.is_empty() {
            object.entry("covers", self.covers).entry("within", self.within.name());
        }
        match self.absence {
            Absence::None => {}
            Absence::OfAny => {
                object.entry("absence", &queries.iter().map(|query| query.name).collect::<Vec<_>>());
            }
            Absence::Of(named) => {
                object.entry("absence", named);
            }
        }
        object.finish();
        Raw(out)
    }
}

/// One inventory query.
#[doc(hidden)]
#[derive(Clone, Copy)]
pub struct Query {
    pub name: &'static str,
    pub kinds: &'static [&'static str],
    pub scope: &'static str,
    /// The earlier query, where there is one.
    pub via: &'static [&'static str],
    /// The earlier query without whose documents alone this one is asked, where there is one.
    pub unless: &'static [&'static str],
    /// The relation, where there is one, by its name and fields.
    pub relation: &'static [(&'static str, &'static [Field])],
    pub reads: &'static [&'static str],
}

/// A field of a relation with its values.
#[doc(hidden)]
pub type Field = (&'static str, &'static [&'static str]);

impl Manifest {
    /// The manifest as JSON.
    pub fn to_json(&self) -> String {
        let docs = Docs::parse(self.docs);
        let reads: Vec<&str> = self.reads.iter().chain(self.uses.iter().flat_map(|used| used.reads)).copied().collect();
        let inventory = uses::queries(self.inventory, self.uses);
        let mut out = String::new();
        let mut object = ObjectWriter::new(&mut out);
        object
            .entry("id", &id(self.module))
            .entry("version", self.version)
            .entry("title", &docs.title)
            .entry("description", &docs.description)
            .entry("why", &docs.why)
            .entry("fix", &docs.fix)
            .entry("findings", &self.findings.iter().map(|kind| kind.to_raw(&inventory)).collect::<Vec<_>>())
            .entry("priority", self.priority)
            .entry("effort", &self.effort.to_ascii_lowercase())
            .entry("factor", self.factor.title())
            .entry("controls", self.controls)
            .entry("peers", self.peers)
            .entry("renamedFrom", self.renamed_from)
            .entry("since", self.since)
            .entry("appliesTo", self.applies_to)
            .entry("reads", &expand(&reads))
            .entry("readsOld", &self.reads_old)
            .entry("readsBuilt", &self.reads_built)
            .entry("readsUser", &self.reads_user)
            .entry("operations", self.operations)
            .entry("subresources", self.subresources)
            .entry("inventory", &inventory.into_iter().map(|query| query.to_raw()).collect::<Vec<_>>())
            .entry("settings", &self.settings_schema())
            .entry("parameters", &schema(&self.parameters));
        object.finish();
        out
    }

    fn settings_schema(&self) -> Raw {
        let settings = uses::settings(self.uses).into_iter();
        schema(&settings.map(|it| (it.name, it.docs, (it.schema)(), (it.default)())).collect::<Vec<_>>())
    }
}

/// A property of a schema: name, doc lines, schema, default.
#[doc(hidden)]
pub type Property = (&'static str, &'static [&'static str], String, String);

/// The schema of an object with these properties.
fn schema(properties: &[Property]) -> Raw {
    Raw(["{", &schema_of(properties), "}"].concat())
}

/// [`schema`], without its braces.
#[doc(hidden)]
pub fn schema_of(properties: &[Property]) -> String {
    let mut written = String::new();
    let mut object = ObjectWriter::new(&mut written);
    for (name, docs, schema, default) in properties {
        let mut property = format!("{{{schema},\"description\":");
        join(docs).write_json(&mut property);
        if default != "null" {
            property.push_str(",\"default\":");
            property.push_str(default);
        }
        property.push('}');
        object.entry(name, &Raw(property));
    }
    object.finish();
    format!(r#""type":"object","additionalProperties":false,"properties":{written}"#)
}

/// The id of the rule that a module declares.
fn id(module: &str) -> String {
    module.rsplit("::").next().unwrap_or_default().replace('_', "-")
}

impl Query {
    fn to_raw(self) -> Raw {
        let mut out = String::new();
        let mut object = ObjectWriter::new(&mut out);
        object.entry("name", self.name).entry("kinds", self.kinds).entry("scope", self.scope);
        for via in self.via {
            object.entry("via", *via);
        }
        for unless in self.unless {
            object.entry("unless", *unless);
        }
        for (name, fields) in self.relation {
            object.entry("relation", &relation(name, fields));
        }
        object.entry("reads", &expand(self.reads));
        object.finish();
        Raw(out)
    }
}

fn relation(name: &str, fields: &[Field]) -> Raw {
    let mut inner = String::new();
    let mut object = ObjectWriter::new(&mut inner);
    for (name, values) in fields {
        let name = if *name == "namespace_labels" { "namespaceLabels" } else { name };
        match values {
            [value] if !value.contains("container.") => object.entry(name, *value),
            values => object.entry(name, &expand_fields(values)),
        };
    }
    object.finish();
    let mut out = String::new();
    let mut object = ObjectWriter::new(&mut out);
    object.entry(name, &Raw(inner));
    object.finish();
    Raw(out)
}

/// Writes out `container.X` and `main_container.X` in the order of the values.
fn expand_fields(values: &[&str]) -> Vec<String> {
    let mut paths = Vec::new();
    for value in values {
        if let Some(field) = value.strip_prefix("container.") {
            paths.extend(CONTAINER_LISTS.iter().map(|list| ["pod.spec.", list, "[*].", field].concat()));
        } else if let Some(field) = value.strip_prefix("main_container.") {
            paths.push(["pod.spec.containers[*].", field].concat());
        } else {
            paths.push((*value).to_owned());
        }
    }
    paths
}

const CONTAINER_LISTS: [&str; 3] = ["containers", "initContainers", "ephemeralContainers"];

/// Writes out the two shorthands, so that a manifest shows what is read in full:
/// `container.X` is `X` of every container of every class, `main_container.X` of those in
/// `containers`; both read the container's name (and what tells a sidecar) too.
fn expand(reads: &[&str]) -> Vec<String> {
    let mut paths: Vec<String> = Vec::new();
    // Not `sort` and `dedup`, which make every component 5 KB larger.
    let mut add = |path: String| {
        if let Err(at) = paths.binary_search(&path) {
            paths.insert(at, path);
        }
    };
    for read in reads {
        if let Some(field) = read.strip_prefix("container.") {
            for list in CONTAINER_LISTS {
                add(["pod.spec.", list, "[*].", field].concat());
                add(["pod.spec.", list, "[*].name"].concat());
            }
            add("pod.spec.initContainers[*].restartPolicy".into());
        } else if let Some(field) = read.strip_prefix("main_container.") {
            add(["pod.spec.containers[*].", field].concat());
            add("pod.spec.containers[*].name".into());
        } else {
            add((*read).to_owned());
        }
    }
    paths
}

/// A rule's doc comment, taken apart at its headings.
#[derive(Default)]
struct Docs {
    title: String,
    description: String,
    why: String,
    fix: String,
}

impl Docs {
    fn parse(lines: &[&str]) -> Self {
        let (title, rest) = match lines.split_first() {
            Some((title, rest)) => (title.trim().trim_end_matches('.').to_owned(), rest),
            None => return Self::default(),
        };
        let mut docs = Self { title, ..Self::default() };
        for part in rest.split_inclusive_before(|line| line.trim().starts_with("## ")) {
            let heading = part.first().map_or("", |line| line.trim());
            match heading {
                "## Why" => docs.why = join(&part[1..]),
                "## Fix" => docs.fix = join(&part[1..]),
                _ => docs.description = join(part),
            }
        }
        docs
    }
}

/// Splits a slice before every element that starts a new part.
trait SplitBefore<T> {
    fn split_inclusive_before(&self, starts: impl Fn(&T) -> bool) -> Vec<&[T]>;
}

impl<T> SplitBefore<T> for [T] {
    fn split_inclusive_before(&self, starts: impl Fn(&T) -> bool) -> Vec<&[T]> {
        let mut cuts: Vec<usize> = (1..self.len()).filter(|at| starts(&self[*at])).collect();
        cuts.insert(0, 0);
        cuts.push(self.len());
        cuts.windows(2).map(|pair| &self[pair[0]..pair[1]]).collect()
    }
}

/// Doc lines as one text: the space behind `///` and the blank lines around go.
fn join(lines: &[&str]) -> String {
    let lines: Vec<&str> = lines.iter().map(|line| line.strip_prefix(' ').unwrap_or(line).trim_end()).collect();
    lines.join("\n").trim().to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_rule_is_called_as_its_module() {
        assert_eq!(id("availability::pdb_required"), "pdb-required");
    }

    #[test]
    fn docs_are_taken_apart_at_their_headings() {
        let docs = Docs::parse(&[" Title.", "", " More", " text.", "", " ## Why", " Because.", "", " ## Fix", " Do."]);
        assert_eq!(docs.title, "Title");
        assert_eq!(docs.description, "More\ntext.");
        assert_eq!(docs.why, "Because.");
        assert_eq!(docs.fix, "Do.");
    }

    #[test]
    fn a_query_says_how_its_documents_belong_to_the_subject() {
        const NOTHING: &[&str] = &[];
        let query = |via, relation| {
            let (name, kinds, scope, reads) = ("q", &["x/Y"], "namespace", &["a"]);
            Query { name, kinds, scope, via, unless: NOTHING, relation, reads }
        };
        assert_eq!(query(&[], &[]).to_raw().0, r#"{"name":"q","kinds":["x/Y"],"scope":"namespace","reads":["a"]}"#);
        const FIELDS: &[Field] = &[("kind", &["=Y"]), ("name", &["container.x", "main_container.y", "z"])];
        assert_eq!(
            query(&["p"], &[("named", FIELDS)]).to_raw().0,
            concat!(
                r#"{"name":"q","kinds":["x/Y"],"scope":"namespace","via":"p","relation":{"named":{"kind":"=Y","name":["#,
                r#""pod.spec.containers[*].x","pod.spec.initContainers[*].x","pod.spec.ephemeralContainers[*].x","#,
                r#""pod.spec.containers[*].y","z"]}},"reads":["a"]}"#
            )
        );
        let second = Query { unless: &["p"], ..query(&[], &[]) };
        assert_eq!(second.to_raw().0, r#"{"name":"q","kinds":["x/Y"],"scope":"namespace","unless":"p","reads":["a"]}"#);
        let fields: &[Field] = &[("there", &["s"]), ("namespace_labels", &["n"])];
        assert_eq!(relation("selects", fields).0, r#"{"selects":{"there":"s","namespaceLabels":"n"}}"#);
    }

    #[test]
    fn a_kind_of_finding_names_the_queries_whose_answer_is_missing() {
        const QUERY: Query =
            Query { name: "a", kinds: &["x/Y"], scope: "namespace", via: &[], unless: &[], relation: &[], reads: &[] };
        let queries: [&Query; 2] = [&QUERY, &const { Query { name: "b", ..QUERY } }];
        let written = |absence| {
            let (severity, confidence, within) = (Severity::Low, Confidence::Likely, Within::Path);
            FindingKind { name: "Missing", docs: &["t"], severity, confidence, covers: &[], within, absence }
                .to_raw(&queries)
                .0
        };
        assert!(!written(Absence::None).contains("absence"));
        assert!(written(Absence::OfAny).ends_with(r#","absence":["a","b"]}"#));
        assert!(written(Absence::Of(&["b"])).ends_with(r#","absence":["b"]}"#));
    }

    #[test]
    fn container_shorthand_is_written_out() {
        let reads = expand(&["container.image", "object.spec.replicas"]);
        assert!(reads.contains(&"pod.spec.ephemeralContainers[*].image".to_owned()));
        assert!(reads.contains(&"pod.spec.initContainers[*].restartPolicy".to_owned()));
        assert!(reads.contains(&"object.spec.replicas".to_owned()));
    }
}
