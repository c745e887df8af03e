//! Files of a repository that are no Kubernetes objects.

pub mod compose;
pub mod dockerfile;
pub mod files;
pub mod github;
pub mod iam;
pub mod image_build;
pub mod pipeline;
pub mod protobuf;
pub mod targets;
pub mod terraform;
