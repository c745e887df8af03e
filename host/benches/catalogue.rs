//! What a catalogue of many rules costs: `make catalogue`, which makes one and names its pack in `CATALOGUE`.

#[path = "table.rs"]
mod table;
#[path = "budgets/timing.rs"]
mod timing;

use policy_host::bundle::{Bundle, Library};
use policy_host::document::{Document, Source};
use policy_host::engine::{Engine, SandboxLimits};
use policy_host::evaluate::{Ask, Collected, Grouping, Judge, Outcome, RuleOutcome};
use policy_host::parse::{Form, Limits, Scalars, Unit};
use std::error::Error;
use std::hint::black_box;
use std::sync::Arc;
use table::{Budget, Row, Samples};
use timing::{in_turns, measure, micros_per_call};

const DEPLOYMENT: &str = include_str!("deployment.yaml");
const SAMPLES: usize = 31;

fn main() -> Result<(), Box<dyn Error>> {
    // `cargo bench` runs every bench; without a catalogue there is nothing to measure.
    let Some(path) = std::env::var_os("CATALOGUE") else {
        let figure = "a catalogue of many rules";
        table::print(
            "figure",
            &[Row::skipped(figure, "", Budget::None, "`make catalogue` makes one, and measures it")],
        );
        return Ok(());
    };
    let pack: &'static [u8] = std::fs::read(path)?.leak();
    let engine = Arc::new(Engine::new(SandboxLimits::default(), None)?);
    let open = || -> Result<Arc<Bundle>, Box<dyn Error>> {
        let mut library = Library::embedded(pack)?;
        Ok(Arc::new(Bundle::open("everything", &mut library, &engine, jiff::Zoned::now().date())?))
    };
    let unit = Unit::new(Form::Yaml(Scalars::Kubernetes), Source::new("deployment.yaml", DEPLOYMENT));
    let document = unit.parse(&Limits::default())?.pop().ok_or("the Deployment is not read as a document")?;
    let first = (0..5).map(|_| {
        micros_per_call(1, || {
            // What a run begins with: reading the manifests, and unpacking what the one document needs.
            if let Ok(bundle) = open() {
                judge_all(&Judge::new(&engine, &bundle), &document);
            }
        }) / 1e3
    });
    let mut rows = vec![Row::new(
        "from the pack to the first verdicts on a Deployment",
        "ms",
        Budget::AtMost(25.0),
        Samples::new(first.collect()),
    )];

    let bundle = open()?;
    let (together, alone) = (Judge::new(&engine, &bundle), Judge::grouped(&engine, &bundle, Grouping::Alone));
    let rules = together.plan(&document).rules().count() as f64;
    for RuleOutcome { rule, outcome } in judge_all(&together, &document) {
        if let Outcome::Error(failure) = outcome {
            return Err(format!("{}: {failure}", bundle.rules[usize::from(rule)].id()).into());
        }
    }
    judge_all(&alone, &document);
    let parts = measure(SAMPLES, || drop(black_box(asks(&together, &document))));
    let (all, ratio) = in_turns(
        SAMPLES,
        || drop(black_box(judge_all(&together, &document))),
        || drop(black_box(judge_all(&alone, &document))),
    );
    let figure = format!("{rules} rules on the Deployment, at 5 µs a rule");
    rows.push(Row::new(figure, "µs", Budget::AtMost(5.0 * rules), all));
    rows.push(Row::detail("of which plan and inventory", "µs", parts));
    rows.push(Row::new("the same, a sandbox a rule / together", "×", Budget::AtLeast(3.0), ratio));
    table::print("figure", &rows);
    Ok(())
}

/// Plan, projections, inventory, sandboxes, findings: all but reading the text.
fn judge_all(judge: &Judge, document: &Document) -> Vec<RuleOutcome> {
    judge.judge(&judge.prepare(document), &asks(judge, document))
}

/// The rules that apply, and what each is told of others.
fn asks<'j>(judge: &'j Judge, document: &Document) -> Vec<Ask<'j>> {
    let inventory = Collected::new(judge.cards(document));
    let asking = judge.asking(document, &inventory);
    let ask = |rule| Ask { rule, told: judge.related(rule, &asking) };
    judge.plan(document).rules().map(ask).collect()
}
