//! From bytes to documents.
//!
//! One module a format; [`unit`] cuts files into the pieces that are parsed, checked and remembered
//! on their own, and says what each piece is.

pub mod assignments;
mod classify;
pub mod dockerfile;
mod error;
pub mod gomod;
pub mod hcl;
pub mod json;
pub mod json5;
mod limits;
mod listing;
pub mod makefile;
pub mod plan;
pub mod proto;
mod repeated;
pub mod sql;
#[cfg(test)]
mod testing;
pub mod text;
pub mod toml;
mod tree;
pub mod unit;
pub mod yaml;

pub use error::SyntaxError;
pub use limits::Limits;
pub use listing::Listing;
pub use repeated::{Repeated, RepeatedKeys};
pub use unit::{Form, Parsed, Unit};
pub use yaml::Scalars;
