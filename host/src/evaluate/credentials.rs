//! Secrets that are known without a rule: passwords in URLs, whatever their host looks like, credentials by their form, and,
//! in a text that nobody could parse, what stands behind the name of one.

use super::credential::{form, name};
use std::ops::Range;

/// Where credentials stand in a text that are known by their form, such as tokens and private keys.
pub(super) fn known_forms(text: &str) -> impl Iterator<Item = Range<usize>> {
    form::find(text).into_iter().map(|found| found.range)
}

/// Bytes of a URL that are looked at.
const MAX_AUTHORITY: usize = 4096;

/// Where the passwords of URLs stand in a text. One that is filled in elsewhere (`${NAME}`, `<password>`, `****`) is none.
pub(super) fn url_passwords(text: &str) -> impl Iterator<Item = Range<usize>> + '_ {
    let behind = |separator: &'static str| text.match_indices(separator).map(move |(at, _)| at + separator.len());
    // JSON may escape the slashes.
    let starts = behind("://").chain(behind(":\\/\\/"));
    starts.filter_map(|start| {
        let bytes = text.as_bytes();
        let end = |byte: &u8| byte.is_ascii_whitespace() || b"/?#\"'`\\".contains(byte);
        let length = bytes[start..].iter().take(MAX_AUTHORITY).position(end);
        let length = length.unwrap_or((bytes.len() - start).min(MAX_AUTHORITY));
        let authority = &bytes[start..start + length];
        let at_sign = authority.iter().rposition(|byte| *byte == b'@')?;
        let colon = authority[..at_sign].iter().position(|byte| *byte == b':')?;
        let password = start + colon + 1..start + at_sign;
        is_literal(text.get(password.clone())?).then_some(password)
    })
}

/// Whether a password is one, rather than a place that one is put into.
fn is_literal(password: &str) -> bool {
    let is_name =
        |name: &str| !name.is_empty() && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_');
    let is_within = |open: &str, close: &str| {
        let inner = password.strip_prefix(open).and_then(|rest| rest.strip_suffix(close));
        inner.is_some_and(|inner| !inner.contains(['{', '}', '<', '>', '(', ')']))
    };
    let is_filled_in = password.strip_prefix('$').is_some_and(is_name)
        || [("${", "}"), ("$(", ")"), ("{{", "}}"), ("${{", "}}"), ("{", "}"), ("<", ">")]
            .iter()
            .any(|(open, close)| is_within(open, close));
    !password.bytes().all(|byte| byte == b'*') && !is_filled_in
}

/// Words of the names of what may be a secret, besides those that say so by themselves. More than rules tell: nobody
/// could look at the text.
const NAMES: [&str; 15] = [
    "pass",
    "pwd",
    "secret",
    "secrets",
    "token",
    "tokens",
    "key",
    "keys",
    "cred",
    "creds",
    "auth",
    "private",
    "cert",
    "dsn",
    "credentials",
];

/// Whether a name may be that of a secret.
fn may_be_secret(text: &str) -> bool {
    let words = name::words(text);
    name::is_telling(text) || words.iter().any(|word| NAMES.contains(&word.as_str()) || word.contains("passw"))
}

/// Where secrets may stand in a text that nobody could parse: values behind a name that sounds like one and behind
/// `value`, private keys, passwords of URLs.
pub(super) fn suspects(text: &str) -> Vec<Range<usize>> {
    let mut suspects: Vec<Range<usize>> = url_passwords(text).chain(known_forms(text)).collect();
    let mut start = 0;
    // The indentation of a name whose value stands on the next lines.
    let mut block: Option<usize> = None;
    let mut in_key = false;
    for line in text.split_inclusive('\n') {
        let content = line.trim_end();
        let indent = content.len() - content.trim_start().len();
        let whole = start + indent..start + content.len();
        if block.is_some_and(|outer| indent <= outer && !content.is_empty()) {
            block = None;
        }
        in_key |= content.contains("-----BEGIN ") && content.contains("PRIVATE KEY-----");
        if block.is_some() || in_key {
            suspects.push(whole);
        } else if let Some(begins) = values(content).fold(None, |begins, value| {
            let is_block = content[value.clone()].starts_with(['|', '>']);
            suspects.push(start + value.start..start + value.end);
            begins.or(is_block.then_some(indent))
        }) {
            block = Some(begins);
        }
        in_key &= !content.contains("-----END ");
        start += line.len();
    }
    suspects.retain(|range| !range.is_empty());
    suspects
}

/// The values of a line whose names sound like a secret's.
fn values(line: &str) -> impl Iterator<Item = Range<usize>> + '_ {
    let separators = line.match_indices([':', '=']).map(|(at, _)| at);
    separators.filter_map(|at| {
        let before = line[..at].trim_end_matches([' ', '\t', '"', '\'']);
        let name = before.rsplit(|letter: char| !(letter.is_alphanumeric() || "_-.".contains(letter))).next()?;
        if !name.eq_ignore_ascii_case("value") && !may_be_secret(name) {
            return None;
        }
        let rest = &line[at + 1..];
        let start = at + 1 + (rest.len() - rest.trim_start().len());
        let value = &line[start..];
        let length = match value.chars().next()? {
            quote @ ('"' | '\'') => value[1..].find(quote).map_or(value.len(), |end| end + 2),
            _ => value.find([',', '}', ']']).or_else(|| value.find(" #")).unwrap_or(value.len()),
        };
        Some(start..start + length)
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn passwords_of_urls_whatever_the_host() {
        let found = |text: &str| url_passwords(text).map(|range| text[range].to_owned()).collect::<Vec<_>>();
        for url in [
            "redis://:letmein99@[fd00:1::2]:6379/3",
            "postgresql://cart:letmein99@/cart?host=/sock",
            "amqp://cart:letmein99@<broker>/v",
            "mysql://cart:letmein99@tcp(db:3306)/x",
            "postgresql://cart:letmein99@%2Frun%2Fpg/x",
            "http://u:letmein99@%s",
            "{\"a\": \"http:\\/\\/u:letmein99@h\"}",
            "jdbc:x://u:letmein99@${HOST}",
        ] {
            assert_eq!(found(url), ["letmein99"], "{url}");
        }
        assert_eq!(found("http://u:p@ss@h https://x:y@z"), ["p@ss", "y"]);
        for none in [
            "http://host:80/a@b",
            "http://u@h",
            "://a",
            "http://u:${PASSWORD}@h",
            "http://u:<password>@h",
            "http://u:$PASS@h",
            "http://u:****@h",
            "http://u:@h",
            "http://a:1?x@y",
            "no url: a@b",
        ] {
            assert_eq!(found(none), Vec::<String>::new(), "{none}");
        }
    }

    #[test]
    fn what_sounds_like_a_secret_in_a_text_that_nobody_could_parse() {
        let text = "env:\n  - {name: DB_PASSWORD, value: hunter2, x: y}\n  - name: API\n    value: 'a b' # c\n  apiKey = zzz\n\
                    password: |\n  one\n  two\nplain: shown\n-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n";
        let found: Vec<&str> = suspects(text).into_iter().map(|range| &text[range]).collect();
        let keys = ["-----BEGIN PRIVATE KEY-----", "AAAA", "-----END PRIVATE KEY-----"];
        assert_eq!(found, [&["hunter2", "'a b'", "zzz", "|", "one", "two"][..], &keys[..]].concat());
    }

    proptest! {
        #[test]
        fn every_range_is_of_the_text(text in "[a:/@${}<>.é \"'\\\\|key=\n-]{0,60}") {
            for range in suspects(&text) {
                prop_assert!(text.get(range).is_some());
            }
        }
    }
}
