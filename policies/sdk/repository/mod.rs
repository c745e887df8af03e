//! Files of a repository that are no Kubernetes objects.

pub mod dockerfile;
pub mod github;
pub mod terraform;
