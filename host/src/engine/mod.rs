//! Running rules: the only folder that names wasmtime.
//!
//! A component passes the [`gate`] before it is compiled, compiled code is kept by [`code`], and
//! every call gets a sandbox of its own from the pool. What a guest can cost is in
//! [`limits`]; nothing survives a call.

mod code;
mod gate;
mod limits;
mod sandbox;
mod size;

pub use code::CodeCache;
pub use gate::{GateError, Inspection, embed_manifests, inspect, read_component};
pub use limits::SandboxLimits;
pub(crate) use sandbox::truncate;
pub use sandbox::{Answers, CrossCompiler, Engine, EngineError, LoadedComponent, RuleFailure};

/// The contract's types as the host sees them, generated from `wit/v1`.
#[allow(missing_docs, unreachable_pub, reason = "generated; documented in the WIT file")]
pub(crate) mod bindings {
    wasmtime::component::bindgen!({
        path: "../wit/v1",
        world: "policy-rules",
        ownership: Borrowing { duplicate_if_necessary: true },
    });
}
