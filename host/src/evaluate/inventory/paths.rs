//! The values that stand at some paths of a document, together.

use crate::document::{Document, Node, Value};
use crate::manifest::{ReadPath, Segment};
use crate::workload::Shape;
use std::ops::ControlFlow;

/// A path on its way through the document.
#[derive(Clone, Copy)]
struct Cursor<'n, 'p> {
    node: Option<&'n Node>,
    rest: &'p [Segment],
}

impl<'n, 'p> Cursor<'n, 'p> {
    /// At the beginning of the document as rules see it.
    fn new(document: &'n Document, shape: &Shape, path: &'p ReadPath) -> Self {
        let segments = path.segments();
        match (shape, segments) {
            (Shape::Plain, _) => Self { node: Some(&document.root), rest: segments },
            (Shape::Workload { template }, [Segment::Key(view), rest @ ..]) => {
                let node = match view.as_str() {
                    "object" => Some(&document.root),
                    "pod" => template.tokens().iter().try_fold(&document.root, |node, token| node.get(token)),
                    _ => None,
                };
                Self { node, rest }
            }
            (Shape::Workload { .. }, _) => Self { node: None, rest: segments },
        }
    }

    /// As far as there is one way to go.
    fn advance(&mut self) {
        while let [Segment::Key(key), rest @ ..] = self.rest {
            self.node = self.node.and_then(|node| node.get(key));
            self.rest = rest;
        }
    }

    /// Whether two paths go through the same elements from here on.
    fn forks_with(&self, other: &Self) -> bool {
        match (self.node, other.node, self.rest.first(), other.rest.first()) {
            (Some(mine), Some(theirs), Some(fork), Some(other)) => std::ptr::eq(mine, theirs) && fork == other,
            _ => false,
        }
    }
}

/// Calls `emit` with what stands at each path, once for each way through the elements: paths that go through
/// the same list or mapping go through its elements together, others are combined. A path that goes through a
/// list that is not there ends all ways.
pub(super) fn rows<'n>(
    document: &'n Document,
    shape: &Shape,
    paths: &[&ReadPath],
    emit: &mut dyn FnMut(&[Option<&'n Node>]) -> ControlFlow<()>,
) -> ControlFlow<()> {
    let cursors = paths.iter().map(|path| Cursor::new(document, shape, path)).collect();
    walk(cursors, emit)
}

fn walk<'n>(
    mut cursors: Vec<Cursor<'n, '_>>,
    emit: &mut dyn FnMut(&[Option<&'n Node>]) -> ControlFlow<()>,
) -> ControlFlow<()> {
    cursors.iter_mut().for_each(Cursor::advance);
    let Some(fork) = cursors.iter().find(|cursor| !cursor.rest.is_empty()).copied() else {
        let found: Vec<Option<&Node>> = cursors.iter().map(|cursor| cursor.node).collect();
        return emit(&found);
    };
    let children: Vec<&Node> = match (fork.node.map(|node| &node.value), fork.rest.first()) {
        (Some(Value::Array(items)), Some(Segment::AnyItem)) => items.iter().collect(),
        (Some(Value::Object(entries)), Some(Segment::AnyKey)) => entries.iter().map(|entry| &entry.value).collect(),
        _ => Vec::new(),
    };
    for child in children {
        let mut next = cursors.clone();
        for cursor in next.iter_mut().filter(|cursor| cursor.forks_with(&fork)) {
            *cursor = Cursor { node: Some(child), rest: &cursor.rest[1..] };
        }
        walk(next, emit)?;
    }
    ControlFlow::Continue(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::document::Source;
    use crate::parse::{Form, Limits, Unit};

    fn found(text: &str, paths: &[&str]) -> String {
        let unit = Unit::new(Form::Json, Source::new("a.json", text));
        let document = unit.parse(&Limits::default()).unwrap().remove(0);
        let paths: Vec<ReadPath> = paths.iter().map(|path| path.parse().unwrap()).collect();
        let mut rows_found = Vec::new();
        let _ = rows(&document, &Shape::Plain, &paths.iter().collect::<Vec<_>>(), &mut |row| {
            let row: Vec<String> = row.iter().map(|node| node.map_or("-".to_owned(), Node::to_json)).collect();
            rows_found.push(row.join(" "));
            ControlFlow::Continue(())
        });
        rows_found.join(", ")
    }

    #[test]
    fn paths_through_one_list_go_together_and_others_are_combined() {
        let ingress = r#"{"apiVersion":"v1","kind":"X","c":1,"rules":[
            {"host":"a","paths":[{"path":"x"},{"path":"y"}]},{"paths":[{"path":"z"}]},{"host":"b"}],"other":[7,8]}"#;
        assert_eq!(found(ingress, &["c", "none"]), "1 -");
        assert_eq!(
            found(ingress, &["rules[*].host", "rules[*].paths[*].path", "c"]),
            r#""a" "x" 1, "a" "y" 1, - "z" 1"#
        );
        assert_eq!(found(ingress, &["other[*]", "rules[*].host"]).split(", ").count(), 6);
        assert_eq!(found(ingress, &["c", "missing[*].x"]), "");
        assert_eq!(found(ingress, &["rules[*].*"]).split(", ").count(), 4);
    }
}
