//! From the bytes of a decoded text back to the bytes that it was written as.

use super::Span;
use std::ops::Range;

/// Part of a decoded text and what it was written as.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Piece {
    /// First byte in the decoded text.
    at: u32,
    /// One past its last byte there.
    end: u32,
    /// First byte in the source.
    source: u32,
    /// One past its last byte there.
    source_end: u32,
}

impl Piece {
    /// Whether each byte of the text is one byte of the source; an escape is not.
    fn is_verbatim(&self) -> bool {
        self.end - self.at == self.source_end - self.source
    }
}

/// Leads ranges of a decoded text (a string without its quotes and escapes) to the source. The pieces are in the order
/// of the text; what lies between two of them in the source (indentation, quotes) belongs to none.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct SourceMap {
    file: u16,
    pieces: Vec<Piece>,
    /// Where a range leads that no piece knows.
    whole: Span,
}

impl SourceMap {
    /// A map in which every range leads to the same span; pieces are added by [`verbatim`](Self::verbatim) and
    /// [`escaped`](Self::escaped).
    pub fn within(whole: Span) -> Self {
        Self { file: whole.file, pieces: Vec::new(), whole }
    }

    /// Bytes of the decoded text that the pieces know.
    pub fn text_len(&self) -> usize {
        self.pieces.last().map_or(0, |piece| piece.end as usize)
    }

    /// Whether ranges lead to exact places.
    pub fn is_exact(&self) -> bool {
        !self.pieces.is_empty()
    }

    /// Adds bytes that are written as they are.
    pub fn verbatim(&mut self, source: Range<usize>) {
        let length = source.len();
        if let Some(last) = self.pieces.last_mut()
            && last.is_verbatim()
            && last.source_end as usize == source.start
        {
            last.end += length as u32;
            last.source_end += length as u32;
        } else {
            self.escaped(length, source);
        }
    }

    /// Adds bytes that are written in another way.
    pub fn escaped(&mut self, length: usize, source: Range<usize>) {
        if length > 0 {
            let at = self.text_len() as u32;
            let Span { start, end, .. } = Span::new(source.start, source.end);
            self.pieces.push(Piece { at, end: at + length as u32, source: start, source_end: end });
        }
    }

    /// Adds all of another map behind this one.
    pub fn append(&mut self, other: &SourceMap) {
        for piece in &other.pieces {
            let source = piece.source as usize..piece.source_end as usize;
            match piece.is_verbatim() {
                true => self.verbatim(source),
                false => self.escaped((piece.end - piece.at) as usize, source),
            }
        }
    }

    /// The source from the first to the last byte of a range of the text. An empty range leads to the byte before which
    /// it stands.
    pub fn lead(&self, range: Range<usize>) -> Span {
        let Some(start) = self.start(range.start) else { return self.whole };
        let end = if range.is_empty() { start } else { self.end(range.end).unwrap_or(start).max(start) };
        Span { file: self.file, start, end }
    }

    /// The map from this map's text to what `outer` leads to: this map's source is the text of `outer`.
    pub fn through(&self, outer: &SourceMap) -> SourceMap {
        let mut map = SourceMap::within(outer.lead(self.whole.range()));
        map.file = outer.file;
        for piece in &self.pieces {
            let source = piece.source as usize..piece.source_end as usize;
            if !piece.is_verbatim() {
                map.escaped((piece.end - piece.at) as usize, outer.lead(source).range());
                continue;
            }
            // A verbatim piece is cut where those of `outer` end.
            let mut at = source.start;
            while at < source.end {
                let Some(known) = outer.piece_at(at) else { return SourceMap::within(map.whole) };
                let end = (known.end as usize).min(source.end);
                let part = outer.lead(at..end).range();
                match known.is_verbatim() {
                    true => map.verbatim(part),
                    false => map.escaped(end - at, part),
                }
                at = end;
            }
        }
        map
    }

    fn piece_at(&self, at: usize) -> Option<&Piece> {
        let behind = self.pieces.partition_point(|piece| piece.at as usize <= at);
        self.pieces.get(behind.checked_sub(1)?).filter(|piece| at < piece.end as usize)
    }

    /// The source of the byte at an offset; behind the last one, the end of the source.
    fn start(&self, at: usize) -> Option<u32> {
        match self.piece_at(at) {
            Some(piece) if piece.is_verbatim() => Some(piece.source + (at as u32 - piece.at)),
            Some(piece) => Some(piece.source),
            None => self.pieces.last().map(|piece| piece.source_end),
        }
    }

    /// The end of the source of the byte before an offset.
    fn end(&self, at: usize) -> Option<u32> {
        match self.piece_at(at.saturating_sub(1)) {
            Some(piece) if piece.is_verbatim() => Some(piece.source + (at as u32 - piece.at)),
            Some(piece) => Some(piece.source_end),
            None => self.pieces.last().map(|piece| piece.source_end),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// `a\nb` in quotes at byte 10, then `cd` on a line of its own.
    fn map() -> SourceMap {
        let mut map = SourceMap::within(Span::new(10, 30));
        map.verbatim(11..12);
        map.escaped(1, 12..14);
        map.verbatim(14..15);
        map.verbatim(20..22);
        map
    }

    #[test]
    fn ranges_lead_to_what_they_were_written_as() {
        for (range, start, end) in [
            (0..1, 11, 12),
            (1..2, 12, 14),
            (0..2, 11, 14),
            (1..3, 12, 15),
            (2..4, 14, 21),
            (5..5, 22, 22),
            (0..0, 11, 11),
        ] {
            assert_eq!(map().lead(range.clone()), Span::new(start, end), "{range:?}");
        }
        assert_eq!(SourceMap::within(Span::new(1, 9)).lead(3..4), Span::new(1, 9));
    }

    #[test]
    fn maps_go_through_others() {
        let mut inner = SourceMap::within(Span::new(0, 5));
        inner.verbatim(0..1);
        inner.verbatim(2..5);
        let through = inner.through(&map());
        assert_eq!(through.lead(0..1), Span::new(11, 12));
        assert_eq!(through.lead(1..2), Span::new(14, 15));
        assert_eq!(through.lead(2..4), Span::new(20, 22));
    }
}
