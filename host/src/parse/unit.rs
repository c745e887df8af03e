//! Units: what is parsed, checked and remembered on its own. A YAML file is one unit a document, so
//! that a broken one does not hurt the others; a Terraform module is one unit of many files.

use super::classify::{self, Classified};
use super::yaml::{self, Scalars};
use super::{Limits, Listing, Repeated, RepeatedKeys, SyntaxError};
use super::{assignments, dockerfile, gomod, hcl, json, json5, makefile, proto, sql, text, toml};
use crate::digest::Hasher;
use crate::document::{Document, Format, Node, Rendering, Source, Subject, directory, shown_directory};
use crate::kinds::{self, Kind};
use std::ops::Range;
use std::sync::Arc;

/// How a unit is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Form {
    /// One YAML document.
    Yaml(Scalars),
    /// A JSON file.
    Json,
    /// A Dockerfile.
    Dockerfile,
    /// The files of a Terraform module, then those of the modules that it calls.
    Terraform,
    /// A file of Terraform variables that no module reads by itself.
    TerraformVariables,
    /// A file of a kind that its path says, in a language of which there is no more to say.
    Plain(Format),
}

/// A piece of input.
#[derive(Debug, Clone)]
pub struct Unit {
    /// How it is written.
    pub form: Form,
    /// The kind that its path says.
    pub kind: Option<&'static Kind>,
    /// Its text, or its texts.
    pub sources: Arc<[Source]>,
    /// What it was rendered by, where it stands in no file.
    pub rendered: Option<Arc<Rendering>>,
    /// The files of a repository, for a unit that is nothing else.
    listing: Option<Arc<Listing>>,
}

/// What a unit was parsed to.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Parsed {
    /// Its documents; none when it holds nothing that rules could check.
    pub documents: Vec<Document>,
    /// The keys that stand twice in one mapping, where the last counts.
    pub repeated: Vec<Repeated>,
}

impl Unit {
    /// A unit of one text, of the kind that its path says.
    pub fn new(form: Form, source: Source) -> Self {
        Self::of_kind(form, kinds::of_path(&source.path), source)
    }

    fn of_kind(form: Form, kind: Option<&'static Kind>, source: Source) -> Self {
        Self { form, kind, sources: Arc::new([source]), listing: None, rendered: None }
    }

    /// Cuts a file into units, of the kind that its path says. Terraform files go through [`Unit::terraform`] instead.
    ///
    /// # Errors
    /// When the file exceeds a bound.
    pub fn split(form: Form, path: &Arc<str>, text: &str, limits: &Limits) -> Result<Vec<Self>, SyntaxError> {
        Self::split_as(kinds::of_path(path), form, path, text, limits)
    }

    /// Cuts a file into units of a kind that is known.
    ///
    /// # Errors
    /// When the file exceeds a bound.
    pub fn split_as(
        kind: Option<&'static Kind>,
        form: Form,
        path: &Arc<str>,
        text: &str,
        limits: &Limits,
    ) -> Result<Vec<Self>, SyntaxError> {
        if text.len() > limits.bytes {
            let message = format!("the file has {} bytes, more than {} (limit `bytes`)", text.len(), limits.bytes);
            return Err(SyntaxError::new(0, message));
        }
        let Form::Yaml(_) = form else {
            return Ok(vec![Self::of_kind(form, kind, Source::new(Arc::clone(path), text))]);
        };
        let pieces = yaml::split_documents(text);
        if pieces.len() > limits.documents {
            let message = format!("the file has more than {} documents (limit `documents`)", limits.documents);
            return Err(SyntaxError::new(pieces[limits.documents].start, message));
        }
        let mut lines_before = 0;
        let mut counted_to = 0;
        let units = pieces.into_iter().map(|piece| {
            lines_before += text[counted_to..piece.start].bytes().filter(|byte| *byte == b'\n').count();
            counted_to = piece.start;
            let source =
                Source { path: Arc::clone(path), text: text[piece.clone()].into(), offset: piece.start, lines_before };
            let form = Form::Yaml(classify::scalars(kind, &source.text));
            Self::of_kind(form, kind, source)
        });
        Ok(units.collect())
    }

    /// The units of the Terraform files of a run: its modules, and the files of variables that are none's.
    pub fn terraform(sources: impl IntoIterator<Item = Source>) -> Vec<Self> {
        let unit = |group| match group {
            hcl::Group::Module(sources) => {
                Self { form: Form::Terraform, kind: None, sources: sources.into(), listing: None, rendered: None }
            }
            hcl::Group::Variables(source) => Self::new(Form::TerraformVariables, source),
        };
        hcl::group(sources).into_iter().map(unit).collect()
    }

    /// Whether it is a Terraform module.
    pub fn is_module(&self) -> bool {
        self.form == Form::Terraform
    }

    /// Whether a source of the unit is also one of another unit, whose own it is: a file of a module that is called.
    pub fn is_borrowed(&self, file: u16) -> bool {
        self.form == Form::Terraform && usize::from(file) >= hcl::own_files(&self.sources)
    }

    /// The same unit, as a rendering made it.
    pub fn rendered_by(self, rendering: &Arc<Rendering>) -> Self {
        // What it is its content says, and not the file that it is led back to.
        Self { rendered: Some(Arc::clone(rendering)), kind: None, ..self }
    }

    /// The same unit with other texts.
    pub fn with_sources(&self, sources: impl IntoIterator<Item = Source>) -> Self {
        Self { sources: sources.into_iter().collect(), ..self.clone() }
    }

    /// A unit of the files of a directory, by their names alone.
    pub fn repository(directory: &str, listing: Listing) -> Self {
        let sources = listing.sources(directory);
        let form = Form::Plain(Format::Listing);
        Self { form, kind: None, sources: sources.into(), listing: Some(Arc::new(listing)), rendered: None }
    }

    /// Names the unit's content under a bundle: what a verdict on it is remembered by. It does not
    /// depend on where in its file the unit stands.
    pub fn key(&self, fingerprint: &[u8; 32]) -> [u8; 32] {
        let mut hasher = Hasher::default();
        hasher.update(fingerprint);
        hasher.part(format!("{:?}", self.form));
        hasher.part(self.kind.map_or("", |kind| kind.name));
        for source in self.sources.iter() {
            hasher.part(source.path.as_bytes());
            hasher.part(source.text.as_bytes());
        }
        for (path, bytes) in self.listing.iter().flat_map(|listing| &listing.files) {
            hasher.part(path);
            hasher.update(bytes.to_le_bytes());
        }
        hasher.finish().bytes()
    }

    /// Parses the unit into its documents; none when it holds nothing that rules could check.
    ///
    /// # Errors
    /// At the place in the unit's source.
    pub fn parse(&self, limits: &Limits) -> Result<Vec<Document>, SyntaxError> {
        self.read(limits).map(|parsed| parsed.documents)
    }

    /// Parses the unit into its documents, and tells which keys stand twice.
    ///
    /// # Errors
    /// At the place in the unit's source.
    pub fn read(&self, limits: &Limits) -> Result<Parsed, SyntaxError> {
        let source = &self.sources[0];
        let (text, path) = (&*source.text, &*source.path);
        match self.form {
            Form::Yaml(_) | Form::Json => {
                let format = if self.form == Form::Json { Format::Json } else { Format::Yaml };
                let (Some(root), repeated) = self.root(text, limits)? else { return Ok(Parsed::default()) };
                let documents = self.classified(root, format, limits)?;
                // Nobody asked for a file that holds nothing for rules.
                let repeated = if documents.is_empty() { Vec::new() } else { repeated };
                match repeated.first().filter(|_| self.form == Form::Yaml(Scalars::Core12)) {
                    // Workflows, Compose files and their like are refused by their tools.
                    Some(Repeated { key, at }) => {
                        Err(SyntaxError::new(*at, format!("the key `{key}` stands twice in this mapping")))
                    }
                    None => Ok(Parsed { documents, repeated }),
                }
            }
            Form::Dockerfile => {
                let root = dockerfile::parse(text, path, limits)?;
                Ok(self.file("Dockerfile", path, Format::Dockerfile, root).into())
            }
            Form::Terraform => {
                let directory = shown_directory(directory(path));
                let root = hcl::parse_module(directory, &self.sources, limits)?;
                Ok(self.file("TerraformModule", directory, Format::Hcl, root).into())
            }
            Form::TerraformVariables => {
                let root = hcl::parse_variables(source, limits)?;
                Ok(self.file("TerraformVariables", path, Format::Hcl, root).into())
            }
            Form::Plain(Format::Listing) => {
                let listing = self.listing.clone().unwrap_or_default();
                let root = listing.document(path, limits)?;
                Ok(self.file("Repository", path, Format::Listing, root).into())
            }
            Form::Plain(format) => {
                let Some(kind) = self.kind else { return Ok(Parsed::default()) };
                let (root, repeated) = plain(format, text, path, limits)?;
                Ok(Parsed { documents: vec![self.file(kind.name, path, format, root)], repeated })
            }
        }
    }

    /// The value that a text of YAML or JSON holds in this unit's place, and the keys that stand twice; no value when
    /// the text is empty.
    ///
    /// # Errors
    /// At the place in the text.
    pub fn root(&self, text: &str, limits: &Limits) -> Result<(Option<Node>, Vec<Repeated>), SyntaxError> {
        match self.form {
            Form::Yaml(scalars) => yaml::parse_with(text, scalars, RepeatedKeys::LastCounts, limits),
            _ => {
                let (root, repeated) = json::parse_with(text, RepeatedKeys::LastCounts, limits)?;
                Ok((Some(root), repeated))
            }
        }
    }

    /// Parses the unit as a repository file of some kind, whatever its content looks like; without a document when it
    /// is empty, or neither YAML nor JSON.
    ///
    /// # Errors
    /// At the place in the unit's source.
    pub fn read_as(&self, kind: &str, limits: &Limits) -> Result<Parsed, SyntaxError> {
        let format = match self.form {
            Form::Yaml(_) => Format::Yaml,
            Form::Json => Format::Json,
            Form::Dockerfile | Form::Terraform | Form::TerraformVariables | Form::Plain(_) => {
                return Ok(Parsed::default());
            }
        };
        let source = &self.sources[0];
        let (root, repeated) = self.root(&source.text, limits)?;
        let documents = root.map(|root| self.file(kind, &source.path, format, root)).into_iter().collect();
        Ok(Parsed { documents, repeated })
    }

    /// Where comments are in one of the unit's texts, by the rules of its language; as far as it can be read.
    pub fn comments(&self, file: u16, limits: &Limits) -> Vec<Range<usize>> {
        let Some(source) = self.sources.get(usize::from(file)) else { return Vec::new() };
        match self.form {
            Form::Yaml(_) => yaml::comments(&source.text, limits),
            Form::Dockerfile => dockerfile::comments(&source.text, limits),
            Form::Terraform | Form::TerraformVariables => hcl::comments(source, limits),
            Form::Json | Form::Plain(_) => Vec::new(),
        }
    }

    fn classified(&self, root: Node, format: Format, limits: &Limits) -> Result<Vec<Document>, SyntaxError> {
        let path = Arc::clone(&self.sources[0].path);
        match classify::classify(&path, self.kind, root, format, limits)? {
            Classified::Nothing => Ok(Vec::new()),
            Classified::File { kind, root } => Ok(vec![self.file(kind, &path, format, root)]),
            Classified::Objects(objects) => Ok(objects
                .into_iter()
                .map(|object| Document {
                    base: object.base,
                    old: object.old,
                    subresource: object.subresource,
                    user: object.user,
                    ..Document::new(object.subject, format, Arc::clone(&self.sources), object.root)
                })
                .collect()),
        }
    }

    fn file(&self, kind: &str, name: &str, format: Format, root: Node) -> Document {
        let subject = Subject {
            group: Document::FILE_GROUP.to_owned(),
            kind: kind.to_owned(),
            name: name.to_owned(),
            operation: "CREATE".to_owned(),
            ..Subject::default()
        };
        Document::new(subject, format, Arc::clone(&self.sources), root)
    }
}

impl From<Document> for Parsed {
    fn from(document: Document) -> Self {
        Self { documents: vec![document], repeated: Vec::new() }
    }
}

/// Parses a text of a language that has one parser and no more to say.
fn plain(format: Format, text: &str, path: &str, limits: &Limits) -> Result<(Node, Vec<Repeated>), SyntaxError> {
    let root = match format {
        Format::Json5 => return json5::parse_with(text, limits),
        Format::Toml => toml::parse(text, limits),
        Format::GoMod => gomod::parse(text, path, limits),
        Format::Proto => proto::parse(text, path, limits),
        Format::Dotenv => assignments::parse_dotenv(text, path, limits),
        Format::Properties => assignments::parse_properties(text, path, limits),
        Format::Makefile => makefile::parse(text, path, limits),
        Format::Sql => sql::parse(text, path, limits),
        Format::Yaml | Format::Json | Format::Dockerfile | Format::Hcl | Format::Text | Format::Listing => {
            text::parse(text, path, limits)
        }
    };
    Ok((root?, Vec::new()))
}
