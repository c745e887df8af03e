//! Which fields the objects of Kubernetes' own kinds have, and of which types.

mod types;

use crate::json::{Kind, View};

/// The version of Kubernetes whose fields these are.
pub const VERSION: (u32, u32) = (1, 36);

/// What stands in a field, or in each element of its list or map.
#[derive(Clone, Copy)]
enum Base {
    /// A text.
    Text,
    /// A whole number.
    Integer,
    /// `true` or `false`.
    Boolean,
    /// A whole number or a text.
    IntegerOrText,
    /// A quantity: a text or a number.
    Quantity,
    /// Something with fields of its own, by its position among the types.
    Type(u16),
    /// Whatever it is.
    Any,
}

/// How often it stands there.
#[derive(Clone, Copy)]
enum Shape {
    /// Once.
    One(Base),
    /// In a list.
    List(Base),
    /// Under keys that anybody may choose.
    Map(Base),
}

/// A field of a type.
struct Field {
    name: &'static str,
    shape: Shape,
    is_needed: bool,
}

/// A kind of one version, and its type.
struct Root {
    api_version: &'static str,
    kind: &'static str,
    of: u16,
}

const fn field(name: &'static str, shape: Shape) -> Field {
    Field { name, shape, is_needed: false }
}

const fn needed(name: &'static str, shape: Shape) -> Field {
    Field { name, shape, is_needed: true }
}

const fn root(api_version: &'static str, kind: &'static str, of: u16) -> Root {
    Root { api_version, kind, of }
}

/// Something in an object that is not as its kind has it.
pub enum Fault<'d> {
    /// A field that there is not: its place, its name, and the field whose name is almost the same.
    Unknown(View<'d>, &'d str, Option<&'static str>),
    /// A value of another type: its place, and what is expected.
    Type(View<'d>, &'static str),
    /// A field that is needed is not there: where it would be, and its name.
    Missing(View<'d>, &'static str),
}

/// What is not as the kind of an object has it; `None` where the kind, or this version of it, is not known.
pub fn faults<'d>(object: &View<'d>) -> Option<Vec<Fault<'d>>> {
    let (api_version, kind) = (object.get("apiVersion").text(), object.get("kind").text());
    let root = types::ROOTS.iter().find(|root| root.api_version == api_version && root.kind == kind)?;
    let mut faults = Vec::new();
    // Without recursion, since a rule's stack is small.
    let mut open = vec![(object.clone(), Shape::One(Base::Type(root.of)))];
    while let Some((view, shape)) = open.pop() {
        let at = open.len();
        match (shape, view.kind()) {
            // The server takes null for what is not there.
            (_, None | Some(Kind::Null)) => {}
            (Shape::List(base), Some(Kind::Array)) => open.extend(view.items().map(|item| (item, Shape::One(base)))),
            (Shape::List(_), _) => faults.push(Fault::Type(view, "a list")),
            (Shape::Map(base), Some(Kind::Object)) => {
                open.extend(view.entries().map(|(_, value)| (value, Shape::One(base))));
            }
            (Shape::Map(_), _) => faults.push(Fault::Type(view, "a mapping")),
            (Shape::One(Base::Type(of)), Some(Kind::Object)) => {
                let fields = types::TYPES.get(usize::from(of)).copied().unwrap_or_default();
                check_fields(&view, fields, &mut open, &mut faults);
            }
            (Shape::One(base), Some(kind)) => {
                if let Some(expected) = other(base, kind, &view) {
                    faults.push(Fault::Type(view, expected));
                }
            }
        }
        // The first comes to lie on top.
        open[at..].reverse();
    }
    Some(faults)
}

fn check_fields<'d>(
    view: &View<'d>,
    fields: &'static [Field],
    open: &mut Vec<(View<'d>, Shape)>,
    faults: &mut Vec<Fault<'d>>,
) {
    for (key, value) in view.entries() {
        match fields.binary_search_by(|field| field.name.cmp(key)) {
            Ok(at) => open.push((value, fields[at].shape)),
            Err(_) => {
                let is_near = |field: &&Field| {
                    field.name.eq_ignore_ascii_case(key)
                        || field.name.strip_suffix('s') == Some(key)
                        || key.strip_suffix('s') == Some(field.name)
                };
                faults.push(Fault::Unknown(value, key, fields.iter().find(is_near).map(|field| field.name)));
            }
        }
    }
    for field in fields.iter().filter(|field| field.is_needed) {
        let place = view.get(field.name);
        if !place.exists() {
            faults.push(Fault::Missing(place, field.name));
        }
    }
}

/// What is expected, where a value is something else.
fn other(base: Base, kind: Kind, view: &View<'_>) -> Option<&'static str> {
    let is_whole = kind == Kind::Number && view.as_i64().is_some();
    let (fits, expected) = match base {
        Base::Any => (true, ""),
        Base::Text => (kind == Kind::String, "a text"),
        Base::Integer => (is_whole, "a whole number"),
        Base::Boolean => (matches!(kind, Kind::Bool(_)), "`true` or `false`"),
        Base::IntegerOrText => (is_whole || kind == Kind::String, "a whole number or a text"),
        Base::Quantity => (matches!(kind, Kind::Number | Kind::String), "a quantity"),
        Base::Type(_) => (kind == Kind::Object, "a mapping"),
    };
    (!fits).then_some(expected)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::json::Json;

    fn told(text: &str) -> Option<Vec<String>> {
        let json = Json::parse(text).unwrap();
        let faults = faults(&json.root())?;
        let told = faults.iter().map(|fault| match fault {
            Fault::Unknown(place, key, near) => format!("{} {key} {}", place.pointer(), near.unwrap_or("?")),
            Fault::Type(place, expected) => format!("{} {expected}", place.pointer()),
            Fault::Missing(place, _) => format!("{} missing", place.pointer()),
        });
        Some(told.collect())
    }

    #[test]
    fn fields_are_known_and_of_their_types() {
        let service = |spec: &str| {
            told(&format!(r#"{{"apiVersion":"v1","kind":"Service","metadata":{{"name":"a"}},"spec":{spec}}}"#)).unwrap()
        };
        assert!(
            service(r#"{"ports":[{"port":80,"targetPort":"http"},{"port":81,"targetPort":82}],"selector":{"a":"b"}}"#)
                .is_empty()
        );
        assert_eq!(service(r#"{"port":[{"port":80}]}"#), ["/spec/port port ports"]);
        assert_eq!(service(r#"{"ports":[{"port":"80"}]}"#), ["/spec/ports/0/port a whole number"]);
        assert_eq!(service(r#"{"ports":[{"name":"a","port":null}]}"#), ["/spec/ports/0/port missing"]);
        assert_eq!(service(r#"{"ports":{"port":80}}"#), ["/spec/ports a list"]);
        assert_eq!(
            service(r#"{"selector":["a"],"clusterip":"None"}"#),
            ["/spec/clusterip clusterip clusterIP", "/spec/selector a mapping"]
        );
        assert_eq!(service("[]"), ["/spec a mapping"]);
    }

    #[test]
    fn what_the_server_takes_is_no_fault() {
        let pod = r#"{"apiVersion":"v1","kind":"Pod","metadata":{"name":"a","creationTimestamp":null,"labels":{"a":1}},
            "spec":{"containers":[{"name":"a","resources":{"limits":{"cpu":1,"memory":"1Gi"}}}]},"status":{"x":1}}"#;
        assert_eq!(told(pod), Some(Vec::new()));
        assert_eq!(told(r#"{"apiVersion":"shop/v1","kind":"Cart"}"#), None);
        assert_eq!(told(r#"{"apiVersion":"extensions/v1beta1","kind":"Deployment"}"#), None);
    }

    #[test]
    fn fields_and_kinds_are_in_order() {
        assert!(types::TYPES.iter().all(|fields| fields.is_sorted_by_key(|field| field.name)));
        assert!(types::ROOTS.is_sorted_by_key(|root| (root.api_version, root.kind)));
        assert!(types::ROOTS.iter().all(|root| usize::from(root.of) < types::TYPES.len()));
    }
}
