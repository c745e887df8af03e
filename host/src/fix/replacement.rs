//! What a fix does to the text, for those who apply it themselves: editors, and whoever reads SARIF.

use super::apply::{absolute, create_text, edit_structured, edited, parse_root};
use crate::document::Node;
use crate::evaluate::{Change, DocumentVerdict, Fix, Secrets};
use crate::parse::{Form, Limits, Unit};
use similar::{DiffTag, DiffableStr as _, TextDiff};
use std::cell::OnceCell;
use std::ops::Range;

/// A part of a source's text, and what stands there instead.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Replacement {
    /// Index of the source in the unit.
    pub file: u16,
    /// Byte range in the source's text; empty where text is only added.
    pub range: Range<usize>,
    /// The new text.
    pub text: String,
}

/// The replacements of the fixes of one unit, which is parsed once for all of them.
pub struct Replacements<'u> {
    unit: &'u Unit,
    limits: Limits,
    root: OnceCell<Result<Node, String>>,
}

impl<'u> Replacements<'u> {
    /// Those of a unit.
    pub fn new(unit: &'u Unit) -> Self {
        Self { unit, limits: Limits::default(), root: OnceCell::new() }
    }

    /// The replacements of one fix, each as small as it can be, in the order of the text. None that could do without has
    /// a secret in its text.
    ///
    /// # Errors
    /// Says why the fix cannot be applied.
    pub fn of(&self, document: &DocumentVerdict, fix: &Fix, secrets: &Secrets) -> Result<Vec<Replacement>, String> {
        let sources = &self.unit.sources;
        let operations = match &fix.change {
            Change::Patch(operations) => absolute(&document.base, operations)?,
            Change::Create(json) => {
                let old = &sources[0].text;
                let line_break = if old.is_empty() || old.ends_with('\n') { "" } else { "\n" };
                let text = format!("{line_break}{}", create_text(self.unit, json)?);
                return Ok(vec![Replacement { file: 0, range: old.len()..old.len(), text }]);
            }
        };
        let texts = match self.unit.form {
            // The root of a unit that has several fixes is parsed once.
            Form::Yaml(_) | Form::Json => {
                let root = self.root.get_or_init(|| parse_root(self.unit, &self.limits)).as_ref()?;
                vec![edit_structured(self.unit, root, &operations, &self.limits)?]
            }
            _ => edited(self.unit, &operations, &self.limits)?,
        };
        let texts = sources.iter().zip(&texts).enumerate();
        let differences = texts.flat_map(|(file, (old, new))| {
            differences(&old.text, new, secrets).into_iter().map(move |(range, text)| Replacement {
                file: file as u16,
                range,
                text,
            })
        });
        Ok(differences.collect())
    }
}

/// Bytes of a change that is looked at word by word, and letter by letter, to keep a secret out of it.
const FINER: usize = 16 << 10;

/// What makes `new` of `old`: parts of it and what stands there instead, each as small as it can be, in their order.
/// Where the new text of one would hold a secret that stays as it is, what is around the secret is replaced instead.
pub fn differences(old: &str, new: &str, secrets: &Secrets) -> Vec<(Range<usize>, String)> {
    let tokens: [Tokens; 3] =
        [|text| text.tokenize_lines(), |text| text.tokenize_words(), |text| text.tokenize_chars()];
    differences_by(&tokens, old, new, secrets)
}

/// How a text is taken apart.
type Tokens = fn(&str) -> Vec<&str>;

fn differences_by(tokens: &[Tokens], old: &str, new: &str, secrets: &Secrets) -> Vec<(Range<usize>, String)> {
    let Some((coarse, finer)) = tokens.split_first() else { return vec![(0..old.len(), new.to_owned())] };
    let mut all = Vec::new();
    for (range, text) in changed(old, new, *coarse) {
        if range.len() + text.len() <= FINER && !finer.is_empty() && secrets.stand_in(&text) {
            let within = differences_by(finer, &old[range.clone()], &text, secrets).into_iter();
            all.extend(within.map(|(part, text)| (range.start + part.start..range.start + part.end, text)));
        } else {
            all.push((range, text));
        }
    }
    all
}

/// The tokens that are others, without what both begin and end with.
fn changed(old: &str, new: &str, tokens: Tokens) -> impl Iterator<Item = (Range<usize>, String)> {
    let (old_tokens, new_tokens) = (tokens(old), tokens(new));
    // Where each starts, and the end.
    let starts = |tokens: &[&str]| -> Vec<usize> {
        let ends = tokens.iter().scan(0, |at, token| {
            *at += token.len();
            Some(*at)
        });
        std::iter::once(0).chain(ends).collect()
    };
    let (old_starts, new_starts) = (starts(&old_tokens), starts(&new_tokens));
    let operations = TextDiff::from_slices(&old_tokens, &new_tokens).ops().to_vec();
    let changes: Vec<_> = operations
        .into_iter()
        .filter(|operation| operation.tag() != DiffTag::Equal)
        .map(|operation| {
            let (from, to) = (operation.old_range(), operation.new_range());
            smallest(old, old_starts[from.start]..old_starts[from.end], &new[new_starts[to.start]..new_starts[to.end]])
        })
        .collect();
    changes.into_iter()
}

/// Without what both begin and end with.
fn smallest(old: &str, range: Range<usize>, new: &str) -> (Range<usize>, String) {
    let before = &old[range.clone()];
    let same = |one: &mut dyn Iterator<Item = char>, other: &mut dyn Iterator<Item = char>| -> usize {
        one.zip(other).take_while(|(one, other)| one == other).map(|(one, _)| one.len_utf8()).sum()
    };
    let head = same(&mut before.chars(), &mut new.chars());
    let tail = same(&mut before[head..].chars().rev(), &mut new[head..].chars().rev());
    (range.start + head..range.end - tail, new[head..new.len() - tail].to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn differences_make_the_new_text(old in "([ab€ ]{0,3}[\r\n]?){0,6}", new in "([ab€ ]{0,3}[\r\n]?){0,6}") {
            let by = |tokens: Tokens| changed(&old, &new, tokens).collect::<Vec<_>>();
            let finer = [by(|text| text.tokenize_words()), by(|text| text.tokenize_chars())];
            for changes in finer.into_iter().chain([differences(&old, &new, &Secrets::default())]) {
                let mut text = old.clone();
                for (range, new) in changes.into_iter().rev() {
                    text.replace_range(range, &new);
                }
                prop_assert_eq!(&text, &new);
            }
        }
    }
}
