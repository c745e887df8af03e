//! What registries say of images, as documents that rules ask for.
//!
//! ```text
//! workload ─ rules ask about its images ─► options: may this repository be asked?
//!                                            │ yes               │ no: the document says so
//!                                            ▼
//!            fetcher: tag ─► digest ─► image and signatures, by digest from memory and the store, else the registry
//!                                            │
//!                                            ▼
//!                                   facts: one document of the kind `policy-host.dev/Image`
//! ```
//!
//! No rule asks a registry, and none is asked that the operator does not allow. A run waits for the [`Fetcher`] when
//! rules ask ([`Asked`]); a server asks before a worker takes the request, and the request brings the answer along
//! ([`Told`]); the cases of a rule hold documents as files ([`Given`]).

mod facts;
mod fetcher;
mod given;
mod name;
mod options;
mod told;

pub use fetcher::{Asked, Fetcher, ImagesError};
pub use given::Given;
pub use name::{ImageName, NameError};
pub use options::{Allowed, ImageOptions, Mirror, OptionError};
pub use told::Told;

/// The group of the documents.
pub const GROUP: &str = "policy-host.dev";
/// Their version.
pub const VERSION: &str = "v1";
/// Their kind.
pub const KIND: &str = "Image";
