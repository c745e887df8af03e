//! Functions that make one type of another, or choose among values.

use super::super::value::{Term, Value};
use super::super::work::Work;
use super::{Answer, set_of};

/// Calls a function of conversions and choices; `None` when it is not one of these.
pub(super) fn call(name: &str, arguments: &[Term], work: &mut Work<'_>) -> Option<Answer> {
    let known =
        ["tostring", "tonumber", "tobool", "tolist", "toset", "tomap", "sensitive", "nonsensitive", "ephemeralasnull"];
    let answer = match (name, arguments) {
        ("try", _) => first_known(arguments),
        ("can", [only]) => (!only.is_unknown()).then_some(Value::Bool(true)),
        ("can", _) => None,
        ("coalesce", _) => coalesce(arguments),
        ("coalescelist", _) => coalesce_list(arguments),
        ("one", [only]) => match only.value.items() {
            Some([]) => Some(Value::Null),
            Some([single]) => Some(single.value.clone()),
            _ => None,
        },
        (_, [only]) if known.contains(&name) => converted(name, only, work),
        _ if name == "one" || known.contains(&name) => None,
        _ => return None,
    };
    Some(answer)
}

fn converted(name: &str, argument: &Term, work: &mut Work<'_>) -> Answer {
    let value = &argument.value;
    if matches!(value, Value::Null) || matches!(name, "sensitive" | "nonsensitive") {
        return Some(value.clone());
    }
    match (name, value) {
        ("tostring", _) => value.to_text().map(Value::Text),
        ("tonumber", _) => value.to_number().map(Value::number),
        ("tobool", _) => value.to_bool().map(Value::Bool),
        ("tomap", Value::Map(_)) => Some(value.clone()),
        ("tolist", Value::List(list)) => work.list(list.items.clone(), false),
        ("toset", Value::List(list)) => set_of(&list.items, work),
        _ => None,
    }
}

/// The first that is known to be one: whether another one fails or is not known cannot be told.
fn first_known(arguments: &[Term]) -> Answer {
    arguments.first().filter(|first| !first.is_unknown()).map(|first| first.value.clone())
}

fn coalesce(arguments: &[Term]) -> Answer {
    for argument in arguments {
        match &argument.value {
            Value::Unknown(..) => return None,
            Value::Null => {}
            Value::Text(text) if text.is_empty() => {}
            value => return Some(value.clone()),
        }
    }
    None
}

fn coalesce_list(arguments: &[Term]) -> Answer {
    for argument in arguments {
        match &argument.value {
            Value::Null => {}
            Value::List(list) if list.items.is_empty() => {}
            Value::List(_) => return Some(argument.value.clone()),
            _ => return None,
        }
    }
    None
}
