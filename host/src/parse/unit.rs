//! Units: what is parsed, judged and remembered on its own. A YAML file is one unit a document, so
//! that a broken one does not hurt the others; a Terraform module is one unit of many files.

use super::classify::{self, Classified};
use super::yaml::{self, Scalars};
use super::{Limits, SyntaxError, dockerfile, hcl, json};
use crate::digest::Hasher;
use crate::document::{Document, Format, Node, Pointer, Source, Subject};
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
}

/// A piece of input.
#[derive(Debug, Clone)]
pub struct Unit {
    /// How it is written.
    pub form: Form,
    /// Its text, or its texts.
    pub sources: Arc<[Source]>,
}

impl Unit {
    /// A unit of one text.
    pub fn new(form: Form, source: Source) -> Self {
        Self { form, sources: Arc::new([source]) }
    }

    /// Cuts a file into units. Terraform files go through [`Unit::terraform`] instead.
    ///
    /// # Errors
    /// When the file exceeds a bound.
    pub fn split(form: Form, path: &Arc<str>, text: &str, limits: &Limits) -> Result<Vec<Self>, SyntaxError> {
        if text.len() > limits.bytes {
            let message = format!("the file has {} bytes, more than {} (limit `bytes`)", text.len(), limits.bytes);
            return Err(SyntaxError::new(0, message));
        }
        let Form::Yaml(_) = form else {
            return Ok(vec![Self::new(form, Source::new(Arc::clone(path), text))]);
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
            let form = Form::Yaml(classify::scalars(path, &source.text));
            Self::new(form, source)
        });
        Ok(units.collect())
    }

    /// The units of the Terraform files of a run: its modules, and the files of variables that are none's.
    pub fn terraform(sources: impl IntoIterator<Item = Source>) -> Vec<Self> {
        let unit = |group| match group {
            hcl::Group::Module(sources) => Self { form: Form::Terraform, sources: sources.into() },
            hcl::Group::Variables(source) => Self::new(Form::TerraformVariables, source),
        };
        hcl::group(sources).into_iter().map(unit).collect()
    }

    /// Whether a source of the unit is also one of another unit, whose own it is: a file of a module that is called.
    pub fn is_borrowed(&self, file: u16) -> bool {
        self.form == Form::Terraform && usize::from(file) >= hcl::own_files(&self.sources)
    }

    /// Names the unit's content under a bundle: what a verdict on it is remembered by. It does not
    /// depend on where in its file the unit stands.
    pub fn key(&self, fingerprint: &[u8; 32]) -> [u8; 32] {
        let mut hasher = Hasher::default();
        hasher.update(fingerprint);
        hasher.part(format!("{:?}", self.form));
        for source in self.sources.iter() {
            hasher.part(source.path.as_bytes());
            hasher.part(source.text.as_bytes());
        }
        hasher.finish().bytes()
    }

    /// Parses the unit into its documents; none when it holds nothing that rules could judge.
    ///
    /// # Errors
    /// At the place in the unit's source.
    pub fn parse(&self, limits: &Limits) -> Result<Vec<Document>, SyntaxError> {
        let source = &self.sources[0];
        match self.form {
            Form::Yaml(scalars) => match yaml::parse(&source.text, scalars, limits)? {
                Some(root) => self.classified(root, Format::Yaml, limits),
                None => Ok(Vec::new()),
            },
            Form::Json => self.classified(json::parse(&source.text, limits)?, Format::Json, limits),
            Form::Dockerfile => {
                let root = dockerfile::parse(&source.text, &source.path, limits)?;
                Ok(vec![self.file("Dockerfile", &source.path, Format::Dockerfile, root)])
            }
            Form::Terraform => {
                let directory = source.path.rsplit_once('/').map_or(".", |(directory, _)| directory);
                let root = hcl::parse_module(directory, &self.sources, limits)?;
                Ok(vec![self.file("TerraformModule", directory, Format::Hcl, root)])
            }
            Form::TerraformVariables => {
                let root = hcl::parse_variables(source, limits)?;
                Ok(vec![self.file("TerraformVariables", &source.path, Format::Hcl, root)])
            }
        }
    }

    /// Where comments are in one of the unit's texts, by the rules of its language; as far as it can be read.
    pub fn comments(&self, file: u16, limits: &Limits) -> Vec<Range<usize>> {
        let Some(source) = self.sources.get(usize::from(file)) else { return Vec::new() };
        match self.form {
            Form::Yaml(_) => yaml::comments(&source.text, limits.depth),
            Form::Json => Vec::new(),
            Form::Dockerfile => dockerfile::comments(&source.text, limits),
            Form::Terraform | Form::TerraformVariables => hcl::comments(source, limits),
        }
    }

    fn classified(&self, root: Node, format: Format, limits: &Limits) -> Result<Vec<Document>, SyntaxError> {
        let path = Arc::clone(&self.sources[0].path);
        match classify::classify(&path, root, limits)? {
            Classified::Nothing => Ok(Vec::new()),
            Classified::File { kind, root } => Ok(vec![self.file(kind, &path, format, root)]),
            Classified::Objects(objects) => Ok(objects
                .into_iter()
                .map(|object| Document {
                    subject: object.subject,
                    format,
                    sources: Arc::clone(&self.sources),
                    base: object.base,
                    root: object.root,
                    old: object.old,
                    subresource: object.subresource,
                    user: object.user,
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
        Document {
            subject,
            format,
            sources: Arc::clone(&self.sources),
            base: Pointer::root(),
            root,
            old: None,
            subresource: String::new(),
            user: None,
        }
    }
}
