//! What a policy rule is written with.
//!
//! A rule is a [`rule!`] block, which carries its documentation and its manifest, and one function
//! `check`. It compiles to an ordinary Rust library; [`component!`] puts libraries together into a
//! component.
//!
//! | module | holds |
//! | --- | --- |
//! | [`input`], [`json`] | what a rule is given: the document, its old state, the user, related documents |
//! | [`finding`], [`write`] | what it answers: findings, fixes, and the JSON of both |
//! | [`uses`], [`settings`], [`parameter`] | what it is set up with, and what it can list in `uses:` |
//! | [`manifest`], [`factor`] | what it says of itself |
//! | [`kubernetes`] | views of objects, and of what belongs to them |
//! | [`repository`] | views of files: Dockerfiles, pipelines as graphs, workflows and actions, Terraform modules |
//! | [`values`] | quantities, durations, dates, schedules, versions and ranges, images, addresses, ports, selectors, credentials, base64 |
//! | [`language`] | the shell, PromQL, conditions, expressions, comments |
//! | [`tables`] | data with a source and a date, which a bundle may replace |

#[cfg(target_arch = "wasm32")]
mod allocator;
pub mod factor;
pub mod finding;
pub mod input;
pub mod json;
pub mod kubernetes;
pub mod language;
pub mod manifest;
pub mod parameter;
pub mod repository;
mod rule_macro;
pub mod settings;
pub mod tables;
#[cfg(test)]
mod testing;
pub mod uses;
pub mod values;
pub mod write;

/// The contract's types, generated from `wit/v1`.
#[allow(missing_docs, reason = "generated; documented in the WIT file")]
#[allow(unsafe_op_in_unsafe_fn, reason = "generated")]
pub mod bindings {
    wit_bindgen::generate!({
        path: "../../wit/v1",
        world: "policy-rules",
        pub_export_macro: true,
        default_bindings_module: "policy_sdk::bindings",
        generate_unused_types: true,
    });
}

/// What a rule needs in scope.
pub mod prelude {
    pub use crate::finding::{Check, Findings, Fix, failed, not_applicable, not_evaluated};
    pub use crate::input::{Input, Related};
    pub use crate::json::{Kind, View};
    pub use crate::kubernetes::probe::Probe;
    pub use crate::kubernetes::workload::{Class, Container, Workload, listed, listed_or};
    pub use crate::object;
    pub use crate::values::quantity::Quantity;
    pub use crate::write::ToJson;
}
