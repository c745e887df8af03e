//! The comments of a text. What looks like one inside a scalar is none.

use granit_parser::{Event, Parser};
use std::ops::Range;

/// Where the comments of one document are, as far as it is YAML.
pub fn comments(text: &str, nesting_limit: usize) -> Vec<Range<usize>> {
    let text_without_bom = text.strip_prefix('\u{feff}').unwrap_or(text);
    let shift = text.len() - text_without_bom.len();
    let mut options = granit_parser::Options::default();
    options.emit_comments = true;
    options.max_buffered_comment_events = usize::MAX;
    options.flow_nesting_limit = nesting_limit;
    options.block_nesting_limit = nesting_limit;
    let mut parser = Parser::new_from_str_with_options(text_without_bom, options);
    let mut comments = Vec::new();
    while let Some(Ok((event, span))) = parser.next_event() {
        match (event, span.byte_range()) {
            (Event::Comment(..), Some(range)) => comments.push(range.start + shift..range.end + shift),
            (Event::StreamEnd, _) => break,
            _ => {}
        }
    }
    comments
}

#[cfg(test)]
mod tests {
    use super::comments;

    #[test]
    fn only_comments_are_comments() {
        let text = "\u{feff}# one\na: \"# no\" # two\nb: |\n  # no\n  x # no\n# three\nc: [d#no, # four\n  e]\nf: g#no\n\
                    h: 'x\n  # no'\n# five";
        let found: Vec<&str> = comments(text, 128).into_iter().map(|at| text[at].trim_end()).collect();
        assert_eq!(found, ["# one", "# two", "# three", "# four", "# five"]);
    }

    #[test]
    fn many_comments_in_a_row_are_all_there() {
        let text = format!("a:\n{}  b: 1\n", "  # x\n".repeat(1000));
        assert_eq!(comments(&text, 128).len(), 1000);
    }
}
