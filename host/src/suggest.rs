//! "Did you mean …?"

/// The known name nearest to a mistyped one, when one is near enough to be meant.
pub fn closest<'k>(name: &str, known: impl Iterator<Item = &'k str>) -> Option<&'k str> {
    let ratio = |candidate: &str| similar::TextDiff::from_chars(name, candidate).ratio();
    known
        .map(|candidate| (ratio(candidate), candidate))
        .filter(|(ratio, _)| *ratio > 0.7)
        .max_by(|a, b| a.0.total_cmp(&b.0))
        .map(|(_, candidate)| candidate)
}

#[cfg(test)]
mod tests {
    #[test]
    fn suggests_what_is_near_and_nothing_else() {
        let known = ["pss-privileged", "pdb-required"];
        assert_eq!(super::closest("pss-priviliged", known.into_iter()), Some("pss-privileged"));
        assert_eq!(super::closest("something", known.into_iter()), None);
    }
}
