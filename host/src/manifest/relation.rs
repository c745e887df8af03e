//! How the documents that answer a query belong to the document that is asked about.
//!
//! Each relation is told from the standpoint of the document *there*, the one that answers, and the document
//! *here*: the one that is checked, or, where a query is `via` an earlier one, each document of that answer.
//!
//! | relation | the document there |
//! | --- | --- |
//! | `selects` | has a selector that matches labels here |
//! | `selected` | has labels that a selector here matches |
//! | `names` | names the one here, by kind and name |
//! | `named` | is named here, by kind and name |
//! | `same` | has the same values at some paths as the one here at others |
//! | `of` | is the namespace of the one here, or its owner |
//! | `calls` | is a file that uses the file here: a workflow, an action, a Terraform module, a file of Protocol Buffers, a chart |
//! | `called` | is a file that the file here uses |
//! | `built` | is the Dockerfile of an image here |
//! | `about` | is what a registry says of an image here |
//!
//! Without a relation all documents of the kinds in scope answer.

use super::{ManifestSyntaxError, ReadPath, Segment, through_strings};
use serde::{Deserialize, Serialize};
use std::fmt;
use std::str::FromStr;

/// How a document there belongs to the document here.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Relation {
    /// A selector there matches labels here: Service, PodDisruptionBudget, NetworkPolicy, ServiceMonitor.
    Selects(Selection),
    /// A selector here matches labels there.
    Selected(Selection),
    /// There names here by kind and name: an autoscaler its workload, a RoleBinding its Role.
    Names(Naming),
    /// Here names there by kind and name: a workload its ConfigMaps, an Ingress its Services.
    Named(Naming),
    /// Equal values here and there: host and path, a load balancer's group, a selector.
    Same(Sharing),
    /// The namespace of the one here, or its owner.
    Of(Belonging),
    /// A file there uses the file here.
    Calls(Calling),
    /// The file here uses a file there.
    Called(Calling),
    /// There is the Dockerfile of an image here: the one that a file of the repository builds that image from, else the
    /// one that is called as the image is. Each document says which images it is of.
    Built(Building),
    /// There is what a registry says of an image here. No set or cluster has such a document: the host asks the
    /// registry, where it is let.
    About(Building),
}

/// A selector on one side, labels on the other.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Selection {
    /// Where the selector (`selects`) or the labels (`selected`) stand there.
    pub there: Term,
    /// Where the labels (`selects`) or the selector (`selected`) stand here.
    pub here: Term,
    /// Beside the selector, the namespaces that it looks into as Prometheus' monitors say it (`any`, `matchNames`);
    /// absent or empty, its own.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub namespaces: Option<Term>,
    /// Beside the selector, a selector of namespaces by their labels; absent, its own namespace; empty, all.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub namespace_labels: Option<Term>,
    /// How the selector is written, where its kind does not say so.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub form: Option<SelectorForm>,
    /// What an absent selector selects.
    #[serde(default, skip_serializing_if = "Absent::is_nothing")]
    pub absent: Absent,
}

/// How a selector is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum SelectorForm {
    /// `matchLabels` and `matchExpressions`; empty, it selects everything.
    Selector,
    /// A plain map of labels; empty, it selects nothing.
    Map,
}

/// What an absent selector selects.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Absent {
    /// Nothing, as for most kinds.
    #[default]
    Nothing,
    /// Everything: the pods of a NetworkPolicy's peer that only has a `namespaceSelector`.
    Everything,
}

impl Absent {
    fn is_nothing(&self) -> bool {
        *self == Absent::Nothing
    }
}

/// A reference: where a document says which other one it means.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Naming {
    /// The names; several terms are several references.
    pub name: Terms,
    /// The kind; without it any of the query's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub kind: Option<Term>,
    /// The API group, or an `apiVersion`, of which the version does not matter; without it, or where nothing
    /// stands there, any.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub group: Option<Term>,
    /// The namespace; without it, or where nothing stands there, the one of the document with the reference.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub namespace: Option<Term>,
}

/// A key: documents that agree on all of its parts share it. A part that is absent equals one that is absent, but
/// where all are there is no key. A constant is never absent.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Sharing {
    /// The parts there.
    pub there: Terms,
    /// The parts here, in the same order.
    pub here: Terms,
}

/// What the document there is to the one here.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Belonging {
    /// Which.
    pub there: Whole,
}

/// What a document belongs to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Whole {
    /// Its Namespace.
    Namespace,
    /// Its owners, by `metadata.ownerReferences`.
    Owner,
}

/// Where the references of images stand.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Building {
    /// The references here; several terms are several references.
    pub image: Terms,
}

/// Files say by path which files they use, so that there is nothing to declare.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Calling {}

impl Relation {
    /// Its word in a manifest.
    pub fn word(&self) -> &'static str {
        match self {
            Relation::Selects(_) => "selects",
            Relation::Selected(_) => "selected",
            Relation::Names(_) => "names",
            Relation::Named(_) => "named",
            Relation::Same(_) => "same",
            Relation::Of(_) => "of",
            Relation::Calls(_) => "calls",
            Relation::Called(_) => "called",
            Relation::Built(_) => "built",
            Relation::About(_) => "about",
        }
    }

    /// Whether an answer depends on the labels of namespaces.
    pub fn needs_namespaces(&self) -> bool {
        matches!(self, Relation::Selects(selection) | Relation::Selected(selection) if selection.namespace_labels.is_some())
    }

    /// What cannot be.
    pub(super) fn check(&self) -> Result<(), String> {
        match self {
            Relation::Selects(selection) | Relation::Selected(selection)
                if selection.namespaces.is_some() && selection.namespace_labels.is_some() =>
            {
                Err("has both `namespaces` and `namespaceLabels`".to_owned())
            }
            Relation::Names(naming) | Relation::Named(naming) if naming.name.0.is_empty() => {
                Err("has no path to a name".to_owned())
            }
            Relation::Built(building) | Relation::About(building) if building.image.0.is_empty() => {
                Err("has no path to an image".to_owned())
            }
            Relation::Same(Sharing { there, here }) if there.0.len() != here.0.len() => {
                Err(format!("has {} parts there and {} here", there.0.len(), here.0.len()))
            }
            Relation::Same(Sharing { there, .. }) if there.0.is_empty() => Err("has a key without parts".to_owned()),
            _ => Ok(()),
        }
    }
}

impl fmt::Display for Relation {
    /// As a person reads it: `selects there spec.selector, here pod.metadata.labels`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.word())?;
        let mut separator = " ";
        let mut fact = |name: &str, terms: &[&Term]| {
            if terms.is_empty() {
                return Ok(());
            }
            let terms: Vec<String> = terms.iter().map(ToString::to_string).collect();
            let between = std::mem::replace(&mut separator, ", ");
            write!(f, "{between}{name} {}", terms.join(" + "))
        };
        let some = |term: &'_ Option<Term>| term.iter().cloned().collect::<Vec<_>>();
        match self {
            Relation::Selects(selection) | Relation::Selected(selection) => {
                fact("there", &[&selection.there])?;
                fact("here", &[&selection.here])?;
                fact("namespaces", &some(&selection.namespaces).iter().collect::<Vec<_>>())?;
                fact("namespaces labelled", &some(&selection.namespace_labels).iter().collect::<Vec<_>>())
            }
            Relation::Names(naming) | Relation::Named(naming) => {
                fact("group", &some(&naming.group).iter().collect::<Vec<_>>())?;
                fact("kind", &some(&naming.kind).iter().collect::<Vec<_>>())?;
                fact("name", &naming.name.0.iter().collect::<Vec<_>>())?;
                fact("namespace", &some(&naming.namespace).iter().collect::<Vec<_>>())
            }
            Relation::Same(sharing) => {
                fact("there", &sharing.there.0.iter().collect::<Vec<_>>())?;
                fact("here", &sharing.here.0.iter().collect::<Vec<_>>())
            }
            Relation::Of(Belonging { there: Whole::Namespace }) => f.write_str(" here, its namespace"),
            Relation::Of(Belonging { there: Whole::Owner }) => f.write_str(" here, its owner"),
            Relation::Calls(_) | Relation::Called(_) => Ok(()),
            Relation::Built(building) | Relation::About(building) => {
                fact("image", &building.image.0.iter().collect::<Vec<_>>())
            }
        }
    }
}

/// A value of a document: `PATH` is what stands there; `PATH|PATH` what stands at the first of them that has
/// anything; `PATH=TEXT` TEXT where nothing stands; `=TEXT` is always TEXT. Paths that share a `[*]` or `*` go
/// through its elements together.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Term {
    paths: Vec<ReadPath>,
    otherwise: Option<String>,
}

impl Term {
    /// Where its value stands, the first that has one.
    pub fn paths(&self) -> &[ReadPath] {
        &self.paths
    }

    /// Its value where nothing stands.
    pub fn otherwise(&self) -> Option<&str> {
        self.otherwise.as_deref()
    }
}

impl FromStr for Term {
    type Err = ManifestSyntaxError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let (paths, otherwise) = match unquoted(text, '=').next() {
            Some(at) => (&text[..at], Some(text[at + 1..].to_owned())),
            None => (text, None),
        };
        let mut cuts: Vec<usize> = unquoted(paths, '|').collect();
        cuts.push(paths.len());
        let mut start = 0;
        let mut parsed = Vec::new();
        if !(paths.is_empty() && otherwise.is_some()) {
            for cut in cuts {
                parsed.push(paths[start..cut].parse::<ReadPath>()?);
                start = cut + 1;
            }
        }
        let has_tree = |path: &ReadPath| path.segments().iter().any(|segment| matches!(segment, Segment::Tree(..)));
        if parsed.iter().any(has_tree) {
            return Err(ManifestSyntaxError::Path(
                text.to_owned(),
                "a relation holds between values, not trees of texts",
            ));
        }
        if parsed.windows(2).any(|pair| stem(&pair[0]) != stem(&pair[1])) {
            return Err(ManifestSyntaxError::Path(text.to_owned(), "its alternatives go through different elements"));
        }
        Ok(Self { paths: parsed, otherwise })
    }
}

impl fmt::Display for Term {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, path) in self.paths.iter().enumerate() {
            let between = if index == 0 { "" } else { "|" };
            write!(f, "{between}{path}")?;
        }
        match &self.otherwise {
            Some(text) => write!(f, "={text}"),
            None => Ok(()),
        }
    }
}

/// Where a sign stands outside of `["…"]`.
fn unquoted(text: &str, sign: char) -> impl Iterator<Item = usize> + '_ {
    let mut quoted = false;
    text.char_indices().filter_map(move |(at, character)| {
        if !quoted && text[at..].starts_with("[\"") {
            quoted = true;
        } else if quoted && text[at..].starts_with("\"]") {
            quoted = false;
        }
        (character == sign && !quoted).then_some(at)
    })
}

/// The part of a path up to its last wildcard.
fn stem(path: &ReadPath) -> &[Segment] {
    let segments = path.segments();
    let last = segments.iter().rposition(|segment| !matches!(segment, Segment::Key(_)));
    &segments[..last.map_or(0, |at| at + 1)]
}

/// One term, or a list of them.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(from = "OneOrMany", into = "OneOrMany")]
pub struct Terms(pub Vec<Term>);

#[derive(Serialize, Deserialize)]
#[serde(untagged)]
enum OneOrMany {
    One(Term),
    Many(Vec<Term>),
}

impl From<OneOrMany> for Terms {
    fn from(terms: OneOrMany) -> Self {
        match terms {
            OneOrMany::One(term) => Self(vec![term]),
            OneOrMany::Many(terms) => Self(terms),
        }
    }
}

impl From<Terms> for OneOrMany {
    fn from(Terms(mut terms): Terms) -> Self {
        if terms.len() == 1 { OneOrMany::One(terms.remove(0)) } else { OneOrMany::Many(terms) }
    }
}

through_strings!(Term);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn terms_read_back_as_written() {
        for (text, paths, otherwise) in [
            ("spec.selector", 1, None),
            ("spec.kind=Deployment", 1, Some("Deployment")),
            ("a.b|a.c=default", 2, Some("default")),
            ("=ConfigMap", 0, Some("ConfigMap")),
            ("=", 0, Some("")),
            ("metadata.annotations[\"a.b/c=d|e\"]", 1, None),
            ("a[*].x|a[*].y", 2, None),
        ] {
            let term: Term = text.parse().unwrap();
            assert_eq!((term.paths().len(), term.otherwise()), (paths, otherwise), "{text}");
            assert_eq!(term.to_string().parse::<Term>().unwrap(), term, "{text}");
        }
        for text in ["", "|a", "a|", "a[*].x|b", "a[*].x|b[*].x", "a..b", "a:shell"] {
            assert!(text.parse::<Term>().is_err(), "{text}");
        }
    }

    #[test]
    fn a_relation_is_its_word_and_what_it_needs() {
        let relation = |text: &str| serde_json::from_str::<Relation>(text);
        let hpa = r#"{"names":{"name":"spec.scaleTargetRef.name","kind":"spec.scaleTargetRef.kind=Deployment"}}"#;
        let parsed = relation(hpa).unwrap();
        assert_eq!(serde_json::to_string(&parsed).unwrap(), hpa);
        assert_eq!(parsed.to_string(), "names kind spec.scaleTargetRef.kind=Deployment, name spec.scaleTargetRef.name");
        assert!(relation(r#"{"calls":{}}"#).is_ok() && relation(r#"{"of":{"there":"owner"}}"#).is_ok());
        for text in [r#"{"eats":{}}"#, r#"{"calls":{"x":"y"}}"#, r#"{"selects":{"there":"a"}}"#, r#"{"of":{}}"#] {
            assert!(relation(text).is_err(), "{text}");
        }
        let unequal = relation(r#"{"same":{"there":["a","b"],"here":"a"}}"#).unwrap();
        assert_eq!(unequal.check().unwrap_err(), "has 2 parts there and 1 here");
        assert!(relation(r#"{"names":{"name":[]}}"#).unwrap().check().is_err());
        let built = relation(r#"{"built":{"image":"pod.spec.containers[*].image"}}"#).unwrap();
        assert_eq!(built.to_string(), "built image pod.spec.containers[*].image");
        assert!(relation(r#"{"built":{"image":[]}}"#).unwrap().check().is_err());
        let about = relation(r#"{"about":{"image":"container.image"}}"#).unwrap();
        assert_eq!((about.word(), about.to_string().as_str()), ("about", "about image container.image"));
        assert!(relation(r#"{"about":{"image":[]}}"#).unwrap().check().is_err());
    }
}
