//! What a rule answers: findings, their labels and their fixes.

use crate::bindings::exports::policy::rule::rules as wire;
use crate::input::Related;
use crate::json::View;
use crate::write::{ObjectWriter, ToJson};

/// Why a rule says nothing about a document. Return it with [`not_applicable`] or [`not_evaluated`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Skip {
    /// The rule has nothing to say about it.
    NotApplicable(String),
    /// The rule could not decide.
    NotEvaluated(String),
    /// What the rule needs should be known, and is not: nothing was checked.
    Failed(String),
}

/// What a rule's `check` returns: `Ok` when it checked, whatever it found.
pub type Check = Result<(), Skip>;

/// The rule has nothing to say about this document; `reason` completes "not applicable: …".
pub fn not_applicable(reason: impl Into<String>) -> Check {
    Err(Skip::NotApplicable(reason.into()))
}

/// The rule could not decide; `reason` completes "not evaluated: …".
pub fn not_evaluated(reason: impl Into<String>) -> Check {
    Err(Skip::NotEvaluated(reason.into()))
}

/// What the rule needs should be known, and is not, because a registry did not answer: the outcome is an error, as if
/// nobody had checked, and at admission the bundle's failure mode decides.
pub fn failed(reason: impl Into<String>) -> Check {
    Err(Skip::Failed(reason.into()))
}

/// What a rule can find: the enum `Code` that [`rule!`](crate::rule!) makes of its `findings`.
pub trait FindingCode: Copy {
    /// The variant's name.
    fn name(self) -> &'static str;
}

/// A variant's name as a code: `NoRequest` is `no-request`.
pub(crate) fn kebab_case(name: &str) -> String {
    let mut code = String::with_capacity(name.len() + 4);
    for character in name.chars() {
        if character.is_ascii_uppercase() && !code.is_empty() {
            code.push('-');
        }
        code.push(character.to_ascii_lowercase());
    }
    code
}

/// The most findings that one answer lists: what the host takes, but one that counts the rest.
const MOST: usize = 999;

/// Collects what a rule finds in one document.
#[derive(Default)]
pub struct Findings {
    listed: Vec<wire::Finding>,
    /// The latest of those beyond [`MOST`], so that a report can be written all the same.
    unlisted: Option<wire::Finding>,
    unlisted_count: usize,
}

impl Findings {
    /// Reports a violation of the kind `code` at `view`, which may be absent: then the finding points at
    /// what is missing. The message is lower case, without a full stop, names in backticks.
    pub fn report(&mut self, code: impl FindingCode, view: &View<'_>, message: impl Into<String>) -> Report<'_> {
        self.add(code.name(), view, message.into())
    }

    /// Apart from [`Findings::report`], so that a component has it once.
    fn add(&mut self, code: &str, view: &View<'_>, message: String) -> Report<'_> {
        if self.listed.len() == MOST {
            self.unlisted_count += 1;
            return Report(self.unlisted.insert(new_finding(code, String::new(), String::new())));
        }
        let at = self.listed.len();
        self.listed.push(new_finding(code, view.pointer(), message));
        Report(&mut self.listed[at])
    }

    /// What the host gets.
    pub(crate) fn into_wire(mut self) -> Vec<wire::Finding> {
        if let Some(last) = self.unlisted {
            let message = format!("{} more findings of this rule are not listed", self.unlisted_count);
            self.listed.push(wire::Finding { code: last.code, ..new_finding("", String::new(), message) });
        }
        self.listed
    }

    /// The answer of a rule that could not check all of a document, for the reason `unknown`: what it found, or, where
    /// it found nothing, that it is not evaluated.
    pub fn or_unknown(&self, unknown: Option<impl Into<String>>) -> Check {
        match unknown.filter(|_| self.is_empty()) {
            Some(reason) => not_evaluated(reason),
            None => Ok(()),
        }
    }

    /// True when nothing was found so far.
    pub fn is_empty(&self) -> bool {
        self.listed.is_empty()
    }
}

fn new_finding(code: &str, at: String, message: String) -> wire::Finding {
    wire::Finding {
        code: kebab_case(code),
        message,
        at,
        excerpt: String::new(),
        labels: Vec::new(),
        fix: None,
        secret: false,
    }
}

/// A finding being written.
pub struct Report<'f>(&'f mut wire::Finding);

impl Report<'_> {
    /// Shows a verbatim part of the string that the finding points at instead of the whole: one
    /// command of a script.
    pub fn excerpt(self, part: impl Into<String>) -> Self {
        self.0.excerpt = part.into();
        self
    }

    /// Points at a further place, with a short phrase to read beside the code.
    pub fn label(self, view: &View<'_>, text: impl Into<String>) -> Self {
        self.0.labels.push(wire::Label { related: None, at: view.pointer(), text: text.into() });
        self
    }

    /// Points at a place in another document: what triggered the finding, or nearly met it. `view` is in
    /// `related.document`.
    pub fn label_in(self, related: &Related<'_>, view: &View<'_>, text: impl Into<String>) -> Self {
        let (whole, document) = (view.pointer(), related.document.pointer());
        let at = whole.strip_prefix(&document).unwrap_or_default().to_owned();
        self.0.labels.push(wire::Label { related: Some(related.place()), at, text: text.into() });
        self
    }

    /// The value that the finding points at, or its excerpt, is a secret, and so are those at its labels: whoever
    /// shows the places masks them.
    pub fn secret(self) -> Self {
        self.0.secret = true;
        self
    }

    /// Offers a cure.
    pub fn fix(self, fix: impl Into<Option<Fix>>) -> Self {
        self.0.fix = fix.into().map(Fix::into_wire);
        self
    }
}

/// The cure of a finding.
#[derive(Debug, Clone)]
pub struct Fix {
    title: String,
    safety: wire::Safety,
    operations: String,
    created: Vec<String>,
    document: Option<String>,
}

impl Fix {
    /// A fix that keeps the workload's behaviour but for the gap it closes: applied without asking.
    pub fn safe(title: impl Into<String>) -> Self {
        Self::new(title.into(), wire::Safety::Safe)
    }

    /// A fix that needs a person's judgement.
    pub fn unsafe_(title: impl Into<String>) -> Self {
        Self::new(title.into(), wire::Safety::Unsafe)
    }

    /// A document to stand beside this one. Always a person's decision.
    pub fn create(title: impl Into<String>, document: impl ToJson) -> Self {
        let mut fix = Self::new(title.into(), wire::Safety::Unsafe);
        fix.document = Some(document.to_json());
        fix
    }

    fn new(title: String, safety: wire::Safety) -> Self {
        Self { title, safety, operations: String::from("["), created: Vec::new(), document: None }
    }

    /// Sets the value at `view`; levels that are missing on the way are created as objects, and a
    /// missing list to whose [`View::end`] is appended as a list.
    pub fn set(self, view: &View<'_>, value: impl ToJson) -> Self {
        self.set_json(view, &value.to_json())
    }

    /// Apart from [`Fix::set`], so that a component has it once.
    fn set_json(mut self, view: &View<'_>, value: &str) -> Self {
        let Some((mut pointer, levels)) = view.missing_path() else {
            self.operation("replace", &view.pointer(), Some(value));
            return self;
        };
        // An earlier operation of this fix may have created the outer levels.
        let mut levels = levels.into_iter();
        while self.created.contains(&pointer) {
            let Some(level) = levels.next() else { break };
            pointer.push('/');
            pointer.push_str(level);
        }
        let levels: Vec<&str> = levels.collect();
        let mut made = pointer.clone();
        for level in &levels {
            self.created.push(made.clone());
            made.push('/');
            made.push_str(level);
        }
        let nested = levels.iter().rev().fold(value.to_owned(), |inner, level| nest(level, &inner));
        self.operation("add", &pointer, Some(&nested));
        self
    }

    /// Removes the value at `view`; nothing when it is absent.
    pub fn remove(mut self, view: &View<'_>) -> Self {
        if view.kind().is_some() {
            self.operation("remove", &view.pointer(), None);
        }
        self
    }

    fn operation(&mut self, name: &str, pointer: &str, value: Option<&str>) {
        if self.operations.len() > 1 {
            self.operations.push(',');
        }
        let mut object = ObjectWriter::new(&mut self.operations);
        object.entry("op", name).entry("path", pointer);
        if let Some(value) = value {
            object.key("value").push_str(value);
        }
        object.finish();
    }

    fn into_wire(mut self) -> wire::Fix {
        self.operations.push(']');
        let change = match self.document {
            Some(document) => wire::Change::Create(document),
            None => wire::Change::Patch(self.operations),
        };
        wire::Fix { title: self.title, safety: self.safety, change }
    }
}

/// One missing level around a value. The level is a pointer token, so it is unescaped first.
fn nest(level: &str, inner: &str) -> String {
    if level == "-" {
        return ["[", inner, "]"].concat();
    }
    let mut out = String::new();
    let mut object = ObjectWriter::new(&mut out);
    object.key(&level.replace("~1", "/").replace("~0", "~")).push_str(inner);
    object.finish();
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::json::Json;

    #[derive(Clone, Copy)]
    enum Code {
        TooMany,
    }

    impl FindingCode for Code {
        fn name(self) -> &'static str {
            match self {
                Self::TooMany => stringify!(TooMany),
            }
        }
    }

    fn operations(fix: Fix) -> String {
        match fix.into_wire().change {
            wire::Change::Patch(operations) => operations,
            wire::Change::Create(document) => document,
        }
    }

    #[test]
    fn set_replaces_a_null_on_the_way() {
        let json = Json::parse(r#"{"a":null}"#).unwrap();
        let a = json.root().get("a");
        assert_eq!(
            operations(Fix::safe("t").set(&a.at("b.c"), 1).set(&a.at("b.d"), 2)),
            r#"[{"op":"add","path":"/a","value":{"b":{"c":1}}},{"op":"add","path":"/a/b/d","value":2}]"#
        );
        assert_eq!(operations(Fix::safe("t").set(&a.end(), 1)), r#"[{"op":"add","path":"/a","value":[1]}]"#);
    }

    #[test]
    fn variants_are_codes_in_kebab_case() {
        for (variant, code) in [("NoRequest", "no-request"), ("True", "true"), ("HostIpc", "host-ipc")] {
            assert_eq!(kebab_case(variant), code);
        }
    }

    #[test]
    fn what_was_found_counts_before_what_is_not_known() {
        let json = Json::parse("{}").unwrap();
        let mut findings = Findings::default();
        assert_eq!(findings.or_unknown(None::<String>), Ok(()));
        assert_eq!(findings.or_unknown(Some("x")), Err(Skip::NotEvaluated("x".into())));
        findings.report(Code::TooMany, &json.root(), "x");
        assert_eq!(findings.or_unknown(Some("x")), Ok(()));
    }

    #[test]
    fn a_flood_of_findings_is_counted_instead_of_listed() {
        let json = Json::parse("{}").unwrap();
        let mut findings = Findings::default();
        for _ in 0..MOST + 7 {
            findings.report(Code::TooMany, &json.root(), "x");
        }
        let listed = findings.into_wire();
        assert_eq!(listed.len(), MOST + 1);
        assert!(listed.iter().all(|finding| finding.code == "too-many"));
        assert_eq!(listed[MOST].message, "7 more findings of this rule are not listed");
    }

    #[test]
    fn set_replaces_creates_and_shares_what_it_created() {
        let json = Json::parse(r#"{"a":{"b":1}}"#).unwrap();
        let root = json.root();
        let fix = Fix::safe("t")
            .set(&root.at("a.b"), 2)
            .set(&root.at("a.c.d"), true)
            .set(&root.at("a.c.e.f"), "x")
            .set(&root.at("a.c.e.g"), "y")
            .set(&root.at("l").end(), 1);
        assert_eq!(
            operations(fix),
            concat!(
                r#"[{"op":"replace","path":"/a/b","value":2},{"op":"add","path":"/a/c","value":{"d":true}},"#,
                r#"{"op":"add","path":"/a/c/e","value":{"f":"x"}},{"op":"add","path":"/a/c/e/g","value":"y"},"#,
                r#"{"op":"add","path":"/l","value":[1]}]"#
            )
        );
    }
}
