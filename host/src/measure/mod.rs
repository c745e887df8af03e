//! What rules cost: size, instantiation, evaluation, memory.

mod statistics;

use crate::bundle::Bundle;
use crate::document::Document;
use crate::engine::{Engine, RuleFailure};
use crate::evaluate::{Ask, Collected, Judge, Judged, Outcome, RuleOutcome};
use std::hint::black_box;
use std::sync::Arc;
use std::time::{Duration, Instant};

pub use statistics::{Samples, Verdict};

/// How long one sample takes at least: calls shorter than that are measured several at a time.
const SAMPLE: Duration = Duration::from_millis(1);
/// How long a call is repeated before it is measured.
const WARM_UP: Duration = Duration::from_millis(20);

/// What one rule costs.
pub struct Cost {
    /// The rule.
    pub rule: String,
    /// Bytes of its component.
    pub bytes: usize,
    /// Microseconds until a fresh sandbox is there.
    pub instantiation: Samples,
    /// Microseconds of one evaluation in a fresh sandbox; `None` when it checks none of the documents.
    pub evaluation: Option<Samples>,
    /// Bytes of memory, the most over the documents.
    pub memory: Option<usize>,
}

/// A bundle's rules, ready to be measured.
pub struct Bench<'d> {
    engine: Arc<Engine>,
    judge: Judge,
    documents: &'d [Document],
}

impl<'d> Bench<'d> {
    /// Over some documents, which are each other's inventory.
    pub fn new(engine: &Arc<Engine>, bundle: &Arc<Bundle>, documents: &'d [Document]) -> Self {
        Self { engine: Arc::clone(engine), judge: Judge::new(engine, bundle), documents }
    }

    /// How many rules there are.
    pub fn rules(&self) -> usize {
        self.judge.bundle().rules.len()
    }

    /// A rule's id.
    pub fn id(&self, rule: usize) -> &str {
        self.judge.bundle().rules[rule].id()
    }

    /// What one rule costs, and what others cost that are measured in turns with it, so that whatever else the
    /// machine does hits all.
    ///
    /// # Errors
    /// When one of them fails, which names it.
    pub fn cost(&self, rule: usize, beside: &[(&Bench<'_>, usize)], samples: usize) -> Result<Vec<Cost>, String> {
        let mut all = vec![(self, rule)];
        all.extend(beside);
        let mut prepared = Vec::with_capacity(all.len());
        for (bench, rule) in &all {
            prepared.push(bench.prepare(*rule)?);
        }
        let mut times = vec![(Vec::with_capacity(samples), Vec::with_capacity(samples)); all.len()];
        for _ in 0..samples {
            for (subject, (instantiations, evaluations)) in prepared.iter().zip(&mut times) {
                instantiations.push(micros(subject.instantiations, || subject.instantiate()));
                if !subject.tasks.is_empty() {
                    let evaluated = micros(subject.evaluations, || subject.evaluate());
                    evaluations.push(evaluated / subject.tasks.len() as f64);
                }
            }
        }
        let costs = prepared.iter().zip(times).map(|(subject, (instantiations, evaluations))| {
            Ok(Cost {
                rule: subject.bench.id(subject.rule).to_owned(),
                bytes: subject.bench.judge.bundle().rules[subject.rule].source.component.bytes().len(),
                instantiation: Samples::new(instantiations).ok_or("no samples")?,
                evaluation: Samples::new(evaluations),
                memory: subject.memory,
            })
        });
        costs.collect()
    }

    fn prepare(&self, rule: usize) -> Result<Subject<'_>, String> {
        let failed = |error: &dyn std::fmt::Display| format!("{}: {error}", self.id(rule));
        let index = rule as u16;
        let inventory = Collected::new(self.documents.iter().flat_map(|it| self.judge.cards(it)).collect::<Vec<_>>());
        let mut tasks = Vec::new();
        let is_asked = |document: &&Document| self.judge.plan(document).rules().any(|rule| rule == index);
        for document in self.documents.iter().filter(is_asked) {
            let told = self.judge.related(index, &self.judge.asking(document, &inventory));
            let told = Ok(told.map_err(|error| failed(&error.0))?);
            tasks.push((self.judge.prepare(document), [Ask { rule: index, told }]));
        }
        let mut subject = Subject { bench: self, rule, tasks, memory: None, instantiations: 1, evaluations: 1 };
        self.judge.bundle().rules[rule].source.component.load(&self.engine).map_err(|error| failed(&error))?;
        subject.try_instantiate().map_err(|failure| failed(&failure))?;
        for (judged, asks) in &subject.tasks {
            if let [RuleOutcome { outcome: Outcome::Error(failure), .. }] = &self.judge.judge(judged, asks)[..] {
                return Err(failed(failure));
            }
            let bytes = self.judge.memory(judged, &asks[0]).map_err(|failure| failed(&failure))?;
            subject.memory = subject.memory.max(Some(bytes));
        }
        subject.instantiations = calls_per_sample(|| subject.instantiate());
        subject.evaluations = calls_per_sample(|| subject.evaluate());
        Ok(subject)
    }
}

/// One rule with all that evaluating it takes.
struct Subject<'b> {
    bench: &'b Bench<'b>,
    rule: usize,
    /// The documents that it checks, and what it is told of others.
    tasks: Vec<(Judged<'b>, [Ask<'b>; 1])>,
    memory: Option<usize>,
    instantiations: usize,
    evaluations: usize,
}

impl Subject<'_> {
    fn try_instantiate(&self) -> Result<(), RuleFailure> {
        let source = &self.bench.judge.bundle().rules[self.rule].source;
        let loaded = source.component.load(&self.bench.engine).map_err(|error| RuleFailure::Load(error.to_owned()))?;
        self.bench.engine.instantiate(loaded)
    }

    fn instantiate(&self) {
        // It did before; what a failure now would cost is as good a sample.
        let _ = black_box(self.try_instantiate());
    }

    fn evaluate(&self) {
        for (judged, asks) in &self.tasks {
            black_box(self.bench.judge.judge(judged, asks));
        }
    }
}

fn micros(calls: usize, call: impl Fn()) -> f64 {
    let started = Instant::now();
    (0..calls).for_each(|_| call());
    started.elapsed().as_secs_f64() * 1e6 / calls as f64
}

/// Calls until everything is warm, and says how many fill a sample.
fn calls_per_sample(call: impl Fn()) -> usize {
    let started = Instant::now();
    let mut calls = 0;
    while started.elapsed() < WARM_UP {
        call();
        calls += 1;
    }
    (calls * SAMPLE.as_micros() as usize / started.elapsed().as_micros().max(1) as usize).max(1)
}
