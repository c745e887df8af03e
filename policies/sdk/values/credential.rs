//! Recognising credentials in text.

use crate::parameter::Decimal;

/// What kind of credential a text holds, by its form: `an AWS access key id`.
pub fn detect(text: &str) -> Option<&'static str> {
    let word = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-');
    let upper = |byte: u8| byte.is_ascii_uppercase() || byte.is_ascii_digit();
    let starts = |prefixes: &[&str], least| prefixes.iter().any(|prefix| has_token(text, prefix, least, word));
    if has_private_key(text) {
        Some("a private key")
    } else if ["AKIA", "ASIA"].iter().any(|prefix| has_token(text, prefix, 16, upper)) {
        Some("an AWS access key id")
    } else if starts(&["ghp_", "gho_", "ghu_", "ghs_", "ghr_", "github_pat_"], 30) {
        Some("a GitHub token")
    } else if starts(&["xoxa-", "xoxb-", "xoxe-", "xoxp-", "xoxr-", "xoxs-", "xapp-"], 10) {
        Some("a Slack token")
    } else if starts(&["glpat-"], 20) {
        Some("a GitLab token")
    } else if starts(&["sk_live_", "rk_live_"], 16) {
        Some("a Stripe key")
    } else if starts(&["AIza"], 35) {
        Some("a Google API key")
    } else if starts(&["SG."], 20) {
        Some("a SendGrid key")
    } else if starts(&["npm_", "pypi-"], 30) {
        Some("a token of a package registry")
    } else if starts(&["hf_"], 30) {
        Some("a Hugging Face token")
    } else if starts(&["dop_v1_"], 40) {
        Some("a DigitalOcean token")
    } else if starts(&["AGE-SECRET-KEY-1"], 40) {
        Some("an age key")
    } else if has_jwt(text) {
        Some("a JSON web token")
    } else {
        None
    }
}

/// [`detect`], and the line that shows it, without the space around it. Lines with the credential in a URL do not count:
/// the rule on URLs reports them.
pub fn detect_line(text: &str) -> Option<(&'static str, &str)> {
    detect(text)?;
    let is_in_url = |line: &str| {
        let urls = urls_with_password(line);
        urls.iter().any(|url| detect(url.user).or_else(|| detect(url.password)).is_some())
    };
    let mut lines = text.lines().filter(|line| !is_in_url(line));
    lines.find_map(|line| Some((detect(line)?, line.trim_ascii())))
}

/// True when `prefix` starts a word that goes on with at least so many characters of a kind.
fn has_token(text: &str, prefix: &str, least: usize, allowed: impl Fn(u8) -> bool) -> bool {
    text.match_indices(prefix).any(|(at, _)| {
        let before = text[..at].bytes().next_back();
        let after = text[at + prefix.len()..].bytes();
        !before.is_some_and(|byte| byte.is_ascii_alphanumeric())
            && after.take(least).filter(|byte| allowed(*byte)).count() == least
    })
}

fn has_private_key(text: &str) -> bool {
    let headers = text.split("-----BEGIN ").skip(1).filter_map(|rest| rest.split("-----").next());
    headers.into_iter().any(|header| header.contains("PRIVATE KEY"))
}

fn has_jwt(text: &str) -> bool {
    let is_token = |character: char| character.is_ascii_alphanumeric() || matches!(character, '.' | '_' | '-');
    text.split(|character| !is_token(character)).any(|word| {
        let parts: Vec<&str> = word.splitn(4, '.').collect();
        parts.len() == 3 && parts[..2].iter().all(|part| part.starts_with("eyJ") && part.len() > 10)
    })
}

/// Shannon entropy of a text, in bits per byte.
pub fn entropy(text: &str) -> f64 {
    let mut counts = [0_u32; 256];
    text.bytes().for_each(|byte| counts[usize::from(byte)] += 1);
    let length = text.len().max(1) as f64;
    let shares = counts.iter().filter(|count| **count > 0).map(|count| f64::from(*count) / length);
    -shares.map(|share| share * share.log2()).sum::<f64>()
}

/// True when a text looks like a generated key: one word of at least 20 characters of the base64
/// alphabets, upper and lower case and at least two digits among them, and at least that many bits
/// per character. Addresses, file names, class names and hexadecimal digests do not.
pub fn is_random(text: &str, min_entropy: Decimal) -> bool {
    let count = |of: fn(&u8) -> bool| text.bytes().filter(of).count();
    text.len() >= 20
        && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"+/=_-".contains(&byte))
        && count(u8::is_ascii_uppercase) > 0
        && count(u8::is_ascii_lowercase) > 0
        && count(u8::is_ascii_digit) > 1
        && entropy(text) * 1000.0 >= min_entropy.milli as f64
}

/// True when a text stands for a value that is filled in elsewhere: `$(NAME)`, `${NAME}`, `$NAME`,
/// `{{ name }}`, `<password>`, `****`, `CHANGE_ME`, and nothing at all.
pub fn is_placeholder(text: &str) -> bool {
    let text = text.trim();
    let plain = text.to_ascii_lowercase().replace(['-', '_', ' '], "");
    is_interpolation(text)
        || text.bytes().all(|byte| matches!(byte, b'*' | b'.' | b'x' | b'X'))
        || matches!(&*plain, "changeme" | "replaceme" | "redacted" | "placeholder" | "todo" | "none" | "null")
}

/// True for passwords that stand in every tutorial: whoever writes one has most likely no secret there.
pub fn is_sample(password: &str) -> bool {
    const SAMPLES: [&str; 13] = [
        "postgres", "password", "passw0rd", "guest", "root", "admin", "test", "secret", "changeme", "example", "pass",
        "minio", "mysql",
    ];
    SAMPLES.contains(&&*password.to_ascii_lowercase())
}

/// True when a text, or a part of it, is filled in elsewhere: `$(NAME)`, `${NAME}`, `{{ name }}`,
/// `{name}`, `%s`, or the whole is `$NAME` or `<name>`.
pub fn is_interpolation(text: &str) -> bool {
    let is_name =
        |name: &str| !name.is_empty() && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_');
    text.contains("$(")
        || text.find('{').is_some_and(|open| text[open..].contains('}'))
        || matches!(text, "%s" | "%v" | "%q")
        || text.strip_prefix('$').is_some_and(is_name)
        || text.starts_with('<') && text.ends_with('>')
}

/// A URL that carries a password: `scheme://user:password@host`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct UrlWithPassword<'a> {
    /// As written: `postgresql+asyncpg`.
    pub scheme: &'a str,
    /// As written; empty in `redis://:password@host`.
    pub user: &'a str,
    /// As written: never to be shown.
    pub password: &'a str,
    /// Without the port; of several hosts the first; empty where a socket is named elsewhere.
    pub host: &'a str,
    /// The line that it stands in, password and all: to be shown as a secret excerpt, never in a message.
    pub line: &'a str,
}

impl UrlWithPassword<'_> {
    /// True when the scheme is one of a list, as it is, with TLS (`rediss`) or with a driver
    /// (`postgresql+asyncpg`).
    pub fn has_scheme(&self, schemes: &[String]) -> bool {
        let base = self.scheme.split('+').next().unwrap_or_default().to_ascii_lowercase();
        schemes.iter().any(|scheme| base == *scheme || base.strip_suffix('s') == Some(scheme))
    }
}

/// The URLs in a text that carry a literal password, one that is no [`is_interpolation`] and no
/// mask such as `****`; of many the first hundred.
pub fn urls_with_password(text: &str) -> Vec<UrlWithPassword<'_>> {
    let urls = text.match_indices("://").filter_map(|(at, separator)| {
        let is_scheme = |character: char| character.is_ascii_alphanumeric() || matches!(character, '+' | '-' | '.');
        let scheme = text[..at].rsplit(|character| !is_scheme(character)).next()?;
        let (user, password, host) = user_information(&text[at + separator.len()..])?;
        let is_literal = !is_interpolation(password) && !password.bytes().all(|byte| byte == b'*');
        let is_url = is_literal && !scheme.is_empty();
        is_url.then(|| UrlWithPassword { scheme, user, password, host, line: line_at(text, at) })
    });
    urls.take(MAX_URLS).collect()
}

/// The line around a byte, without the space around it.
fn line_at(text: &str, at: usize) -> &str {
    let start = text[..at].rfind('\n').map_or(0, |end| end + 1);
    let end = text[at..].find('\n').map_or(text.len(), |length| at + length);
    text[start..end].trim_ascii()
}

const MAX_URLS: usize = 100;
/// What is looked at of one URL's authority.
const MAX_AUTHORITY: usize = 1024;
/// How long an interpolation may be.
const MAX_GROUP: usize = 256;

/// Takes the authority of a URL apart: user, password and host. `None` without a password.
fn user_information(rest: &str) -> Option<(&str, &str, &str)> {
    let bytes = &rest.as_bytes()[..rest.len().min(MAX_AUTHORITY)];
    let (mut colon, mut at_sign) = (None, None);
    let mut next = 0;
    while let Some(byte) = bytes.get(next) {
        match byte {
            b'/' | b'?' | b'#' | b'"' | b'\'' | b'`' | b'\\' | b'>' => break,
            byte if byte.is_ascii_whitespace() => break,
            b':' if colon.is_none() => colon = Some(next),
            b'@' => at_sign = Some(next),
            _ => {}
        }
        next += group_length(&bytes[next..]).max(1);
    }
    let colon = colon?;
    let at_sign = at_sign.filter(|at_sign| *at_sign > colon + 1)?;
    Some((&rest[..colon], &rest[colon + 1..at_sign], host(&rest[at_sign + 1..])?))
}

/// The host that a text begins with, also an IPv6 address, an escaped socket, a placeholder or a verb; empty where a path
/// or a query follows at once, as drivers of databases have it. `None` where nothing follows.
fn host(rest: &str) -> Option<&str> {
    if let Some(close) = rest.strip_prefix('[').and_then(|address| address.find(']')) {
        return Some(&rest[..close + 2]);
    }
    let is_end = |character: char| {
        !(character.is_ascii_alphanumeric() || matches!(character, '.' | '-' | '_' | '$' | '{' | '(' | '%' | '<' | '>'))
    };
    let host = rest.split(is_end).next().unwrap_or_default();
    (!host.is_empty() || rest.starts_with(['/', '?'])).then_some(host)
}

/// How long the interpolation or placeholder is that the bytes begin with; 0 when there is none.
fn group_length(bytes: &[u8]) -> usize {
    let close: &[u8] = match bytes {
        [b'$', b'(', ..] => b")",
        [b'{', b'{', ..] | [b'$', b'{', b'{', ..] => b"}}",
        [b'$', b'{', ..] | [b'{', ..] => b"}",
        [b'<', ..] => b">",
        _ => return 0,
    };
    bytes.windows(close.len()).take(MAX_GROUP).position(|window| window == close).map_or(0, |at| at + close.len())
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
        let key = ["-----BEGIN RSA PRIVATE", " KEY-----\nMIIE"].concat();
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
    fn placeholders() {
        for text in
            ["$(DB_PASSWORD)", "${DB_PASSWORD}", "$DB", "{{ .Values.x }}", "<password>", "****", "CHANGE_ME", "xxx", ""]
        {
            assert!(is_placeholder(text), "{text}");
        }
        for text in ["hunter2", "pa$$word", "5%s", "p@ss"] {
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
