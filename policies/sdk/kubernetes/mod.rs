//! Kubernetes objects: what a rule is asked about, and what it can use of those that belong to it.

pub mod autoscaling;
pub mod limit_range;
pub mod production;
pub mod serving;
pub mod shutdown;
pub mod workload;
