//! Labels: which keys and values the API server takes.

/// The longest name of a key, and the longest value, in bytes.
const LONGEST: usize = 63;
/// The longest prefix of a key, a DNS name.
const LONGEST_PREFIX: usize = 253;

/// Whether a text can be the key of a label or an annotation: a name, with an optional DNS name and `/` before it.
pub fn is_key(text: &str) -> bool {
    match text.split_once('/') {
        Some((prefix, name)) => is_dns_name(prefix) && !name.is_empty() && is_value(name),
        None => !text.is_empty() && is_value(text),
    }
}

/// Whether a text can be the value of a label; it may be empty.
pub fn is_value(text: &str) -> bool {
    let is_inner = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.');
    let is_outer = |byte: Option<u8>| byte.is_none_or(|byte| byte.is_ascii_alphanumeric());
    let mut bytes = text.bytes();
    text.len() <= LONGEST && text.bytes().all(is_inner) && is_outer(bytes.next()) && is_outer(bytes.next_back())
}

/// Whether a text is a DNS name, Kubernetes' `DNS1123Subdomain`.
fn is_dns_name(text: &str) -> bool {
    let is_part = |part: &str| {
        let is_allowed = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
        !part.is_empty() && part.bytes().all(is_allowed) && !part.starts_with('-') && !part.ends_with('-')
    };
    text.len() <= LONGEST_PREFIX && text.split('.').all(is_part)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_have_a_name_and_perhaps_a_domain() {
        let longest = "a".repeat(63);
        for key in ["app", "a", "A_b.c-1", "example.com/app", "a-b.c/D", &longest, &format!("x.io/{longest}")] {
            assert!(is_key(key), "{key}");
        }
        for key in ["", "/a", "a/", "a/b/c", "-a", "a-", "a b", "Example.com/a", "a..b/c", "ü", &"a".repeat(64)] {
            assert!(!is_key(key), "{key}");
        }
        assert!(is_key(&format!("{}/a", "a".repeat(253))) && !is_key(&format!("{}/a", "a".repeat(254))));
    }

    #[test]
    fn values_may_be_empty() {
        assert!(["", "1.10", "a", "A_b.c-1"].into_iter().all(is_value));
        assert!(!["a/b", " a", "-a", "a.", "a:b", "shop@example.com"].into_iter().any(is_value));
        assert!(is_value(&"a".repeat(63)) && !is_value(&"a".repeat(64)));
    }
}
