//! Bundles in OCI registries: built, sent, fetched, kept, opened.
//!
//! ```text
//! reference ─ lock ─ registry: resolve ─► digest ─ admit ─► store ◄─ registry: fetch
//!                                                             │  ▲
//!                                 bundle ◄─ artifact ◄────────┘  └─ layout, archive
//! ```
//!
//! | module | owns |
//! | --- | --- |
//! | `session` | all of it for those who do not wait by themselves |
//! | `fetch`, `push` | what is asked and sent, in which order |
//! | `admit` | the one gate that everything from a registry passes before it is fetched and compiled |
//! | `trusted` | that gate by signatures, which `signing` attaches |
//! | `image` | what registries say of images, which are no bundles |
//! | `artifact` | bundles as manifests and blobs, and back |
//! | `layout`, `archive` | the same in directories and tar archives |
//! | `registry` | HTTP: credentials, retries, bounds |
//! | `store` | what was fetched, by digest |
//! | `lock` | which digests tags are held to |
//! | `reference`, `model` | names of things, and what manifests look like |

pub mod admit;
pub mod archive;
pub mod artifact;
mod error;
mod fetch;
pub mod image;
pub mod layout;
pub mod limits;
mod lock;
pub mod model;
mod progress;
mod push;
mod reference;
pub mod registry;
mod session;
mod signing;
mod store;
mod trusted;

pub use error::{OciError, StoreError};
pub use fetch::{Fetched, Locking, Source};
pub use lock::{LOCK_FILE, LockError, LockFile};
pub use progress::Progress;
pub use push::{Pushed, push, title};
pub use reference::{Reference, ReferenceError, Repository, SCHEME};
pub use session::Session;
pub use signing::{Attached, Claim};
pub use store::{Entry, Guard, Pruned, Store, Writer};
pub use trusted::{ByPolicy, ByRequirement};
