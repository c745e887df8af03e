//! An input to test helpers with, which take what a rule is given.

use crate::bindings::exports::policy::rule::rules::{Answer, Ask, Request, Subject};
use crate::input::{Input, Question, Texts, answer};
use crate::json::View;
use crate::parameter::Parameters;

/// A rule without parameters.
pub(crate) struct Nothing;

impl Parameters for Nothing {
    fn read(_: &View<'_>) -> Result<Self, String> {
        Ok(Self)
    }
}

/// What `look` sees in the input of a rule that is asked about the Deployment `cart`. `related` has the answers to
/// the rule's queries.
pub(crate) fn look<T>(
    namespace: &str,
    document: &str,
    queries: &'static [&'static str],
    related: &[&str],
    look: impl FnOnce(&Input<'_, Nothing>) -> T,
) -> T {
    let request = Request {
        subject: Subject {
            group: "apps".into(),
            version: "v1".into(),
            kind: "Deployment".into(),
            namespace: namespace.into(),
            name: "cart".into(),
            operation: "CREATE".into(),
            subresource: String::new(),
        },
        user: None,
        documents: vec![document.into()],
        related: related.iter().map(|text| (*text).into()).collect(),
        asks: vec![Ask {
            rule: 0,
            document: 0,
            old: None,
            parameters: "{}".into(),
            related: (0..related.len() as u32).collect(),
        }],
    };
    let texts = Texts::new(&request);
    let question = Question { request: &request, ask: &request.asks[0], texts: &texts };
    let mut seen = None;
    let answer = answer(&question, queries, false, |input: &Input<'_, Nothing>, _| {
        seen = Some(look(input));
        Ok(())
    });
    assert!(matches!(answer, Answer::Judged(_)), "{answer:?}");
    seen.unwrap()
}
