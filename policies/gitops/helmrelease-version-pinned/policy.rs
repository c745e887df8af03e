use policy_sdk::prelude::*;
use policy_sdk::values::semver::SemVer;
use policy_sdk::values::semver_range::{Dialect, Range};

policy_sdk::rule! {
    /// A HelmRelease installs one exact version of its chart
    ///
    /// `spec.chart.spec.version` of a HelmRelease, or `spec.version` of a HelmChart, is one version (`1.4.2`), not a
    /// range, `*` or nothing, which is the latest. It counts for charts of a HelmRepository only: for a GitRepository
    /// or a Bucket, Flux ignores it. An OCIRepository that a HelmRelease names in `chartRef`, or that holds a chart by
    /// its `layerSelector`, has a `ref.tag` that is one version, or a `ref.digest`. Other OCIRepositories hold
    /// manifests and are not checked.
    ///
    /// A HelmRelease that names no chart is a patch and not checked.
    ///
    /// ## Why
    /// A range installs whatever somebody published last, at a time that nobody chose, in every environment at once. No
    /// commit shows what changed, and reverting a commit brings nothing back.
    ///
    /// ## Fix
    /// Write the version, and let Renovate or Flux's image automation propose new ones:
    ///
    /// ```yaml
    /// chart:
    ///   spec:
    ///     chart: podinfo
    ///     version: 6.5.4
    /// ```
    findings: {
        /// The version of a chart is open
        Open: Medium, Certain;
        /// An OCIRepository with a chart follows a range or a moving tag
        OpenTag: Medium, Certain;
        /// An OCIRepository with a chart has no digest
        NoDigest: Low, Certain;
    },
    priority: P1,
    effort: Small,
    factor: Dependencies,
    since: "0.1.0",
    applies_to: [
        "helm.toolkit.fluxcd.io/HelmRelease", "source.toolkit.fluxcd.io/HelmChart",
        "source.toolkit.fluxcd.io/OCIRepository",
    ],
    reads: [
        "spec.chart", "spec.version", "spec.sourceRef.kind", "spec.ref", "spec.layerSelector.mediaType", "spec.url",
    ],
    inventory: {
        installers: {
            kinds: ["helm.toolkit.fluxcd.io/HelmRelease"],
            scope: "cluster",
            relation: names {
                kind: "spec.chartRef.kind",
                name: "spec.chartRef.name",
                namespace: "spec.chartRef.namespace",
            },
            reads: ["spec.chartRef.name"],
        },
    },
    parameters: {
        /// Ranges within one minor version pass: `~1.4.0`, `1.4.x`.
        allow_patch_range: bool = false,
        /// OCIRepositories need a digest.
        require_oci_digest: bool = false,
    },
}

fn check(input: &Input<'_, Parameters>, findings: &mut Findings) -> Check {
    let spec = input.document.get("spec");
    match input.subject.kind.as_str() {
        "OCIRepository" => check_oci(input, &spec, findings),
        "HelmChart" => check_chart(input, &spec, findings),
        _ => check_chart(input, &spec.at("chart.spec"), findings),
    }
}

/// Checks what names a chart by `chart`, `version` and `sourceRef`.
fn check_chart(input: &Input<'_, Parameters>, chart: &View<'_>, findings: &mut Findings) -> Check {
    let (name, version) = (chart.get("chart"), chart.get("version"));
    if name.text().is_empty() {
        return not_applicable("it names no chart here");
    }
    let source = chart.at("sourceRef.kind").text();
    if !matches!(source, "" | "HelmRepository") {
        return not_applicable(format!("Flux ignores the version of a chart in a {source}"));
    }
    let text = version.scalar_text().unwrap_or_default();
    if text.contains("${") || is_pinned(input, text) {
        return Ok(());
    }
    let message = if text.is_empty() {
        format!("chart `{}` has no version, so the latest is installed", name.text())
    } else {
        format!("chart `{}` has the version `{text}`, which is not one version", name.text())
    };
    findings.report(Code::Open, &version, message);
    Ok(())
}

fn check_oci(input: &Input<'_, Parameters>, spec: &View<'_>, findings: &mut Findings) -> Check {
    let installer = input.related("installers").next();
    if installer.is_none() && !spec.at("layerSelector.mediaType").text().contains("helm.chart") {
        return not_applicable("no HelmRelease names it, so it may hold manifests");
    }
    let reference = spec.get("ref");
    let (digest, range, tag) = (reference.get("digest"), reference.get("semver"), reference.get("tag"));
    if !digest.text().is_empty() || [&range, &tag].iter().any(|it| it.text().contains("${")) {
        return Ok(());
    }
    // In the order in which Flux takes them.
    let (place, message) = if !range.text().is_empty() {
        if is_pinned(input, range.text()) {
            return no_digest(input, &reference, findings);
        }
        let message = format!("it follows the range `{}`, so the chart changes without a commit", range.text());
        (range, message)
    } else if tag.text().is_empty() {
        (reference, "it has no `ref`, so it follows the tag `latest`".into())
    } else if SemVer::parse(tag.text().trim_start_matches('v')).is_some() {
        return no_digest(input, &reference, findings);
    } else {
        let message = format!("its tag `{}` is not one version, so the chart may change without a commit", tag.text());
        (tag, message)
    };
    let report = findings.report(Code::OpenTag, &place, message);
    if let Some(installer) = installer {
        report.label_in(&installer, &installer.document.at("spec.chartRef.name"), "it installs this");
    }
    Ok(())
}

fn no_digest(input: &Input<'_, Parameters>, reference: &View<'_>, findings: &mut Findings) -> Check {
    if input.parameters.require_oci_digest {
        let message = "it has no `digest`, so whoever can push its tag can change the chart";
        findings.report(Code::NoDigest, &reference.get("digest"), message);
    }
    Ok(())
}

/// Whether a text demands one version, or, where that is allowed, versions that differ in their last number.
fn is_pinned(input: &Input<'_, Parameters>, text: &str) -> bool {
    let text = text.trim();
    if Range::parse(text, Dialect::Helm).is_some_and(|range| range.exact().is_some()) {
        return true;
    }
    let parts: Vec<&str> = text.trim_start_matches(['~', '=', 'v']).split('.').collect();
    let is_number = |part: &&str| part.bytes().all(|byte| byte.is_ascii_digit()) && !part.is_empty();
    let [major, minor, patch] = parts[..] else { return false };
    let is_of_patches = text.starts_with('~') && is_number(&patch) || matches!(patch, "x" | "X" | "*");
    input.parameters.allow_patch_range && is_of_patches && is_number(&major) && is_number(&minor)
}
