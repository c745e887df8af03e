use policy_sdk::parameter::list;
use policy_sdk::prelude::*;
use policy_sdk::values::image::ImageReference;
use policy_sdk::values::semver::SemVer;

policy_sdk::rule! {
    /// Pods say what they are, and in which version
    ///
    /// The labels of the pod template hold one of `name_labels`; with `require_version` one of `version_labels` too, and
    /// with `require_revision` the template has one of `revision_keys` as an annotation or label.
    ///
    /// Where the version label and the image tag are both full semantic versions, they are the same version. A leading
    /// `v`, build metadata and a variant (`-alpine`) do not count. They are compared for the only main container, or the one
    /// that is called like the application; not where the image has a digest or the label is the version of the chart.
    ///
    /// ## Why
    /// Dashboards, logs and cost reports group by these labels. A version label that is not the version that runs sends
    /// whoever looks for the cause of an incident to the wrong commit.
    ///
    /// ## Fix
    /// Label the pod template, but leave the version out of selectors, which cannot be changed later:
    /// ```yaml
    /// template:
    ///   metadata:
    ///     labels:
    ///       app.kubernetes.io/name: cart
    ///       app.kubernetes.io/version: 1.4.2
    /// ```
    findings: {
        /// The pods have no label with a name
        MissingName: Low, Certain;
        /// The pods have no label with a version, and one is required
        MissingVersion: Low, Certain;
        /// The pods do not say from which revision they are built, and it is required
        MissingRevision: Low, Certain;
        /// The version label is not the version of the image
        VersionDiffers: Low, Certain;
    },
    priority: P2,
    effort: Small,
    factor: Codebase,
    peers: ["KC:C-0077", "KY:require-labels", "GK:requiredlabels"],
    since: "0.1.0",
    applies_to: ["workload"],
    reads: [
        "object.spec.selector.matchLabels",
        "pod.metadata.labels",
        "pod.metadata.annotations",
        "main_container.name",
        "main_container.image",
    ],
    reads_built: true,
    parameters: {
        /// Labels of which one holds the name.
        name_labels: Vec<String> = list(["app.kubernetes.io/name", "app", "k8s-app", "name"]),
        /// Labels of which one holds the version; the first of them is compared with the image.
        version_labels: Vec<String> = list(["app.kubernetes.io/version", "version"]),
        /// Ask for a version.
        require_version: bool = false,
        /// Annotations or labels of which one holds the revision of the source.
        revision_keys: Vec<String> = list(["app.kubernetes.io/revision", "org.opencontainers.image.revision"]),
        /// Ask for a revision.
        require_revision: bool = false,
    },
}

fn check(input: &Input<'_, Parameters>, findings: &mut Findings) -> Check {
    let workload = input.workload();
    let parameters = &input.parameters;
    let labels = workload.pod_labels();
    let name = first(&labels, &parameters.name_labels);
    let version = first(&labels, &parameters.version_labels);
    let of_image = image_version(&workload, name.as_ref().map_or("", View::text));
    if name.is_none()
        && let Some(key) = parameters.name_labels.first()
    {
        let message = format!("the pods have no label `{key}`: nothing says to which application they belong");
        let fix = added(input, &labels.get(key), &input.subject.name);
        findings.report(Code::MissingName, &labels, message).fix(fix);
    }
    match (&version, of_image) {
        (None, image) if parameters.require_version => {
            let key = parameters.version_labels.first().map_or("", String::as_str);
            let message = format!("the pods have no label `{key}`, expected the version that they run");
            let fix = image.and_then(|(_, tag)| added(input, &labels.get(key), tag.trim_start_matches('v')));
            findings.report(Code::MissingVersion, &labels, message).fix(fix);
        }
        (Some(version), Some((image, tag))) => judge(input, version, &image, tag, findings),
        _ => {}
    }
    let annotations = workload.pod.at("metadata.annotations");
    let has_revision = [&labels, &annotations].into_iter().any(|keys| first(keys, &parameters.revision_keys).is_some());
    if parameters.require_revision && !has_revision {
        let key = parameters.revision_keys.first().map_or("", String::as_str);
        let message = format!("the pods have no annotation `{key}`, expected the commit that they are built from");
        findings.report(Code::MissingRevision, &annotations, message);
    }
    Ok(())
}

/// The first of some keys that is there and not empty.
fn first<'d>(map: &View<'d>, keys: &[String]) -> Option<View<'d>> {
    keys.iter().map(|key| map.get(key)).find(|value| value.scalar_text().is_some_and(|text| !text.is_empty()))
}

/// The image of the container that is the application itself, and its tag, where that is a whole version.
fn image_version<'d>(workload: &Workload<'d>, name: &str) -> Option<(View<'d>, &'d str)> {
    let mut containers: Vec<Container<'d>> = workload.main_containers().collect();
    if containers.len() > 1 {
        let is_called = |container: &Container<'d>| {
            let image = ImageReference::parse(container.image());
            image.is_some_and(|image| image.path.rsplit('/').next() == Some(name))
        };
        containers.retain(is_called);
    }
    let [container] = containers.as_slice() else { return None };
    let image = ImageReference::parse(container.image()).filter(|image| image.digest.is_none())?;
    let tag = image.tag?;
    SemVer::parse(tag).map(|_| (container.get("image"), tag))
}

fn judge(input: &Input<'_, Parameters>, version: &View<'_>, image: &View<'_>, tag: &str, findings: &mut Findings) {
    let written = version.text();
    let (Some(of_label), Some(of_image)) = (SemVer::parse(written), SemVer::parse(tag)) else { return };
    let chart = input.workload().pod_labels().get("helm.sh/chart").text();
    if of_label.numbers == of_image.numbers || chart.ends_with(&["-", written].concat()) {
        return;
    }
    let message = format!("the pods call themselves version `{written}`, but run an image of version `{tag}`");
    let fix = added(input, version, tag.trim_start_matches('v'));
    findings.report(Code::VersionDiffers, version, message).label(image, "the image").fix(fix);
}

/// A label, unless the selector holds it too, which cannot be changed. A new label makes new pods, and others may select
/// by it, so a person decides.
fn added(input: &Input<'_, Parameters>, label: &View<'_>, value: &str) -> Option<Fix> {
    let pointer = label.pointer();
    let key = pointer.rsplit('/').next().unwrap_or_default().replace("~1", "/").replace("~0", "~");
    let is_selected = input.workload().object.at("spec.selector.matchLabels").get(&key).exists();
    (!value.is_empty() && !is_selected)
        .then(|| Fix::unsafe_(format!("label the pods `{key}: {value}`")).set(label, value))
}
