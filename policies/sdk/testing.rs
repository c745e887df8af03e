//! An input to test helpers with, which take what a rule is given.

use crate::bindings::exports::policy::rule::rules::{Answer, Ask, Request, Subject};
use crate::input::{Declared, Input, Question, Texts, answer};
use crate::json::View;
use crate::manifest::Query;
use crate::parameter::Parameters;
use crate::uses::{Usable, Uses};

/// A rule without parameters, which uses everything.
pub(crate) struct Nothing;

impl Parameters for Nothing {
    fn read(_: &View<'_>) -> Result<Self, String> {
        Ok(Self)
    }
}

impl<U: Usable> Uses<U> for Nothing {}

/// What `look` sees in the input of a rule that is asked about the Deployment `cart`. `related` has the answers to
/// the rule's queries.
pub(crate) fn look<T>(
    namespace: &str,
    document: &str,
    queries: &'static [Query],
    related: &[&str],
    look: impl FnOnce(&Input<'_, Nothing>) -> T,
) -> T {
    ask(("Deployment", namespace), document, queries, related, look)
}

/// [`look`] at an object of another kind, without queries.
pub(crate) fn look_at<T>(kind: &str, document: &str, look: impl FnOnce(&Input<'_, Nothing>) -> T) -> T {
    ask((kind, "shop"), document, &[], &[], look)
}

/// [`look`] at an object of another kind.
pub(crate) fn look_as<T>(
    subject: (&str, &str),
    document: &str,
    queries: &'static [Query],
    related: &[&str],
    look: impl FnOnce(&Input<'_, Nothing>) -> T,
) -> T {
    ask(subject, document, queries, related, look)
}

fn ask<T>(
    (kind, namespace): (&str, &str),
    document: &str,
    queries: &'static [Query],
    related: &[&str],
    look: impl FnOnce(&Input<'_, Nothing>) -> T,
) -> T {
    let request = Request {
        subject: Subject {
            group: "apps".into(),
            version: "v1".into(),
            kind: kind.into(),
            namespace: namespace.into(),
            name: "cart".into(),
            operation: "CREATE".into(),
            subresource: String::new(),
        },
        user: None,
        documents: vec![document.into()],
        related: related.iter().map(|text| (*text).into()).collect(),
        settings: vec!["{}".into()],
        asks: vec![Ask {
            rule: 0,
            document: 0,
            old: None,
            parameters: "{}".into(),
            settings: 0,
            related: (0..related.len() as u32).collect(),
        }],
    };
    let texts = Texts::new(&request);
    let question = Question { request: &request, ask: &request.asks[0], texts: &texts };
    let mut seen = None;
    let declared = Declared { queries, uses: &[], reads_user: false };
    let answer = answer(&question, &declared, |input: &Input<'_, Nothing>, _| {
        seen = Some(look(input));
        Ok(())
    });
    assert!(matches!(answer, Answer::Judged(_)), "{answer:?}");
    seen.unwrap()
}
