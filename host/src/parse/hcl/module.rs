//! What Terraform takes for one module: its files, with override files merged into the others.

use super::files::{Name, Role, directory, file_name};
use super::syntax::tree::{Attribute, Block, Body, Expression, Form, Part};
use crate::document::Source;
use indexmap::IndexMap;
use std::collections::{HashMap, HashSet};

/// A file that was read.
pub(super) struct Parsed {
    pub name: String,
    pub directory: String,
    /// Its number among the files that are read together.
    pub number: u16,
    pub role: Role,
    pub body: Body,
}

impl Parsed {
    /// A file as it was read.
    pub fn new(source: &Source, number: u16, body: Body) -> Self {
        let name = file_name(source).to_owned();
        let ordinary = Role::Configuration { overrides: false, tofu: false };
        let role = Name::of(&name).map_or(ordinary, |name| name.role);
        Self { directory: directory(source), number, role, body, name }
    }

    /// Whether it is configuration, and not values of variables.
    pub fn is_configuration(&self) -> bool {
        matches!(self.role, Role::Configuration { .. })
    }
}

/// A block as it is in effect.
#[derive(Clone)]
pub(super) struct Merged<'a> {
    /// Where it is declared.
    pub block: &'a Block,
    pub attributes: IndexMap<&'a str, &'a Attribute>,
    pub blocks: Vec<Merged<'a>>,
}

/// What is in effect of one module.
pub(super) struct Module<'a> {
    pub directory: &'a str,
    pub blocks: Vec<Merged<'a>>,
    pub locals: IndexMap<&'a str, &'a Attribute>,
}

/// What override files may name: its kind and labels, and for a provider its alias.
type Address<'a> = (&'a str, Vec<&'a str>, Option<&'a str>);

impl<'a> Module<'a> {
    /// Reads files of one directory as Terraform does, or OpenTofu where there are files of its own: first those that
    /// do not override, then those that do, each in the order of names.
    pub fn of(directory: &'a str, files: &[&'a Parsed]) -> Self {
        let mut module = Self { directory, blocks: Vec::new(), locals: IndexMap::new() };
        let mut addresses = HashMap::new();
        for (file, overrides) in in_effect(files) {
            for block in &file.body.blocks {
                if &*block.kind == "locals" {
                    module.locals.extend(block.body.attributes.iter().map(|local| (&*local.name, local)));
                } else {
                    module.add(Merged::of(block), overrides, &mut addresses);
                }
            }
        }
        module
    }

    fn add(&mut self, block: Merged<'a>, overrides: bool, addresses: &mut HashMap<Address<'a>, usize>) {
        let is_settings = block.kind() == "terraform";
        let earlier = block.address().and_then(|address| {
            let next = self.blocks.len();
            match addresses.entry(address) {
                std::collections::hash_map::Entry::Occupied(entry) => Some(*entry.get()),
                std::collections::hash_map::Entry::Vacant(entry) => {
                    entry.insert(next);
                    None
                }
            }
        });
        match earlier.and_then(|at| self.blocks.get_mut(at)) {
            Some(earlier) if is_settings => earlier.add_settings(block),
            Some(earlier) if overrides => earlier.override_with(block),
            _ => self.blocks.push(block),
        }
    }

    /// The blocks of a kind.
    pub fn of_kind<'m>(&'m self, kind: &'static str) -> impl Iterator<Item = &'m Merged<'a>> {
        self.blocks.iter().filter(move |block| block.kind() == kind)
    }
}

impl<'a> Merged<'a> {
    /// A block as it is written.
    pub fn of(block: &'a Block) -> Self {
        Self {
            block,
            attributes: block.body.attributes.iter().map(|attribute| (&*attribute.name, attribute)).collect(),
            blocks: block.body.blocks.iter().map(Self::of).collect(),
        }
    }

    /// `resource`, `backend` and the like.
    pub fn kind(&self) -> &'a str {
        &self.block.kind
    }

    /// A label by its place.
    pub fn label(&self, at: usize) -> Option<&'a str> {
        self.block.labels.get(at).map(|label| &*label.text)
    }

    /// The text of an attribute that is written as such.
    pub fn literal(&self, attribute: &str) -> Option<&'a str> {
        literal(&self.attributes.get(attribute)?.value)
    }

    fn address(&self) -> Option<Address<'a>> {
        let named = ["terraform", "provider", "variable", "output", "module", "resource", "data", "ephemeral"];
        if !named.contains(&self.kind()) {
            return None;
        }
        let labels = self.block.labels.iter().map(|label| &*label.text).collect();
        let alias = if self.kind() == "provider" { self.literal("alias") } else { None };
        Some((self.kind(), labels, alias))
    }

    /// Takes over what a block of an override file says: its arguments one by one, its nested blocks kind by kind,
    /// the arguments of `lifecycle` one by one as well.
    fn override_with(&mut self, other: Self) {
        self.attributes.extend(other.attributes);
        let (lifecycles, blocks): (Vec<_>, Vec<_>) =
            other.blocks.into_iter().partition(|block| block.kind() == "lifecycle");
        for lifecycle in lifecycles {
            match self.blocks.iter_mut().find(|block| block.kind() == "lifecycle") {
                Some(own) => own.override_with(lifecycle),
                None => self.blocks.push(lifecycle),
            }
        }
        let replaced: HashSet<&str> = blocks.iter().map(Self::produced).collect();
        self.blocks.retain(|block| !replaced.contains(block.produced()));
        self.blocks.extend(blocks);
    }

    /// The kind of block that this is, or that it produces.
    fn produced(&self) -> &'a str {
        match self.kind() {
            "dynamic" => self.label(0).unwrap_or_default(),
            kind => kind,
        }
    }

    /// Adds another `terraform` block: a backend or cloud block takes the place of either, and providers that are
    /// required that of those of the same name.
    fn add_settings(&mut self, other: Self) {
        self.attributes.extend(other.attributes);
        let keeps_state = |block: &Self| matches!(block.kind(), "backend" | "cloud");
        for block in other.blocks {
            if keeps_state(&block) {
                self.blocks.retain(|own| !keeps_state(own));
            }
            match self.blocks.iter_mut().find(|own| own.kind() == "required_providers") {
                Some(own) if block.kind() == "required_providers" => own.attributes.extend(block.attributes),
                _ => self.blocks.push(block),
            }
        }
    }
}

/// The text of an expression that is a text without templates.
pub(super) fn literal(expression: &Expression) -> Option<&str> {
    match &expression.form {
        Form::Template(parts) => match parts.as_slice() {
            [Part::Literal(text)] => Some(text),
            [] => Some(""),
            _ => None,
        },
        _ => None,
    }
}

/// The configuration in the order in which it counts, and whether each file overrides.
fn in_effect<'a>(files: &[&'a Parsed]) -> Vec<(&'a Parsed, bool)> {
    let kind = |file: &'a Parsed, wanted: bool| match (Name::of(&file.name), file.role) {
        (Some(name), Role::Configuration { tofu, .. }) if tofu == wanted => Some((name.stem, name.is_json)),
        _ => None,
    };
    let of_tofu: HashSet<_> = files.iter().filter_map(|file| kind(file, true)).collect();
    let is_replaced = |file: &'a Parsed| kind(file, false).is_some_and(|name| of_tofu.contains(&name));
    let mut ordered: Vec<(&Parsed, bool)> = files
        .iter()
        .filter(|file| !is_replaced(file))
        .filter_map(|file| match file.role {
            Role::Configuration { overrides, .. } => Some((*file, overrides)),
            Role::Variables { .. } => None,
        })
        .collect();
    ordered.sort_by_key(|(file, overrides)| (*overrides, &file.name));
    ordered
}
