//! Kubernetes objects: what a rule is asked about, and what it can use of those that belong to it.
//!
//! A view called `Own` and a kind is the subject itself, or the one object of that kind that it belongs to; the
//! others are what belongs to the subject.

pub mod alb;
pub mod argo;
pub mod autoscaling;
pub mod aws_auth;
pub mod beside;
pub mod claim;
pub mod command;
pub mod config;
pub mod disruption_budget;
pub mod file;
pub mod flagger;
pub mod flux;
pub mod gateway;
pub mod host_path;
pub mod image_facts;
pub mod images;
pub mod ingress;
pub mod kustomized;
pub mod limit_range;
pub mod mention;
pub mod metadata;
pub mod monitoring;
pub mod mount;
pub mod namespace;
pub mod network_policy;
pub mod node_place;
pub mod operated;
pub mod pod_security;
pub mod priority;
pub mod probe;
pub mod production;
pub mod prometheus;
pub mod prometheus_rule;
pub mod rbac;
pub mod rollout;
pub mod run_as;
pub mod schema;
pub mod secret_reference;
pub mod service;
pub mod service_account;
pub mod serving;
pub mod shutdown;
pub mod spread;
pub mod tracing;
pub mod windows;
pub mod workload;
pub mod written;
