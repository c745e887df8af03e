//! Compose files.

/// Puts the defaults of variables in their place, as Compose does: `${NAME:-default}`, which may hold others, and
/// `${NAME:+other}`, which is empty where nothing is set. What has none (`$NAME`, `${NAME:?message}`) stays, and is no image
/// then; nor is `$$`, a literal dollar.
pub fn with_defaults(text: &str) -> String {
    let mut out = String::new();
    let mut rest = text;
    while let Some((before, inner)) = rest.split_once("${") {
        out.push_str(before);
        let Some(end) = closing(inner) else { return out + "$" + inner };
        let (variable, after) = (&inner[..end], &inner[end + 1..]);
        let name = variable.find(|character: char| !(character.is_ascii_alphanumeric() || character == '_'));
        let (_, operator) = variable.split_at(name.unwrap_or(variable.len()));
        let operator = operator.strip_prefix(':').unwrap_or(operator);
        if out.ends_with('$') {
            // A dollar, and text behind it.
            out.push_str(variable);
        } else if let Some(default) = operator.strip_prefix('-') {
            out.push_str(&with_defaults(default));
        } else if !operator.starts_with('+') {
            out.push('$');
        }
        rest = after;
    }
    out + rest
}

/// Where the brace closes that was opened before a text.
fn closing(text: &str) -> Option<usize> {
    let mut open = 1;
    text.bytes().position(|byte| {
        open += i32::from(byte == b'{') - i32::from(byte == b'}');
        open == 0
    })
}

#[cfg(test)]
mod tests {
    use super::with_defaults;

    #[test]
    fn defaults_take_the_place_of_variables() {
        for (text, expected) in [
            ("nginx:1", "nginx:1"),
            ("${IMAGE:-nginx}:${TAG-1.27}", "nginx:1.27"),
            ("${A:-${B:-nginx}}", "nginx"),
            ("nginx:${TAG}", "nginx:$"),
            ("nginx${TAG:+:1}", "nginx"),
            ("nginx:${TAG", "nginx:$TAG"),
        ] {
            assert_eq!(with_defaults(text), expected);
        }
    }
}
