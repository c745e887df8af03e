//! Results from a file: whoever wrote it may be hostile, or older.

use crate::plain;
use crate::report::{Results, SCHEMA};
use std::collections::BTreeSet;
use std::io::Read;

/// No results file that a person wants a report on is larger.
pub const MAX_RESULTS_BYTES: u64 = 256 << 20;
/// More rules than any bundle has.
const MAX_RULES: usize = 10_000;

/// Why a text is no results.
#[derive(Debug, thiserror::Error)]
pub enum ReadError {
    /// It could not be read.
    #[error("{0}")]
    Io(#[from] std::io::Error),
    /// It is larger than any that is believed.
    #[error("it is larger than {} MiB", MAX_RESULTS_BYTES >> 20)]
    TooLarge,
    /// It is not JSON, or not JSON of that shape.
    #[error("{}{reason}", at(path))]
    Malformed {
        /// The field.
        path: String,
        /// What is wrong with it.
        reason: String,
    },
    /// It is of a version that this program does not know.
    #[error("its schema is `{0}`; this program reads `{SCHEMA}`, which `policy-host eval --format json` writes")]
    Schema(String),
    /// It contradicts itself.
    #[error("at `{path}`: {reason}")]
    Inconsistent {
        /// The field.
        path: String,
        /// What is wrong with it.
        reason: String,
    },
}

/// A field; the whole text needs no name.
fn at(path: &str) -> String {
    if path == "." { String::new() } else { format!("at `{path}`: ") }
}

#[derive(serde::Deserialize)]
struct Head {
    schema: String,
}

/// Reads and checks results. Fields that are not known are skipped, since a version may gain some.
///
/// # Errors
/// Names the field.
pub fn read(input: impl Read) -> Result<Results<'static>, ReadError> {
    let mut bytes = Vec::new();
    input.take(MAX_RESULTS_BYTES + 1).read_to_end(&mut bytes)?;
    if bytes.len() as u64 > MAX_RESULTS_BYTES {
        return Err(ReadError::TooLarge);
    }
    // The version first: what another one holds need not fit.
    let head: Head = parse(&bytes)?;
    if head.schema != SCHEMA {
        return Err(ReadError::Schema(head.schema.chars().take(100).collect()));
    }
    let results: Results<'static> = parse(&bytes)?;
    check(&results)?;
    Ok(results)
}

fn parse<T: serde::de::DeserializeOwned>(bytes: &[u8]) -> Result<T, ReadError> {
    let mut deserializer = serde_json::Deserializer::from_slice(bytes);
    let malformed = |path: String, reason: String| ReadError::Malformed { path, reason };
    let value = serde_path_to_error::deserialize(&mut deserializer)
        .map_err(|error| malformed(error.path().to_string(), plain::value(error.inner())))?;
    deserializer.end().map_err(|error| malformed(".".to_owned(), plain::value(&error)))?;
    Ok(value)
}

fn check(results: &Results<'_>) -> Result<(), ReadError> {
    let wrong = |path: String, reason: String| Err(ReadError::Inconsistent { path, reason });
    if results.rules.is_empty() && !results.documents.is_empty() {
        let reason = "no rules are listed: an older policy-host wrote it; run `policy-host eval --format json` again";
        return wrong("rules".to_owned(), reason.to_owned());
    }
    if results.rules.len() > MAX_RULES {
        return wrong("rules".to_owned(), format!("there are more than {MAX_RULES}"));
    }
    let mut ids = BTreeSet::new();
    for (index, rule) in results.rules.iter().enumerate() {
        if !ids.insert(&*rule.id) {
            return wrong(format!("rules[{index}].id"), format!("`{}` is there twice", rule.id));
        }
    }
    for (at, document) in results.documents.iter().enumerate() {
        for (index, outcome) in document.outcomes.iter().enumerate() {
            if !ids.contains(&*outcome.rule) {
                let reason = format!("`{}` is none of the rules", outcome.rule);
                return wrong(format!("documents[{at}].outcomes[{index}].rule"), reason);
            }
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::{Value, json};

    fn results() -> Value {
        json!({
            "schema": SCHEMA,
            "bundle": {"name": "b", "version": "1.0.0", "rules": 0},
            "summary": {
                "documents": 0, "findings": [0, 0, 0, 0, 0], "exempt": 0, "fixable": 0, "passed": 0,
                "notEvaluated": 0, "ruleErrors": 0, "inputErrors": 0,
            },
            "errors": [], "rules": [], "documents": [],
        })
    }

    fn error(change: impl Fn(&mut Value)) -> String {
        let mut value = results();
        change(&mut value);
        read(value.to_string().as_bytes()).map(drop).unwrap_err().to_string()
    }

    #[test]
    fn a_version_may_gain_fields() {
        let mut value = results();
        value["new"] = json!(1);
        read(value.to_string().as_bytes()).unwrap();
    }

    #[test]
    fn errors_name_the_field() {
        assert!(error(|value| value["schema"] = json!("other/v9")).contains("its schema is `other/v9`"));
        assert!(
            error(|value| value["summary"]["passed"] = json!("x"))
                .contains("at `summary.passed`: expected a whole number")
        );
        assert!(
            error(|value| value["documents"] = json!([{}]))
                .contains("at `documents[0]`: the field `subject` is missing")
        );
        assert!(error(|value| value["documents"] = json!([{
            "subject": {"group": "", "version": "", "kind": "", "namespace": "", "name": "", "operation": ""},
            "location": {"file": "", "line": 1, "column": 1, "endLine": 1, "endColumn": 1, "startByte": 0, "endByte": 0},
            "outcomes": [],
        }]))
        .contains("no rules are listed"));
    }

    #[test]
    fn what_is_no_json_is_refused() {
        for text in ["", "[]", "{", "{\"schema\": 1}", &"[".repeat(10_000), &format!("{} x", results())] {
            assert!(read(text.as_bytes()).is_err(), "{text}");
        }
    }

    #[test]
    fn what_is_too_large_is_not_kept() {
        assert!(matches!(read(std::io::repeat(b' ')), Err(ReadError::TooLarge)));
    }
}
