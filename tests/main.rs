//! Everything that is tested through the library's surface or the binary. One test binary, since
//! linking the engine once is enough.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod authoring;
mod cli;
mod cluster;
mod documents;
mod fake_api_server;
mod lsp;
mod pod_security;
mod readme;
mod sandbox;
mod server;
