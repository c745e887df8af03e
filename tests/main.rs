//! Everything that is tested through the library's surface or the binary. One test binary, since
//! linking the engine once is enough.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

<<<<<<< HEAD
mod adoption;
=======
mod authoring;
>>>>>>> author
mod cli;
mod cluster;
mod documents;
mod fake_api_server;
<<<<<<< HEAD
mod fake_registry;
mod oci;
mod pod_security;
mod reports;
=======
mod lsp;
mod pod_security;
mod readme;
>>>>>>> author
mod sandbox;
mod server;
