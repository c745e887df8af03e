//! Writing JSON.

use crate::json::{Kind, View};
use std::fmt::Write as _;

/// A value that can be written as JSON: manifests, fixes and parameters' defaults are made of it.
pub trait ToJson {
    /// Appends the value as JSON.
    fn write_json(&self, out: &mut String);

    /// The value as JSON.
    fn to_json(&self) -> String {
        let mut out = String::new();
        self.write_json(&mut out);
        out
    }
}

/// JSON text that is already written.
#[derive(Debug, Clone)]
pub struct Raw(pub String);

impl ToJson for Raw {
    fn write_json(&self, out: &mut String) {
        out.push_str(&self.0);
    }
}

impl ToJson for str {
    fn write_json(&self, out: &mut String) {
        out.push('"');
        for character in self.chars() {
            match character {
                '"' => out.push_str("\\\""),
                '\\' => out.push_str("\\\\"),
                '\n' => out.push_str("\\n"),
                '\r' => out.push_str("\\r"),
                '\t' => out.push_str("\\t"),
                control if (control as u32) < 0x20 => {
                    // Writing to a String cannot fail.
                    let _ = write!(out, "\\u{:04x}", control as u32);
                }
                other => out.push(other),
            }
        }
        out.push('"');
    }
}

impl ToJson for String {
    fn write_json(&self, out: &mut String) {
        self.as_str().write_json(out);
    }
}

impl ToJson for bool {
    fn write_json(&self, out: &mut String) {
        out.push_str(if *self { "true" } else { "false" });
    }
}

impl ToJson for i64 {
    fn write_json(&self, out: &mut String) {
        // Writing to a String cannot fail.
        let _ = write!(out, "{self}");
    }
}

impl ToJson for i32 {
    fn write_json(&self, out: &mut String) {
        i64::from(*self).write_json(out);
    }
}

impl<T: ToJson + ?Sized> ToJson for &T {
    fn write_json(&self, out: &mut String) {
        (**self).write_json(out);
    }
}

impl<T: ToJson> ToJson for Option<T> {
    fn write_json(&self, out: &mut String) {
        match self {
            Some(value) => value.write_json(out),
            None => out.push_str("null"),
        }
    }
}

impl<T: ToJson> ToJson for [T] {
    fn write_json(&self, out: &mut String) {
        out.push('[');
        for (index, item) in self.iter().enumerate() {
            if index > 0 {
                out.push(',');
            }
            item.write_json(out);
        }
        out.push(']');
    }
}

impl<T: ToJson, const N: usize> ToJson for [T; N] {
    fn write_json(&self, out: &mut String) {
        self.as_slice().write_json(out);
    }
}

impl<T: ToJson> ToJson for Vec<T> {
    fn write_json(&self, out: &mut String) {
        self.as_slice().write_json(out);
    }
}

/// What stands at a view, `null` when it is absent.
impl ToJson for View<'_> {
    fn write_json(&self, out: &mut String) {
        match self.kind() {
            None | Some(Kind::Null) => out.push_str("null"),
            Some(Kind::Bool(value)) => value.write_json(out),
            Some(Kind::Number) => out.push_str(self.scalar_text().unwrap_or_default()),
            Some(Kind::String) => self.text().write_json(out),
            Some(Kind::Array) => self.items().collect::<Vec<_>>().write_json(out),
            Some(Kind::Object) => {
                let mut object = ObjectWriter::new(out);
                for (key, value) in self.entries() {
                    object.entry(key, &value);
                }
                object.finish();
            }
        }
    }
}

/// Writes one object, entry by entry.
pub struct ObjectWriter<'o> {
    out: &'o mut String,
    empty: bool,
}

impl<'o> ObjectWriter<'o> {
    /// Opens an object.
    pub fn new(out: &'o mut String) -> Self {
        out.push('{');
        Self { out, empty: true }
    }

    /// Adds an entry.
    pub fn entry(&mut self, key: &str, value: &(impl ToJson + ?Sized)) -> &mut Self {
        value.write_json(self.key(key));
        self
    }

    /// Adds a key; the caller appends the value.
    // Inlined into every call it makes each component 3 KB larger.
    #[inline(never)]
    pub fn key(&mut self, key: &str) -> &mut String {
        if !std::mem::take(&mut self.empty) {
            self.out.push(',');
        }
        key.write_json(self.out);
        self.out.push(':');
        self.out
    }

    /// Closes the object.
    pub fn finish(self) {
        self.out.push('}');
    }
}

/// Writes a JSON object. Values are anything that is [`ToJson`]; behind `?` stands an `Option`, which makes no entry
/// where it is `None`; `..` puts in the pairs of an iterator, such as [`View::entries`].
///
/// ```
/// # use policy_sdk::object;
/// let (seconds, labels) = (None::<i64>, [("app", "cart")]);
/// let written = object! { "sleep": object! { "seconds": ?seconds }, "name": "x", ..labels };
/// assert_eq!(written.0, r#"{"sleep":{},"name":"x","app":"cart"}"#);
/// ```
#[macro_export]
macro_rules! object {
    (@entries $object:ident) => {};
    (@entries $object:ident $key:literal : ? $value:expr $(, $($rest:tt)*)?) => {
        if let Some(value) = &$value {
            $object.entry($key, value);
        }
        $crate::object!(@entries $object $($($rest)*)?);
    };
    (@entries $object:ident $key:literal : $value:expr $(, $($rest:tt)*)?) => {
        $object.entry($key, &$value);
        $crate::object!(@entries $object $($($rest)*)?);
    };
    (@entries $object:ident .. $pairs:expr $(, $($rest:tt)*)?) => {
        for (key, value) in $pairs {
            $object.entry(key, &value);
        }
        $crate::object!(@entries $object $($($rest)*)?);
    };
    ($($entries:tt)*) => {{
        let mut out = String::new();
        #[allow(unused_mut, reason = "an empty object")]
        let mut object = $crate::write::ObjectWriter::new(&mut out);
        $crate::object!(@entries object $($entries)*);
        object.finish();
        $crate::write::Raw(out)
    }};
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::json::Json;

    #[test]
    fn a_view_is_written_as_it_was_read() {
        let text = r#"{"a":[1,-2.5e3,"x\"y",true,null,{}],"b/c":{"d":"e"}}"#;
        let json = Json::parse(text).unwrap();
        assert_eq!(json.root().to_json(), text);
        assert_eq!(json.root().get("z").to_json(), "null");
    }
}
