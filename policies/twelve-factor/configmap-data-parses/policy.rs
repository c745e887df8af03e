use policy_sdk::json::{Json, Kind};
use policy_sdk::parameter::Bounded;
use policy_sdk::prelude::*;

policy_sdk::rule! {
    /// Configuration files in ConfigMaps are well-formed
    ///
    /// Each value of `data` whose key ends with `.yaml`, `.yml` or `.json` is a text of that language: YAML as a stream of
    /// documents with any tags, JSON as RFC 8259 has it. A key that stands twice in one mapping is a fault, too. All values
    /// together have at most `max_bytes`.
    ///
    /// The rule skips empty values, templates (with `{{`, `{%`, `<%` or `${`), JSON with comments, and several JSON values
    /// one behind another, since some programs read such files under these names.
    ///
    /// ## Why
    /// Nobody reads the file before the program does. A wrong indentation is then found by the pod that does not start, in
    /// the middle of a rollout, or by a program that silently keeps its old configuration.
    ///
    /// ## Fix
    /// Correct the text at the place that is shown. In a block scalar (`config.yaml: |`) the text of the file begins with
    /// the indentation of its first line.
    findings: {
        /// The value is not what its name says
        Syntax: Medium, Likely;
        /// The values are together larger than a ConfigMap may be: the API server refuses it
        TooLarge: High, Certain;
    },
    priority: P1,
    effort: Small,
    factor: Config,
    since: "0.1.0",
    applies_to: ["core/ConfigMap"],
    reads: ["data", "data.*:yaml", "data.*:json", "binaryData"],
    parameters: {
        /// Bytes of all values together, at most: what the API server takes.
        max_bytes: Bounded<1, 1_048_576> = Bounded::of(1_048_576),
    },
}

fn check(input: &Input<'_, Parameters>, findings: &mut Findings) -> Check {
    let data = input.document.get("data");
    for (key, value) in data.entries().filter(|(_, value)| value.kind() == Some(Kind::String)) {
        let language = match key.rsplit_once('.') {
            Some((_, "yaml" | "yml")) => "yaml",
            Some((_, "json")) => "json",
            _ => continue,
        };
        let text = value.text();
        if text.trim().is_empty() || is_template(text) || language == "json" && is_lenient(text) {
            continue;
        }
        let tree = data.get(&[key, ":", language].concat());
        for part in tree.get("unread").items() {
            let reason = part.get("reason").text();
            let message = format!("`{key}` is no valid {}: {reason}", language.to_uppercase());
            findings.report(Code::Syntax, &part, message);
        }
    }
    let plain: usize = data.entries().map(|(_, value)| value.text().len()).sum();
    // Base64 writes three bytes as four.
    let binary: usize = input.document.get("binaryData").entries().map(|(_, value)| value.text().len() / 4 * 3).sum();
    let (bytes, max) = (plain + binary, input.parameters.max_bytes.get());
    if i64::try_from(bytes).is_ok_and(|bytes| bytes > max) {
        let message = format!("its values have {bytes} bytes together, expected at most {max}");
        findings.report(Code::TooLarge, &data, message);
    }
    Ok(())
}

/// Whether something fills the text in before a program reads it.
fn is_template(text: &str) -> bool {
    ["{{", "{%", "<%", "${"].iter().any(|mark| text.contains(mark))
}

/// Whether the text is of a language around JSON that its program may read: with comments, or with a value on each line.
fn is_lenient(text: &str) -> bool {
    let mut lines = text.lines().map(str::trim).filter(|line| !line.is_empty());
    let has_comment =
        lines.clone().any(|line| line.starts_with("//") || line.starts_with("/*") || line.starts_with('#'));
    let is_value = |line: &str| line.starts_with(['{', '[']) && Json::parse(line).is_ok();
    has_comment || text.contains(" // ") || lines.clone().count() > 1 && lines.all(is_value) || is_several(text)
}

/// Whether several values stand one behind another.
fn is_several(text: &str) -> bool {
    let Err(error) = Json::parse(text) else { return false };
    let (first, rest) = text.split_at_checked(error.at).unwrap_or((text, ""));
    error.expected == "the end" && rest.trim_start().starts_with(['{', '[']) && Json::parse(first).is_ok()
}
