//! One fix on the text of its unit.

use super::{Pointer, Slot, meaning};
use crate::document::{Format, Node, Source};
use crate::edit::{self, Operation};
use crate::parse::{Form, Limits, Scalars, SyntaxError, Unit, yaml};
use std::sync::Arc;

/// What the fixes of one pass have changed in a unit so far.
pub(super) type Touched = Vec<Pointer>;

/// Applies a patch to a unit: `operations` are those of a document that stands at `base`. `None` when the patch
/// overlaps with what is `touched` and has to wait, or changes nothing.
///
/// # Errors
/// Says why it cannot be applied.
pub(super) fn applied(
    unit: &Unit,
    base: &str,
    operations: &str,
    touched: &mut Touched,
    limits: &Limits,
) -> Result<Option<Unit>, String> {
    let operations = absolute(base, operations)?;
    let paths: Vec<Pointer> = operations.iter().map(Operation::footprint).collect();
    if paths.iter().any(|path| touched.iter().any(|other| path.overlaps(other))) {
        return Ok(None);
    }
    let texts = edited(unit, &operations, limits)?;
    touched.extend(paths);
    let same = unit.sources.iter().zip(&texts).all(|(source, text)| *source.text == **text);
    Ok((!same).then(|| with_text(unit, texts)))
}

/// The operations of a fix, as paths in the unit.
pub(super) fn absolute(base: &str, operations: &str) -> Result<Vec<Operation>, String> {
    let base = Pointer::parse(base).map_err(|error| error.to_string())?;
    let operations = edit::parse_operations(operations).map_err(|error| error.to_string())?;
    Ok(operations.into_iter().map(|operation| operation.below(&base)).collect())
}

/// The texts of a unit after some operations.
///
/// # Errors
/// Says why they cannot be applied.
pub(super) fn edited(unit: &Unit, operations: &[Operation], limits: &Limits) -> Result<Vec<String>, String> {
    match unit.form {
        Form::Yaml(_) | Form::Json => Ok(vec![edit_structured(unit, &parse_root(unit, limits)?, operations, limits)?]),
        Form::Dockerfile | Form::Terraform | Form::TerraformVariables => edit_verbatim(unit, operations, limits),
        Form::Plain(_) => Err("no fix can be applied to this kind of file".to_owned()),
    }
}

/// What the text of a YAML or JSON unit means.
pub(super) fn parse_root(unit: &Unit, limits: &Limits) -> Result<Node, String> {
    parse_whole(unit, &unit.sources[0].text, limits).map_err(|error| error.to_string())
}

/// The text of a YAML or JSON unit after some operations; `root` is what it was parsed to.
pub(super) fn edit_structured(
    unit: &Unit,
    root: &Node,
    operations: &[Operation],
    limits: &Limits,
) -> Result<String, String> {
    let format = if unit.form == Form::Json { Format::Json } else { Format::Yaml };
    let old = &unit.sources[0].text;
    let parse = |text: &str| parse_whole(unit, text, limits);
    let new = edit::apply(old, root, operations, format, parse).map_err(|error| error.to_string())?;
    // A value that reads as the end of its document would change the next one.
    if format == Format::Yaml && yaml::split_documents(old).len() != yaml::split_documents(&new).len() {
        return Err("the result would be more than one document".to_owned());
    }
    Ok(new)
}

fn parse_whole(unit: &Unit, text: &str, limits: &Limits) -> Result<Node, SyntaxError> {
    let (root, _) = unit.root(text, limits)?;
    root.ok_or_else(|| SyntaxError::new(0, "the document is empty"))
}

/// The texts of a unit that is neither YAML nor JSON after some operations. There only a string that stands verbatim
/// in the text can be replaced, and nothing else of the unit may mean something else then.
fn edit_verbatim(unit: &Unit, operations: &[Operation], limits: &Limits) -> Result<Vec<String>, String> {
    let parsed = |unit: &Unit| {
        let documents = unit.parse(limits).map_err(|error| error.to_string())?;
        documents.into_iter().next().ok_or_else(|| "the file holds no document".to_owned())
    };
    let document = parsed(unit)?;
    let mut texts: Vec<String> = unit.sources.iter().map(|source| source.text.to_string()).collect();
    let mut edits = Vec::new();
    for operation in operations {
        let Operation::Replace { path, value: serde_json::Value::String(new) } = operation else {
            return Err("only text can be replaced in this kind of file".to_owned());
        };
        let node = document.at(path).ok_or_else(|| format!("there is no `{path}`"))?;
        let file = usize::from(node.span.file);
        if unit.is_borrowed(node.span.file) {
            return Err(format!("`{path}` stands in another module"));
        }
        let old = texts.get(file).and_then(|text| text.get(node.span.range()));
        if old.is_none() || old != node.as_str() {
            return Err(format!("`{path}` does not stand verbatim in the file"));
        }
        edits.push((file, node.span.range(), new.clone()));
    }
    edits.sort_by_key(|(file, range, _)| (*file, std::cmp::Reverse(range.start)));
    for (file, range, new) in edits {
        texts[file].replace_range(range, &new);
    }
    let after =
        parsed(&with_text(unit, texts.clone())).map_err(|error| format!("the result does not parse: {error}"))?;
    meaning::unchanged_elsewhere(unit.form, &document.root, &after.root, operations)?;
    Ok(texts)
}

/// A document to stand behind a unit in its YAML file.
///
/// # Errors
/// When the file is no YAML, or a fix created the unit itself.
pub(super) fn create(slot: &Slot, json: &str) -> Result<Slot, String> {
    if slot.original.is_empty() {
        // Otherwise each could bring the next.
        return Err("a document that a fix created gets no further ones".to_owned());
    }
    let text = create_text(&slot.unit, json)?;
    let end = slot.original.end;
    let source = &slot.unit.sources[0];
    let new = Source {
        path: Arc::clone(&source.path),
        lines_before: source.lines_before + source.text.lines().count(),
        offset: end,
        text: text.into(),
    };
    Ok(Slot { unit: Unit::new(Form::Yaml(Scalars::Kubernetes), new), original: end..end })
}

/// The text of a document to be created beside a unit.
pub(super) fn create_text(unit: &Unit, json: &str) -> Result<String, String> {
    let Form::Yaml(_) = unit.form else {
        return Err("a document can only be added to a YAML file".to_owned());
    };
    let value: serde_json::Value = serde_json::from_str(json).map_err(|error| error.to_string())?;
    Ok(format!("---\n{}", edit::write_yaml(&value)))
}

fn with_text(unit: &Unit, texts: Vec<String>) -> Unit {
    let sources = unit.sources.iter().zip(texts).map(|(source, text)| Source {
        path: Arc::clone(&source.path),
        text: text.into(),
        offset: source.offset,
        lines_before: source.lines_before,
    });
    unit.with_sources(sources)
}
