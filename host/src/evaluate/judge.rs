//! One document before the rules of a bundle.

use super::cover::Covering;
use super::inventory::{Card, Inventory, Overlay, Told, Topic, Topics, Unavailable};
use super::verdict::{Change, ExemptBy, Finding, Fix, Label, Outcome, Place, RuleOutcome, Withheld};
use crate::bundle::{Bundle, BundleRule, ExemptionScope};
use crate::document::{Document, Node, Pointer, PointerError, Value};
use crate::engine::bindings::exports::policy::rule::rule as wire;
use crate::engine::{Engine, RuleFailure};
use crate::fix::edit;
use crate::project::Projection;
use crate::workload::Shape;
use std::cell::OnceCell;
use std::sync::Arc;

/// A bundle prepared for evaluation: what each rule reads, with equal reads made one.
pub struct Judge {
    engine: Arc<Engine>,
    bundle: Arc<Bundle>,
    projections: Vec<Projection>,
    /// Index into `projections`, by rule.
    reads: Vec<usize>,
    topics: Topics,
    /// Indices into `topics`, by rule and query.
    asks: Vec<Vec<u16>>,
    covering: Covering,
}

/// A document with what evaluating it needs more than once.
pub struct Judged<'d> {
    document: &'d Document,
    shape: Shape,
    elsewhere: Option<String>,
    projected: Vec<OnceCell<String>>,
    projected_old: Vec<OnceCell<String>>,
}

impl Judge {
    /// Prepares a bundle.
    pub fn new(engine: &Arc<Engine>, bundle: &Arc<Bundle>) -> Self {
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
        let covering = Covering::new(bundle);
        Self { engine: Arc::clone(engine), bundle: Arc::clone(bundle), projections, reads, topics, asks, covering }
    }

    /// The bundle.
    pub fn bundle(&self) -> &Bundle {
        &self.bundle
    }

    /// Prepares a document.
    pub fn prepare<'d>(&self, document: &'d Document) -> Judged<'d> {
        Judged {
            document,
            shape: self.bundle.workloads.shape(document),
            elsewhere: self.judged_elsewhere(document),
            projected: vec![OnceCell::new(); self.projections.len()],
            projected_old: vec![OnceCell::new(); self.projections.len()],
        }
    }

    /// Why no rule judges a document, where that is so.
    pub fn judged_elsewhere(&self, document: &Document) -> Option<String> {
        self.bundle.workloads.judged_elsewhere(document)
    }

    /// The rules that apply to a document, by index, from manifests alone.
    pub fn plan(&self, document: &Document) -> Vec<u16> {
        let applies = |rule: &BundleRule| {
            let targets = &rule.source.manifest.applies_to;
            targets.iter().any(|target| self.bundle.workloads.matches(target, document))
        };
        let rules = self.bundle.rules.iter().enumerate();
        rules.filter(|(_, rule)| applies(rule)).map(|(index, _)| index as u16).collect()
    }

    /// Marks the findings of a document that others cover; exemptions are settled before.
    pub fn cover(&self, outcomes: &mut [RuleOutcome]) {
        self.covering.apply(outcomes);
    }

    /// Whether a rule asks for other documents.
    pub fn asks_inventory(&self, rule: u16) -> bool {
        !self.asks[usize::from(rule)].is_empty()
    }

    /// What the rules' queries are about; an [`Inventory`] knows each by its index.
    pub fn topics(&self) -> &[Topic] {
        self.topics.as_slice()
    }

    /// What a document contributes to the inventory.
    pub fn cards(&self, document: &Document) -> Vec<Card> {
        self.topics.cards(document)
    }

    /// An inventory in which a document is as it is under review, whatever is known of it already.
    pub fn overlay<'i>(&self, document: &Document, inventory: &'i dyn Inventory) -> Overlay<'i> {
        Overlay::new(&self.topics, document, inventory)
    }

    /// What a rule is told of the inventory about a subject in `namespace`.
    ///
    /// # Errors
    /// When one of the rule's queries has no answer: names it, its kinds, and why.
    pub fn related(&self, rule: u16, inventory: &dyn Inventory, namespace: &str) -> Result<Told<'_>, Unavailable> {
        let queries = &self.bundle.rules[usize::from(rule)].source.manifest.inventory;
        let told = queries.iter().zip(&self.asks[usize::from(rule)]).map(|(query, index)| {
            let answer = inventory.answer(*index, query.scope, namespace).map_err(|Unavailable(reason)| {
                let kinds = self.topics.as_slice()[usize::from(*index)].kinds_text();
                Unavailable(format!("its query `{}` ({kinds}) has no answer: {reason}", query.name))
            })?;
            Ok((query.name.as_str(), answer))
        });
        told.collect::<Result<_, _>>().map(Told::new)
    }

    /// Runs one rule on a document with what it is told of others, or says why that is not known.
    pub fn judge_related(
        &self,
        judged: &Judged<'_>,
        rule: u16,
        related: &Result<Told<'_>, Unavailable>,
    ) -> RuleOutcome {
        match related {
            Ok(told) => self.judge(judged, rule, &told.json()),
            Err(Unavailable(reason)) => {
                let elsewhere = judged.elsewhere.clone().map(Outcome::NotApplicable);
                RuleOutcome { rule, outcome: elsewhere.unwrap_or_else(|| Outcome::NotEvaluated(reason.clone())) }
            }
        }
    }

    /// Runs one rule on a document. `related` is the JSON of what [`Judge::related`] gave, `{}` for a rule
    /// that asks for nothing.
    pub fn judge(&self, judged: &Judged<'_>, rule: u16, related: &str) -> RuleOutcome {
        let outcome = match &judged.elsewhere {
            Some(reason) => Outcome::NotApplicable(reason.clone()),
            None => self.run(judged, rule, related).unwrap_or_else(Outcome::Error),
        };
        RuleOutcome { rule, outcome }
    }

    /// Bytes of memory that one rule takes for a document.
    ///
    /// # Errors
    /// When the rule fails.
    pub fn memory(&self, judged: &Judged<'_>, rule: u16, related: &str) -> Result<usize, RuleFailure> {
        let source = &self.bundle.rules[usize::from(rule)].source;
        let loaded = source.load(&self.engine).map_err(|error| RuleFailure::Trap(error.to_owned()))?;
        let request = self.request(judged, usize::from(rule), related);
        self.engine.evaluate_measured(loaded, request).map(|(_, bytes)| bytes)
    }

    fn run(&self, judged: &Judged<'_>, index: u16, related: &str) -> Result<Outcome, RuleFailure> {
        let rule = &self.bundle.rules[usize::from(index)];
        let loaded = rule.source.load(&self.engine).map_err(|error| RuleFailure::Trap(error.to_owned()))?;
        let verdict = self.engine.evaluate(loaded, self.request(judged, usize::from(index), related))?;
        Ok(match verdict {
            wire::Verdict::NotApplicable(reason) => Outcome::NotApplicable(self.bounded(reason)?),
            wire::Verdict::NotEvaluated(reason) => Outcome::NotEvaluated(self.bounded(reason)?),
            wire::Verdict::Judged(findings) if findings.is_empty() => Outcome::Pass,
            wire::Verdict::Judged(findings) => {
                let limit = self.engine.limits().findings;
                if findings.len() > limit {
                    let message = format!("{} findings, more than {limit} (limit `findings`)", findings.len());
                    return Err(RuleFailure::Malformed(message));
                }
                let mut lifted = Vec::with_capacity(findings.len());
                for finding in findings {
                    let mut finding = self.lift(judged, rule, finding)?;
                    if !self.bundle.report.includes(finding.severity, finding.confidence) {
                        if !finding.secret {
                            continue;
                        }
                        finding.withheld = Some(Withheld::Level);
                    }
                    lifted.push(finding);
                }
                if lifted.is_empty() { Outcome::Pass } else { Outcome::Fail(lifted) }
            }
        })
    }

    fn request<'r>(&'r self, judged: &'r Judged<'_>, rule: usize, related: &'r str) -> wire::Request<'r> {
        let document = judged.document;
        let subject = &document.subject;
        let reads = self.reads[rule];
        let projection = &self.projections[reads];
        let projected = judged.projected[reads].get_or_init(|| projection.apply(document, &judged.shape));
        let old = document.old.as_ref().filter(|_| self.bundle.rules[rule].source.manifest.reads_old).map(|old| {
            judged.projected_old[reads].get_or_init(|| projection.apply_to(document, &judged.shape, old)).as_str()
        });
        wire::Request {
            subject: wire::Subject {
                group: if document.is_file() { "" } else { &subject.group },
                version: &subject.version,
                kind: &subject.kind,
                namespace: &subject.namespace,
                name: &subject.name,
                operation: &subject.operation,
            },
            document: projected,
            old,
            parameters: &self.bundle.rules[rule].parameters,
            related,
        }
    }

    /// Checks a finding against the document and leads its paths back into it.
    fn lift(&self, judged: &Judged<'_>, rule: &BundleRule, finding: wire::Finding) -> Result<Finding, RuleFailure> {
        let Some(kind) = rule.source.manifest.kind(self.within(&finding.code)?) else {
            return Err(malformed(format!("the manifest declares no finding `{}`", finding.code)));
        };
        let path = resolve(judged, self.within(&finding.at)?)?;
        self.within(&finding.excerpt)?;
        let shown_at = shown(judged.document, &path, &finding.excerpt, finding.secret);
        let labels = finding
            .labels
            .into_iter()
            .map(|label| {
                let at = resolve(judged, self.within(&label.at)?)?;
                Ok(Label { place: place(judged.document, &at), text: self.bounded(label.text)? })
            })
            .collect::<Result<_, RuleFailure>>()?;
        let scope = ExemptionScope::new(judged.document, &judged.shape, &path);
        let mut exemptions = self.bundle.exemptions.iter().enumerate();
        let exemption = exemptions.find(|(_, exemption)| exemption.covers(rule.id(), &scope));
        Ok(Finding {
            message: self.bounded(finding.message)?,
            severity: rule.severity_of(kind),
            confidence: kind.confidence,
            enforcement: rule.enforcement,
            path: path.to_string(),
            place: shown_at,
            labels,
            fix: finding.fix.map(|fix| self.lift_fix(judged, fix)).transpose()?,
            secret: finding.secret,
            exempt: exemption.map(|(_, exemption)| exemption.entry.reason.clone()),
            exempt_by: exemption.map(|(index, _)| ExemptBy::Entry(index as u32)),
            stable_path: judged.document.stable_path(&path),
            withheld: None,
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

fn place(document: &Document, path: &Pointer) -> Place {
    let found = document.locate(path);
    Place { file: found.span.file, start: found.span.start, end: found.span.end, exact: found.exact }
}

/// What a finding shows: its excerpt, where that stands in the source as it is; else, for a secret, all
/// of the value, since all of it has to be masked.
fn shown(document: &Document, path: &Pointer, excerpt: &str, secret: bool) -> Place {
    let Some(Node { span, .. }) = document.at(path) else { return place(document, path) };
    let text = document.sources.get(usize::from(span.file)).and_then(|source| source.text.get(span.range()));
    match text.filter(|_| !excerpt.is_empty()).and_then(|text| find_excerpt(text, excerpt)) {
        Some(offset) => {
            let start = span.start + offset as u32;
            Place { file: span.file, start, end: start + excerpt.len() as u32, exact: true }
        }
        None if secret => Place { file: span.file, start: span.start, end: span.end, exact: true },
        None => place(document, path),
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
/// a scalar, or behind the end of a sequence.
fn resolve(judged: &Judged<'_>, path: &str) -> Result<Pointer, RuleFailure> {
    let outside = || malformed(format!("`{path}` points outside the document"));
    let pointer = Pointer::parse(path).map_err(|error: PointerError| malformed(error.to_string()))?;
    let absolute = judged.shape.resolve(&pointer).ok_or_else(outside)?;
    let mut node = &judged.document.root;
    for token in absolute.tokens() {
        node = match &node.value {
            Value::Object(_) => match node.get(token) {
                Some(next) => next,
                None => return Ok(absolute),
            },
            Value::Null => return Ok(absolute),
            Value::Array(items) if token == "-" || *token == items.len().to_string() => return Ok(absolute),
            Value::Array(_) => position(token).and_then(|index| node.item(index)).ok_or_else(outside)?,
            _ => return Err(outside()),
        };
    }
    Ok(absolute)
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
        let path =
            path.ok_or_else(|| malformed(format!("a fix's path `{}` leads outside the document", operation.path())))?;
        Ok(operation.at(path))
    });
    Ok(edit::write_operations(&absolute.collect::<Result<Vec<_>, RuleFailure>>()?))
}

/// A failure that quotes the answer, cut to what a person can read.
fn malformed(mut message: String) -> RuleFailure {
    crate::engine::truncate(&mut message, QUOTED_BYTES);
    RuleFailure::Malformed(message)
}

/// Bytes of an answer that a failure quotes at the most.
const QUOTED_BYTES: usize = 512;
