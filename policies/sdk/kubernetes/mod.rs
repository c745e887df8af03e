//! Kubernetes objects: what a rule is asked about, and what it can use of those that belong to it.
//!
//! A view called `Own` and a kind is the subject itself, or the one object of that kind that it belongs to; the
//! others are what belongs to the subject.

pub mod argo;
pub mod autoscaling;
pub mod beside;
pub mod claim;
pub mod disruption_budget;
pub mod flux;
pub mod gateway;
pub mod ingress;
pub mod limit_range;
pub mod monitoring;
pub mod namespace;
pub mod network_policy;
pub mod operated;
pub mod pod_security;
pub mod probe;
pub mod production;
pub mod prometheus_rule;
pub mod rbac;
pub mod rollout;
pub mod service;
pub mod service_account;
pub mod serving;
pub mod shutdown;
pub mod windows;
pub mod workload;
