//! Terraform and OpenTofu: modules, and files of variables, into documents.
//!
//! # The model of a module
//!
//! ```text
//! { "path": "infra",
//!   "files": ["main.tf", "terraform.tfvars"],
//!
//!   "blocks": [BLOCK, …],
//!   "tfvars": { "region": "eu-central-1" },
//!
//!   "terraform": {
//!     "attributes": { "required_version": "~> 1.9" },
//!     "required_providers": { "aws": { "source": "hashicorp/aws" } },
//!     "backend": BLOCK,
//!     "cloud": BLOCK },
//!   "provider": { "aws": [BLOCK, …] },
//!   "resource": { "aws_s3_bucket": { "logs": BLOCK, "module.storage.logs": BLOCK } },
//!   "data": { "aws_region": { "here": BLOCK } },
//!   "module": { "storage": BLOCK } }
//!
//! BLOCK = {
//!   "type": "resource",
//!   "labels": ["aws_s3_bucket", "logs"],
//!   "attributes": { "bucket": "acme-logs", "tags": { "$unknown": "data.x.y.tags" } },
//!   "blocks": [BLOCK, …] }
//! ```
//!
//! * `blocks` is **what is written**: every block of every file, in the order of the files, also where an override file
//!   or a `.tofu` file has something else to say. A rule about text (passwords, names, comments) reads this.
//! * `terraform`, `provider`, `resource`, `data` and `module` are **what is in effect**: override files are merged as
//!   Terraform does, and a `.tofu` file takes the place of the `.tf` file of its name, as OpenTofu has it. A rule about
//!   what is deployed reads these.
//! * A resource or data source with a known `count` or `for_each` is there once for each instance, under the address
//!   that Terraform gives it: `logs[0]`, `logs["a"]`. Its `each` and `count` are known then; the block is the same
//!   place for all. Where the instances are not known, or more than 64, it is there once, as `logs`, and what depends
//!   on the instance is not known. With `count = 0` or an empty `for_each` it is not there.
//! * A local module (`source = "./…"`) that the run has is read with the arguments of its call. Its resources, data and
//!   calls stand beside the module's own, behind `module.NAME.`, and the BLOCK of the call has its `directory`. Calls
//!   with `count = 0` or an empty `for_each` are left out; with others that are known, the module is there once for
//!   each instance, behind `module.NAME["a"].`. Other modules are their call: its arguments are in `module`, which has
//!   each call once.
//! * `tfvars` has the values of variables in `terraform.tfvars` and, stronger and in the order of their names,
//!   `*.auto.tfvars`.
//!
//! # Values
//!
//! * What is known is JSON: literals, templates, operators, conditions, `for`, [functions] that are pure, variables by
//!   their value or default and as their type, locals, arguments and outputs of local modules.
//! * What is not (attributes that a provider computes, other functions, cycles) is `{"$unknown": "<its text>"}` in the
//!   place of the value, as small as it can be: a list with one unknown element is a list. A key of that name in a file is
//!   `$$unknown`, so the two cannot be mistaken for each other. Rules in Rust read values with `policy_sdk::terraform`.
//! * Of `jsonencode(…)` with a part that is not known, the text is not known, and what is encoded is: `{"$unknown":
//!   "<its text>", "$json": {"Action": "s3:*", "Resource": {"$unknown": "x.arn"}}}`. `policy:json` reads that as it reads
//!   a text that is known.
//! * Numbers are exact, or not known: Terraform reckons in binary, so sums of most fractions are not. Sets are lists
//!   without repetitions, in order.
//!
//! # Spans
//!
//! Values have the span of their expression, quotes included; a reference that of the reference, with all that is in
//! it. What a called module gets as an argument has the span of the argument, since there it can be changed. Blocks
//! have the span of the whole block, their addresses that of the label.
//!
//! # Files of variables
//!
//! A `*.tfvars` file that nobody loads by itself (for `-var-file`), and any in a directory without configuration, is a
//! document of its own: `{ "path": "live.tfvars", "values": { "region": "eu-central-1" } }`.

mod calls;
mod document;
mod evaluate;
mod files;
mod functions;
mod json;
mod module;
mod names;
mod number;
mod repeated;
mod syntax;
#[cfg(test)]
mod tests;
mod traversal;
mod types;
mod value;
mod work;

pub use self::document::known_of_json;
pub use self::files::{Group, group, is_terraform};

use self::document::Writer;
use self::evaluate::Evaluator;
use self::files::Name;
use self::module::{Module, Parsed};
use self::names::{Definitions, Names};
use self::syntax::tree::{Attribute, Body, Expression};
use self::work::Work;
use crate::document::{Node, Source};
use crate::parse::{Limits, SyntaxError};
use indexmap::IndexMap;
use std::collections::HashMap;
use std::ops::Range;

const BYTE_ORDER_MARK: char = '\u{feff}';

/// Parses the files of one directory into one document; files of other directories are modules that it may call.
///
/// # Errors
/// At the first place that is not HCL, or where a bound is exceeded. What is wrong with a module that is called is told
/// where that is checked; here it is not known then.
pub fn parse_module(path: &str, sources: &[Source], limits: &Limits) -> Result<Node, SyntaxError> {
    let own_directory = sources.first().map(files::directory).unwrap_or_default();
    let mut values = limits.nodes;
    let mut parsed = Vec::with_capacity(sources.len());
    let mut broken: Vec<String> = Vec::new();
    for (number, source) in sources.iter().enumerate() {
        let number = u16::try_from(number)
            .map_err(|_| SyntaxError::new(0, format!("a module of more than {} files", u16::MAX)).in_file(u16::MAX))?;
        let directory = files::directory(source);
        match parse_file(number, source, &mut values, limits) {
            Ok(body) => parsed.push(Parsed::new(source, number, body)),
            Err(error) if directory == own_directory => return Err(error),
            Err(_) => broken.push(directory),
        }
    }
    let mut directories: IndexMap<&str, Vec<&Parsed>> = IndexMap::new();
    for file in parsed.iter().filter(|file| !broken.contains(&file.directory)) {
        directories.entry(&file.directory).or_default().push(file);
    }
    let own = directories.swap_remove(&*own_directory).unwrap_or_default();
    let root = Module::of(&own_directory, &own);
    let called: HashMap<&str, Module<'_>> =
        directories.iter().map(|(directory, files)| (*directory, Module::of(directory, files))).collect();
    let given = given_values(&own);
    let by_name: HashMap<&str, &Expression> =
        given.iter().map(|attribute| (&*attribute.name, &attribute.value)).collect();

    let mut evaluator = Evaluator::new(Names::default(), Work::new(limits));
    let instances = calls::instances(&mut evaluator, &root, &by_name, &called);
    evaluator.work.check()?;
    let texts = sources.iter().map(|source| &*source.text).collect();
    Writer::new(&mut evaluator, &texts, limits).module(path, &own, &given, &instances)
}

/// Parses a file of variables into a document.
///
/// # Errors
/// At the first place that is not HCL, or where a bound is exceeded.
pub fn parse_variables(source: &Source, limits: &Limits) -> Result<Node, SyntaxError> {
    let mut values = limits.nodes;
    let body = parse_file(0, source, &mut values, limits)?;
    let mut names = Names::default();
    let scope = names.add(Definitions::default());
    let mut evaluator = Evaluator::new(names, Work::new(limits));
    let given: Vec<&Attribute> = body.attributes.iter().collect();
    Writer::new(&mut evaluator, &vec![&*source.text], limits).variables_file(&source.path, &given, scope)
}

/// Where the comments of a file are, as far as it can be read.
pub fn comments(source: &Source, limits: &Limits) -> Vec<Range<usize>> {
    if Name::of(files::file_name(source)).is_some_and(|name| name.is_json) {
        return Vec::new();
    }
    let (text, base) = without_mark(&source.text);
    let comments = syntax::comments(text, limits).into_iter();
    comments.map(|at| at.start + base..at.end + base).collect()
}

/// How many of the files that are read together are the module's own.
pub fn own_files(sources: &[Source]) -> usize {
    let Some(first) = sources.first() else { return 0 };
    let directory = files::directory(first);
    sources.iter().take_while(|source| files::directory(source) == directory).count()
}

fn parse_file(number: u16, source: &Source, values: &mut usize, limits: &Limits) -> Result<Body, SyntaxError> {
    if source.text.len() > limits.bytes {
        let message = format!("longer than {} bytes (limit `bytes`)", limits.bytes);
        return Err(SyntaxError::new(0, message).in_file(number));
    }
    let name = Name::of(files::file_name(source));
    match name.filter(|name| name.is_json).map(|name| name.role) {
        Some(files::Role::Variables { .. }) => json::parse_variables(&source.text, number, values, limits),
        Some(files::Role::Configuration { .. }) => json::parse_configuration(&source.text, number, values, limits),
        None => {
            let (text, base) = without_mark(&source.text);
            syntax::parse_body(text, (number, base), values, limits)
        }
    }
}

/// A text behind its byte order mark, and the bytes of that.
fn without_mark(text: &str) -> (&str, usize) {
    let rest = text.strip_prefix(BYTE_ORDER_MARK).unwrap_or(text);
    (rest, text.len() - rest.len())
}

/// The values of variables that Terraform reads unasked: `terraform.tfvars`, then the others by name; the last one
/// counts, in the place of the first.
fn given_values<'a>(files: &[&'a Parsed]) -> Vec<&'a Attribute> {
    let mut loaded: Vec<&&Parsed> = files.iter().filter(|file| !file.is_configuration()).collect();
    loaded.sort_by_key(|file| (!file.name.starts_with("terraform.tfvars"), &file.name));
    let mut given: IndexMap<&str, &Attribute> = IndexMap::new();
    for file in loaded {
        given.extend(file.body.attributes.iter().map(|attribute| (&*attribute.name, attribute)));
    }
    given.into_values().collect()
}
