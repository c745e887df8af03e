//! The document model: what every parser produces and everything else reads.
//!
//! A [`Node`] is a JSON value that remembers where it stood in its source.
//! This module knows nothing of rules, bundles or file formats.

mod locate;
mod node;
mod origin;
mod path;
mod pointer;
mod rendering;
mod source;

pub use locate::Place;
pub(crate) use node::write_json_string;
pub use node::{Entry, Node, Span, Value};
pub(crate) use path::joined;
pub use pointer::{Pointer, PointerError};
pub use rendering::{RenderTool, Rendering};
pub use source::{Document, Format, Position, Source, Subject, User};
