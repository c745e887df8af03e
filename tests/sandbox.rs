//! Hostile components: what each of them comes to, and that nothing else notices.
//!
//! The components are written by hand, as text: [`Guest`] holds the parts of a core module, and
//! [`component`] puts the contract's exports around them. [`Answer`] lays out an answer in the
//! guest's memory.

use policy_host::bundle::{Bundle, RuleSource};
use policy_host::engine::{
    CrossCompiler, Engine, EngineError, GateError, RuleFailure, SandboxLimits, embed_manifests, inspect,
};
use policy_host::evaluate::{Change, Finding, Judge, Outcome, RunOptions, run};
use policy_host::parse::{Form, Limits, Scalars, Unit};
use proptest::prelude::*;
use std::fmt::Write as _;
use std::sync::{Arc, LazyLock};

pub(crate) const DEPLOYMENT: &str = "\
apiVersion: apps/v1
kind: Deployment
metadata: {name: web}
spec:
  template:
    spec:
      containers:
        - {name: app, image: nginx}
";
/// What a rule that reads container images sees of it.
const SEEN: &str = r#"{"pod":{"spec":{"containers":[{"image":"nginx"}]}}}"#;

/// One engine for all tests, so that whatever a hostile component leaves behind meets the others.
pub(crate) static ENGINE: LazyLock<Arc<Engine>> = LazyLock::new(|| Arc::new(Engine::new(limits(), None).unwrap()));

/// More time than by default: a good rule must get by on a busy machine.
fn limits() -> SandboxLimits {
    SandboxLimits { deadline_millis: 600, memory_bytes: 32 << 20, ..SandboxLimits::default() }
}

// ---------------------------------------------------------------------------------------------
// Components as text

/// Where answers lie in a guest's memory; what its `cabi_realloc` gives lies behind them.
const ANSWER_AT: u32 = 1024;

/// The parts of a component that the tests vary.
#[derive(Clone)]
pub(crate) struct Guest {
    /// Before everything else in the component.
    before: String,
    /// Limits of the memory.
    memory: String,
    /// First free byte.
    heap: u32,
    /// Further fields of the core module.
    fields: String,
    /// Body of `evaluate(request: i32) -> i32`.
    evaluate: String,
    /// Body of `cabi_realloc`; empty for one that works.
    realloc: String,
    /// Body of `manifests() -> i32`.
    manifest: String,
    /// Body of the post-return function of `evaluate`.
    post_return: String,
    encoding: &'static str,
}

impl Default for Guest {
    fn default() -> Self {
        Self {
            before: String::new(),
            memory: "4".into(),
            heap: 128 << 10,
            fields: String::new(),
            evaluate: String::new(),
            realloc: String::new(),
            manifest: "(i32.const 0)".into(),
            post_return: String::new(),
            encoding: "utf8",
        }
    }
}

impl Guest {
    /// One whose `evaluate` has this body.
    pub(crate) fn evaluating(body: &str) -> Self {
        Self { evaluate: body.to_owned(), ..Self::default() }
    }

    fn text(&self) -> String {
        const BUMP: &str = "
            (global.set $heap (i32.and (i32.add (global.get $heap) (i32.const 7)) (i32.const -8)))
            (global.get $heap)
            (global.set $heap (i32.add (global.get $heap) (local.get $size)))";
        let Self { before, memory, heap, fields, evaluate, manifest, post_return, encoding, .. } = self;
        let realloc = if self.realloc.is_empty() { BUMP } else { &self.realloc };
        let contract = contract();
        format!(
            r#"(component
              {before}
              (core module $module
                (memory (export "memory") {memory})
                (global $heap (mut i32) (i32.const {heap}))
                {fields}
                (func (export "realloc")
                  (param $old i32) (param $old-size i32) (param $align i32) (param $size i32) (result i32)
                  {realloc})
                (func (export "manifests") (result i32) {manifest})
                (func (export "post-return") (param $answer i32) {post_return})
                (func (export "evaluate") (param $request i32) (result i32) {evaluate})
              )
              (core instance $core (instantiate $module))
              (alias core export $core "memory" (core memory $memory))
              (alias core export $core "realloc" (core func $realloc))
              (alias core export $core "manifests" (core func $manifest))
              (alias core export $core "evaluate" (core func $evaluate))
              (alias core export $core "post-return" (core func $post-return))
              {contract}
            )"#
        )
        .replace("$ENCODING", encoding)
    }

    /// The component's bytes, without a manifest.
    fn bytes(&self) -> Vec<u8> {
        let text = self.text();
        wat::parse_str(&text).unwrap_or_else(|error| panic!("{error}\n{text}"))
    }

    pub(crate) fn with_manifest(&self) -> Vec<u8> {
        self.saying(&serde_json::json!({}))
    }

    /// With a manifest some of whose fields are others.
    pub(crate) fn saying(&self, fields: &serde_json::Value) -> Vec<u8> {
        let mut manifest = manifest();
        for (name, value) in fields.as_object().unwrap() {
            manifest[name] = value.clone();
        }
        embed_manifests(&self.bytes(), serde_json::json!([manifest]).to_string().as_bytes())
    }

    fn rule(&self) -> Arc<RuleSource> {
        only(RuleSource::from_component(self.with_manifest(), &ENGINE).unwrap())
    }
}

/// The named types of the contract, as in `wit/v1/rule.wit`.
const TYPES: &[(&str, &str)] = &[
    (
        "subject",
        r#"(record (field "group" string) (field "version" string) (field "kind" string) (field "namespace" string)
             (field "name" string) (field "operation" string) (field "subresource" string))"#,
    ),
    ("user", r#"(record (field "name" string) (field "groups" (list string)))"#),
    (
        "ask",
        r#"(record (field "rule" u32) (field "document" u32) (field "old" (option u32))
             (field "parameters" string) (field "settings" u32) (field "related" (list u32)))"#,
    ),
    (
        "request",
        r#"(record (field "subject" $subject) (field "user" (option $user)) (field "documents" (list string))
             (field "related" (list string)) (field "settings" (list string)) (field "asks" (list $ask)))"#,
    ),
    ("related-document", r#"(record (field "query" u32) (field "document" u32))"#),
    ("label", r#"(record (field "related" (option $related-document)) (field "at" string) (field "text" string))"#),
    ("safety", r#"(enum "safe" "unsafe")"#),
    ("change", r#"(variant (case "patch" string) (case "create" string))"#),
    ("fix", r#"(record (field "title" string) (field "safety" $safety) (field "change" $change))"#),
    (
        "finding",
        r#"(record (field "code" string) (field "message" string) (field "at" string) (field "excerpt" string) (field "labels" (list $label))
             (field "fix" (option $fix)) (field "secret" bool))"#,
    ),
    (
        "answer",
        r#"(variant (case "judged" (list $finding)) (case "not-applicable" string) (case "not-evaluated" string)
             (case "failed" string))"#,
    ),
];

/// The lifted functions and the instance that is exported. Exported functions may only name
/// exported types, which takes an inner component that gives the types their names.
fn contract() -> String {
    let mut types = String::new();
    let mut imports = String::new();
    let mut exports = String::new();
    let mut arguments = String::new();
    for (name, definition) in TYPES {
        write!(types, "(type ${name} {definition})").unwrap();
        write!(imports, "(type $raw-{name} {definition})(import \"{name}-in\" (type ${name} (eq $raw-{name})))")
            .unwrap();
        let renamed = definition.replace('$', "$out-");
        write!(exports, "(type $def-{name} {renamed})(export $out-{name} \"{name}\" (type $def-{name}))").unwrap();
        write!(arguments, "(with \"{name}-in\" (type ${name}))").unwrap();
    }
    format!(
        r#"{types}
        (func $lifted-manifest (result string)
          (canon lift (core func $manifest) (memory $memory) string-encoding=$ENCODING))
        (func $lifted-evaluate (param "request" $request) (result (list $answer))
          (canon lift (core func $evaluate) (memory $memory) (realloc $realloc) string-encoding=$ENCODING
            (post-return $post-return)))
        (component $named
          {imports}
          (import "manifest-in" (func $manifest (result string)))
          (import "evaluate-in" (func $evaluate (param "request" $request) (result (list $answer))))
          {exports}
          (export "manifests" (func $manifest) (func (result string)))
          (export "evaluate" (func $evaluate)
            (func (param "request" $out-request) (result (list $out-answer))))
        )
        (instance $rule (instantiate $named
          (with "manifest-in" (func $lifted-manifest)) (with "evaluate-in" (func $lifted-evaluate)) {arguments}))
        (export "policy:rule/rules@1.0.0" (instance $rule))"#
    )
}

fn manifest() -> serde_json::Value {
    serde_json::json!({
        "id": "guest", "version": "1.0.0", "title": "t", "why": "w", "fix": "f",
        "findings": [{"code": "bad", "title": "t", "severity": "high", "confidence": "certain"}], "priority": "P0", "effort": "small", "factor": "IX Disposability", "since": "0.1.0",
        "appliesTo": ["workload", "core/ConfigMap"], "reads": ["pod.spec.containers[*].image", "data"],
    })
}

/// The manifests of a component with that one rule.
fn manifests() -> String {
    serde_json::json!([manifest()]).to_string()
}

/// The rule of a component that has one.
fn only(mut rules: Vec<Arc<RuleSource>>) -> Arc<RuleSource> {
    assert_eq!(rules.len(), 1);
    rules.remove(0)
}

/// A rule that passes whatever it is told, and asks for other documents.
pub(crate) fn rule_that_asks(inventory: serde_json::Value) -> Arc<RuleSource> {
    let mut manifest = manifest();
    manifest["inventory"] = inventory;
    let guest = Answer::Judged(Vec::new()).guest();
    let component = embed_manifests(&guest.bytes(), serde_json::json!([manifest]).to_string().as_bytes());
    only(RuleSource::from_component(component, &ENGINE).unwrap())
}

// ---------------------------------------------------------------------------------------------
// Answers in memory

#[derive(Clone)]
pub(crate) struct Told {
    pub(crate) code: String,
    pub(crate) message: String,
    pub(crate) at: String,
    pub(crate) excerpt: String,
    pub(crate) labels: Vec<(String, String)>,
    /// Labels in other documents: which answer and document, path and text.
    pub(crate) related: Vec<([u32; 2], String, String)>,
    /// Case of `change`, and its text.
    pub(crate) fix: Option<(u8, String)>,
    /// What the fix does; `do it` where it does not say.
    pub(crate) title: String,
    pub(crate) secret: bool,
}

impl Default for Told {
    fn default() -> Self {
        Self {
            // The one that the manifest declares.
            code: "bad".into(),
            message: String::new(),
            at: String::new(),
            excerpt: String::new(),
            labels: Vec::new(),
            related: Vec::new(),
            fix: None,
            title: String::new(),
            secret: false,
        }
    }
}

impl Told {
    fn at(path: &str) -> Self {
        Self { message: "bad".into(), at: path.into(), ..Self::default() }
    }

    fn fixed(case: u8, change: &str) -> Self {
        Self { fix: Some((case, change.into())), ..Self::at("/pod") }
    }
}

pub(crate) enum Answer {
    Judged(Vec<Told>),
    NotApplicable(String),
    NotEvaluated(String),
    Error(String),
}

/// A piece of guest memory that starts at [`ANSWER_AT`].
struct Image(Vec<u8>);

impl Image {
    fn place(&mut self, bytes: &[u8]) -> u32 {
        while !self.0.len().is_multiple_of(8) {
            self.0.push(0);
        }
        let at = ANSWER_AT + self.0.len() as u32;
        self.0.extend_from_slice(bytes);
        at
    }

    fn text(&mut self, text: &str) -> [u32; 2] {
        [self.place(text.as_bytes()), text.len() as u32]
    }
}

fn words(words: &[u32]) -> Vec<u8> {
    words.iter().flat_map(|word| word.to_le_bytes()).collect()
}

impl Answer {
    /// A guest that gives this answer to its only ask.
    pub(crate) fn guest(&self) -> Guest {
        let mut image = Image(vec![0; 24]);
        let (case, [pointer, length]) = match self {
            Answer::Error(text) => (3, image.text(text)),
            Answer::NotApplicable(text) => (1, image.text(text)),
            Answer::NotEvaluated(text) => (2, image.text(text)),
            Answer::Judged(findings) => {
                let written: Vec<u8> = findings.iter().flat_map(|finding| written(finding, &mut image)).collect();
                (0, [image.place(&written), findings.len() as u32])
            }
        };
        // The list of answers, and its only one.
        image.0[..20].copy_from_slice(&words(&[ANSWER_AT + 8, 1, case, pointer, length]));
        let heap = (ANSWER_AT + image.0.len() as u32 + 7) & !7;
        Guest {
            memory: (heap / (64 << 10) + 4).to_string(),
            heap,
            fields: data(ANSWER_AT, &image.0),
            ..Guest::evaluating(&format!("(i32.const {ANSWER_AT})"))
        }
    }
}

/// Bytes of a finding in memory.
const FINDING: u32 = 72;

fn written(finding: &Told, image: &mut Image) -> Vec<u8> {
    let [code, message, at, excerpt] =
        [&finding.code, &finding.message, &finding.at, &finding.excerpt].map(|text| image.text(text));
    let own = finding.labels.iter().map(|(at, text)| (None, at, text));
    let related = finding.related.iter().map(|(place, at, text)| (Some(*place), at, text));
    let labels = own.chain(related).map(|(place, at, text)| {
        let place = place.map_or([0; 3], |[query, document]| [1, query, document]);
        [&place[..], &image.text(at), &image.text(text)].concat()
    });
    let labels: Vec<Vec<u32>> = labels.collect();
    let labels = [image.place(&words(&labels.concat())), labels.len() as u32];
    let fix = match &finding.fix {
        None => [0; 7],
        Some((case, change)) => {
            let title = if finding.title.is_empty() { "do it" } else { &finding.title };
            let [title, change] = [title, change].map(|text| image.text(text));
            [1, title[0], title[1], 0, u32::from(*case), change[0], change[1]]
        }
    };
    // Its last byte says whether it is a secret.
    words(&[&code[..], &message, &at, &excerpt, &labels, &fix, &[u32::from(finding.secret)]].concat())
}

fn data(at: u32, bytes: &[u8]) -> String {
    let mut text = format!("(data (i32.const {at}) \"");
    for byte in bytes {
        write!(text, "\\{byte:02x}").unwrap();
    }
    text.push_str("\")");
    text
}

/// A rule that works: it finds every document bad and repeats in its message what it was told of it.
fn good() -> Guest {
    // The request's documents are at 76, a list of one.
    repeating("(i32.load offset=76 (local.get $request))")
}

/// A rule that finds every document bad. Its message is a text of the request, whose pointer and length are where the
/// expression says.
pub(crate) fn repeating(pair: &str) -> Guest {
    let guest = Answer::Judged(vec![Told::at("/pod/spec/containers/0/image")]).guest();
    // The finding is the last thing in the image: its message is at 8.
    let message = guest.heap - FINDING + 8;
    let evaluate = format!("(i64.store (i32.const {message}) (i64.load {pair})) (i32.const {ANSWER_AT})");
    Guest { evaluate, ..guest }
}

pub(crate) static GOOD: LazyLock<Arc<RuleSource>> = LazyLock::new(|| good().rule());

// ---------------------------------------------------------------------------------------------
// Running

fn units(text: &str) -> Vec<Unit> {
    Unit::split(Form::Yaml(Scalars::Kubernetes), &"in.yaml".into(), text, &Limits::default()).unwrap()
}

/// The outcomes of some rules on each document of a text.
fn judge(rules: &[Arc<RuleSource>], text: &str) -> Vec<Vec<Outcome>> {
    let bundle = Arc::new(Bundle::of_rules("test", rules.iter().cloned()));
    let judge = Judge::new(&ENGINE, &bundle);
    let result = run(&judge, &units(text), RunOptions::default());
    assert_eq!(result.errors, []);
    let outcomes = result.documents.into_iter().map(|(_, verdict)| {
        assert!(verdict.outcomes.iter().map(|outcome| usize::from(outcome.rule)).eq(0..rules.len()));
        verdict.outcomes.into_iter().map(|outcome| outcome.outcome).collect()
    });
    outcomes.collect()
}

fn outcome(guest: &Guest) -> Outcome {
    outcome_on(guest, DEPLOYMENT)
}

fn outcome_on(guest: &Guest, document: &str) -> Outcome {
    let mut outcomes = judge(&[guest.rule()], document);
    assert_eq!(outcomes.len(), 1);
    outcomes.remove(0).remove(0)
}

/// How a guest fails. A good rule stands before and behind it, and checks as ever.
fn failure(guest: &Guest) -> RuleFailure {
    let rules = [Arc::clone(&GOOD), guest.rule(), Arc::clone(&GOOD)];
    let outcomes = judge(&rules, DEPLOYMENT);
    let [before, hostile, after] = &outcomes[0][..] else { panic!("{outcomes:?}") };
    assert_good(before);
    assert_good(after);
    match hostile {
        Outcome::Error(failure) => failure.clone(),
        other => panic!("a failure was expected: {other:?}"),
    }
}

pub(crate) fn assert_good(outcome: &Outcome) {
    let Outcome::Fail(findings) = outcome else { panic!("the good rule should find something: {outcome:?}") };
    let [Finding { message, path, .. }] = &findings[..] else { panic!("{findings:?}") };
    assert_eq!((message.as_str(), path.as_str()), (SEEN, "/spec/template/spec/containers/0/image"));
}

#[track_caller]
fn assert_malformed(failure: &RuleFailure, part: &str) {
    match failure {
        RuleFailure::Malformed(message) => assert!(message.contains(part), "`{part}` should be in: {message}"),
        other => panic!("a malformed answer was expected: {other:?}"),
    }
}

#[track_caller]
fn assert_trap(failure: &RuleFailure, part: &str) {
    match failure {
        RuleFailure::Trap(message) => assert!(message.contains(part), "`{part}` should be in: {message}"),
        other => panic!("a trap was expected: {other:?}"),
    }
}

/// How a guest with this answer fails.
fn answered(findings: Vec<Told>) -> RuleFailure {
    failure(&Answer::Judged(findings).guest())
}

#[test]
fn good_component() {
    assert_good(&outcome(&good()));
    assert_eq!(outcome(&Answer::Judged(Vec::new()).guest()), Outcome::Pass);
    assert_eq!(outcome(&Answer::NotApplicable("why".into()).guest()), Outcome::NotApplicable("why".into()));
    assert_eq!(outcome(&Answer::NotEvaluated("why".into()).guest()), Outcome::NotEvaluated("why".into()));
}

// ---------------------------------------------------------------------------------------------
// Time, stack, memory

/// One answer, a pass: in memory that is still zero, with the list of answers behind it.
const PASS: &str = "(i32.store (i32.const 20) (i32.const 1)) (i32.const 16)";
const FOREVER: &str = "(loop $again (br $again)) unreachable";
/// Recursion that no compiler turns into a loop.
const RECURSION: &str =
    "(func $down (param i32) (result i32) (i32.add (call $down (local.get 0)) (call $down (local.get 0))))";

#[test]
fn infinite_loops_run_into_the_deadline() {
    let deadline = RuleFailure::Deadline(limits().deadline_millis);
    assert_eq!(failure(&Guest::evaluating(FOREVER)), deadline);
    // Wherever else the guest gets to run.
    let pass = Answer::Judged(Vec::new()).guest();
    assert_eq!(failure(&Guest { realloc: FOREVER.into(), ..pass.clone() }), deadline);
    assert_eq!(failure(&Guest { post_return: FOREVER.into(), ..pass.clone() }), deadline);
    let start = format!("(func $start {FOREVER}) (start $start)");
    assert_eq!(failure(&Guest { fields: pass.fields.clone() + &start, ..pass }), deadline);
}

#[test]
fn infinite_recursion_runs_out_of_stack() {
    let guest = Guest { fields: RECURSION.into(), ..Guest::evaluating("(call $down (i32.const 0))") };
    assert_eq!(failure(&guest), RuleFailure::Stack);
    let guest = Guest { realloc: "(call $down (i32.const 0))".into(), ..guest };
    assert_eq!(failure(&guest), RuleFailure::Stack);
}

#[test]
fn memory_is_bounded() {
    let memory = RuleFailure::Memory(limits().memory_bytes);
    // As a Rust guest does: it grows, and aborts when that is denied.
    let endless = "(loop $again (br_if $again (i32.ne (memory.grow (i32.const 16)) (i32.const -1)))) unreachable";
    assert_eq!(failure(&Guest::evaluating(endless)), memory);
    assert_eq!(failure(&Guest::evaluating("(drop (memory.grow (i32.const 65000))) unreachable")), memory);
    // It asks for too much from the start.
    assert_eq!(failure(&Guest { memory: "513".into(), ..Guest::evaluating("(i32.const 0)") }), memory);
    // One that takes no for an answer is none the worse for it.
    let pass = Answer::Judged(Vec::new()).guest();
    let polite = Guest { evaluate: format!("(drop (memory.grow (i32.const 65000))) {}", pass.evaluate), ..pass };
    assert_eq!(outcome(&polite), Outcome::Pass);
    // The whole of what it may have is really there.
    let all = "(if (i32.eq (memory.grow (i32.const 508)) (i32.const -1)) (then unreachable))
        (i32.store (i32.const 33554428) (i32.const 7))";
    assert_eq!(outcome(&Guest::evaluating(&format!("{all} {PASS}"))), Outcome::Pass);
}

#[test]
fn tables_and_instances_are_bounded() {
    let endless = "(loop $again
        (br_if $again (i32.ne (table.grow $table (ref.null func) (i32.const 1000)) (i32.const -1)))) unreachable";
    let fields = "(table $table 1 funcref)".to_owned();
    assert_trap(&failure(&Guest { fields, ..Guest::evaluating(endless) }), "unreachable");

    let pass = Answer::Judged(Vec::new()).guest();
    // One module, made many times: how often it is there is bounded before it is compiled.
    for (count, module) in [
        (SandboxLimits::MEMORIES, "(core module $more (memory 1))"),
        (SandboxLimits::MEMORIES + 1, "(core module $more (table 1 funcref))"),
        (SandboxLimits::INSTANCES, "(core module $more)"),
    ] {
        let before = format!("{module}{}", "(core instance (instantiate $more))".repeat(count));
        // Which of the failures it is, is the engine's affair: what counts is that it is one.
        failure(&Guest { before, ..pass.clone() });
    }
    failure(&Guest { memory: "2000".into(), ..pass.clone() });
    // Several memories may have together what one may have: 512 pages.
    for (pages, fits) in [("400", true), ("510", false)] {
        let before = format!("(core module $more (memory {pages})) (core instance (instantiate $more))");
        let guest = Guest { before, ..pass.clone() };
        assert_eq!(outcome(&guest) == Outcome::Pass, fits, "{pages}");
    }
}

#[test]
fn traps() {
    assert_trap(&failure(&Guest::evaluating("unreachable")), "unreachable");
    assert_trap(&failure(&Guest::evaluating("(i32.div_u (i32.const 1) (i32.const 0))")), "zero");
    assert_trap(&failure(&Guest::evaluating("(i32.load (i32.const -4))")), "out of bounds");
    let pass = Answer::Judged(Vec::new()).guest();
    assert_trap(&failure(&Guest { post_return: "unreachable".into(), ..pass.clone() }), "unreachable");
    assert_trap(&failure(&Guest { realloc: "unreachable".into(), ..pass.clone() }), "unreachable");
    let start = "(func $start unreachable) (start $start)";
    assert_trap(&failure(&Guest { fields: pass.fields.clone() + start, ..pass }), "unreachable");
}

#[test]
fn error_texts() {
    let guest = |text: &str| failure(&Answer::Error(text.into()).guest());
    assert_eq!(guest("no idea"), RuleFailure::Guest("no idea".into()));
    assert_eq!(guest(""), RuleFailure::Guest(String::new()));
    // A long one is cut, between characters.
    let limit = limits().text_bytes;
    let RuleFailure::Guest(text) = guest(&format!("x{}", "ü".repeat(limit))) else { panic!() };
    assert_eq!(text, format!("x{}…", "ü".repeat((limit - 1) / 2)));
}

// ---------------------------------------------------------------------------------------------
// Answers

/// A guest whose only answer are these words, at [`RAW_AT`].
fn raw(answer: &[u32]) -> Guest {
    let list = [&[RAW_AT, 1][..], answer].concat();
    Guest { fields: data(ANSWER_AT, &words(&list)), ..Guest::evaluating(&format!("(i32.const {ANSWER_AT})")) }
}

/// Where the first answer lies, behind the list of answers.
const RAW_AT: u32 = ANSWER_AT + 8;

#[test]
fn pointers_out_of_bounds() {
    let malformed = |guest: &Guest| assert_malformed(&failure(guest), "");
    for answer in ["-1", "-4", "262144", "262136", "1025", "0x7ffffffc"] {
        malformed(&Guest::evaluating(&format!("(i32.const {answer})")));
    }
    for [pointer, length] in
        [[u32::MAX, 1], [u32::MAX, u32::MAX], [0, 4 * 65536 + 1], [4 * 65536, 4], [0, u32::MAX], [100, 0x8000_0000]]
    {
        for case in 0..4 {
            malformed(&raw(&[case, pointer, length]));
        }
        let list = data(ANSWER_AT, &words(&[pointer, length]));
        malformed(&Guest { fields: list, ..raw(&[]) });
    }
    // A list that is not aligned, and a finding inside of memory whose parts are not.
    let finding = RAW_AT + 12;
    malformed(&raw(&[0, finding + 1, 1]));
    malformed(&raw(&[0, finding, 1, u32::MAX, 1]));
    malformed(&raw(&[0, finding, 1, 0, 0, 0, 0, 0, 0, u32::MAX - 3, 1]));
    // Where the guest wants the question.
    let pass = Answer::Judged(Vec::new()).guest();
    for realloc in ["(i32.const -1)", "(i32.const 262140)", "(i32.const 1025)", "(i32.const 0x7ffffff8)"] {
        malformed(&Guest { realloc: realloc.into(), ..pass.clone() });
    }
}

#[test]
fn values_that_are_none() {
    let finding = RAW_AT + 12;
    // Cases that there are not: of the answer, the fix, its safety, its change.
    assert_malformed(&failure(&raw(&[4])), "");
    for (word, value) in [(10, &[2][..]), (10, &[1, 0, 0, 2]), (10, &[1, 0, 0, 0, 2])] {
        let mut answer = vec![0, finding, 1];
        answer.resize(3 + word, 0);
        answer.extend_from_slice(value);
        assert_malformed(&failure(&raw(&answer)), "");
    }
    for text in [&b"\xff"[..], b"\xc3", b"\xed\xa0\x80", b"\xf4\x90\x80\x80"] {
        let mut bytes = words(&[RAW_AT, 1, 3, RAW_AT + 12, text.len() as u32]);
        bytes.extend_from_slice(text);
        let guest = Guest { fields: data(ANSWER_AT, &bytes), ..raw(&[]) };
        assert_malformed(&failure(&guest), "utf-8");
    }
}

#[test]
fn giant_answers() {
    let answer = RuleFailure::Answer(limits().answer_bytes);
    let megabytes = |count: u32| count << 20;
    // A string within memory, behind what the guest was asked; zeros are UTF-8.
    let roomy = Guest { memory: "400".into(), ..Guest::default() };
    let telling = |told: &[u32]| Guest { memory: roomy.memory.clone(), ..raw(told) };
    assert_eq!(failure(&telling(&[3, 1 << 20, megabytes(5)])), answer);
    assert_eq!(failure(&telling(&[1, 1 << 20, megabytes(20)])), answer);
    // 100 MB, which no guest's memory has room for.
    assert!(matches!(failure(&telling(&[1, 0, megabytes(100)])), RuleFailure::Answer(_) | RuleFailure::Malformed(_)));
    // A list as long as memory: its elements are empty findings.
    assert_eq!(failure(&telling(&[0, 1 << 20, megabytes(20) / FINDING])), answer);
    // Many findings that share one long text.
    let text = "x".repeat(16 << 10);
    let mut guest = Answer::Judged(vec![Told { message: text, ..Told::at("/pod") }]).guest();
    let finding = guest.heap - FINDING;
    guest.memory = "8".into();
    guest.evaluate = format!(
        "(local $at i32)
         (local.set $at (i32.const 131072))
         (loop $again
           (memory.copy (local.get $at) (i32.const {finding}) (i32.const {FINDING}))
           (br_if $again (i32.lt_u (local.tee $at (i32.add (local.get $at) (i32.const {FINDING}))) (i32.const 200000))))
         (i32.store (i32.const {}) (i32.const 131072))
         (i32.store (i32.const {}) (i32.const 900))
         (i32.const {ANSWER_AT})",
        RAW_AT + 4,
        RAW_AT + 8
    );
    guest.heap = 256 << 10;
    assert_eq!(failure(&guest), answer);
}

#[test]
fn numbers_of_findings_are_bounded() {
    let limit = limits().findings;
    let many = |count: usize| Answer::Judged(vec![Told::at("/pod"); count]).guest();
    assert!(matches!(outcome(&many(limit)), Outcome::Fail(findings) if findings.len() == limit));
    assert_malformed(&failure(&many(limit + 1)), "1001 findings, more than 1000 (limit `findings`)");
}

#[test]
fn texts_are_bounded() {
    let limit = limits().text_bytes;
    let long = "x".repeat(limit + 1);
    let bound = format!("a text of {} bytes, more than {limit} (limit `text_bytes`)", limit + 1);
    let finding = || Told::at("/pod");
    assert_malformed(&answered(vec![Told { message: long.clone(), ..finding() }]), &bound);
    assert_malformed(&answered(vec![Told { code: long.clone(), ..finding() }]), &bound);
    assert_malformed(&answered(vec![Told { labels: vec![("/pod".into(), long.clone())], ..finding() }]), &bound);
    assert_malformed(&failure(&Answer::NotApplicable(long.clone()).guest()), &bound);
    assert_malformed(&failure(&Answer::NotEvaluated(long.clone()).guest()), &bound);
    let exact = Told { message: long[1..].to_owned(), ..finding() };
    assert!(matches!(outcome(&Answer::Judged(vec![exact]).guest()), Outcome::Fail(_)));
}

#[test]
fn codes_are_those_of_the_manifest() {
    for code in ["", "other", "BAD"] {
        let finding = Told { code: code.into(), ..Told::at("/pod") };
        assert_malformed(&answered(vec![finding]), &format!("the manifest declares no finding `{code}`"));
    }
}

#[test]
fn paths_are_bounded() {
    let long = format!("/object/{}", "x".repeat(limits().text_bytes));
    assert_malformed(&answered(vec![Told::at(&long)]), "(limit `text_bytes`)");
    let label = Told { labels: vec![(long.clone(), "here".into())], ..Told::at("/pod") };
    assert_malformed(&answered(vec![label]), "(limit `text_bytes`)");
    let excerpt = Told { excerpt: long, ..Told::at("/pod") };
    assert_malformed(&answered(vec![excerpt]), "(limit `text_bytes`)");
}

#[test]
fn failures_do_not_repeat_long_answers() {
    let long = "x".repeat(1 << 20);
    for told in [
        Told::at(&long),
        Told::at(&format!("/{long}")),
        Told::fixed(0, &format!(r#"[{{"op":"remove","path":"/{long}"}}]"#)),
    ] {
        let failure = answered(vec![told]).to_string();
        assert!(failure.len() < 4 * limits().text_bytes, "{} bytes", failure.len());
    }
}

#[test]
fn paths_that_are_no_pointers() {
    for path in ["pod", "pod/spec", "$.pod.spec", "#/pod", " /pod", "/pod/~", "/pod/~2", "/object/a~"] {
        assert_malformed(&answered(vec![Told::at(path)]), "JSON pointer");
        let label = Told { labels: vec![(path.into(), "here".into())], ..Told::at("/pod") };
        assert_malformed(&answered(vec![label]), "JSON pointer");
    }
}

#[test]
fn paths_out_of_the_document() {
    for path in [
        "",
        "/",
        "/spec",
        "/pods/spec",
        "/file/name",
        "/pod/spec/containers/2/image",
        "/pod/spec/containers/99999999999999999999",
        "/pod/spec/containers/-1",
        "/pod/spec/containers/image",
        "/pod/spec/containers/0/image/tag",
        "/object/kind/0",
    ] {
        let outside = format!("`{path}` points outside the document");
        assert_malformed(&answered(vec![Told::at(path)]), &outside);
        let label = Told { labels: vec![(path.into(), "here".into())], ..Told::at("/pod") };
        assert_malformed(&answered(vec![label]), &outside);
    }
}

#[test]
fn labels_in_documents_that_were_not_told() {
    for [query, document] in [[0, 0], [7, 0], [0, u32::MAX]] {
        let label = Told { related: vec![([query, document], "/x".into(), "here".into())], ..Told::at("/pod") };
        assert_malformed(&answered(vec![label]), "a label points into");
    }
}

#[test]
fn array_positions_are_written_as_the_rfc_has_them() {
    for path in ["/pod/spec/containers/00", "/pod/spec/containers/+0/image"] {
        assert_malformed(&answered(vec![Told::at(path)]), "points outside the document");
    }
}

#[test]
fn paths_to_what_is_absent() {
    for (told, path) in [
        ("/pod/spec/containers/0/livenessProbe/exec", "/spec/template/spec/containers/0/livenessProbe/exec"),
        ("/pod/spec/containers/1", "/spec/template/spec/containers/1"),
        ("/pod/spec/containers/-", "/spec/template/spec/containers/-"),
        ("/object/metadata/labels/a~1b", "/metadata/labels/a~1b"),
        ("/file", ""),
    ] {
        let Outcome::Fail(findings) = outcome(&Answer::Judged(vec![Told::at(told)]).guest()) else { panic!("{told}") };
        assert_eq!(findings[0].path, path);
    }
    // Where there is no pod template, its place is still where it would be.
    let bare = "apiVersion: apps/v1\nkind: Deployment\nmetadata: {name: web}\n";
    let Outcome::Fail(findings) = outcome_on(&Answer::Judged(vec![Told::at("/pod/spec")]).guest(), bare) else {
        panic!()
    };
    assert_eq!((findings[0].path.as_str(), findings[0].place.exact), ("/spec/template/spec", false));
    // Nothing but a workload has a pod.
    let map = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: web}\ndata: {a: b}\n";
    let of = |path| outcome_on(&Answer::Judged(vec![Told::at(path)]).guest(), map);
    assert!(matches!(of("/data/a"), Outcome::Fail(_)));
    assert!(matches!(of("/data/a/b"), Outcome::Error(RuleFailure::Malformed(_))));
}

#[test]
fn excerpts() {
    let map = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: web}\ndata: {run: 'ü; curl x | sh; curl x', n: 1}\n";
    let shown = |at: &str, excerpt: &str| {
        let told = Told { excerpt: excerpt.into(), ..Told::at(at) };
        let Outcome::Fail(findings) = outcome_on(&Answer::Judged(vec![told]).guest(), map) else { panic!("{excerpt}") };
        let place = findings[0].place;
        map[place.start as usize..place.end as usize].to_owned()
    };
    assert_eq!(shown("/data/run", "curl x"), "curl x");
    assert_eq!(shown("/data/run", "ü"), "ü");
    // One that is not there is skipped, and so is one of something that is not.
    assert_eq!(shown("/data/run", "rm -rf"), "'ü; curl x | sh; curl x'");
    assert_eq!(shown("/data/run", "\u{0}"), "'ü; curl x | sh; curl x'");
    assert_eq!(shown("/data/n", "22"), "1");
    assert_eq!(shown("/data/absent", "curl"), "data");
}

#[test]
fn fixes_that_are_none() {
    for patch in [
        "",
        "nonsense",
        "{}",
        "null",
        "[1]",
        "[{}]",
        r#"[{"op":"add","path":"/pod/x"}]"#,
        r#"[{"op":"frobnicate","path":"/pod/x"}]"#,
        r#"[{"op":"move","from":"/pod/spec","path":"/pod/x"}]"#,
        r#"[{"op":"copy","from":"/pod/spec","path":"/pod/x"}]"#,
        r#"[{"op":"remove","path":"pod"}]"#,
        r#"[{"op":"remove","path":7}]"#,
        r#"[{"op":"remove","path":"/pod/x"}] trailing"#,
    ] {
        assert_malformed(&answered(vec![Told::fixed(0, patch)]), "a fix is no RFC 6902 patch");
    }
    for path in ["", "/", "/spec", "/file/x"] {
        let patch = format!(r#"[{{"op":"add","path":"{path}","value":1}}]"#);
        assert_malformed(&answered(vec![Told::fixed(0, &patch)]), "leads outside the document");
    }
    let deep = format!("{{\"a\":{}1{}}}", "[".repeat(100_000), "]".repeat(100_000));
    for document in ["", "nonsense", "[]", "null", "\"text\"", "{", r#"{"a":1} {"b":2}"#, "kind: Pod", &deep] {
        assert_malformed(&answered(vec![Told::fixed(1, document)]), "a fix's document is not a JSON object");
    }
    // A finding with a bad fix spoils the whole answer, also behind good ones.
    assert_malformed(&answered(vec![Told::at("/pod"), Told::fixed(0, "{}")]), "a fix is no RFC 6902 patch");
}

#[test]
fn fixes_that_are_some() {
    let fix = |told: Told| match outcome(&Answer::Judged(vec![told]).guest()) {
        Outcome::Fail(mut findings) => findings.remove(0).fix.unwrap().change,
        other => panic!("{other:?}"),
    };
    let patch = fix(Told::fixed(0, r#"[{"op":"remove","path":"/pod/spec/containers/0/image"}]"#));
    assert_eq!(patch, Change::Patch(r#"[{"op":"remove","path":"/spec/template/spec/containers/0/image"}]"#.into()));
    assert_eq!(fix(Told::fixed(1, r#"{"kind":"X"}"#)), Change::Create(r#"{"kind":"X"}"#.into()));
}

// ---------------------------------------------------------------------------------------------
// Together

/// Hostile rules before and behind a good one, over several documents, at two threads.
#[test]
fn hostile_rules_harm_nobody() {
    let endless_memory =
        "(loop $again (br_if $again (i32.ne (memory.grow (i32.const 16)) (i32.const -1)))) unreachable";
    let hostile = [
        Guest::evaluating(FOREVER),
        Guest { fields: RECURSION.into(), ..Guest::evaluating("(call $down (i32.const 0))") },
        Guest::evaluating(endless_memory),
        Guest::evaluating("unreachable"),
        Guest::evaluating("(i32.const -1)"),
        Answer::Judged(vec![Told::at("nowhere")]).guest(),
    ];
    let mut rules: Vec<Arc<RuleSource>> = vec![Arc::clone(&GOOD)];
    for guest in &hostile {
        rules.extend([guest.rule(), Arc::clone(&GOOD)]);
    }
    let text = format!("---\n{DEPLOYMENT}").repeat(3);
    let threads = |count| rayon::ThreadPoolBuilder::new().num_threads(count).build().unwrap();
    let outcomes = threads(2).install(|| judge(&rules, &text));
    assert_eq!(outcomes.len(), 3);
    for document in &outcomes {
        for (index, outcome) in document.iter().enumerate() {
            if index % 2 == 0 {
                assert_good(outcome);
            } else {
                assert!(matches!(outcome, Outcome::Error(_)), "rule {index}: {outcome:?}");
            }
        }
        assert_eq!(document, &outcomes[0]);
    }
    // The same at any number of threads.
    assert_eq!(threads(1).install(|| judge(&rules, &text)), outcomes);
}

/// A component of several rules, of which one is hostile when it is asked: the others pass.
fn pack(rules: usize, hostile: usize, body: &str) -> Vec<Arc<RuleSource>> {
    // The request's asks are at 100, a list of 36 bytes each that begin with the rule. The answers are zeros, passes,
    // and the list of them lies behind.
    let evaluate = format!(
        "(local $ask i32) (local $asks i32) (local $count i32)
         (local.set $asks (i32.load offset=100 (local.get $request)))
         (local.set $count (i32.load offset=104 (local.get $request)))
         (block $done (loop $next
           (br_if $done (i32.ge_u (local.get $ask) (local.get $count)))
           (if (i32.eq (i32.load (i32.add (local.get $asks) (i32.mul (local.get $ask) (i32.const 36)))) (i32.const {hostile}))
             (then {body}))
           (local.set $ask (i32.add (local.get $ask) (i32.const 1)))
           (br $next)))
         (i32.store (i32.const 1012) (local.get $count))
         (i32.const 1008)"
    );
    let guest = Guest { fields: RECURSION.into(), ..Guest::evaluating(&evaluate) };
    let manifests: Vec<serde_json::Value> = (0..rules)
        .map(|rule| {
            let mut manifest = manifest();
            manifest["id"] = format!("rule-{rule}").into();
            manifest
        })
        .collect();
    let component = embed_manifests(&guest.bytes(), serde_json::Value::from(manifests).to_string().as_bytes());
    RuleSource::from_component(component, &ENGINE).unwrap()
}

/// What fails together is asked again alone: a hostile rule costs its component's other rules nothing but time.
#[test]
fn a_hostile_rule_in_a_pack_harms_no_other() {
    let endless_memory =
        "(loop $again (br_if $again (i32.ne (memory.grow (i32.const 16)) (i32.const -1)))) unreachable";
    for (body, failure) in [
        (FOREVER, RuleFailure::Deadline(limits().deadline_millis)),
        ("(drop (call $down (i32.const 0)))", RuleFailure::Stack),
        (endless_memory, RuleFailure::Memory(limits().memory_bytes)),
        // It answers more than it is asked, when it is asked.
        (
            "(i32.store (i32.const 1012) (i32.const 7)) (return (i32.const 1008))",
            RuleFailure::Malformed("7 answers to 1 asks".into()),
        ),
        // It answers for the others, and that they find things in nowhere.
        ("(return (i32.const -1))", RuleFailure::Malformed(String::new())),
    ] {
        let mut rules = pack(5, 2, body);
        rules.insert(0, Arc::clone(&GOOD));
        let documents = judge(&rules, &[DEPLOYMENT; 3].join("---\n"));
        assert_eq!(documents.len(), 3);
        for outcomes in documents {
            assert_good(&outcomes[0]);
            for (rule, outcome) in outcomes[1..].iter().enumerate() {
                match outcome {
                    Outcome::Pass => assert_ne!(rule, 2, "{body}"),
                    Outcome::Error(RuleFailure::Malformed(message)) => {
                        let RuleFailure::Malformed(part) = &failure else { panic!("{message}") };
                        assert!(rule == 2 && message.contains(part), "{body}: {message}");
                    }
                    Outcome::Error(other) => assert_eq!((rule, other), (2, &failure), "{body}"),
                    other => panic!("{body}: rule {rule}: {other:?}"),
                }
            }
        }
    }
}

/// Every rule of a component gets its own answer, in whatever order the bundle lists them.
#[test]
fn rules_of_a_pack_are_told_apart() {
    let mut rules = pack(4, 3, "unreachable");
    rules.reverse();
    let outcomes = judge(&rules, DEPLOYMENT).remove(0);
    assert!(matches!(outcomes[0], Outcome::Error(RuleFailure::Trap(_))), "{outcomes:?}");
    assert_eq!(outcomes[1..], [Outcome::Pass, Outcome::Pass, Outcome::Pass]);
}

/// A counter in a global, in memory and in a table: every call finds it at zero.
#[test]
fn nothing_survives_a_call() {
    let guest = Answer::Judged(vec![Told { message: "0".into(), ..Told::at("/pod") }]).guest();
    let counter = guest.heap;
    let finding = guest.heap - FINDING;
    let counting = Guest {
        heap: guest.heap + 8,
        fields: format!("{} (global $count (mut i32) (i32.const 0)) (table $table 1 100 funcref)", guest.fields),
        evaluate: format!(
            "(local $digit i32)
             (global.set $count (i32.add (global.get $count) (i32.const 1)))
             (i32.store (i32.const {counter}) (i32.add (i32.load (i32.const {counter})) (i32.const 1)))
             (drop (table.grow $table (ref.null func) (i32.const 1)))
             (local.set $digit (i32.add (i32.const 0x30)
               (i32.add (i32.add (global.get $count) (i32.load (i32.const {counter}))) (table.size $table))))
             (i32.store8 (i32.load (i32.const {})) (local.get $digit))
             (i32.const {ANSWER_AT})",
            finding + 8
        ),
        ..guest
    };
    let rule = counting.rule();
    for _ in 0..3 {
        let outcomes = judge(&[Arc::clone(&rule), Arc::clone(&rule)], &[DEPLOYMENT; 20].join("---\n"));
        for outcome in outcomes.iter().flatten() {
            let Outcome::Fail(findings) = outcome else { panic!("{outcome:?}") };
            assert_eq!(findings[0].message, "4"); // one, one, and a table of two
        }
    }
}

/// What a hostile rule left in a slot of the pool is not there for the next one.
#[test]
fn nothing_leaks_through_the_pool() {
    let scribble = "(memory.fill (i32.const 0) (i32.const 0x41) (i32.const 262144)) unreachable";
    // Adds up the whole memory but its own answer, and complains unless it is nothing.
    let check = "(local $at i32) (local $sum i64)
        (local.set $at (i32.const 135168))
        (loop $again
          (local.set $sum (i64.or (local.get $sum) (i64.load (local.get $at))))
          (br_if $again (i32.lt_u (local.tee $at (i32.add (local.get $at) (i32.const 8))) (i32.const 262144))))
        (if (i64.ne (local.get $sum) (i64.const 0)) (then unreachable))";
    let rules = [Guest::evaluating(scribble).rule(), Guest::evaluating(&format!("{check} {PASS}")).rule()];
    for outcomes in judge(&rules, &[DEPLOYMENT; 50].join("---\n")) {
        assert!(matches!(&outcomes[0], Outcome::Error(RuleFailure::Trap(_))), "{outcomes:?}");
        assert_eq!(outcomes[1], Outcome::Pass);
    }
}

// ---------------------------------------------------------------------------------------------
// The manifest export

#[test]
fn manifests_are_extracted_in_the_sandbox() {
    let extract = |guest: Guest| ENGINE.extract_manifests(&guest.bytes());
    let telling = |json: &str| Guest {
        fields: data(ANSWER_AT, &[words(&[ANSWER_AT + 8, json.len() as u32]), json.as_bytes().to_vec()].concat()),
        manifest: format!("(i32.const {ANSWER_AT})"),
        ..Guest::evaluating("unreachable")
    };
    let json = manifests();
    assert_eq!(extract(telling(&json)).unwrap(), json.as_bytes());
    assert!(matches!(extract(telling("{}")), Err(EngineError::Gate(GateError::Manifest(_)))));
    let hostile = |body: &str| Guest { manifest: body.into(), ..telling(&json) };
    assert!(matches!(extract(hostile(FOREVER)), Err(EngineError::Manifest(RuleFailure::Deadline(_)))));
    assert!(matches!(extract(hostile("unreachable")), Err(EngineError::Manifest(RuleFailure::Trap(_)))));
    assert!(matches!(extract(hostile("(i32.const -1)")), Err(EngineError::Manifest(RuleFailure::Malformed(_)))));
    assert_good(&outcome(&good()));
}

// ---------------------------------------------------------------------------------------------
// The gate

fn gate(bytes: &[u8]) -> GateError {
    let loaded = RuleSource::from_component(bytes.to_vec(), &ENGINE).map(|_| ());
    let EngineError::Gate(error) = loaded.unwrap_err() else { panic!("it should not pass the gate") };
    if let Ok(inspection) = inspect(bytes, ENGINE.limits()) {
        assert_eq!(inspection.manifests().unwrap_err().to_string(), error.to_string());
    }
    error
}

fn importing(import: &str) -> Guest {
    Guest { before: import.into(), ..good() }
}

#[test]
fn imports_are_refused_by_name() {
    for (import, wanted) in [
        (r#"(import "phone-home" (func (param "what" string)))"#, "the function `phone-home`"),
        (r#"(import "handle" (type (sub resource)))"#, "the resource `handle`"),
        (
            r#"(import "spy:net/http" (instance (export "send" (func (param "what" string)))))"#,
            "the function `spy:net/http#send`",
        ),
        (
            r#"(import "spy:net/http" (instance (export "socket" (type (sub resource)))))"#,
            "the resource `spy:net/http#socket`",
        ),
        (
            r#"(import "wasi:cli/environment@0.2.0" (instance
                (export "get-arguments" (func (result (list string))))))"#,
            "the function `wasi:cli/environment@0.2.0#get-arguments`",
        ),
        (
            r#"(import "wasi:io/streams@0.2.0" (instance
                (export "output-stream" (type $out (sub resource)))
                (export "[method]output-stream.flush" (func (param "self" (borrow $out))))))"#,
            "wasi:io/streams@0.2.0#",
        ),
        (r#"(import "nested" (instance (export "inner" (instance (export "f" (func))))))"#, "the item `nested#inner`"),
        (r#"(import "other" (component))"#, "the item `other`"),
        (r#"(import "code" (core module))"#, "the item `code`"),
        // Behind one that is allowed.
        (
            r#"(import "types" (instance (type $e (enum "a")) (export "e" (type (eq $e)))))
               (import "late" (func))"#,
            "the function `late`",
        ),
        // An alias of a resource is one.
        (r#"(import "r" (instance (export "a" (type (sub resource)))))"#, "the resource `r#a`"),
    ] {
        let error = gate(&importing(import).with_manifest());
        assert!(matches!(error, GateError::Import { .. }), "{import}: {error}");
        assert!(error.to_string().contains(wanted), "{import}: {error}");
    }
}

#[test]
fn types_may_be_imported() {
    for import in [
        r#"(import "policy:rule/types@1.0.0" (instance
            (type $level (enum "low" "high")) (export "level" (type $named (eq $level)))
            (type $pair (record (field "a" $named) (field "b" string))) (export "pair" (type (eq $pair)))))"#,
        r#"(import "nothing" (instance))"#,
        r#"(type $e (enum "a" "b")) (import "e" (type (eq $e)))"#,
    ] {
        let guest = importing(import);
        let inspection = inspect(&guest.with_manifest(), ENGINE.limits()).unwrap();
        assert_eq!(inspection.imports.len(), 1);
        assert_good(&outcome(&guest));
    }
}

#[test]
fn what_is_no_component() {
    let module = wat::parse_str("(module (func (export \"evaluate\")))").unwrap();
    assert!(matches!(gate(&embed_manifests(&module, manifests().as_bytes())), GateError::NotAComponent));
    for bytes in [
        &b""[..],
        b"\0asm",
        b"apiVersion: v1",
        b"#!/bin/sh\nrm -rf /\n",
        &[0xff; 4096],
        b"\x7fELF\x02\x01\x01\0\0\0\0\0\0\0\0\0",
    ] {
        assert!(matches!(gate(bytes), GateError::NotAComponent), "{bytes:?}");
    }
    assert!(matches!(gate(b"\0asm\x0d\0\x01\0"), GateError::NoRules));
    assert!(matches!(gate(b"\0asm\x0d\0\x01\0garbage"), GateError::Invalid(_)));
}

#[test]
fn truncated_components() {
    let whole = good().with_manifest();
    // Until where the last section begins, every cut is a broken component or one without an end.
    for end in 0..whole.len() {
        let refused = inspect(&whole[..end], ENGINE.limits()).and_then(|inspection| inspection.manifests());
        assert!(refused.is_err(), "{end} of {} bytes", whole.len());
    }
}

#[test]
fn without_the_contract() {
    let manifest = manifests();
    let export = |text: &str| embed_manifests(&wat::parse_str(text).unwrap(), manifest.as_bytes());
    assert!(matches!(gate(&export("(component)")), GateError::NoRules));
    assert!(matches!(
        gate(&export("(component (instance) (export \"policy:rule/rules@2.0.0\" (instance 0)))")),
        GateError::NoRules
    ));
    // The name is there, and what it names is not what it should be: refused when it is loaded.
    let hollow = export("(component (instance) (export \"policy:rule/rules@1.0.0\" (instance 0)))");
    assert!(matches!(ENGINE.load(&hollow, "hollow"), Err(EngineError::Compile(_))));
    let rule = only(RuleSource::from_component(hollow, &ENGINE).unwrap());
    let outcomes = judge(&[rule, Arc::clone(&GOOD)], DEPLOYMENT);
    assert!(matches!(&outcomes[0][0], Outcome::Error(_)), "{outcomes:?}");
    assert_good(&outcomes[0][1]);
}

#[test]
fn manifests_are_there_once() {
    let bare = good().bytes();
    let json = manifests();
    assert!(matches!(gate(&bare), GateError::ManifestSections(0)));
    let once = embed_manifests(&bare, json.as_bytes());
    assert!(RuleSource::from_component(once.clone(), &ENGINE).is_ok());
    let twice = embed_manifests(&once, json.as_bytes());
    assert!(matches!(gate(&twice), GateError::ManifestSections(2)));
    assert!(matches!(gate(&embed_manifests(&twice, json.as_bytes())), GateError::ManifestSections(3)));
    // One that a nested module or component carries is not the rule's.
    for nested in
        ["(core module (@custom \"policy:manifest\" \"{}\"))", "(component (@custom \"policy:manifest\" \"{}\"))"]
    {
        assert!(matches!(gate(&importing(nested).bytes()), GateError::ManifestSections(0)));
        assert!(RuleSource::from_component(importing(nested).with_manifest(), &ENGINE).is_ok());
    }
}

#[test]
fn malformed_manifests_name_the_field() {
    let bare = good().bytes();
    let refused = |json: &str| {
        let error = gate(&embed_manifests(&bare, json.as_bytes()));
        assert!(matches!(error, GateError::Manifest(_)), "{error}");
        error.to_string()
    };
    let without = |field: &str| {
        let mut json = manifest();
        json.as_object_mut().unwrap().remove(field);
        refused(&serde_json::json!([json]).to_string())
    };
    let with = |field: &str, value: serde_json::Value| {
        let mut json = manifest();
        json[field] = value;
        refused(&serde_json::json!([json]).to_string())
    };
    for field in [
        "id",
        "version",
        "title",
        "why",
        "fix",
        "findings",
        "priority",
        "effort",
        "factor",
        "since",
        "appliesTo",
        "reads",
    ] {
        let error = without(field);
        assert!(error.contains(&format!("`{field}`")), "{error}");
    }
    let kinds = |kinds: &[(&str, &str, &str)]| -> serde_json::Value {
        let kind = |(code, severity, confidence): &(&str, &str, &str)| serde_json::json!({"code": code, "title": "t", "severity": severity, "confidence": confidence});
        kinds.iter().map(kind).collect()
    };
    let covering = |covered: &str| {
        let mut one = kinds(&[("a", "high", "certain")]);
        one[0]["covers"] = serde_json::json!([covered]);
        one
    };
    for (field, value, named) in [
        ("id", "Not Kebab".into(), "`id` is not kebab-case"),
        ("id", "".into(), "`id` is not kebab-case"),
        ("title", " ".into(), "`title` is empty"),
        ("why", 7.into(), "at `[0].why`"),
        ("severity", "high".into(), "severity"),
        ("findings", serde_json::json!([]), "`findings` declares no kind of finding"),
        ("findings", kinds(&[("bad", "catastrophic", "certain")]), "at `[0].findings[0].severity`"),
        ("findings", kinds(&[("bad", "high", "sure")]), "at `[0].findings[0].confidence`"),
        ("findings", kinds(&[("Bad", "high", "guess")]), "`findings` has the code `Bad`, which is not kebab-case"),
        ("findings", kinds(&[("", "high", "guess")]), "`findings` has the code ``, which is not kebab-case"),
        (
            "findings",
            kinds(&[("a", "high", "guess"), ("a", "low", "guess")]),
            "`findings` has two kinds with the code `a`",
        ),
        ("findings", covering("guest"), "`findings` says that `a` covers `guest`, which is no other RULE"),
        ("findings", covering("guest/a"), "`findings` says that `a` covers `guest/a`"),
        ("findings", covering("other/"), "`findings` says that `a` covers `other/`"),
        ("renamedFrom", serde_json::json!(["guest"]), "`renamedFrom` names `guest`, which is not another id"),
        ("renamedFrom", serde_json::json!(["CKV_1"]), "`renamedFrom` names `CKV_1`, which is not kebab-case"),
        ("priority", "P9".into(), "at `[0].priority`"),
        ("appliesTo", serde_json::json!([]), "`appliesTo` names no documents"),
        ("appliesTo", serde_json::json!(["workload", "a/b/c"]), "at `[0].appliesTo[1]`"),
        ("reads", serde_json::json!(["a", "b", "a..b"]), "at `[0].reads[2]`"),
        ("parameters", "none".into(), "`parameters` is not a schema"),
        ("settings", "none".into(), "`settings` is not a schema"),
        ("surprise", 1.into(), "surprise"),
        (
            "inventory",
            serde_json::json!([{"name": "a", "kinds": ["core/Pod"], "scope": "galaxy", "reads": ["a"]}]),
            "at `[0].inventory[0].scope`",
        ),
    ] {
        let error = with(field, value);
        assert!(error.contains(named), "{error}");
    }
    for json in ["", "{", "null", "[]", "\u{0}", "{} {}"] {
        refused(json);
    }
    gate(&embed_manifests(&bare, b"\xff\xfe"));
    gate(&embed_manifests(&bare, "[".repeat(1 << 20).as_bytes()));
}

#[test]
fn manifests_are_bounded() {
    let long = |bytes: usize| "x".repeat(bytes);
    let many = |count: usize, text: &str| vec![text.to_owned(); count];
    let properties: serde_json::Map<String, serde_json::Value> =
        (0..65).map(|at| (format!("p{at}"), serde_json::json!({ "type": "string" }))).collect();
    let query = |name: &str, kinds: usize, reads: usize| serde_json::json!({ "name": name, "kinds": many(kinds, "core/Pod"), "scope": "cluster", "reads": many(reads, "a") });
    let queries: Vec<_> = (0..17).map(|at| query(&format!("q{at}"), 1, 1)).collect();
    for (field, value, says) in [
        ("id", serde_json::json!(long(101)), "`id` has 101 bytes, more than 100"),
        ("version", serde_json::json!(long(501)), "`version` has 501 bytes"),
        ("title", serde_json::json!(long(501)), "`title` has 501 bytes"),
        ("factor", serde_json::json!(long(501)), "`factor` has 501 bytes"),
        ("since", serde_json::json!(long(501)), "`since` has 501 bytes"),
        ("description", serde_json::json!(long(20_000)), "`description` has 20000 bytes, more than 16384"),
        ("why", serde_json::json!(long(20_000)), "`why` has 20000 bytes"),
        ("fix", serde_json::json!(long(20_000)), "`fix` has 20000 bytes"),
        ("controls", serde_json::json!(many(257, "c")), "`controls` has 257 entries, more than 256"),
        ("controls", serde_json::json!(many(1, &long(501))), "`controls` has 501 bytes"),
        ("peers", serde_json::json!(many(257, "a")), "`peers` has 257 entries"),
        ("renamedFrom", serde_json::json!(many(257, "a")), "`renamedFrom` has 257 entries"),
        ("appliesTo", serde_json::json!(many(257, "core/Pod")), "`appliesTo` has 257 kinds"),
        ("appliesTo", serde_json::json!([format!("core/{}", long(500))]), "`appliesTo` has 505 bytes"),
        ("reads", serde_json::json!(many(257, "a")), "`reads` has 257 paths"),
        ("reads", serde_json::json!([many(33, "a").join(".")]), "`reads` has 33 steps in a path, more than 32"),
        ("reads", serde_json::json!([long(501)]), "`reads` has 501 bytes"),
        ("inventory", serde_json::json!(queries), "`inventory` has 17 queries, more than 16"),
        ("inventory", serde_json::json!([query("q", 257, 1)]), "`inventory` has 257 kinds"),
        ("inventory", serde_json::json!([query("q", 1, 257)]), "`inventory` has 257 paths"),
        ("inventory", serde_json::json!([query(&long(101), 1, 1)]), "`inventory` has 101 bytes"),
        (
            "parameters",
            serde_json::json!({ "type": "object", "properties": properties }),
            "`parameters` has 65 parameters, more than 64",
        ),
        (
            "settings",
            serde_json::json!({ "type": "object", "properties": properties }),
            "`settings` has 65 settings, more than 64",
        ),
        (
            "parameters",
            serde_json::json!({ "type": "object", "description": long(200_000) }),
            "bytes, more than 131072",
        ),
    ] {
        let mut manifest = manifest();
        manifest[field] = value;
        let error =
            gate(&embed_manifests(&good().bytes(), serde_json::json!([manifest]).to_string().as_bytes())).to_string();
        assert!(error.contains(says), "{field}: {error}");
    }
    // A section that is larger than all manifests of a component may be is not even copied.
    let error = inspect(&embed_manifests(&good().bytes(), &vec![b' '; (4 << 20) + 1]), ENGINE.limits()).unwrap_err();
    assert_eq!(error.to_string(), "its manifest has 4194305 bytes, more than 4194304");
}

#[test]
fn manifests_end_where_their_json_ends() {
    for rest in ["x", "{}", "]", "\0"] {
        let manifest = format!("{} {rest}", manifests());
        let error = gate(&embed_manifests(&good().bytes(), manifest.as_bytes()));
        assert!(matches!(error, GateError::Manifest(_)), "{error}");
    }
}

#[test]
fn features_that_rules_may_not_use() {
    for (feature, module) in [
        ("memory64", "(memory i64 1)"),
        ("threads", "(memory 1 1 shared)"),
        ("atomics", "(memory 1) (func (drop (i32.atomic.load (i32.const 0))))"),
        ("multi-memory", "(memory 1) (memory 1)"),
        ("tail-call", "(func $f (return_call $f))"),
        ("exceptions", "(tag)"),
        ("gc", "(type (struct (field i32)))"),
        ("function-references", "(type $f (func)) (func (param (ref $f)) (call_ref $f (local.get 0)))"),
        ("relaxed-simd", "(func (param v128) (result v128) (i8x16.relaxed_swizzle (local.get 0) (local.get 0)))"),
        ("wide-arithmetic", "(func (param i64 i64) (result i64 i64) (i64.mul_wide_u (local.get 0) (local.get 1)))"),
        ("custom-page-sizes", "(memory 1 (pagesize 1))"),
    ] {
        let error = gate(&importing(&format!("(core module {module})")).with_manifest());
        assert!(matches!(error, GateError::Invalid(_)), "{feature}: {error}");
    }
    for (feature, before) in [
        ("async functions", "(core func (canon task.cancel))"),
        ("futures", "(type (future string))"),
        ("error contexts", "(type (list error-context))"),
        ("maps", "(type (map string string))"),
    ] {
        let error = gate(&importing(before).with_manifest());
        assert!(matches!(error, GateError::Invalid(_)), "{feature}: {error}");
    }
}

#[test]
fn other_string_encodings() {
    for encoding in ["utf16", "latin1+utf16"] {
        let error = gate(&Guest { encoding, ..good() }.with_manifest());
        assert!(matches!(error, GateError::Encoding), "{encoding}: {error}");
    }
}

#[test]
fn components_are_bounded() {
    let whole = good().with_manifest();
    let limit = |component_bytes| SandboxLimits { component_bytes, ..limits() };
    assert!(inspect(&whole, &limit(whole.len())).is_ok());
    let error = inspect(&whole, &limit(whole.len() - 1)).unwrap_err();
    let (bytes, bound) = (whole.len(), whole.len() - 1);
    assert_eq!(error.to_string(), format!("it has {bytes} bytes, more than {bound}; --component-mib 1 allows it"));
    // Bytes count before anything else is looked at.
    assert!(matches!(gate(&vec![0; limits().component_bytes + 1]), GateError::TooLarge { .. }));
    assert!(matches!(gate(&vec![0; limits().component_bytes]), GateError::NotAComponent));
}

/// A component with a core module of these fields beside the rule's.
fn with_module(fields: &str) -> Vec<u8> {
    importing(&format!("(core module {fields})")).with_manifest()
}

/// What is refused before anything is validated or compiled, and what is not.
#[test]
fn what_the_compiler_is_asked_for_is_bounded() {
    let bound = limits().code();
    let functions = |count: usize| "(func)".repeat(count);
    let parts = |count: usize| "(global i32 (i32.const 0))".repeat(count);
    let operators = |count: usize| format!("(func {})", "nop ".repeat(count));
    let locals = |count: usize| format!("(func (local {}))", "i32 ".repeat(count));
    // Each a value that would have to be joined where a block ends.
    let joins =
        |count: usize| format!("(func (local {}) {})", "i32 ".repeat(100), "(block)".repeat(count.div_ceil(100)));
    let modules = |count: usize| "(core module)".repeat(count);
    let components = |count: usize| "(component)".repeat(count);
    let interfaces = |bytes: usize| "(type string)".repeat(bytes);
    // The guest's own module and contract are counted too.
    let own = 100;
    for (what, fits, does_not) in [
        ("functions", with_module(&functions(bound.functions - own)), with_module(&functions(bound.functions))),
        ("parts", with_module(&parts(bound.parts - own)), with_module(&parts(bound.parts))),
        (
            "instructions of a function",
            with_module(&operators(bound.function_operators - 1)),
            with_module(&operators(bound.function_operators)),
        ),
        (
            "instructions",
            with_module(&operators(50_000).repeat(bound.operators / 50_001 - 1)),
            with_module(&operators(50_000).repeat(bound.operators / 50_001 + 1)),
        ),
        ("locals of a function", with_module(&locals(bound.locals)), with_module(&locals(bound.locals + 1))),
        (
            "locals times blocks of a function",
            with_module(&joins(bound.function_joins)),
            with_module(&joins(bound.function_joins + 1)),
        ),
        (
            "locals times blocks",
            with_module(&joins(100_000).repeat(bound.joins / 100_000)),
            with_module(&joins(100_000).repeat(bound.joins / 100_000 + 1)),
        ),
        (
            "parameters of a function",
            with_module(&format!("(func (param {}))", "i32 ".repeat(bound.parameters))),
            with_module(&format!("(func (param {}))", "i32 ".repeat(bound.parameters + 1))),
        ),
        (
            "modules",
            importing(&modules(bound.modules - 1)).with_manifest(),
            importing(&modules(bound.modules)).with_manifest(),
        ),
        (
            "components",
            importing(&components(bound.components - 1)).with_manifest(),
            importing(&components(bound.components)).with_manifest(),
        ),
        (
            "bytes of interfaces",
            importing(&interfaces(bound.interface_bytes / 2)).with_manifest(),
            importing(&interfaces(bound.interface_bytes)).with_manifest(),
        ),
        (
            "memories",
            with_module("(memory 0)"),
            importing(&"(core module (memory 0))".repeat(bound.memories)).with_manifest(),
        ),
        (
            "tables",
            with_module(&"(table 0 funcref)".repeat(bound.memories)),
            with_module(&"(table 0 funcref)".repeat(bound.memories + 1)),
        ),
    ] {
        if let Err(error) = inspect(&fits, &limits()) {
            panic!("{what}: {error}");
        }
        match inspect(&does_not, &limits()) {
            Err(GateError::TooMuch { what: named, .. }) => assert_eq!(named, what),
            other => panic!("{what}: {:?}", other.map(|_| ())),
        }
    }
    // What costs more counts more.
    for (instruction, times) in [
        ("(loop)", 50),
        ("(call_indirect (i32.const 0))", 51),
        ("(drop (table.get (i32.const 0)))", 52),
        ("(memory.fill (i32.const 0) (i32.const 0) (i32.const 0))", 13),
        ("(call 0)", 5),
        ("(if (i32.const 0) (then))", 11),
        ("(block (br_if 0 (i32.const 0)))", 12),
    ] {
        let body = instruction.repeat(bound.function_operators / times + 1);
        let error =
            inspect(&with_module(&format!("(table 1 funcref) (memory 1) (func {body})")), &limits()).unwrap_err();
        assert!(
            matches!(error, GateError::TooMuch { what: "instructions of a function", .. }),
            "{instruction}: {error}"
        );
    }
    // What grows with code may be more where components may be larger, and nothing else.
    let larger = SandboxLimits::with_component_bytes(32 << 20).code();
    assert_eq!((larger.functions, larger.operators), (4 * bound.functions, 4 * bound.operators));
    assert_eq!((larger.modules, larger.locals), (bound.modules, bound.locals));
    let smaller = SandboxLimits { component_bytes: 1, ..limits() }.code();
    assert_eq!(smaller, bound);
}

/// Components that instantiate components are few bytes and many instances.
#[test]
fn instances_are_counted_as_they_multiply() {
    let doubling = |levels: usize| {
        let mut text = String::from("(component $c0)");
        for level in 1..=levels {
            let inner = level - 1;
            let both = format!("(instance (instantiate $c{inner})) (instance (instantiate $c{inner}))");
            text = format!("{text} (component $c{level} (alias outer $all $c{inner} (component $c{inner})) {both})");
        }
        format!("(component $all {text} (instance (instantiate $c{levels})))")
    };
    let inside = |levels: usize| importing(&doubling(levels)).with_manifest();
    assert!(inspect(&inside(3), &limits()).is_ok());
    for levels in [9, 40] {
        let error = inspect(&inside(levels), &limits()).unwrap_err();
        assert!(matches!(error, GateError::TooMuch { what: "instances", .. }), "{levels}: {error}");
    }
    // What is instantiated is only known outside.
    let handed_in = "(component (import \"c\" (component $c)) (instance (instantiate $c)))";
    let error = inspect(&importing(handed_in).with_manifest(), &limits()).unwrap_err();
    assert!(matches!(error, GateError::TooMuch { what: "instances", .. }), "{error}");
}

#[test]
fn blocks_have_one_value() {
    let error = gate(&with_module("(func (block (result i32 i32) (i32.const 1) (i32.const 2)) (drop) (drop))"));
    assert!(matches!(error, GateError::Invalid(_)), "{error}");
}

static WHOLE: LazyLock<Vec<u8>> = LazyLock::new(|| good().with_manifest());

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, failure_persistence: None, ..ProptestConfig::default() })]

    /// Whatever passes the gate is also loaded and run.
    #[test]
    fn mutated_components(
        edits in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..4),
        cut in prop::option::weighted(0.2, any::<prop::sample::Index>()),
        doubled in prop::option::weighted(0.2, (any::<prop::sample::Index>(), any::<prop::sample::Index>())),
    ) {
        let mut bytes = WHOLE.clone();
        for (at, byte) in edits {
            let at = at.index(bytes.len());
            bytes[at] = byte;
        }
        if let Some((from, to)) = doubled {
            let (from, to) = (from.index(bytes.len()), to.index(bytes.len()));
            let piece = bytes[from.min(to)..from.max(to)].to_vec();
            bytes.splice(to..to, piece);
        }
        if let Some(cut) = cut {
            bytes.truncate(cut.index(bytes.len()));
        }
        if inspect(&bytes, ENGINE.limits()).is_ok()
            && let Ok(rules) = RuleSource::from_component(bytes, &ENGINE)
        {
            let bundle = Arc::new(Bundle::of_rules("test", rules));
            let result = run(&Judge::new(&ENGINE, &bundle), &units(DEPLOYMENT), RunOptions::default());
            prop_assert_eq!(result.errors.len(), 0);
            prop_assert_eq!(result.documents.len(), 1);
        }
    }

    /// Random bytes behind a component's header.
    #[test]
    fn random_components(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        prop_assert!(inspect(&bytes, ENGINE.limits()).is_err());
        let headed = [b"\0asm\x0d\0\x01\0", &bytes[..]].concat();
        prop_assert!(inspect(&headed, ENGINE.limits()).is_err());
    }
}

// ---------------------------------------------------------------------------------------------
// Code for other machines

/// What the binary embeds is loaded as it is where it was compiled for this target, whoever compiled it.
#[test]
fn code_for_this_target_is_loaded_as_it_is() {
    let component = Answer::Judged(Vec::new()).guest().with_manifest();
    let code = CrossCompiler::new(env!("POLICY_HOST_TARGET")).unwrap().precompile(&component).unwrap();
    assert!(code == ENGINE.precompile(&component).unwrap(), "the same code as the engine's own");
    ENGINE.load_embedded(&code, || panic!("it is compiled again"), "sha256:a").map(drop).unwrap();
}

#[test]
fn code_for_another_target_is_not_loaded() {
    let component = Answer::Judged(Vec::new()).guest().with_manifest();
    for system in ["apple-darwin", "pc-windows-gnu"] {
        let target = format!("{}-{system}", std::env::consts::ARCH);
        let code = CrossCompiler::new(&target).unwrap().precompile(&component).unwrap();
        let compiled = std::cell::Cell::new(0);
        let again = || {
            compiled.set(compiled.get() + 1);
            component.as_slice()
        };
        assert!(ENGINE.load_embedded(&code, again, "sha256:a").is_ok(), "{target}");
        assert_eq!(compiled.get(), 1, "{target}");
    }
}

#[test]
fn a_target_without_a_compiler_is_named() {
    let refused = |target: &str| CrossCompiler::new(target).map(drop).unwrap_err().to_string();
    assert!(refused("nonsense").starts_with("there is no compiler for the target `nonsense`: "));
    // Compilers for other processors than this machine's come with the feature `cross`.
    if !cfg!(feature = "cross") {
        let said = refused("s390x-unknown-linux-gnu");
        assert!(said.starts_with("there is no compiler for the target `s390x-unknown-linux-gnu`: "), "{said}");
    }
}
