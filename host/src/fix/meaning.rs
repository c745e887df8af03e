//! What a fix may change of the meaning of a file whose text it edits: what it names, and nothing else.
//!
//! YAML and JSON need none of this: there the edited text has to mean the patched value to the letter (`edit`).

use crate::document::{Node, Pointer};
use crate::edit::Operation;
use crate::parse::Form;
use serde_json::Value;

/// Refuses an edit that makes anything else of a parsed file mean something else than before.
///
/// In a Dockerfile an operation may change the instruction that it is in, which stays the same instruction, and the
/// variables that follow from it. In a Terraform module it may change one value of `blocks`, what is written; all else
/// follows from that.
///
/// # Errors
/// Says that something else would change.
pub(super) fn unchanged_elsewhere(
    form: Form,
    before: &Node,
    after: &Node,
    operations: &[Operation],
) -> Result<(), String> {
    let written = |root: &Node| match (form, root.get("blocks")) {
        (Form::Terraform, Some(blocks)) => serde_json::json!({ "blocks": blocks.to_value() }),
        _ => root.to_value(),
    };
    let (mut before, mut after) = (written(before), written(after));
    for operation in operations {
        let mine = if form == Form::Dockerfile { instruction(operation.path()) } else { None };
        let Some((stage, instruction)) = mine else {
            for value in [&mut before, &mut after] {
                take(value, operation.path());
            }
            continue;
        };
        let keyword = |value: &Value| value.pointer(&format!("{instruction}/instruction")).cloned();
        if keyword(&before) != keyword(&after) {
            return Err("another instruction would stand there".to_owned());
        }
        let sets_variables = keyword(&before).is_some_and(|keyword| keyword == "ENV" || keyword == "ARG");
        for value in [&mut before, &mut after] {
            take(value, &instruction);
            if sets_variables {
                take(value, &stage.join("args"));
            }
        }
    }
    if before == after { Ok(()) } else { Err("something else of the file would change its meaning".to_owned()) }
}

/// The stage and the instruction that a path of a Dockerfile leads to or into.
fn instruction(path: &Pointer) -> Option<(Pointer, Pointer)> {
    match path.tokens() {
        [stages, stage, instructions, instruction, ..] if stages == "stages" && instructions == "instructions" => {
            let stage: Pointer = [stages, stage].into_iter().cloned().collect();
            let instruction = stage.join("instructions").join(instruction);
            Some((stage, instruction))
        }
        _ => None,
    }
}

/// Takes a value out, where it is; its place stays.
fn take(root: &mut Value, path: &Pointer) {
    if let Some(value) = root.pointer_mut(&path.to_string()) {
        *value = Value::Null;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::document::Source;
    use crate::parse::{Limits, Unit};

    /// What the check says of a Dockerfile that becomes another, by an operation at a path.
    fn check(before: &str, after: &str, path: &str) -> Result<(), String> {
        let root = |text: &str| {
            let unit = Unit::new(Form::Dockerfile, Source::new("Dockerfile", text));
            unit.parse(&Limits::default()).unwrap().remove(0).root
        };
        let operation = Operation::Replace { path: Pointer::parse(path).unwrap(), value: Value::Null };
        unchanged_elsewhere(Form::Dockerfile, &root(before), &root(after), &[operation])
    }

    #[test]
    fn an_instruction_may_change_and_no_other() {
        let source = "/stages/0/instructions/0/source";
        let before = "FROM a\nRUN one\nCMD [\"x\"]\n";
        assert_eq!(check(before, "FROM a\nRUN two\nCMD [\"x\"]\n", source), Ok(()));
        assert_eq!(check(before, "FROM a\nRUN two \\\n  three\nCMD [\"x\"]\n", source), Ok(()));
        for (after, why) in [
            ("FROM a\nRUN two \\\nCMD [\"x\"]\n", "something else"),
            ("FROM a\nRUN two\nUSER 1\nCMD [\"x\"]\n", "something else"),
            ("FROM a\nRUN two\nCMD [\"y\"]\n", "something else"),
            ("FROM b\nRUN two\nCMD [\"x\"]\n", "something else"),
            ("FROM a\nSHELL [\"two\"]\nCMD [\"x\"]\n", "another instruction"),
            ("# escape=`\nFROM a\nRUN two\nCMD [\"x\"]\n", "something else"),
        ] {
            assert!(check(before, after, source).unwrap_err().contains(why), "{after}");
        }
    }

    #[test]
    fn variables_follow_their_instruction() {
        let source = "/stages/0/instructions/0/source";
        assert_eq!(check("FROM a\nENV A=1\nRUN x\n", "FROM a\nENV A=2\nRUN x\n", source), Ok(()));
        assert!(check("FROM a\nRUN x\nENV A=1\n", "FROM a\nRUN y\nENV A=2\n", source).is_err());
    }
}
