//! Files that people write to configure the host: YAML in, a typed value out, errors with the
//! line and column of what is wrong.

use crate::document::{Node, Pointer, Position, Source};
use crate::parse::{Limits, Scalars, yaml};
use serde::de::DeserializeOwned;

/// Why a file of settings is refused.
#[derive(Debug, thiserror::Error)]
#[error("{path}:{}:{}: {message}", position.line, position.column)]
pub struct LocatedError {
    /// The file.
    pub path: String,
    /// Where in it.
    pub position: Position,
    /// What is wrong.
    pub message: String,
}

/// What a file says, with the places of its parts, for errors that name them.
#[derive(Debug)]
pub struct Located<T> {
    /// What it says.
    pub value: T,
    source: Source,
    root: Node,
}

impl<T: DeserializeOwned> Located<T> {
    /// Reads a file's text.
    ///
    /// # Errors
    /// Names the line and column, and the field.
    pub fn parse(path: &str, text: &str) -> Result<Self, LocatedError> {
        Self::parse_with(path, text, |value| value)
    }

    /// Reads a file's text after its value was changed: by settings from elsewhere that go before it.
    ///
    /// # Errors
    /// Names the field, and its line and column where the file has it.
    pub fn parse_with(
        path: &str,
        text: &str,
        change: impl FnOnce(serde_json::Value) -> serde_json::Value,
    ) -> Result<Self, LocatedError> {
        let source = Source::new(path, text);
        let error =
            |at, message: String| LocatedError { path: path.to_owned(), position: source.position(at), message };
        let root = yaml::parse(text, Scalars::Core12, &Limits::default())
            .map_err(|syntax| error(syntax.at, syntax.message))?
            .ok_or_else(|| error(0, "the file is empty".to_owned()))?;
        let value = serde_path_to_error::deserialize(change(root.to_value())).map_err(|failure| {
            let pointer: Pointer = failure.path().iter().filter_map(step).collect();
            let said = failure.inner().to_string();
            let (at, close) =
                unknown_key(&root, &pointer, &said).unwrap_or_else(|| (place(&root, &pointer), String::new()));
            error(at, format!("`{}`: {said}{close}", failure.path()))
        })?;
        Ok(Self { value, source, root })
    }
}

impl<T> Located<T> {
    /// Whether the file has a key, at its top.
    pub fn says(&self, key: &str) -> bool {
        self.root.get(key).is_some()
    }

    /// A place of the file as people write it: `FILE:LINE:COLUMN`.
    pub fn place(&self, pointer: &Pointer) -> String {
        let LocatedError { path, position, .. } = self.error(pointer, "");
        format!("{path}:{}:{}", position.line, position.column)
    }

    /// An error at a path of the file.
    pub fn error(&self, pointer: &Pointer, message: impl Into<String>) -> LocatedError {
        LocatedError {
            path: self.source.path.to_string(),
            position: self.source.position(place(&self.root, pointer)),
            message: message.into(),
        }
    }
}

/// Where a key is that nobody knows, and what was meant by it. serde has no other way to tell it than in words:
/// "unknown field `a`, expected one of `b`, `c`".
fn unknown_key(root: &Node, path: &Pointer, said: &str) -> Option<(usize, String)> {
    let mut names = said.strip_prefix("unknown field ")?.split('`').skip(1).step_by(2);
    let key = names.next()?;
    let close = crate::suggest::closest(key, names).map(|close| format!("; did you mean `{close}`?"));
    let tokens = path.tokens();
    let tokens = tokens.strip_suffix(&[key.to_owned()]).unwrap_or(tokens);
    let parent = tokens.iter().try_fold(root, |node, token| node.get(token).or_else(|| node.item(token.parse().ok()?)));
    Some((parent?.entry(key)?.key_span.start as usize, close.unwrap_or_default()))
}

/// Where a path, or its nearest ancestor, starts.
fn place(root: &Node, pointer: &Pointer) -> usize {
    let mut node = root;
    for token in pointer.tokens() {
        match node.get(token).or_else(|| node.item(token.parse().ok()?)) {
            Some(next) => node = next,
            None => break,
        }
    }
    node.span.start as usize
}

fn step(segment: &serde_path_to_error::Segment) -> Option<String> {
    use serde_path_to_error::Segment;
    match segment {
        Segment::Seq { index } => Some(index.to_string()),
        Segment::Map { key } => Some(key.clone()),
        _ => None,
    }
}
