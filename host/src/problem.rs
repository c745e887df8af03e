//! What is wrong with an input, apart from what rules find in it.

use crate::document::{Position, Source};
use crate::manifest::Severity;
use crate::parse::{Repeated, SyntaxError, Unit};
use serde::{Deserialize, Serialize};

/// How bad a problem is: whatever is wrong in what could not be checked passes.
pub const SEVERITY: Severity = Severity::High;

/// Kinds of problems. Their names are stable: a baseline knows a problem by its path, its kind and what it is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum ProblemKind {
    /// The operating system did not let it be read
    Unreadable,
    /// It is no text
    NotText,
    /// It has too many bytes or documents
    Bound,
    /// It is not what its language says, or goes beyond a bound of its parser
    Syntax,
    /// A chart or a kustomization that could not be rendered
    Unrendered,
    /// A key stands twice in one mapping. The document is checked with the last value
    RepeatedKey,
    /// A field of an object has another type than it should, and only that is not checked
    Mistyped,
}

impl ProblemKind {
    /// Its name.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Unreadable => "unreadable",
            Self::NotText => "not-text",
            Self::Bound => "bound",
            Self::Syntax => "syntax",
            Self::Unrendered => "unrendered",
            Self::RepeatedKey => "repeated-key",
            Self::Mistyped => "mistyped",
        }
    }

    /// Whether what it is about was checked all the same.
    pub fn is_judged(self) -> bool {
        matches!(self, Self::RepeatedKey | Self::Mistyped)
    }

    /// Whether it is something that the program itself could not do, rather than something about the file.
    pub fn is_failure(self) -> bool {
        self == Self::Unreadable
    }
}

/// Something that is wrong with an input.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct InputProblem {
    /// The path of the file or directory, as it is shown.
    pub path: String,
    /// What it is.
    pub kind: ProblemKind,
    /// What in the file it is about, for kinds of which one file may have several: the key that stands twice. Else
    /// empty.
    pub about: String,
    /// Where; `None` when the file was not read.
    pub place: Option<ProblemPlace>,
    /// What is wrong, lower case, without the path.
    pub message: String,
    /// Whether a baseline knows it.
    pub known: bool,
}

/// A place in a unit's text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ProblemPlace {
    /// Index of the unit.
    pub unit: usize,
    /// Index of its source.
    pub file: u16,
    /// Byte offset in the text.
    pub at: usize,
}

impl ProblemPlace {
    /// The text that it is in.
    pub fn source(self, units: &[Unit]) -> &Source {
        let sources = &units[self.unit].sources;
        sources.get(usize::from(self.file)).unwrap_or(&sources[0])
    }
}

impl InputProblem {
    /// What is wrong with a file that was not read.
    pub fn of_file(path: impl Into<String>, kind: ProblemKind, message: impl Into<String>) -> Self {
        let message = crate::plain::system(&message.into()).into_owned();
        Self { path: path.into(), kind, about: String::new(), place: None, message, known: false }
    }

    /// What is wrong with a unit that could not be parsed.
    pub fn of_error(units: &[Unit], unit: usize, error: &SyntaxError) -> Self {
        let place = ProblemPlace { unit, file: error.file, at: error.at };
        Self::at(units, place, ProblemKind::Syntax, "", &error.message)
    }

    /// A key that stands twice in a unit.
    pub fn of_repeated(units: &[Unit], unit: usize, repeated: &Repeated) -> Self {
        let place = ProblemPlace { unit, file: 0, at: repeated.at };
        Self::at(units, place, ProblemKind::RepeatedKey, &repeated.key, &repeated.message())
    }

    /// A field of an object in a unit that has another type than it should.
    pub fn of_mistyped(units: &[Unit], unit: usize, error: &SyntaxError) -> Self {
        let place = ProblemPlace { unit, file: error.file, at: error.at };
        Self::at(units, place, ProblemKind::Mistyped, "", &error.message)
    }

    fn at(units: &[Unit], place: ProblemPlace, kind: ProblemKind, about: &str, message: &str) -> Self {
        let path = place.source(units).path.to_string();
        Self { path, kind, about: about.to_owned(), place: Some(place), message: message.to_owned(), known: false }
    }

    /// The line and column, where there are any.
    pub fn position(&self, units: &[Unit]) -> Option<Position> {
        self.place.map(|place| place.source(units).position(place.at))
    }

    /// The whole in one line: `shop.yaml:3:1: …`.
    pub fn line(&self, units: &[Unit]) -> String {
        match self.position(units) {
            Some(at) => format!("{}:{}:{}: {}", self.path, at.line, at.column, self.message),
            None => format!("{}: {}", self.path, self.message),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::document::Source;
    use crate::parse::Form;

    #[test]
    fn a_problem_is_known_by_its_path_its_kind_and_what_it_is_about() {
        let units = [Unit::new(Form::Json, Source::new("a.json", "{\n \"b\": 1}"))];
        let error = InputProblem::of_error(&units, 0, &SyntaxError::new(3, "no"));
        assert_eq!((&*error.path, error.kind, &*error.about), ("a.json", ProblemKind::Syntax, ""));
        assert_eq!(error.line(&units), "a.json:2:2: no");
        let repeated = InputProblem::of_repeated(&units, 0, &Repeated { key: "b".to_owned(), at: 3 });
        assert_eq!((&*repeated.path, repeated.kind, &*repeated.about), ("a.json", ProblemKind::RepeatedKey, "b"));
        let unread = InputProblem::of_file("b", ProblemKind::Unreadable, "it is a directory");
        assert_eq!((unread.line(&units), unread.position(&units)), ("b: it is a directory".to_owned(), None));
        for kind in [
            ProblemKind::Unreadable,
            ProblemKind::NotText,
            ProblemKind::Bound,
            ProblemKind::Syntax,
            ProblemKind::Unrendered,
            ProblemKind::RepeatedKey,
            ProblemKind::Mistyped,
        ] {
            assert_eq!(serde_json::to_value(kind).unwrap(), kind.as_str());
        }
    }
}
