//! The name of a finding from run to run.

use crate::document::Subject;
use crate::evaluate::Finding;
use sha2::{Digest as _, Sha256};

/// Names a finding by rule, code, file, document and path: neither by its line, which moves with every edit above it,
/// nor by its message, which holds the observed value.
pub fn fingerprint(rule: &str, file: &str, subject: &Subject, finding: &Finding) -> String {
    let mut hasher = Sha256::new();
    let parts =
        [rule, &finding.code, file, &subject.group, &subject.kind, &subject.namespace, &subject.name, &finding.path];
    for part in parts {
        // With its length, so that no two lists of parts read the same.
        hasher.update((part.len() as u64).to_le_bytes());
        hasher.update(part);
    }
    hasher.finalize()[..16].iter().map(|byte| format!("{byte:02x}")).collect()
}
