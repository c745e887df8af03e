//! For programs: an object in, the verdict out.

use super::{Answer, Question, Refusal, plain_question};
use crate::decide::Decision;
use crate::serve::review::{self, Wire};
use crate::serve::state::{App, Serving};
use crate::serve::workers::Trouble;
use hyper::StatusCode;

/// `POST /v1/evaluate/{bundle}`
pub(in crate::serve) struct Evaluate(pub(in crate::serve) String);

impl Wire for Evaluate {
    type Context = ();
    const NAME: &'static str = "evaluate";

    fn read(&self, body: &str, serving: &Serving, app: &App) -> Result<Question<()>, Refusal> {
        plain_question(body, serving, &self.0, &app.config)
    }

    fn write(&self, _: (), decisions: Vec<Decision>, trouble: Option<Trouble>) -> Answer {
        let Some(decision) = decisions.first() else {
            return review::problem(StatusCode::INTERNAL_SERVER_ERROR, "there is no decision");
        };
        let status = trouble.filter(|_| !decision.allowed).map_or(StatusCode::OK, Trouble::status);
        review::json(status, decision)
    }
}
