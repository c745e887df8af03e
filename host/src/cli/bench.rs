//! `policy-host bench`

use super::args::{BenchArguments, Format};
use super::terminal::outln;
use super::{CommandResult, Context, Exit, terminal};
use crate::bundle::{Bundle, Library};
use crate::discover;
use crate::document::{Document, Source};
use crate::engine::Engine;
use crate::kinds::Wanted;
use crate::measure::{Bench, Cost, Samples, Verdict};
use crate::parse::{Form, Limits, Scalars, Unit};
use serde_json::{Value, json};
use std::path::Path;
use std::sync::Arc;

/// What is checked when nothing is given.
const DEPLOYMENT: &str = include_str!("../../benches/deployment.yaml");

pub(super) fn run(arguments: &BenchArguments, context: Context) -> CommandResult {
    let documents = documents(arguments)?;
    let open = |subject: &str| open(subject, context.library.clone(), &context.engine);
    let bundle = open(&arguments.subject)?;
    let bench = Bench::new(&context.engine, &bundle, &documents);
    let against = arguments.against.as_deref().map(open).transpose()?;
    let other = against.as_ref().map(|bundle| Bench::new(&context.engine, bundle, &documents));
    let mut measured = Vec::new();
    for rule in 0..bench.rules() {
        let beside = other.as_ref().and_then(|other| Some((other, counterpart(&bench, rule, other)?)));
        let costs = bench.cost(rule, beside.as_slice(), usize::from(arguments.samples))?;
        if arguments.format == Format::Human {
            if measured.is_empty() {
                heading(documents.len());
            }
            print(&costs);
        }
        measured.push(costs);
    }
    if arguments.format == Format::Json {
        let rules: Vec<Value> = measured.iter().map(|costs| written(costs)).collect();
        let results = json!({"schema": 1, "documents": documents.len(), "rules": rules});
        terminal::print_json(&results)?;
    }
    Ok(Exit::Clean)
}

fn documents(arguments: &BenchArguments) -> Result<Vec<Document>, Box<dyn std::error::Error>> {
    let limits = Limits::default();
    let units = if arguments.on.is_empty() {
        vec![Unit::new(Form::Yaml(Scalars::Kubernetes), Source::new("deployment.yaml", DEPLOYMENT))]
    } else {
        let discovered = discover::discover(&arguments.on, &Wanted::All, &limits);
        if let Some(problem) = discovered.problems.first() {
            return Err(problem.line(&discovered.units).into());
        }
        discovered.units
    };
    let mut documents = Vec::new();
    for unit in units {
        let at = |error| format!("{}: {error}", unit.sources[0].path);
        documents.extend(unit.parse(&limits).map_err(at)?);
    }
    if documents.is_empty() {
        return Err("there is nothing to check".into());
    }
    Ok(documents)
}

/// A rule by its id, the rules of a component file, else a bundle.
fn open(subject: &str, mut library: Library, engine: &Engine) -> Result<Arc<Bundle>, Box<dyn std::error::Error>> {
    if let Some(rule) = library.rule(subject) {
        return Ok(Arc::new(Bundle::of_rules(subject, [Arc::clone(rule)])));
    }
    let path = Path::new(subject);
    if path.extension().is_some_and(|extension| extension == "wasm") {
        let rules = library.add_component(path, engine)?;
        return Ok(Arc::new(Bundle::of_rules(subject, rules)));
    }
    Ok(Arc::new(Bundle::open(subject, &mut library, engine, jiff::Zoned::now().date())?))
}

/// The rule to compare with: of the same id, or the only one of each.
fn counterpart(bench: &Bench<'_>, rule: usize, other: &Bench<'_>) -> Option<usize> {
    let same = (0..other.rules()).find(|index| other.id(*index) == bench.id(rule));
    same.or((bench.rules() == 1 && other.rules() == 1).then_some(0))
}

fn heading(documents: usize) {
    outln!("microseconds, median and 95th percentile, over {documents} documents");
    outln!("{:40} {:>9} {:>18} {:>18} {:>9} {:>6}", "rule", "KB", "instantiation", "evaluation", "memory KB", "n");
}

fn print(costs: &[Cost]) {
    for (index, cost) in costs.iter().enumerate() {
        let name = if index == 0 { cost.rule.clone() } else { format!("  against {}", cost.rule) };
        let pair = |samples: &Samples| format!("{:.1} {:8.1}", samples.median(), samples.quantile(0.95));
        outln!(
            "{name:40} {:9.1} {:>18} {:>18} {:>9} {:6}",
            cost.bytes as f64 / 1e3,
            pair(&cost.instantiation),
            cost.evaluation.as_ref().map_or("checks none".to_owned(), pair),
            cost.memory.map_or("-".to_owned(), |bytes| (bytes / 1000).to_string()),
            cost.instantiation.count(),
        );
    }
    if let [new, old] = costs {
        let told = compared(new, old).map(|(figure, change, verdict)| {
            let verdict = match verdict {
                Verdict::Faster => "faster",
                Verdict::Slower => "slower",
                Verdict::NoDifference => "no difference beyond noise",
            };
            format!("{figure} {:+.1} %: {verdict}", change * 100.0)
        });
        outln!("  {}", told.collect::<Vec<_>>().join(" · "));
    }
}

fn compared<'c>(new: &'c Cost, old: &'c Cost) -> impl Iterator<Item = (&'static str, f64, Verdict)> {
    let instantiation = Some(("instantiation", &new.instantiation, &old.instantiation));
    let evaluation = new.evaluation.as_ref().zip(old.evaluation.as_ref());
    let pairs = [instantiation, evaluation.map(|(new, old)| ("evaluation", new, old))];
    pairs.into_iter().flatten().map(|(figure, new, old)| (figure, new.change(old), new.compare(old)))
}

fn written(costs: &[Cost]) -> Value {
    let samples =
        |samples: &Samples| json!({"median": samples.median(), "p95": samples.quantile(0.95), "n": samples.count()});
    let cost = |cost: &Cost| {
        json!({
            "rule": cost.rule,
            "bytes": cost.bytes,
            "instantiationMicros": samples(&cost.instantiation),
            "evaluationMicros": cost.evaluation.as_ref().map(samples),
            "memoryBytes": cost.memory,
        })
    };
    let mut written = cost(&costs[0]);
    if let [new, old] = costs {
        let comparisons = compared(new, old)
            .map(|(figure, change, verdict)| json!({"figure": figure, "change": change, "verdict": verdict}));
        written["against"] = cost(old);
        written["comparison"] = comparisons.collect();
    }
    written
}
