//! Bundles in OCI registries: built, sent, fetched, kept, opened.
//!
//! ```text
//! reference ─ lock ─ registry: resolve ─► digest ─ admit ─► store ◄─ registry: fetch   (layout, archive)
//!                                                             │
//!                                                             └─► artifact ─► bundle
//! ```
//!
//! | module | owns |
//! | --- | --- |
//! | `reference`, `digest`, `model` | names of things, and what manifests look like |
//! | `registry` | HTTP: credentials, retries, bounds |
//! | `store` | what was fetched, by digest |
//! | `lock` | which digests tags are held to |
//! | `admit` | the one gate that everything from a registry passes before it is fetched and compiled |

pub mod admit;
pub mod digest;
mod error;
pub mod limits;
mod lock;
pub mod model;
mod reference;
pub mod registry;
mod store;

pub use error::OciError;
pub use lock::{LOCK_FILE, LockError, LockFile};
pub use reference::{Reference, ReferenceError, Repository, SCHEME};
pub use store::{Entry, Guard, Pruned, Store, StoreError, Writer};
