//! Kubernetes objects: what a rule is asked about, and what it can use of those that belong to it.

pub mod autoscaling;
pub mod beside;
pub mod claim;
pub mod disruption_budget;
pub mod limit_range;
pub mod monitoring;
pub mod network_policy;
pub mod production;
pub mod serving;
pub mod shutdown;
pub mod windows;
pub mod workload;
