//! Every figure that the project promises, measured and held against its budget in one run:
//! `make bench`, or `cargo bench -p policy-host --bench budgets -- SECTION…` for some sections.
//!
//! It prints, and asserts nothing: how fast a machine is is no reason to fail.

#[path = "budgets/editor.rs"]
mod editor;
#[path = "budgets/growth.rs"]
mod growth;
#[path = "budgets/process.rs"]
mod process;
#[path = "budgets/repository.rs"]
mod repository;
#[path = "table.rs"]
mod table;
#[path = "budgets/timing.rs"]
mod timing;

use policy_host::bundle::{Bundle, Level, Library};
use policy_host::discover::{Discovered, discover};
use policy_host::document::{Document, Source};
use policy_host::engine::{Engine, SandboxLimits};
use policy_host::evaluate::{
    Ask, Collected, Grouping, Judge, Judged, Memo, Outcome, RunOptions, RunResult, Secrets, Told, run,
};
use policy_host::kinds::Wanted;
use policy_host::parse::{Form, Limits, Scalars, Unit};
use policy_host::project::Projection;
use policy_host::report::{self, Report};
use policy_sdk::bindings::exports::policy::rule::rules as native;
use policy_sdk::input::Rule;
use process::Cost;
use std::error::Error;
use std::hint::black_box;
use std::path::Path;
use std::process::{Command, Output};
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime};
use table::{Budget, Row, Samples};
use timing::{in_turns, measure, micros_per_call};

/// What the binary has embedded.
static PACK: &[u8] = include_bytes!(env!("POLICY_HOST_PACK"));
const DEPLOYMENT: &str = include_str!("deployment.yaml");
const DEFAULT_BUNDLE: &str = "default";
/// The rule that the last figure touches.
const TOUCHED_RULE: &str = "pss-privileged";
const TOUCHED_SOURCE: &str = "policies/pod-security-baseline/pss-privileged/policy.rs";
/// Every form of report.
const REPORTS: [&str; 8] = ["human", "concise", "json", "sarif", "junit", "github", "markdown", "html"];
/// Samples of what takes microseconds.
const SAMPLES: usize = 101;
/// Samples of what takes seconds.
const LONG_SAMPLES: usize = 5;

/// The rules that are compiled into this program as well.
const NATIVE: [(&str, &[Rule]); 3] = [
    ("pss-privileged", &[pod_security_baseline::pss_privileged::RULE]),
    ("pss-privilege-escalation", &[pod_security_restricted::pss_privilege_escalation::RULE]),
    ("pss-run-as-non-root", &[pod_security_restricted::pss_run_as_non_root::RULE]),
];

fn main() -> Result<(), Box<dyn Error>> {
    // Cargo adds `--bench`.
    let asked: Vec<String> = std::env::args().skip(1).filter(|argument| !argument.starts_with('-')).collect();
    let wanted = |section: &str| asked.is_empty() || asked.iter().any(|name| name == section);
    // One thread everywhere: figures are per core. A guest's stack is on its thread's.
    rayon::ThreadPoolBuilder::new().num_threads(1).stack_size(4 << 20).build_global()?;

    let mut rows = Vec::new();
    // First, while this process is small: see `process::policy_host`.
    let small_file = if wanted("process") { small_file()? } else { Vec::new() };
    let host = Host::new()?;
    host.print_machine();
    let mut details = Vec::new();
    if wanted("rule") {
        details = host.rules(&mut rows)?;
    }
    if wanted("bundle") {
        host.bundle(&mut rows)?;
    }
    rows.extend(small_file);
    if wanted("repository") {
        host.repository(&mut rows)?;
    }
    if wanted("growth") {
        host.growth(&mut rows);
    }
    if wanted("editor") {
        let times = Samples::new(editor::keystrokes()?);
        let slow = Samples::new(vec![times.quantile(0.95)]);
        rows.push(Row::new("an editor's change of 2,000 lines, until its findings", "ms", Budget::AtMost(50.0), times));
        rows.push(Row::new("the same, p95", "ms", Budget::AtMost(50.0), slow));
    }
    if wanted("size") {
        host.sizes(&mut rows)?;
    }
    if wanted("build") {
        rows.push(new_rule()?);
        rows.push(rule_turnaround()?);
    }
    table::print("figure", &rows);
    if !details.is_empty() {
        table::print("each rule on the Deployment", &details);
    }
    Ok(())
}

/// The default bundle, ready to judge.
struct Host {
    engine: Arc<Engine>,
    bundle: Arc<Bundle>,
}

impl Host {
    fn new() -> Result<Self, Box<dyn Error>> {
        let engine = Arc::new(Engine::new(SandboxLimits::default(), None)?);
        let mut library = Library::embedded(PACK)?;
        let bundle = Bundle::open(DEFAULT_BUNDLE, &mut library, &engine, jiff::Zoned::now().date())?;
        Ok(Self { engine, bundle: Arc::new(bundle) })
    }

    fn print_machine(&self) {
        let cpu_info = std::fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
        let model = cpu_info.lines().find_map(|line| line.strip_prefix("model name")?.split_once(':'));
        let model = model.map_or("unknown processor", |(_, model)| model.trim());
        let cores = std::thread::available_parallelism().map_or(1, usize::from);
        let rustc = Command::new("rustc").arg("--version").output();
        let rustc = rustc.map(|output| String::from_utf8_lossy(&output.stdout).trim().to_owned());
        println!("machine: {cores} cores, {model}");
        println!("compiler: {}", rustc.unwrap_or_else(|_| "unknown".to_owned()));
        println!("bundle: {DEFAULT_BUNDLE}, {} rules", self.bundle.rules.len());
    }

    /// One rule in a fresh sandbox of its own, and the same rule compiled natively.
    fn rules(&self, rows: &mut Vec<Row>) -> Result<Vec<Row>, Box<dyn Error>> {
        let judge = Judge::grouped(&self.engine, &self.bundle, Grouping::Alone);
        let unit = deployment();
        let document = only_document(&unit)?;
        let prepared = judge.prepare(&document);
        let plan = judge.plan(&document);
        let mut details = Vec::new();
        let mut medians = Vec::new();
        let mut ratios = Vec::new();
        for rule in plan.rules().filter(|rule| !judge.needs_others(*rule)) {
            let id = self.bundle.rules[usize::from(rule)].id();
            let asks = [Ask { rule, told: Ok(Told::default()) }];
            for outcome in judge.judge(&prepared, &asks) {
                if let Outcome::Error(failure) = outcome.outcome {
                    return Err(format!("{id}: {failure}").into());
                }
            }
            let sandboxed = measure(SAMPLES, || drop(black_box(judge.judge(&prepared, &asks))));
            medians.push(sandboxed.median());
            details.push(Row::detail(id, "µs", sandboxed));
            if let Some((_, native)) = NATIVE.iter().find(|(native, _)| *native == id) {
                let request = self.native_request(&document, rule);
                let (natively, ratio) = against_native(&judge, &prepared, &asks, native, &request);
                ratios.push(ratio.median());
                details.push(Row::detail("  natively", "µs", natively));
                details.push(Row::detail("  sandboxed / natively", "×", ratio));
            }
        }
        let skipped = || "the bundle has none of the rules".to_owned();
        let row = |figure: String, unit, limit, samples: Vec<f64>| match samples.is_empty() {
            true => Row::skipped(figure, unit, Budget::AtMost(limit), skipped()),
            false => Row::new(figure, unit, Budget::AtMost(limit), Samples::new(samples)),
        };
        rows.push(row(format!("one rule, fresh sandbox ({} rules)", medians.len()), "µs", 8.0, medians));
        rows.push(row(format!("the same / natively ({} rules)", ratios.len()), "×", 8.0, ratios));
        Ok(details)
    }

    fn native_request(&self, document: &Document, rule: u16) -> native::Request {
        let rule = &self.bundle.rules[usize::from(rule)];
        let projection = Projection::new(&rule.source.manifest.reads);
        let subject = document.subject.clone();
        native::Request {
            subject: native::Subject {
                group: subject.group,
                version: subject.version,
                kind: subject.kind,
                namespace: subject.namespace,
                name: subject.name,
                operation: subject.operation,
                subresource: String::new(),
            },
            user: None,
            documents: vec![projection.apply(document, &self.bundle.workloads.shape(document))],
            related: Vec::new(),
            settings: vec![rule.settings.clone()],
            asks: vec![native::Ask {
                rule: 0,
                document: 0,
                old: None,
                parameters: rule.parameters.clone(),
                settings: 0,
                related: Vec::new(),
            }],
        }
    }

    /// The whole bundle on the Deployment, which is all that the inventory knows: together, and a sandbox a rule.
    fn bundle(&self, rows: &mut Vec<Row>) -> Result<(), Box<dyn Error>> {
        let judge = Judge::new(&self.engine, &self.bundle);
        let apart = Judge::grouped(&self.engine, &self.bundle, Grouping::Alone);
        let units = [deployment()];
        let document = only_document(&units[0])?;
        let rules = judge.plan(&document).rules().count();
        let (all, ratio) = in_turns(SAMPLES, || judge_all(&judge, &document), || judge_all(&apart, &document));
        rows.push(Row::new(
            format!("the default bundle on the Deployment ({rules} rules apply), at 5 µs a rule"),
            "µs",
            Budget::AtMost(5.0 * rules as f64),
            all,
        ));
        rows.push(Row::new("the same, a sandbox a rule / together", "×", Budget::AtLeast(3.0), ratio));
        let prepared = judge.prepare(&document);
        let sandboxes = |asking: bool| {
            let some: Vec<Ask<'_>> =
                tell(&judge, &document).into_iter().filter(|ask| judge.needs_others(ask.rule) == asking).collect();
            let figure =
                format!("calls for {} rules that ask for {}", some.len(), if asking { "others" } else { "nothing" });
            Row::detail(figure, "µs", measure(SAMPLES, || drop(black_box(judge.judge(&prepared, &some)))))
        };
        rows.extend([false, true].map(sandboxes));
        rows.push(Row::detail(
            "plan and inventory",
            "µs",
            measure(SAMPLES, || drop(black_box(tell(&judge, &document)))),
        ));
        let parsed = measure(SAMPLES, || drop(black_box(units[0].parse(&Limits::default()))));
        rows.push(Row::detail("not in it: reading the text", "µs", parsed));
        Ok(())
    }

    /// A repository of ten thousand documents: as a person runs it, and taken apart in this process.
    fn repository(&self, rows: &mut Vec<Row>) -> Result<(), Box<dyn Error>> {
        let home = tempfile::tempdir()?;
        let root = home.path().join("repository");
        let cache = home.path().join("cache");
        repository::write(&root)?;
        // What makes it one: a single file of it shares its memo.
        std::fs::create_dir(root.join(".git"))?;

        let eval = |arguments: &[&str]| process::policy_host(arguments, &[&root], &cache);
        let costs = several(|| eval(&["eval", "--threads", "1", "--no-cache"]))?;
        let forgetful: Vec<f64> = costs.iter().map(|cost| cost.wall.as_secs_f64()).collect();
        let processor = costs.iter().map(|cost| cost.processor.as_secs_f64()).collect();
        // Fills the memo.
        eval(&["eval", "--threads", "1"])?;
        let costs = several(|| eval(&["eval", "--threads", "1"]))?;
        let remembering: Vec<f64> = costs.iter().map(|cost| cost.wall.as_secs_f64()).collect();

        // Every form at once; what standard output gets is thrown away in both.
        let reports: Vec<String> =
            REPORTS.iter().map(|form| format!("--report={form}={}", home.path().join(form).display())).collect();
        let all: Vec<&str> =
            ["eval", "--threads", "1", "--no-cache"].into_iter().chain(reports.iter().map(String::as_str)).collect();
        let reporting = several(|| eval(&all))?;
        let dearer = forgetful.iter().zip(&reporting).map(|(none, cost)| cost.wall.as_secs_f64() / none).collect();

        let rate = Samples::new(forgetful.iter().map(|seconds| repository::DOCUMENTS as f64 / seconds).collect());
        let faster = forgetful.iter().zip(&remembering).map(|(off, on)| off / on).collect();
        let figure = "eval of 10,000 documents, one thread, memo off";
        rows.push(Row::new(figure, "docs/s", Budget::AtLeast(2_500.0), rate));
        rows.push(Row::detail("whole process", "s", Samples::new(forgetful)));
        rows.push(Row::detail("its processor time", "s", Samples::new(processor)));
        self.parts_without_memo(rows, &root)?;
        let figure = format!("the same with {} reports / with none", REPORTS.len());
        rows.push(Row::new(figure, "×", Budget::AtMost(1.15), Samples::new(dearer)));
        let figure = "the same unchanged, memo on: times faster";
        rows.push(Row::new(figure, "×", Budget::AtLeast(4.0), Samples::new(faster)));
        rows.push(Row::detail("whole process", "s", Samples::new(remembering)));
        self.parts_with_memo(rows, &root, &cache)?;

        let file = discover(std::slice::from_ref(&root), &Wanted::All, &Limits::default()).units[0].sources[0]
            .path
            .to_string();
        let costs = several(|| process::policy_host(&["eval"], &[Path::new(&file)], &cache))?;
        let wall = Samples::new(costs.iter().map(|cost| cost.wall.as_secs_f64() * 1e3).collect());
        rows.push(Row::new("eval of one file of it, whole process", "ms", Budget::AtMost(40.0), wall));
        Ok(())
    }

    /// Where the time goes when everything is judged.
    fn parts_without_memo(&self, rows: &mut Vec<Row>, root: &Path) -> Result<(), Box<dyn Error>> {
        let limits = Limits::default();
        let judge = Judge::new(&self.engine, &self.bundle);
        let paths = [root.to_owned()];
        let wanted = self.bundle.wanted();
        let discovered = discover(&paths, &wanted, &limits);
        let result = run(&judge, &discovered.units, RunOptions::default());
        self.print_repository(&discovered, &result);

        let read = few(|| drop(black_box(discover(&paths, &wanted, &limits))));
        let parsed = few(|| discovered.units.iter().for_each(|unit| drop(black_box(unit.parse(&limits)))));
        let run = few(|| drop(black_box(run(&judge, &discovered.units, RunOptions::default()))));
        let reported = few(|| drop(black_box(self.report(&discovered, &result))));
        rows.push(Row::detail("finding and reading files", "s", read));
        rows.push(Row::detail("parsing and judging", "s", run));
        rows.push(Row::detail("parsing alone", "s", parsed));
        rows.push(Row::detail("writing the report", "s", reported));
        Ok(())
    }

    /// Where the time goes when everything is remembered.
    fn parts_with_memo(&self, rows: &mut Vec<Row>, root: &Path, cache: &Path) -> Result<(), Box<dyn Error>> {
        let judge = Judge::new(&self.engine, &self.bundle);
        let discovered = discover(&[root.to_owned()], &Wanted::All, &Limits::default());
        let open = || Memo::open(cache, root, &self.bundle.fingerprint);
        open()?;
        let opened = few(|| drop(black_box(open().ok())));
        let both = few(|| {
            let options = RunOptions { memo: open().ok(), ..RunOptions::default() };
            drop(black_box(run(&judge, &discovered.units, options)));
        });
        rows.push(Row::detail("opening the memo", "s", opened));
        rows.push(Row::detail("opening and remembering", "s", both));
        Ok(())
    }

    /// Twice and four times as many documents that are related to each other.
    fn growth(&self, rows: &mut Vec<Row>) {
        let judge = Judge::new(&self.engine, &self.bundle);
        for (place, namespaces) in [("one namespace", None), ("a cluster, 20 a namespace", Some(20))] {
            let seconds = growth::COUNTS.map(|count| {
                let units = growth::units(count, namespaces.map_or(1, |of_each| count / of_each));
                few(|| drop(black_box(run(&judge, &units, RunOptions::default()))))
            });
            let ratios = seconds.windows(2).map(|pair| pair[1].median() / pair[0].median());
            let figure = format!("twice as many Deployments, Services and budgets in {place}");
            rows.push(Row::new(figure, "×", Budget::AtMost(2.3), Samples::new(ratios.collect())));
            for (count, seconds) in growth::COUNTS.into_iter().zip(seconds) {
                rows.push(Row::detail(format!("{count} of each"), "s", seconds));
            }
        }
    }

    fn print_repository(&self, discovered: &Discovered, result: &RunResult) {
        let clean = result.documents.iter().filter(|(_, document)| document.findings().next().is_none()).count();
        let evaluations: usize = result.documents.iter().map(|(_, document)| document.outcomes.len()).sum();
        let failures: usize = result.documents.iter().map(|(_, document)| document.errors().count()).sum();
        println!(
            "repository: {} documents in {} files, {clean} clean, {evaluations} evaluations, {failures} of them errors",
            result.documents.len(),
            discovered.files,
        );
    }

    fn report(&self, discovered: &Discovered, result: &RunResult) -> String {
        let report = Report {
            bundle: &self.bundle,
            units: &discovered.units,
            result,
            secrets: &Secrets::of(&discovered.units, result),
            problems: &[],
            level: Level::default(),
            passed: &[],
            renderables: &[],
            rendered: false,
            elapsed: Duration::ZERO,
            fixed: None,
            adoption: &report::Adoption::default(),
            detail: policy_host::report::Detail::default(),
        };
        report::human(&report, report::Style::Plain, 120)
    }

    /// The largest component, and the binary.
    fn sizes(&self, rows: &mut Vec<Row>) -> Result<(), Box<dyn Error>> {
        let largest = self.bundle.rules.iter().max_by_key(|rule| rule.source.component.bytes().len());
        if let Some(rule) = largest {
            let kilobytes = Samples::new(vec![rule.source.component.bytes().len() as f64 / 1e3]);
            let figure = format!("the largest component ({})", rule.source.component.name);
            rows.push(Row::detail(figure, "KB", kilobytes));
        }
        let megabytes = Samples::new(vec![std::fs::metadata(process::POLICY_HOST)?.len() as f64 / 1e6]);
        rows.push(Row::new("the binary", "MB", Budget::AtMost(60.0), megabytes));
        Ok(())
    }
}

fn deployment() -> Unit {
    Unit::new(Form::Yaml(Scalars::Core12), Source::new("deployment.yaml", DEPLOYMENT))
}

fn only_document(unit: &Unit) -> Result<Document, Box<dyn Error>> {
    unit.parse(&Limits::default())?.pop().ok_or_else(|| "the Deployment is not read as a document".into())
}

/// The native call, and how many times longer the sandboxed one takes.
fn against_native(
    judge: &Judge,
    prepared: &Judged<'_>,
    asks: &[Ask<'_>],
    native: &[Rule],
    request: &native::Request,
) -> (Samples, Samples) {
    let sandboxed = || drop(black_box(judge.judge(prepared, asks)));
    let native = || drop(black_box(policy_sdk::input::evaluate(native, black_box(request))));
    in_turns(SAMPLES, native, sandboxed)
}

/// Plan, projections, inventory, sandboxes, findings: all but reading the text.
fn judge_all(judge: &Judge, document: &Document) {
    black_box(judge.judge(&judge.prepare(document), &tell(judge, document)));
}

/// The rules that apply to a document, and what each is told of the others when there are none.
fn tell<'j>(judge: &'j Judge, document: &Document) -> Vec<Ask<'j>> {
    let inventory = Collected::new(judge.cards(document));
    let asking = judge.asking(document, &inventory);
    let ask = |rule| Ask { rule, told: judge.related(rule, &asking) };
    judge.plan(document).rules().map(ask).collect()
}

/// `eval` of the Deployment in a file, as a process.
fn small_file() -> Result<Vec<Row>, Box<dyn Error>> {
    let home = tempfile::tempdir()?;
    let file = home.path().join("deployment.yaml");
    std::fs::write(&file, DEPLOYMENT)?;
    let eval = |arguments: &[&str]| process::policy_host(arguments, &[&file], home.path());
    let costs = |arguments: &[&str]| -> std::io::Result<Vec<Cost>> {
        eval(arguments)?; // warm
        (0..31).map(|_| eval(arguments)).collect()
    };
    let wall = |costs: &[Cost]| Samples::new(costs.iter().map(|cost| cost.wall.as_secs_f64() * 1e3).collect());

    let forgetful = costs(&["eval", "--no-cache"])?;
    let peak = Samples::new(forgetful.iter().map(|cost| cost.peak_bytes as f64 / 1e6).collect());
    let remembering = costs(&["eval"])?;
    Ok(vec![
        Row::new("eval of one small file, whole process", "ms", Budget::AtMost(60.0), wall(&forgetful)),
        Row::detail("the same, remembered", "ms", wall(&remembering)),
        Row::new("its peak memory", "MB", Budget::AtMost(60.0), peak),
    ])
}

/// From nothing until a new rule in Rust, outside this repository, has passed its fixtures. What is installed once, and
/// what cargo builds once, is there.
fn new_rule() -> Result<Row, Box<dyn Error>> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let figure = "policy-host new, until the rule's fixtures have passed";
    let run = || Command::new(root.join("tests/examples/run.sh")).arg("rust").output();
    let warm = run()?;
    if !warm.status.success() {
        return Ok(Row::skipped(figure, "s", Budget::AtMost(60.0), "`tests/examples/run.sh rust` fails here"));
    }
    let started = Instant::now();
    run()?;
    Ok(Row::new(figure, "s", Budget::AtMost(60.0), Samples::new(vec![started.elapsed().as_secs_f64()])))
}

/// From touching a rule's source until its fixtures have run.
fn rule_turnaround() -> Result<Row, Box<dyn Error>> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let figure = format!("after touching one rule, until its fixtures have run ({TOUCHED_RULE})");
    let make = || {
        let rule = format!("RULE={TOUCHED_RULE}");
        Command::new("make").args(["--silent", "rule", &rule]).current_dir(&root).output()
    };
    let succeeded = |output: &std::io::Result<Output>| output.as_ref().is_ok_and(|output| output.status.success());
    // What else is out of date is not this rule's.
    if !succeeded(&make()) {
        return Ok(Row::skipped(figure, "s", Budget::AtMost(15.0), "`make rule` fails here"));
    }
    let source = std::fs::File::options().append(true).open(root.join(TOUCHED_SOURCE))?;
    let mut samples = Vec::new();
    for _ in 0..3 {
        source.set_modified(SystemTime::now())?;
        let started = Instant::now();
        if succeeded(&make()) {
            samples.push(started.elapsed().as_secs_f64());
        }
    }
    Ok(match samples.is_empty() {
        true => Row::skipped(figure, "s", Budget::AtMost(15.0), "`make rule` fails here"),
        false => Row::new(figure, "s", Budget::AtMost(15.0), Samples::new(samples)),
    })
}

/// Some runs of a process.
fn several(run: impl Fn() -> std::io::Result<Cost>) -> std::io::Result<Vec<Cost>> {
    (0..LONG_SAMPLES).map(|_| run()).collect()
}

/// Seconds of some calls, each long enough to be a sample.
fn few(mut call: impl FnMut()) -> Samples {
    Samples::new((0..LONG_SAMPLES).map(|_| micros_per_call(1, &mut call) / 1e6).collect())
}
