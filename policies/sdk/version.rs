//! Version numbers of clusters and languages.

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
