//! YAML, one document at a time, with the place of every value.

mod build;
mod comments;
mod events;
mod lexer;
mod place;
mod rewrite;
mod scalar;
mod split;
mod template;

pub use comments::comments;
pub(crate) use place::dash_before;
pub(crate) use scalar::is_plain_string;
pub use split::split_documents;
pub use template::is_template;

use self::build::{Builder, Built, Failure};
use self::rewrite::Rewritten;
use super::{Limits, Repeated, RepeatedKeys, SyntaxError};
use crate::document::Node;

/// How plain scalars become values.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Scalars {
    /// YAML 1.2's core schema: GitHub workflows, compose files, bundles.
    Core12,
    /// As the Kubernetes clients resolve them (go.yaml.in/yaml/v2, `resolve.go`: YAML 1.1): `y`, `yes`
    /// and `on` are booleans, `0777` is octal.
    Kubernetes,
}

/// Parses one document; `None` when it is empty.
///
/// # Errors
/// At the byte where the text stops being YAML, a key stands twice, or a bound is exceeded.
pub fn parse(text: &str, scalars: Scalars, limits: &Limits) -> Result<Option<Node>, SyntaxError> {
    parse_with(text, scalars, RepeatedKeys::Refused, limits).map(|(root, _)| root)
}

/// Parses one document; `None` when it is empty. Tells which keys stand twice, when that is no error.
///
/// # Errors
/// At the byte where the text stops being YAML, a key stands twice that may not, or a bound is exceeded.
pub fn parse_with(
    text: &str,
    scalars: Scalars,
    keys: RepeatedKeys,
    limits: &Limits,
) -> Result<(Option<Node>, Vec<Repeated>), SyntaxError> {
    let read = |rewritten: &Rewritten<'_>| -> Result<Built, Failure> {
        Builder::new(&rewritten.text, scalars, keys, limits).document()
    };
    let mut rewritten = Rewritten::without_marks(text);
    let mut built = read(&rewritten);
    if built.as_ref().is_err_and(|failure| failure.is_about_indentation)
        && let Some(indented) = Rewritten::with_indented_quotes(text, limits.bytes)
    {
        built = read(&indented);
        rewritten = indented;
    }
    match built {
        Ok(Built { mut root, mut repeated }) => {
            root.iter_mut().for_each(|root| rewritten.restore(root));
            repeated.iter_mut().for_each(|repeated| repeated.at = rewritten.original(repeated.at));
            Ok((root, repeated))
        }
        Err(Failure { error, .. }) => Err(SyntaxError { at: rewritten.original(error.at), ..error }),
    }
}

#[cfg(test)]
mod tests;
