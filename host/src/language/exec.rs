//! What a container runs (`:exec`): `command` and `args` as one command.
//!
//! # The model
//!
//! `container.command:exec` has the words of `command` and behind them those of `args`, which stand beside it; it is there
//! when one of them is. `exec.command:exec` of a probe or a hook is the same without `args`.
//!
//! ```text
//! { "commands": [ COMMAND ],       one, as in `shell`; what it hands to `sh -c` is under its `scripts`
//!   "args": 2,                     which of its words is the first of `args`; absent without
//!   "image": true,                 there is no `command`: the words are arguments of what the image runs, and the
//!                                  COMMAND has no `name`
//!   "unread": [ { "reason": "…" } ] }
//! ```
//!
//! Kubernetes puts variables in the place of `$(NAME)`: a WORD with one is not known, and has a PART with the `reference`.
//! `$$` is one `$`. In a script that is handed to a shell, a `$(name)` with lower-case letters is the shell's own, and one
//! in capitals is a reference.

use super::build::Builder;
use super::shell;
use super::written::Text;
use crate::document::{Entry, Node, Span, Value};
use std::ops::Range;

/// The tree of a container's command and arguments.
pub(super) fn tree(text: &Text<'_>, builder: &mut Builder) -> Node {
    let whole = Span::new(0, text.text.len());
    let Some(words) = text.parts.iter().cloned().collect::<Option<Vec<Range<usize>>>>() else {
        return builder.nothing(whole, "an element of the command or of the arguments is no text");
    };
    let mut tree = shell::container(&text.text, &words, text.first > 0, builder);
    if let Value::Object(entries) = &mut tree.value {
        if let Some(first) = words.get(text.first) {
            let at = Span::new(first.start, first.end);
            entries.push(Entry::new("args", at, builder.number(text.first, at)));
        }
        if text.first == 0 {
            entries.push(Entry::new("image", whole, builder.yes(whole)));
        }
    }
    tree
}
