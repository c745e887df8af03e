//! Files of a repository that are no Kubernetes objects.

pub mod compose;
pub mod dockerfile;
pub mod files;
pub mod github;
pub mod helm;
pub mod iam;
pub mod protobuf;
pub mod terraform;
