//! What a rule is given, and the one way from the wire to `check` and back.

use crate::bindings::exports::policy::rule::rule as wire;
use crate::finding::{Check, Findings, Skip};
use crate::json::{Json, View};
use crate::object;
use crate::parameter::Parameters;
use crate::workload::Workload;
use crate::write::Raw;

pub use wire::Subject;

/// One question to a rule.
pub struct Input<'d, P> {
    /// Who the document is about.
    pub subject: &'d Subject,
    /// The document, projected onto the rule's `reads`.
    pub document: View<'d>,
    /// The document before an UPDATE, when the rule's manifest asks for it and the caller has it.
    pub old: Option<View<'d>>,
    /// The rule's parameters, defaults filled in.
    pub parameters: P,
    related: View<'d>,
}

/// A document of the inventory.
#[derive(Clone)]
pub struct Related<'d> {
    subject: View<'d>,
    via: View<'d>,
    /// The document, projected onto the query's `reads`. A workload is normalised.
    pub document: View<'d>,
}

impl<'d, P> Input<'d, P> {
    /// The `metadata` of a document that stands beside this one: same name, same namespace. `None`
    /// when `query` has an answer, since two documents may not share a name:
    ///
    /// ```ignore
    /// beside: {
    ///     kinds: ["policy/PodDisruptionBudget"],
    ///     scope: "namespace",
    ///     relation: same { there: "metadata.name", here: "object.metadata.name" },
    ///     reads: [],
    /// },
    /// ```
    pub fn metadata_beside(&self, query: &str) -> Option<Raw> {
        let Subject { namespace, name, .. } = self.subject;
        if self.related(query).next().is_some() {
            return None;
        }
        if namespace.is_empty() {
            return Some(object! { "name": name });
        }
        Some(object! { "name": name, "namespace": namespace })
    }

    /// The document as a workload. Only for rules that apply to workloads: for anything else the
    /// parts are absent.
    pub fn workload(&self) -> Workload<'d> {
        Workload::new(&self.subject.kind, &self.document)
    }

    /// The documents that answer the manifest's query of that name.
    pub fn related(&self, query: &str) -> impl Iterator<Item = Related<'d>> + use<'d, P> {
        self.related.get(query).items().map(|entry| Related {
            subject: entry.get("subject"),
            via: entry.get("via"),
            document: entry.get("document"),
        })
    }
}

impl<'d> Related<'d> {
    /// Its API group; empty for the core group.
    pub fn group(&self) -> &'d str {
        self.subject.get("group").text()
    }

    /// Its API version, without the group.
    pub fn version(&self) -> &'d str {
        self.subject.get("version").text()
    }

    /// Its kind.
    pub fn kind(&self) -> &'d str {
        self.subject.get("kind").text()
    }

    /// Its namespace; empty when there is none.
    pub fn namespace(&self) -> &'d str {
        self.subject.get("namespace").text()
    }

    /// Its name.
    pub fn name(&self) -> &'d str {
        self.subject.get("name").text()
    }

    /// By which documents of the query that this one's is `via` it came: their positions in that answer.
    pub fn via(&self) -> impl Iterator<Item = usize> + use<'d> {
        self.via.items().filter_map(|position| usize::try_from(position.as_i64()?).ok())
    }

    /// The document as a workload.
    pub fn workload(&self) -> Workload<'d> {
        Workload::new(self.kind(), &self.document)
    }
}

/// Runs a rule's `check` on a request.
pub fn evaluate<P: Parameters>(
    request: &wire::Request,
    check: impl for<'d> FnOnce(&Input<'d, P>, &mut Findings) -> Check,
) -> Result<wire::Verdict, String> {
    let document = parse("document", &request.document)?;
    let old = request.old.as_deref().map(|text| parse("old", text)).transpose()?;
    let parameters = parse("parameters", &request.parameters)?;
    let related = parse("related", &request.related)?;
    let input = Input {
        subject: &request.subject,
        document: document.root(),
        old: old.as_ref().map(Json::root),
        parameters: P::read(&parameters.root())?,
        related: related.root(),
    };
    let mut findings = Findings::default();
    Ok(match check(&input, &mut findings) {
        Ok(()) => wire::Verdict::Judged(findings.into_wire()),
        Err(Skip::NotApplicable(reason)) => wire::Verdict::NotApplicable(reason),
        Err(Skip::NotEvaluated(reason)) => wire::Verdict::NotEvaluated(reason),
    })
}

fn parse<'d>(part: &str, text: &'d str) -> Result<Json<'d>, String> {
    Json::parse(text).map_err(|error| format!("the request's {part} is not JSON: {error}"))
}
