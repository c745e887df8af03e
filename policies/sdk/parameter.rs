//! Parameters of a rule: typed fields with defaults, described by a JSON Schema.

use crate::json::View;
use crate::values::quantity::Quantity;
use crate::write::{ObjectWriter, Raw, ToJson};
use std::borrow::Cow;

/// A rule's parameters; implemented by [`rule!`](crate::rule!).
pub trait Parameters: Sized {
    /// Reads what is set and fills in the defaults.
    fn read(set: &View<'_>) -> Result<Self, String>;
}

/// A type that a parameter can have.
pub trait Parameter: Sized {
    /// The type's JSON Schema, without title and default.
    fn schema() -> String;

    /// Reads a value; `None` when it does not fit the schema.
    fn read(value: &View<'_>) -> Option<Self>;

    /// The value as JSON, to be shown as the default.
    fn default_json(&self) -> String;
}

impl Parameter for bool {
    fn schema() -> String {
        r#""type":"boolean""#.into()
    }

    fn read(value: &View<'_>) -> Option<Self> {
        value.as_bool()
    }

    fn default_json(&self) -> String {
        self.to_json()
    }
}

impl Parameter for i64 {
    fn schema() -> String {
        r#""type":"integer""#.into()
    }

    fn read(value: &View<'_>) -> Option<Self> {
        value.as_i64()
    }

    fn default_json(&self) -> String {
        self.to_json()
    }
}

/// An integer within bounds, both included.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Bounded<const MIN: i64, const MAX: i64>(i64);

impl<const MIN: i64, const MAX: i64> Bounded<MIN, MAX> {
    /// A default. Out of bounds it does not compile, in a constant.
    ///
    /// # Panics
    /// When the value is out of bounds.
    pub const fn of(value: i64) -> Self {
        assert!(MIN <= value && value <= MAX, "invariant: a default is within its own bounds");
        Self(value)
    }

    /// The value.
    pub const fn get(self) -> i64 {
        self.0
    }
}

impl<const MIN: i64, const MAX: i64> Parameter for Bounded<MIN, MAX> {
    fn schema() -> String {
        format!(r#""type":"integer","minimum":{MIN},"maximum":{MAX}"#)
    }

    fn read(value: &View<'_>) -> Option<Self> {
        value.as_i64().filter(|value| (MIN..=MAX).contains(value)).map(Self)
    }

    fn default_json(&self) -> String {
        self.0.to_json()
    }
}

/// A number with up to three decimals. (Reading and writing floating point would take 25 KB of a component.)
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Decimal {
    /// Thousandths.
    pub milli: i64,
}

impl Parameter for Decimal {
    fn schema() -> String {
        r#""type":"number""#.into()
    }

    fn read(value: &View<'_>) -> Option<Self> {
        (value.kind() == Some(crate::json::Kind::Number)).then_some(())?;
        i64::try_from(Quantity::from_view(value)?.milli()).ok().map(|milli| Self { milli })
    }

    fn default_json(&self) -> String {
        let (sign, milli) = (if self.milli < 0 { "-" } else { "" }, self.milli.unsigned_abs());
        format!("{sign}{}.{:03}", milli / 1000, milli % 1000)
    }
}

impl Parameter for String {
    fn schema() -> String {
        r#""type":"string""#.into()
    }

    fn read(value: &View<'_>) -> Option<Self> {
        value.as_str().map(Into::into)
    }

    fn default_json(&self) -> String {
        self.to_json()
    }
}

/// Text that is a constant unless it is set: what rows of a table have.
impl Parameter for Cow<'static, str> {
    fn schema() -> String {
        String::schema()
    }

    fn read(value: &View<'_>) -> Option<Self> {
        String::read(value).map(Cow::Owned)
    }

    fn default_json(&self) -> String {
        (**self).to_json()
    }
}

impl<T: Parameter> Parameter for Vec<T> {
    fn schema() -> String {
        format!(r#""type":"array","items":{{{}}}"#, T::schema())
    }

    fn read(value: &View<'_>) -> Option<Self> {
        (value.kind() == Some(crate::json::Kind::Array)).then_some(())?;
        value.items().map(|item| T::read(&item)).collect()
    }

    fn default_json(&self) -> String {
        self.iter().map(|item| Raw(item.default_json())).collect::<Vec<_>>().to_json()
    }
}

/// Text-valued maps: a sorted list of pairs.
impl Parameter for Vec<(String, String)> {
    fn schema() -> String {
        r#""type":"object","additionalProperties":{"type":"string"}"#.into()
    }

    fn read(value: &View<'_>) -> Option<Self> {
        (value.kind() == Some(crate::json::Kind::Object)).then_some(())?;
        value.entries().map(|(key, value)| Some((key.to_owned(), value.as_str()?.to_owned()))).collect()
    }

    fn default_json(&self) -> String {
        let mut out = String::new();
        let mut object = ObjectWriter::new(&mut out);
        for (key, value) in self {
            object.entry(key, value);
        }
        object.finish();
        out
    }
}

/// Unset by default.
impl<T: Parameter> Parameter for Option<T> {
    fn schema() -> String {
        T::schema()
    }

    fn read(value: &View<'_>) -> Option<Self> {
        T::read(value).map(Some)
    }

    fn default_json(&self) -> String {
        self.as_ref().map(|value| Raw(value.default_json())).to_json()
    }
}

/// A Kubernetes quantity as it was written, and its value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct QuantityParameter {
    /// As written, for messages.
    pub text: String,
    /// Its value.
    pub value: Quantity,
}

impl Parameter for QuantityParameter {
    fn schema() -> String {
        r#""type":"string","format":"quantity","pattern":"^[+-]?[0-9.]+([eE][+-]?[0-9]+|[numkMGTPE]|[KMGTPE]i)?$""#
            .into()
    }

    fn read(value: &View<'_>) -> Option<Self> {
        let text = value.as_str()?.to_owned();
        Some(Self { value: Quantity::parse(&text)?, text })
    }

    fn default_json(&self) -> String {
        self.text.to_json()
    }
}

/// A quantity as a parameter's default.
///
/// # Panics
/// When `text` is no quantity; the rule's fixtures run into it at once.
pub fn quantity(text: &str) -> QuantityParameter {
    let value = Quantity::parse(text).expect("invariant: a default quantity is written in the rule's own source");
    QuantityParameter { text: text.to_owned(), value }
}

/// A list of strings as a parameter's default.
pub fn list<const N: usize>(items: [&str; N]) -> Vec<String> {
    items.iter().copied().map(str::to_owned).collect()
}

/// The words of choices, for messages.
pub fn words<T: AsRef<str>>(choices: &[T]) -> Vec<&str> {
    choices.iter().map(AsRef::as_ref).collect()
}

/// Declares a parameter that is one of a few words; `as_ref` gives the word.
///
/// ```
/// policy_sdk::choice! {
///     /// Which workloads are checked.
///     pub Scope { Production = "production", All = "all" }
/// }
/// ```
#[macro_export]
macro_rules! choice {
    ($(#[doc = $doc:literal])* $visibility:vis $name:ident { $($variant:ident = $text:literal),+ $(,)? }) => {
        $(#[doc = $doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        #[allow(missing_docs, reason = "a variant is documented by its word")]
        $visibility enum $name {
            $($variant,)+
        }

        impl $crate::parameter::Parameter for $name {
            fn schema() -> String {
                [r#""enum":"#, &$crate::write::ToJson::to_json(&[$($text),+])].concat()
            }

            fn read(value: &$crate::json::View<'_>) -> Option<Self> {
                match value.as_str()? {
                    $($text => Some(Self::$variant),)+
                    _ => None,
                }
            }

            fn default_json(&self) -> String {
                $crate::write::ToJson::to_json(AsRef::<str>::as_ref(self))
            }
        }

        /// The word.
        impl AsRef<str> for $name {
            fn as_ref(&self) -> &str {
                match self {
                    $(Self::$variant => $text,)+
                }
            }
        }
    };
}

/// Declares a parameter with fields. Each has its name in JSON, a type and a default, which holds where the field is
/// not set.
///
/// ```
/// policy_sdk::record! {
///     /// How long a rollout may take.
///     pub Deadline {
///         /// Seconds.
///         pub seconds, "seconds": i64 = 600;
///     }
/// }
/// ```
#[macro_export]
macro_rules! record {
    ($(#[doc = $doc:literal])* $visibility:vis $name:ident {
        $($(#[doc = $field_doc:literal])* $field_visibility:vis $field:ident, $key:literal: $type:ty = $default:expr;)+
    }) => {
        $(#[doc = $doc])*
        #[derive(Debug, Clone, PartialEq, Eq)]
        $visibility struct $name {
            $($(#[doc = $field_doc])* $field_visibility $field: $type,)+
        }

        impl Default for $name {
            fn default() -> Self {
                Self { $($field: $default,)+ }
            }
        }

        impl $crate::parameter::Parameter for $name {
            fn schema() -> String {
                let default = Self::default();
                let properties = [$((
                    $key,
                    &[$($field_doc),*] as &[&str],
                    <$type as $crate::parameter::Parameter>::schema(),
                    $crate::parameter::Parameter::default_json(&default.$field),
                )),+];
                $crate::manifest::schema_of(&properties)
            }

            fn read(value: &$crate::json::View<'_>) -> Option<Self> {
                (value.kind() == Some($crate::json::Kind::Object)).then_some(())?;
                let default = Self::default();
                let known = [$($key),+];
                value.entries().all(|(key, _)| known.contains(&key)).then_some(())?;
                Some(Self { $($field: $crate::parameter::read_or(value, $key, || default.$field).ok()?,)+ })
            }

            fn default_json(&self) -> String {
                let mut out = String::new();
                let mut object = $crate::write::ObjectWriter::new(&mut out);
                $(object.entry(
                    $key,
                    &$crate::write::Raw($crate::parameter::Parameter::default_json(&self.$field)),
                );)+
                object.finish();
                out
            }
        }
    };
}

/// Reads one parameter: the value set, else the default. For [`rule!`](crate::rule!).
#[doc(hidden)]
pub fn read_or<P: Parameter>(set: &View<'_>, name: &str, default: impl FnOnce() -> P) -> Result<P, String> {
    let value = set.get(name);
    if value.kind().is_none() {
        return Ok(default());
    }
    P::read(&value).ok_or_else(|| format!("parameter `{name}` does not fit its schema"))
}

#[cfg(test)]
mod tests {
    use super::*;

    crate::choice! {
        /// What is checked.
        Scope { Production = "production", All = "all" }
    }

    crate::record! {
        /// A deadline.
        Deadline {
            /// Seconds.
            seconds, "seconds": i64 = 600;
            /// For whom.
            scope, "scope": Scope = Scope::Production;
        }
    }

    fn read<P: Parameter>(text: &str) -> Option<P> {
        P::read(&crate::json::Json::parse(text).unwrap().root())
    }

    #[test]
    fn choices_bounds_and_records_refuse_what_their_schema_refuses() {
        assert_eq!(Scope::schema(), r#""enum":["production","all"]"#);
        assert_eq!(read::<Scope>(r#""all""#), Some(Scope::All));
        assert_eq!(read::<Scope>(r#""none""#), None);
        assert_eq!(Bounded::<1, 5>::schema(), r#""type":"integer","minimum":1,"maximum":5"#);
        assert_eq!(read::<Bounded<1, 5>>("5").map(Bounded::get), Some(5));
        assert_eq!(read::<Bounded<1, 5>>("6"), None);
        let some = Deadline { seconds: 5, scope: Scope::Production };
        assert_eq!(read::<Deadline>(r#"{"seconds":5}"#), Some(some));
        assert_eq!(read::<Deadline>("{}"), Some(Deadline::default()));
        for refused in [r#"{"second":5}"#, r#"{"seconds":"5"}"#, r#"{"scope":"none"}"#, "[]"] {
            assert_eq!(read::<Deadline>(refused), None, "{refused}");
        }
        assert_eq!(Deadline::default().default_json(), r#"{"seconds":600,"scope":"production"}"#);
        assert_eq!(
            Deadline::schema(),
            concat!(
                r#""type":"object","additionalProperties":false,"properties":{"#,
                r#""seconds":{"type":"integer","description":"Seconds.","default":600},"#,
                r#""scope":{"enum":["production","all"],"description":"For whom.","default":"production"}}"#
            )
        );
    }

    #[test]
    fn a_decimal_is_exact() {
        let json = crate::json::Json::parse(r#"[4.0, 4, -0.125, 2.5e0, "4.0"]"#).unwrap();
        let read: Vec<_> = json.root().items().map(|item| Decimal::read(&item).map(|number| number.milli)).collect();
        assert_eq!(read, [Some(4000), Some(4000), Some(-125), Some(2500), None]);
        assert_eq!(Decimal { milli: 4000 }.default_json(), "4.000");
        assert_eq!(Decimal { milli: -125 }.default_json(), "-0.125");
    }
}
