//! What exceptions say, as text.

use super::Grant;

/// Reads a comment, its mark included: the rules that it names and what it says of them. `None` for a comment that
/// is about something else.
pub(super) fn comment(text: &str) -> Option<(Vec<String>, Result<Grant, String>)> {
    let said = text.trim_start_matches(['#', '/']).trim_start().strip_prefix("policy:")?.trim_start();
    let rest = said.strip_prefix("ignore")?;
    if rest.starts_with(|next: char| next != '[' && !next.is_whitespace()) {
        return None;
    }
    let malformed = |why: &str| Some((vec![String::new()], Err(format!("{why}; write `policy: ignore[RULE] REASON`"))));
    let Some(list) = rest.trim_start().strip_prefix('[') else { return malformed("it names no rule in brackets") };
    let Some((rules, said)) = list.split_once(']') else { return malformed("its bracket is not closed") };
    let rules: Vec<String> = rules.split(',').map(|rule| rule.trim().to_owned()).collect();
    if rules.iter().any(String::is_empty) {
        return malformed("it names no rule, or an empty one");
    }
    Some((rules, grant(said)))
}

/// Reads a reason, with `until=` and `owner=` anywhere in it.
pub(super) fn grant(text: &str) -> Result<Grant, String> {
    let mut grant = Grant { reason: String::new(), owner: None, until: None };
    for word in text.split_whitespace() {
        if let Some(date) = word.strip_prefix("until=") {
            let date = date.parse().map_err(|_| format!("`{word}` is no day; write `until=2027-01-31`"))?;
            if grant.until.replace(date).is_some() {
                return Err("it has two `until=`".to_owned());
            }
        } else if let Some(owner) = word.strip_prefix("owner=") {
            if owner.is_empty() || grant.owner.replace(owner.to_owned()).is_some() {
                return Err("`owner=` names one owner".to_owned());
            }
        } else {
            if !grant.reason.is_empty() {
                grant.reason.push(' ');
            }
            grant.reason.push_str(word);
        }
    }
    if !grant.reason.contains(char::is_alphanumeric) {
        return Err("it gives no reason".to_owned());
    }
    Ok(grant)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_comment_names_rules_and_says_why() {
        let (rules, grant) = comment("# policy: ignore[a, b-c] it is so owner=ops until=2027-01-31 for now").unwrap();
        assert_eq!(rules, ["a", "b-c"]);
        let grant = grant.unwrap();
        assert_eq!(grant.reason, "it is so for now");
        assert_eq!(grant.owner.as_deref(), Some("ops"));
        assert_eq!(grant.until.unwrap().to_string(), "2027-01-31");
        assert!(comment("//policy:ignore[a]why").unwrap().1.is_ok());
    }

    #[test]
    fn other_comments_are_none_of_ours() {
        for text in ["# about policy: ignore[a] x", "# policy: ignored[a] x", "# policy: keep", "#", "# policy:"] {
            assert_eq!(comment(text), None, "{text}");
        }
    }

    #[test]
    fn what_is_wrong_is_said() {
        let cases = [
            ("# policy: ignore a", "names no rule"),
            ("# policy: ignore[a because", "not closed"),
            ("# policy: ignore[] x", "names no rule"),
            ("# policy: ignore[a,] x", "an empty one"),
            ("# policy: ignore[a]", "no reason"),
            ("# policy: ignore[a] --", "no reason"),
            ("# policy: ignore[a] until=2027-01-31", "no reason"),
            ("# policy: ignore[a] x until=soon", "`until=soon` is no day"),
            ("# policy: ignore[a] x until=2027-02-30", "is no day"),
            ("# policy: ignore[a] x owner=", "one owner"),
            ("# policy: ignore[a] x until=2027-01-31 until=2028-01-31", "two `until=`"),
        ];
        for (text, expected) in cases {
            let problem = comment(text).unwrap().1.unwrap_err();
            assert!(problem.contains(expected), "{text}: {problem}");
        }
    }

    proptest! {
        #[test]
        fn nothing_panics(text in "(# ?policy: ?ignore)?[\\[\\]a-z,= é0-9-]{0,40}(until=|owner=)?.{0,20}") {
            let _ = comment(&text);
        }
    }
}
