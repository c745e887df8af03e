//! Images that hold a program and little else.

use crate::values::image::glob_match;
use std::borrow::Cow;

crate::record! {
    /// Images without a shell.
    pub ShelllessImage {
        /// A glob of their references.
        pub image, "image": Cow<'static, str> = Cow::Borrowed("");
    }
}

const fn image(image: &'static str) -> ShelllessImage {
    ShelllessImage { image: Cow::Borrowed(image) }
}

crate::table! {
    /// Images, as globs, without a shell.
    pub ShelllessImages, "shelllessImages": ShelllessImage {
        source: "https://github.com/GoogleContainerTools/distroless, https://images.chainguard.dev",
        date: "2026-11-29",
        rows: [image("gcr.io/distroless/*"), image("cgr.dev/chainguard/static*")],
    }
}

/// Whether an image is one of the rows.
pub fn has(rows: &[ShelllessImage], image: &str) -> bool {
    rows.iter().any(|row| glob_match(&row.image, image))
}
