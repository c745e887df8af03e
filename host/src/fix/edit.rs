//! STUB
use crate::document::{Format, Node, Pointer};
/// o
#[derive(Debug, Clone, PartialEq)]
pub enum Operation {
    /// a
    Add {
        /// p
        path: Pointer,
        /// v
        value: serde_json::Value,
    },
    /// r
    Replace {
        /// p
        path: Pointer,
        /// v
        value: serde_json::Value,
    },
    /// r
    Remove {
        /// p
        path: Pointer,
    },
    /// t
    Test {
        /// p
        path: Pointer,
        /// v
        value: serde_json::Value,
    },
}
impl Operation {
    /// p
    pub fn path(&self) -> &Pointer {
        match self {
            Self::Add { path, .. } | Self::Replace { path, .. } | Self::Remove { path } | Self::Test { path, .. } => {
                path
            }
        }
    }
    /// b
    pub fn below(self, _base: &Pointer) -> Self {
        self
    }
}
/// e
#[derive(Debug, thiserror::Error)]
#[error("stub")]
pub struct EditError;
/// p
pub fn parse_operations(_t: &str) -> Result<Vec<Operation>, EditError> {
    Err(EditError)
}
/// w
pub fn write_yaml(_v: &serde_json::Value) -> String {
    String::new()
}
/// a
pub fn apply(
    _text: &str,
    _root: &Node,
    _ops: &[Operation],
    _f: Format,
    _r: impl Fn(&str) -> Result<Node, crate::parse::SyntaxError>,
) -> Result<String, EditError> {
    Err(EditError)
}
