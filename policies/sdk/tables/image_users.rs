//! As which user containers of well-known images run, where nothing else says it.

use crate::values::image::{ImageReference, glob_match};
use std::borrow::Cow;

crate::record! {
    /// Images that have a user.
    pub ImageUser {
        /// A glob of their references, registry and tag included; `*` is for any text, `/` too.
        pub image, "image": Cow<'static, str> = Cow::Borrowed("");
        /// The user's number, which is what the image names.
        pub user, "user": i64 = 0;
        /// The user's name in the image.
        pub name, "name": Cow<'static, str> = Cow::Borrowed("root");
    }
}

const fn user(image: &'static str, user: i64, name: &'static str) -> ImageUser {
    ImageUser { image: Cow::Borrowed(image), user, name: Cow::Borrowed(name) }
}

const fn root(image: &'static str) -> ImageUser {
    user(image, 0, "root")
}

crate::table! {
    /// As which user containers of images run that set none themselves. The first row that fits counts.
    pub ImageUsers, "imageUsers": ImageUser {
        source: "https://github.com/GoogleContainerTools/distroless, https://images.chainguard.dev, Docker Hub",
        date: "2026-11-29",
        rows: [
            user("gcr.io/distroless/*nonroot*", 65532, "nonroot"),
            root("gcr.io/distroless/*"),
            user("cgr.dev/chainguard/*", 65532, "nonroot"),
            user("docker.io/nginxinc/nginx-unprivileged:*", 101, "nginx"),
            root("scratch"),
            root("docker.io/library/alpine:*"),
            root("docker.io/library/amazonlinux:*"),
            root("docker.io/library/busybox:*"),
            root("docker.io/library/debian:*"),
            root("docker.io/library/eclipse-temurin:*"),
            root("docker.io/library/golang:*"),
            root("docker.io/library/nginx:*"),
            root("docker.io/library/node:*"),
            root("docker.io/library/php:*"),
            root("docker.io/library/python:*"),
            root("docker.io/library/ruby:*"),
            root("docker.io/library/rust:*"),
            root("docker.io/library/ubuntu:*"),
        ],
    }
}

/// The row for an image.
pub fn row<'r>(rows: &'r [ImageUser], image: &str) -> Option<&'r ImageUser> {
    let whole = match ImageReference::parse(image) {
        Some(reference) if image != "scratch" => {
            [&*reference.repository(), ":", reference.effective_tag().unwrap_or_default()].concat()
        }
        _ => image.to_owned(),
    };
    rows.iter().find(|row| glob_match(&row.image, &whole))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::uses::Setting;

    #[test]
    fn users_are_known_by_the_whole_reference() {
        let rows = ImageUsers::default().rows;
        let of = |image: &str| row(&rows, image).map(|row| row.user);
        assert_eq!(of("gcr.io/distroless/cc-debian12:nonroot"), Some(65532));
        assert_eq!(of("gcr.io/distroless/static-debian12:debug-nonroot-amd64"), Some(65532));
        assert_eq!(of("gcr.io/distroless/cc-debian12"), Some(0));
        assert_eq!((of("scratch"), of("debian:13-slim"), of("docker.io/library/alpine")), (Some(0), Some(0), Some(0)));
        assert_eq!((of("registry.example.com/debian:13"), of("$BASE")), (None, None));
    }
}
