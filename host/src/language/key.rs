//! The names of trees, `run:shell` and `commands[*]:shell`, and the names of a document beside them.
//!
//! What a rule is told of a document has its keys and those of trees in one mapping. So that nobody can write a key into
//! a document that passes for a tree, a key that ends in `:LANGUAGE`, or in that and more colons, is told with one colon
//! more: `run:shell` as `run:shell:`. A path that a rule gives is led back the same way.

use super::Language;
use crate::document::Pointer;
use std::borrow::Cow;
use std::fmt;

/// Which tree stands beside a value.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Reading {
    /// For each string of a list, rather than for the value.
    pub each: bool,
    /// As what it is read.
    pub language: Language,
}

impl Reading {
    /// The key under which the tree of a key's value stands.
    pub fn key_of(&self, key: &str) -> String {
        format!("{key}{self}")
    }
}

impl fmt::Display for Reading {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", if self.each { "[*]" } else { "" }, self.language)
    }
}

/// A key of a mapping as rules are told of it.
#[derive(Debug, PartialEq, Eq)]
pub enum Told<'k> {
    /// A key of the document.
    Own(Cow<'k, str>),
    /// The tree of the value under a key of the document.
    Tree(&'k str, Reading),
}

/// What stands before the language in a text such as `run:shell`, and the language; colons behind it are not looked at.
fn split(text: &str) -> Option<(&str, Language)> {
    let (before, language) = text.trim_end_matches(':').rsplit_once(':')?;
    Some((before, language.parse().ok()?))
}

/// A document's key as it is told to rules.
pub fn tell(key: &str) -> Cow<'_, str> {
    if key.contains(':') && split(key).is_some() { Cow::Owned(format!("{key}:")) } else { Cow::Borrowed(key) }
}

/// What a key that a rule was told stands for.
pub fn understand(told: &str) -> Told<'_> {
    match split(told) {
        None => Told::Own(Cow::Borrowed(told)),
        Some(_) if told.ends_with(':') => Told::Own(Cow::Borrowed(&told[..told.len() - 1])),
        Some((key, language)) => match key.strip_suffix("[*]") {
            Some(key) => Told::Tree(key, Reading { each: true, language }),
            None => Told::Tree(key, Reading { each: false, language }),
        },
    }
}

/// A path with a document's own keys, from one with keys as rules are told of them; `None` for one that leads into a tree.
pub fn of_document(told: &Pointer) -> Option<Pointer> {
    let own = told.tokens().iter().map(|token| match understand(token) {
        Told::Own(key) => Some(key.into_owned()),
        Told::Tree(..) => None,
    });
    own.collect::<Option<Vec<String>>>().map(|tokens| tokens.into_iter().collect())
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn trees_and_keys_are_told_apart() {
        let shell = |each| Reading { each, language: Language::Shell };
        assert_eq!(understand("run:shell"), Told::Tree("run", shell(false)));
        assert_eq!(understand("commands[*]:shell"), Told::Tree("commands", shell(true)));
        assert_eq!(understand("a.yaml:yaml"), Told::Tree("a.yaml", Reading { each: false, language: Language::Yaml }));
        for (key, told) in [
            ("run", "run"),
            ("run:shell", "run:shell:"),
            ("run:shell:", "run:shell::"),
            ("a:b", "a:b"),
            ("s3:prefix", "s3:prefix"),
            (":", ":"),
        ] {
            assert_eq!(tell(key), told, "{key}");
        }
    }

    proptest! {
        #[test]
        fn every_key_is_understood_as_itself(key in "(run|a|\\[\\*\\]|:|shell|yaml){0,6}") {
            let told = tell(&key);
            prop_assert_eq!(understand(&told), Told::Own(Cow::Borrowed(key.as_str())));
        }
    }
}
