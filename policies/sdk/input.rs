//! What a rule is given, and the one way from the wire to `check` and back.

use crate::bindings::exports::policy::rule::rules as wire;
use crate::finding::{Check, Findings, Skip};
use crate::json::{Json, JsonError, View};
use crate::kubernetes::workload::Workload;
use crate::manifest::Query;
use crate::parameter::Parameters;
use crate::uses::{self, Used};

pub use wire::{Subject, User};

/// One question to a rule.
pub struct Input<'d, P> {
    /// Who the document is about.
    pub subject: &'d Subject,
    /// The document, projected onto the rule's `reads`.
    pub document: View<'d>,
    /// The document before an UPDATE, when the rule's manifest asks for it and the caller has it.
    pub old: Option<View<'d>>,
    /// Who asks for the change, when the rule's manifest asks for it and the caller knows it.
    pub user: Option<&'d User>,
    /// The rule's parameters, defaults filled in.
    pub parameters: P,
    /// The settings that the bundle sets.
    pub(crate) settings: View<'d>,
    /// The manifest's queries, and the answer to each.
    queries: Vec<&'static Query>,
    related: Vec<View<'d>>,
}

/// A document of the inventory.
#[derive(Clone)]
pub struct Related<'d> {
    /// Which query's answer it is in, and where in that.
    at: (u32, u32),
    subject: View<'d>,
    via: View<'d>,
    images: View<'d>,
    /// The document, projected onto the query's `reads`. A workload is normalised.
    pub document: View<'d>,
}

impl<'d, P> Input<'d, P> {
    /// The document as a workload. Only for rules that apply to workloads: for anything else the
    /// parts are absent.
    pub fn workload(&self) -> Workload<'d> {
        Workload::new(&self.subject.kind, &self.document)
    }

    /// The documents that answer the manifest's query of that name.
    pub fn related(&self, query: &str) -> impl Iterator<Item = Related<'d>> + use<'d, P> {
        let query = self.queries.iter().position(|known| known.name == query);
        let answer = query.and_then(|at| Some((at as u32, self.related.get(at)?.items())));
        let entries = answer.into_iter().flat_map(|(query, items)| (0..).zip(items).map(move |it| (query, it)));
        entries.map(|(query, (position, entry))| Related {
            at: (query, position),
            subject: entry.get("subject"),
            via: entry.get("via"),
            images: entry.get("images"),
            document: entry.get("document"),
        })
    }
}

impl<'d> Related<'d> {
    /// Where it is among what the rule was told.
    pub(crate) fn place(&self) -> wire::RelatedDocument {
        wire::RelatedDocument { query: self.at.0, document: self.at.1 }
    }

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

    /// Which references of images here led to it, of a query that is `built`.
    pub fn images(&self) -> impl Iterator<Item = &'d str> + use<'d> {
        self.images.items().map(|image| image.text())
    }

    /// The document as a workload.
    pub fn workload(&self) -> Workload<'d> {
        Workload::new(self.kind(), &self.document)
    }
}

/// A rule as its component holds it; made by [`rule!`](crate::rule!).
pub struct Rule {
    /// The rule's manifest, JSON.
    pub manifest: fn() -> String,
    /// Answers one ask.
    pub answer: fn(&Question<'_>) -> wire::Answer,
}

/// The manifests of a component's rules, a JSON array.
pub fn manifests(rules: &[Rule]) -> String {
    let manifests: Vec<String> = rules.iter().map(|rule| (rule.manifest)()).collect();
    ["[", &manifests.join(","), "]"].concat()
}

/// Answers the asks of a request, each text of it being parsed once.
pub fn evaluate(rules: &[Rule], request: &wire::Request) -> Vec<wire::Answer> {
    let texts = Texts::new(request);
    let answer = |ask: &wire::Ask| match rules.get(ask.rule as usize) {
        Some(rule) => (rule.answer)(&Question { request, ask, texts: &texts }),
        None => wire::Answer::Failed("there is no such rule".into()),
    };
    request.asks.iter().map(answer).collect()
}

/// One ask of a request.
pub struct Question<'d> {
    pub(crate) request: &'d wire::Request,
    pub(crate) ask: &'d wire::Ask,
    pub(crate) texts: &'d Texts<'d>,
}

/// The texts of a request, shared by its asks.
pub(crate) struct Texts<'d> {
    documents: Parsed<'d>,
    related: Parsed<'d>,
    settings: Parsed<'d>,
}

impl<'d> Texts<'d> {
    pub(crate) fn new(request: &'d wire::Request) -> Self {
        Self {
            documents: Parsed::new(&request.documents),
            related: Parsed::new(&request.related),
            settings: Parsed::new(&request.settings),
        }
    }
}

/// JSON texts, parsed.
struct Parsed<'d>(Vec<Result<Json<'d>, JsonError>>);

impl<'d> Parsed<'d> {
    fn new(texts: &'d [String]) -> Self {
        Self(texts.iter().map(|text| Json::parse(text)).collect())
    }

    fn view(&'d self, at: u32, part: &str) -> Result<View<'d>, String> {
        match self.0.get(at as usize) {
            Some(Ok(json)) => Ok(json.root()),
            Some(Err(error)) => Err(not_json(part, error)),
            None => Err(["the request has no such ", part].concat()),
        }
    }
}

/// What a rule declares of what it is told.
#[doc(hidden)]
pub struct Declared {
    pub queries: &'static [Query],
    pub uses: &'static [Used],
    pub reads_user: bool,
}

/// Runs a rule's `check` on a question.
pub fn answer<P: Parameters>(
    question: &Question<'_>,
    declared: &Declared,
    check: impl for<'d> FnOnce(&Input<'d, P>, &mut Findings) -> Check,
) -> wire::Answer {
    match judge(question, declared, check) {
        Ok(answer) => answer,
        Err(reason) => wire::Answer::Failed(reason),
    }
}

fn judge<P: Parameters>(
    question: &Question<'_>,
    declared: &Declared,
    check: impl for<'d> FnOnce(&Input<'d, P>, &mut Findings) -> Check,
) -> Result<wire::Answer, String> {
    let Question { request, ask, texts } = question;
    let parameters = Json::parse(&ask.parameters).map_err(|error| not_json("parameters", &error))?;
    let settings = texts.settings.view(ask.settings, "settings")?;
    if !settings.is_empty() {
        for setting in uses::settings(declared.uses) {
            let value = settings.get(setting.name);
            if value.kind().is_some() && !(setting.fits)(&value) {
                return Err(format!("setting `{}` does not fit its schema", setting.name));
            }
        }
    }
    let related = ask.related.iter().map(|at| texts.related.view(*at, "related documents"));
    let input = Input {
        subject: &request.subject,
        document: texts.documents.view(ask.document, "document")?,
        old: ask.old.map(|at| texts.documents.view(at, "old document")).transpose()?,
        user: request.user.as_ref().filter(|_| declared.reads_user),
        parameters: P::read(&parameters.root())?,
        settings,
        queries: uses::queries(declared.queries, declared.uses),
        related: related.collect::<Result<_, _>>()?,
    };
    let mut findings = Findings::default();
    Ok(match check(&input, &mut findings) {
        Ok(()) => wire::Answer::Judged(findings.into_wire()),
        Err(Skip::NotApplicable(reason)) => wire::Answer::NotApplicable(reason),
        Err(Skip::NotEvaluated(reason)) => wire::Answer::NotEvaluated(reason),
        Err(Skip::Failed(reason)) => wire::Answer::Failed(reason),
    })
}

fn not_json(part: &str, error: &JsonError) -> String {
    format!("the request's {part} is not JSON: {error}")
}
