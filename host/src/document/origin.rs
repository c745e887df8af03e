//! Whose text a document is: the one place that says whether fixes may change it.

use super::{Document, Format};

/// What `helm template` writes above each document that it renders.
const HELM_SOURCE: &str = "# Source: ";
/// What kustomize writes into objects when it is asked where they came from.
const KUSTOMIZE_ORIGIN: &str = "config.kubernetes.io/origin";

impl Document {
    /// Whether a fix may change the text: not where helm or kustomize made it of another one, since the next rendering
    /// would take the fix back.
    pub fn may_be_fixed(&self) -> bool {
        self.format != Format::Yaml || !(self.is_rendered_by_helm() || self.is_rendered_by_kustomize())
    }

    fn is_rendered_by_helm(&self) -> bool {
        let Some(source) = self.sources.first() else { return false };
        let head = source.text.trim_start_matches('\u{feff}').lines().map(str::trim_end);
        let mut comments =
            head.skip_while(|line| line.is_empty() || *line == "---").take_while(|line| line.starts_with('#'));
        comments.any(|comment| comment.starts_with(HELM_SOURCE))
    }

    fn is_rendered_by_kustomize(&self) -> bool {
        self.root.path(&["metadata", "annotations", KUSTOMIZE_ORIGIN]).is_some()
    }
}

#[cfg(test)]
mod tests {
    use crate::document::Source;
    use crate::parse::{Form, Limits, Scalars, Unit};

    fn may_be_fixed(form: Form, text: &str) -> bool {
        let unit = Unit::new(form, Source::new("a", text));
        unit.parse(&Limits::default()).unwrap()[0].may_be_fixed()
    }

    #[test]
    fn what_was_rendered_is_not_fixed() {
        const POD: &str = "apiVersion: v1\nkind: Pod\nmetadata: {name: a}\n";
        let yaml = |text: &str| may_be_fixed(Form::Yaml(Scalars::Kubernetes), text);
        for rendered in [
            format!("---\n# Source: shop/templates/pod.yaml\n{POD}"),
            format!("\u{feff}# made on Monday\n# Source: shop/templates/pod.yaml\r\n{POD}"),
            POD.replace("name: a", "name: a, annotations: {config.kubernetes.io/origin: 'path: base/pod.yaml'}"),
        ] {
            assert!(!yaml(&rendered), "{rendered}");
        }
        for written in [POD.to_owned(), format!("# Sources are elsewhere\n{POD}"), format!("{POD}# Source: a\n")] {
            assert!(yaml(&written), "{written}");
        }
        let review =
            r#"{"apiVersion": "v1", "kind": "Pod", "metadata": {"annotations": {"config.kubernetes.io/origin": "x"}}}"#;
        assert!(may_be_fixed(Form::Json, review), "an object of a cluster is no rendering");
    }
}
