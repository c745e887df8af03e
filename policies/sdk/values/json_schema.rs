//! JSON Schema, as far as configuration needs it: types, required and further keys, enumerations, bounds, lists,
//! combinations, and references within the schema. `format`, `default` and descriptions say nothing of whether a value
//! fits; whatever else a schema holds is not known.

use crate::json::{Kind, View};
use crate::values::quantity::Quantity;

/// Why a value does not fit.
pub struct Fault<'d> {
    /// What does not fit; absent where a key is missing.
    pub place: View<'d>,
    /// What is wrong with it, as a message goes on: "is a string, expected `integer`". No value is in it.
    pub what: String,
}

/// Keywords that say nothing of whether a value fits.
const SILENT: [&str; 14] = [
    "$schema",
    "$id",
    "$defs",
    "definitions",
    "$comment",
    "title",
    "description",
    "default",
    "examples",
    "format",
    "deprecated",
    "readOnly",
    "writeOnly",
    "$anchor",
];
/// How many levels of values and references are followed.
const MAX_DEPTH: usize = 32;

/// What of a value does not fit a schema. The error says what of the schema is not known.
pub fn faults<'d>(schema: &View<'_>, value: &View<'d>) -> Result<Vec<Fault<'d>>, String> {
    let mut faults = Vec::new();
    Judge { root: schema }.judge(schema, value, 0, &mut faults)?;
    Ok(faults)
}

struct Judge<'s, 'r> {
    root: &'r View<'s>,
}

impl<'s> Judge<'s, '_> {
    fn judge<'d>(
        &self,
        schema: &View<'s>,
        value: &View<'d>,
        depth: usize,
        faults: &mut Vec<Fault<'d>>,
    ) -> Result<(), String> {
        if depth > MAX_DEPTH {
            return Err("it nests too deep".into());
        }
        let mut add = |place: &View<'d>, what: String| faults.push(Fault { place: place.clone(), what });
        match schema.kind() {
            Some(Kind::Bool(false)) => add(value, "is not allowed".into()),
            Some(Kind::Object) => {}
            _ => return Ok(()),
        }
        for (keyword, wanted) in schema.entries() {
            match keyword {
                "$ref" => {
                    let target = self.resolved(wanted.text()).ok_or_else(|| unknown("$ref"))?;
                    self.judge(&target, value, depth + 1, faults)?;
                }
                "type" => {
                    let mut names = wanted.items().map(|name| name.text()).chain(wanted.as_str()).peekable();
                    let listed: Vec<&str> = names.by_ref().collect();
                    if !listed.iter().any(|name| is_of_type(value, name)) {
                        let what = format!("is {}, expected `{}`", called(value), listed.join("` or `"));
                        faults.push(Fault { place: value.clone(), what });
                        // All else follows from that.
                        return Ok(());
                    }
                }
                "enum" if !wanted.items().any(|one| is_same(&one, value)) => {
                    let listed: Vec<_> = wanted.items().filter_map(|one| one.scalar_text()).collect();
                    faults.push(Fault { place: value.clone(), what: format!("is none of `{}`", listed.join("`, `")) });
                }
                "const" if !is_same(&wanted, value) => faults.push(Fault {
                    place: value.clone(),
                    what: format!("is not `{}`", wanted.scalar_text().unwrap_or("what it has to be")),
                }),
                "required" if value.kind() == Some(Kind::Object) => {
                    for key in wanted.items().filter(|key| value.get(key.text()).kind().is_none()) {
                        faults.push(Fault { place: value.get(key.text()), what: "is missing".into() });
                    }
                }
                "properties" => {
                    for (key, own) in wanted.entries().filter(|(key, _)| value.get(key).kind().is_some()) {
                        self.judge(&own, &value.get(key), depth + 1, faults)?;
                    }
                }
                "additionalProperties" => {
                    let known = schema.get("properties");
                    for (key, further) in value.entries().filter(|(key, _)| known.get(key).kind().is_none()) {
                        if wanted.as_bool() == Some(false) {
                            faults.push(Fault { place: value.get(key), what: "is a key that is not known".into() });
                        } else {
                            self.judge(&wanted, &further, depth + 1, faults)?;
                        }
                    }
                }
                "items" => {
                    for item in value.items() {
                        self.judge(&wanted, &item, depth + 1, faults)?;
                    }
                }
                "minimum" | "maximum" | "exclusiveMinimum" | "exclusiveMaximum" => {
                    if let Some(what) = out_of_bounds(keyword, &wanted, value) {
                        faults.push(Fault { place: value.clone(), what });
                    }
                }
                "minLength" | "maxLength" | "minItems" | "maxItems" => {
                    if let Some(what) = too_short_or_long(keyword, &wanted, value) {
                        faults.push(Fault { place: value.clone(), what });
                    }
                }
                "allOf" => {
                    for one in wanted.items() {
                        self.judge(&one, value, depth + 1, faults)?;
                    }
                }
                "anyOf" | "oneOf" => {
                    let mut fits = 0;
                    for one in wanted.items() {
                        let mut own = Vec::new();
                        self.judge(&one, value, depth + 1, &mut own)?;
                        fits += usize::from(own.is_empty());
                    }
                    if fits == 0 || keyword == "oneOf" && fits > 1 {
                        faults.push(Fault { place: value.clone(), what: format!("fits {fits} of `{keyword}`") });
                    }
                }
                "enum" | "const" | "required" => {}
                _ if SILENT.contains(&keyword) || keyword.starts_with("x-") => {}
                _ => return Err(unknown(keyword)),
            }
        }
        Ok(())
    }

    /// A schema of this schema, as `#/$defs/port` names it.
    fn resolved(&self, reference: &str) -> Option<View<'s>> {
        let path = reference.strip_prefix('#')?;
        let parts = path.split('/').filter(|part| !part.is_empty());
        Some(parts.fold(self.root.clone(), |view, part| view.get(part))).filter(|view| view.kind().is_some())
    }
}

fn unknown(keyword: &str) -> String {
    format!("`{keyword}` is not understood")
}

fn is_of_type(value: &View<'_>, name: &str) -> bool {
    match (name, value.kind()) {
        ("object", Some(Kind::Object))
        | ("array", Some(Kind::Array))
        | ("string", Some(Kind::String))
        | ("boolean", Some(Kind::Bool(_)))
        | ("number", Some(Kind::Number))
        | ("null", Some(Kind::Null)) => true,
        ("integer", Some(Kind::Number)) => value.as_i64().is_some(),
        _ => false,
    }
}

fn called(value: &View<'_>) -> &'static str {
    match value.kind() {
        Some(Kind::Object) => "a mapping",
        Some(Kind::Array) => "a list",
        Some(Kind::String) => "a text",
        Some(Kind::Bool(_)) => "a boolean",
        Some(Kind::Number) => "a number",
        Some(Kind::Null) | None => "null",
    }
}

fn is_same(one: &View<'_>, other: &View<'_>) -> bool {
    one.kind() == other.kind() && one.scalar_text() == other.scalar_text()
}

fn out_of_bounds(keyword: &str, wanted: &View<'_>, value: &View<'_>) -> Option<String> {
    let is_number = value.kind() == Some(Kind::Number);
    let (bound, number) = (Quantity::from_view(wanted)?, Quantity::from_view(value).filter(|_| is_number)?);
    let fits = match keyword {
        "minimum" => number >= bound,
        "maximum" => number <= bound,
        "exclusiveMinimum" => number > bound,
        _ => number < bound,
    };
    let (number, bound) = (value.scalar_text()?, wanted.scalar_text()?);
    (!fits).then(|| format!("is {number}, beyond the {keyword} {bound}"))
}

fn too_short_or_long(keyword: &str, wanted: &View<'_>, value: &View<'_>) -> Option<String> {
    let bound = wanted.as_i64()?;
    let length = match (value.kind()?, keyword.ends_with("Length")) {
        (Kind::String, true) => value.text().chars().count(),
        (Kind::Array, false) => value.len(),
        _ => return None,
    };
    let length = i64::try_from(length).ok()?;
    let fits = if keyword.starts_with("min") { length >= bound } else { length <= bound };
    (!fits).then(|| format!("has the length {length}, beyond the {keyword} {bound}"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::json::Json;

    fn found(schema: &str, value: &str) -> Result<Vec<String>, String> {
        let (schema, value) = (Json::parse(schema).unwrap(), Json::parse(value).unwrap());
        let faults = faults(&schema.root(), &value.root())?;
        Ok(faults.iter().map(|fault| format!("{} {}", fault.place.pointer(), fault.what)).collect())
    }

    #[test]
    fn values_fit_or_say_where_they_do_not() {
        let schema = r##"{"$schema":"x","type":"object","required":["port","mode"],"additionalProperties":false,
            "properties":{"port":{"$ref":"#/$defs/port"},"mode":{"enum":["a","b"]},"names":{"type":"array","minItems":1,
            "items":{"type":"string","maxLength":3}},"ratio":{"type":"number","exclusiveMaximum":1}},
            "$defs":{"port":{"type":"integer","minimum":1,"maximum":65535}}}"##;
        assert_eq!(found(schema, r#"{"port":80,"mode":"a","names":["abc"],"ratio":0.5}"#), Ok(vec![]));
        let value = r#"{"port":"80","mode":"c","names":["abcd"],"ratio":1,"more":true}"#;
        let expected = [
            "/more is a key that is not known",
            "/port is a text, expected `integer`",
            "/mode is none of `a`, `b`",
            "/names/0 has the length 4, beyond the maxLength 3",
            "/ratio is 1, beyond the exclusiveMaximum 1",
        ];
        assert_eq!(found(schema, value), Ok(expected.map(str::to_owned).to_vec()));
        assert_eq!(found(schema, r#"{"port":0}"#).unwrap(), ["/mode is missing", "/port is 0, beyond the minimum 1"]);
        assert_eq!(found(schema, "[]"), Ok(vec![" is a list, expected `object`".to_owned()]));
    }

    #[test]
    fn combinations_hold_and_what_is_not_known_is_said() {
        let either = r#"{"oneOf":[{"type":"integer"},{"type":["string","null"]}]}"#;
        assert_eq!(found(either, "1"), Ok(vec![]));
        assert_eq!(found(either, "true"), Ok(vec![" fits 0 of `oneOf`".to_owned()]));
        assert_eq!(found(r#"{"allOf":[{"const":1},false]}"#, "2").unwrap(), [" is not `1`", " is not allowed"]);
        assert!(found(r#"{"pattern":"^a"}"#, "1").is_err());
        assert!(found(r##"{"$ref":"#"}"##, "1").is_err());
    }
}
