//! Writing exceptions: a comment above what a finding is about, which changes nothing else.

use super::{Covers, collect, syntax};
use crate::parse::{Form, Limits, Unit};

/// How far above a finding a comment may stand: in a long script no line of its own can have one.
const MAX_LINES: usize = 500;

/// What a comment says behind the rules that it names.
#[derive(Debug, Clone)]
pub struct Reason {
    text: String,
}

impl Reason {
    /// A reason, with who answers for it and the last day on which it holds.
    ///
    /// # Errors
    /// When that would be read as something else, or as no reason.
    pub fn new(reason: &str, owner: Option<&str>, until: Option<jiff::civil::Date>) -> Result<Self, String> {
        if reason.contains(char::is_control) || owner.is_some_and(|owner| owner.contains(char::is_whitespace)) {
            return Err("a reason is one line, and an owner one word".to_owned());
        }
        let mut text = reason.split_whitespace().collect::<Vec<_>>().join(" ");
        text.extend(until.map(|until| format!(" until={until}")));
        text.extend(owner.map(|owner| format!(" owner={owner}")));
        let grant = syntax::grant(&text)?;
        let is_same = grant.until == until && grant.owner.as_deref() == owner;
        if is_same { Ok(Self { text }) } else { Err("the reason itself says `until=` or `owner=`".to_owned()) }
    }
}

/// A comment in one of a unit's texts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Insertion {
    /// The byte of the text that it stands before.
    pub at: usize,
    /// The comment, with its line break.
    pub text: String,
}

/// Where a comment goes that lifts rules from what starts at a byte of one of a unit's texts: on a line of its own above
/// it, or above what it is a part of, where no comment can stand right there.
///
/// # Errors
/// When the language has no comments, or nowhere would one leave all else as it is.
pub fn insertion(
    unit: &Unit,
    (file, at): (u16, usize),
    rules: &[&str],
    reason: &Reason,
    limits: &Limits,
) -> Result<Insertion, String> {
    if unit.rendered.is_some() {
        return Err("it is rendered from something else".to_owned());
    }
    if matches!(unit.form, Form::Json | Form::Plain(_)) {
        return Err("its language has no comments that say it".to_owned());
    }
    let Some(source) = unit.sources.get(usize::from(file)) else { return Err("there is no such file".to_owned()) };
    let text = &*source.text;
    let before = meaning(unit, limits).map_err(|error| format!("it cannot be read: {error}"))?;
    let line_break = if text.contains("\r\n") { "\r\n" } else { "\n" };
    let mut start = line_start(text, at.min(text.len()));
    for _ in 0..MAX_LINES {
        let line = &text[start..];
        let indent: &str = &line[..line.len() - line.trim_start_matches([' ', '\t']).len()];
        let comment = format!("{indent}# policy: ignore[{}] {}{line_break}", rules.join(", "), reason.text);
        let insertion = Insertion { at: start, text: comment };
        if holds(unit, file, at, rules, &insertion, &before, limits) {
            return Ok(insertion);
        }
        if start == 0 {
            break;
        }
        start = line_start(text, start - 1);
    }
    Err("no comment above it would leave all else as it is".to_owned())
}

/// Whether exceptions lift rules from what starts at a byte of one of a unit's texts.
pub fn is_excepted(unit: &Unit, (file, at): (u16, usize), rules: &[&str], limits: &Limits) -> bool {
    let Ok(documents) = unit.parse(limits) else { return false };
    let Ok(ignores) = collect(unit, &documents, limits) else { return false };
    rules.iter().all(|rule| {
        ignores.iter().any(|ignore| ignore.rule == *rule && ignore.grant.is_ok() && covers(&ignore.covers, file, at))
    })
}

fn covers(covers: &Covers, file: u16, at: usize) -> bool {
    matches!(covers, Covers::Part { file: of, start, end }
        if *of == file && (*start as usize..*end as usize).contains(&at))
}

/// A unit with a comment in one of its texts.
pub fn with_insertion(unit: &Unit, file: u16, insertion: &Insertion) -> Unit {
    let mut sources = unit.sources.to_vec();
    if let Some(source) = sources.get_mut(usize::from(file)) {
        let mut text = source.text.to_string();
        text.insert_str(insertion.at, &insertion.text);
        source.text = text.into();
    }
    unit.with_sources(sources)
}

/// Whether a comment lifts the rules from a place, and changes nothing else.
fn holds(
    unit: &Unit,
    file: u16,
    at: usize,
    rules: &[&str],
    insertion: &Insertion,
    before: &[serde_json::Value],
    limits: &Limits,
) -> bool {
    let changed = with_insertion(unit, file, insertion);
    let Ok(documents) = changed.parse(limits) else { return false };
    if documents.iter().map(|document| document.root.to_value()).ne(before.iter().cloned()) {
        return false;
    }
    let Ok(ignores) = collect(&changed, &documents, limits) else { return false };
    let moved = at + insertion.text.len();
    let written = insertion.at..insertion.at + insertion.text.len();
    rules.iter().all(|rule| {
        ignores.iter().any(|ignore| {
            let covers = covers(&ignore.covers, file, moved);
            let is_this = ignore.place.file == file && written.contains(&(ignore.place.start as usize));
            covers && is_this && ignore.rule == *rule && ignore.grant.is_ok()
        })
    })
}

/// What a unit's documents say.
fn meaning(unit: &Unit, limits: &Limits) -> Result<Vec<serde_json::Value>, String> {
    let documents = unit.parse(limits).map_err(|error| error.message)?;
    Ok(documents.iter().map(|document| document.root.to_value()).collect())
}

fn line_start(text: &str, at: usize) -> usize {
    text.as_bytes()[..at].iter().rposition(|byte| *byte == b'\n').map_or(0, |newline| newline + 1)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::document::Source;
    use crate::parse::Scalars;

    fn written(form: Form, path: &str, text: &str, finding: &str) -> Result<String, String> {
        let unit = Unit::new(form, Source::new(path, text));
        let reason = Reason::new("it is so", Some("ops"), Some("2027-01-31".parse().unwrap())).unwrap();
        let at = (0, text.find(finding).unwrap());
        let insertion = insertion(&unit, at, &["a", "b"], &reason, &Limits::default())?;
        Ok(with_insertion(&unit, 0, &insertion).sources[0].text.to_string())
    }

    const SAID: &str = "# policy: ignore[a, b] it is so until=2027-01-31 owner=ops";

    #[test]
    fn a_comment_stands_above_the_line() {
        let yaml =
            |text: &str, finding: &str| written(Form::Yaml(Scalars::Kubernetes), "a.yaml", text, finding).unwrap();
        let pod = "kind: Pod\napiVersion: v1\nspec:\n  a: 1\n  b: [x, y]\n";
        assert_eq!(yaml(pod, "x, y"), pod.replace("  b:", &format!("  {SAID}\n  b:")));
        assert_eq!(yaml(pod, "kind"), format!("{SAID}\n{pod}"));
        let windows = pod.replace('\n', "\r\n");
        assert_eq!(yaml(&windows, "x, y"), windows.replace("  b:", &format!("  {SAID}\r\n  b:")));
    }

    #[test]
    fn a_text_has_none_inside() {
        let map = "kind: ConfigMap\napiVersion: v1\ndata:\n  run: |\n    one\n\n    two\n  next: 1\n";
        let expected = map.replace("  run:", &format!("  {SAID}\n  run:"));
        assert_eq!(written(Form::Yaml(Scalars::Kubernetes), "a.yaml", map, "two").unwrap(), expected);
        let docker = "FROM a AS b\nRUN one \\\n  && two\n";
        let expected = docker.replace("RUN", &format!("{SAID}\nRUN"));
        assert_eq!(written(Form::Dockerfile, "Dockerfile", docker, "RUN").unwrap(), expected);
    }

    #[test]
    fn json_has_none() {
        assert!(written(Form::Json, "a.json", "{\"kind\": \"Pod\"}", "Pod").is_err());
    }

    #[test]
    fn a_reason_is_what_it_says() {
        for (reason, owner) in [("", None), ("--", None), ("a\nb", None), ("a", Some("b c")), ("a owner=b", None)] {
            assert!(Reason::new(reason, owner, None).is_err(), "{reason} {owner:?}");
        }
        assert_eq!(Reason::new(" a  b ", Some("ops"), None).unwrap().text, "a b owner=ops");
    }
}
