//! Images that hold a program and little else.

use crate::language::shell::base_name;
use crate::values::image::{ImageReference, glob_match};
use std::borrow::Cow;

crate::record! {
    /// Images without a shell.
    pub ShelllessImage {
        /// A glob of their references.
        pub image, "image": Cow<'static, str> = Cow::Borrowed("");
        /// Programs that they have all the same, with blanks between them.
        pub programs, "programs": Cow<'static, str> = Cow::Borrowed("");
    }
}

const fn image(image: &'static str) -> ShelllessImage {
    with(image, "")
}

const fn with(image: &'static str, programs: &'static str) -> ShelllessImage {
    ShelllessImage { image: Cow::Borrowed(image), programs: Cow::Borrowed(programs) }
}

crate::table! {
    /// Images, as globs, without a shell. Tags for debugging (`debug`, `latest-dev`, `…-shell`) have one all the same.
    pub ShelllessImages, "shelllessImages": ShelllessImage {
        source: "the Dockerfiles of these projects; https://github.com/GoogleContainerTools/distroless, https://images.chainguard.dev",
        date: "2026-11-29",
        rows: [
            with("gcr.io/distroless/python3*", "python python3"),
            with("gcr.io/distroless/java*", "java"),
            with("gcr.io/distroless/nodejs*", "node"),
            image("gcr.io/distroless/*"),
            image("cgr.dev/chainguard/static*"),
            image("cgr.dev/chainguard/glibc-dynamic*"),
            image("cgr.dev/chainguard/cc-dynamic*"),
            with("cgr.dev/chainguard/python*", "python python3"),
            with("cgr.dev/chainguard/jre*", "java"),
            image("cgr.dev/chainguard/nginx*"),
            image("*:*distroless*"),
            image("registry.k8s.io/pause*"),
            image("registry.k8s.io/kube-state-metrics/*"),
            image("registry.k8s.io/metrics-server/*"),
            image("*coredns/coredns:*"),
            image("quay.io/jetstack/cert-manager-*"),
            image("*otel/opentelemetry-collector*"),
        ],
    }
}

/// The row that an image is of; `None` for images that have a shell, or may have one.
pub fn row<'r>(rows: &'r [ShelllessImage], image: &str) -> Option<&'r ShelllessImage> {
    let tag = ImageReference::parse(image).and_then(|image| image.tag).unwrap_or_default();
    let is_for_debugging = tag.split(['-', '.', '_']).any(|part| matches!(part, "debug" | "dev" | "shell" | "busybox"));
    rows.iter().find(|row| !is_for_debugging && glob_match(&row.image, image))
}

/// Whether an image has no shell.
pub fn has(rows: &[ShelllessImage], image: &str) -> bool {
    row(rows, image).is_some()
}

/// Whether an image of a row has a program, by name or path.
pub fn has_program(row: &ShelllessImage, program: &str) -> bool {
    row.programs.split(' ').any(|known| known == base_name(program))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::uses::Setting;

    #[test]
    fn tags_for_debugging_have_a_shell() {
        let rows = ShelllessImages::default().rows;
        for image in [
            "gcr.io/distroless/static",
            "gcr.io/distroless/base-debian12:nonroot",
            "cgr.dev/chainguard/static:latest",
            "quay.io/prometheus/prometheus:v3.11.3-distroless",
            "otel/opentelemetry-collector-contrib:0.140.0",
        ] {
            assert!(has(&rows, image), "{image}");
        }
        for image in [
            "gcr.io/distroless/base:debug",
            "gcr.io/distroless/base:debug-nonroot",
            "cgr.dev/chainguard/nginx:latest-dev",
            "nginx:1.27",
        ] {
            assert!(!has(&rows, image), "{image}");
        }
        let python = row(&rows, "gcr.io/distroless/python3-debian12").unwrap();
        assert!(has_program(python, "/usr/bin/python3") && !has_program(python, "sh"));
    }
}
