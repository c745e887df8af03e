//! Tags of images that are set anew.

use std::borrow::Cow;

crate::record! {
    /// A tag that moves.
    pub MovingTag {
        /// The tag, lower case.
        pub tag, "tag": Cow<'static, str> = Cow::Borrowed("");
        /// Whether a tag of several words moves that begins or ends with it.
        pub in_words, "inWords": bool = false;
    }
}

const fn whole(tag: &'static str) -> MovingTag {
    MovingTag { tag: Cow::Borrowed(tag), in_words: false }
}

const fn word(tag: &'static str) -> MovingTag {
    MovingTag { tag: Cow::Borrowed(tag), in_words: true }
}

crate::table! {
    /// Tags of images that move.
    pub MovingTags, "movingTags": MovingTag {
        source: "own list: branches and release channels that images are tagged after",
        date: "2026-11-29",
        rows: [
            word("latest"),
            whole("main"),
            whole("master"),
            whole("develop"),
            word("stable"),
            word("edge"),
            word("nightly"),
            word("dev"),
            whole("staging"),
            whole("prod"),
            word("lts"),
            whole("rolling"),
            whole("canary"),
            whole("next"),
            whole("head"),
            whole("unstable"),
            word("snapshot"),
            whole("current"),
            whole("beta"),
            whole("alpha"),
            whole("trunk"),
        ],
    }
}

/// Whether a tag moves: it is one of the table, or of those that are denied in place of the table's, or a word of it says
/// so. Letters of either case are the same.
pub fn moves(rows: &[MovingTag], denied: Option<&[String]>, tag: &str) -> bool {
    let tag = tag.to_ascii_lowercase();
    let is_denied = match denied {
        Some(tags) => tags.contains(&tag),
        None => rows.iter().any(|row| row.tag == tag),
    };
    is_denied || moves_by_word(rows, &tag)
}

/// Whether a tag moves that begins or ends with a word of these.
pub fn moves_by_word(rows: &[MovingTag], tag: &str) -> bool {
    let is_moving = |word: &str| rows.iter().any(|row| row.in_words && row.tag == word);
    let mut words = tag.split(['.', '_', '-']);
    let first = words.next().unwrap_or_default();
    words.next_back().is_some_and(|last| is_moving(first) || is_moving(last))
}
