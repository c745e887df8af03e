//! The trust policy: who may sign which repositories, and what must be attested.
//!
//! Entries are looked at from top to bottom, and the first that matches decides. One that could never be reached is
//! an error.

use super::file::read_bounded;
use super::identity::{Identity, TrustedRoot};
use super::key::{MAX_KEY_FILE_BYTES, PublicKey};
use super::pattern::Pattern;
use super::refusal::{Reason, Refusal};
use super::statement::{NAMED_PREDICATES, SIGNATURE, predicate_type};
use super::target::Target;
use crate::document::Pointer;
use crate::located::{Located, LocatedError, word_or_mapping};
use serde::{Deserialize, Deserializer};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// The most that a file of a trust policy, or one that it names, may have. Sigstore's trusted root has 10 KiB.
const MAX_FILE_BYTES: usize = 1 << 20;

/// Why a trust policy is refused.
#[derive(Debug, thiserror::Error)]
pub enum PolicyError {
    /// The file could not be read.
    #[error("{path}: {source}")]
    Read {
        /// The file.
        path: String,
        /// Why.
        source: std::io::Error,
    },
    /// It says something that cannot be.
    #[error(transparent)]
    File(#[from] LocatedError),
}

/// The file, as it is written.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Definition {
    #[serde(default)]
    keys: BTreeMap<String, String>,
    #[serde(default)]
    identities: BTreeMap<String, IdentityDefinition>,
    trusted_root: Option<PathBuf>,
    repositories: Vec<EntryDefinition>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct IdentityDefinition {
    issuer: String,
    subject: String,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct EntryDefinition {
    #[serde(rename = "match")]
    pattern: String,
    unsigned: Option<Unsigned>,
    #[serde(default)]
    signed_by: Vec<String>,
    threshold: Option<usize>,
    #[serde(default)]
    attestations: Vec<AttestationDefinition>,
    mirror_of: Option<String>,
    #[serde(default)]
    require_name: bool,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Unsigned {
    Allow,
}

#[derive(Debug)]
enum AttestationDefinition {
    Type(String),
    By(AttestationBy),
}

impl<'de> Deserialize<'de> for AttestationDefinition {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        word_or_mapping(deserializer, Self::Type, Self::By)
    }
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct AttestationBy {
    #[serde(rename = "type")]
    predicate_type: String,
    #[serde(default)]
    signed_by: Vec<String>,
}

/// Who may be believed about which repositories.
#[derive(Debug)]
pub struct TrustPolicy {
    path: String,
    files: Vec<PathBuf>,
    entries: Vec<Entry>,
}

#[derive(Debug)]
struct Entry {
    pattern: Pattern,
    mirror_of: Option<String>,
    demand: Demand,
}

/// What a repository's manifests need.
#[derive(Debug)]
pub enum Demand {
    /// Nothing: it was said in so many words.
    Unsigned,
    /// Signatures.
    Signed(Requirement),
}

/// Who has to have signed what.
#[derive(Debug, Clone)]
pub struct Requirement {
    /// Who may sign.
    pub signers: Vec<Signer>,
    /// How many of them have to.
    pub threshold: usize,
    /// What has to be attested.
    pub attestations: Vec<AttestationRequirement>,
    /// Whether a signature has to name the repository.
    pub named: bool,
}

/// An attestation that is needed.
#[derive(Debug, Clone)]
pub struct AttestationRequirement {
    /// Its predicate type.
    pub predicate_type: String,
    /// Who may make it.
    pub signers: Vec<Signer>,
}

/// Somebody who may sign.
#[derive(Debug, Clone)]
pub struct Signer {
    /// The name in the trust policy.
    pub name: Arc<str>,
    /// What their signatures are checked with.
    pub means: Means,
}

/// What a signer's signatures are checked with.
#[derive(Debug, Clone)]
pub enum Means {
    /// A key.
    Key(PublicKey),
    /// A certificate for a name.
    Identity(Arc<Identity>),
}

impl TrustPolicy {
    /// Reads a trust policy; files that it names are beside it.
    ///
    /// # Errors
    /// Names the line and column of what is wrong.
    pub fn read(path: &Path) -> Result<Self, PolicyError> {
        let shown = path.display().to_string();
        let read = || String::from_utf8(read_bounded(path, MAX_FILE_BYTES)?.to_vec()).map_err(std::io::Error::other);
        let text = read().map_err(|source| PolicyError::Read { path: shown.clone(), source })?;
        Ok(Self::parse(&shown, &text, path.parent().unwrap_or(Path::new("")))?)
    }

    /// Parses a trust policy; `directory` is where the files that it names are.
    ///
    /// # Errors
    /// Names the line and column of what is wrong.
    pub fn parse(path: &str, text: &str, directory: &Path) -> Result<Self, LocatedError> {
        let file: Located<Definition> = Located::parse(path, text)?;
        let signers = signers(&file, directory)?;
        let mut entries: Vec<Entry> = Vec::new();
        for (index, definition) in file.value.repositories.iter().enumerate() {
            let at = Pointer::root().join("repositories").join(index.to_string());
            let entry = entry(&file, &at, definition, &signers)?;
            if let Some(earlier) = entries.iter().find(|earlier| earlier.pattern.covers(&entry.pattern)) {
                let message = format!(
                    "`{}` above matches all of it, so this entry is never reached; the narrower one goes first",
                    earlier.pattern
                );
                return Err(file.error(&at.join("match"), message));
            }
            entries.push(entry);
        }
        let named = file.value.keys.values().filter(|source| !is_pem(source)).map(Path::new);
        let named = named.chain(file.value.trusted_root.as_deref()).map(|named| directory.join(named));
        let files = [PathBuf::from(path)].into_iter().chain(named).collect();
        Ok(Self { path: path.to_owned(), files, entries })
    }

    /// What it was read from: its file, and those that it names.
    pub fn files(&self) -> &[PathBuf] {
        &self.files
    }

    /// What a target needs, and the target as its signatures name it: a mirror's by the name of its origin.
    ///
    /// # Errors
    /// When no entry matches.
    pub fn demand(&self, target: &Target) -> Result<(&Demand, Target), Box<Refusal>> {
        let entry = self.entries.iter().find(|entry| entry.pattern.matches(target.repository()));
        let entry = entry.ok_or_else(|| {
            Box::new(Refusal {
                target: target.clone(),
                reason: Reason::NoEntry(self.path.clone()),
                rejected: Vec::new(),
                remedy: format!(
                    "an entry `- match: {}` with `signedBy`, or with `unsigned: allow`",
                    target.repository()
                ),
            })
        })?;
        let signed_as = match &entry.mirror_of {
            Some(origin) => target.named(&entry.pattern.rename(target.repository(), origin)),
            None => target.clone(),
        };
        Ok((&entry.demand, signed_as))
    }
}

impl Requirement {
    /// One signature by one of some keys: what is asked for without a trust policy.
    pub fn any_of(keys: Vec<(String, PublicKey)>) -> Self {
        let signer = |(name, key): (String, PublicKey)| Signer { name: name.into(), means: Means::Key(key) };
        Self { signers: keys.into_iter().map(signer).collect(), threshold: 1, attestations: Vec::new(), named: false }
    }
}

type Signers = BTreeMap<String, Signer>;

fn signers(file: &Located<Definition>, directory: &Path) -> Result<Signers, LocatedError> {
    let definition = &file.value;
    let root = Pointer::root();
    let mut signers = Signers::new();
    for (name, source) in &definition.keys {
        let at = root.join("keys").join(name);
        let key = key(source, directory).map_err(|reason| file.error(&at, format!("key `{name}`: {reason}")))?;
        let same = |signer: &&Signer| matches!(&signer.means, Means::Key(known) if *known == key);
        if let Some(same) = signers.values().find(same) {
            // Else one key could reach a threshold of two.
            return Err(file.error(&at, format!("key `{name}` is the same as `{}`", same.name)));
        }
        signers.insert(name.clone(), Signer { name: name.as_str().into(), means: Means::Key(key) });
    }
    let at = root.join("trustedRoot");
    let trusted = match &definition.trusted_root {
        None => None,
        Some(path) => {
            let path = directory.join(path);
            let read = read_bounded(&path, MAX_FILE_BYTES).map_err(|error| error.to_string());
            let trusted = read.and_then(|json| TrustedRoot::parse(&json));
            let error = |reason| file.error(&at, format!("{}: {reason}", path.display()));
            Some(Arc::new(trusted.map_err(error)?))
        }
    };
    for (name, IdentityDefinition { issuer, subject }) in &definition.identities {
        let at = root.join("identities").join(name);
        let Some(trusted) = &trusted else {
            let message = "identities need `trustedRoot`: the trusted_root.json of the sigstore instance that vouches";
            return Err(file.error(&at, message));
        };
        if signers.contains_key(name) {
            return Err(file.error(&at, format!("`{name}` is a key already")));
        }
        let identity = Identity::new(trusted.clone(), issuer, subject)
            .map_err(|reason| file.error(&at, format!("identity `{name}`: {reason}")))?;
        let means = Means::Identity(Arc::new(identity));
        signers.insert(name.clone(), Signer { name: name.as_str().into(), means });
    }
    Ok(signers)
}

fn is_pem(source: &str) -> bool {
    source.trim_start().starts_with("-----BEGIN ")
}

/// A key from PEM, or from the file that has it.
fn key(source: &str, directory: &Path) -> Result<PublicKey, String> {
    if is_pem(source) {
        return PublicKey::from_pem(source.trim().as_bytes()).map_err(|error| error.to_string());
    }
    let path = directory.join(source);
    let pem = read_bounded(&path, MAX_KEY_FILE_BYTES).map_err(|error| format!("{}: {error}", path.display()))?;
    PublicKey::from_pem(&pem).map_err(|error| format!("{}: {error}", path.display()))
}

fn entry(
    file: &Located<Definition>,
    at: &Pointer,
    definition: &EntryDefinition,
    signers: &Signers,
) -> Result<Entry, LocatedError> {
    let pattern = Pattern::parse(&definition.pattern)
        .map_err(|reason| file.error(&at.join("match"), format!("`{}`: {reason}", definition.pattern)))?;
    let origin = definition.mirror_of.as_deref().map(Pattern::parse).transpose();
    if !origin.is_ok_and(|origin| origin.is_none_or(|origin| !origin.to_string().contains('*'))) {
        let message =
            "`mirrorOf` is what stands in the place of what `match` has before its first `*`, without wildcards";
        return Err(file.error(&at.join("mirrorOf"), message));
    }
    let by = |names: &[String], at: &Pointer| -> Result<Vec<Signer>, LocatedError> {
        let mut found = Vec::new();
        for (index, name) in names.iter().enumerate() {
            let at = at.join("signedBy").join(index.to_string());
            let signer = signers.get(name).ok_or_else(|| {
                let known: Vec<String> = signers.keys().map(|name| format!("`{name}`")).collect();
                file.error(&at, format!("there is no key or identity `{name}`; known: {}", known.join(", ")))
            })?;
            if names[..index].contains(name) {
                return Err(file.error(&at, format!("`{name}` is there twice")));
            }
            found.push(signer.clone());
        }
        Ok(found)
    };
    let allowed = by(&definition.signed_by, at)?;
    if let Some(Unsigned::Allow) = definition.unsigned {
        if !allowed.is_empty() || definition.threshold.is_some() || !definition.attestations.is_empty() {
            let message = "`unsigned: allow` goes with neither `signedBy`, `threshold` nor `attestations`";
            return Err(file.error(&at.join("unsigned"), message));
        }
        return Ok(Entry { pattern, mirror_of: definition.mirror_of.clone(), demand: Demand::Unsigned });
    }
    if allowed.is_empty() {
        return Err(file.error(at, "an entry has `signedBy`, or `unsigned: allow`"));
    }
    let threshold = definition.threshold.unwrap_or(1);
    if threshold == 0 || threshold > allowed.len() {
        let message = format!("`threshold` is from 1 to the number of those who may sign, {}", allowed.len());
        return Err(file.error(&at.join("threshold"), message));
    }
    let mut attestations = Vec::new();
    for (index, attestation) in definition.attestations.iter().enumerate() {
        let at = at.join("attestations").join(index.to_string());
        let (text, names) = match attestation {
            AttestationDefinition::Type(text) => (text, &[][..]),
            AttestationDefinition::By(by) => (&by.predicate_type, by.signed_by.as_slice()),
        };
        let Some(uri) = predicate_type(text).filter(|uri| *uri != SIGNATURE) else {
            let named: Vec<String> = NAMED_PREDICATES.iter().map(|(name, _)| format!("`{name}`")).collect();
            let message = format!("`{text}` is no predicate type of an attestation: {}, or a URI", named.join(", "));
            return Err(file.error(&at, message));
        };
        let named = by(names, &at)?;
        let signers = if named.is_empty() { allowed.clone() } else { named };
        attestations.push(AttestationRequirement { predicate_type: uri.to_owned(), signers });
    }
    let requirement = Requirement { signers: allowed, threshold, attestations, named: definition.require_name };
    Ok(Entry { pattern, mirror_of: definition.mirror_of.clone(), demand: Demand::Signed(requirement) })
}
