//! Files of a repository that are no Kubernetes objects.

pub mod compose;
pub mod dockerfile;
pub mod ecr;
pub mod eks;
pub mod files;
pub mod github;
pub mod helm;
pub mod iam;
pub mod image_build;
pub mod pipeline;
pub mod protobuf;
pub mod rds;
pub mod security_group;
pub mod targets;
pub mod terraform;
pub mod terraform_calls;
pub mod terraform_links;
