//! For programs: the [`Results`] as one JSON object.

use super::Results;
use crate::visible::visible_json;

/// Writes the report.
///
/// # Errors
/// Never for results that came out of an evaluation.
pub fn json(results: &Results<'_>) -> serde_json::Result<String> {
    let mut text = visible_json(&serde_json::to_string_pretty(results)?).into_owned();
    text.push('\n');
    Ok(text)
}

/// The JSON Schema of the results.
pub fn schema() -> serde_json::Value {
    let mut schema = schemars::schema_for!(Results<'static>);
    schema.insert("title".to_owned(), "Results of policy-host eval --format json".into());
    schema.insert("$id".to_owned(), super::results::SCHEMA.into());
    schema.to_value()
}
