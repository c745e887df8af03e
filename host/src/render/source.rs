//! A file that something was rendered from, and where lines of the rendered text stand in it.

use crate::document::{Source, Subject};
use crate::files;
use crate::parse::{Form, Limits, Scalars, Unit};
use std::collections::HashMap;
use std::ops::Range;
use std::path::Path;
use std::sync::Arc;

/// Bytes of a text that is searched for a value; in a longer one only whole lines are known.
const SEARCHED: usize = 64 << 10;
/// A value that is shorter may stand anywhere by accident.
const TELLING: usize = 4;

/// A file that something was rendered from.
pub(super) struct SourceFile {
    /// Its text, shared by all units that are led back to it.
    pub(super) sources: Arc<[Source]>,
    /// Its documents, where it is YAML; else the whole of it.
    parts: Vec<Part>,
}

/// A part of a file that one object is from.
struct Part {
    /// The objects in it; none is known of a template.
    subjects: Vec<Subject>,
    range: Range<usize>,
    /// Its lines, as [`bare`] has them; `None` for one that stands there more than once.
    lines: HashMap<Box<str>, Option<Range<usize>>>,
}

impl SourceFile {
    /// Reads a file, shown as `path`. One that cannot be read is empty: its path is still right.
    pub(super) fn read(file: &Path, path: &Arc<str>, limits: &Limits) -> Self {
        Self::new(path, &files::read_text(file, limits.bytes).unwrap_or_default(), limits)
    }

    fn new(path: &Arc<str>, text: &str, limits: &Limits) -> Self {
        let parts = parts(path, text, limits).unwrap_or_else(|| vec![Part::new(text, 0..text.len(), Vec::new())]);
        Self { sources: Arc::new([Source::new(Arc::clone(path), text)]), parts }
    }

    /// Where a place of a rendered document stands in the file: verbatim, and once in either.
    pub(super) fn place(
        &self,
        subject: &Subject,
        rendered: &RenderedText<'_>,
        place: Range<usize>,
    ) -> Option<Range<usize>> {
        let text = &*self.sources[0].text;
        let part = self.part(subject)?;
        let (line, value) = rendered.at(place);
        // Of two that look alike, one may be from elsewhere.
        if rendered.count(line) > 1 {
            return None;
        }
        match part.lines.get(line) {
            Some(Some(found)) => {
                let within = text[found.clone()].rfind(value).filter(|_| !value.is_empty());
                Some(within.map_or(found.clone(), |at| found.start + at..found.start + at + value.len()))
            }
            Some(None) => None,
            None => {
                only_place(rendered.text, value)?;
                let at = part.range.start + only_place(&text[part.range.clone()], value)?;
                Some(at..at + value.len())
            }
        }
    }

    /// Where a comment of a rendered document stands in the file, if it stands there once.
    pub(super) fn comment(
        &self,
        subject: &Subject,
        rendered: &RenderedText<'_>,
        place: Range<usize>,
    ) -> Option<Range<usize>> {
        let part = self.part(subject)?.range.clone();
        let comment = rendered.text.get(place)?;
        let at = part.start + only_place(&self.sources[0].text[part], comment)?;
        Some(at..at + comment.len())
    }

    /// What is shown of an object where its place is not known: the first line that it is from.
    pub(super) fn first_line(&self, subject: &Subject) -> Range<usize> {
        let text = &*self.sources[0].text;
        let range = self.part(subject).map_or(0..text.len(), |part| part.range.clone());
        let mut start = range.start;
        // In a file of several documents, the marker and comments before one say nothing of it.
        for line in text[range.clone()].split_inclusive('\n') {
            let content = line.trim();
            if range.start == 0 || !(content.is_empty() || content.starts_with("---") || content.starts_with('#')) {
                break;
            }
            start += line.len();
        }
        let start = start.min(text.len());
        start..text[start..].find('\n').map_or(text.len(), |newline| start + newline)
    }

    /// The part that an object is from; `None` where it may be from several.
    fn part(&self, subject: &Subject) -> Option<&Part> {
        if let [only] = &self.parts[..] {
            return Some(only);
        }
        let of_kind = |part: &&Part, is_name: &dyn Fn(&str) -> bool| {
            part.subjects.iter().any(|it| it.kind == subject.kind && it.group == subject.group && is_name(&it.name))
        };
        // A kustomization may have given the name a prefix or a suffix.
        let exact = |name: &str| name == subject.name;
        let within = |name: &str| !name.is_empty() && subject.name.contains(name);
        let only = |is_name: &dyn Fn(&str) -> bool| {
            let mut found = self.parts.iter().filter(|part| of_kind(part, is_name));
            found.next().filter(|_| found.next().is_none())
        };
        only(&exact).or_else(|| only(&within))
    }
}

/// A rendered document, of whose lines it is known how often each is there.
pub(super) struct RenderedText<'t> {
    text: &'t str,
    lines: HashMap<&'t str, usize>,
}

impl<'t> RenderedText<'t> {
    pub(super) fn new(text: &'t str) -> Self {
        let mut lines: HashMap<&str, usize> = HashMap::new();
        for line in text.lines() {
            *lines.entry(bare(line)).or_default() += 1;
        }
        Self { text, lines }
    }

    fn count(&self, line: &str) -> usize {
        self.lines.get(line).copied().unwrap_or_default()
    }

    /// The line at a place, as [`bare`] has it, and what of the place is on it.
    fn at(&self, place: Range<usize>) -> (&'t str, &'t str) {
        let place = whole_letters(self.text, place);
        let start = self.text[..place.start].rfind('\n').map_or(0, |newline| newline + 1);
        let end = self.text[place.start..].find('\n').map_or(self.text.len(), |newline| place.start + newline);
        (bare(&self.text[start..end]), self.text[place.start..place.end.clamp(place.start, end)].trim())
    }
}

/// The documents of a file, with the objects in each; `None` where it cannot be parsed, like a template.
fn parts(path: &Arc<str>, text: &str, limits: &Limits) -> Option<Vec<Part>> {
    let units = Unit::split(Form::Yaml(Scalars::Kubernetes), path, text, limits).ok()?;
    let mut parts = Vec::with_capacity(units.len());
    for unit in &units {
        let documents = unit.parse(limits).ok()?;
        if !documents.is_empty() {
            let source = &unit.sources[0];
            let range = source.offset..source.offset + source.text.len();
            parts.push(Part::new(text, range, documents.into_iter().map(|document| document.subject).collect()));
        }
    }
    (!parts.is_empty()).then_some(parts)
}

impl Part {
    fn new(text: &str, range: Range<usize>, subjects: Vec<Subject>) -> Self {
        let mut lines: HashMap<Box<str>, Option<Range<usize>>> = HashMap::new();
        let mut at = range.start;
        for line in text[range.clone()].split_inclusive('\n') {
            let content = bare(line);
            if !content.is_empty() {
                let start = at + line.find(content).unwrap_or_default();
                let found = Some(start..start + content.len());
                lines.entry(content.into()).and_modify(|known| *known = None).or_insert(found);
            }
            at += line.len();
        }
        Self { subjects, range, lines }
    }
}

/// A line without its indentation, the dashes of lists and a comment behind it: renderers lay these out anew.
fn bare(line: &str) -> &str {
    let mut line = line.trim();
    while let Some(item) = line.strip_prefix("- ") {
        line = item.trim_start();
    }
    let end = line.find(" #").unwrap_or(line.len());
    line[..end].trim_end()
}

/// Where a value stands as a whole word, if it stands there once and could not well be another one.
fn only_place(text: &str, value: &str) -> Option<usize> {
    let is_word = |letter: char| letter.is_alphanumeric() || "_-./:@".contains(letter);
    if text.len() > SEARCHED
        || value.len() < TELLING
        || matches!(value, "true" | "false" | "null")
        || value.parse::<f64>().is_ok()
    {
        return None;
    }
    let whole = |at: &usize| {
        let before = text[..*at].chars().next_back();
        let after = text[at + value.len()..].chars().next();
        !before.is_some_and(is_word) && !after.is_some_and(is_word)
    };
    let mut places = text.match_indices(value).map(|(at, _)| at).filter(whole);
    places.next().filter(|_| places.next().is_none())
}

/// A range within a text, with the letters that it cuts.
fn whole_letters(text: &str, range: Range<usize>) -> Range<usize> {
    let start = text.floor_char_boundary(range.start.min(text.len()));
    start..text.ceil_char_boundary(range.end.min(text.len())).max(start)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn subject(kind: &str, name: &str) -> Subject {
        Subject { kind: kind.to_owned(), name: name.to_owned(), ..Subject::default() }
    }

    fn file(text: &str) -> SourceFile {
        SourceFile::new(&Arc::from("a.yaml"), text, &Limits::default())
    }

    /// What stands in the file where a part of the rendered text is led to.
    fn led(file: &SourceFile, subject: &Subject, rendered: &str, part: &str) -> Option<(usize, String)> {
        let at = rendered.find(part).unwrap();
        let place = file.place(subject, &RenderedText::new(rendered), at..at + part.len())?;
        let source = &file.sources[0];
        Some((source.position(place.start).line, source.text[place].to_owned()))
    }

    #[test]
    fn a_value_is_where_it_stands_verbatim_and_once() {
        let template = "{{- if .Values.on }}\nkind: Pod\nspec:\n  containers:\n    - name: app\n      image: {{ .Values.image }}\n      \
                        securityContext: {privileged: true} # for now\n      command: ['/bin/run-it']\n{{- end }}\n";
        let rendered = "kind: Pod\nspec:\n  containers:\n  - name: app\n    image: app:latest\n    securityContext: {privileged: true}\n    \
                        command:\n    - /bin/run-it\n    tty: true\n";
        let file = file(template);
        let pod = subject("Pod", "x");
        assert_eq!(led(&file, &pod, rendered, "true"), Some((7, "true".to_owned())));
        assert_eq!(led(&file, &pod, rendered, "/bin/run-it"), Some((8, "/bin/run-it".to_owned())));
        assert_eq!(led(&file, &pod, rendered, "app:latest"), None, "it comes from a values file");
        assert_eq!(led(&file, &pod, rendered, "tty: true"), None);
        let first = file.first_line(&pod);
        assert_eq!(&template[first], "{{- if .Values.on }}");
    }

    #[test]
    fn what_stands_twice_has_no_place() {
        let template = "{{ x }}\na:\n  runAsUser: 0\nb:\n  runAsUser: 0\nc: some-name\nd: some-name-2\n";
        let file = file(template);
        let any = subject("Pod", "x");
        assert_eq!(led(&file, &any, "runAsUser: 0\n", "0"), None);
        assert_eq!(led(&file, &any, "x: some-name\ny:\n  x: some-name\n", "some-name"), None, "it is there twice");
        assert_eq!(led(&file, &any, "x: some-name\n", "some-name"), Some((6, "some-name".to_owned())));
    }

    #[test]
    fn comments_are_looked_for_by_what_they_say() {
        let file = file("{{ x }}\na: 1 # policy: one\nb: 2 # policy: two\nc: 3 # policy: two\n");
        let any = subject("Pod", "x");
        let led = |rendered: &str| {
            let place = file.comment(&any, &RenderedText::new(rendered), rendered.find('#')?..rendered.len())?;
            Some(file.sources[0].position(place.start).line)
        };
        assert_eq!(led("a: 1 # policy: one"), Some(2));
        assert_eq!(led("b: 2 # policy: two"), None, "it is there twice");
    }

    #[test]
    fn long_texts_are_searched_for_lines_alone() {
        let template = format!("{{{{ x }}}}\na: [some-name]\nb: whole-line\n{}", "# filler\n".repeat(SEARCHED));
        let (file, any) = (file(&template), subject("Pod", "x"));
        assert_eq!(led(&file, &any, "x: some-name\n", "some-name"), None);
        assert_eq!(led(&file, &any, "b: whole-line\n", "whole-line"), Some((3, "whole-line".to_owned())));
    }

    #[test]
    fn objects_are_looked_for_in_their_own_documents() {
        let text = "# all\napiVersion: v1\nkind: Service\nmetadata: {name: web}\nspec:\n  type: NodePort\n---\n# other\napiVersion: v1\nkind: Service\nmetadata:\n  name: db\nspec:\n  type: NodePort\n";
        let file = file(text);
        let rendered = "spec:\n  type: NodePort\n";
        assert_eq!(led(&file, &subject("Service", "dev-web"), rendered, "NodePort"), Some((6, "NodePort".to_owned())));
        assert_eq!(led(&file, &subject("Service", "db"), rendered, "NodePort"), Some((14, "NodePort".to_owned())));
        assert_eq!(led(&file, &subject("Service", "web-db"), rendered, "NodePort"), None, "it may be either");
        assert_eq!(&text[file.first_line(&subject("Service", "db"))], "apiVersion: v1");
        assert_eq!(&text[file.first_line(&subject("Pod", "x"))], "# all");
    }

    proptest! {
        #[test]
        fn any_place_of_anything_is_a_place_or_none(
            source in "\\PC{0,20}(\n[-# a:é]{0,8}){0,4}", rendered in "[-# a:é\n]{0,30}", start in 0_usize..40, length in 0_usize..40,
        ) {
            let file = file(&source);
            let any = subject("Pod", "x");
            if let Some(place) = file.place(&any, &RenderedText::new(&rendered), start..start + length) {
                prop_assert!(source.get(place).is_some());
            }
            prop_assert!(source.get(file.first_line(&any)).is_some());
        }
    }
}
