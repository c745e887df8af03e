//! One document before the rules of a bundle.

use super::callers;
use super::cover::Covering;
use super::inventory::{Answer, Asking, Card, Here, Inventory, Overlay, Told, Topic, Topics, Unavailable};
use super::plan::{Grouping, Plan, Plans};
use super::related::RelatedLabel;
use super::verdict::{Change, ExemptBy, Finding, Fix, Label, Outcome, Place, RuleOutcome, Withheld};
use crate::bundle::{Bundle, BundleRule, ExemptionScope};
use crate::document::{self, Document, Images, Pointer, PointerError, Subject, Value};
use crate::edit;
use crate::engine::bindings::exports::policy::rule::rules as wire;
use crate::engine::{Engine, RuleFailure};
use crate::kubernetes::mistyped;
use crate::language::follow::{self, Led};
use crate::language::key;
use crate::project::Projection;
use crate::workload::{Elsewhere, Shape};
use rayon::prelude::*;
use std::cell::OnceCell;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Instant;

/// A bundle prepared for evaluation: which rules are asked about which documents, and what each is told.
pub struct Judge {
    engine: Arc<Engine>,
    bundle: Arc<Bundle>,
    plans: Plans,
    /// What rules read, with equal reads made one.
    projections: Vec<Projection>,
    /// Index into `projections`, by rule.
    reads: Vec<usize>,
    topics: Topics,
    /// Questions of `topics`, by rule and query.
    asks: Vec<Vec<u16>>,
    /// By rule: whether it failed alone after a call with others had failed. It is asked alone from then on,
    /// so that it costs the others no second call.
    failed_alone: Vec<AtomicBool>,
    covering: Covering,
    images: Option<Arc<dyn Images>>,
}

/// A document with what evaluating it needs more than once.
pub struct Judged<'d> {
    /// What rules are told.
    document: &'d Document,
    /// What stands in the file: the same, unless a kustomization builds the object. Places and exceptions go by it.
    written: &'d Document,
    shape: Shape,
    elsewhere: Option<Elsewhere>,
    plan: Arc<Plan>,
    /// By projection of the plan: the document, and the one before an UPDATE.
    projected: Vec<[OnceCell<String>; 2]>,
}

/// A rule to ask about a document, by index, and what it is told of others.
pub struct Ask<'t> {
    /// The rule.
    pub rule: u16,
    /// What it is told, or why that is not known.
    pub told: Result<Told<'t>, Unavailable>,
}

/// What came of some asks.
#[derive(Debug, Default)]
pub struct Answered {
    /// An outcome for each ask that was made, in their order.
    pub outcomes: Vec<RuleOutcome>,
    /// The rules, by index, that were not asked because time was up.
    pub unreached: Vec<u16>,
}

impl Judge {
    /// Prepares a bundle. Rules of one component are asked together.
    pub fn new(engine: &Arc<Engine>, bundle: &Arc<Bundle>) -> Self {
        Self::grouped(engine, bundle, Grouping::Together)
    }

    /// Prepares a bundle whose rules are asked in another way.
    pub fn grouped(engine: &Arc<Engine>, bundle: &Arc<Bundle>, grouping: Grouping) -> Self {
        let mut projections: Vec<Projection> = Vec::new();
        let mut index = |projection: Projection| {
            projections.iter().position(|known| *known == projection).unwrap_or_else(|| {
                projections.push(projection);
                projections.len() - 1
            })
        };
        let reads = bundle.rules.iter().map(|rule| index(Projection::new(&rule.source.manifest.reads))).collect();
        let queries = bundle.rules.iter().map(|rule| rule.source.manifest.inventory.as_slice());
        let (topics, asks) = Topics::collect(queries, &bundle.workloads);
        let failed_alone = bundle.rules.iter().map(|_| AtomicBool::new(false)).collect();
        let (plans, covering) = (Plans::new(grouping), Covering::new(bundle));
        let (engine, bundle) = (Arc::clone(engine), Arc::clone(bundle));
        Self { engine, bundle, plans, projections, reads, topics, asks, failed_alone, covering, images: None }
    }

    /// The same, told of images what registries say of them. Without it, rules that ask for that are not evaluated,
    /// unless a request brings it along.
    #[must_use]
    pub fn with_images(self, images: Arc<dyn Images>) -> Self {
        Self { images: Some(images), ..self }
    }

    /// The bundle.
    pub fn bundle(&self) -> &Bundle {
        &self.bundle
    }

    /// Prepares a document.
    pub fn prepare<'d>(&self, document: &'d Document) -> Judged<'d> {
        self.prepare_built(document, document)
    }

    /// Prepares a document as something was made of it that keeps its paths.
    pub(super) fn prepare_built<'d>(&self, written: &'d Document, document: &'d Document) -> Judged<'d> {
        let plan = self.plans.of(&self.bundle, document);
        Judged {
            document,
            written,
            shape: self.bundle.workloads.shape(document),
            elsewhere: self.judged_elsewhere(document),
            projected: plan.projections().map(|_| <[OnceCell<String>; 2]>::default()).collect(),
            plan,
        }
    }

    /// Which object is checked instead of a document, by the rules that check that object's kind.
    pub fn judged_elsewhere(&self, document: &Document) -> Option<Elsewhere> {
        self.bundle.workloads.judged_elsewhere(document)
    }

    /// Why a rule does not check a document, where another object is checked instead.
    fn passes_over(&self, judged: &Judged<'_>, rule: u16) -> Option<Outcome> {
        let elsewhere = judged.elsewhere.as_ref()?;
        let mut targets = self.bundle.rules[usize::from(rule)].source.manifest.applies_to.iter();
        let judges = targets.any(|target| self.bundle.workloads.names(target, &elsewhere.group, &elsewhere.kind));
        judges.then(|| Outcome::NotApplicable(elsewhere.reason.clone()))
    }

    /// What a rule reads of a document.
    pub fn reads(&self, rule: u16) -> &Projection {
        &self.projections[self.reads[usize::from(rule)]]
    }

    /// What a rule is shown of a document.
    pub(super) fn shown(&self, rule: u16, document: &Document) -> String {
        self.reads(rule).apply(document, &self.bundle.workloads.shape(document))
    }

    /// Which rules are asked about a document, from manifests alone.
    pub fn plan(&self, document: &Document) -> Arc<Plan> {
        self.plans.of(&self.bundle, document)
    }

    /// Loads the components whose rules are asked about some documents, side by side. One that does not load fails
    /// the rules that are asked.
    pub(super) fn load_for<'d>(&self, documents: impl Iterator<Item = &'d Document>) {
        let mut components = Vec::new();
        for rule in documents.flat_map(|document| self.plan(document).rules().collect::<Vec<_>>()) {
            let component = &self.bundle.rules[usize::from(rule)].source.component;
            if !components.iter().any(|known| Arc::ptr_eq(known, component)) {
                components.push(Arc::clone(component));
            }
        }
        components.par_iter().for_each(|component| {
            let _ = component.load(&self.engine);
        });
    }

    /// Marks the findings of a document that others cover; exemptions are settled before.
    pub fn cover(&self, outcomes: &mut [RuleOutcome]) {
        self.covering.apply(outcomes);
    }

    /// Whether a rule needs to know the other documents: it asks for some, or checks objects as kustomizations build
    /// them.
    pub fn needs_others(&self, rule: u16) -> bool {
        let manifest = &self.bundle.rules[usize::from(rule)].source.manifest;
        manifest.reads_built || !self.asks[usize::from(rule)].is_empty()
    }

    /// What the rules' queries are about; an [`Inventory`] knows each by its index.
    pub fn topics(&self) -> &[Topic] {
        self.topics.as_slice()
    }

    /// Whether any rule is told of a document, or asks for others because of it. Where none does, nobody looks at it as
    /// kustomizations build it.
    pub(super) fn looks_at_built(&self, document: &Document) -> bool {
        self.topics().iter().any(|topic| topic.asks_for(document))
            || self.plan(document).rules().any(|rule| self.needs_others(rule))
    }

    /// What a document contributes to the inventory.
    pub fn cards(&self, document: &Document) -> Vec<Card> {
        // What is deleted, or only a part of an object, is nothing that others find there.
        let is_there =
            document.subresource.is_empty() && !matches!(document.subject.operation.as_str(), "DELETE" | "CONNECT");
        if is_there { self.topics.cards(document) } else { Vec::new() }
    }

    /// An inventory in which a document is as it is under review, whatever is known of it already.
    pub fn overlay<'i>(&self, document: &Document, inventory: &'i dyn Inventory) -> Overlay<'i> {
        Overlay::new(&self.topics, document, inventory)
    }

    /// The questions of rules about a document to an inventory.
    pub fn asking<'a>(&'a self, document: &'a Document, inventory: &'a dyn Inventory) -> Asking<'a> {
        let shape = self.bundle.workloads.shape(document);
        Asking::new(&self.topics, document, shape, inventory).with_images(self.images.as_deref())
    }

    /// The same questions about a document of which only that is at hand which they asked before.
    pub(super) fn asking_again<'a>(
        &'a self,
        subject: &'a Subject,
        here: &Here,
        inventory: &'a dyn Inventory,
    ) -> Asking<'a> {
        Asking::again(&self.topics, subject, here, inventory).with_images(self.images.as_deref())
    }

    /// The images of a document about which the rules that check it ask registries.
    pub fn images(&self, document: &Document) -> Vec<Box<str>> {
        if self.topics.image_facets().next().is_none() {
            return Vec::new();
        }
        let judged = self.prepare(document);
        let asks = |rule: &u16| self.asks[usize::from(*rule)].iter().any(|question| self.topics.is_about(*question));
        if !judged.plan.rules().any(|rule| asks(&rule) && self.passes_over(&judged, rule).is_none()) {
            return Vec::new();
        }
        self.topics.images(document, &judged.shape).into_iter().collect()
    }

    /// Says which images a document has before anybody waits for one of them.
    pub(super) fn want_images(&self, document: &Document) {
        if let Some(images) = &self.images {
            images.want(&self.images(document));
        }
    }

    /// The same of a document of which only that is at hand which was asked before.
    pub(super) fn want_images_again(&self, here: &Here) {
        if let Some(images) = &self.images {
            let about: Vec<u16> = self.topics.image_facets().collect();
            for (_, keys) in here.iter().filter(|(facet, _)| about.contains(facet)) {
                images.want(&keys.clone().into_values());
            }
        }
    }

    /// What a rule is told of the inventory.
    ///
    /// # Errors
    /// When one of the rule's queries has no answer: names it, its kinds, and why.
    pub fn related(&self, rule: u16, asking: &Asking<'_>) -> Result<Told<'_>, Unavailable> {
        let queries = &self.bundle.rules[usize::from(rule)].source.manifest.inventory;
        let told = queries.iter().zip(&self.asks[usize::from(rule)]).map(|(query, question)| {
            let answer = asking.answer(*question).map_err(|Unavailable(reason)| {
                let kinds = self.topics.kinds_text(*question);
                Unavailable(format!("its query `{}` ({kinds}) has no answer: {reason}", query.name))
            })?;
            Ok((query.name.as_str(), answer))
        });
        told.collect::<Result<_, _>>().map(Told::new)
    }

    /// Asks rules about a document.
    pub fn judge(&self, judged: &Judged<'_>, asks: &[Ask<'_>]) -> Vec<RuleOutcome> {
        self.judge_until(judged, asks, None).outcomes
    }

    /// Asks rules about a document, as long as there is time. Rules of one component are asked together; what fails
    /// together is asked again alone.
    pub fn judge_until(&self, judged: &Judged<'_>, asks: &[Ask<'_>], until: Option<Instant>) -> Answered {
        let mut outcomes: Vec<Option<Outcome>> = Vec::with_capacity(asks.len());
        let mut calls: Vec<Vec<usize>> = vec![Vec::new(); judged.plan.groups().len()];
        for (at, ask) in asks.iter().enumerate() {
            outcomes.push(match (self.passes_over(judged, ask.rule), &ask.told) {
                (Some(elsewhere), _) => Some(elsewhere),
                (None, Err(Unavailable(reason))) => Some(Outcome::NotEvaluated(reason.clone())),
                (None, Ok(_)) => {
                    match judged.plan.group_of(ask.rule) {
                        Some(group) if !self.failed_alone[usize::from(ask.rule)].load(Ordering::Relaxed) => {
                            calls[group].push(at);
                        }
                        _ => calls.push(vec![at]),
                    }
                    None
                }
            });
        }
        let is_late = || until.is_some_and(|until| Instant::now() >= until);
        for (group, call) in calls.iter().enumerate().filter(|(_, call)| !call.is_empty()) {
            if is_late() {
                continue;
            }
            let together: Vec<&Ask<'_>> = call.iter().map(|at| &asks[*at]).collect();
            match self.call(judged, judged.plan.groups().get(group).map(|group| group.projection), &together) {
                Ok(answers) => {
                    for (at, answer) in call.iter().zip(answers) {
                        outcomes[*at] = Some(answer);
                    }
                }
                Err(failure) if call.len() == 1 => outcomes[call[0]] = Some(Outcome::Error(failure)),
                Err(_) => {
                    for at in call {
                        outcomes[*at] = (!is_late()).then(|| self.alone(judged, &asks[*at]));
                    }
                }
            }
        }
        let mut answered = Answered::default();
        for (ask, outcome) in asks.iter().zip(outcomes) {
            match outcome {
                Some(outcome) => answered.outcomes.push(RuleOutcome { rule: ask.rule, outcome }),
                None => answered.unreached.push(ask.rule),
            }
        }
        answered
    }

    /// Asks one rule, after a call in which it was asked with others failed.
    fn alone(&self, judged: &Judged<'_>, ask: &Ask<'_>) -> Outcome {
        match self.call(judged, None, &[ask]) {
            Ok(answers) => {
                let none = || Outcome::Error(malformed("no answer to 1 asks".to_owned()));
                answers.into_iter().next().unwrap_or_else(none)
            }
            Err(failure) => {
                self.failed_alone[usize::from(ask.rule)].store(true, Ordering::Relaxed);
                Outcome::Error(failure)
            }
        }
    }

    /// Bytes of memory that one rule takes for a document.
    ///
    /// # Errors
    /// When the rule fails.
    pub fn memory(&self, judged: &Judged<'_>, ask: &Ask<'_>) -> Result<usize, RuleFailure> {
        let source = &self.bundle.rules[usize::from(ask.rule)].source;
        let component = source.component.load(&self.engine).map_err(|error| RuleFailure::Load(error.to_owned()))?;
        self.with_request(judged, None, &[ask], |request| self.engine.evaluate_measured(component, request))
            .map(|(_, bytes)| bytes)
    }

    /// One call to a component: the outcome of each ask, or why there is not one of any.
    fn call(
        &self,
        judged: &Judged<'_>,
        projection: Option<usize>,
        asks: &[&Ask<'_>],
    ) -> Result<Vec<Outcome>, RuleFailure> {
        let Some(first) = asks.first() else { return Ok(Vec::new()) };
        let source = &self.bundle.rules[usize::from(first.rule)].source;
        let component = source.component.load(&self.engine).map_err(|error| RuleFailure::Load(error.to_owned()))?;
        let answers =
            self.with_request(judged, projection, asks, |request| self.engine.evaluate(component, request))?;
        let outcome = |(ask, answer): (&&Ask<'_>, wire::Answer)| {
            let rule = &self.bundle.rules[usize::from(ask.rule)];
            let none = Told::default();
            let told = ask.told.as_ref().unwrap_or(&none);
            self.outcome(judged, (rule, told), answer).unwrap_or_else(Outcome::Error)
        };
        Ok(asks.iter().zip(answers).map(outcome).collect())
    }

    /// Puts together what a component is asked. With a projection of the plan the asks share it; without one, the only
    /// ask gets its own.
    fn with_request<T>(
        &self,
        judged: &Judged<'_>,
        projection: Option<usize>,
        asks: &[&Ask<'_>],
        call: impl FnOnce(wire::Request<'_>) -> T,
    ) -> T {
        let sources = || asks.iter().map(|ask| &self.bundle.rules[usize::from(ask.rule)].source);
        let own;
        let (projection, cells) = match projection {
            Some(at) => (judged.plan.projection(at), &judged.projected[at]),
            None => {
                own = <[OnceCell<String>; 2]>::default();
                (self.reads(asks.first().map_or(0, |ask| ask.rule)), &own)
            }
        };
        let Judged { document, shape, .. } = judged;
        let mut documents: Vec<&str> = vec![cells[0].get_or_init(|| projection.apply(document, shape))];
        let reads_old = sources().any(|source| source.manifest.reads_old);
        if let Some(old) = document.old.as_ref().filter(|_| reads_old) {
            documents.push(cells[1].get_or_init(|| projection.apply_to(document, shape, old)));
        }
        let mut related: Vec<&Answer> = Vec::new();
        let mut place = |answer| {
            related.iter().position(|known| known.digest() == Answer::digest(answer)).unwrap_or_else(|| {
                related.push(answer);
                related.len() - 1
            }) as u32
        };
        let told: Vec<Vec<u32>> = asks
            .iter()
            .map(|ask| ask.told.iter().flat_map(Told::answers).map(|(_, answer)| place(answer)).collect())
            .collect();
        let related: Vec<&str> = related.into_iter().map(Answer::json).collect();
        let mut settings: Vec<&str> = Vec::new();
        let given: Vec<u32> = asks
            .iter()
            .map(|ask| place_in(&mut settings, self.bundle.rules[usize::from(ask.rule)].settings.as_str()))
            .collect();
        let wired: Vec<wire::Ask<'_>> = asks
            .iter()
            .zip(sources())
            .zip(&told)
            .zip(given)
            .map(|(((ask, source), told), settings)| wire::Ask {
                rule: source.position,
                document: 0,
                old: (source.manifest.reads_old && documents.len() > 1).then_some(1),
                parameters: &self.bundle.rules[usize::from(ask.rule)].parameters,
                settings,
                related: told,
            })
            .collect();
        let subject = &document.subject;
        let groups: Vec<&str>;
        let user = match &document.user {
            Some(user) if sources().any(|source| source.manifest.reads_user) => {
                groups = user.groups.iter().map(String::as_str).collect();
                Some(wire::User { name: &user.name, groups: &groups })
            }
            _ => None,
        };
        call(wire::Request {
            subject: wire::Subject {
                group: if document.is_file() { "" } else { &subject.group },
                version: &subject.version,
                kind: &subject.kind,
                namespace: &subject.namespace,
                name: &subject.name,
                operation: &subject.operation,
                subresource: &document.subresource,
            },
            user,
            documents: &documents,
            related: &related,
            settings: &settings,
            asks: &wired,
        })
    }

    /// What an answer comes to.
    fn outcome(
        &self,
        judged: &Judged<'_>,
        (rule, told): (&BundleRule, &Told<'_>),
        answer: wire::Answer,
    ) -> Result<Outcome, RuleFailure> {
        Ok(match answer {
            wire::Answer::NotApplicable(reason) => Outcome::NotApplicable(self.bounded(reason)?),
            wire::Answer::NotEvaluated(reason) => Outcome::NotEvaluated(self.bounded(reason)?),
            wire::Answer::Failed(mut reason) => {
                crate::engine::truncate(&mut reason, self.engine.limits().text_bytes);
                return Err(RuleFailure::Guest(reason));
            }
            wire::Answer::Judged(findings) if findings.is_empty() => Outcome::Pass,
            wire::Answer::Judged(findings) => {
                let limit = self.engine.limits().findings;
                if findings.len() > limit {
                    let message = format!("{} findings, more than {limit} (limit `findings`)", findings.len());
                    return Err(RuleFailure::Malformed(message));
                }
                let mut lifted = Vec::with_capacity(findings.len());
                let mut unusable = None;
                for finding in findings {
                    if let Some(path) = into_scalar(judged, self.within(&finding.at)?)? {
                        // What is wrong there is not what the rule thinks.
                        unusable = Some(path);
                        continue;
                    }
                    let mut finding = self.lift(judged, (rule, told), finding)?;
                    let reported = self.bundle.report.includes(finding.severity, finding.confidence);
                    if !reported || rule.untold.contains(&finding.code) {
                        if !finding.secret {
                            continue;
                        }
                        finding.withheld = Some(Withheld::Level);
                    }
                    lifted.push(finding);
                }
                match unusable.filter(|_| lifted.is_empty()) {
                    Some(path) => Outcome::NotEvaluated(format!("`{path}` has another type than it should")),
                    None if lifted.is_empty() => Outcome::Pass,
                    None => Outcome::Fail(lifted),
                }
            }
        })
    }

    /// Checks a finding against the document and leads its paths back into it.
    fn lift(
        &self,
        judged: &Judged<'_>,
        (rule, told): (&BundleRule, &Told<'_>),
        finding: wire::Finding,
    ) -> Result<Finding, RuleFailure> {
        let Some(kind) = rule.source.manifest.kind(self.within(&finding.code)?) else {
            return Err(malformed(format!("the manifest declares no finding `{}`", finding.code)));
        };
        let led = resolve(judged, self.within(&finding.at)?)?;
        self.within(&finding.excerpt)?;
        let shown_at = shown(judged.written, &led, &finding.excerpt, finding.secret);
        let path = led.path;
        let (mut labels, mut related) = (Vec::new(), Vec::new());
        for label in finding.labels {
            let (at, text) = (self.bounded(label.at)?, self.bounded(label.text)?);
            match label.related {
                Some(there) => related.push(RelatedLabel::new(told, there, at, text).map_err(malformed)?),
                None if into_scalar(judged, &at)?.is_some() => {}
                None => {
                    let at = resolve(judged, &at)?;
                    let place = at.place.map_or_else(|| place(judged.written, &at.path), in_file);
                    labels.push(Label { place, text });
                }
            }
        }
        labels.extend(callers::call(judged.written, &path, shown_at));
        let scope = ExemptionScope::new(judged.written, &judged.shape, &path);
        let mut exemptions = self.bundle.exemptions.iter().enumerate();
        let exemption = exemptions.find(|(_, exemption)| exemption.covers(rule.id(), &scope));
        let fix = finding.fix.filter(|_| judged.written.may_be_fixed());
        Ok(Finding {
            message: self.bounded(finding.message)?,
            severity: rule.severity_of(kind),
            confidence: kind.confidence,
            enforcement: rule.enforcement,
            path: path.to_string(),
            place: shown_at,
            labels,
            related,
            fix: fix.map(|fix| self.lift_fix(judged, fix)).transpose()?,
            secret: finding.secret,
            exempt: exemption.map(|(_, exemption)| exemption.entry.reason.clone()),
            exempt_by: exemption.map(|(index, _)| ExemptBy::Entry(index as u32)),
            stable_path: judged.written.stable_path(&path),
            withheld: None,
            renderings: Vec::new(),
            code: finding.code,
        })
    }

    fn lift_fix(&self, judged: &Judged<'_>, fix: wire::Fix) -> Result<Fix, RuleFailure> {
        let change = match fix.change {
            wire::Change::Create(document) => {
                serde_json::from_str::<serde_json::Map<String, serde_json::Value>>(&document)
                    .map_err(|error| malformed(format!("a fix's document is not a JSON object: {error}")))?;
                Change::Create(document)
            }
            wire::Change::Patch(operations) => Change::Patch(absolute(judged, &operations)?),
        };
        Ok(Fix { title: self.bounded(fix.title)?, safe: fix.safety == wire::Safety::Safe, change })
    }

    fn bounded(&self, text: String) -> Result<String, RuleFailure> {
        self.within(&text)?;
        Ok(text)
    }

    /// A text that is no longer than the bound.
    fn within<'t>(&self, text: &'t str) -> Result<&'t str, RuleFailure> {
        let limit = self.engine.limits().text_bytes;
        if text.len() > limit {
            return Err(malformed(format!("a text of {} bytes, more than {limit} (limit `text_bytes`)", text.len())));
        }
        Ok(text)
    }
}

/// Where a document starts.
pub(super) fn start(document: &Document) -> Place {
    place(document, &Pointer::root())
}

/// Where a path leads; absent, where its nearest ancestor is.
pub(super) fn place(document: &Document, path: &Pointer) -> Place {
    in_file(document.locate(path))
}

fn in_file(found: document::Place) -> Place {
    Place { file: found.span.file, start: found.span.start, end: found.span.end, exact: found.exact }
}

/// What a finding shows: its excerpt, where that stands in the source as it is; else, for a secret, all
/// of the value, since all of it has to be masked.
fn shown(document: &Document, led: &Led, excerpt: &str, secret: bool) -> Place {
    let span = match (&led.place, document.at(&led.path)) {
        (Some(place), _) => place.span,
        (None, Some(node)) => node.span,
        (None, None) => return place(document, &led.path),
    };
    let text = document.sources.get(usize::from(span.file)).and_then(|source| source.text.get(span.range()));
    match text.filter(|_| !excerpt.is_empty()).and_then(|text| find_excerpt(text, excerpt)) {
        Some(offset) => {
            let start = span.start + offset as u32;
            Place { file: span.file, start, end: start + excerpt.len() as u32, exact: true }
        }
        None if secret => Place { file: span.file, start: span.start, end: span.end, exact: true },
        None => led.place.map_or_else(|| place(document, &led.path), in_file),
    }
}

/// Where an excerpt stands: of several places the first at which it is not merely the beginning of
/// something longer.
fn find_excerpt(text: &str, excerpt: &str) -> Option<usize> {
    // The rule chose both texts, so neither the places nor what is looked at behind one may be many.
    const PLACES: usize = 64;
    let ends = |at: &usize| {
        let rest = &text.as_bytes()[at + excerpt.len()..];
        let next = rest.iter().take(PLACES).find(|byte| !matches!(byte, b' ' | b'\t'));
        next.is_none_or(|byte| b"\n\r\\;&|)\"'".contains(byte))
    };
    let places: Vec<usize> = text.match_indices(excerpt).map(|(at, _)| at).take(PLACES).collect();
    places.iter().copied().find(ends).or_else(|| places.first().copied())
}

/// Leads a rule's path back into the document. It may end in something absent, but not outside: in
/// a scalar, or behind the end of a sequence. What only a kustomization adds is shown where it is added to.
fn resolve(judged: &Judged<'_>, path: &str) -> Result<Led, RuleFailure> {
    let outside = || malformed(format!("`{path}` points outside the document"));
    let pointer = Pointer::parse(path).map_err(|error: PointerError| malformed(error.to_string()))?;
    let absolute = judged.shape.resolve(&pointer).ok_or_else(outside)?;
    let added_to = || {
        follow::follow(judged.document, &absolute)?;
        let tokens = absolute.tokens();
        let above = (0..tokens.len()).rev().map(|length| tokens[..length].iter().cloned().collect::<Pointer>());
        above.into_iter().find_map(|above| follow::follow(judged.written, &above))
    };
    follow::follow(judged.written, &absolute).or_else(added_to).ok_or_else(outside)
}

/// The value of a wrong type that a path leads into although it has no inside; none for any other path.
fn into_scalar(judged: &Judged<'_>, path: &str) -> Result<Option<Pointer>, RuleFailure> {
    let pointer = Pointer::parse(path).map_err(|error: PointerError| malformed(error.to_string()))?;
    let Some(absolute) = judged.shape.resolve(&pointer) else { return Ok(None) };
    let (mut node, mut at) = (&judged.written.root, Pointer::root());
    for token in absolute.tokens() {
        if matches!(node.value, Value::String(_) | Value::Number(_) | Value::Bool(_)) {
            let is_mistyped = mistyped(judged.written, &judged.shape).iter().any(|found| found.path == at);
            return Ok(is_mistyped.then_some(at));
        }
        let Some(next) = node.get(token).or_else(|| node.item(position(token)?)) else { return Ok(None) };
        (node, at) = (next, at.join(token));
    }
    Ok(None)
}

/// An array position as RFC 6901 writes it: without sign or leading zeros.
fn position(token: &str) -> Option<usize> {
    let is_plain = token == "0" || token.starts_with(|first: char| matches!(first, '1'..='9'));
    token.parse().ok().filter(|_| is_plain)
}

/// A patch with its paths led back into the document.
fn absolute(judged: &Judged<'_>, operations: &str) -> Result<String, RuleFailure> {
    let operations = edit::parse_operations(operations)
        .map_err(|error| malformed(format!("a fix is no RFC 6902 patch: {error}")))?;
    let absolute = operations.into_iter().map(|operation| {
        let path = judged.shape.resolve(operation.path());
        let path = path.and_then(|path| key::of_document(&path));
        let path =
            path.ok_or_else(|| malformed(format!("a fix's path `{}` leads outside the document", operation.path())))?;
        Ok(operation.at(path))
    });
    Ok(edit::write_operations(&absolute.collect::<Result<Vec<_>, RuleFailure>>()?))
}

/// The position of a text among distinct ones, where it is put if it is not there.
fn place_in<'t>(texts: &mut Vec<&'t str>, text: &'t str) -> u32 {
    let at = texts.iter().position(|known| *known == text).unwrap_or_else(|| {
        texts.push(text);
        texts.len() - 1
    });
    at as u32
}

/// A failure that quotes the answer, cut to what a person can read.
fn malformed(mut message: String) -> RuleFailure {
    crate::engine::truncate(&mut message, QUOTED_BYTES);
    RuleFailure::Malformed(message)
}

/// Bytes of an answer that a failure quotes at the most.
const QUOTED_BYTES: usize = 512;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bundle::RuleSource;
    use crate::document::Source;
    use crate::engine::SandboxLimits;
    use crate::manifest::Manifest;
    use crate::parse::{Form, Limits, Unit};

    fn rule(id: &str, applies_to: &[&str]) -> Arc<RuleSource> {
        let manifest = serde_json::json!({
            "id": id, "version": "1.0.0", "title": "Title", "why": "Why.", "fix": "Mend it.",
            "findings": [{"code": "bad", "title": "Bad", "severity": "high", "confidence": "certain"}],
            "priority": "P1", "effort": "small", "factor": "XV Security", "since": "1.0.0",
            "appliesTo": applies_to, "reads": ["spec"],
        });
        Arc::new(RuleSource::described(Manifest::parse(manifest.to_string().as_bytes()).unwrap()))
    }

    /// A rule that checks Pods and no owners checks the Pods that have one.
    #[test]
    fn an_owner_counts_only_for_rules_that_judge_it() {
        let rules = [
            rule("all", &["workload"]),
            rule("pods", &["workload/Pod"]),
            rule("objects", &["core/Pod"]),
            rule("both", &["core/Pod", "apps/ReplicaSet"]),
            rule("others", &["core/Pod", "workload/StatefulSet"]),
        ];
        let engine = Arc::new(Engine::new(SandboxLimits::default(), None).unwrap());
        let judge = Judge::new(&engine, &Arc::new(Bundle::of_rules("b", rules)));
        let text = r#"{"apiVersion":"v1","kind":"Pod","metadata":{"name":"p","ownerReferences":[
            {"apiVersion":"apps/v1","kind":"ReplicaSet","name":"web","controller":true}]}}"#;
        let pod = Unit::new(Form::Json, Source::new("a.json", text)).parse(&Limits::default()).unwrap().remove(0);
        let prepared = judge.prepare(&pod);
        let plan = judge.plan(&pod);
        let passed_over = plan.rules().filter(|rule| judge.passes_over(&prepared, *rule).is_some());
        let passed_over: Vec<&str> = passed_over.map(|rule| judge.bundle().rules[usize::from(rule)].id()).collect();
        assert_eq!(passed_over, ["all", "both"]);
    }
}
