//! What expressions come to: known values, and what is not known.

use super::number::Decimal;
use crate::document::Span;
use icu_normalizer::ComposingNormalizerBorrowed;
use indexmap::IndexMap;
use std::rc::Rc;

/// A value and where it is written.
#[derive(Debug, Clone)]
pub(super) struct Term {
    pub value: Value,
    pub span: Span,
    /// True when what is inside was written elsewhere, and is shown at `span` too.
    pub borrowed: bool,
}

/// A value. What is not known is not one of the others, so that nothing takes it for one.
#[derive(Debug, Clone)]
pub(super) enum Value {
    /// Not in the files; the span has the expression that says so. Of a text that is encoded from a list or a map of which
    /// part is known, that.
    Unknown(Span, Option<Rc<Term>>),
    Null,
    Bool(bool),
    /// The text of a JSON number.
    Number(Rc<str>),
    Text(Rc<str>),
    List(Rc<List>),
    Map(Rc<Map>),
}

/// A list, a tuple or a set.
#[derive(Debug)]
pub(super) struct List {
    pub items: Vec<Term>,
    pub is_set: bool,
    height: usize,
}

/// A map or an object, in the order in which it is written.
#[derive(Debug)]
pub(super) struct Map {
    pub members: IndexMap<Rc<str>, Member>,
    height: usize,
}

/// An entry of a map.
#[derive(Debug, Clone)]
pub(super) struct Member {
    pub key_span: Span,
    pub term: Term,
}

impl List {
    /// A list of these elements.
    pub fn new(items: Vec<Term>, is_set: bool) -> Self {
        let height = 1 + items.iter().map(|item| item.value.height()).max().unwrap_or(0);
        Self { items, is_set, height }
    }
}

impl Map {
    /// A map of these members.
    pub fn new(members: IndexMap<Rc<str>, Member>) -> Self {
        let height = 1 + members.values().map(|member| member.term.value.height()).max().unwrap_or(0);
        Self { members, height }
    }

    /// The value under a key.
    pub fn get(&self, key: &str) -> Option<&Term> {
        self.members.get(key).map(|member| &member.term)
    }

    /// The members in the order in which Terraform goes through them: by key.
    pub fn sorted(&self) -> Vec<(&Rc<str>, &Member)> {
        let mut members: Vec<_> = self.members.iter().collect();
        members.sort_unstable_by(|one, other| one.0.cmp(other.0));
        members
    }
}

impl Value {
    /// A text. As in Terraform, letters and the marks on them are one character where there is such a character.
    pub fn text(text: String) -> Self {
        Self::Text(match text.is_ascii() {
            true => text.into(),
            false => ComposingNormalizerBorrowed::new_nfc().normalize(&text).into(),
        })
    }

    /// Levels of lists and maps.
    pub fn height(&self) -> usize {
        match self {
            Self::List(list) => list.height,
            Self::Map(map) => map.height,
            Self::Unknown(_, Some(encoded)) => 1 + encoded.value.height(),
            _ => 0,
        }
    }

    /// Whether it is not known.
    pub fn is_unknown(&self) -> bool {
        matches!(self, Self::Unknown(..))
    }

    /// A number.
    pub fn number(number: Decimal) -> Self {
        Self::Number(number.to_string().into())
    }

    /// As the text that Terraform converts it to, where it does.
    pub fn to_text(&self) -> Option<Rc<str>> {
        match self {
            Self::Text(text) => Some(text.clone()),
            Self::Number(text) => Decimal::parse(text).map(|number| number.to_string().into()),
            Self::Bool(flag) => Some(if *flag { "true" } else { "false" }.into()),
            _ => None,
        }
    }

    /// As a number, also where it is written as a text.
    pub fn to_number(&self) -> Option<Decimal> {
        match self {
            Self::Number(text) | Self::Text(text) => Decimal::parse(text),
            _ => None,
        }
    }

    /// As a truth value, also where it is written as a text.
    pub fn to_bool(&self) -> Option<bool> {
        match self {
            Self::Bool(flag) => Some(*flag),
            Self::Text(text) if &**text == "true" => Some(true),
            Self::Text(text) if &**text == "false" => Some(false),
            _ => None,
        }
    }

    /// The elements of a list.
    pub fn items(&self) -> Option<&[Term]> {
        match self {
            Self::List(list) => Some(&list.items),
            _ => None,
        }
    }

    /// A map as such.
    pub fn map(&self) -> Option<&Map> {
        match self {
            Self::Map(map) => Some(map),
            _ => None,
        }
    }
}

impl Term {
    /// A value that is written at a place.
    pub fn new(value: Value, span: Span) -> Self {
        Self { value, span, borrowed: false }
    }

    /// What is written elsewhere, at the place that refers to it.
    pub fn at(&self, span: Span) -> Self {
        Self { value: self.value.clone(), span, borrowed: true }
    }

    /// What an expression comes to that is not known.
    pub fn unknown(span: Span) -> Self {
        Self::new(Value::Unknown(span, None), span)
    }

    /// Whether it is not known.
    pub fn is_unknown(&self) -> bool {
        self.value.is_unknown()
    }

    /// Whether it is not known, nor what it is encoded from.
    pub fn is_all_unknown(&self) -> bool {
        matches!(self.value, Value::Unknown(_, None))
    }
}
