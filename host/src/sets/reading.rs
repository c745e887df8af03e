//! Units as the kustomizations of a run make them.

use super::generated::generated;
use super::kustomizations::{KIND, Role};
use crate::document::{Document, Node};
use crate::parse::{Limits, Parsed, Repeated, SyntaxError, Unit};

/// The kind of document that a file is which changes objects of other files.
pub const PATCH_KIND: &str = "KustomizePatch";

/// What a unit holds.
#[derive(Debug)]
pub struct Reading {
    /// What is checked.
    pub documents: Vec<Document>,
    /// Objects that others find, and nobody checks: what a kustomization generates.
    generated: Vec<Document>,
    /// The keys that stand twice in it.
    pub repeated: Vec<Repeated>,
}

impl Reading {
    /// Parses a unit whose file has some role.
    ///
    /// # Errors
    /// At the place in the unit's source.
    pub fn new(unit: &Unit, role: Role, limits: &Limits) -> Result<Self, SyntaxError> {
        let Parsed { documents, repeated } = match role {
            Role::Patch => unit.read_as(PATCH_KIND, limits)?,
            Role::Plain | Role::Kustomization => unit.read(limits)?,
            Role::Unlisted => {
                let read = unit.read(limits)?;
                if read.documents.iter().any(is_part) { unit.read_as(PATCH_KIND, limits)? } else { read }
            }
        };
        let kustomization =
            if role == Role::Kustomization { unit.read_as(KIND, limits)?.documents.pop() } else { None };
        Ok(Self { documents, generated: kustomization.as_ref().map(generated).unwrap_or_default(), repeated })
    }

    /// All that others find, by the positions under which [`Self::get`] gives it.
    pub fn found(&self) -> impl Iterator<Item = (u32, &Document)> {
        (0..).zip(self.documents.iter().chain(&self.generated))
    }

    /// A document by its position.
    pub fn get(&self, position: u32) -> Option<&Document> {
        self.found().nth(position as usize).map(|(_, document)| document)
    }
}

/// Whether a document is a part of a workload, which no cluster would take: it can only be a patch.
fn is_part(document: &Document) -> bool {
    let root = &document.root;
    let (group, kind) = (document.subject.group.as_str(), document.subject.kind.as_str());
    let pod: &[&str] = match (group, kind) {
        ("", "Pod") => &["spec"],
        ("apps", "Deployment" | "StatefulSet" | "DaemonSet" | "ReplicaSet") | ("batch", "Job") => {
            &["spec", "template", "spec"]
        }
        ("batch", "CronJob") => &["spec", "jobTemplate", "spec", "template", "spec"],
        _ => return false,
    };
    let containers = root.path(pod).and_then(|pod| pod.get("containers")).map_or(&[][..], Node::items);
    let selects = group != "apps" || root.path(&["spec", "selector"]).is_some();
    containers.is_empty() || !selects || containers.iter().any(|container| container.get("image").is_none())
}
