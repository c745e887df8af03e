//! The expressions of the policies.

use serde_json::{Value, json};

/// The call, once for all expressions of a policy: variables are worked out when they are first used, and kept.
///
/// Not through `http.Client`, which would take an authority: in Kyverno 1.19 nothing can be called on what it gives
/// (`no such overload: Post(http.contextImpl, …)`), so that every object would be refused.
pub(super) fn variables(url: &str) -> Value {
    // `dyn`, since CEL wants the values of a map to be of one type. Nobody asks in a scan of what is there already,
    // which is no operation either, though Kyverno calls it one.
    let call = format!(
        "http.Post(\n  {},\n  {{\n    \"operation\": dyn({ASKED} ? string(request.operation) : \"\"),\n    \
         \"object\": dyn(object),\n    \"oldObject\": dyn(oldObject),\n    \
         \"user\": dyn(has(request.userInfo.username) ? string(request.userInfo.username) : \"\")\n  }},\n  \
         {{\"Content-Type\": \"application/json\"}}\n)",
        text(url)
    );
    json!([{ "name": "answer", "expression": call }])
}

/// Whether anybody asks.
const ASKED: &str = "has(request.userInfo.username) && request.userInfo.username != \"\"";

/// A text as a CEL string, whose escapes are those of JSON.
fn text(text: &str) -> String {
    Value::from(text).to_string()
}

/// An error of the expression refuses as well.
pub(super) const ALLOWED: &str = "\
variables.answer.statusCode == 200
  && has(variables.answer.body)
  && variables.answer.body.allowed == true";

pub(super) const MESSAGE: &str = "\
has(variables.answer.body) && has(variables.answer.body.message)
  ? string(variables.answer.body.message)
  : (has(variables.answer.error)
    ? \"policy-host: no verdict: \" + string(variables.answer.error.message)
    : \"policy-host: no verdict: status \" + string(variables.answer.statusCode))";

/// True too where there is no verdict, of which the other policy speaks.
pub(super) const NO_ADVICE: &str = "\
variables.answer.statusCode != 200
  || (size(variables.answer.body.warnings) == 0 && size(variables.answer.body.notEvaluated) == 0)";

pub(super) const ADVICE: &str = "\
(variables.answer.body.warnings.map(w,
    string(w.rule) + \": \" + string(w.message) + \" (at \" + string(w.path) + \"); \" + string(w.fix))
  + variables.answer.body.notEvaluated.map(n,
    string(n.rule) + \": not evaluated: \" + string(n.reason))).join(\"\\n\")";

/// No verdict is no patch: to refuse is the validation's part, which sees the final object.
pub(super) const PATCH: &str = "\
variables.answer.statusCode == 200 && has(variables.answer.body.patch)
  ? variables.answer.body.patch.map(p, has(p.value)
    ? JSONPatch{op: string(p.op), path: string(p.path), value: p.value}
    : JSONPatch{op: string(p.op), path: string(p.path)})
  : []";
