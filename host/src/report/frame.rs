//! Code frames: the one way in which the host points at a place in a text.

use crate::visible::{VisibleSource, visible};
use annotate_snippets::{Annotation, AnnotationKind, Group, Level, Renderer, Snippet};
use std::ops::Range;

/// How frames look.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Style {
    /// With colours.
    Coloured,
    /// Without.
    Plain,
}

/// Draws frames.
pub struct Frames {
    renderer: Renderer,
}

/// A text that frames point into.
pub struct Text<'t> {
    /// The path shown.
    pub path: &'t str,
    /// The text.
    pub text: &'t str,
    /// Lines of the file before it.
    pub lines_before: usize,
}

/// A span to underline.
pub struct Mark<'m> {
    /// What.
    pub span: Range<usize>,
    /// What to read beside it.
    pub label: Option<&'m str>,
    /// The thing itself, or something that explains it.
    pub primary: bool,
}

/// Lines of context around what is underlined.
const CONTEXT_LINES: usize = 1;

impl Frames {
    /// Frames in a style, as wide as the terminal or 120 columns.
    pub fn new(style: Style, width: usize) -> Self {
        let renderer = match style {
            Style::Coloured => Renderer::styled(),
            Style::Plain => Renderer::plain(),
        };
        Self { renderer: renderer.term_width(width) }
    }

    /// One frame: a title with the id of what found it, the place, and notes with names of their own.
    pub fn frame(
        &self,
        level: Level<'_>,
        id: Option<&str>,
        title: &str,
        text: &Text<'_>,
        marks: &[Mark<'_>],
        notes: &[(&str, &str)],
    ) -> String {
        let window = window(text.text, marks);
        let lines_skipped = text.text[..window.start].bytes().filter(|byte| *byte == b'\n').count();
        let source = VisibleSource::new(&text.text[window.clone()]);
        let annotations = marks.iter().map(|mark| annotation(mark, &window, &source));
        let snippet = Snippet::source(&*source.text)
            .path(visible(text.path))
            .line_start(text.lines_before + lines_skipped + 1)
            .annotations(annotations.collect::<Vec<_>>());
        let title = visible(title);
        let title = match id {
            Some(id) => level.primary_title(title).id(visible(id)),
            None => level.primary_title(title),
        };
        let mut group: Group<'_> = title.element(snippet);
        for (name, note) in notes {
            group = group.element(Level::NOTE.with_name(*name).message(visible(note)));
        }
        self.renderer.render(&[group])
    }
}

/// The whole lines around all marks: a frame of a large file must not cost its whole length.
fn window(text: &str, marks: &[Mark<'_>]) -> Range<usize> {
    let start = marks.iter().map(|mark| mark.span.start).min().unwrap_or_default().min(text.len());
    let end = marks.iter().map(|mark| mark.span.end).max().unwrap_or_default().min(text.len());
    let mut first = line_start(text, start);
    let mut last = line_end(text, end);
    for _ in 0..CONTEXT_LINES {
        first = line_start(text, first.saturating_sub(1));
        last = line_end(text, (last + 1).min(text.len()));
    }
    first..last
}

fn line_start(text: &str, at: usize) -> usize {
    text.as_bytes()[..at].iter().rposition(|byte| *byte == b'\n').map_or(0, |newline| newline + 1)
}

fn line_end(text: &str, at: usize) -> usize {
    text.as_bytes()[at..].iter().position(|byte| *byte == b'\n').map_or(text.len(), |newline| at + newline)
}

fn annotation<'m>(mark: &Mark<'m>, window: &Range<usize>, source: &VisibleSource<'_>) -> Annotation<'m> {
    let shift = |at: usize| source.place(at.clamp(window.start, window.end) - window.start);
    let kind = if mark.primary { AnnotationKind::Primary } else { AnnotationKind::Context };
    kind.span(shift(mark.span.start)..shift(mark.span.end)).label(mark.label.map(visible))
}
