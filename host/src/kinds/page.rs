//! The page for authors of rules.

use super::{KINDS, Kind};
use crate::document::Format;
use std::fmt::Write as _;

/// All kinds of files, as Markdown.
pub fn page() -> String {
    let mut page = String::from(
        "# Kinds of files\n\nA rule names what it judges in `appliesTo`: workloads (`workload`, `workload/Deployment`), any \
         other object of Kubernetes by its group and kind (`core/ConfigMap`, `cert-manager.io/Certificate`), and files by \
         one of these kinds. A kind that no rule of a run asks for is neither read nor parsed.\n\nEvery value has a place. \
         Paths are those that the report shows. Globs match letters of any case.\n",
    );
    for kind in KINDS.iter() {
        section(kind, &mut page);
    }
    page
}

fn section(kind: &Kind, page: &mut String) {
    // Writing to a String cannot fail, here and below.
    let _ = writeln!(page, "\n## `file/{}`\n\n{}\n", kind.name, kind.title);
    let globs: Vec<String> = kind.paths.globs.iter().map(|glob| format!("`{glob}`")).collect();
    let place = if kind.paths.in_chart { " below a directory with a `Chart.yaml`" } else { "" };
    if !globs.is_empty() {
        let _ = writeln!(page, "* **Files:** {}{place}.", globs.join(", "));
    }
    if let Some(content) = &kind.content {
        let _ = writeln!(page, "* **Content:** {}.", content.words);
    }
    let _ = writeln!(page, "* **Written in:** {}.", language(kind));
    let fixes = if kind.format.has_fixes() { "possible" } else { "not possible" };
    let _ = writeln!(page, "* **Fixes:** {fixes}.\n\n{}", kind.model);
}

fn language(kind: &Kind) -> &'static str {
    match kind.format {
        Format::Yaml if kind.like_kubernetes => "YAML, read as Kubernetes' clients read it",
        Format::Yaml => "YAML 1.2 or JSON; a key that stands twice is an error",
        Format::Json => "JSON",
        Format::Json5 => "JSON5",
        Format::Dockerfile => "the language of Dockerfiles, read as BuildKit reads it",
        Format::Hcl => "HCL",
        Format::Toml => "TOML",
        Format::GoMod => "the language of go.mod",
        Format::Proto => "the language of Protocol Buffers",
        Format::Properties => "the language of Java properties",
        Format::Dotenv => "the language of `.env` files",
        Format::Makefile => "the language of make",
        Format::Sql => "SQL, whatever its dialect",
        Format::Text => "text",
        Format::Listing => "nothing: it has no text of its own",
    }
}
