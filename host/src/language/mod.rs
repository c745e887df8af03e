//! Languages that stand in texts of a document: read once, with places, and told to rules as trees.
//!
//! A tree stands beside the text that it is made of. A rule that reads `jobs.*.steps[*].run:shell` finds, beside `run`,
//! a key `run:shell` with the commands of that script; its findings may point into it, and the host leads them to the
//! very word in the file. `X:LANGUAGE` is for a string, or for a list of strings that are one command (`exec:shell`);
//! `X[*]:LANGUAGE` is for each string of a list, and what it gives is a list of the same length under the key
//! `X[*]:LANGUAGE`. A key of a document that looks like this itself is told apart by a colon more ([`key`]).
//!
//! What cannot be read is never skipped in silence: a tree then has `unread`, a list of `{"reason": …}` at the places
//! where the reading stopped.
//!
//! | module | owns |
//! | --- | --- |
//! | [`key`] | the names of trees beside the names of a document |
//! | [`follow`] | the tree of a text, and where a path into it leads |
//! | [`written`], [`align`] | from a decoded text to how it is written |
//! | [`build`] | trees within their bounds |
//! | [`page`](page()) | what authors of rules read of them |
//! | [`cidr`], [`cron`], [`duration`], [`image`], [`regex`], [`semver`] | values with a notation of their own |
//! | [`comments`] | comments, with the values that they belong to |
//! | [`condition`] | conditions of Argo Rollouts |
//! | [`data`] | YAML and JSON in a string |
//! | [`exec`] | what a container runs: its command and arguments |
//! | [`expression`] | GitHub's expressions |
//! | [`promql`] | queries of Prometheus |
//! | [`reader`] | what the readers of queries and conditions share |
//! | [`shell`] | scripts and commands |

mod align;
mod build;
mod cidr;
mod comments;
mod condition;
mod cron;
mod data;
mod duration;
mod exec;
mod expression;
pub mod follow;
mod image;
pub mod key;
pub mod limits;
mod page;
mod promql;
mod reader;
mod regex;
mod semver;
mod shell;
#[cfg(test)]
mod tests;
mod written;

pub use page::page;

use crate::document::{Node, Span};
use build::Builder;
use std::fmt;
use std::str::FromStr;

/// A language that texts are read as. The module of each documents the model of its trees.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Language {
    /// A network or an address.
    Cidr,
    /// The comments of a value.
    Comments,
    /// A condition of Argo Rollouts.
    Condition,
    /// A schedule.
    Cron,
    /// A duration.
    Duration,
    /// The command and the arguments of a container.
    Exec,
    /// GitHub's expressions.
    Expression,
    /// A reference of an image.
    Image,
    /// JSON.
    Json,
    /// PromQL.
    Promql,
    /// A regular expression.
    Regex,
    /// A version, or a range of versions.
    Semver,
    /// The POSIX shell and bash.
    Shell,
    /// YAML.
    Yaml,
}

impl Language {
    /// All of them, by name.
    pub const ALL: [Language; 14] = [
        Language::Cidr,
        Language::Comments,
        Language::Condition,
        Language::Cron,
        Language::Duration,
        Language::Exec,
        Language::Expression,
        Language::Image,
        Language::Json,
        Language::Promql,
        Language::Regex,
        Language::Semver,
        Language::Shell,
        Language::Yaml,
    ];

    /// Its name, as it stands behind the colon.
    pub fn name(self) -> &'static str {
        match self {
            Language::Cidr => "cidr",
            Language::Comments => "comments",
            Language::Condition => "condition",
            Language::Cron => "cron",
            Language::Duration => "duration",
            Language::Exec => "exec",
            Language::Expression => "expression",
            Language::Image => "image",
            Language::Json => "json",
            Language::Promql => "promql",
            Language::Regex => "regex",
            Language::Semver => "semver",
            Language::Shell => "shell",
            Language::Yaml => "yaml",
        }
    }

    /// Whether its trees are values like those of a document: of a mapping or list its first key is shown, not all of
    /// it.
    fn is_data(self) -> bool {
        matches!(self, Language::Json | Language::Yaml)
    }

    /// The tree of a text that stands under a key. Its spans are ranges of the text.
    fn read(self, key: &str, text: &str, builder: &mut Builder) -> Node {
        match self {
            Language::Cidr => cidr::tree(text, builder),
            Language::Condition => condition::tree(text, builder),
            Language::Cron => cron::tree(text, builder),
            Language::Duration => duration::tree(text, builder),
            // A condition needs no `${{ }}`.
            Language::Expression => expression::tree(text, key == "if", builder),
            Language::Image => image::tree(text, builder),
            Language::Json => data::json(text, builder),
            Language::Promql => promql::tree(text, builder),
            Language::Regex => regex::tree(text, builder),
            Language::Semver => semver::tree(text, builder),
            Language::Shell => shell::script(text, builder),
            Language::Yaml => data::yaml(text, builder),
            // These are of values, not of a text; `follow` makes them.
            Language::Comments | Language::Exec => {
                builder.nothing(Span::new(0, text.len()), "it is no text that is read by itself")
            }
        }
    }
}

impl fmt::Display for Language {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// That there is no language of a name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct UnknownLanguage;

impl FromStr for Language {
    type Err = UnknownLanguage;

    fn from_str(name: &str) -> Result<Self, Self::Err> {
        Self::ALL.into_iter().find(|language| language.name() == name).ok_or(UnknownLanguage)
    }
}
