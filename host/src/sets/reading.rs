//! Units as the kustomizations of a run make them.

use super::generated::generated;
use super::kustomizations::{KIND, Role};
use crate::document::Document;
use crate::parse::{Limits, Parsed, Repeated, SyntaxError, Unit};

/// The kind of document that a file is which changes objects of other files.
pub const PATCH_KIND: &str = "KustomizePatch";

/// What a unit holds.
#[derive(Debug)]
pub struct Reading {
    /// What is judged.
    pub documents: Vec<Document>,
    /// Objects that others find, and nobody judges: what a kustomization generates.
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
