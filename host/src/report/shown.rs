//! What of a unit's sources may be shown.

use super::Report;
use super::frame::Text;
use crate::document::Source;
use crate::parse::Unit;
use std::borrow::Cow;

/// A unit's texts as they may be shown: with every secret of the run starred out, so that spans keep their places.
pub(super) struct Shown<'u> {
    unit: &'u Unit,
    texts: Vec<Cow<'u, str>>,
}

impl<'u> Shown<'u> {
    /// The texts of a unit of the report.
    pub(super) fn new(report: &Report<'u>, unit: usize) -> Self {
        let index = unit;
        let unit = &report.units[unit];
        let texts = (0..).zip(unit.sources.iter()).map(|(file, source)| report.secrets.masked(index, file, source));
        Self { unit, texts: texts.collect() }
    }

    /// One of them.
    pub(super) fn text(&self, file: u16) -> Text<'_> {
        let source = self.source(file);
        let text = self.texts.get(usize::from(file)).unwrap_or(&self.texts[0]);
        Text { path: &source.path, text, lines_before: source.lines_before }
    }

    /// Where one of them is from.
    pub(super) fn source(&self, file: u16) -> &'u Source {
        self.unit.sources.get(usize::from(file)).unwrap_or(&self.unit.sources[0])
    }
}
