//! From bytes to documents.
//!
//! One module a format; [`unit`] cuts files into the pieces that are parsed, judged and remembered
//! on their own, and says what each piece is.

mod classify;
pub mod dockerfile;
mod error;
pub mod hcl;
pub mod json;
mod limits;
pub mod unit;
pub mod yaml;

pub use error::SyntaxError;
pub use limits::Limits;
pub use unit::{Form, Unit};
pub use yaml::Scalars;
