//! The events of a text without a byte order mark, with exact places, and again those of a part that an alias stands for.

use super::place;
use granit_parser::{Event, Parser, ScalarStyle, ScanError, StrInput, StructureStyle};
use std::collections::HashMap;
use std::ops::Range;

/// An event and where it is written.
pub(super) type Placed<'t> = (Event<'t>, Range<usize>);

/// Reads a text once. What stands inside anchored values is written down, once however deep anchors are
/// nested, and read again for an alias; so an anchor costs what it holds, and an alias costs what it
/// stands for only as far as somebody reads on.
pub(super) struct Events<'t> {
    text: &'t str,
    parser: Parser<'t, StrInput<'t>>,
    /// Collections that are open.
    depth: usize,
    recorded: Vec<Placed<'t>>,
    /// Anchored collections that are open, innermost last.
    recording: Vec<Recording>,
    /// Which part of `recorded` the value of an anchor is.
    anchors: HashMap<usize, Range<usize>>,
    /// What is left of the parts that are read again, innermost last.
    replays: Vec<Range<usize>>,
}

struct Recording {
    anchor: usize,
    first: usize,
    depth: usize,
}

impl<'t> Events<'t> {
    pub(super) fn of(text: &'t str, nesting_limit: usize) -> Self {
        let mut options = granit_parser::Options::default();
        options.emit_comments = false;
        options.flow_nesting_limit = nesting_limit;
        options.block_nesting_limit = nesting_limit;
        Self {
            text,
            parser: Parser::new_from_str_with_options(text, options),
            depth: 0,
            recorded: Vec::new(),
            recording: Vec::new(),
            anchors: HashMap::new(),
            replays: Vec::new(),
        }
    }

    /// The next event; `key_end` is the end of the key whose value it begins.
    pub(super) fn next(&mut self, key_end: Option<usize>) -> Result<Placed<'t>, ScanError> {
        if let Some(at) = self.replays.last_mut().and_then(Iterator::next) {
            return Ok(self.recorded[at].clone());
        }
        let Some(next) = self.parser.next_event() else {
            return Ok((Event::StreamEnd, self.text.len()..self.text.len()));
        };
        let (event, span) = next?;
        let range = span.byte_range().unwrap_or(0..0);
        let range = self.place(&event, range, key_end);
        self.record(&event, &range);
        Ok((event, range))
    }

    /// Where an error is in the text.
    pub(super) fn position(&self, error: &ScanError) -> usize {
        error.marker().byte_offset().unwrap_or(self.text.len()).min(self.text.len())
    }

    fn place(&self, event: &Event<'t>, range: Range<usize>, key_end: Option<usize>) -> Range<usize> {
        match (event, key_end) {
            (Event::Scalar(_, ScalarStyle::Literal | ScalarStyle::Folded, ..), _) => {
                place::block_scalar(self.text, range)
            }
            (Event::Scalar(_, ScalarStyle::Plain, 0, None), Some(key_end)) if range.is_empty() => {
                let at = place::behind_colon(self.text, key_end);
                at..at
            }
            (Event::SequenceStart(StructureStyle::Block, ..), Some(key_end)) => {
                let dash = place::first_dash(self.text, key_end).filter(|dash| *dash <= range.start);
                dash.unwrap_or(range.start)..range.end
            }
            _ => range,
        }
    }

    fn record(&mut self, event: &Event<'t>, range: &Range<usize>) {
        let anchor = event.anchor_id();
        if anchor.is_some() || !self.recording.is_empty() {
            self.recorded.push((event.clone(), range.clone()));
        }
        let recorded = self.recorded.len();
        match event {
            Event::SequenceStart(..) | Event::MappingStart(..) => {
                if let Some(anchor) = anchor {
                    self.recording.push(Recording { anchor, first: recorded - 1, depth: self.depth });
                }
                self.depth += 1;
            }
            Event::SequenceEnd | Event::MappingEnd => {
                self.depth -= 1;
                if let Some(done) = self.recording.pop_if(|recording| recording.depth == self.depth) {
                    self.anchors.insert(done.anchor, done.first..recorded);
                }
            }
            _ => {
                if let Some(anchor) = anchor {
                    self.anchors.insert(anchor, recorded - 1..recorded);
                }
            }
        }
    }

    /// The first event of an anchor's value; none while the value is still open.
    pub(super) fn anchored(&self, anchor: usize) -> Option<&Event<'t>> {
        self.anchors.get(&anchor).map(|part| &self.recorded[part.start].0)
    }

    /// Makes the next events those of an anchor's value; false while the value is still open.
    pub(super) fn begin_replay(&mut self, anchor: usize) -> bool {
        let part = self.anchors.get(&anchor).cloned();
        self.replays.extend(part.clone());
        part.is_some()
    }

    /// Goes back to what stands behind the alias.
    pub(super) fn end_replay(&mut self) {
        self.replays.pop();
    }

    /// Whether events come from what an alias stands for.
    pub(super) fn is_replay(&self) -> bool {
        !self.replays.is_empty()
    }

    /// How many events are kept for aliases.
    #[cfg(test)]
    pub(super) fn recorded(&self) -> usize {
        self.recorded.len()
    }
}
