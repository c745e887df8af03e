//! The `policy-host` binary: the library, with the shipped bundles and their rules embedded.

use std::process::ExitCode;

/// Written by `make rules`; empty until then.
static PACK: &[u8] = include_bytes!(env!("POLICY_HOST_PACK"));

fn main() -> ExitCode {
    policy_host::cli::main(PACK)
}
