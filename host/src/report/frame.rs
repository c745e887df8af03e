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
        self.frame_beside(level, (id, title), (text, marks), notes, &[])
    }

    /// One frame, and behind it one for each place in another text that explains it.
    pub fn frame_beside(
        &self,
        level: Level<'_>,
        (id, title): (Option<&str>, &str),
        (text, marks): (&Text<'_>, &[Mark<'_>]),
        notes: &[(&str, &str)],
        others: &[Beside<'_>],
    ) -> String {
        let title = level.primary_title(visible(title));
        let title = match id {
            Some(id) => title.id(visible(id)),
            None => title,
        };
        let own = Part::new(text, marks);
        let parts: Vec<Part<'_>> =
            others.iter().map(|other| Part::new(&other.text, std::slice::from_ref(&other.mark))).collect();
        let mut group = Group::with_title(title).element(own.snippet());
        for (name, note) in notes {
            group = group.element(Level::NOTE.with_name(*name).message(visible(note)));
        }
        let mut groups = vec![group];
        for (other, part) in others.iter().zip(&parts) {
            let title = Level::NOTE.with_name("see").secondary_title(visible(other.name));
            groups.push(Group::with_title(title).element(part.snippet()));
        }
        self.renderer.render(&groups)
    }
}

/// A place in another text that explains a frame.
pub struct Beside<'b> {
    /// What is there.
    pub name: &'b str,
    /// The text.
    pub text: Text<'b>,
    /// The place.
    pub mark: Mark<'b>,
}

/// The lines of a text that are shown.
struct Part<'p> {
    text: &'p Text<'p>,
    marks: &'p [Mark<'p>],
    window: Range<usize>,
    source: VisibleSource<'p>,
}

impl<'p> Part<'p> {
    fn new(text: &'p Text<'p>, marks: &'p [Mark<'p>]) -> Self {
        let window = window(text.text, marks);
        let source = VisibleSource::new(&text.text[window.clone()]);
        Self { text, marks, window, source }
    }

    fn snippet(&self) -> Snippet<'_, Annotation<'_>> {
        let lines_skipped = self.text.text[..self.window.start].bytes().filter(|byte| *byte == b'\n').count();
        let annotations = self.marks.iter().map(|mark| annotation(mark, &self.window, &self.source));
        Snippet::source(&*self.source.text)
            .path(visible(self.text.path))
            .line_start(self.text.lines_before + lines_skipped + 1)
            .annotations(annotations.collect::<Vec<_>>())
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
