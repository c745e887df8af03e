//! Why a text could not be parsed, and where.

/// A syntax error, or an exceeded bound, at a place of the source.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct SyntaxError {
    /// Which of the document's files.
    pub file: u16,
    /// Byte offset into the text.
    pub at: usize,
    /// What is wrong, lower case.
    pub message: String,
}

impl SyntaxError {
    /// An error in the first file.
    pub fn new(at: usize, message: impl Into<String>) -> Self {
        Self { file: 0, at, message: message.into() }
    }

    /// The same error in another file.
    pub fn in_file(self, file: u16) -> Self {
        Self { file, ..self }
    }
}
