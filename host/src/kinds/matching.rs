//! Which kind a path or a value is of.

use super::{KINDS, Kind, Paths};
use crate::document::{Format, Node};
use globset::{GlobBuilder, GlobMatcher, GlobSet, GlobSetBuilder};
use std::sync::LazyLock;

/// The globs of many kinds in one automaton.
struct Matcher {
    globs: GlobSet,
    /// For each glob its kind.
    kinds: Vec<&'static Kind>,
    /// For each glob what it is not about.
    except: Vec<Vec<GlobMatcher>>,
}

impl Matcher {
    /// The kinds that lie in charts, or the others. The globs are constants, and a test matches each kind's.
    fn of(in_chart: bool) -> Self {
        let mut builder = GlobSetBuilder::new();
        let (mut kinds, mut except) = (Vec::new(), Vec::new());
        for kind in KINDS.iter().filter(|kind| kind.paths.in_chart == in_chart) {
            let Paths { globs, except: not, .. } = kind.paths;
            for glob in globs.iter().filter_map(|glob| compiled(glob)) {
                builder.add(glob);
                kinds.push(*kind);
                except.push(not.iter().filter_map(|glob| Some(compiled(glob)?.compile_matcher())).collect());
            }
        }
        Self { globs: builder.build().unwrap_or_else(|_| GlobSet::empty()), kinds, except }
    }

    fn find(&self, path: &str) -> Option<&'static Kind> {
        let matched = self.globs.matches(path);
        matched.into_iter().find(|at| !self.except[*at].iter().any(|not| not.is_match(path))).map(|at| self.kinds[at])
    }
}

fn compiled(glob: &str) -> Option<globset::Glob> {
    GlobBuilder::new(glob).literal_separator(true).case_insensitive(true).build().ok()
}

static ANYWHERE: LazyLock<Matcher> = LazyLock::new(|| Matcher::of(false));
static IN_CHARTS: LazyLock<Matcher> = LazyLock::new(|| Matcher::of(true));

/// The kind that a path says, with `/` between its parts, charts aside.
pub fn of_path(path: &str) -> Option<&'static Kind> {
    ANYWHERE.find(path)
}

/// The kind that a path says inside of a chart, below the chart's directory.
pub fn in_chart(path: &str) -> Option<&'static Kind> {
    IN_CHARTS.find(path)
}

/// The kind that the content of a YAML or JSON file says. `named` is what its path says, and comes first. What looks like
/// a Kubernetes object is one, unless its path or its `apiVersion` says otherwise.
pub fn of_content(root: &Node, format: Format, named: Option<&'static Kind>, is_object: bool) -> Option<&'static Kind> {
    let has_content = |kind: &Kind| kind.content.as_ref().is_none_or(|content| (content.is)(root, true));
    if let Some(named) = named.filter(|kind| speaks(kind.format, format) && has_content(kind)) {
        return Some(named);
    }
    let is = |kind: &&&'static Kind| {
        let content = kind.content.as_ref().filter(|content| content.of_objects || !is_object);
        speaks(kind.format, format) && content.is_some_and(|content| (content.is)(root, false))
    };
    KINDS.iter().find(is).copied()
}

/// Whether a kind that is written in one format may be written in another: YAML holds JSON.
fn speaks(kind: Format, format: Format) -> bool {
    match kind {
        Format::Yaml => matches!(format, Format::Yaml | Format::Json),
        _ => kind == format,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn kind(path: &str) -> Option<&'static str> {
        of_path(path).map(|kind| kind.name)
    }

    #[test]
    fn every_glob_is_one() {
        for kind in KINDS.iter() {
            for glob in kind.paths.globs.iter().chain(kind.paths.except) {
                assert!(compiled(glob).is_some(), "{glob}");
            }
        }
    }

    #[test]
    fn dockerfiles_are_known_by_their_names() {
        for name in [
            "Dockerfile",
            "dockerfile",
            "a/b/Containerfile",
            "Dockerfile-slim",
            "Dockerfile_musl",
            "Dockerfile.prod",
            "Dockerfile.alpine-3.18",
            "shop.Dockerfile",
            "shop.dockerfile",
            "Containerfile-dev",
            "DOCKERFILE.arm64",
        ] {
            assert_eq!(kind(name), Some("Dockerfile"), "{name}");
        }
        for name in [
            "dockerfile.go",
            "Dockerfile.tmpl",
            "Dockerfile.j2",
            "Dockerfile.md",
            "dockerfile_test.go",
            "Dockerfile.txt",
            "Dockerfile.dockerignore",
            "Dockerfile.prod.dockerignore",
            "dockerfile-lint.py",
            "Dockerfiles",
            "Dockerfile~",
            "my-dockerfile",
            "Dockerfile.erb",
            "Dockerfile.in",
            "Dockerfile-build.sh",
            "Dockerfile.yaml",
            "dockerfile.rs",
        ] {
            assert_ne!(kind(name), Some("Dockerfile"), "{name}");
        }
    }

    #[test]
    fn paths_say_kinds() {
        for (path, name) in [
            ("main.tf", "TerraformModule"),
            ("infra/state.tf.json", "TerraformModule"),
            ("infra/state.tofu", "TerraformModule"),
            ("infra/state.tofu.json", "TerraformModule"),
            ("prod.tfvars", "TerraformVariables"),
            (".github/workflows/ci.yml", "GitHubWorkflow"),
            ("shop/.github/workflows/ci.yaml", "GitHubWorkflow"),
            ("action.yml", "GitHubAction"),
            (".gitlab-ci.yml", "GitLabPipeline"),
            ("buildspec-test.yml", "Buildspec"),
            ("docker-compose.prod.yml", "Compose"),
            ("compose.yaml", "Compose"),
            ("charts/shop/Chart.yaml", "HelmChart"),
            ("base/kustomization.yaml", "Kustomization"),
            ("base/Kustomization", "Kustomization"),
            ("api/shop.proto", "Protobuf"),
            ("Cargo.toml", "CargoPackage"),
            ("web/package.json", "NpmPackage"),
            ("go.mod", "GoModule"),
            ("pyproject.toml", "PythonProject"),
            (".env", "Dotenv"),
            (".env.production", "Dotenv"),
            ("prod.env", "Dotenv"),
            ("src/application.properties", "Properties"),
            ("Makefile", "Makefile"),
            ("build/rules.mk", "Makefile"),
            ("scripts/deploy.sh", "ShellScript"),
            ("db/migrations/0001_init.sql", "SqlMigration"),
            ("db/V1__init.sql", "SqlMigration"),
            (".github/dependabot.yml", "Dependabot"),
            ("renovate.json5", "Renovate"),
            (".renovaterc", "Renovate"),
            ("skaffold.yaml", "Skaffold"),
        ] {
            assert_eq!(kind(path), Some(name), "{path}");
        }
        for path in
            ["a.yaml", "values.yaml", "composer.json", "my-action.yml", "environment", "queries/report.sql", "go.sum"]
        {
            assert_eq!(kind(path), None, "{path}");
        }
    }

    #[test]
    fn charts_have_kinds_of_their_own() {
        let kind = |path: &str| in_chart(path).map(|kind| kind.name);
        for (path, name) in [
            ("values.yaml", "HelmValues"),
            ("values-prod.yaml", "HelmValues"),
            ("values.schema.json", "HelmValuesSchema"),
            ("templates/deployment.yaml", "HelmTemplate"),
            ("templates/_helpers.tpl", "HelmHelpers"),
            ("templates/a/_pod.yaml", "HelmHelpers"),
            ("templates/_a/pod.yaml", "HelmTemplate"),
            ("Chart.lock", "HelmLock"),
            ("requirements.lock", "HelmLock"),
            ("requirements.yaml", "HelmRequirements"),
        ] {
            assert_eq!(kind(path), Some(name), "{path}");
        }
        assert_eq!(kind("crds/a.yaml"), None);
        assert_eq!(kind("charts/other/values.yaml"), None);
    }
}
