//! The page for authors of rules.

use super::{KINDS, Kind};
use crate::document::Format;
use std::fmt::Write as _;

/// What is in no file: what registries say of images.
const IMAGES: &str = r#"
# Images

## `policy-host.dev/Image`

What a registry says of an image, for a query with the relation `about`; no rule judges it. The host fetches it from
repositories that the operator allows (`eval --images`, `images.repositories` of a server). In the cases of a rule it
is a file like any other. There is one for each reference, in the order of their names.

| path | what it is |
| --- | --- |
| `metadata.name` | the reference with all that it implies: `docker.io/library/nginx:latest` |
| `reference` | the reference as it is written: `nginx` |
| `repository`, `tag` | its parts; `tag` is absent where only a digest is written |
| `exists` | whether the registry has it; absent where that is not known |
| `digest` | what the reference stands for: `sha256:…` of the index, or of the manifest where there is none |
| `mediaType` | of the index or manifest |
| `platforms[*]` | what it has for each platform: `os`, `architecture`, `variant`, `digest` of its manifest |
| `platforms[*].user` | the user that its processes start as; empty for root |
| `platforms[*].created`, `ageDays` | when it was built, and the whole days since then; no `ageDays` where it says nothing, or a time before 2013 |
| `platforms[*].size` | bytes of its layers, compressed, and of its configuration |
| `platforms[*].labels`, `labelsLeftOut` | its labels; the names of those that are longer than 4 KiB |
| `signature.state` | what the trust policy makes of it: `verified`; `unsigned`, since none is needed; `refused`; absent where that is not known |
| `signature.signers[*]` | who signed it, by their names in the trust policy |
| `signature.attestations[*]` | what the trust policy asks for and is there: `type`, the predicate type, and `signer` |
| `signature.reason` | why it is refused |
| `unknown.reason` | why nothing is known beside the signature |
| `unknown.failed` | `true`: the registry was to be asked and did not answer as it should, so that nobody can judge. `false`: it may not be asked |
"#;

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
    page.push_str(IMAGES);
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
