//! `types.txt`, read.

use std::collections::HashMap;
use std::sync::LazyLock;

/// The table of the binary.
pub(super) static TYPES: LazyLock<Types> = LazyLock::new(|| Types::read(include_str!("types.txt")));

/// The type of a value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Type {
    Any,
    String,
    Boolean,
    Integer,
    Number,
    Quantity,
    IntOrString,
    /// One with fields of its own, by its index in the table.
    Object(usize),
    List(Box<Type>),
    Map(Box<Type>),
}

impl Type {
    /// As a message has it.
    pub(super) fn described(&self) -> &'static str {
        match self {
            Type::Any => "anything",
            Type::String => "a string",
            Type::Boolean => "`true` or `false`",
            Type::Integer => "a whole number",
            Type::Number => "a number",
            Type::Quantity => "a quantity",
            Type::IntOrString => "a number or a string",
            Type::Object(_) | Type::Map(_) => "a mapping",
            Type::List(_) => "a list",
        }
    }
}

/// The fields of types, and the types of kinds.
#[derive(Debug, Default)]
pub(super) struct Types {
    names: HashMap<&'static str, usize>,
    fields: Vec<HashMap<&'static str, Type>>,
    kinds: HashMap<(&'static str, &'static str), Type>,
}

impl Types {
    fn read(text: &'static str) -> Self {
        let mut types = Self::default();
        for line in text.lines().filter(|line| !line.starts_with('#')) {
            let mut words = line.split(' ');
            let (first, second, third) = (words.next(), words.next(), words.next());
            let (Some(first), Some(second), Some(third)) = (first, second, third) else { continue };
            match words.next() {
                Some(name) => {
                    let value = types.value(name);
                    types.kinds.insert((second, third), value);
                }
                None => {
                    let of = types.index(first);
                    let value = types.value(third);
                    types.fields[of].insert(second, value);
                }
            }
        }
        types
    }

    fn index(&mut self, name: &'static str) -> usize {
        let next = self.fields.len();
        let index = *self.names.entry(name).or_insert(next);
        if index == next {
            self.fields.push(HashMap::new());
        }
        index
    }

    fn value(&mut self, written: &'static str) -> Type {
        let within = |open, close| written.strip_prefix(open).and_then(|rest: &str| rest.strip_suffix(close));
        if let Some(item) = within('[', ']') {
            return Type::List(Box::new(self.value(item)));
        }
        if let Some(value) = within('{', '}') {
            return Type::Map(Box::new(self.value(value)));
        }
        match written {
            "any" => Type::Any,
            "string" => Type::String,
            "boolean" => Type::Boolean,
            "integer" => Type::Integer,
            "number" => Type::Number,
            "quantity" => Type::Quantity,
            "int-or-string" => Type::IntOrString,
            name => Type::Object(self.index(name)),
        }
    }

    /// The type of a kind of object.
    pub(super) fn kind(&self, group: &str, version: &str, kind: &str) -> Option<&Type> {
        let api_version = if group.is_empty() { version.to_owned() } else { format!("{group}/{version}") };
        self.kinds.iter().find(|((known, name), _)| *known == api_version && *name == kind).map(|(_, of)| of)
    }

    /// A type by its name.
    pub(super) fn named(&self, name: &str) -> Option<Type> {
        self.names.get(name).copied().map(Type::Object)
    }

    /// The type of a field; none when it is not known.
    pub(super) fn field(&self, of: usize, name: &str) -> Option<&Type> {
        self.fields.get(of)?.get(name)
    }

    /// The fields of a type with their types.
    #[cfg(test)]
    pub(super) fn fields(&self, of: usize) -> impl Iterator<Item = (&'static str, &Type)> {
        self.fields[of].iter().map(|(name, value)| (*name, value))
    }

    /// The API version, the name and the type of each kind.
    #[cfg(test)]
    pub(super) fn kinds(&self) -> impl Iterator<Item = (&'static str, &'static str, &Type)> {
        self.kinds.iter().map(|((version, kind), of)| (*version, *kind, of))
    }
}
