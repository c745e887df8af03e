//! Passphrases: from the environment or the terminal, never from an argument, which other users could read.

use crate::visible::visible;
use std::io::IsTerminal as _;
use std::path::Path;
use zeroize::Zeroizing;

/// Ours goes first; cosign's works too, since its keys do.
const VARIABLES: [&str; 2] = ["POLICY_HOST_KEY_PASSWORD", "COSIGN_PASSWORD"];

/// A passphrase.
pub(crate) type Passphrase = Zeroizing<Vec<u8>>;

/// The passphrase of a key that is there.
pub(crate) fn of(key: &Path) -> Result<Passphrase, String> {
    match from_environment() {
        Some(passphrase) => Ok(passphrase),
        None => prompt(&format!("Passphrase of {}: ", key.display())),
    }
}

/// A passphrase for a new key, which has to be typed twice.
pub(crate) fn new(key: &Path) -> Result<Passphrase, String> {
    let passphrase = match from_environment() {
        Some(passphrase) => passphrase,
        None => {
            let first = prompt(&format!("Passphrase for {}: ", key.display()))?;
            let second = prompt("The same again: ")?;
            if first != second {
                return Err("the two passphrases are not the same".to_owned());
            }
            first
        }
    };
    if passphrase.is_empty() {
        return Err("an empty passphrase does not protect a key".to_owned());
    }
    Ok(passphrase)
}

fn from_environment() -> Option<Passphrase> {
    VARIABLES.into_iter().find_map(std::env::var_os).map(|text| Zeroizing::new(text.into_encoded_bytes()))
}

fn prompt(text: &str) -> Result<Passphrase, String> {
    if !std::io::stdin().is_terminal() {
        let [ours, theirs] = VARIABLES;
        return Err(format!("there is no terminal to ask for a passphrase on, and neither {ours} nor {theirs} is set"));
    }
    let typed =
        rpassword::prompt_password(visible(text)).map_err(|error| format!("the passphrase cannot be read: {error}"))?;
    Ok(Zeroizing::new(typed.into_bytes()))
}
