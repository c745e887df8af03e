//! The forms of a report, and a run rendered in them.

use super::{Report, Results, Style, concise, github, html, human, json, junit, markdown, sarif};
use std::sync::OnceLock;

/// A form of the results.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Format {
    /// Frames, for people
    Human,
    /// A line a finding
    Concise,
    /// Everything, for programs
    Json,
    /// SARIF 2.1.0, for code scanning and editors
    Sarif,
    /// JUnit XML, as GitLab and Jenkins read it
    Junit,
    /// Annotations of GitHub Actions
    Github,
    /// For the summary of a job or a comment
    Markdown,
    /// One page that needs nothing else, with filters
    Html,
}

/// Why a report could not be rendered.
#[derive(Debug, thiserror::Error)]
pub enum RenderError {
    /// A fix that is not JSON, which evaluation rules out.
    #[error("the results cannot be written as JSON: {0}")]
    Json(#[from] serde_json::Error),
    /// What XML cannot hold.
    #[error("the results cannot be written as XML: {0}")]
    Xml(#[from] std::io::Error),
}

/// One run, in any number of forms; what they share is worked out once.
pub struct Renderings<'r> {
    report: &'r Report<'r>,
    results: OnceLock<Results<'r>>,
}

impl<'r> Renderings<'r> {
    /// Renderings of a run.
    pub fn new(report: &'r Report<'r>) -> Self {
        Self { report, results: OnceLock::new() }
    }

    /// The report in a form; `style` and `width` are for people.
    ///
    /// # Errors
    /// Says what could not be written.
    pub fn render(&self, format: Format, style: Style, width: usize) -> Result<String, RenderError> {
        Ok(match format {
            Format::Human => human(self.report, style, width),
            Format::Concise => concise::concise(self.results()?),
            Format::Json => json::json(self.results()?)?,
            Format::Sarif => sarif::sarif(self.report)?,
            Format::Junit => junit::junit(self.results()?)?,
            Format::Github => github::github(self.results()?),
            Format::Html => html::html(self.report),
            Format::Markdown => markdown::markdown(self.results()?),
        })
    }

    fn results(&self) -> Result<&Results<'r>, RenderError> {
        if let Some(results) = self.results.get() {
            return Ok(results);
        }
        let results = Results::of(self.report)?;
        Ok(self.results.get_or_init(|| results))
    }
}
