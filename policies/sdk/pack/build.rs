//! Makes each rule of a pack a module: every folder of the pack that holds a `policy.rs`, or those that the variable
//! `POLICY_RULES_PACK` lists, with the pack's name in upper case.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::{env, fs, io};

fn main() -> io::Result<()> {
    let variable = |name: &str| env::var(name).map_err(io::Error::other);
    let pack = PathBuf::from(variable("CARGO_MANIFEST_DIR")?);
    let list = format!("POLICY_RULES_{}", variable("CARGO_PKG_NAME")?.to_uppercase().replace('-', "_"));
    println!("cargo::rerun-if-env-changed={list}");
    // Paths here are relative to the pack, so that a target directory copied with the repository is not one of the old
    // one's.
    let rules = match env::var(&list) {
        Ok(rules) => {
            println!("cargo::rerun-if-changed=Cargo.toml");
            rules.split_whitespace().map(str::to_owned).collect()
        }
        Err(_) => {
            println!("cargo::rerun-if-changed=.");
            folders(&pack)?
        }
    };
    let mut text = String::new();
    let mut list = String::new();
    for rule in rules {
        let (module, source) = (rule.replace('-', "_"), pack.join(&rule).join("policy.rs"));
        // Writing to a String cannot fail.
        let _ = write!(text, "#[path = {source:?}]\n#[allow(missing_docs, reason = \"`rule!` documents it\")]\n");
        let _ = writeln!(text, "pub mod {module};");
        let _ = write!(list, "{module}::RULE, ");
    }
    let _ = writeln!(text, "/// The pack's rules, by id.\npub const RULES: &[policy_sdk::input::Rule] = &[{list}];");
    fs::write(Path::new(&variable("OUT_DIR")?).join("rules.rs"), text)
}

/// The names of the folders that hold a rule, in order.
fn folders(pack: &Path) -> io::Result<Vec<String>> {
    let mut names = Vec::new();
    for entry in fs::read_dir(pack)? {
        let path = entry?.path();
        let name = path.file_name().and_then(|name| name.to_str());
        names.extend(name.filter(|_| path.join("policy.rs").is_file()).map(str::to_owned));
    }
    names.sort();
    Ok(names)
}
