//! The images of a workload: of its containers, and of its image volumes.

use crate::input::Input;
use crate::json::View;
use crate::kubernetes::workload::{Class, Container, Workload};
use crate::uses::Uses;
use crate::values::image::ImageReference;

crate::usable! {
    /// The images of the subject, a workload.
    pub Images {
        reads: [
            "container.image", "pod.spec.volumes[*].name", "pod.spec.volumes[*].image.reference", "pod.metadata.labels",
            "pod.metadata.annotations",
        ],
    }
}

/// An image that a workload names.
pub struct Image<'d> {
    /// Where its reference stands first.
    pub view: View<'d>,
    /// How messages call what has it there.
    pub who: String,
    /// Where else it stands.
    pub others: Vec<View<'d>>,
}

impl<'d> Image<'d> {
    /// The reference, as it is written.
    pub fn text(&self) -> &'d str {
        self.view.text()
    }

    /// Its parts; `None` where it is no reference.
    pub fn reference(&self) -> Option<ImageReference<'d>> {
        ImageReference::parse(self.text())
    }
}

/// The distinct images of the subject, those of its containers first. What is no image of anybody
/// ([`is_placeholder`]) is left out.
pub fn images<'d, P: Uses<Images>>(input: &Input<'d, P>) -> Vec<Image<'d>> {
    images_where(input, |_| true)
}

/// The same of some of its containers.
pub fn images_where<'d, P: Uses<Images>>(
    input: &Input<'d, P>,
    is_meant: impl Fn(&Container<'d>) -> bool,
) -> Vec<Image<'d>> {
    let workload = input.workload();
    let containers = workload.containers().filter(is_meant).map(|one| (one.get("image"), one.described()));
    let containers: Vec<_> = containers.filter(|(view, _)| !is_placeholder(&workload, view.text())).collect();
    distinct(containers.into_iter().chain(of_volumes(&workload)))
}

/// Image volumes, each with how messages call it.
pub(crate) fn of_volumes<'d>(workload: &Workload<'d>) -> Vec<(View<'d>, String)> {
    let spec = workload.spec();
    let named = |volume: View<'d>| (volume.at("image.reference"), format!("volume `{}`", volume.get("name").text()));
    spec.get("volumes").items().map(named).collect()
}

/// The distinct ones of some references.
pub(crate) fn distinct<'d>(found: impl Iterator<Item = (View<'d>, String)>) -> Vec<Image<'d>> {
    let mut images: Vec<Image<'d>> = Vec::new();
    for (view, who) in found.filter(|(view, _)| !view.text().is_empty()) {
        match images.iter_mut().find(|known| known.text() == view.text()) {
            Some(known) => known.others.push(view),
            None => images.push(Image { view, who, others: Vec::new() }),
        }
    }
    images
}

/// What Kubebuilder scaffolds, for kustomize to put the image in its place: there is no such image.
const SCAFFOLDED: &str = "controller:latest";

/// Whether another image is put in the place of one: by kustomize, or by Istio in the place of `auto`.
pub fn is_placeholder(workload: &Workload<'_>, image: &str) -> bool {
    image == SCAFFOLDED || (image == "auto" && is_injected(workload))
}

/// Whether Istio puts its own image in the place of `auto`.
fn is_injected(workload: &Workload<'_>) -> bool {
    let is_istio = |key: &str| matches!(key, "sidecar.istio.io/inject" | "inject.istio.io/templates");
    let metadata = workload.pod.get("metadata");
    ["labels", "annotations"].into_iter().any(|map| metadata.get(map).entries().any(|(key, _)| is_istio(key)))
}

/// Whether a container stays: an ephemeral one is there for a moment.
pub fn stays(container: &Container<'_>) -> bool {
    container.class != Class::Ephemeral
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::look;

    #[test]
    fn each_image_is_there_once() {
        let document = r#"{"pod":{"metadata":{"annotations":{"inject.istio.io/templates":"gateway"}},"spec":{
            "containers":[{"name":"a","image":"x:1"},{"name":"b","image":"y:1"},{"name":"c","image":"auto"},
            {"name":"d","image":"controller:latest"},{"name":"e"}],
            "initContainers":[{"name":"f","image":"x:1"}],"ephemeralContainers":[{"name":"g","image":"z"}],
            "volumes":[{"name":"v","image":{"reference":"w:1"}},{"name":"u","emptyDir":{}}]}}}"#;
        look("shop", document, &[], &[], |input| {
            let seen = |images: Vec<Image<'_>>| {
                images.iter().map(|one| (one.text().to_owned(), one.who.clone(), one.others.len())).collect::<Vec<_>>()
            };
            let x = ("x:1".to_owned(), "container `a`".to_owned(), 1);
            let y = ("y:1".to_owned(), "container `b`".to_owned(), 0);
            let z = ("z".to_owned(), "ephemeral container `g`".to_owned(), 0);
            let w = ("w:1".to_owned(), "volume `v`".to_owned(), 0);
            assert_eq!(seen(images(input)), [x.clone(), y.clone(), z, w.clone()]);
            assert_eq!(seen(images_where(input, stays)), [x, y, w]);
        });
    }
}
