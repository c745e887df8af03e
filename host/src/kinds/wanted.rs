//! Which kinds of files a run asks for.

use super::{KINDS, Kind, OBJECT_TAGS, OBJECTS};
use std::collections::BTreeSet;

/// The kinds of files that somebody asks for. What nobody asks for is neither read nor parsed.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub enum Wanted {
    /// All of them.
    #[default]
    All,
    /// These, by their names.
    Named(BTreeSet<String>),
}

impl Wanted {
    /// Whether a kind is asked for.
    pub fn has(&self, kind: &Kind) -> bool {
        match self {
            Self::All => true,
            Self::Named(names) => {
                names.contains(kind.name) || read_with(kind.name).is_some_and(|it| names.contains(it))
            }
        }
    }

    /// Asks for a kind besides.
    pub fn and(mut self, kind: &str) -> Self {
        if let Self::Named(names) = &mut self {
            names.insert(kind.to_owned());
        }
        self
    }

    /// The kinds that are asked for, in the registry's order.
    pub fn kinds(&self) -> impl Iterator<Item = &'static Kind> {
        KINDS.iter().copied().filter(|kind| self.has(kind))
    }

    /// Globs of the files that may matter, those of Kubernetes objects among them: what an editor watches.
    pub fn globs(&self) -> Vec<String> {
        let below_charts = |kind: &Kind, glob: &str| match kind.paths.in_chart {
            true => format!("**/{glob}"),
            false => glob.to_owned(),
        };
        let kinds = self.kinds().flat_map(|kind| kind.paths.globs.iter().map(move |glob| below_charts(kind, glob)));
        OBJECTS.iter().map(|glob| (*glob).to_owned()).chain(kinds).collect()
    }

    /// What pre-commit's `identify` calls the files that may matter.
    pub fn tags(&self) -> BTreeSet<&'static str> {
        self.kinds().flat_map(|kind| kind.tags).chain(OBJECT_TAGS).copied().collect()
    }

    /// Whether a JSON file may hold something that is asked for.
    pub fn may_hold(&self, json: &[u8]) -> bool {
        let has = |mark: &str| json.windows(mark.len()).any(|window| window == mark.as_bytes());
        let marks = self.kinds().filter_map(|kind| kind.content.as_ref()).flat_map(|content| content.marks);
        has("\"apiVersion\"") || marks.into_iter().any(|mark| has(mark))
    }
}

/// The kind with which files of a kind are read: a module takes values from files of variables, and it takes a module
/// to know which of them are nobody's.
fn read_with(kind: &str) -> Option<&'static str> {
    match kind {
        "TerraformModule" => Some("TerraformVariables"),
        "TerraformVariables" => Some("TerraformModule"),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_asked_for_is_watched_and_nothing_else() {
        let wanted = Wanted::Named(["Dockerfile".to_owned(), "HelmValues".to_owned()].into());
        let globs = wanted.globs();
        assert!(globs.contains(&"**/*.{yaml,yml,json}".to_owned()), "{globs:?}");
        assert!(globs.contains(&"**/values*.{yaml,yml}".to_owned()), "{globs:?}");
        assert!(globs.iter().any(|glob| glob.contains("Dockerfile")), "{globs:?}");
        assert!(!globs.iter().any(|glob| glob.contains("tf")), "{globs:?}");
        assert_eq!(wanted.tags(), ["dockerfile", "json", "yaml"].into());
        assert!(Wanted::All.globs().len() > globs.len());
    }

    #[test]
    fn json_is_read_when_it_may_be_asked_for() {
        let plan = br#"{"format_version": "1.2", "planned_values": {}}"#;
        assert!(Wanted::All.may_hold(plan));
        assert!(!Wanted::Named(BTreeSet::new()).may_hold(plan));
        assert!(Wanted::Named(["TerraformPlan".to_owned()].into()).may_hold(plan));
        assert!(Wanted::Named(BTreeSet::new()).may_hold(br#"{"apiVersion": "v1"}"#));
    }
}
