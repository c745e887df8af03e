//! References of images (`:image`), by the grammar of distribution/reference.
//!
//! # The model
//!
//! ```text
//! { "registry": "docker.io", "repository": "library/nginx", "name": "nginx", "tag": "1.27", "digest": "sha256:…",
//!   "canonical": "docker.io/library/nginx:1.27" }
//! ```
//!
//! `registry` and `library/` are filled in as Docker does; `tag` and `digest` are there when they are written. A reference
//! with a variable is unread.

use super::build::{Builder, span};
use crate::document::{Node, Span};

/// The tree of a reference.
pub(super) fn tree(text: &str, builder: &mut Builder) -> Node {
    let whole = Span::new(0, text.len());
    let Some(reference) = parse(text) else {
        let reason = if text.contains('$') { "it holds a variable" } else { "no reference of an image" };
        return builder.nothing(whole, reason);
    };
    let place = |part: &str| {
        let start = part.as_ptr() as usize - text.as_ptr() as usize;
        span(&(start..start + part.len()))
    };
    let registry = reference.registry.map_or_else(|| "docker.io".to_owned(), str::to_owned);
    let is_short = matches!(&*registry, "docker.io" | "index.docker.io") && !reference.path.contains('/');
    let repository = if is_short { format!("library/{}", reference.path) } else { reference.path.to_owned() };
    let mut canonical = format!("{registry}/{repository}");
    let name = reference.path.rsplit('/').next().unwrap_or(reference.path);
    let mut entries = vec![
        ("registry", builder.string(registry, reference.registry.map_or(whole, place))),
        ("repository", builder.string(repository, place(reference.path))),
        ("name", builder.string(name, place(name))),
    ];
    for (key, sign, part) in [("tag", ':', reference.tag), ("digest", '@', reference.digest)] {
        if let Some(part) = part {
            canonical.push(sign);
            canonical.push_str(part);
            entries.push((key, builder.string(part, place(part))));
        }
    }
    entries.push(("canonical", builder.string(canonical, whole)));
    builder.object(entries, whole)
}

struct Reference<'t> {
    registry: Option<&'t str>,
    path: &'t str,
    tag: Option<&'t str>,
    digest: Option<&'t str>,
}

fn parse(text: &str) -> Option<Reference<'_>> {
    let (rest, digest) = match text.split_once('@') {
        Some((rest, digest)) => (rest, Some(digest).filter(|digest| is_digest(digest)).map(Some)?),
        None => (text, None),
    };
    let behind_path = rest.rfind('/').map_or(0, |at| at + 1);
    let (name, tag) = match rest[behind_path..].find(':') {
        Some(at) => {
            (&rest[..behind_path + at], Some(&rest[behind_path + at + 1..]).filter(|tag| is_tag(tag)).map(Some)?)
        }
        None => (rest, None),
    };
    // The first part is a registry when it looks like a host.
    let (registry, path) = match name.split_once('/') {
        Some((first, path)) if first.contains(['.', ':']) || first == "localhost" || first.contains(is_upper) => {
            (Some(first).filter(|host| is_host(host)).map(Some)?, path)
        }
        _ => (None, name),
    };
    (name.len() <= 255 && path.split('/').all(is_component)).then_some(Reference { registry, path, tag, digest })
}

fn is_upper(character: char) -> bool {
    character.is_ascii_uppercase()
}

/// Lower-case words and digits with `.`, `_`, `__` or dashes between them.
fn is_component(text: &str) -> bool {
    let is_word = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit();
    let bytes = text.as_bytes();
    let ends = bytes.first().zip(bytes.last());
    ends.is_some_and(|(first, last)| is_word(*first) && is_word(*last))
        && text
            .split(|c: char| c.is_ascii_lowercase() || c.is_ascii_digit())
            .all(|between| matches!(between, "" | "." | "_" | "__") || between.bytes().all(|byte| byte == b'-'))
}

fn is_host(text: &str) -> bool {
    let (host, port) = match text.rfind(':').filter(|at| !text[*at..].contains(']')) {
        Some(at) => (&text[..at], Some(&text[at + 1..])),
        None => (text, None),
    };
    let is_port = |port: &str| !port.is_empty() && port.bytes().all(|byte| byte.is_ascii_digit());
    let is_label = |label: &str| {
        !label.is_empty()
            && !label.starts_with('-')
            && !label.ends_with('-')
            && label.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
    };
    let address = host.strip_prefix('[').and_then(|rest| rest.strip_suffix(']'));
    let is_name = match address {
        Some(address) => address.parse::<std::net::Ipv6Addr>().is_ok(),
        None => host.split('.').all(is_label),
    };
    is_name && port.is_none_or(is_port)
}

fn is_tag(text: &str) -> bool {
    let is_word = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_';
    (1..=128).contains(&text.len())
        && is_word(text.as_bytes()[0])
        && text.bytes().all(|byte| is_word(byte) || matches!(byte, b'.' | b'-'))
}

fn is_digest(text: &str) -> bool {
    text.split_once(':').is_some_and(|(algorithm, hex)| {
        let parts = algorithm.split(['-', '_', '+', '.']);
        let is_part = |part: &str| {
            part.starts_with(|first: char| first.is_ascii_alphabetic())
                && part.bytes().all(|b| b.is_ascii_alphanumeric())
        };
        parts.into_iter().all(is_part) && hex.len() >= 32 && hex.bytes().all(|byte| byte.is_ascii_hexdigit())
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn canonical(text: &str) -> Option<String> {
        let tree = tree(text, &mut Builder::new(usize::MAX));
        tree.get("canonical").and_then(Node::as_str).map(str::to_owned)
    }

    #[test]
    fn references_are_read() {
        let digest = format!("sha256:{}", "a".repeat(64));
        for (text, expected) in [
            ("nginx", Some("docker.io/library/nginx")),
            ("nginx:1.27", Some("docker.io/library/nginx:1.27")),
            ("bitnami/redis", Some("docker.io/bitnami/redis")),
            ("localhost/x:a", Some("localhost/x:a")),
            ("r.example:5000/a/b:T_1", Some("r.example:5000/a/b:T_1")),
            ("[2001:db8::1]:5000/x", Some("[2001:db8::1]:5000/x")),
            ("a__b/c--d.e", Some("docker.io/a__b/c--d.e")),
            ("Nginx", None),
            ("nginx:", None),
            ("nginx:-a", None),
            ("a//b", None),
            ("a..b", None),
            ("nginx@sha256:abc", None),
            ("$REGISTRY/x", None),
            ("http://x/y", None),
            ("", None),
        ] {
            assert_eq!(canonical(text).as_deref(), expected, "{text}");
        }
        assert_eq!(canonical(&format!("x:1@{digest}")), Some(format!("docker.io/library/x:1@{digest}")));
    }

    proptest! {
        #[test]
        fn never_panics(text in "([a-c]|A|\\.|/|:|@|-|_|\\[|\\]|1|sha256|é){0,16}") {
            let tree = tree(&text, &mut Builder::new(usize::MAX));
            super::super::build::check_places(&tree, &text);
        }
    }
}
