//! Bundles: a versioned list of rules with parameters, severities and enforcement.
//!
//! A [`Definition`] is what a person writes; a [`Bundle`] is that, resolved against components:
//! parameters checked, exemptions compiled, expired ones set aside, and what it extends put underneath.

mod definition;
mod exemption;
mod layers;
mod library;
mod packed;
mod resolve;
mod schema;
mod selection;
mod settings;

pub use definition::{Definition, Enforcement, ExemptionEntry, Level, OnUpdate, RuleEntry};
pub use exemption::{Exemption, ExemptionSource, Ignoring, Scope as ExemptionScope};
pub(crate) use layers::unknown_bundle;
pub use layers::{Layer, Layers};
pub use library::{ComponentSource, Library, LibraryError, Pack, PackedComponent, RuleSource, unique_names};
pub use packed::{Packed, PackedBuffer};
pub use resolve::{Bundle, BundleError, BundleRule, Notice, Void};
pub use selection::{Selection, SelectionError};
pub use settings::{SettingError, Settings};
