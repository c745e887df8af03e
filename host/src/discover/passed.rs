//! What is skipped, since only what it is rendered to can be checked.

use crate::parse::{dockerfile, yaml};
use std::path::Path;

/// A template that was skipped.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PassedOver {
    /// Its path, as it is shown.
    pub path: String,
    /// What says that it is one.
    pub why: Why,
}

/// What says that a file is a template.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Why {
    /// It lies in the `templates` of a Helm chart.
    Chart,
    /// Its name ends as templates do: `deployment.yaml.j2`.
    Name,
    /// An action of a template stands in it where a value, a key or an instruction would: `name: {{ .Name }}`.
    Content,
}

/// Endings of templates.
const TEMPLATES: [&str; 11] =
    ["ejs", "erb", "gotmpl", "hbs", "j2", "jinja", "jinja2", "mustache", "template", "tmpl", "tpl"];
/// Endings of what they are rendered to.
const RENDERED: [&str; 4] = ["yaml", "yml", "dockerfile", "containerfile"];

/// Whether a name is that of a template of something that would be checked: `shop.yaml.tmpl`, `Dockerfile.j2`.
pub(super) fn is_template_name(path: &Path) -> bool {
    let Some(name) = path.file_name() else { return false };
    let name = name.to_string_lossy().to_ascii_lowercase();
    let Some((rendered, _)) = name.rsplit_once('.').filter(|(_, ending)| TEMPLATES.contains(ending)) else {
        return false;
    };
    let ending = rendered.rsplit_once('.').map_or(rendered, |(_, ending)| ending);
    RENDERED.contains(&ending) || matches!(rendered.split(['.', '-', '_']).next(), Some("dockerfile" | "containerfile"))
}

/// Whether a text is a template of its language.
pub(super) fn is_template(form: crate::parse::Form, text: &str) -> bool {
    use crate::parse::Form;
    match form {
        Form::Yaml(_) | Form::Json => yaml::is_template(text),
        Form::Dockerfile => dockerfile::is_template(text),
        Form::Terraform | Form::TerraformVariables | Form::Plain(_) => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn templates_are_known_by_their_names() {
        for name in ["a/shop.yaml.tmpl", "shop.YML.j2", "Dockerfile.tmpl", "dockerfile-slim.erb", "a.Dockerfile.jinja2"]
        {
            assert!(is_template_name(Path::new(name)), "{name}");
        }
        for name in
            ["shop.yaml", "_helpers.tpl", "index.html.erb", "config.json.template", "main.tf.tmpl", "j2", "Dockerfile"]
        {
            assert!(!is_template_name(Path::new(name)), "{name}");
        }
    }
}
