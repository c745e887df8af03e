//! Passwords in URLs.

use super::value::is_interpolation;

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
