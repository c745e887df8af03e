//! The document model: what every parser produces and everything else reads.
//!
//! A [`Node`] is a JSON value that remembers where it stood in its source.
//! This module knows nothing of rules, bundles or file formats.

mod derived;
mod images;
mod locate;
mod node;
mod origin;
mod path;
mod pointer;
mod rendering;
mod source;
mod source_map;

pub use derived::{Comment, Derived, ImageBuild, Room, Stands, Tree, TreeKey, Written};
pub use images::{Images, KnownImages};
pub use locate::{Place, locate, value_at};
pub(crate) use node::write_json_string;
pub use node::{Entry, Node, Span, Value};
pub(crate) use path::{directory, file_name, joined, shown_directory};
pub use pointer::{Pointer, PointerError};
pub use rendering::{RenderTool, Rendering};
pub use source::{Document, Format, Position, Source, Subject, User};
pub use source_map::SourceMap;
