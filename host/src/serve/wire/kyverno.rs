//! Kyverno: CEL `http.Post` and `apiCall.service`.
//!
//! Neither sends a Content-Type. CEL merges a `statusCode` into an answer that is an object and, where it is mocked,
//! shows the body under `body`; so the verdict is under `body` in every answer, and one expression serves
//! both.

use super::{Answer, Question, Refusal, plain_question};
use crate::decide::Decision;
use crate::serve::review::{self, Wire};
use crate::serve::state::{App, Serving};
use crate::serve::workers::Trouble;
use hyper::StatusCode;

/// `POST /v1/kyverno/{bundle}`
pub(in crate::serve) struct Kyverno(pub(in crate::serve) String);

impl Wire for Kyverno {
    type Context = ();
    const NAME: &'static str = "kyverno";

    fn read(&self, body: &str, serving: &Serving, app: &App) -> Result<Question<()>, Refusal> {
        plain_question(body, serving, &self.0, &app.config)
    }

    fn write(&self, _: (), decisions: Vec<Decision>, trouble: Option<Trouble>) -> Answer {
        let Some(decision) = decisions.first() else {
            return review::problem(StatusCode::INTERNAL_SERVER_ERROR, "there is no decision");
        };
        let status = trouble.filter(|_| !decision.allowed).map_or(StatusCode::OK, Trouble::status);
        review::json(status, &serde_json::json!({ "body": decision }))
    }
}
