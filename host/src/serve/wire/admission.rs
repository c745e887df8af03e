//! The API server's own wire: AdmissionReview `admission.k8s.io/v1`, validating and mutating.

use super::reviewed::{Claims, Reviewed, reviewed};
use super::{Answer, NO_OPERATION, Question, Refusal, is_operation, object, take, text, user};
use crate::decide::{Decider, Decision};
use crate::document::{Document, Node, User};
use crate::serve::config::Config;
use crate::serve::review::{self, Item, Wire, problem};
use crate::serve::state::{App, Serving};
use crate::serve::workers::Trouble;
use base64::Engine as _;
use hyper::StatusCode;
use serde_json::{Value, json};
use std::sync::Arc;

/// `POST /validate/{bundle}` and `POST /mutate/{bundle}`
pub(in crate::serve) struct Admission {
    bundle: String,
    mutates: bool,
}

/// A warning is cut to what the API server passes on: 256 characters each, 4096 together.
const WARNING_CHARACTERS: usize = 256;
const WARNINGS_CHARACTERS: usize = 4096;

impl Admission {
    /// Answers whether an object may be.
    pub(in crate::serve) fn validate(bundle: &str) -> Self {
        Self { bundle: bundle.to_owned(), mutates: false }
    }

    /// Answers with the safe fixes; never denies for a violation.
    pub(in crate::serve) fn mutate(bundle: &str) -> Self {
        Self { bundle: bundle.to_owned(), mutates: true }
    }

    fn item(&self, body: &str, request: &mut Node, decider: Arc<Decider>, config: &Config) -> Result<Item, String> {
        let (object, old) = (take(request, "object"), take(request, "oldObject"));
        let kind = ["group", "version", "kind"].map(|part| text(request, &["kind", part]));
        let claims = Claims {
            operation: text(request, &["operation"]),
            namespace: text(request, &["namespace"]),
            name: text(request, &["name"]),
            kind: Some(kind),
            user: user(request, &["userInfo", "username"])?,
            is_judged: decider.is_asked_about(text(request, &["operation"])),
        };
        if claims.operation.is_empty() || !is_operation(claims.operation) {
            return Err(NO_OPERATION.to_owned());
        }
        if kind[1].is_empty() || kind[2].is_empty() {
            return Err("`kind` is missing, or lacks its version or kind".to_owned());
        }
        if claims.user.is_none() {
            return Err("`userInfo.username` is missing".to_owned());
        }
        let reviewed = reviewed(body, object, old, &claims, config)?;
        let subresource = text(request, &["subResource"]);
        // Through a subresource only that part of the object can be changed.
        let wants_patch = self.mutates && subresource.is_empty() && Reviewed::is_open(reviewed.as_ref());
        let subresource = Document::subresource_of_review(subresource).to_owned();
        let user = request.get("userInfo").and_then(User::of_review);
        let document = reviewed.map(|reviewed| Document { subresource, user, ..reviewed.document });
        Ok(Item { decider, document, wants_patch })
    }
}

/// What the answer needs of the review.
pub(in crate::serve) struct Context {
    uid: String,
    /// Why it is no review that the API server would send. It is denied: an HTTP status would let it pass where
    /// the webhook's `failurePolicy` is `Ignore`, and would not be shown to whoever asked.
    malformed: Option<String>,
}

impl Wire for Admission {
    type Context = Context;
    const NAME: &'static str = "admission";

    fn denies(&self) -> bool {
        !self.mutates
    }

    fn read(&self, body: &str, serving: &Serving, app: &App) -> Result<Question<Context>, Refusal> {
        let decider = review::bundle(serving, &self.bundle)?;
        let mut root = object(body)?;
        let bad = |message: &str| Err(Refusal::bad(message));
        if (text(&root, &["apiVersion"]), text(&root, &["kind"])) != ("admission.k8s.io/v1", "AdmissionReview") {
            return bad("the body is not an AdmissionReview of admission.k8s.io/v1");
        }
        let Some(mut request) = take(&mut root, "request") else { return bad("`request` is missing") };
        let uid = text(&request, &["uid"]).to_owned();
        if uid.is_empty() || uid.len() > 256 {
            return bad("`request.uid` is missing or too long");
        }
        let (items, malformed) = match self.item(body, &mut request, decider, &app.config) {
            Ok(item) => (vec![item], None),
            Err(problem) => (Vec::new(), Some(problem)),
        };
        Ok(Question { items, context: Context { uid: uid.clone(), malformed }, id: uid })
    }

    fn write(&self, Context { uid, malformed }: Context, decisions: Vec<Decision>, trouble: Option<Trouble>) -> Answer {
        if let Some(malformed) = malformed {
            return answer(&refused(&uid, &malformed));
        }
        let Some(decision) = decisions.first() else {
            return problem(StatusCode::INTERNAL_SERVER_ERROR, "there is no decision");
        };
        if let Some(trouble) = trouble.filter(|_| !decision.allowed) {
            // The API server goes by its own `failurePolicy` then, which is generated to fail.
            return self.refuse(&trouble.into());
        }
        answer(&if self.mutates { mutated(&uid, decision) } else { validated(&uid, decision) })
    }
}

fn answer(response: &Value) -> Answer {
    let review = json!({ "apiVersion": "admission.k8s.io/v1", "kind": "AdmissionReview", "response": response });
    review::json(StatusCode::OK, &review)
}

fn refused(uid: &str, malformed: &str) -> Value {
    json!({
        "uid": uid,
        "allowed": false,
        "status": {
            "status": "Failure",
            "code": 400,
            "reason": "BadRequest",
            "message": format!("policy-host: the review is malformed: {malformed}"),
        },
    })
}

fn validated(uid: &str, decision: &Decision) -> Value {
    let mut response = json!({
        "uid": uid,
        "allowed": decision.allowed,
        "auditAnnotations": audit_annotations(decision),
    });
    let warnings = warnings(decision);
    if !warnings.is_empty() {
        response["warnings"] = warnings.into();
    }
    if !decision.allowed {
        let causes = decision.violations.iter().map(
            |violation| json!({ "reason": violation.rule, "message": violation.message, "field": violation.path }),
        );
        response["status"] = json!({
            "status": "Failure",
            "code": 403,
            "reason": "Forbidden",
            "message": decision.message,
            "details": { "causes": causes.collect::<Vec<_>>() },
        });
    }
    response
}

/// A mutation lets pass what it cannot cure: to deny is the validation's part, which sees the final object.
fn mutated(uid: &str, decision: &Decision) -> Value {
    let mut response = json!({ "uid": uid, "allowed": true });
    let operations = decision.patch.as_ref().and_then(Value::as_array).map_or(0, Vec::len);
    if let Some(patch) = decision.patch.as_ref().filter(|_| operations > 0) {
        response["patchType"] = "JSONPatch".into();
        response["patch"] = base64::engine::general_purpose::STANDARD.encode(patch.to_string()).into();
        response["auditAnnotations"] = json!({ "bundle": reference(decision), "operations": operations.to_string() });
    }
    response
}

fn reference(decision: &Decision) -> String {
    let bundle = &decision.bundle;
    format!("{}@{} {}", bundle.name, bundle.version, bundle.digest)
}

/// What the audit log keeps of a decision.
fn audit_annotations(decision: &Decision) -> Value {
    let mut annotations = json!({ "bundle": reference(decision) });
    let lists: [(&str, Vec<&str>); 5] = [
        ("violations", decision.violations.iter().map(|found| found.rule.as_str()).collect()),
        ("warnings", decision.warnings.iter().map(|found| found.rule.as_str()).collect()),
        ("audit", decision.audit.iter().map(|found| found.rule.as_str()).collect()),
        ("not-evaluated", decision.not_evaluated.iter().map(|rule| rule.rule.as_str()).collect()),
        ("errors", decision.errors.iter().map(|rule| rule.rule.as_str()).collect()),
    ];
    for (name, mut rules) in lists {
        rules.dedup();
        if !rules.is_empty() {
            annotations[name] = rules.join(",").into();
        }
    }
    annotations
}

fn warnings(decision: &Decision) -> Vec<String> {
    let mut room = WARNINGS_CHARACTERS;
    let mut warnings = Vec::new();
    for line in decision.advice() {
        let line: String = line.chars().take(WARNING_CHARACTERS).collect();
        let Some(rest) = room.checked_sub(line.len()) else { break };
        room = rest;
        warnings.push(line);
    }
    warnings
}
