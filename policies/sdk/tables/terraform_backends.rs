//! Where Terraform keeps its state.

use std::borrow::Cow;

crate::record! {
    /// A backend.
    pub Backend {
        /// Its type; `cloud` is the block of that name.
        pub name, "name": Cow<'static, str> = Cow::Borrowed("");
    }
}

const fn backend(name: &'static str) -> Backend {
    Backend { name: Cow::Borrowed(name) }
}

crate::table! {
    /// Terraform's backends that keep state elsewhere than on the disk.
    pub TerraformBackends, "terraformBackends": Backend {
        source: "https://developer.hashicorp.com/terraform/language/backend",
        date: "2026-11-29",
        rows: [
            backend("s3"),
            backend("gcs"),
            backend("azurerm"),
            backend("http"),
            backend("remote"),
            backend("cloud"),
            backend("consul"),
            backend("kubernetes"),
            backend("oss"),
            backend("cos"),
            backend("pg"),
            backend("oci"),
        ],
    }
}
