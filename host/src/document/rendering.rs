//! Where documents come from that stand in no file: a chart with a values file, or a kustomization.

use std::fmt;

/// A program that renders.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, serde::Serialize, serde::Deserialize, schemars::JsonSchema,
)]
#[serde(rename_all = "lowercase")]
pub enum RenderTool {
    /// `helm template`, for charts.
    Helm,
    /// `kustomize build` or `kubectl kustomize`, for kustomizations.
    Kustomize,
}

/// One run of a program over one folder. Its documents are deployed together.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize, schemars::JsonSchema)]
pub struct Rendering {
    /// How people call it: `chart web with values-prod.yaml`.
    pub name: String,
    /// The program.
    pub tool: RenderTool,
    /// The folder of the chart or of the kustomization, as paths are shown.
    pub folder: String,
    /// The values file beside the chart's own `values.yaml`, as paths are shown; absent for the default values.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub values: Option<String>,
}

impl Rendering {
    /// A rendering of a folder, with its name.
    pub fn new(tool: RenderTool, folder: &str, values: Option<&str>) -> Self {
        let what = match tool {
            RenderTool::Helm => "chart",
            RenderTool::Kustomize => "kustomization",
        };
        let name = match values {
            // Values files stand below the chart's folder.
            Some(values) => {
                let below = values.strip_prefix(folder).map_or(values, |below| below.trim_start_matches('/'));
                format!("{what} {folder} with {below}")
            }
            None => format!("{what} {folder}"),
        };
        Self { name, tool, folder: folder.to_owned(), values: values.map(str::to_owned) }
    }
}

impl fmt::Display for RenderTool {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            RenderTool::Helm => "helm",
            RenderTool::Kustomize => "kustomize",
        })
    }
}
