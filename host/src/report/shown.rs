//! What of a source may be shown.

use super::frame::Text;
use crate::document::Source;
use crate::evaluate::DocumentVerdict;
use crate::parse::Unit;
use std::borrow::Cow;

/// A unit's texts as they may be shown: every secret that any finding points at is starred out, each
/// byte by one, so that spans keep their places.
pub(super) struct Shown<'u> {
    unit: &'u Unit,
    texts: Vec<Cow<'u, str>>,
}

impl<'u> Shown<'u> {
    /// The texts of a unit, given all its verdicts.
    pub(super) fn new<'d>(unit: &'u Unit, documents: impl Iterator<Item = &'d DocumentVerdict>) -> Self {
        let mut texts: Vec<Cow<'u, str>> = unit.sources.iter().map(|source| Cow::Borrowed(&*source.text)).collect();
        let findings = documents.flat_map(DocumentVerdict::all_findings);
        for place in findings.flat_map(|(_, finding)| finding.secrets()) {
            let span = place.start as usize..place.end as usize;
            let Some(text) = texts.get_mut(usize::from(place.file)) else { continue };
            let Some(secret) = text.get(span.clone()) else { continue };
            let stars: String = secret.bytes().map(|byte| if byte == b'\n' { '\n' } else { '*' }).collect();
            text.to_mut().replace_range(span, &stars);
        }
        Self { unit, texts }
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
