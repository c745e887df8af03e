//! An input to test helpers with, which take what a rule is given.

use crate::bindings::exports::policy::rule::rule::{Request, Subject};
use crate::input::{Input, evaluate};
use crate::json::View;
use crate::parameter::Parameters;

/// A rule without parameters.
pub(crate) struct Nothing;

impl Parameters for Nothing {
    fn read(_: &View<'_>) -> Result<Self, String> {
        Ok(Self)
    }
}

/// What `look` sees in the input of a rule that is asked about the Deployment `cart`.
pub(crate) fn look<T>(
    namespace: &str,
    document: &str,
    related: &str,
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
        },
        document: document.into(),
        old: None,
        parameters: "{}".into(),
        related: related.into(),
    };
    let mut seen = None;
    evaluate(&request, |input: &Input<'_, Nothing>, _| {
        seen = Some(look(input));
        Ok(())
    })
    .unwrap();
    seen.unwrap()
}
