//! The page for authors of rules: how trees are asked for, and the model of each language as its module documents it.

use std::fmt::Write as _;

/// The languages, and the modules whose documentation has their models.
const MODELS: [(&str, &str); 13] = [
    ("cidr", include_str!("cidr.rs")),
    ("comments", include_str!("comments.rs")),
    ("condition", include_str!("condition.rs")),
    ("cron", include_str!("cron.rs")),
    ("duration", include_str!("duration.rs")),
    ("exec", include_str!("exec.rs")),
    ("expression", include_str!("expression.rs")),
    ("image", include_str!("image.rs")),
    ("json, yaml", include_str!("data.rs")),
    ("promql", include_str!("promql.rs")),
    ("regex", include_str!("regex.rs")),
    ("semver", include_str!("semver.rs")),
    ("shell", include_str!("shell/mod.rs")),
];

/// The page, Markdown.
pub fn page() -> String {
    let mut page =
        format!("# Languages in texts\n\n{}\n{}", docs(include_str!("mod.rs")), docs(include_str!("key.rs")));
    // The map of the modules is for whoever works on them.
    page = page.lines().filter(|line| !line.starts_with('|')).fold(String::new(), |page, line| page + line + "\n");
    page = page.replace(" ([`key`])", "");
    for (name, source) in MODELS {
        // Writing to a String cannot fail.
        let _ = write!(page, "\n## {name}\n\n{}", docs(source).replace("# The model\n\n", ""));
    }
    page
}

/// What a module says of itself.
fn docs(source: &str) -> String {
    let lines = source.lines().map_while(|line| line.strip_prefix("//!"));
    lines.map(|line| line.strip_prefix(' ').unwrap_or(line)).fold(String::new(), |docs, line| docs + line + "\n")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::language::Language;

    #[test]
    fn every_language_has_its_model() {
        let page = page();
        for language in Language::ALL {
            let is_named = |(names, _): &(&str, &str)| names.split(", ").any(|name| name == language.name());
            assert!(MODELS.iter().any(is_named), "{language}");
        }
        assert!(page.contains("\n## shell\n") && page.contains("\"subcommand\"") && !page.contains("//!"));
    }
}
