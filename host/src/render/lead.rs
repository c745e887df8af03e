//! Leading what is found in rendered documents back to the files that these are from.

use super::source::{RenderedText, SourceFile};
use crate::document::Subject;
use crate::evaluate::{Place, RelatedLabel, RunResult};
use crate::parse::{Limits, Unit};
use std::collections::HashMap;
use std::ops::Range;
use std::path::Path;
use std::sync::Arc;

/// The files that documents were rendered from, each read once.
pub(super) struct SourceFiles<'l> {
    files: HashMap<Arc<str>, Arc<SourceFile>>,
    limits: &'l Limits,
}

impl<'l> SourceFiles<'l> {
    pub(super) fn new(limits: &'l Limits) -> Self {
        Self { files: HashMap::new(), limits }
    }

    fn get(&mut self, path: &Arc<str>) -> Arc<SourceFile> {
        let limits = self.limits;
        let read = || Arc::new(SourceFile::read(Path::new(&**path), path, limits));
        Arc::clone(self.files.entry(Arc::clone(path)).or_insert_with(read))
    }
}

/// Puts the files in the place of the rendered documents, and every place into them. Fixes are taken away: they would
/// be made to a text that is in no file.
pub(super) fn back(units: &mut [Unit], result: &mut RunResult, files: &mut SourceFiles<'_>) {
    let files: Vec<Arc<SourceFile>> = units.iter().map(|unit| files.get(&unit.sources[0].path)).collect();
    // The texts of the units go away below.
    let sources: Vec<_> = units.iter().map(|unit| Arc::clone(&unit.sources)).collect();
    let texts: Vec<RenderedText<'_>> = sources.iter().map(|sources| RenderedText::new(&sources[0].text)).collect();
    let nobody = Subject::default();
    let mut subjects: HashMap<usize, Subject> = HashMap::new();
    for (unit, document) in &mut result.documents {
        let (file, text) = (&files[*unit], &texts[*unit]);
        let subject = document.subject.clone();
        document.place = whole(file.first_line(&subject));
        for finding in document.outcomes.iter_mut().flat_map(|outcome| outcome.outcome.findings_mut()) {
            let found = file.place(&subject, text, range(&finding.place));
            // What is a secret is known by its value from here on, and the first line of a file is none.
            finding.secret &= found.is_some();
            finding.place = match found {
                Some(found) => Place { exact: finding.place.exact, ..whole(found) },
                None => whole(file.first_line(&subject)),
            };
            finding.labels.retain_mut(|label| {
                let found = file.place(&subject, text, range(&label.place));
                found.map(|found| label.place = Place { exact: label.place.exact, ..whole(found) }).is_some()
            });
            // What is told of other documents of the rendering is told by their names.
            finding.related.iter_mut().for_each(RelatedLabel::forget_place);
            finding.fix = None;
        }
        subjects.entry(*unit).or_insert(subject);
    }
    for exception in &mut result.exceptions {
        if let Some((unit, place)) = &mut exception.place {
            let subject = subjects.get(unit).unwrap_or(&nobody);
            let found = files[*unit].comment(subject, &texts[*unit], range(place));
            *place = whole(found.unwrap_or_else(|| files[*unit].first_line(subject)));
        }
    }
    for error in result.errors.iter_mut().chain(&mut result.mistyped) {
        let at = error.error.at;
        let found = files[error.unit].place(&nobody, &texts[error.unit], at..at);
        error.error.at = found.unwrap_or_else(|| files[error.unit].first_line(&nobody)).start;
        error.error.file = 0;
        if let Some(rendering) = &units[error.unit].rendered {
            error.error.message = format!("{} (rendered by `{}`)", error.error.message, rendering.name);
        }
    }
    for (unit, repeated) in &mut result.repeated {
        repeated.at = files[*unit].first_line(&nobody).start;
    }
    for (unit, file) in units.iter_mut().zip(files) {
        unit.sources = Arc::clone(&file.sources);
    }
}

fn range(place: &Place) -> Range<usize> {
    place.start as usize..place.end as usize
}

fn whole(range: Range<usize>) -> Place {
    Place { file: 0, start: range.start as u32, end: range.end as u32, exact: true }
}
