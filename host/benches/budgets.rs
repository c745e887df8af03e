//! Every figure that the project promises, measured and held against its budget in one run:
//! `make bench`, or `cargo bench -p policy-host --bench budgets -- SECTION…` for some sections.
//!
//! It prints and asserts nothing: how fast a machine is, is no reason to fail.

#[path = "budgets/process.rs"]
mod process;
#[path = "budgets/repository.rs"]
mod repository;
#[path = "budgets/table.rs"]
mod table;

use policy_host::bundle::{Bundle, Library};
use policy_host::discover::{Discovered, discover};
use policy_host::document::Document;
use policy_host::engine::{Engine, SandboxLimits};
use policy_host::evaluate::{Inventory, Judge, Judged, Memo, RunOptions, RunResult, run};
use policy_host::parse::{Form, Limits, Scalars, Unit};
use policy_host::project::Projection;
use policy_host::report::{self, Report};
use policy_sdk::bindings::exports::policy::rule::rule as native;
use std::error::Error;
use std::hint::black_box;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime};
use table::{Budget, Row, Samples, measure, micros_per_call, warm_up};

/// What the binary has embedded.
static PACK: &[u8] = include_bytes!(env!("POLICY_HOST_PACK"));
const DEPLOYMENT: &str = include_str!("deployment.yaml");
const DEFAULT_BUNDLE: &str = "twelve-factor";
/// The rule that the last figure touches.
const TOUCHED_RULE: &str = "pss-privileged";
const TOUCHED_SOURCE: &str = "policies/pod-security-baseline/pss-privileged/policy.rs";
const SAMPLES: usize = 101;

type Evaluate = fn(&native::Request) -> Result<native::Verdict, String>;

/// The rules that are compiled into this program as well.
const NATIVE: [(&str, Evaluate); 3] = [
    ("pss-privileged", pss_privileged::evaluate),
    ("pss-privilege-escalation", pss_privilege_escalation::evaluate),
    ("pss-run-as-non-root", pss_run_as_non_root::evaluate),
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
    if wanted("size") {
        host.sizes(&mut rows)?;
    }
    if wanted("build") {
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
    engine: Engine,
    bundle: Bundle,
}

impl Host {
    fn new() -> Result<Self, Box<dyn Error>> {
        let engine = Engine::new(SandboxLimits::default(), None)?;
        let mut library = Library::embedded(PACK)?;
        let bundle = Bundle::open(DEFAULT_BUNDLE, &mut library, &engine, jiff::Zoned::now().date())?;
        Ok(Self { engine, bundle })
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
        println!("bundle: {DEFAULT_BUNDLE}, {} rules; no memo and one thread unless said", self.bundle.rules.len());
    }

    /// One rule in a fresh sandbox, and the same rule compiled natively.
    fn rules(&self, rows: &mut Vec<Row>) -> Result<Vec<Row>, Box<dyn Error>> {
        let judge = Judge::new(&self.engine, &self.bundle);
        let unit = deployment();
        let document = only_document(&unit)?;
        let prepared = judge.prepare(&document);
        let plan = judge.plan(&document);
        let mut details = Vec::new();
        let mut medians = Vec::new();
        let mut ratios = Vec::new();
        for rule in plan.into_iter().filter(|rule| !judge.asks_inventory(*rule)) {
            let id = self.bundle.rules[usize::from(rule)].id();
            let sandboxed = measure(SAMPLES, || drop(black_box(judge.judge(&prepared, rule, "{}"))));
            medians.push(sandboxed.median());
            details.push(Row::detail(id, "µs", sandboxed));
            if let Some((_, evaluate)) = NATIVE.iter().find(|(native, _)| *native == id) {
                let request = self.native_request(&document, rule);
                let (natively, ratio) = against_native(&judge, &prepared, rule, *evaluate, &request);
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
            },
            document: projection.apply(document, &self.bundle.workloads.shape(document)),
            old: None,
            parameters: rule.parameters.clone(),
            related: "{}".to_owned(),
        }
    }

    /// The whole bundle on the Deployment, which is all that the inventory knows.
    fn bundle(&self, rows: &mut Vec<Row>) -> Result<(), Box<dyn Error>> {
        let judge = Judge::new(&self.engine, &self.bundle);
        let units = [deployment()];
        let document = only_document(&units[0])?;
        let rules = judge.plan(&document).len();
        let all = measure(SAMPLES, || judge_all(&judge, &document));
        rows.push(Row::new(
            format!("the default bundle on the Deployment ({rules} rules apply)"),
            "µs",
            Budget::AtMost(250.0),
            all,
        ));
        let parsed = measure(SAMPLES, || drop(black_box(units[0].parse(&Limits::default()))));
        rows.push(Row::detail("reading it, on top", "µs", parsed));
        Ok(())
    }

    /// A repository of ten thousand documents, in this process and as a person runs it.
    fn repository(&self, rows: &mut Vec<Row>) -> Result<(), Box<dyn Error>> {
        let home = tempfile::tempdir()?;
        let root = home.path().join("repository");
        let cache = home.path().join("cache");
        repository::write(&root)?;
        let documents = repository::DOCUMENTS as f64;

        let forgetful = seconds(5, || policy_host(&["--threads", "1", "eval", "--no-cache"], &[&root], &cache))?;
        // The first run fills the memo.
        policy_host(&["--threads", "1", "eval"], &[&root], &cache)?;
        let remembering = seconds(5, || policy_host(&["--threads", "1", "eval"], &[&root], &cache))?;
        let faster = Samples::new(vec![forgetful.median() / remembering.median()]);
        rows.push(Row::new(
            "eval of 10,000 documents, one thread, memo off",
            "documents/s",
            Budget::AtLeast(2_500.0),
            forgetful.map(|seconds| documents / seconds),
        ));
        self.repository_parts(rows, &root)?;
        rows.push(Row::new("the same unchanged, memo on / off", "×", Budget::AtLeast(4.0), faster));
        rows.push(Row::detail("memo off", "s", forgetful));
        rows.push(Row::detail("memo on", "s", remembering));
        self.memo_parts(rows, &root, &cache)
    }

    /// Where the time without a memo goes.
    fn repository_parts(&self, rows: &mut Vec<Row>, root: &Path) -> Result<(), Box<dyn Error>> {
        let limits = Limits::default();
        let judge = Judge::new(&self.engine, &self.bundle);
        let paths = [root.to_owned()];
        let discovered = discover(&paths, &limits);
        let parse = || -> Result<Vec<_>, _> { discovered.units.iter().map(|unit| unit.parse(&limits)).collect() };
        parse()?;
        let result = run(&judge, &discovered.units, RunOptions::default());
        rows.push(Row::detail(self.summary(&result, &discovered), "docs", Samples::new(vec![result.documents.len() as f64])));
        rows.push(Row::detail("finding and reading files", "s", millis_of(|| drop(discover(&paths, &limits)))));
        rows.push(Row::detail("parsing", "s", millis_of(|| drop(black_box(parse())))));
        rows.push(Row::detail(
            "parsing and judging",
            "s",
            millis_of(|| drop(black_box(run(&judge, &discovered.units, RunOptions::default())))),
        ));
        rows.push(Row::detail("writing the report", "s", millis_of(|| drop(self.report(&discovered, &result)))));
        Ok(())
    }
}
