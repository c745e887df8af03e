//! Languages that stand inside of documents: the scripts of hooks, images and jobs.

pub mod script;
pub mod shell;
