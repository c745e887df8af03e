//! Whether a text is a template of YAML rather than YAML.

use super::lexer::{Lexer, Token};

/// Whether a text, YAML or JSON, is a template of Go or Jinja: an action stands where a value or a key would begin, or in the
/// plain name of a Kubernetes object, which has no braces. Anywhere else in words, and inside of quotes and block scalars,
/// `{{ … }}` is text: of an alert, or of somebody's template within an object.
pub fn is_template(text: &str) -> bool {
    (text.contains("{{") || text.contains("{%") || text.contains("{#"))
        && (Lexer::new(text).any(|token| token == Token::Action) || is_name_templated(text))
}

/// Whether an action stands in the plain `name` or `namespace` of a document's `metadata`.
fn is_name_templated(text: &str) -> bool {
    // How far the keys of the metadata stand in, while lines are theirs.
    let mut metadata: Option<Option<usize>> = None;
    text.lines().any(|line| {
        let bare = line.trim_start_matches(' ');
        let indent = line.len() - bare.len();
        if bare.is_empty() || bare.starts_with('#') {
            return false;
        }
        if indent == 0 {
            metadata = (line.trim_end() == "metadata:").then_some(None);
            return false;
        }
        let Some(keys) = &mut metadata else { return false };
        let is_key = *keys.get_or_insert(indent) == indent;
        let value = bare.strip_prefix("name:").or_else(|| bare.strip_prefix("namespace:"));
        let is_plain = |value: &&str| !value.trim_start().starts_with(['"', '\'', '|', '>']);
        let value = value.filter(is_plain).unwrap_or_default();
        let value = value.split_once(" #").map_or(value, |(value, _comment)| value);
        let is_between =
            |(open, close): &(&str, &str)| value.split_once(open).is_some_and(|(_, rest)| rest.contains(close));
        is_key && [("{{", "}}"), ("{%", "%}")].iter().any(is_between)
    })
}

#[cfg(test)]
mod tests {
    use super::is_template;

    #[test]
    fn names_of_objects_have_no_braces() {
        for text in
            ["kind: A\nmetadata:\n  name: shop-{{ .Env }}\n", "metadata:\n  labels: {}\n  namespace: a{% b %}\n"]
        {
            assert!(is_template(text), "{text}");
        }
        for text in [
            "metadata:\n  name: \"shop-{{ env }}\"\n",
            "metadata:\n  labels:\n    name: shop-{{ env }}\n",
            "spec:\n  name: shop-{{ env }}\n",
            "metadata:\n  name: a\nspec:\n  template:\n    metadata:\n      name: shop-{{ env }}\n",
            "metadata:\n  name: a\n  # name: {{ b\n",
            "metadata:\n  name: a # {{ .Name }}\n",
            "metadata:\n  name: {{ not closed\n",
        ] {
            assert!(!is_template(text), "{text}");
        }
    }
}
