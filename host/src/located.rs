//! Files that people write to configure the host: YAML in, a typed value out, errors with the
//! line and column of what is wrong.

use crate::document::{Node, Pointer, Position, Source};
use crate::parse::{Limits, Scalars, yaml};
use serde::de::value::MapAccessDeserializer;
use serde::de::{Deserialize, DeserializeOwned, Deserializer, MapAccess, Visitor};
use std::fmt;

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
            let at = unknown_key(&root, &pointer, &failure.inner().to_string());
            let said = crate::plain::value(failure.inner());
            let path = failure.path().to_string();
            // Of the whole file there is no path.
            let message = if path == "." { said } else { format!("`{path}`: {said}") };
            error(at.unwrap_or_else(|| place(&root, &pointer)), message)
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

/// Reads a word alone, or a mapping with more. An error in the mapping is told with its field, which serde's own enums of
/// several forms do not.
pub fn word_or_mapping<'de, D, M, T>(
    deserializer: D,
    of_word: fn(String) -> T,
    of_mapping: fn(M) -> T,
) -> Result<T, D::Error>
where
    D: Deserializer<'de>,
    M: Deserialize<'de>,
{
    deserializer.deserialize_any(WordOrMapping { of_word, of_mapping })
}

struct WordOrMapping<M, T> {
    of_word: fn(String) -> T,
    of_mapping: fn(M) -> T,
}

impl<'de, M: Deserialize<'de>, T> Visitor<'de> for WordOrMapping<M, T> {
    type Value = T;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("a word or a mapping")
    }

    fn visit_str<E: serde::de::Error>(self, word: &str) -> Result<T, E> {
        Ok((self.of_word)(word.to_owned()))
    }

    fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<T, A::Error> {
        M::deserialize(MapAccessDeserializer::new(map)).map(self.of_mapping)
    }
}

/// Where a key is that nobody knows. serde has no other way to tell it than in words: "unknown field `a`, expected one of
/// `b`, `c`".
fn unknown_key(root: &Node, path: &Pointer, said: &str) -> Option<usize> {
    let key = said.strip_prefix("unknown field ")?.split('`').nth(1)?;
    let tokens = path.tokens();
    let tokens = tokens.strip_suffix(&[key.to_owned()]).unwrap_or(tokens);
    let parent = tokens.iter().try_fold(root, |node, token| node.get(token).or_else(|| node.item(token.parse().ok()?)));
    Some(parent?.entry(key)?.key_span.start as usize)
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
