//! Charts and kustomizations, checked as what they deploy: the user's own programs render them, and findings are led
//! back to the files that somebody wrote.
//!
//! ```text
//! units ─ found ─► charts, kustomizations ─ helm, kustomize ─ process ─► rendered text
//!                                                                           │ a set of its own, checked
//!                    findings in source files ◄─ merge ◄─ lead back ◄───────┘
//! ```
//!
//! What is rendered is hostile, and so is what a program says of it. A program runs no plugin of the repository, asks
//! no network, writes nothing into the repository, and is bounded ([`Bounds`]).
//!
//! Tests of a chart (`helm.sh/hook: test`) are left out: `helm test` runs them on demand, and nothing of them stays in
//! the cluster. Other hooks are checked, since installing the chart runs them.

mod found;
mod helm;
mod kustomization;
mod kustomize;
mod lead;
mod merge;
mod process;
mod program;
mod run;
mod source;

pub use found::{Renderable, VALUES, found};
pub use process::Bounds;
pub use program::{ProgramError, Programs};
pub use run::{Failure, Rendered, render};
