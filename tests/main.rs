//! Everything that is tested through the library's surface or the binary. One test binary, since
//! linking the engine once is enough.

mod cli;
mod pod_security;
