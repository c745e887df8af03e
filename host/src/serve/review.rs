//! The way of a request through the server, whatever its wire: read, from memory or checked, answered.

use super::memory::Charge;
use super::metrics::{DecisionLabels, ExemptLabels, MemoLabels, ReasonLabels, RuleLabels, SandboxLabels, Text};
use super::state::{App, Phase, Serving};
use super::workers::Trouble;
use crate::decide::{Decider, Decision, MAX_CURE_BYTES, Verdicts, cure_bytes};
use crate::document::{Document, Room};
use crate::edit::Operation;
use crate::engine::RuleFailure;
use crate::evaluate::Outcome;
use crate::parse::json;
use bytes::Bytes;
use http_body_util::Full;
use hyper::{Response, StatusCode, header};
use std::sync::Arc;
use std::time::Instant;

/// An answer.
pub(super) type Answer = Response<Full<Bytes>>;

/// A request's body, with what the request holds of memory.
pub(super) struct Body {
    pub(super) bytes: Bytes,
    pub(super) charge: Arc<Charge>,
}

/// How often the bytes of a body are there at once while it is read and checked, beside its trees: decoded, as the
/// source of the document, and as what rules are told.
const COPIES: usize = 4;

/// Bodies up to this are read where they arrive, larger ones by a worker: reading one must not keep
/// other connections waiting.
const SMALL_BODY: usize = 64 << 10;

/// One object to decide about.
pub(super) struct Item {
    pub(super) decider: Arc<Decider>,
    /// `None` for what nobody has to check: a deletion, say.
    pub(super) document: Option<Document>,
    /// Whether the safe fixes are wanted; never of an object that a controller writes.
    pub(super) wants_patch: bool,
}

/// One way of asking and answering. Reading and writing are pure.
pub(super) trait Wire: Send + Sync + 'static {
    /// What the answer needs of the request.
    type Context: Send + 'static;

    /// Names the wire in metrics and logs.
    const NAME: &'static str;

    /// Whether a text of the body may be an object as well, in JSON.
    const NESTED: bool = false;

    /// Whether an object that is not allowed is denied on this wire.
    fn denies(&self) -> bool {
        true
    }

    /// Reads a request.
    ///
    /// # Errors
    /// Why it cannot be read.
    fn read(&self, body: &str, serving: &Serving, app: &App) -> Result<Question<Self::Context>, Refusal>;

    /// Writes the answer. `trouble` says why nobody checked, where that is so; the decisions are then what the
    /// bundles' failure modes make of it.
    fn write(&self, question: Self::Context, decisions: Vec<Decision>, trouble: Option<Trouble>) -> Answer;

    /// The answer to a request that cannot be read, or that nobody had the room or time to check.
    fn refuse(&self, refusal: &Refusal) -> Answer {
        problem(refusal.status, &refusal.message)
    }
}

/// Why a request gets no verdict.
#[derive(Debug)]
pub(super) struct Refusal {
    pub(super) status: StatusCode,
    pub(super) message: String,
}

impl Refusal {
    /// A request that cannot be read.
    pub(super) fn bad(message: impl Into<String>) -> Self {
        Self { status: StatusCode::BAD_REQUEST, message: message.into() }
    }
}

impl From<Trouble> for Refusal {
    fn from(trouble: Trouble) -> Self {
        Self { status: trouble.status(), message: trouble.to_string() }
    }
}

/// A request that was read.
pub(super) struct Question<C> {
    pub(super) items: Vec<Item>,
    pub(super) context: C,
    /// What the caller calls the request; may be empty.
    pub(super) id: String,
}

/// Takes a request to its answer.
pub(super) async fn review<W: Wire>(wire: W, body: Body, app: &Arc<App>) -> Answer {
    let Body { bytes: body, charge } = body;
    let deadline = Instant::now() + app.limits().deadline.get();
    let serving = app.serving.load_full();
    let wire = Arc::new(wire);
    let small = body.len() <= SMALL_BODY;
    let read = if small {
        Ok(read(&*wire, &body, &charge, &serving, app))
    } else {
        let (wire, serving, app_, charge) =
            (Arc::clone(&wire), Arc::clone(&serving), Arc::clone(app), Arc::clone(&charge));
        app.workers.run(deadline, move || read(&*wire, &body, &charge, &serving, &app_)).await
    };
    let question = match read {
        Ok(Ok(question)) => question,
        Ok(Err(refusal)) => return wire.refuse(&refusal),
        Err(trouble) => return wire.refuse(&trouble.into()),
    };
    if !question.id.is_empty() {
        tracing::Span::current().record("review", question.id.as_str());
    }
    let mut items = question.items;
    ask_about_images(&mut items, app, deadline).await;
    let items = Arc::new(items);
    for document in items.iter().filter_map(|item| item.document.as_ref()) {
        document.derived.take_from(Arc::clone(&charge) as Arc<dyn Room>);
    }
    // What names a large object in memory takes a while to be worked out.
    let decided = match small.then(|| recall(&items)).flatten() {
        Some(decided) => Ok(decided),
        None => {
            let large = charge.is_large();
            // A job that nobody waits for any more still holds what it works with.
            let (items, charge) = (Arc::clone(&items), Arc::clone(&charge));
            let job = move || {
                let started = Instant::now();
                let decided: Vec<Decided> = items.iter().map(|item| item.decide(deadline, &charge)).collect();
                (decided, started.elapsed())
            };
            let judged =
                if large { app.workers.run_large(deadline, job).await } else { app.workers.run(deadline, job).await };
            judged.map(|(decided, elapsed)| {
                app.metrics.review_seconds.observe(elapsed.as_secs_f64());
                decided
            })
        }
    };
    // Rules that were not told all that they read have not checked.
    if let Some(no_room) = charge.short() {
        return wire.refuse(&no_room.refuse(&app.metrics));
    }
    let (decisions, trouble) = match decided {
        Ok(decided) => {
            for (item, decided) in items.iter().zip(&decided) {
                observe(&*wire, app, item, decided);
            }
            (decided.into_iter().map(|decided| decided.decision).collect(), None)
        }
        Err(trouble) => {
            let decisions = items.iter().map(|item| {
                count_decision(app, item, "no_verdict");
                item.decider.undecided(&trouble.to_string())
            });
            (decisions.collect(), Some(trouble))
        }
    };
    wire.write(question.context, decisions, trouble)
}

/// Asks registries about the images that rules ask about, before a worker takes the request: no worker waits for a
/// network. What is not known by then, the document of the image says.
async fn ask_about_images(items: &mut [Item], app: &App, deadline: Instant) {
    let Some(fetcher) = &app.images else { return };
    let asking = items.iter_mut().filter_map(|item| {
        let document = item.document.as_mut()?;
        let wanted = item.decider.images(document);
        if wanted.is_empty() {
            return None;
        }
        Some(async move { document.images = fetcher.told(&wanted, deadline).await })
    });
    futures_util::future::join_all(asking).await;
}

/// Reads a body, once there is room for what it is parsed to.
fn read<W: Wire>(
    wire: &W,
    body: &[u8],
    charge: &Charge,
    serving: &Serving,
    app: &App,
) -> Result<Question<W::Context>, Refusal> {
    let text = std::str::from_utf8(body).map_err(|error| Refusal::bad(format!("the body is not UTF-8: {error}")))?;
    let needed = json::tree_bytes(text, W::NESTED).saturating_add(COPIES * text.len());
    charge.grow(needed).map_err(|no_room| no_room.refuse(&app.metrics))?;
    wire.read(text, serving, app)
}

/// A decision with what led to it.
struct Decided {
    decision: Decision,
    /// `None` for what was skipped.
    verdicts: Option<Verdicts>,
}

/// All decisions from memory, or none.
fn recall(items: &[Item]) -> Option<Vec<Decided>> {
    let recall = |item: &Item| match &item.document {
        None => Some(Decided { decision: item.decider.passed_over(), verdicts: None }),
        // A patch has to be made and checked, which memory helps with.
        Some(_) if item.wants_patch => None,
        Some(document) => {
            let review = item.decider.recall(document)?;
            Some(Decided { decision: item.decider.decide(&review), verdicts: Some(review.verdicts) })
        }
    };
    items.iter().map(recall).collect()
}

impl Item {
    fn decide(&self, deadline: Instant, charge: &Charge) -> Decided {
        let Some(document) = &self.document else {
            return Decided { decision: self.decider.passed_over(), verdicts: None };
        };
        let review = self.decider.review(document, deadline);
        let mut decision = self.decider.decide(&review);
        let verdicts = Some(review.verdicts.clone());
        // A document that is too large to be cured, now or ever, gets no patch; the validation checks it as it is.
        let bytes = cure_bytes(document);
        if self.wants_patch && bytes <= MAX_CURE_BYTES && charge.grow(bytes).is_ok() {
            let cure = self.decider.cure(document, review, deadline);
            decision.patch = Some(cure.operations.iter().map(Operation::to_json).collect());
        }
        Decided { decision, verdicts }
    }
}

fn count_decision(app: &App, item: &Item, decision: &'static str) {
    let bundle = item.decider.reference().name.as_str().into();
    app.metrics.decisions.get_or_create(&DecisionLabels { bundle, decision }).inc();
}

fn observe<W: Wire>(wire: &W, app: &App, item: &Item, decided: &Decided) {
    let Decided { decision, verdicts: Some(verdicts) } = decided else { return };
    let metrics = &app.metrics;
    if item.wants_patch && decision.patch.is_none() {
        metrics.rejected.get_or_create(&ReasonLabels { reason: "cure" }).inc();
    }
    let bundle = Text::from(&*item.decider.reference().name);
    let result = if verdicts.remembered { "hit" } else { "miss" };
    metrics.memo.get_or_create(&MemoLabels { bundle: bundle.clone(), result }).inc();
    let verdict = match (decision.allowed, decision.errors.is_empty()) {
        (true, true) => "allowed",
        (false, true) => "denied",
        (_, false) => "no_verdict",
    };
    count_decision(app, item, verdict);
    for exempt in &decision.exempt {
        let by = if exempt.annotation { "annotation" } else { "bundle" };
        let labels = ExemptLabels { bundle: bundle.clone(), rule: exempt.rule.as_str().into(), by };
        metrics.exempt_findings.get_or_create(&labels).inc();
    }
    let rules = &item.decider.bundle().rules;
    for outcome in verdicts.outcomes.iter() {
        let rule = Text::from(rules[usize::from(outcome.rule)].id());
        if let Outcome::Error(failure) = &outcome.outcome {
            let labels = SandboxLabels { rule: rule.clone(), failure: failure_label(failure) };
            metrics.sandbox_errors.get_or_create(&labels).inc();
        }
        let labels = RuleLabels { bundle: bundle.clone(), rule, outcome: outcome_label(&outcome.outcome) };
        metrics.rule_outcomes.get_or_create(&labels).inc();
    }
    if !decision.allowed
        && wire.denies()
        && let Some(document) = &item.document
    {
        let mut rules: Vec<&str> = decision.violations.iter().map(|violation| violation.rule.as_str()).collect();
        rules.dedup();
        let subject = &document.subject;
        tracing::info!(
            wire = W::NAME,
            bundle = item.decider.reference().name,
            kind = subject.kind,
            namespace = subject.namespace,
            name = subject.name,
            operation = subject.operation,
            rules = rules.join(","),
            errors = decision.errors.len(),
            "denied"
        );
        app.denials.add(W::NAME, subject, decision);
    }
}

fn outcome_label(outcome: &Outcome) -> &'static str {
    match outcome {
        Outcome::Fail(_) if !outcome.is_pass() => "fail",
        Outcome::Pass | Outcome::Fail(_) => "pass",
        Outcome::NotApplicable(_) => "not_applicable",
        Outcome::NotEvaluated(_) => "not_evaluated",
        Outcome::Error(_) => "error",
    }
}

fn failure_label(failure: &RuleFailure) -> &'static str {
    match failure {
        RuleFailure::Load(_) => "load",
        RuleFailure::Deadline(_) => "deadline",
        RuleFailure::Memory(_) => "memory",
        RuleFailure::Stack => "stack",
        RuleFailure::Answer(_) => "answer",
        RuleFailure::Trap(_) => "trap",
        RuleFailure::Guest(_) => "guest",
        RuleFailure::Malformed(_) => "malformed",
    }
}

/// The bundle of a request's path.
pub(super) fn bundle(serving: &Serving, name: &str) -> Result<Arc<Decider>, Refusal> {
    let unknown = || Refusal { status: StatusCode::NOT_FOUND, message: unknown_bundle(serving, name) };
    serving.bundles.get(name).cloned().ok_or_else(unknown)
}

/// Says that a bundle is not served, and which are.
pub(super) fn unknown_bundle(serving: &Serving, name: &str) -> String {
    let known: Vec<&str> = serving.bundles.keys().map(String::as_str).collect();
    let name: String = name.chars().take(100).collect();
    format!("there is no bundle `{name}`; served are: {}", known.join(", "))
}

/// A JSON answer.
pub(super) fn json(status: StatusCode, value: &impl serde::Serialize) -> Answer {
    match serde_json::to_vec(value) {
        Ok(body) => respond(status, "application/json", body),
        Err(error) => problem(StatusCode::INTERNAL_SERVER_ERROR, &error.to_string()),
    }
}

/// An answer that says what is wrong with a request, or when to try again.
pub(super) fn problem(status: StatusCode, message: &str) -> Answer {
    let body = serde_json::json!({ "error": { "code": status.as_u16(), "message": message } });
    let mut answer = respond(status, "application/json", body.to_string());
    if matches!(status, StatusCode::TOO_MANY_REQUESTS | StatusCode::SERVICE_UNAVAILABLE) {
        answer.headers_mut().insert(header::RETRY_AFTER, header::HeaderValue::from_static("1"));
    }
    answer
}

/// An answer.
pub(super) fn respond(status: StatusCode, content_type: &'static str, body: impl Into<Bytes>) -> Answer {
    let mut answer = Response::new(Full::new(body.into()));
    *answer.status_mut() = status;
    answer.headers_mut().insert(header::CONTENT_TYPE, header::HeaderValue::from_static(content_type));
    answer
}

/// Whether the server is on its way out, so that connections should end.
pub(super) fn is_leaving(app: &App) -> bool {
    app.current_phase() >= Phase::Draining
}
