//! When two names of namespaces mean the same one.

/// The namespace that objects go to which name none, where nobody says otherwise.
pub(super) const DEFAULT: &str = "default";

/// Which names of namespaces mean the same one.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Namespacing {
    /// Equal ones.
    #[default]
    Written,
    /// Equal ones, and none means `default`: in a set that names no other, nobody sends objects elsewhere.
    DefaultIsNone,
}

impl Namespacing {
    /// Whether two names mean the same namespace.
    pub(super) fn are_same(self, one: &str, other: &str) -> bool {
        self.named(one) == self.named(other)
    }

    /// The name under which a namespace is known.
    pub(super) fn named(self, name: &str) -> &str {
        match self {
            Namespacing::DefaultIsNone if name.is_empty() => DEFAULT,
            _ => name,
        }
    }
}
