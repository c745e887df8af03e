//! References: `oci://HOST[:PORT]/PATH[:TAG][@DIGEST]`.

use crate::digest::Digest;
use crate::trust::Target;
use crate::visible::Visible;
use std::fmt;
use std::str::FromStr;

/// What a reference to a registry begins with where a file or a name could stand as well.
pub const SCHEME: &str = "oci://";
/// What is meant where neither tag nor digest is given.
const DEFAULT_TAG: &str = "latest";

/// A repository of a registry.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Repository {
    host: String,
    path: String,
}

/// A manifest of a repository: by tag, by digest, or by both, where the digest decides.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Reference {
    /// Where it is.
    pub repository: Repository,
    /// The tag, if one was given or nothing was.
    pub tag: Option<String>,
    /// The digest, if one was given.
    pub digest: Option<Digest>,
}

/// Why a text is no [`Reference`].
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{}` is no reference like `oci://registry.example/team/bundle:1.0`: {reason}", Visible(.text))]
pub struct ReferenceError {
    text: String,
    reason: &'static str,
}

impl Repository {
    /// `registry.example:5000`, as it was written.
    pub fn host(&self) -> &str {
        &self.host
    }

    /// `team/bundle`.
    pub fn path(&self) -> &str {
        &self.path
    }

    /// What trust policies and signatures call a manifest of it.
    pub fn target(&self, digest: Digest) -> Target {
        Target::new(&self.to_string(), &digest.to_string()).expect("invariant: a digest is written as one")
    }

    /// A tag of it.
    pub fn tagged(&self, tag: &str) -> Result<Reference, ReferenceError> {
        format!("{self}:{tag}").parse()
    }

    /// A manifest of it.
    pub fn at(&self, digest: Digest) -> Reference {
        Reference { repository: self.clone(), tag: None, digest: Some(digest) }
    }
}

impl Reference {
    /// Whether a text means a registry, where a file or a name could stand as well.
    pub fn is_meant(text: &str) -> bool {
        text.starts_with(SCHEME)
    }

    /// What it is called without its digest: the key of locks and of the store.
    pub fn name(&self) -> String {
        match &self.tag {
            Some(tag) => format!("{}:{tag}", self.repository),
            None => self.to_string(),
        }
    }

    /// The same, of which the digest is known now.
    pub fn pinned(&self, digest: Digest) -> Self {
        Self { digest: Some(digest), ..self.clone() }
    }
}

impl fmt::Display for Repository {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.host, self.path)
    }
}

impl fmt::Display for Reference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.repository)?;
        if let Some(tag) = &self.tag {
            write!(f, ":{tag}")?;
        }
        self.digest.map_or(Ok(()), |digest| write!(f, "@{digest}"))
    }
}

impl FromStr for Repository {
    type Err = ReferenceError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let error = |reason| ReferenceError { text: text.chars().take(300).collect(), reason };
        let (host, path) =
            text.strip_prefix(SCHEME).unwrap_or(text).split_once('/').ok_or_else(|| error("it has no path"))?;
        if !is_host(host) {
            return Err(error("the part before the first `/` is not a host, or a host with a port"));
        }
        if path.len() > 255 || !path.split('/').all(is_component) {
            return Err(error("the path is not of a-z, 0-9 and single `.`, `_`, `-` between them, in parts by `/`"));
        }
        Ok(Self { host: host.to_owned(), path: path.to_owned() })
    }
}

impl FromStr for Reference {
    type Err = ReferenceError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let error = |reason| ReferenceError { text: text.chars().take(300).collect(), reason };
        let rest = text.strip_prefix(SCHEME).unwrap_or(text);
        let (rest, digest) = match rest.split_once('@') {
            None => (rest, None),
            Some((rest, digest)) => {
                let digest = digest.parse().map_err(|_| error("behind `@` stands no `sha256:` with 64 hex digits"))?;
                (rest, Some(digest))
            }
        };
        // A colon before the last slash belongs to the port.
        let name = rest.rfind('/').map_or(rest, |slash| &rest[slash..]);
        let (repository, tag) = match name.rfind(':') {
            None => (rest, None),
            Some(colon) => {
                let tag = &name[colon + 1..];
                (&rest[..rest.len() - tag.len() - 1], Some(tag))
            }
        };
        if tag.is_some_and(|tag| !is_tag(tag)) {
            return Err(error(
                "the tag is not of up to 128 letters, digits, `_`, `.` and `-`, or begins with one of these",
            ));
        }
        let repository = repository.parse().map_err(|inner: ReferenceError| error(inner.reason))?;
        let tag = tag.or(if digest.is_none() { Some(DEFAULT_TAG) } else { None }).map(str::to_owned);
        Ok(Self { repository, tag, digest })
    }
}

/// A name, an IPv4 or a bracketed IPv6 address, perhaps with a port. It becomes part of a URL.
fn is_host(text: &str) -> bool {
    let (name, port) = match text.strip_prefix('[').and_then(|rest| rest.split_once(']')) {
        Some((address, rest)) => {
            if address.parse::<std::net::Ipv6Addr>().is_err() {
                return false;
            }
            ("", if rest.is_empty() { None } else { Some(rest.strip_prefix(':').unwrap_or("?")) })
        }
        None => text.split_once(':').map_or((text, None), |(name, port)| (name, Some(port))),
    };
    let label = |label: &str| {
        !label.is_empty()
            && label.len() <= 63
            && !label.starts_with('-')
            && !label.ends_with('-')
            && label.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
    };
    let digits = |port: &str| !port.is_empty() && port.bytes().all(|byte| byte.is_ascii_digit());
    (text.starts_with('[') || name.split('.').all(label))
        && name.len() <= 253
        && port.is_none_or(|port| digits(port) && port.parse::<u16>().is_ok_and(|port| port > 0))
}

/// `[a-z0-9]+((\.|_|__|-+)[a-z0-9]+)*`, as the distribution specification has it.
fn is_component(text: &str) -> bool {
    let word = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit();
    let mut separator = String::new();
    let mut before = false;
    for byte in text.bytes() {
        if word(byte) {
            let allowed =
                matches!(separator.as_str(), "" | "." | "_" | "__") || separator.bytes().all(|byte| byte == b'-');
            if !allowed || (!before && !separator.is_empty()) {
                return false;
            }
            separator.clear();
            before = true;
        } else if matches!(byte, b'.' | b'_' | b'-') {
            separator.push(char::from(byte));
        } else {
            return false;
        }
    }
    before && separator.is_empty()
}

/// `[a-zA-Z0-9_][a-zA-Z0-9._-]{0,127}`.
fn is_tag(text: &str) -> bool {
    let first = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_';
    text.len() <= 128
        && text.bytes().next().is_some_and(first)
        && text.bytes().all(|byte| first(byte) || matches!(byte, b'.' | b'-'))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn parts_are_told_apart() {
        let digest = Digest::of(b"x");
        for (text, shown, tag) in [
            ("oci://registry.example/team/bundle:1.0", "registry.example/team/bundle:1.0", Some("1.0")),
            ("localhost:5000/bundle", "localhost:5000/bundle:latest", Some("latest")),
            ("oci://[::1]:5000/a/b/c:x", "[::1]:5000/a/b/c:x", Some("x")),
            (&format!("127.0.0.1/a@{digest}"), &format!("127.0.0.1/a@{digest}"), None),
            (
                &format!("r.example/a_b/c__d-e---f.g:1@{digest}"),
                &format!("r.example/a_b/c__d-e---f.g:1@{digest}"),
                Some("1"),
            ),
        ] {
            let reference: Reference = text.parse().unwrap();
            assert_eq!(reference.to_string(), shown);
            assert_eq!(reference.tag.as_deref(), tag);
        }
    }

    #[test]
    fn what_would_mean_something_else_in_a_url_is_refused() {
        let long = format!("h/{}", "a".repeat(256));
        for text in [
            "",
            "bundle",
            "oci://",
            "/a",
            "h/",
            "h//a",
            "h/A",
            "h/a b",
            "h/../a",
            "h/a/",
            "h/.a",
            "h/a._b",
            "h/a___b",
            "u@h/a",
            "h:0/a",
            "h:70000/a",
            "h:/a",
            "h:1:2/a",
            "[::1/a",
            "[::g]/a",
            "[::1]x/a",
            "-h/a",
            "h-/a",
            "h..i/a",
            "h/a:",
            "h/a:-x",
            "h/a:x y",
            "h/a@sha256:12",
            "h/a@",
            "h/a?x",
            "h/a#x",
            "h/a%2f",
            "http://h/a",
            "h/é",
            &long,
        ] {
            assert!(text.parse::<Reference>().is_err(), "{text}");
        }
    }

    proptest! {
        #[test]
        fn what_is_taken_reads_back_as_it_is_written(text in "(oci://)?[a-c:.\\[\\]/@_-]{0,24}") {
            if let Ok(reference) = text.parse::<Reference>() {
                prop_assert_eq!(reference.to_string().parse::<Reference>().unwrap(), reference);
            }
        }

        #[test]
        fn well_formed_ones_are_taken(
            host in "[a-z][a-z0-9]{0,5}(\\.[a-z]{1,5}){0,2}(:[1-9][0-9]{0,3})?",
            path in "[a-z0-9]{1,4}([._-][a-z0-9]{1,4}){0,2}(/[a-z0-9]{1,4}){0,2}",
            tag in "[a-zA-Z0-9_][a-zA-Z0-9._-]{0,10}",
        ) {
            let reference: Reference = format!("oci://{host}/{path}:{tag}").parse().unwrap();
            prop_assert_eq!(reference.repository.host(), host);
            prop_assert_eq!(reference.repository.path(), path);
            prop_assert_eq!(reference.tag, Some(tag));
        }

        #[test]
        fn rubbish_never_panics(text in ".{0,40}") {
            let _ = text.parse::<Reference>();
        }
    }
}
