//! What exceptions say, as text.

use super::Grant;

/// What a comment says of rules: the rules that it names, and what it says of them.
pub(super) type Said = (Vec<String>, Result<Grant, String>);

/// Reads a comment, its marks included. One between `/*` and `*/` may say several things, each from a line that begins
/// with `policy:` to the next one or an empty line. Nothing for a comment that is about something else.
pub(super) fn comment(text: &str) -> Vec<Said> {
    let Some(block) = text.strip_prefix("/*") else {
        return said(text.trim_start_matches(['#', '/'])).into_iter().collect();
    };
    let block = block.strip_suffix("*/").unwrap_or(block);
    let mut texts: Vec<String> = Vec::new();
    let mut is_open = false;
    for line in block.lines() {
        // Many begin each line with a star.
        let line = line.trim().trim_start_matches('*').trim_start();
        is_open = line.starts_with("policy:") || is_open && !line.is_empty();
        match texts.last_mut() {
            Some(text) if is_open && !line.starts_with("policy:") => {
                text.push(' ');
                text.push_str(line);
            }
            _ if is_open => texts.push(line.to_owned()),
            _ => {}
        }
    }
    texts.iter().filter_map(|text| said(text)).collect()
}

/// Reads what a comment says, without its marks.
fn said(text: &str) -> Option<Said> {
    let said = text.trim_start().strip_prefix("policy:")?.trim_start();
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

    fn only(text: &str) -> Said {
        let mut said = comment(text);
        assert_eq!(said.len(), 1, "{text}");
        said.remove(0)
    }

    #[test]
    fn a_block_comment_goes_over_lines() {
        let reason = |text| only(text).1.unwrap().reason;
        assert_eq!(reason("/* policy: ignore[a] one line */"), "one line");
        assert_eq!(reason("/*policy:ignore[a] tight*/"), "tight");
        assert_eq!(reason("/**\n * Prose.\n *\n * policy: ignore[a] two\n *   lines\n *\n * More.\n */"), "two lines");
        assert_eq!(reason("/* policy: ignore[a] not closed"), "not closed");
        let both = comment("/* policy: ignore[a] one\n   policy: ignore[b] two */");
        let rules: Vec<_> = both.iter().map(|(rules, _)| rules.concat()).collect();
        assert_eq!(rules, ["a", "b"]);
        assert_eq!(only("/* policy: ignore[a] */").1, Err("it gives no reason".to_owned()));
        assert_eq!(comment("/* see policy: ignore[a] x */"), []);
    }

    #[test]
    fn a_comment_names_rules_and_says_why() {
        let (rules, grant) = only("# policy: ignore[a, b-c] it is so owner=ops until=2027-01-31 for now");
        assert_eq!(rules, ["a", "b-c"]);
        let grant = grant.unwrap();
        assert_eq!(grant.reason, "it is so for now");
        assert_eq!(grant.owner.as_deref(), Some("ops"));
        assert_eq!(grant.until.unwrap().to_string(), "2027-01-31");
        assert!(only("//policy:ignore[a]why").1.is_ok());
    }

    #[test]
    fn other_comments_are_none_of_ours() {
        for text in ["# about policy: ignore[a] x", "# policy: ignored[a] x", "# policy: keep", "#", "# policy:"] {
            assert_eq!(comment(text), [], "{text}");
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
            let problem = only(text).1.unwrap_err();
            assert!(problem.contains(expected), "{text}: {problem}");
        }
    }

    proptest! {
        #[test]
        fn nothing_panics(text in "((#|/\\*) ?policy: ?ignore)?[\\[\\]a-z,= é0-9-]{0,40}(until=|owner=)?.{0,20}(\\*/)?") {
            let _ = comment(&text);
        }
    }
}
