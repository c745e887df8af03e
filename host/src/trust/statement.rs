//! In-toto statements: what is said of which digest.

use super::refusal::Problem;
use super::target::Target;
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use std::collections::BTreeMap;

const TYPE: &str = "https://in-toto.io/Statement/v1";
/// What `cosign attest` writes; the two differ in what we do not read.
const OLD_TYPE: &str = "https://in-toto.io/Statement/v0.1";

/// The predicate type that makes a statement a signature: cosign's.
pub const SIGNATURE: &str = "https://sigstore.dev/cosign/sign/v1";

/// Predicate types that have a name, which is cosign's where it has one.
pub const NAMED_PREDICATES: [(&str, &str); 4] = [
    ("spdxjson", "https://spdx.dev/Document"),
    ("slsaprovenance1", "https://slsa.dev/provenance/v1"),
    ("cyclonedx", "https://cyclonedx.org/bom"),
    ("openvex", "https://openvex.dev/ns"),
];

/// A statement.
#[derive(Debug, Deserialize)]
pub struct Statement {
    #[serde(rename = "_type")]
    kind: String,
    subject: Vec<Subject>,
    /// What kind of thing is said.
    #[serde(rename = "predicateType")]
    pub predicate_type: String,
}

#[derive(Debug, Serialize, Deserialize)]
struct Subject {
    #[serde(default, skip_serializing_if = "String::is_empty")]
    name: String,
    digest: BTreeMap<String, String>,
}

impl Statement {
    /// Parses what an envelope holds, after its signature was checked.
    ///
    /// # Errors
    /// When it is no statement.
    pub fn parse(payload: &[u8]) -> Result<Self, Problem> {
        let statement: Self = serde_json::from_slice(payload)
            .map_err(|error| Problem::malformed(format!("the statement: {}", crate::plain::value(&error))))?;
        match statement.kind.as_str() {
            TYPE | OLD_TYPE => Ok(statement),
            other => Err(Problem::malformed(format!("the statement is a `{other}`, and no `{TYPE}`"))),
        }
    }

    /// Whether it speaks of the target: of its digest, and of its repository where it names any.
    ///
    /// # Errors
    /// Says of what it speaks instead.
    pub fn check_subject(&self, target: &Target, named: bool) -> Result<(), Problem> {
        let is_digest = |subject: &&Subject| subject.digest.get("sha256").map(String::as_str) == Some(target.hex());
        let mut of_digest = self.subject.iter().filter(is_digest).peekable();
        let Some(first) = of_digest.peek() else {
            let found = self.subject.first().and_then(|subject| subject.digest.get("sha256"));
            return Err(Problem::Digest(found.map(|hex| format!("sha256:{hex}"))));
        };
        let problem = match first.name.is_empty() {
            true => Problem::Unnamed(target.repository().to_owned()),
            false => Problem::Repository { found: first.name.clone(), expected: target.repository().to_owned() },
        };
        let fits = |subject: &Subject| match subject.name.is_empty() {
            true => !named,
            false => target.is_repository(&subject.name),
        };
        if of_digest.any(fits) { Ok(()) } else { Err(problem) }
    }
}

/// A statement of `target`, as JSON: a signature has the predicate `{}`.
///
/// The subject's name is the repository. cosign leaves it out of its own signatures and does not mind it in others.
pub fn write(target: &Target, predicate_type: &str, predicate: &RawValue) -> Vec<u8> {
    #[derive(Serialize)]
    #[serde(rename_all = "camelCase")]
    struct Out<'a> {
        #[serde(rename = "_type")]
        kind: &'static str,
        subject: [Subject; 1],
        predicate_type: &'a str,
        predicate: &'a RawValue,
    }
    let digest = BTreeMap::from([("sha256".to_owned(), target.hex().to_owned())]);
    let subject = Subject { name: target.repository().to_owned(), digest };
    let statement = Out { kind: TYPE, subject: [subject], predicate_type, predicate };
    serde_json::to_vec(&statement).expect("invariant: text is JSON")
}

/// The predicate type that a name or URI stands for; `None` when it is neither.
pub fn predicate_type(text: &str) -> Option<&str> {
    let named = NAMED_PREDICATES.iter().find(|(name, _)| *name == text).map(|(_, uri)| *uri);
    named.or_else(|| text.contains("://").then_some(text))
}
