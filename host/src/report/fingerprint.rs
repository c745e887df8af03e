//! The name of a finding from run to run.

use crate::digest::{Hasher, hex};
use crate::document::Subject;
use crate::evaluate::Finding;

/// Names a finding by rule, code, file, document and path: neither by its line, which moves with every edit above it,
/// nor by its message, which holds the observed value.
pub fn fingerprint(rule: &str, file: &str, subject: &Subject, finding: &Finding) -> String {
    let mut hasher = Hasher::default();
    let parts =
        [rule, &finding.code, file, &subject.group, &subject.kind, &subject.namespace, &subject.name, &finding.path];
    parts.into_iter().for_each(|part| hasher.part(part));
    hex(&hasher.finish().bytes()[..16])
}
