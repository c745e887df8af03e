//! What libraries and the operating system say of errors, in the words of people who know neither.
//!
//! Errors of serde name types of the program, and those of JSON the states of a parser. Who wrote a file wants to know which
//! field is wrong, and what would be right.

use std::borrow::Cow;
use std::fmt::Display;

/// Names that an error lists at the most.
const LISTED: usize = 12;

/// A text without the numbers that the operating system gives its errors, `(os error 2)`, and without the names of temporary
/// files that were to take the place of others: `at path "/work/.tmpdtPgLG"`.
pub fn system(text: &str) -> Cow<'_, str> {
    let without = without(Cow::Borrowed(text), " (os error ", ")");
    without_temporary(without)
}

/// A text without what stands between two words, wherever that is.
fn without<'t>(mut text: Cow<'t, str>, start: &str, end: &str) -> Cow<'t, str> {
    while let Some(at) = text.find(start) {
        let Some(length) = text[at + start.len()..].find(end) else { break };
        text = format!("{}{}", &text[..at], &text[at + start.len() + length + end.len()..]).into();
    }
    text
}

fn without_temporary(text: Cow<'_, str>) -> Cow<'_, str> {
    match text.find(" at path \"").filter(|at| [".tmp", ".new-"].iter().any(|prefix| text[*at..].contains(prefix))) {
        Some(_) => without(text, " at path \"", "\""),
        None => text,
    }
}

/// Why a connection failed, without the names that HTTP's library has for the stages of one.
pub fn connection(reason: &str) -> String {
    const STAGES: [(&str, &str); 6] = [
        ("client error (Connect): ", ""),
        ("client error (SendRequest): ", ""),
        ("client error (Canceled): ", ""),
        ("tcp connect error: ", ""),
        ("dns error: failed to lookup address information: ", ""),
        ("Name or service not known", "no such host is known"),
    ];
    STAGES.iter().fold(system(reason).into_owned(), |reason, (stage, plain)| reason.replace(stage, plain))
}

/// What is wrong with a value that serde read, or with the JSON that it is written in.
pub fn value(error: &impl Display) -> String {
    let said = error.to_string();
    let (said, place) = split_place(&said);
    let place = place.map(|(line, column)| format!(" (line {line}, column {column})")).unwrap_or_default();
    match of_value(said) {
        Some(plain) => format!("{plain}{place}"),
        None if said.starts_with("EOF while parsing") => format!("it is not JSON: it ends too early{place}"),
        None if is_syntax(said) => format!("it is not JSON: {said}{place}"),
        None => format!("{said}{place}"),
    }
}

/// Takes `at line 3 column 7` off.
fn split_place(said: &str) -> (&str, Option<(&str, &str)>) {
    let split = || {
        let (said, place) = said.rsplit_once(" at line ")?;
        let (line, column) = place.split_once(" column ")?;
        let is_number = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
        (is_number(line) && is_number(column)).then_some((said, Some((line, column))))
    };
    split().unwrap_or((said, None))
}

/// Whether serde_json says it of a text rather than of a value.
fn is_syntax(said: &str) -> bool {
    const SYNTAX: [&str; 9] = [
        "expected `",
        "expected value",
        "expected ident",
        "key must be",
        "trailing c",
        "control character",
        "invalid escape",
        "invalid number",
        "invalid unicode",
    ];
    SYNTAX.iter().any(|start| said.starts_with(start)) || said.contains("hex escape") || said.contains("surrogate")
}

fn of_value(said: &str) -> Option<String> {
    if let Some(rest) = said.strip_prefix("unknown field ") {
        return Some(unknown_name(rest, |name| format!("there is no field `{name}` here")));
    }
    if let Some(rest) = said.strip_prefix("unknown variant ") {
        return Some(unknown_name(rest, |name| format!("`{name}` is not one of the words that may stand here")));
    }
    if let Some(name) = said.strip_prefix("missing field ") {
        return Some(format!("the field {name} is missing"));
    }
    if let Some(name) = said.strip_prefix("duplicate field ") {
        return Some(format!("the field {name} stands twice"));
    }
    for start in ["invalid type: ", "invalid value: "] {
        if let Some((found, expected)) = said.strip_prefix(start).and_then(|rest| rest.split_once(", expected ")) {
            return Some(format!("expected {}, found {}", wanted(expected), given(found)));
        }
    }
    if let Some((length, expected)) =
        said.strip_prefix("invalid length ").and_then(|rest| rest.split_once(", expected "))
    {
        return Some(format!("expected {}, found {length} of them", wanted(expected)));
    }
    said.starts_with("data did not match any variant")
        .then(|| "it has none of the forms that may stand here".to_owned())
}

/// `` `naem`, expected one of `name`, `names` ``: what nobody knows, with what is close to it, else with what there is.
fn unknown_name(rest: &str, is_unknown: impl FnOnce(&str) -> String) -> String {
    let (name, known) = rest.split_once(", ").unwrap_or((rest, ""));
    let name = name.trim_matches('`');
    let known: Vec<&str> = known.split('`').skip(1).step_by(2).collect();
    unknown(&is_unknown(name), name, &known)
}

/// Says of a name that nobody knows what is close to it, else what there is.
pub fn unknown(said: &str, name: &str, known: &[&str]) -> String {
    if let Some(close) = crate::suggest::closest(name, known.iter().copied()) {
        return format!("{said}; did you mean `{close}`?");
    }
    let more = if known.len() > LISTED { " and more" } else { "" };
    let listed: Vec<String> = known.iter().take(LISTED).map(|name| format!("`{name}`")).collect();
    if listed.is_empty() { said.to_owned() } else { format!("{said}: there are {}{more}", listed.join(", ")) }
}

/// What was expected.
fn wanted(expected: &str) -> String {
    let plain = match expected {
        "a map" => "a mapping",
        "a sequence" | "an array" => "a list",
        "a string" | "a borrowed string" | "string" | "str" => "a text",
        "a boolean" => "`true` or `false`",
        "unit" => "nothing",
        "u8" | "u16" | "u32" | "u64" | "u128" | "usize" => "a whole number that is not negative",
        "i8" | "i16" | "i32" | "i64" | "i128" | "isize" => "a whole number",
        "f32" | "f64" => "a number",
        "string or map" => "a word or a mapping",
        expected if expected.starts_with("a nonzero ") => "a whole number above 0",
        expected if expected.starts_with("struct ") || expected.starts_with("internally tagged enum ") => "a mapping",
        expected if expected.starts_with("enum ") => "a word",
        expected if expected.starts_with("a tuple") || expected.starts_with("tuple ") => "a list",
        expected => expected,
    };
    plain.to_owned()
}

/// What a value is.
pub fn json(value: &serde_json::Value) -> String {
    match value {
        serde_json::Value::Null => "nothing".to_owned(),
        serde_json::Value::Bool(value) => format!("`{value}`"),
        serde_json::Value::Number(number) => format!("the number {number}"),
        serde_json::Value::String(text) => format!("the text `{text}`"),
        serde_json::Value::Array(_) => "a list".to_owned(),
        serde_json::Value::Object(_) => "a mapping".to_owned(),
    }
}

/// What was found.
fn given(found: &str) -> String {
    match found {
        "map" => return "a mapping".to_owned(),
        "sequence" => return "a list".to_owned(),
        "null" | "unit value" | "Option value" | "unit" => return "nothing".to_owned(),
        _ => {}
    }
    if let Some(text) = found.strip_prefix("string ") {
        // serde writes it as Rust does, in quotes.
        let inner = text.strip_prefix('"').and_then(|text| text.strip_suffix('"')).unwrap_or(text);
        return format!("the text `{inner}`");
    }
    for start in ["integer ", "floating point "] {
        if let Some(number) = found.strip_prefix(start) {
            return format!("the number {}", number.trim_matches('`'));
        }
    }
    found.strip_prefix("boolean ").unwrap_or(found).to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde::Deserialize;

    #[derive(Debug, Deserialize)]
    #[serde(deny_unknown_fields)]
    #[expect(dead_code, reason = "only its errors are looked at")]
    struct Settings {
        name: String,
        count: Option<u8>,
        list: Option<Vec<bool>>,
        kind: Option<Kind>,
        inner: Option<Box<Settings>>,
        pair: Option<(u8, u8)>,
    }

    #[derive(Debug, Deserialize)]
    #[serde(rename_all = "lowercase")]
    enum Kind {
        Narrow,
        Broad,
    }

    fn said(json: &str) -> String {
        value(&serde_json::from_str::<Settings>(json).unwrap_err())
    }

    #[test]
    fn values_are_told_in_the_words_of_people() {
        for (json, expected) in [
            ("{\"naem\": 1}", "there is no field `naem` here; did you mean `name`? (line 1, column 7)"),
            (
                "{\"zzz\": 1}",
                "there is no field `zzz` here: there are `name`, `count`, `list`, `kind`, `inner`, `pair` (line 1, column 6)",
            ),
            ("{}", "the field `name` is missing (line 1, column 2)"),
            ("{\"name\": 1}", "expected a text, found the number 1 (line 1, column 10)"),
            (
                "{\"name\": \"a\", \"count\": \"b\"}",
                "expected a whole number that is not negative, found the text `b` (line 1, column 26)",
            ),
            (
                "{\"name\": \"a\", \"count\": 1000}",
                "expected a whole number that is not negative, found the number 1000 (line 1, column 27)",
            ),
            ("{\"name\": \"a\", \"list\": {}}", "expected a list, found a mapping (line 1, column 22)"),
            ("{\"name\": \"a\", \"list\": [null]}", "expected `true` or `false`, found nothing (line 1, column 27)"),
            (
                "{\"name\": \"a\", \"kind\": \"brod\"}",
                "`brod` is not one of the words that may stand here; did you mean `broad`? (line 1, column 28)",
            ),
            ("{\"name\": \"a\", \"inner\": true}", "expected a mapping, found `true` (line 1, column 27)"),
            ("{\"name\": \"a\", \"name\": \"b\"}", "the field `name` stands twice (line 1, column 20)"),
            ("{\"name\": \"a\", \"pair\": [1]}", "expected a list, found 1 of them (line 1, column 25)"),
            ("{\"name\": ", "it is not JSON: it ends too early (line 1, column 9)"),
            ("{name: 1}", "it is not JSON: key must be a string (line 1, column 2)"),
            ("{\"name\": \"a\"} x", "it is not JSON: trailing characters (line 1, column 15)"),
        ] {
            assert_eq!(said(json), expected, "{json}");
        }
    }

    #[test]
    fn a_connection_fails_in_plain_words() {
        assert_eq!(
            connection("client error (Connect): tcp connect error: Connection refused (os error 111)"),
            "Connection refused"
        );
        let unknown =
            "client error (Connect): dns error: failed to lookup address information: Name or service not known";
        assert_eq!(connection(unknown), "no such host is known");
    }

    #[test]
    fn neither_numbers_of_the_system_nor_temporary_files_are_told() {
        assert_eq!(system("a: No such file (os error 2), b: denied (os error 13)"), "a: No such file, b: denied");
        assert_eq!(system("a (os error "), "a (os error ");
        assert_eq!(system("a: No such file (os error 2) at path \"/w/none/.tmpdtPgLG\""), "a: No such file");
        assert_eq!(system("a at path \"/w\""), "a at path \"/w\"");
    }
}
