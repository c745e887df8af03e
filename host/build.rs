//! Makes sure that there is a pack to embed: `make rules` writes it, an empty one stands in until
//! then, so that a plain `cargo build` works. Also tells the engine for which target it is built.

use std::path::Path;

fn main() -> std::io::Result<()> {
    println!("cargo::rerun-if-changed=build.rs");
    println!("cargo::rerun-if-env-changed=POLICY_HOST_PACK");
    let default = concat!(env!("CARGO_MANIFEST_DIR"), "/../target/policies/embedded.pack");
    let pack = std::env::var("POLICY_HOST_PACK").unwrap_or_else(|_| default.to_owned());
    let path = Path::new(&pack);
    if !path.exists() {
        if let Some(directory) = path.parent() {
            std::fs::create_dir_all(directory)?;
        }
        std::fs::write(path, [])?;
    }
    println!("cargo::rustc-env=POLICY_HOST_PACK={pack}");
    println!("cargo::rustc-env=POLICY_HOST_TARGET={}", std::env::var("TARGET").unwrap_or_default());
    Ok(())
}
