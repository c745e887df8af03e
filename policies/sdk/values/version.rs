//! Version numbers of clusters and languages.

use crate::json::View;
use crate::parameter::Parameter;
use crate::write::ToJson;

/// The first two numbers of a version, and how it was written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Version {
    text: String,
}

impl Version {
    /// A version of two numbers.
    pub fn of(major: u32, minor: u32) -> Self {
        Self { text: format!("{major}.{minor}") }
    }

    /// Whether it is this version or a later one.
    pub fn is_at_least(&self, major: u32, minor: u32) -> bool {
        major_minor(&self.text) >= (major, minor)
    }

    /// The first two numbers.
    pub fn major_minor(&self) -> (u32, u32) {
        major_minor(&self.text)
    }
}

impl std::fmt::Display for Version {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        out.write_str(&self.text)
    }
}

impl Parameter for Version {
    fn schema() -> String {
        r#""type":"string","pattern":"^v?[0-9]+([.][0-9]+)*""#.into()
    }

    fn read(value: &View<'_>) -> Option<Self> {
        let text = value.as_str()?;
        let number = text.strip_prefix('v').unwrap_or(text);
        number.starts_with(|first: char| first.is_ascii_digit()).then(|| Self { text: text.into() })
    }

    fn default_json(&self) -> String {
        self.text.to_json()
    }
}

/// The first two numbers of a version: `1.35`, `v1.35.2`, `go1.25rc1`. What is not there is 0.
pub fn major_minor(text: &str) -> (u32, u32) {
    let mut numbers = text.split(|character: char| !character.is_ascii_digit()).skip_while(|part| part.is_empty());
    let mut next = || numbers.next().and_then(|number| number.parse().ok()).unwrap_or(0);
    (next(), next())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn two_numbers_are_read() {
        for (text, expected) in [
            ("1.35", (1, 35)),
            ("v1.35.2", (1, 35)),
            ("go1.25rc1", (1, 25)),
            ("99", (99, 0)),
            ("go", (0, 0)),
            ("", (0, 0)),
        ] {
            assert_eq!(major_minor(text), expected, "{text}");
        }
        assert!(major_minor("1.9") < major_minor("1.10"));
    }
}
