//! What a policy rule is written with.
//!
//! A rule is a [`rule!`] block, which carries its documentation and its manifest, and one function
//! `check`. It compiles to an ordinary Rust library; [`component!`] puts libraries together into a
//! component.

#[cfg(target_arch = "wasm32")]
mod allocator;
pub mod autoscaling;
pub mod credential;
pub mod duration;
pub mod finding;
pub mod github;
pub mod image;
pub mod input;
pub mod int_or_string;
pub mod json;
pub mod limit_range;
pub mod manifest;
pub mod parameter;
pub mod production;
pub mod quantity;
mod rule_macro;
pub mod script;
pub mod selector;
pub mod serving;
pub mod settings;
pub mod shell;
pub mod shutdown;
#[cfg(test)]
mod testing;
pub mod uses;
pub mod version;
pub mod workload;
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
    pub use crate::finding::{Check, Findings, Fix, not_applicable, not_evaluated};
    pub use crate::input::{Input, Related};
    pub use crate::json::{Kind, View};
    pub use crate::object;
    pub use crate::quantity::Quantity;
    pub use crate::workload::{Class, Container, Probe, Workload, listed};
    pub use crate::write::ToJson;
}
