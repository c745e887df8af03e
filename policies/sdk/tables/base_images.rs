//! Well-known base images: those that build, and how long their releases are supported.

use crate::values::date::Date;
use crate::values::image::ImageReference;
use std::borrow::Cow;

crate::record! {
    /// An image that is there to build, or to hold much.
    pub BuildImage {
        /// A repository, with its registry.
        pub repository, "repository": Cow<'static, str> = Cow::Borrowed("");
        /// What it is for: `compiler`, or `distribution` of the whole of a system or a language.
        pub holds, "holds": Cow<'static, str> = Cow::Borrowed("compiler");
        /// A word that tags have where it is that; empty where they all are.
        pub word, "word": Cow<'static, str> = Cow::Borrowed("");
    }
}

const fn compiler(repository: &'static str) -> BuildImage {
    with(repository, "compiler", "")
}

const fn whole(repository: &'static str) -> BuildImage {
    with(repository, "distribution", "")
}

const fn with(repository: &'static str, holds: &'static str, word: &'static str) -> BuildImage {
    BuildImage { repository: Cow::Borrowed(repository), holds: Cow::Borrowed(holds), word: Cow::Borrowed(word) }
}

crate::table! {
    /// Images that compilers are in, and those of whole distributions. The first row that fits counts.
    pub BuildImages, "buildImages": BuildImage {
        source: "https://github.com/docker-library/official-images, https://github.com/dotnet/dotnet-docker",
        date: "2026-11-29",
        rows: [
            compiler("docker.io/library/golang"),
            compiler("docker.io/library/rust"),
            compiler("docker.io/library/gcc"),
            compiler("docker.io/library/maven"),
            compiler("docker.io/library/gradle"),
            compiler("docker.io/library/sbt"),
            compiler("docker.io/library/swift"),
            compiler("docker.io/library/haskell"),
            compiler("docker.io/library/buildpack-deps"),
            compiler("mcr.microsoft.com/dotnet/sdk"),
            with("docker.io/library/eclipse-temurin", "compiler", "jdk"),
            with("docker.io/library/amazoncorretto", "compiler", "jdk"),
            whole("docker.io/library/debian"),
            whole("docker.io/library/ubuntu"),
            whole("docker.io/library/fedora"),
            whole("docker.io/library/centos"),
            whole("docker.io/library/rockylinux"),
            whole("docker.io/library/almalinux"),
            whole("docker.io/library/amazonlinux"),
            whole("docker.io/library/opensuse/leap"),
            whole("docker.io/library/openjdk"),
            whole("docker.io/library/node"),
            whole("docker.io/library/python"),
            whole("docker.io/library/ruby"),
        ],
    }
}

/// What an image holds: `compiler` or `distribution`; `None` for small ones, and those that are not known.
pub fn holds<'r>(rows: &'r [BuildImage], image: &ImageReference<'_>) -> Option<&'r str> {
    const SMALL: [&str; 6] = ["slim", "alpine", "minimal", "chiseled", "distroless", "micro"];
    let repository = image.repository();
    let tag = image.tag.unwrap_or_default();
    let has = |word: &str| tag.split(['-', '.']).any(|part| part.starts_with(word));
    let row = rows.iter().find(|row| row.repository == repository && (row.word.is_empty() || has(&row.word)))?;
    (row.holds == "compiler" || !SMALL.iter().any(|word| has(word))).then_some(&*row.holds)
}

crate::record! {
    /// A release of a base image.
    pub BaseRelease {
        /// A repository, with its registry.
        pub repository, "repository": Cow<'static, str> = Cow::Borrowed("");
        /// Its version, as the tag begins: `3.9`, `bookworm`.
        pub version, "version": Cow<'static, str> = Cow::Borrowed("");
        /// The last day on which it gets fixes from whoever makes it.
        pub end, "end": Date = Date::of("1970-01-01");
    }
}

const fn release(repository: &'static str, version: &'static str, end: &'static str) -> BaseRelease {
    BaseRelease { repository: Cow::Borrowed(repository), version: Cow::Borrowed(version), end: Date::of(end) }
}

const DEBIAN: &str = "docker.io/library/debian";
const UBUNTU: &str = "docker.io/library/ubuntu";
const ALPINE: &str = "docker.io/library/alpine";
const CENTOS: &str = "docker.io/library/centos";
const GOLANG: &str = "docker.io/library/golang";
const NODE: &str = "docker.io/library/node";
const PYTHON: &str = "docker.io/library/python";
const RUBY: &str = "docker.io/library/ruby";
const PHP: &str = "docker.io/library/php";
const POSTGRES: &str = "docker.io/library/postgres";
const ASPNET: &str = "mcr.microsoft.com/dotnet/aspnet";
const RUNTIME: &str = "mcr.microsoft.com/dotnet/runtime";
const RUNTIME_DEPS: &str = "mcr.microsoft.com/dotnet/runtime-deps";
const SDK: &str = "mcr.microsoft.com/dotnet/sdk";

crate::table! {
    /// Until when releases of base images are supported; of Debian, by its team for long-term support.
    pub BaseReleases, "baseReleases": BaseRelease {
        source: "https://endoflife.date",
        date: "2026-11-29",
        rows: [
            release(DEBIAN, "8", "2020-06-30"), release(DEBIAN, "jessie", "2020-06-30"),
            release(DEBIAN, "9", "2022-06-30"), release(DEBIAN, "stretch", "2022-06-30"),
            release(DEBIAN, "10", "2024-06-30"), release(DEBIAN, "buster", "2024-06-30"),
            release(DEBIAN, "11", "2026-08-31"), release(DEBIAN, "bullseye", "2026-08-31"),
            release(DEBIAN, "12", "2028-06-30"), release(DEBIAN, "bookworm", "2028-06-30"),
            release(DEBIAN, "13", "2030-06-30"), release(DEBIAN, "trixie", "2030-06-30"),
            release(UBUNTU, "14.04", "2019-04-25"), release(UBUNTU, "trusty", "2019-04-25"),
            release(UBUNTU, "16.04", "2021-04-30"), release(UBUNTU, "xenial", "2021-04-30"),
            release(UBUNTU, "18.04", "2023-05-31"), release(UBUNTU, "bionic", "2023-05-31"),
            release(UBUNTU, "20.04", "2025-05-31"), release(UBUNTU, "focal", "2025-05-31"),
            release(UBUNTU, "22.04", "2027-04-30"), release(UBUNTU, "jammy", "2027-04-30"),
            release(UBUNTU, "23.04", "2024-01-25"), release(UBUNTU, "23.10", "2024-07-11"),
            release(UBUNTU, "24.04", "2029-04-30"), release(UBUNTU, "noble", "2029-04-30"),
            release(UBUNTU, "24.10", "2025-07-10"), release(UBUNTU, "25.04", "2026-01-15"),
            release(ALPINE, "3.9", "2020-11-01"), release(ALPINE, "3.10", "2021-05-01"),
            release(ALPINE, "3.11", "2021-11-01"), release(ALPINE, "3.12", "2022-05-01"),
            release(ALPINE, "3.13", "2022-11-01"), release(ALPINE, "3.14", "2023-05-01"),
            release(ALPINE, "3.15", "2023-11-01"), release(ALPINE, "3.16", "2024-05-23"),
            release(ALPINE, "3.17", "2024-11-22"), release(ALPINE, "3.18", "2025-05-09"),
            release(ALPINE, "3.19", "2025-11-01"), release(ALPINE, "3.20", "2026-04-01"),
            release(ALPINE, "3.21", "2026-11-01"), release(ALPINE, "3.22", "2027-05-01"),
            release(ALPINE, "3.23", "2027-11-01"),
            release(CENTOS, "6", "2020-11-30"), release(CENTOS, "7", "2024-06-30"), release(CENTOS, "8", "2021-12-31"),
            release(CENTOS, "latest", "2021-12-31"),
            release(GOLANG, "1.17", "2022-08-02"), release(GOLANG, "1.18", "2023-02-01"),
            release(GOLANG, "1.19", "2023-08-08"), release(GOLANG, "1.20", "2024-02-06"),
            release(GOLANG, "1.21", "2024-08-13"), release(GOLANG, "1.22", "2025-02-11"),
            release(GOLANG, "1.23", "2025-08-12"), release(GOLANG, "1.24", "2026-02-10"),
            release(NODE, "8", "2019-12-31"), release(NODE, "10", "2021-04-30"), release(NODE, "12", "2022-04-30"),
            release(NODE, "14", "2023-04-30"), release(NODE, "16", "2023-09-11"), release(NODE, "17", "2022-06-01"),
            release(NODE, "18", "2025-04-30"), release(NODE, "19", "2023-06-01"), release(NODE, "20", "2026-04-30"),
            release(NODE, "21", "2024-06-01"), release(NODE, "22", "2027-04-30"), release(NODE, "23", "2025-06-01"),
            release(NODE, "24", "2028-04-30"), release(NODE, "25", "2026-06-01"),
            release(PYTHON, "2", "2020-01-01"), release(PYTHON, "3.5", "2020-09-30"),
            release(PYTHON, "3.6", "2021-12-23"), release(PYTHON, "3.7", "2023-06-27"),
            release(PYTHON, "3.8", "2024-10-07"), release(PYTHON, "3.9", "2025-10-31"),
            release(PYTHON, "3.10", "2026-10-31"), release(PYTHON, "3.11", "2027-10-31"),
            release(PYTHON, "3.12", "2028-10-31"), release(PYTHON, "3.13", "2029-10-31"),
            release(PYTHON, "3.14", "2030-10-31"),
            release(RUBY, "2", "2023-03-31"), release(RUBY, "3.0", "2024-04-23"), release(RUBY, "3.1", "2025-03-26"),
            release(RUBY, "3.2", "2026-03-31"), release(RUBY, "3.3", "2027-03-31"), release(RUBY, "3.4", "2028-03-31"),
            release(PHP, "5", "2018-12-31"), release(PHP, "7", "2022-11-28"), release(PHP, "8.0", "2023-11-26"),
            release(PHP, "8.1", "2025-12-31"), release(PHP, "8.2", "2026-12-31"), release(PHP, "8.3", "2027-12-31"),
            release(PHP, "8.4", "2028-12-31"),
            release(POSTGRES, "9", "2021-11-11"), release(POSTGRES, "10", "2022-11-10"),
            release(POSTGRES, "11", "2023-11-09"), release(POSTGRES, "12", "2024-11-21"),
            release(POSTGRES, "13", "2025-11-13"), release(POSTGRES, "14", "2026-11-12"),
            release(POSTGRES, "15", "2027-11-11"), release(POSTGRES, "16", "2028-11-09"),
            release(POSTGRES, "17", "2029-11-08"),
            release(ASPNET, "6.0", "2024-11-12"), release(ASPNET, "7.0", "2024-05-14"),
            release(ASPNET, "8.0", "2026-11-10"), release(ASPNET, "9.0", "2026-11-10"),
            release(ASPNET, "10.0", "2028-11-14"),
            release(RUNTIME, "6.0", "2024-11-12"), release(RUNTIME, "7.0", "2024-05-14"),
            release(RUNTIME, "8.0", "2026-11-10"), release(RUNTIME, "9.0", "2026-11-10"),
            release(RUNTIME, "10.0", "2028-11-14"),
            release(RUNTIME_DEPS, "6.0", "2024-11-12"), release(RUNTIME_DEPS, "7.0", "2024-05-14"),
            release(RUNTIME_DEPS, "8.0", "2026-11-10"), release(RUNTIME_DEPS, "9.0", "2026-11-10"),
            release(RUNTIME_DEPS, "10.0", "2028-11-14"),
            release(SDK, "6.0", "2024-11-12"), release(SDK, "7.0", "2024-05-14"), release(SDK, "8.0", "2026-11-10"),
            release(SDK, "9.0", "2026-11-10"), release(SDK, "10.0", "2028-11-14"),
        ],
    }
}

/// The releases that an image is of: its own, and that of the distribution that its tag names (`node:20-bookworm`).
pub fn releases<'r>(rows: &'r [BaseRelease], image: &ImageReference<'_>) -> Vec<&'r BaseRelease> {
    let repository = image.repository();
    let Some(tag) = image.effective_tag() else { return Vec::new() };
    let mut parts = tag.split('-');
    let version = parts.next().unwrap_or_default();
    let is_of = |version: &str, release: &str| {
        version.strip_prefix(release).is_some_and(|rest| rest.is_empty() || rest.starts_with('.'))
    };
    let own = rows.iter().find(|row| row.repository == repository && is_of(version, &row.version));
    let below = parts.find_map(|part| {
        let alpine = part.strip_prefix("alpine").filter(|version| !version.is_empty());
        rows.iter().find(|row| match (alpine, &*row.repository) {
            (Some(version), ALPINE) => is_of(version, &row.version),
            (None, DEBIAN | UBUNTU) => {
                row.version == part && part.starts_with(|first: char| first.is_ascii_lowercase())
            }
            _ => false,
        })
    });
    own.into_iter().chain(below).collect()
}

/// Whether releases of an image's repository are known at all.
pub fn is_listed(rows: &[BaseRelease], image: &ImageReference<'_>) -> bool {
    let repository = image.repository();
    rows.iter().any(|row| row.repository == repository)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::uses::Setting;

    #[test]
    fn images_are_told_apart_by_what_they_hold() {
        let rows = BuildImages::default().rows;
        let of = |image| holds(&rows, &ImageReference::parse(image).unwrap());
        assert_eq!(of("golang:1.25-alpine"), Some("compiler"));
        assert_eq!((of("node:24"), of("node:24-slim"), of("node:24-alpine3.22")), (Some("distribution"), None, None));
        assert_eq!((of("eclipse-temurin:21-jdk"), of("eclipse-temurin:21-jre")), (Some("compiler"), None));
        assert_eq!((of("registry.example.com/golang:1.25"), of("debian:trixie-slim")), (None, None));
    }

    #[test]
    fn releases_are_found_by_the_tag() {
        let rows = BaseReleases::default().rows;
        let of = |image| {
            let found = releases(&rows, &ImageReference::parse(image).unwrap());
            found.iter().map(|row| row.version.to_string()).collect::<Vec<_>>()
        };
        assert_eq!(of("python:3.9.1-slim-buster"), ["3.9", "buster"]);
        assert_eq!(of("golang:1.22-alpine3.19"), ["1.22", "3.19"]);
        assert_eq!((of("alpine:3.10"), of("alpine:3.1"), of("node:lts")), (vec!["3.10".into()], vec![], vec![]));
        assert!(is_listed(&rows, &ImageReference::parse("node").unwrap()));
        assert!(!is_listed(&rows, &ImageReference::parse("quay.io/node").unwrap()));
    }
}
