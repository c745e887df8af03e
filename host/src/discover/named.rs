//! What a path says of a file.

use crate::document::Format;
use crate::kinds::{self, Kind};
use crate::parse::{Form, Scalars};
use std::collections::HashMap;
use std::path::{Path, PathBuf};

/// What a file may be, by its path alone.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Class {
    /// Of a form that its name says.
    Of(Form),
    /// YAML: what it holds says more.
    Yaml,
    /// JSON, of which a repository has much that is nobody's.
    Json,
    /// Anything.
    Unknown,
}

impl Class {
    /// What a file's kind says, or else the ending of its name; `None` when neither does.
    pub(super) fn of(path: &Path, kind: Option<&Kind>) -> Option<Self> {
        if let Some(kind) = kind {
            return Some(match kind.format {
                Format::Yaml => Self::Yaml,
                Format::Json => Self::Of(Form::Json),
                Format::Dockerfile => Self::Of(Form::Dockerfile),
                Format::Hcl => Self::Of(Form::Terraform),
                other => Self::Of(Form::Plain(other)),
            });
        }
        // A name that is not UTF-8 is no way past.
        let name = path.file_name()?.to_string_lossy().to_ascii_lowercase();
        match name.rsplit_once('.')?.1 {
            "yaml" | "yml" => Some(Self::Yaml),
            "json" => Some(Self::Json),
            _ => None,
        }
    }

    /// How a text of this class is written.
    pub(super) fn form(self, text: &str) -> Form {
        match self {
            Self::Of(form) => form,
            Self::Yaml => YAML,
            Self::Json => Form::Json,
            Self::Unknown => sniff(text),
        }
    }
}

/// YAML; for each document of a file it is settled anew how scalars are read.
const YAML: Form = Form::Yaml(Scalars::Core12);

fn sniff(text: &str) -> Form {
    let start = text.trim_start_matches('\u{feff}').trim_start();
    let first_word = start.lines().find(|line| !line.starts_with('#') && !line.trim().is_empty()).unwrap_or_default();
    if start.starts_with(['{', '[']) {
        Form::Json
    } else if first_word.to_ascii_uppercase().starts_with("FROM ")
        || first_word.to_ascii_uppercase().starts_with("ARG ")
    {
        Form::Dockerfile
    } else {
        YAML
    }
}

/// Which directories are those of Helm charts, looked at once each.
#[derive(Default)]
pub(super) struct Charts(HashMap<PathBuf, bool>);

impl Charts {
    /// The kind that a path says: in the chart that it lies in, if it does, or else anywhere.
    pub(super) fn kind_of(&mut self, path: &Path, shown: &str) -> Option<&'static Kind> {
        self.kind_in_chart(path).or_else(|| kinds::of_path(shown))
    }

    fn kind_in_chart(&mut self, path: &Path) -> Option<&'static Kind> {
        let chart = path.ancestors().skip(1).find(|directory| self.is_chart(directory))?;
        let below = path.strip_prefix(chart).ok()?.to_string_lossy().replace('\\', "/");
        kinds::in_chart(&below)
    }

    fn is_chart(&mut self, directory: &Path) -> bool {
        if let Some(known) = self.0.get(directory) {
            return *known;
        }
        let is_chart = directory.join("Chart.yaml").is_file();
        self.0.insert(directory.to_owned(), is_chart);
        is_chart
    }
}
