//! Actions that many workflows use: which of their versions still run, and by what.

use std::borrow::Cow;

crate::record! {
    /// An action.
    pub KnownAction {
        /// Its `owner/repository`, in lower case.
        pub name, "name": Cow<'static, str> = Cow::Borrowed("");
        /// What no longer works: versions before the first of these, and those before another of its own major version,
        /// joined by commas.
        pub gone, "gone": Cow<'static, str> = Cow::Borrowed("");
        /// What has a published vulnerability, in the same way.
        pub vulnerable, "vulnerable": Cow<'static, str> = Cow::Borrowed("");
        /// Major versions before this one were written for Node 16 or an older one; 0 for none.
        pub node16, "node16": i64 = 0;
        /// Major versions before this one were written for Node 20 or an older one; 0 for none.
        pub node20, "node20": i64 = 0;
        /// The latest major version; 0 where that is not known.
        pub current, "current": i64 = 0;
        /// Whether its repository is archived.
        pub archived, "archived": bool = false;
    }
}

const fn of(
    name: &'static str,
    (gone, vulnerable): (&'static str, &'static str),
    (node16, node20, current): (i64, i64, i64),
    archived: bool,
) -> KnownAction {
    let (gone, vulnerable) = (Cow::Borrowed(gone), Cow::Borrowed(vulnerable));
    KnownAction { name: Cow::Borrowed(name), gone, vulnerable, node16, node20, current, archived }
}

const fn action(name: &'static str) -> KnownAction {
    of(name, ("", ""), (0, 0, 0), false)
}

const fn archived(name: &'static str) -> KnownAction {
    of(name, ("", ""), (0, 0, 0), true)
}

const fn row(name: &'static str, gone: &'static str, vulnerable: &'static str) -> KnownAction {
    of(name, (gone, vulnerable), (0, 0, 0), false)
}

const fn runs(name: &'static str, node16: i64, node20: i64, current: i64) -> KnownAction {
    of(name, ("", ""), (node16, node20, current), false)
}

const fn ends(name: &'static str, gone: &'static str, node16: i64, node20: i64, current: i64) -> KnownAction {
    of(name, (gone, ""), (node16, node20, current), false)
}

crate::table! {
    /// Actions that many workflows use.
    pub GitHubActions, "githubActions": KnownAction {
        source: "https://github.blog/changelog/label/actions/, https://github.com/advisories and the actions' releases",
        date: "2026-11-29",
        rows: [
            ends("actions/upload-artifact", "4.0.0", 4, 6, 7),
            ends("actions/download-artifact", "4.0.0", 4, 7, 7),
            ends("actions/cache", "3.4.0,4.2.0", 4, 5, 6),
            ends("github/codeql-action", "3.0.0", 3, 4, 4),
            runs("actions/checkout", 4, 5, 7),
            runs("actions/setup-go", 5, 6, 7),
            runs("actions/setup-node", 4, 5, 6),
            runs("actions/setup-python", 5, 6, 6),
            runs("actions/setup-java", 4, 5, 5),
            runs("actions/setup-dotnet", 4, 5, 5),
            runs("actions/github-script", 7, 8, 9),
            runs("actions/stale", 9, 10, 11),
            runs("actions/labeler", 5, 6, 6),
            runs("docker/login-action", 3, 4, 4),
            runs("docker/setup-buildx-action", 3, 4, 4),
            runs("docker/setup-qemu-action", 3, 4, 4),
            runs("docker/build-push-action", 5, 7, 7),
            runs("docker/metadata-action", 5, 6, 6),
            runs("aws-actions/configure-aws-credentials", 4, 5, 5),
            runs("aws-actions/amazon-ecr-login", 2, 0, 2),
            runs("google-github-actions/auth", 2, 3, 3),
            runs("google-github-actions/setup-gcloud", 2, 3, 3),
            runs("azure/login", 2, 0, 2),
            runs("azure/setup-kubectl", 4, 0, 4),
            runs("azure/setup-helm", 4, 0, 5),
            runs("hashicorp/setup-terraform", 3, 4, 4),
            runs("softprops/action-gh-release", 2, 0, 2),
            runs("peter-evans/create-pull-request", 6, 8, 8),
            runs("dorny/paths-filter", 3, 4, 4),
            runs("golangci/golangci-lint-action", 4, 9, 9),
            runs("goreleaser/goreleaser-action", 5, 7, 7),
            runs("codecov/codecov-action", 4, 0, 7),
            row("tj-actions/changed-files", "", "46.0.1"),
            row("tj-actions/branch-names", "", "9.0.0"),
            archived("8398a7/action-slack"),
            archived("actions-rs/audit-check"),
            archived("actions-rs/cargo"),
            archived("actions-rs/clippy-check"),
            archived("actions-rs/grcov"),
            archived("actions-rs/install"),
            archived("actions-rs/tarpaulin"),
            archived("actions-rs/toolchain"),
            archived("actions/create-release"),
            archived("actions/setup-elixir"),
            archived("actions/setup-haskell"),
            archived("actions/setup-ruby"),
            archived("actions/upload-release-asset"),
            archived("aquasecurity/cfsec"),
            archived("azure/appservice-actions"),
            archived("azure/container-actions"),
            archived("azure/container-scan"),
            archived("azure/k8s-actions"),
            archived("azure/get-keyvault-secrets"),
            archived("azure/webapps-container-deploy"),
            archived("cedrickring/golang-action"),
            archived("crazy-max/ghaction-docker-buildx"),
            archived("datreeio/datree"),
            archived("gradle/gradle-build-action"),
            archived("grafana/k6-action"),
            archived("hashicorp/terraform-cdk-action"),
            archived("jakejarvis/s3-sync-action"),
            archived("marvinpinto/action-automatic-releases"),
            archived("marvinpinto/actions"),
            archived("repo-sync/pull-request"),
            archived("semgrep/semgrep-action"),
            archived("sonarsource/sonarcloud-github-action"),
            archived("stefanprodan/kube-tools"),
            archived("technote-space/get-diff-action"),
            archived("tibdex/github-app-token"),
            archived("youyo/aws-cdk-github-actions"),
            action("actions/ai-inference"),
            action("actions/attest"),
            action("actions/attest-build-provenance"),
            action("actions/attest-sbom"),
            action("actions/configure-pages"),
            action("actions/create-github-app-token"),
            action("actions/dependency-review-action"),
            action("actions/deploy-pages"),
            action("actions/first-interaction"),
            action("actions/upload-pages-artifact"),
            action("anchore/sbom-action"),
            action("anchore/scan-action"),
            action("anthropics/claude-code-action"),
            action("apple-actions/import-codesign-certs"),
            action("aquasecurity/trivy-action"),
            action("aquasecurity/setup-trivy"),
            action("astral-sh/setup-uv"),
            action("azure/aks-set-context"),
            action("azure/cli"),
            action("azure/webapps-deploy"),
            action("bridgecrewio/checkov-action"),
            action("bufbuild/buf-action"),
            action("cachix/cachix-action"),
            action("cachix/install-nix-action"),
            action("changesets/action"),
            action("chromaui/action"),
            action("cloudflare/wrangler-action"),
            action("coverallsapp/github-action"),
            action("crate-ci/typos"),
            action("cypress-io/github-action"),
            action("dawidd6/action-download-artifact"),
            action("dependabot/fetch-metadata"),
            action("denoland/setup-deno"),
            action("docker/bake-action"),
            action("docker/scout-action"),
            action("dtolnay/rust-toolchain"),
            action("endbug/add-and-commit"),
            action("embarkstudios/cargo-deny-action"),
            action("fluxcd/flux2"),
            action("fossas/fossa-action"),
            action("gitleaks/gitleaks-action"),
            action("google-github-actions/deploy-cloudrun"),
            action("google-github-actions/get-gke-credentials"),
            action("googleapis/release-please-action"),
            action("gradle/actions"),
            action("gradle/wrapper-validation-action"),
            action("hadolint/hadolint-action"),
            action("hashicorp/vault-action"),
            action("helm/chart-releaser-action"),
            action("helm/chart-testing-action"),
            action("helm/kind-action"),
            action("hynek/build-and-inspect-python-package"),
            action("jamesives/github-pages-deploy-action"),
            action("jetli/wasm-pack-action"),
            action("jlumbroso/free-disk-space"),
            action("lycheeverse/lychee-action"),
            action("mikefarah/yq"),
            action("mxschmitt/action-tmate"),
            action("ncipollo/release-action"),
            action("nick-fields/retry"),
            action("oven-sh/setup-bun"),
            action("ossf/scorecard-action"),
            action("peaceiris/actions-gh-pages"),
            action("peter-evans/create-or-update-comment"),
            action("peter-evans/find-comment"),
            action("peter-evans/repository-dispatch"),
            action("pnpm/action-setup"),
            action("pre-commit/action"),
            action("pypa/cibuildwheel"),
            action("pypa/gh-action-pypi-publish"),
            action("pyo3/maturin-action"),
            action("reactivecircus/android-emulator-runner"),
            action("redhat-actions/buildah-build"),
            action("release-drafter/release-drafter"),
            action("reviewdog/action-actionlint"),
            action("reviewdog/action-golangci-lint"),
            action("reviewdog/action-setup"),
            action("ruby/setup-ruby"),
            action("rustsec/audit-check"),
            action("shivammathur/setup-php"),
            action("sigstore/cosign-installer"),
            action("slackapi/slack-github-action"),
            action("slsa-framework/slsa-github-generator"),
            action("snyk/actions"),
            action("sonarsource/sonarqube-scan-action"),
            action("step-security/harden-runner"),
            action("stefanzweifel/git-auto-commit-action"),
            action("styfle/cancel-workflow-action"),
            action("super-linter/super-linter"),
            action("swatinem/rust-cache"),
            action("taiki-e/install-action"),
            action("terraform-linters/setup-tflint"),
            action("trufflesecurity/trufflehog"),
            action("webfactory/ssh-agent"),
            action("zizmorcore/zizmor-action"),
        ],
    }
}
