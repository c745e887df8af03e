//! Everything that is tested through the library's surface or the binary. One test binary, since
//! linking the engine once is enough.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod adoption;
mod application;
mod authoring;
mod cases;
mod cli;
mod cluster;
mod documents;
mod errors;
mod fake_api_server;
mod fake_registry;
mod fixes;
mod hcl_reference;
mod hostile_files;
mod images;
mod inputs;
mod languages;
mod lsp;
mod oci;
mod output;
mod peers;
mod pod_security;
mod readme;
mod release;
mod render;
mod reports;
mod sandbox;
mod secrets;
mod seeds;
mod server;
mod sets;
mod severity;
mod situations;
mod terraform;
mod visible;
