//! Values against the schema that a rule has for its parameters or settings.

use crate::document::Pointer;
use crate::plain;
use jsonschema::error::{TypeKind, ValidationErrorKind};
use jsonschema::{JsonType, ValidationError};
use serde_json::Value;

/// Checks parameters or settings against a rule's schema; gives the path of the first that does not fit.
pub(super) fn check_schema(schema: &Value, values: &Value) -> Result<(), (Pointer, String)> {
    let validator = jsonschema::validator_for(schema)
        .map_err(|error| (Pointer::root(), format!("the rule's own schema is unusable: {error}")))?;
    match validator.iter_errors(values).next() {
        None => Ok(()),
        Some(error) => {
            let path = Pointer::parse(error.instance_path().as_str()).unwrap_or_default();
            Err((path, told(schema, &error)))
        }
    }
}

/// What is wrong, for who wrote the value and has not seen the schema.
fn told(schema: &Value, error: &ValidationError<'_>) -> String {
    match error.kind() {
        ValidationErrorKind::AdditionalProperties { unexpected } => {
            let keyword = error.schema_path().as_str();
            let object = keyword.rsplit_once('/').and_then(|(object, _)| schema.pointer(object));
            let properties = object.and_then(|object| object.get("properties")?.as_object());
            let known: Vec<&str> = properties.into_iter().flat_map(|known| known.keys()).map(String::as_str).collect();
            let name = unexpected.first().map_or("", String::as_str);
            plain::unknown(&format!("there is no field `{name}` here"), name, &known)
        }
        ValidationErrorKind::Required { property } => {
            format!("the field `{}` is missing", property.as_str().unwrap_or_default())
        }
        ValidationErrorKind::Type { kind } => {
            let wanted: Vec<&str> = match kind {
                TypeKind::Single(one) => vec![wanted(*one)],
                TypeKind::Multiple(several) => several.iter().map(wanted).collect(),
            };
            format!("expected {}, found {}", wanted.join(" or "), plain::json(error.instance()))
        }
        ValidationErrorKind::Enum { options } => {
            let options = options.as_array().map_or(&[][..], Vec::as_slice);
            let words: Vec<&str> = options.iter().filter_map(Value::as_str).collect();
            match error.instance().as_str() {
                Some(word) if words.len() == options.len() => {
                    plain::unknown(&format!("`{word}` is not one of the words that may stand here"), word, &words)
                }
                _ => error.to_string(),
            }
        }
        _ => error.to_string(),
    }
}

fn wanted(kind: JsonType) -> &'static str {
    match kind {
        JsonType::Array => "a list",
        JsonType::Boolean => "`true` or `false`",
        JsonType::Integer => "a whole number",
        JsonType::Null => "nothing",
        JsonType::Number => "a number",
        JsonType::Object => "a mapping",
        JsonType::String => "a text",
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn what_does_not_fit_is_told_without_the_schema() {
        let schema = json!({
            "type": "object",
            "properties": {
                "min_sleep": {"type": "integer", "minimum": 1},
                "mode": {"enum": ["strict", "lenient"]},
                "labels": {"type": "array", "items": {"type": "string"}},
                "inner": {"type": "object", "properties": {"name": {"type": ["string", "null"]}}, "required": ["name"], "additionalProperties": false},
            },
            "additionalProperties": false,
        });
        for (value, at, expected) in [
            (json!({"min_slep": 1}), "", "there is no field `min_slep` here; did you mean `min_sleep`?"),
            (
                json!({"other": 1}),
                "",
                "there is no field `other` here: there are `min_sleep`, `mode`, `labels`, `inner`",
            ),
            (json!({"min_sleep": "soon"}), "/min_sleep", "expected a whole number, found the text `soon`"),
            (json!({"min_sleep": 0}), "/min_sleep", "0 is less than the minimum of 1"),
            (
                json!({"mode": "strikt"}),
                "/mode",
                "`strikt` is not one of the words that may stand here; did you mean `strict`?",
            ),
            (json!({"labels": {}}), "/labels", "expected a list, found a mapping"),
            (json!({"labels": [null]}), "/labels/0", "expected a text, found nothing"),
            (json!({"inner": {}}), "/inner", "the field `name` is missing"),
            (json!({"inner": {"name": true}}), "/inner/name", "expected nothing or a text, found `true`"),
            (
                json!({"inner": {"name": "a", "nmae": 1}}),
                "/inner",
                "there is no field `nmae` here; did you mean `name`?",
            ),
        ] {
            let (path, message) = check_schema(&schema, &value).unwrap_err();
            assert_eq!((path.to_string(), message.as_str()), (at.to_owned(), expected), "{value}");
        }
    }
}
