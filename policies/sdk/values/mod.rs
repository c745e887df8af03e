//! Values as documents write them: parsed, compared, and nothing else. Nothing here knows of rules or documents.

pub mod credential;
pub mod duration;
pub mod image;
pub mod int_or_string;
pub mod quantity;
pub mod selector;
pub mod version;
