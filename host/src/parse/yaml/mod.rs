//! YAML, one document at a time, with the place of every value.

mod build;
mod comments;
mod events;
mod place;
mod scalar;
mod split;

pub use comments::comments;
pub(crate) use place::dash_before;
pub(crate) use scalar::is_plain_string;
pub use split::split_documents;

use super::{Limits, SyntaxError};
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
    build::Builder::new(text, scalars, limits).document()
}

#[cfg(test)]
mod tests;
