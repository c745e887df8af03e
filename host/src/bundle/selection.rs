//! Which rules of a bundle are asked, and which of their findings are told: `select` and `ignore`.

use super::library::Library;
use super::resolve::{Bundle, BundleRule};
use crate::manifest::{FindingKind, Manifest, Priority};
use std::collections::BTreeSet;

/// What a list names: a rule or a former id of one, a kind of finding as `rule/code`, a pack, a priority, a control, all
/// controls of a benchmark (`cis`), or a factor by its numeral, its name or both.
#[derive(Debug, Clone, Copy)]
struct Named<'n>(&'n str);

/// Which word of a list is wrong, by its index, and why.
pub type SelectionError = (usize, String);

/// What all that is selected, and nothing that is ignored, comes to.
pub struct Selection {
    select: Vec<String>,
    ignore: Vec<String>,
}

impl Selection {
    /// Checks the words of both lists against the rules of a bundle and of the library. A rule that the library has and
    /// the bundle has not is no error.
    ///
    /// # Errors
    /// Names the list, `select` or `ignore`, and what in it nobody knows.
    pub fn new(
        select: &[String],
        ignore: &[String],
        bundle: &Bundle,
        library: &Library,
    ) -> Result<Self, (&'static str, SelectionError)> {
        for (list, words) in [("select", select), ("ignore", ignore)] {
            for (index, word) in words.iter().enumerate() {
                check(word, bundle, library).map_err(|message| (list, (index, message)))?;
            }
        }
        Ok(Self { select: select.to_vec(), ignore: ignore.to_vec() })
    }

    fn tells(&self, rule: &BundleRule, kind: &FindingKind) -> bool {
        let named = |words: &[String]| words.iter().any(|word| Named(word).covers(rule, kind));
        (self.select.is_empty() || named(&self.select)) && !named(&self.ignore)
    }
}

impl Bundle {
    /// Leaves only what is selected: a rule of which no kind of finding is left is not asked any more.
    pub fn narrow(&mut self, selection: &Selection) {
        for rule in &mut self.rules {
            let kinds = rule.source.manifest.findings.iter();
            let untold = kinds.filter(|kind| !selection.tells(rule, kind)).map(|kind| kind.code.clone());
            rule.untold = untold.collect();
        }
        self.rules.retain(|rule| rule.untold.len() < rule.source.manifest.findings.len());
        let told: Vec<String> = self.rules.iter().map(|rule| format!("{} {:?}", rule.id(), rule.untold)).collect();
        let told: Vec<&[u8]> = told.iter().map(String::as_bytes).collect();
        self.identify_by(&told);
    }
}

impl Named<'_> {
    fn covers(self, rule: &BundleRule, kind: &FindingKind) -> bool {
        let manifest = &*rule.source.manifest;
        let (id, code) = self.0.split_once('/').map_or((self.0, None), |(id, code)| (id, Some(code)));
        if manifest.is_called(id) && code.is_none_or(|code| code == kind.code) {
            return true;
        }
        rule.source.component.name == self.0 || groups(manifest).any(|group| group == self.0)
    }
}

/// What a rule belongs to beside its pack.
fn groups(manifest: &Manifest) -> impl Iterator<Item = &str> {
    let benchmark = |control: &'_ String| control.split_once(':').map(|(benchmark, _)| benchmark.len());
    let controls = manifest.controls.iter().flat_map(move |control| {
        let benchmark = benchmark(control).map(|length| &control[..length]);
        std::iter::once(&**control).chain(benchmark)
    });
    let (numeral, name) = manifest.factor.split_once(' ').unwrap_or((&manifest.factor, ""));
    let factor = [&*manifest.factor, numeral, name].into_iter().filter(|word| !word.is_empty());
    std::iter::once(manifest.priority.as_str()).chain(factor).chain(controls)
}

/// Refuses a word that names nothing, with what may be meant.
fn check(word: &str, bundle: &Bundle, library: &Library) -> Result<(), String> {
    let sources = || bundle.rules.iter().map(|rule| &rule.source).chain(library.rules());
    let manifests = || sources().map(|source| &*source.manifest);
    let close = |known: BTreeSet<&str>| {
        let close = crate::suggest::closest(word, known.into_iter());
        close.map(|close| format!("; did you mean `{close}`?")).unwrap_or_default()
    };
    if let Some((id, code)) = word.split_once('/') {
        let mut called = manifests().filter(|manifest| manifest.is_called(id)).peekable();
        if called.peek().is_some() {
            let kinds =
                || manifests().filter(|manifest| manifest.is_called(id)).flat_map(|manifest| &manifest.findings);
            if kinds().any(|kind| kind.code == code) {
                return Ok(());
            }
            let codes: Vec<String> = kinds().map(|kind| format!("{id}/{}", kind.code)).collect();
            let close = close(codes.iter().map(String::as_str).collect());
            return Err(format!("the rule `{id}` has no finding `{code}`{close}"));
        }
    }
    let is_known = sources().any(|source| {
        let manifest = &source.manifest;
        manifest.is_called(word) || source.component.name == word || groups(manifest).any(|group| group == word)
    });
    // A priority is one whether a rule has it or not.
    if is_known || Priority::ALL.iter().any(|priority| priority.as_str() == word) {
        return Ok(());
    }
    let mut known: BTreeSet<&str> = manifests().flat_map(groups).collect();
    known.extend(manifests().map(|manifest| &*manifest.id));
    known.extend(sources().map(|source| &*source.component.name));
    Err(format!("`{word}` is no rule, finding (`rule/code`), pack, priority, control or factor{}", close(known)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bundle::RuleSource;
    use std::sync::Arc;

    fn bundle() -> Bundle {
        let rule = |id: &str, priority: &str, factor: &str, controls: &[&str]| {
            let manifest = serde_json::json!({
                "id": id, "version": "1.0.0", "title": "T", "why": "W.", "fix": "F.", "since": "1.0.0",
                "findings": [
                    {"code": "bad", "title": "Bad", "severity": "high", "confidence": "certain"},
                    {"code": "worse", "title": "Worse", "severity": "high", "confidence": "certain"},
                ],
                "priority": priority, "effort": "small", "factor": factor, "controls": controls,
                "appliesTo": ["workload"], "reads": ["spec"], "renamedFrom": [format!("old-{id}")],
            });
            Arc::new(RuleSource::described(Manifest::parse(manifest.to_string().as_bytes()).unwrap()))
        };
        let rules =
            [rule("one", "P0", "XV Security", &["cis:5.2.6"]), rule("two", "P1", "IX Disposability", &["nsa:x"])];
        Bundle::of_rules("b", rules)
    }

    /// What is left, as `rule/code`.
    fn left(select: &[&str], ignore: &[&str]) -> Result<Vec<String>, (&'static str, SelectionError)> {
        let owned = |words: &[&str]| words.iter().map(|word| (*word).to_owned()).collect::<Vec<_>>();
        let mut bundle = bundle();
        let selection = Selection::new(&owned(select), &owned(ignore), &bundle, &Library::default())?;
        bundle.narrow(&selection);
        let left = bundle.rules.iter().flat_map(|rule| {
            let kinds = rule.source.manifest.findings.iter().filter(|kind| !rule.untold.contains(&kind.code));
            kinds.map(|kind| format!("{}/{}", rule.id(), kind.code))
        });
        Ok(left.collect())
    }

    #[test]
    fn what_is_selected_and_not_ignored_is_left() {
        let one = vec!["one/bad".to_owned(), "one/worse".to_owned()];
        for word in ["one", "old-one", "P0", "XV Security", "XV", "Security", "cis:5.2.6", "cis"] {
            assert_eq!(left(&[word], &[]).unwrap(), one, "{word}");
            assert_eq!(left(&[], &[word]).unwrap(), ["two/bad", "two/worse"], "{word}");
        }
        assert_eq!(left(&["one/bad", "two"], &["two/bad"]).unwrap(), ["one/bad", "two/worse"]);
        assert_eq!(left(&["P0", "P1"], &["Security"]).unwrap(), ["two/bad", "two/worse"]);
        assert_eq!(left(&["one"], &["one"]).unwrap(), Vec::<String>::new());
        assert_eq!(left(&[], &[]).unwrap().len(), 4);
    }

    #[test]
    fn what_nobody_knows_is_refused_with_what_is_meant() {
        let (list, (index, message)) = left(&["one", "Securty"], &[]).unwrap_err();
        assert_eq!((list, index), ("select", 1));
        assert!(message.contains("did you mean `Security`?"), "{message}");
        let (list, (_, message)) = left(&[], &["one/wors"]).unwrap_err();
        assert_eq!(list, "ignore");
        assert!(message.contains("has no finding `wors`; did you mean `one/worse`?"), "{message}");
        assert!(left(&["p0"], &[]).is_err(), "names are told apart by case");
    }
}
