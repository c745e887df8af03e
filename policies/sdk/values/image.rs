//! Image references: their parts, and comparison with allow-lists.

use std::borrow::Cow;

const DOCKER_HUB: &str = "docker.io";

/// A parsed image reference, `[registry/]path[:tag][@digest]`, with what is implied filled in:
/// `nginx` is `docker.io/library/nginx`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ImageReference<'a> {
    /// The registry's host and perhaps port; `docker.io` when none is written.
    pub registry: &'a str,
    /// The repository without its registry, such as `library/nginx`.
    pub path: Cow<'a, str>,
    /// The tag, when one is written.
    pub tag: Option<&'a str>,
    /// The digest, when one is written, such as `sha256:…`.
    pub digest: Option<&'a str>,
    /// True when the registry is written.
    pub has_registry: bool,
}

impl<'a> ImageReference<'a> {
    /// Reads a reference by the grammar of `github.com/distribution/reference`, which every container
    /// runtime follows: a path is lower case and at most 255 bytes long, a tag at most 128, a digest
    /// has at least 32 hexadecimal digits (a SHA-2 digest its exact length, in lower case). The first
    /// segment is a registry only if it contains `.` or `:` or is `localhost`. `None` for anything else.
    pub fn parse(text: &'a str) -> Option<Self> {
        let (name, digest) = split_optional(text, text.split_once('@'));
        let (name, tag) = split_optional(name, split_tag(name));
        let (registry, path) = split_registry(name);
        let has_registry = registry.is_some();
        let registry = normalise_registry(registry);
        let is_valid = is_registry(registry)
            && path.split('/').all(is_path_segment)
            && tag.is_none_or(is_tag)
            && digest.is_none_or(is_digest)
            // Otherwise it is the id of a local image.
            && (has_registry || !is_hex(path, 64));
        let path = add_library(registry, path);
        (is_valid && path.len() <= 255).then_some(Self { registry, path, tag, digest, has_registry })
    }

    /// The tag that is pulled: `latest` when neither a tag nor a digest is written.
    pub fn effective_tag(&self) -> Option<&'a str> {
        self.tag.or(if self.digest.is_none() { Some("latest") } else { None })
    }

    /// The whole repository: `docker.io/library/nginx`.
    pub fn repository(&self) -> String {
        [self.registry, "/", &self.path].concat()
    }

    /// True when an entry of an allow-list admits the image. An entry is a reference, or its
    /// beginning up to a `/`, `:` or `@`; `*` and `?` in it match within one of its segments, and in a registry within one
    /// label of its name.
    ///
    /// | Entry | Admits |
    /// |---|---|
    /// | `registry.example.com`, `registry.example.com/` | all of that registry, at its default port |
    /// | `*.dkr.ecr.*.amazonaws.com` | all of the registries that match |
    /// | `ghcr.io/team` | `ghcr.io/team` itself and what is below it |
    /// | `ghcr.io/team/`, `ghcr.io/team/*` | what is below it |
    /// | `nginx` | `docker.io/library/nginx` with any tag |
    /// | `team/` | `docker.io/team/…` (without the slash, it is `docker.io/library/team`) |
    /// | `nginx:1.*` | tags that match |
    /// | `nginx@sha256:…` | that digest, whatever the tag |
    /// | `*` | everything |
    pub fn matches_allowed(&self, entry: &str) -> bool {
        let (name, digest) = split_optional(entry, entry.split_once('@'));
        let (registry, path, tag) = split_entry(name);
        if !host_matches(registry, self.registry) {
            return false;
        }
        let Some(path) = path else { return tag.is_none() && digest.is_none() };
        let mut segments = self.path.split('/');
        let is_prefix =
            path.split('/').all(|pattern| segments.next().is_some_and(|segment| glob_match(pattern, segment)));
        let is_whole = segments.next().is_none();
        is_prefix
            && (is_whole || (tag.is_none() && digest.is_none()))
            && tag.is_none_or(|tag| self.effective_tag().is_some_and(|own| glob_match(tag, own)))
            && digest.is_none_or(|digest| self.digest == Some(digest))
    }
}

/// A wildcard in the name of a registry stands within one of its labels; alone it is any registry.
fn host_matches(pattern: &str, registry: &str) -> bool {
    let (mut patterns, mut labels) = (pattern.split('.'), registry.split('.'));
    pattern == "*"
        || patterns.by_ref().all(|pattern| labels.next().is_some_and(|label| glob_match(pattern, label)))
            && labels.next().is_none()
}

/// `before` and `after` of a split that may not have taken place.
fn split_optional<'a>(whole: &'a str, split: Option<(&'a str, &'a str)>) -> (&'a str, Option<&'a str>) {
    split.map_or((whole, None), |(before, after)| (before, Some(after)))
}

/// Splits at the colon in the last segment.
fn split_tag(name: &str) -> Option<(&str, &str)> {
    name.rsplit_once(':').filter(|(_, tag)| !tag.contains('/'))
}

fn split_registry(name: &str) -> (Option<&str>, &str) {
    match name.split_once('/') {
        Some((first, path)) if first.contains(['.', ':']) || first == "localhost" => (Some(first), path),
        _ => (None, name),
    }
}

fn normalise_registry(registry: Option<&str>) -> &str {
    match registry {
        // Its old name; the reference library renames it too.
        None | Some("index.docker.io") => DOCKER_HUB,
        Some(registry) => registry,
    }
}

fn add_library<'a>(registry: &str, path: &'a str) -> Cow<'a, str> {
    if registry == DOCKER_HUB && !path.contains('/') {
        Cow::Owned(["library/", path].concat())
    } else {
        Cow::Borrowed(path)
    }
}

/// Splits an allow-list entry, without its digest, into registry, path and tag. No path means every
/// path.
fn split_entry(name: &str) -> (&str, Option<Cow<'_, str>>, Option<&str>) {
    let is_folder = name.ends_with('/');
    let name = name.strip_suffix('/').unwrap_or(name);
    let host = name.split_once(':').map_or(name, |(host, _)| host);
    // Unlike in a reference, a registry may stand alone.
    let is_registry = !name.contains('/')
        && (host.contains('.') || host == "localhost" || name == "*" || (is_folder && host != name));
    if is_registry {
        return (normalise_registry(Some(name)), None, None);
    }
    let (name, tag) = split_optional(name, split_tag(name));
    let (registry, path) = match name.split_once('/') {
        Some(("*", path)) => ("*", path),
        _ => {
            let (registry, path) = split_registry(name);
            (normalise_registry(registry), path)
        }
    };
    let path = if is_folder { Cow::Owned([path, "/*"].concat()) } else { add_library(registry, path) };
    (registry, Some(path), tag)
}

/// A host name, IPv4 or bracketed IPv6 address, and perhaps a port.
fn is_registry(text: &str) -> bool {
    let (host, port) = match text.strip_prefix('[').and_then(|rest| rest.split_once(']')) {
        Some((address, "")) => (address, None),
        Some((address, port)) => {
            let Some(port) = port.strip_prefix(':') else { return false };
            (address, Some(port))
        }
        None => split_optional(text, text.split_once(':')),
    };
    let is_host = if text.starts_with('[') {
        !host.is_empty() && host.bytes().all(|byte| byte.is_ascii_hexdigit() || byte == b':')
    } else {
        host.split('.').all(is_host_label)
    };
    is_host && port.is_none_or(|port| !port.is_empty() && port.bytes().all(|byte| byte.is_ascii_digit()))
}

fn is_host_label(label: &str) -> bool {
    !label.is_empty()
        && !label.starts_with('-')
        && !label.ends_with('-')
        && label.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
}

/// Lower-case letters and digits, separated by one `.`, one or two `_`, or any number of `-`.
fn is_path_segment(segment: &str) -> bool {
    let is_word = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit();
    let bytes = segment.as_bytes();
    bytes.first().copied().is_some_and(is_word)
        && bytes.last().copied().is_some_and(is_word)
        && bytes.split(|byte| is_word(*byte)).all(|separator| {
            matches!(separator, b"" | b"." | b"_" | b"__") || separator.iter().all(|byte| *byte == b'-')
        })
}

fn is_tag(tag: &str) -> bool {
    let is_word = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_';
    tag.len() <= 128
        && tag.bytes().next().is_some_and(is_word)
        && tag.bytes().all(|byte| is_word(byte) || matches!(byte, b'.' | b'-'))
}

fn is_digest(digest: &str) -> bool {
    let Some((algorithm, hex)) = digest.split_once(':') else { return false };
    match algorithm {
        "sha256" => is_hex(hex, 64),
        "sha384" => is_hex(hex, 96),
        "sha512" => is_hex(hex, 128),
        _ => {
            algorithm.split(['-', '_', '+', '.']).all(is_algorithm_part)
                && hex.len() >= 32
                && hex.bytes().all(|byte| byte.is_ascii_hexdigit())
        }
    }
}

fn is_algorithm_part(part: &str) -> bool {
    part.bytes().next().is_some_and(|byte| byte.is_ascii_alphabetic())
        && part.bytes().all(|byte| byte.is_ascii_alphanumeric())
}

fn is_hex(text: &str, length: usize) -> bool {
    text.len() == length && text.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'))
}

/// The last part of an image's name, without tag and digest: `postgres` of `docker.io/bitnami/postgres:17`.
pub fn base_name(image: &str) -> &str {
    let name = image.split('@').next().unwrap_or_default();
    let name = name.rsplit('/').next().unwrap_or_default();
    name.split(':').next().unwrap_or_default()
}

/// True when the whole text matches the pattern: `*` is any run of characters, `/` among them, `?`
/// is one character, and anything else is itself.
///
/// Takes at most as many steps as the product of both lengths: only the last `*` is ever retried.
pub fn glob_match(pattern: &str, text: &str) -> bool {
    let (mut pattern, mut text) = (pattern.chars(), text.chars());
    // The pattern behind the last `*`, and the text from which it was last tried.
    let mut retry = None;
    loop {
        let (mut next_pattern, mut next_text) = (pattern.clone(), text.clone());
        match (next_pattern.next(), next_text.next()) {
            (Some('*'), _) => {
                pattern = next_pattern;
                retry = Some((pattern.clone(), text.clone()));
                continue;
            }
            (Some(expected), Some(found)) if expected == '?' || expected == found => {
                (pattern, text) = (next_pattern, next_text);
                continue;
            }
            (None, None) => return true,
            // Nothing is left for the pattern to match.
            (Some(_), None) => return false,
            _ => {}
        }
        let Some((after_star, tried)) = &mut retry else { return false };
        tried.next();
        (pattern, text) = (after_star.clone(), tried.clone());
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const SHA256: &str = "sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";

    #[test]
    fn the_last_part_of_a_name() {
        for image in ["postgres", "postgres:17", "bitnami/postgres@sha256:0", "registry:5000/a/postgres:17@sha256:0"] {
            assert_eq!(base_name(image), "postgres");
        }
    }

    #[test]
    fn reads_references() {
        let with_digest = format!("ghcr.io/team/app:1.2@{SHA256}");
        for (text, registry, path, tag, has_digest) in [
            ("nginx", "docker.io", "library/nginx", None, false),
            ("nginx:1.25", "docker.io", "library/nginx", Some("1.25"), false),
            ("team/app", "docker.io", "team/app", None, false),
            ("docker.io/nginx", "docker.io", "library/nginx", None, false),
            ("index.docker.io/nginx", "docker.io", "library/nginx", None, false),
            ("localhost/app", "localhost", "app", None, false),
            ("registry:5000/app:v1", "registry:5000", "app", Some("v1"), false),
            ("registry.example.com/a/b/c", "registry.example.com", "a/b/c", None, false),
            ("[::1]:5000/app", "[::1]:5000", "app", None, false),
            ("[fe80::1]/app", "[fe80::1]", "app", None, false),
            ("team/my__app-x.y--z", "docker.io", "team/my__app-x.y--z", None, false),
            ("app:_x.Y-1", "docker.io", "library/app", Some("_x.Y-1"), false),
            ("registry.example.com", "docker.io", "library/registry.example.com", None, false),
            (&with_digest, "ghcr.io", "team/app", Some("1.2"), true),
        ] {
            let reference = ImageReference::parse(text).expect(text);
            assert_eq!((reference.registry, &*reference.path, reference.tag), (registry, path, tag), "{text}");
            assert_eq!(reference.digest, has_digest.then_some(SHA256), "{text}");
        }
        assert!(ImageReference::parse("docker.io/nginx").unwrap().has_registry);
        assert!(!ImageReference::parse("team/nginx").unwrap().has_registry);
        assert_eq!(ImageReference::parse("nginx").unwrap().repository(), "docker.io/library/nginx");
    }

    #[test]
    fn refuses_what_is_no_reference() {
        let hex = "a".repeat(64);
        let long_tag = format!("app:{}", "a".repeat(129));
        let long_path = format!("ghcr.io/{}", "a".repeat(256));
        let upper_digest = format!("app@{}", SHA256.replace('e', "E"));
        for text in [
            "",
            " ",
            "/",
            "app:",
            ":tag",
            "app@",
            "@",
            "App",
            "team/App",
            "team//app",
            "team/app/",
            "/app",
            "-app",
            "app-",
            "a___b",
            "a..b",
            "a._b",
            "app:.x",
            "app:a b",
            "app:a:b",
            "app@sha256:abc",
            "app@md5",
            "app@1x:aaaa",
            "a b",
            "https://ghcr.io/app",
            "ghcr.io:x/app",
            "ghcr.io:/app",
            "-x.io/app",
            "a..io/app",
            "[::1/app",
            "[]/app",
            "[::g]:1/app",
            "[::1]5000/app",
            "ápp",
            "${IMAGE}",
            "{{ .Values.image }}",
            &hex,
            &long_tag,
            &long_path,
            &upper_digest,
        ] {
            assert_eq!(ImageReference::parse(text), None, "{text}");
        }
    }

    #[test]
    fn the_effective_tag_is_what_is_pulled() {
        let pinned = format!("app@{SHA256}");
        for (text, expected) in [("app", Some("latest")), ("app:1", Some("1")), (pinned.as_str(), None)] {
            assert_eq!(ImageReference::parse(text).unwrap().effective_tag(), expected);
        }
    }

    #[test]
    fn allow_lists_compare_on_boundaries() {
        let digest_entry = format!("ghcr.io/team/app@{SHA256}");
        let pinned = format!("ghcr.io/team/app:1@{SHA256}");
        for (entry, image, expected) in [
            ("registry.example.com", "registry.example.com/team/app", true),
            ("registry.example.com/", "registry.example.com/team/app:1", true),
            ("registry.example.com", "registry.example.com.evil.io/app", false),
            ("registry.example.com", "registry.example.com:5000/app", false),
            ("registry.example.com:5000", "registry.example.com:5000/app", true),
            ("registry:5000/", "registry:5000/app", true),
            ("registry.example.com/team", "registry.example.com/team/app", true),
            ("registry.example.com/team", "registry.example.com/team:1", true),
            ("registry.example.com/team", "registry.example.com/team-x/app", false),
            ("registry.example.com/team/", "registry.example.com/team-x/app", false),
            ("registry.example.com/team/*", "registry.example.com/team/app", true),
            ("registry.example.com/team/*", "registry.example.com/team", false),
            ("registry.example.com/team/", "registry.example.com/team:1", false),
            ("registry.example.com/team/", "registry.example.com/team/a/b", true),
            ("registry.example.com/team-*", "registry.example.com/team-x/app", true),
            ("gcr.io/distroless/", "gcr.io/distroless/static:nonroot", true),
            ("localhost", "localhost/app", true),
            ("team", "team-x", false),
            ("team/", "team-x/app", false),
            ("team/", "team/app", true),
            ("team", "team/app", false),
            ("team/app", "team/app:1", true),
            ("team/app", "team/application", false),
            ("nginx", "nginx:1.25", true),
            ("nginx", "docker.io/library/nginx", true),
            ("nginx", "evil.io/library/nginx", false),
            ("docker.io", "nginx", true),
            ("index.docker.io/", "nginx", true),
            ("library/", "nginx", true),
            ("nginx:1.*", "nginx:1.25", true),
            ("nginx:1.*", "nginx:2", false),
            ("nginx:latest", "nginx", true),
            ("ghcr.io/team:1", "ghcr.io/team/app:1", false),
            ("123456789012.dkr.ecr.*.amazonaws.com/", "123456789012.dkr.ecr.eu-west-1.amazonaws.com/app", true),
            ("123456789012.dkr.ecr.*.amazonaws.com/", "123456789012.dkr.ecr.evil.io/x.amazonaws.com/app", false),
            ("*.example.com/team", "a.example.com/team/app", true),
            ("*", "ghcr.io/team/app", true),
            ("*/team", "ghcr.io/team/app", true),
            ("*/team", "ghcr.io/x/team/app", false),
            (&digest_entry, &pinned, true),
            (&digest_entry, "ghcr.io/team/app:1", false),
            ("", "nginx", false),
            ("/", "nginx", false),
            ("@", "nginx", false),
        ] {
            let reference = ImageReference::parse(image).expect(image);
            assert_eq!(reference.matches_allowed(entry), expected, "{entry} admits {image}");
        }
    }

    #[test]
    fn globs_match_the_whole_text() {
        for (pattern, text, expected) in [
            ("", "", true),
            ("", "a", false),
            ("*", "", true),
            ("*", "a/b", true),
            ("a*c", "abc", true),
            ("a*c", "abcd", false),
            ("a*b*c", "aXbYbZc", true),
            ("?", "é", true),
            ("??", "é", false),
            ("*??", "é", false),
            ("*é", "aé", true),
            ("**a", "a", true),
            ("a?", "a", false),
            ("[a]", "a", false),
        ] {
            assert_eq!(glob_match(pattern, text), expected, "{pattern} {text}");
        }
    }

    #[test]
    fn globs_take_no_exponential_time() {
        assert!(!glob_match(&"*a".repeat(500), &"a".repeat(499)));
        assert!(!glob_match(&(("a*").repeat(100) + "b"), &"a".repeat(5_000)));
    }

    /// The definition, exponential.
    fn glob_by_definition(pattern: &[char], text: &[char]) -> bool {
        match pattern.split_first() {
            None => text.is_empty(),
            Some(('*', rest)) => (0..=text.len()).any(|at| glob_by_definition(rest, &text[at..])),
            Some((expected, rest)) => text
                .split_first()
                .is_some_and(|(found, text)| (*expected == '?' || expected == found) && glob_by_definition(rest, text)),
        }
    }

    proptest! {
        #[test]
        fn never_panics(text: String, entry in "[a-z.:/@*?\\[\\]é]{0,30}", image in "[a-z0-9.:/@_\\[\\]é-]{0,30}") {
            for text in [&text, &entry, &image] {
                if let Some(reference) = ImageReference::parse(text) {
                    let _ = (reference.matches_allowed(&entry), reference.matches_allowed(&image));
                }
            }
        }

        #[test]
        fn globs_match_as_defined(pattern in "[ab*?é]{0,8}", text in "[abé]{0,8}") {
            let chars = |text: &str| text.chars().collect::<Vec<char>>();
            prop_assert_eq!(glob_match(&pattern, &text), glob_by_definition(&chars(&pattern), &chars(&text)));
        }

        #[test]
        fn an_image_is_admitted_by_its_own_beginnings(
            registry in "([a-z]{1,5}\\.)?example\\.io(:[0-9]{2,4})?", segments in prop::collection::vec("[a-z0-9]{2,6}", 1..5), tag in "[a-z0-9]{1,6}",
        ) {
            let path = segments.join("/");
            let image = format!("{registry}/{path}:{tag}");
            let reference = ImageReference::parse(&image).unwrap();
            prop_assert_eq!((reference.registry, &*reference.path, reference.tag), (&*registry, &*path, Some(&*tag)));
            prop_assert!(reference.matches_allowed(&registry) && reference.matches_allowed(&image));
            for length in 1..=segments.len() {
                let entry = format!("{registry}/{}", segments[..length].join("/"));
                prop_assert!(reference.matches_allowed(&entry));
                let longer = format!("{entry}x");
                prop_assert!(!reference.matches_allowed(&longer));
                prop_assert!(!reference.matches_allowed(&entry[..entry.len() - 1]));
            }
        }
    }
}
