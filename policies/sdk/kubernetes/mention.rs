//! Hosts that a pod's containers name in their environment and arguments: what they connect to.

use super::workload::Container;
use crate::input::Input;
use crate::json::View;
use crate::uses::Uses;

crate::usable! {
    /// The texts in which the subject's containers name hosts.
    pub Mentions {
        reads: ["container.env[*].name", "container.env[*].value", "container.command", "container.args"],
    }
}

/// A host that a container names.
#[derive(Clone)]
pub struct Mention<'d> {
    /// The container.
    pub container: Container<'d>,
    /// The text that names it.
    pub place: View<'d>,
    /// The host, without port.
    pub host: &'d str,
    /// The port, where one is written.
    pub port: Option<i64>,
}

/// Last words of the names of variables that hold a host without scheme or port.
const ADDRESS_WORDS: [&str; 8] = ["URL", "URI", "HOST", "ENDPOINT", "ADDR", "ADDRESS", "BROKERS", "SERVERS"];

/// The hosts that the subject's containers name. IP addresses, `localhost` and what is filled in elsewhere are none.
pub fn mentions<'d, P: Uses<Mentions>>(input: &Input<'d, P>) -> Vec<Mention<'d>> {
    let mut found = Vec::new();
    for container in input.workload().containers() {
        for variable in container.get("env").items() {
            let is_address =
                variable.get("name").text().rsplit('_').next().is_some_and(|it| ADDRESS_WORDS.contains(&it));
            add(&container, &variable.get("value"), is_address, &mut found);
        }
        for text in ["command", "args"].iter().flat_map(|list| container.get(list).items()) {
            add(&container, &text, false, &mut found);
        }
    }
    found
}

fn add<'d>(container: &Container<'d>, place: &View<'d>, is_address: bool, found: &mut Vec<Mention<'d>>) {
    let between = |it: char| it.is_ascii_whitespace() || matches!(it, ',' | ';' | '=' | '"' | '\'' | '`');
    for word in place.text().split(between) {
        if let Some((host, port)) = host_of(word, is_address) {
            found.push(Mention { container: container.clone(), place: place.clone(), host, port });
        }
    }
}

/// The host that a word names, and its port: of a URL, or where a port or the name says that it is one.
fn host_of(word: &str, is_address: bool) -> Option<(&str, Option<i64>)> {
    let (has_scheme, rest) = match word.split_once("://") {
        Some((scheme, rest)) => (!scheme.is_empty(), rest),
        None => (false, word),
    };
    let authority = rest.split(['/', '?', '#']).next().unwrap_or_default();
    let authority = authority.rsplit('@').next().unwrap_or_default();
    let (host, port) = match authority.split_once(':') {
        Some((host, port)) => (host, Some(port.parse::<u16>().ok()?)),
        None => (authority, None),
    };
    let host = host.strip_suffix('.').unwrap_or(host);
    let is_label = |label: &str| {
        !label.is_empty()
            && label.bytes().all(|it| it.is_ascii_alphanumeric() || it == b'-')
            && !label.starts_with('-')
            && !label.ends_with('-')
    };
    let is_host =
        host.split('.').all(is_label) && host.bytes().any(|it| it.is_ascii_alphabetic()) && host != "localhost";
    let in_cluster = host.ends_with(".svc") || host.contains(".svc.");
    let is_meant = has_scheme || in_cluster || port.is_some() || is_address && rest == authority;
    (is_host && is_meant).then_some((host, port.map(i64::from)))
}

/// The Service of the cluster that a host means for a pod in the namespace `own`, and its namespace: `cart`,
/// `cart.shop`, `cart.shop.svc` with the domain of the cluster or without. Whether there is one is another question.
pub fn service_of<'h>(host: &'h str, own: &'h str) -> Option<(&'h str, &'h str)> {
    let mut labels = host.split('.');
    let name = labels.next()?;
    let Some(namespace) = labels.next() else { return Some((name, own)) };
    let rest: Vec<&str> = labels.collect();
    matches!(rest.as_slice(), [] | ["svc"] | ["svc", "cluster", "local"]).then_some((name, namespace))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::look;

    #[test]
    fn hosts_are_told_from_other_words() {
        for (word, is_address, host) in [
            ("postgres://u:p@db.shop.svc:5432/cart", false, Some(("db.shop.svc", Some(5432)))),
            ("http://cart", false, Some(("cart", None))),
            ("cache:6379", false, Some(("cache", Some(6379)))),
            ("cache", true, Some(("cache", None))),
            ("cache", false, None),
            ("db.shop.svc.cluster.local.", false, Some(("db.shop.svc.cluster.local", None))),
            ("10.0.0.1:80", false, None),
            ("localhost:80", false, None),
            (":8080", false, None),
            ("$(HOST):80", false, None),
            ("https://${HOST}/x", false, None),
            ("a:b", false, None),
            ("info", false, None),
            ("registry.example.com/shop/cart:1.4.2", false, None),
            ("/var/lib", true, None),
        ] {
            assert_eq!(host_of(word, is_address), host, "{word}");
        }
    }

    #[test]
    fn names_of_services_have_three_forms() {
        assert_eq!(service_of("cart", "shop"), Some(("cart", "shop")));
        assert_eq!(service_of("cart.other", "shop"), Some(("cart", "other")));
        assert_eq!(service_of("cart.other.svc", "shop"), Some(("cart", "other")));
        assert_eq!(service_of("cart.other.svc.cluster.local", "shop"), Some(("cart", "other")));
        assert_eq!(service_of("www.example.com", "shop"), None);
    }

    #[test]
    fn environment_and_arguments_are_read() {
        let document = r#"{"pod":{"spec":{"containers":[{"name":"a","env":[{"name":"CACHE_HOST","value":"cache"},
            {"name":"MODE","value":"cache"}],"args":["--db=tcp://db:1","-v"]}]}}}"#;
        look("shop", document, &[], &[], |input| {
            let hosts: Vec<&str> = mentions(input).iter().map(|mention| mention.host).collect();
            assert_eq!(hosts, ["cache", "db"]);
        });
    }
}
