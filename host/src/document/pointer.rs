//! JSON pointers (RFC 6901).

use std::fmt;

/// A parsed JSON pointer: its decoded reference tokens.
#[derive(Debug, Clone, PartialEq, Eq, Default, Hash, PartialOrd, Ord)]
pub struct Pointer(Vec<String>);

/// Why a text is not a JSON pointer.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PointerError {
    /// A non-empty pointer must start with a slash.
    #[error("a JSON pointer is empty or starts with `/`, but this one is `{0}`")]
    NoSlash(String),
    /// `~` must be followed by `0` or `1`.
    #[error("`~` is followed by neither `0` nor `1` in the JSON pointer `{0}`")]
    BadEscape(String),
}

impl Pointer {
    /// The pointer to the whole document.
    pub fn root() -> Self {
        Self::default()
    }

    /// Parses the RFC 6901 string form.
    pub fn parse(text: &str) -> Result<Self, PointerError> {
        let Some(rest) = text.strip_prefix('/') else {
            return if text.is_empty() { Ok(Self::root()) } else { Err(PointerError::NoSlash(text.to_owned())) };
        };
        rest.split('/')
            .map(|token| unescape(token).ok_or_else(|| PointerError::BadEscape(text.to_owned())))
            .collect::<Result<_, _>>()
            .map(Self)
    }

    /// The decoded tokens.
    pub fn tokens(&self) -> &[String] {
        &self.0
    }

    /// The pointer one token longer.
    pub fn join(&self, token: impl Into<String>) -> Self {
        let mut tokens = self.0.clone();
        tokens.push(token.into());
        Self(tokens)
    }

    /// The pointer that starts where this one ends.
    pub fn concat(&self, rest: &Pointer) -> Self {
        Self(self.0.iter().chain(&rest.0).cloned().collect())
    }

    /// What is left of the pointer behind `prefix`, when it starts with it.
    pub fn strip_prefix(&self, prefix: &[&str]) -> Option<Pointer> {
        let (head, tail) = self.0.split_at_checked(prefix.len())?;
        head.iter().zip(prefix).all(|(token, wanted)| token == wanted).then(|| Self(tail.to_vec()))
    }

    /// Whether one of two pointers leads into, or to, what the other leads to.
    pub fn overlaps(&self, other: &Pointer) -> bool {
        self.tokens().iter().zip(other.tokens()).all(|(a, b)| a == b)
    }

    /// The pointer without its last token, and that token; `None` for the root.
    pub fn split_last(&self) -> Option<(Pointer, &str)> {
        let (last, init) = self.0.split_last()?;
        Some((Self(init.to_vec()), last))
    }
}

fn unescape(token: &str) -> Option<String> {
    if !token.contains('~') {
        return Some(token.to_owned());
    }
    let mut out = String::with_capacity(token.len());
    let mut chars = token.chars();
    while let Some(character) = chars.next() {
        match character {
            '~' => out.push(match chars.next()? {
                '0' => '~',
                '1' => '/',
                _ => return None,
            }),
            other => out.push(other),
        }
    }
    Some(out)
}

impl<S: Into<String>> FromIterator<S> for Pointer {
    fn from_iter<I: IntoIterator<Item = S>>(tokens: I) -> Self {
        Self(tokens.into_iter().map(Into::into).collect())
    }
}

impl fmt::Display for Pointer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for token in &self.0 {
            write!(f, "/{}", token.replace('~', "~0").replace('/', "~1"))?;
        }
        Ok(())
    }
}
