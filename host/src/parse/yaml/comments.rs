//! The comments of a text. What looks like one inside a scalar is none.

use super::rewrite::{self, Rewritten};
use crate::parse::Limits;
use granit_parser::{ErrorKind, Event, Parser};
use std::ops::Range;

/// Where the comments of one document are, as far as it is YAML.
pub fn comments(text: &str, limits: &Limits) -> Vec<Range<usize>> {
    let (comments, failed) = read(&Rewritten::without_marks(text), limits.depth);
    if !failed.is_some_and(|kind| rewrite::is_about_indentation(&kind)) {
        return comments;
    }
    match Rewritten::with_indented_quotes(text, limits.bytes) {
        Some(indented) => read(&indented, limits.depth).0,
        None => comments,
    }
}

/// The comments of a text up to its end, or to where it stops being YAML.
fn read(rewritten: &Rewritten<'_>, nesting_limit: usize) -> (Vec<Range<usize>>, Option<ErrorKind>) {
    let mut options = granit_parser::Options::default();
    options.emit_comments = true;
    options.max_buffered_comment_events = usize::MAX;
    options.flow_nesting_limit = nesting_limit;
    options.block_nesting_limit = nesting_limit;
    let mut parser = Parser::new_from_str_with_options(&rewritten.text, options);
    let mut comments = Vec::new();
    while let Some(next) = parser.next_event() {
        match next {
            Err(error) => return (comments, Some(error.kind().clone())),
            Ok((Event::StreamEnd, _)) => break,
            Ok((Event::Comment(..), span)) => {
                let range = span.byte_range();
                comments.extend(range.map(|at| rewritten.original(at.start)..rewritten.original(at.end)));
            }
            Ok(_) => {}
        }
    }
    (comments, None)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_comments_are_comments() {
        let text = "\u{feff}# one\na: \"# no\" # two\nb: |\n  # no\n  x # no\n# three\nc: [d#no, # four\n  e]\nf: g#no\n\
                    h: 'x\n  # no'\n# five";
        let found: Vec<&str> = comments(text, &Limits::default()).into_iter().map(|at| text[at].trim_end()).collect();
        assert_eq!(found, ["# one", "# two", "# three", "# four", "# five"]);
    }

    #[test]
    fn comments_around_what_is_rewritten_stand_where_they_are_written() {
        let text = "---\n\u{feff}a: 'x\ny' # one\nb: c # two\n";
        let found: Vec<&str> = comments(text, &Limits::default()).into_iter().map(|at| text[at].trim_end()).collect();
        assert_eq!(found, ["# one", "# two"]);
    }

    #[test]
    fn many_comments_in_a_row_are_all_there() {
        let text = format!("a:\n{}  b: 1\n", "  # x\n".repeat(1000));
        assert_eq!(comments(&text, &Limits::default()).len(), 1000);
    }
}
