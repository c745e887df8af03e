//! Ports: a number, or the name that a container gives to one.

use crate::json::View;

/// The longest name of a port, in bytes.
const LONGEST_NAME: usize = 15;

/// How a probe, a Service or a policy says which port it means.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Port<'d> {
    /// By number.
    Number(i64),
    /// By a name that a container declares.
    Name(&'d str),
}

impl<'d> Port<'d> {
    /// Reads an IntOrString; `None` where there is neither.
    pub fn from_view(view: &View<'d>) -> Option<Self> {
        view.as_i64().map(Self::Number).or_else(|| view.as_str().map(Self::Name))
    }

    /// Whether it means a port that a container declares, an entry of its `ports`.
    pub fn is(self, declared: &View<'_>) -> bool {
        match self {
            Self::Number(number) => declared.get("containerPort").as_i64() == Some(number),
            Self::Name(name) => declared.get("name").as_str() == Some(name),
        }
    }
}

/// The protocol of a port, an entry of `ports` of a container or a Service.
pub fn protocol<'d>(port: &View<'d>) -> &'d str {
    port.get("protocol").as_str().filter(|protocol| !protocol.is_empty()).unwrap_or("TCP")
}

/// Whether a number can be a port's.
pub fn is_port(number: i64) -> bool {
    (1..=65535).contains(&number)
}

/// Whether a text can be a port's name, Kubernetes' `IANA_SVC_NAME` (RFC 6335): at most 15 lower-case letters, digits
/// and single dashes between them, with one letter at least.
pub fn is_port_name(text: &str) -> bool {
    let is_allowed = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
    text.len() <= LONGEST_NAME
        && text.bytes().all(is_allowed)
        && text.bytes().any(|byte| byte.is_ascii_lowercase())
        && !text.starts_with('-')
        && !text.ends_with('-')
        && !text.contains("--")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::json::Json;

    #[test]
    fn names_are_those_that_the_api_server_takes() {
        for name in ["http", "http-metrics", "8080-tcp", "a", "abcdefghijklmno"] {
            assert!(is_port_name(name), "{name}");
        }
        for name in ["", "8080", "HTTP", "-http", "http-", "a--b", "a_b", "abcdefghijklmnop", "é"] {
            assert!(!is_port_name(name), "{name}");
        }
        assert!(is_port(1) && is_port(65535) && !is_port(0) && !is_port(65536));
    }

    #[test]
    fn a_port_is_meant_by_number_or_name() {
        let json = Json::parse(r#"[8080,"web","8080",{"name":"web","containerPort":8080}]"#).unwrap();
        let root = json.root();
        let means = |index| Port::from_view(&root.item(index)).is_some_and(|port| port.is(&root.item(3)));
        assert_eq!([0, 1, 2, 3].map(means), [true, true, false, false]);
        assert_eq!(protocol(&root.item(3)), "TCP");
    }
}
