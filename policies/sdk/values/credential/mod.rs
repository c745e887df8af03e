//! Recognising credentials in text: by their form, and by what they are called.
//!
//! | module | knows |
//! | --- | --- |
//! | [`form`] | tokens and keys by the formats that services publish |
//! | [`name`] | which names say that a value is a secret |
//! | [`value`] | which values are none, whatever the name says |
//! | [`url`] | passwords in URLs |

pub mod form;
pub mod name;
pub mod url;
pub mod value;

pub use url::{UrlWithPassword, urls_with_password};
pub use value::{is_interpolation, is_placeholder, is_sample};

use crate::parameter::Decimal;

/// What kind of credential a text holds, by its form: `an AWS access key id`.
pub fn detect(text: &str) -> Option<&'static str> {
    form::find(text).first().map(|found| found.what)
}

/// [`detect`], and the line that shows it, without the space around it. Lines with the credential in a URL do not count:
/// the rule on URLs reports them.
pub fn detect_line(text: &str) -> Option<(&'static str, &str)> {
    let is_in_url = |line: &str| {
        let urls = urls_with_password(line);
        urls.iter().any(|url| detect(url.user).or_else(|| detect(url.password)).is_some())
    };
    form::find(text).into_iter().find_map(|found| {
        let start = text[..found.range.start].rfind('\n').map_or(0, |at| at + 1);
        let line = text[start..].lines().next().unwrap_or_default();
        (!is_in_url(line)).then_some((found.what, line.trim_ascii()))
    })
}

/// What of a value under a name is a secret, if any: `a GitHub token`, `a password in a URL`, `a literal secret, as its
/// name says`.
pub fn judge(name: &str, value: &str) -> Option<&'static str> {
    if let Some(what) = detect(value) {
        return Some(what);
    }
    let urls = urls_with_password(value);
    if urls.iter().any(|url| !is_placeholder(url.password) && !is_address_scheme(url.scheme)) {
        return Some("a password in a URL");
    }
    (name::is_telling(name) && may_be_named(name, value)).then_some("a literal secret, as its name says")
}

/// Whether a value may be the secret that its name says it is.
pub fn may_be_named(name: &str, value: &str) -> bool {
    value::may_be_secret(value)
        && !is_count(name, value)
        && (!name::is_of_generated(name) || value::may_be_generated(value) || value::is_sample(value))
}

/// A password that nobody takes for one: of every tutorial (`admin`, `test123`), or with such a word in it
/// (`supersecret`).
pub fn is_well_known(value: &str) -> bool {
    let lower = value.to_ascii_lowercase();
    let word = lower.trim_end_matches(|it: char| it.is_ascii_digit() || it == '!');
    is_sample(word)
        || lower.len() <= 16 && ["secret", "password", "changeme", "example"].iter().any(|it| lower.contains(it))
}

/// Whether the scheme is one in which an `@` is part of an address.
fn is_address_scheme(scheme: &str) -> bool {
    ["mailto", "sip", "sips"].iter().any(|known| known.eq_ignore_ascii_case(scheme))
}

/// A number under the name of a token or key is a count or an id; passwords may be numbers.
pub fn is_count(name: &str, value: &str) -> bool {
    let words = name::words(name);
    let is_of_password = words.iter().any(|word| word.contains("pass") || word.contains("pwd") || word == "pin");
    !is_of_password && value.len() < 16 && !value.is_empty() && value.bytes().all(|byte| byte.is_ascii_digit())
}

/// Shannon entropy of a text, in bits per byte.
pub fn entropy(text: &str) -> f64 {
    let mut counts = [0_u32; 256];
    text.bytes().for_each(|byte| counts[usize::from(byte)] += 1);
    let length = text.len().max(1) as f64;
    let shares = counts.iter().filter(|count| **count > 0).map(|count| f64::from(*count) / length);
    -shares.map(|share| share * share.log2()).sum::<f64>()
}

/// True when a text looks like a generated key: one word of at least 20 characters of the base64 alphabets, upper and
/// lower case and at least two digits among them, and at least that many bits per character. Addresses, paths, names
/// joined of words, alphabets, digests and certificates do not.
pub fn is_random(text: &str, min_entropy: Decimal) -> bool {
    let count = |of: fn(&u8) -> bool| text.bytes().filter(of).count();
    let in_a_row = text.as_bytes().windows(2).filter(|pair| pair[1] == pair[0].wrapping_add(1)).count();
    text.len() >= 20
        && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"+/=_-".contains(&byte))
        && count(u8::is_ascii_uppercase) > 0
        && count(u8::is_ascii_lowercase) > 0
        && count(u8::is_ascii_digit) > 1
        && in_a_row * 2 < text.len()
        && !value::is_made_of_words(text)
        && !value::is_public(text)
        && entropy(text) * 1000.0 >= min_entropy.milli as f64
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const FOUR: Decimal = Decimal { milli: 4000 };

    #[test]
    fn credentials_are_known_by_their_form() {
        let key_id = ["AKIA", "IOSFODNN7EXAMPLE"].concat();
        let github = ["ghp_", "0123456789abcdefghijABCDEFGHIJ012345"].concat();
        let slack = ["xoxb-", "123456789012-abcdefGHIJ"].concat();
        let jwt = ["eyJhbGciOiJIUzI1NiJ9", ".eyJzdWIiOiIxMjM0NSJ9", ".c2lnbmF0dXJl"].concat();
        let key = ["-----BEGIN RSA PRIVATE", " KEY-----\nMIIEpAIBAAKCAQEAexample"].concat();
        assert_eq!(detect(&key_id), Some("an AWS access key id"));
        assert_eq!(detect(&format!("id={key_id};")), Some("an AWS access key id"));
        assert_eq!(detect(&github), Some("a GitHub token"));
        assert_eq!(detect(&slack), Some("a Slack token"));
        assert_eq!(detect(&jwt), Some("a JSON web token"));
        assert_eq!(detect(&key), Some("a private key"));
        let text = format!("a: b\n  c: {github}\nd");
        assert_eq!(detect_line(&text), Some(("a GitHub token", format!("c: {github}").as_str())));
        assert_eq!(detect_line(&format!("git clone https://x:{github}@github.com/a/b")), None);
        for harmless in ["AKIA", "SLAKIA0123456789ABCDEF", "-----BEGIN CERTIFICATE-----", "eyJhbGci.eyJ.x", "ghp_short"]
        {
            assert_eq!(detect(harmless), None, "{harmless}");
        }
    }

    #[test]
    fn random_words_are_told_from_names() {
        assert!((entropy("abcd") - 2.0).abs() < 1e-9);
        assert!(is_random("wJalrXUtnFEMI7K7MDENGbPxRfiCYEXAMPLEKEY", FOUR));
        for harmless in [
            "org.springframework.boot.loader.JarLauncher2",
            "postgres.default.svc.cluster.local",
            "da39a3ee5e6b4b0d3255bfef95601890afd80709",
            "TransactionIsolationReadCommitted",
            "aB1",
        ] {
            assert!(!is_random(harmless, FOUR), "{harmless}");
        }
    }

    #[test]
    fn passwords_of_tutorials_are_well_known() {
        for text in ["admin", "Test123!", "supersecret", "minio123", "my-password"] {
            assert!(is_well_known(text), "{text}");
        }
        for text in ["hunter2", "correct-horse-battery-secret", "adminton"] {
            assert!(!is_well_known(text), "{text}");
        }
    }

    #[test]
    fn placeholders() {
        for text in
            ["$(DB_PASSWORD)", "${DB_PASSWORD}", "$DB", "{{ .Values.x }}", "<password>", "****", "CHANGE_ME", "xxx", ""]
        {
            assert!(is_placeholder(text), "{text}");
        }
        for text in ["%(PW)s", "%[2]s", "a%2$sb", "$A$B", "$A-$B_C", "$env:PW", "$env:A$B", "%PW%", "%A%%B%"] {
            assert!(is_placeholder(text), "{text}");
        }
        for text in
            ["hunter2", "pa$$word", "5%s", "p@ss", "100%25", "%(x", "%()s", "%[1] x", "%2$", "$a!b", "a$A$B", "%a b%"]
        {
            assert!(!is_placeholder(text), "{text}");
        }
    }

    #[test]
    fn passwords_in_urls() {
        let found = |text: &str| {
            let urls = urls_with_password(text);
            urls.iter().map(|url| [url.scheme, url.user, url.host].join(" ")).collect::<Vec<_>>().join(",")
        };
        for (text, expected) in [
            ("postgres://app:hunter2@db:5432/shop", "postgres app db"),
            ("redis://:hunter2@cache/0", "redis  cache"),
            ("jdbc:postgresql://app:hunter2@db/shop", "postgresql app db"),
            ("mongodb+srv://a:p@ss@h1.example,h2.example/x", "mongodb+srv a h1.example"),
            ("a=amqp://u:p@mq b=http://x:y@proxy:3128", "amqp u mq,http x proxy"),
            ("http://${USER:-me}:pw@host", "http ${USER:-me} host"),
            ("http://user:pw@${HOST}/x", "http user ${HOST"),
            ("https://user:p%40ss@host", "https user host"),
            ("redis://:pw@[fd00:1::2]:6379/3", "redis  [fd00:1::2]"),
            ("postgresql://a:pw@/cart?host=/sock", "postgresql a "),
            ("mysql://a:pw@tcp(db:3306)/x", "mysql a tcp(db"),
            ("postgresql://a:pw@%2Frun%2Fpg/x", "postgresql a %2Frun%2Fpg"),
            ("amqp://a:pw@<broker>/v", "amqp a <broker>"),
            ("amqp://a:pw@%s/v", "amqp a %s"),
            // Filled in elsewhere, or no password at all.
            ("postgres://app:${PASSWORD}@db", ""),
            ("postgres://app:$(PASSWORD)@db", ""),
            ("postgres://app:{{ .password }}@db", ""),
            ("https://x:${{ secrets.TOKEN }}@github.com", ""),
            ("postgres://$USER:$PASS@db", ""),
            ("postgres://app:<password>@db", ""),
            ("postgres://app:****@db", ""),
            ("postgres://app:%s@db", ""),
            ("http://host:8080/a@b", ""),
            ("http://host:8080?a@b", ""),
            ("http://user@host", ""),
            ("http://host:80, mail a@b", ""),
            ("://a:b@c", ""),
            ("http://a:@c", ""),
            ("http://a:b@", ""),
        ] {
            assert_eq!(found(text), expected, "{text}");
        }
    }

    #[test]
    fn the_line_of_a_url_is_its_own() {
        let text = "a: 1\n  url: redis://:b@c # x\nd";
        assert_eq!(urls_with_password(text)[0].line, "url: redis://:b@c # x");
    }

    proptest! {
        #[test]
        fn never_panics(text in "[a:/@${}()<>.é \"*AKIey-]{0,60}") {
            let _ = (urls_with_password(&text), detect(&text), is_placeholder(&text), is_random(&text, FOUR));
        }
    }
}
