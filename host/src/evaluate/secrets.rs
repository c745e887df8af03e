//! Which parts of texts are secrets: the one place that knows, for every form that shows a text.

use super::credentials::{known_forms, suspects, url_passwords};
use super::run::RunResult;
use super::verdict::{Finding, Outcome, Place, RuleOutcome};
use crate::document::Source;
use crate::engine::RuleFailure;
use crate::parse::Unit;
use serde_json::Value;
use std::borrow::Cow;
use std::collections::BTreeSet;
use std::ops::Range;

/// Shorter values are looked for as whole words: a password `a` must not take every `a` out of a text.
const SHORT: usize = 4;

/// The secrets of a run: what its findings say is one, whatever else they are about, exempt or not; the passwords of
/// URLs and credentials by their form, whatever rules say; and what sounds like a secret where nothing could be parsed,
/// so that no rule was asked.
#[derive(Debug, Clone, Default)]
pub struct Secrets {
    /// Of each unit: index of the source, bytes of its text.
    places: Vec<Vec<(u16, Range<usize>)>>,
    /// What stands there, in the forms in which it may stand elsewhere.
    values: BTreeSet<String>,
    /// What stood in texts that these were made of, and is no finding any more: it may stand anywhere.
    moved: BTreeSet<String>,
}

impl Secrets {
    /// Those of a run over units.
    pub fn of(units: &[Unit], result: &RunResult) -> Self {
        Self::of_some(units, result, |_| true)
    }

    /// Those that findings tell, and what the texts of some units show by themselves.
    pub fn of_some(units: &[Unit], result: &RunResult, is_asked: impl Fn(usize) -> bool) -> Self {
        let mut secrets = Self { places: vec![Vec::new(); units.len()], ..Self::default() };
        for (unit, document) in &result.documents {
            for place in document.all_findings().flat_map(|(_, finding)| finding.secrets()) {
                let Some((source, range)) = located(&units[*unit].sources, &place) else { continue };
                secrets.add(*unit, place.file, source, range);
            }
        }
        for (index, unit) in units.iter().enumerate().filter(|(index, _)| is_asked(*index)) {
            for (file, source) in (0..).zip(unit.sources.iter()) {
                for range in known_forms(&source.text) {
                    secrets.add(index, file, source, range);
                }
                for range in url_passwords(&source.text) {
                    // No rule says that it is one: elsewhere a plain word is a word.
                    if is_telling(&source.text[range.clone()]) {
                        secrets.add(index, file, source, range);
                    } else {
                        secrets.places[index].push((file, range));
                    }
                }
            }
        }
        for error in &result.errors {
            for (file, source) in (0..).zip(units[error.unit].sources.iter()) {
                // What it is worth elsewhere is not known.
                secrets.places[error.unit].extend(suspects(&source.text).into_iter().map(|range| (file, range)));
            }
        }
        secrets
    }

    fn add(&mut self, unit: usize, file: u16, source: &Source, range: Range<usize>) {
        self.values.extend(values(&source.text[range.clone()]));
        self.places[unit].push((file, range));
    }

    /// Takes the values too of the secrets of texts that these were made of, or are made into.
    pub fn add_values(&mut self, other: &Self) {
        self.moved.extend(other.values.difference(&self.values).cloned());
        self.values.extend(other.values.iter().cloned());
    }

    /// Takes the values of the secrets of texts that are in no file, and that may stand anywhere.
    pub fn add_anywhere(&mut self, other: &Self) {
        self.moved.extend(other.values.iter().cloned());
        self.values.extend(other.values.iter().chain(&other.moved).cloned());
        self.moved.extend(other.moved.iter().cloned());
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.values.is_empty() && self.places.iter().all(Vec::is_empty)
    }

    /// A source of a unit with its secrets starred out, each byte by one, so that lines and places stay.
    pub fn masked<'s>(&self, unit: usize, file: u16, source: &'s Source) -> Cow<'s, str> {
        let mut text: Cow<'s, str> = Cow::Borrowed(&*source.text);
        let places = self.places.get(unit).into_iter().flatten().filter(|(of, _)| *of == file);
        for (_, range) in places {
            // Of another text than the one that was checked nothing is known.
            let range = whole_letters(&text, range);
            if !range.is_empty() {
                let stars = stars(&text[range.clone()]);
                text.to_mut().replace_range(range, &stars);
            }
        }
        match mask_values(&self.moved, &text) {
            Cow::Owned(masked) => masked.into(),
            Cow::Borrowed(_) => text,
        }
    }

    /// A text that was made of one with secrets, with their values starred out wherever they stand.
    pub fn masked_values<'t>(&self, text: &'t str) -> Cow<'t, str> {
        mask_values(&self.values, text)
    }

    /// Whether a text holds the value of a secret.
    pub fn stand_in(&self, text: &str) -> bool {
        self.values.iter().any(|value| find(text, value, 0).is_some())
    }

    /// Whether JSON holds the value of a secret, as it reads.
    pub fn stand_in_json(&self, json: &Value) -> bool {
        !self.values.is_empty()
            && match json {
                Value::String(text) => self.stand_in(text),
                Value::Array(items) => items.iter().any(|item| self.stand_in_json(item)),
                Value::Object(entries) => {
                    entries.iter().any(|(key, value)| self.stand_in(key) || self.stand_in_json(value))
                }
                Value::Number(number) => self.stand_in(&number.to_string()),
                Value::Bool(_) | Value::Null => false,
            }
    }
}

/// Stars secrets out in what rules and errors say, so that nobody who quotes one shows it: in a message those of its
/// unit that are no plain word, in the title of a fix all of the run.
pub fn mask_messages(secrets: &Secrets, units: &[Unit], result: &mut RunResult) {
    if secrets.is_empty() {
        return;
    }
    let of_unit = |unit: usize| -> BTreeSet<String> {
        let sources = &units[unit].sources;
        let texts = secrets.places[unit]
            .iter()
            .filter_map(|(file, range)| sources.get(usize::from(*file))?.text.get(range.clone()));
        texts.flat_map(values).filter(|value| is_telling(value)).collect()
    };
    for documents in result.documents.chunk_by_mut(|(one, _), (other, _)| one == other) {
        let unit = documents[0].0;
        let masking = Masking { all: &secrets.values, near: of_unit(unit) };
        documents.iter_mut().for_each(|(_, document)| masking.outcomes(&mut document.outcomes));
    }
    for error in result.errors.iter_mut().chain(&mut result.mistyped) {
        mask(&of_unit(error.unit), &mut error.error.message);
    }
}

/// [`mask_messages`] for the outcomes of one document that is checked on its own.
pub(crate) fn mask_outcomes(sources: &[Source], outcomes: &mut [RuleOutcome]) {
    let findings = outcomes.iter().flat_map(|outcome| outcome.outcome.findings());
    let places: Vec<Place> = findings.flat_map(Finding::secrets).collect();
    let of_findings = places.iter().filter_map(|place| located(sources, place));
    let of_urls = sources.iter().flat_map(|source| {
        url_passwords(&source.text).chain(known_forms(&source.text)).map(move |range| (source, range))
    });
    let all: BTreeSet<String> =
        of_findings.chain(of_urls).flat_map(|(source, range)| values(&source.text[range])).collect();
    if !all.is_empty() {
        let near = all.iter().filter(|value| is_telling(value)).cloned().collect();
        Masking { all: &all, near }.outcomes(outcomes);
    }
}

/// Secrets that are starred out in what is said of a unit.
struct Masking<'m> {
    /// All of the run.
    all: &'m BTreeSet<String>,
    /// Those of the unit that stand for nothing else.
    near: BTreeSet<String>,
}

impl Masking<'_> {
    fn outcomes(&self, outcomes: &mut [RuleOutcome]) {
        for outcome in outcomes {
            match &mut outcome.outcome {
                Outcome::Fail(findings) => findings.iter_mut().for_each(|finding| self.finding(finding)),
                Outcome::NotApplicable(reason) | Outcome::NotEvaluated(reason) => mask(&self.near, reason),
                Outcome::Error(
                    RuleFailure::Load(text)
                    | RuleFailure::Trap(text)
                    | RuleFailure::Guest(text)
                    | RuleFailure::Malformed(text),
                ) => mask(&self.near, text),
                Outcome::Pass | Outcome::Error(_) => {}
            }
        }
    }

    fn finding(&self, finding: &mut Finding) {
        if let Some(fix) = &mut finding.fix {
            mask(self.all, &mut fix.title);
        }
        let labels = finding.labels.iter_mut().map(|label| &mut label.text);
        let related = finding.related.iter_mut().map(|label| &mut label.text);
        for text in std::iter::once(&mut finding.message).chain(labels).chain(related) {
            mask(&self.near, text);
        }
    }
}

fn mask(values: &BTreeSet<String>, text: &mut String) {
    if let Cow::Owned(masked) = mask_values(values, text) {
        *text = masked;
    }
}

/// Whether a value can only be a secret where it is quoted: it is long, or no plain word. `postgres` may be the name of
/// what is checked, the container that has it as its password included.
fn is_telling(value: &str) -> bool {
    let is_mixed = value.contains(char::is_alphabetic) && value.contains(|letter: char| !letter.is_alphabetic());
    value.len() >= 12 || value.len() >= 6 && is_mixed
}

/// A place's source and the bytes of it, in whole letters.
fn located<'s>(sources: &'s [Source], place: &Place) -> Option<(&'s Source, Range<usize>)> {
    let source = sources.get(usize::from(place.file))?;
    let range = whole_letters(&source.text, &(place.start as usize..place.end as usize));
    (!range.is_empty()).then_some((source, range))
}

/// A range with the letters that it cuts, within the text.
fn whole_letters(text: &str, range: &Range<usize>) -> Range<usize> {
    let (mut start, mut end) = (range.start.min(text.len()), range.end.min(text.len()));
    while !text.is_char_boundary(start) {
        start -= 1;
    }
    while !text.is_char_boundary(end) {
        end += 1;
    }
    start..end.max(start)
}

/// As many stars as bytes; line ends stay.
fn stars(text: &str) -> String {
    text.bytes().map(|byte| if matches!(byte, b'\n' | b'\r') { char::from(byte) } else { '*' }).collect()
}

/// What a written value may be elsewhere: as it is written, without its quotes, as it reads, and line by line.
fn values(written: &str) -> impl Iterator<Item = String> {
    let written = written.trim();
    let inner = ['"', '\''].into_iter().find_map(|quote| written.strip_prefix(quote)?.strip_suffix(quote));
    let read = serde_json::from_str::<String>(written).ok();
    let doubled = inner.filter(|inner| inner.contains("''")).map(|inner| inner.replace("''", "'"));
    let whole = inner.unwrap_or(written).to_owned();
    let lines: Vec<String> = match whole.contains('\n') {
        // A line of a few letters, such as the `|` of a block, is nobody's secret.
        true => whole.lines().map(str::trim).filter(|line| line.len() > SHORT).map(str::to_owned).collect(),
        false => Vec::new(),
    };
    [Some(whole), read, doubled].into_iter().flatten().chain(lines).filter(|value| !value.is_empty())
}

fn mask_values<'t>(values: &BTreeSet<String>, text: &'t str) -> Cow<'t, str> {
    let mut masked = Cow::Borrowed(text);
    // They are looked for in the text as it was: one value may be a part of another.
    for value in values {
        let mut from = 0;
        while let Some(at) = find(text, value, from) {
            from = at + value.len();
            masked.to_mut().replace_range(at..from, &stars(value));
        }
    }
    masked
}

/// Where a value stands in a text from a byte on.
fn find(text: &str, value: &str, from: usize) -> Option<usize> {
    let is_word = |letter: char| letter.is_alphanumeric() || letter == '_';
    let whole = |at: usize| {
        let before = text[..at].chars().next_back();
        let after = text[at + value.len()..].chars().next();
        value.len() >= SHORT || !before.is_some_and(is_word) && !after.is_some_and(is_word)
    };
    text[from..].match_indices(value).map(|(at, _)| from + at).find(|at| whole(*at))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn secrets(values: &[&str]) -> Secrets {
        Secrets { values: values.iter().map(|value| (*value).to_owned()).collect(), ..Secrets::default() }
    }

    #[test]
    fn a_value_is_known_in_every_form_that_it_may_have() {
        let of = |written: &str| values(written).collect::<Vec<_>>();
        assert_eq!(of("hunter2"), ["hunter2"]);
        assert_eq!(of("'it''s'"), ["it''s", "it's"]);
        assert_eq!(of(r#""a\"b""#), [r#"a\"b"#, r#"a"b"#]);
        assert_eq!(of("|\n  first line\n  second\n"), ["|\n  first line\n  second", "first line", "second"]);
        assert_eq!(of("\"\""), Vec::<String>::new());
    }

    #[test]
    fn values_are_starred_out_where_they_stand() {
        let secrets = secrets(&["hunter2", "ab", "hunter"]);
        assert_eq!(secrets.masked_values("x: hunter2, [ab], abc"), "x: *******, [**], abc");
        assert!(secrets.stand_in("url=//u:hunter2@h") && !secrets.stand_in("abc"));
        assert!(secrets.stand_in_json(&serde_json::json!([{ "op": "add", "value": { "x": ["hunter2"] } }])));
        assert!(!secrets.stand_in_json(&serde_json::json!({ "a": [1, null, "hunt"] })));
    }

    proptest! {
        #[test]
        fn no_value_is_left(text in "[abc\n ]{0,30}", one in "[abc]{4,6}", other in "[abc]{1,5}") {
            let secrets = secrets(&[&one, &other]);
            let masked = secrets.masked_values(&text);
            prop_assert_eq!(masked.len(), text.len());
            prop_assert!(!masked.contains(&one), "{}", masked);
            prop_assert!(!secrets.stand_in(&masked) || other.len() < SHORT, "{}", masked);
        }

        #[test]
        fn any_place_is_whole_letters(text in "\\PC{0,8}", start in 0_usize..40, end in 0_usize..40) {
            let range = whole_letters(&text, &(start..end));
            prop_assert!(text.get(range).is_some());
        }
    }
}
