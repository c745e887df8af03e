//! Functions of lists, sets and maps.

use super::super::number::Decimal;
use super::super::value::{Map, Member, Term, Value};
use super::super::work::Work;
use super::Answer;
use indexmap::IndexMap;
use std::cmp::Ordering;
use std::collections::HashSet;
use std::rc::Rc;

/// Calls a function of lists, sets and maps; `None` when it is not one of these.
pub(super) fn call(name: &str, arguments: &[Term], work: &mut Work<'_>) -> Option<Answer> {
    let answer = match name {
        "alltrue" => all(arguments, true),
        "anytrue" => all(arguments, false),
        "compact" => compact(arguments, work),
        "concat" => concat(arguments, work),
        "contains" => contains(arguments, work),
        "chunklist" => chunks(arguments, work),
        "matchkeys" => matching(arguments, work),
        "setproduct" => product(arguments, work),
        "transpose" => transposed(arguments, work),
        "distinct" => distinct(arguments, work),
        "element" => element(arguments),
        "flatten" => flatten(arguments, work),
        "index" => index(arguments, work),
        "keys" => keys(arguments, work),
        "length" => length(arguments),
        "lookup" => lookup(arguments),
        "merge" => merge(arguments, work),
        "range" => range(arguments, work),
        "reverse" => reverse(arguments, work),
        "setintersection" => restricted(arguments, work, true),
        "setsubtract" => restricted(arguments, work, false),
        "setunion" => union(arguments, work),
        "slice" => slice(arguments, work),
        "sort" => sort(arguments, work),
        "values" => values(arguments, work),
        "zipmap" => zip_map(arguments, work),
        _ => return None,
    };
    Some(answer)
}

/// Whether two values are the same; `None` where that depends on what is not known. Lists and maps that hold the same
/// may still be of different types, which Terraform tells apart.
pub(in crate::parse::hcl) fn equal(one: &Value, other: &Value, work: &mut Work<'_>) -> Option<bool> {
    work.steps(1)?;
    match (one, other) {
        (Value::Unknown(..), _) | (_, Value::Unknown(..)) => None,
        (Value::Null, Value::Null) => Some(true),
        (Value::Bool(one), Value::Bool(other)) => Some(one == other),
        (Value::Text(one), Value::Text(other)) => Some(one == other),
        (Value::Number(one), Value::Number(other)) => Some(Decimal::parse(one)? == Decimal::parse(other)?),
        (Value::List(_), Value::List(_)) | (Value::Map(_), Value::Map(_)) => None,
        _ => Some(false),
    }
}

/// A list as a set: without repetitions, in order. Only of texts, numbers and truth values.
pub(in crate::parse::hcl) fn set_of(items: &[Term], work: &mut Work<'_>) -> Answer {
    let mut items = unique(items, work)?;
    items.sort_by(|one, other| match (&one.value, &other.value) {
        (Value::Number(_), Value::Number(_)) => {
            let (one, other) = (one.value.to_number(), other.value.to_number());
            one.zip(other).and_then(|(one, other)| one.compare(other)).unwrap_or(Ordering::Equal)
        }
        _ => one.value.to_text().cmp(&other.value.to_text()),
    });
    work.list(items, true)
}

/// The first of each scalar. Elements of a list are of one type: where there is a text among them, texts.
fn unique(items: &[Term], work: &mut Work<'_>) -> Option<Vec<Term>> {
    work.steps(items.len())?;
    let are_texts = items.iter().any(|item| matches!(item.value, Value::Text(_)));
    let mut seen = HashSet::new();
    let mut unique = Vec::new();
    for item in items {
        let text = item.value.to_text()?;
        if seen.insert(text.clone()) {
            let value = if are_texts { Value::Text(text) } else { item.value.clone() };
            unique.push(Term { value, ..item.clone() });
        }
    }
    Some(unique)
}

fn only(arguments: &[Term]) -> Option<&Value> {
    match arguments {
        [only] => Some(&only.value),
        _ => None,
    }
}

/// Whether all, or else any, of a list's elements are true.
fn all(arguments: &[Term], wanted: bool) -> Answer {
    let mut is_known = true;
    for item in only(arguments)?.items()? {
        match item.value.to_bool() {
            Some(flag) if flag != wanted => return Some(Value::Bool(!wanted)),
            Some(_) => {}
            None => is_known = false,
        }
    }
    is_known.then_some(Value::Bool(wanted))
}

fn compact(arguments: &[Term], work: &mut Work<'_>) -> Answer {
    let mut kept = Vec::new();
    for item in only(arguments)?.items()? {
        match &item.value {
            Value::Null => {}
            value if value.to_text()?.is_empty() => {}
            _ => kept.push(item.clone()),
        }
    }
    work.list(kept, false)
}

fn concat(arguments: &[Term], work: &mut Work<'_>) -> Answer {
    let mut items = Vec::new();
    for argument in arguments {
        let more = argument.value.items()?;
        work.steps(more.len())?;
        items.extend_from_slice(more);
    }
    work.list(items, false)
}

fn contains(arguments: &[Term], work: &mut Work<'_>) -> Answer {
    let [list, wanted] = arguments else { return None };
    let mut is_known = true;
    for item in list.value.items()? {
        match equal(&item.value, &wanted.value, work) {
            Some(true) => return Some(Value::Bool(true)),
            Some(false) => {}
            None => is_known = false,
        }
    }
    is_known.then_some(Value::Bool(false))
}

fn distinct(arguments: &[Term], work: &mut Work<'_>) -> Answer {
    let items = unique(only(arguments)?.items()?, work)?;
    work.list(items, false)
}

fn element(arguments: &[Term]) -> Answer {
    let [Term { value: Value::List(list), .. }, index] = arguments else { return None };
    let length = i128::try_from(list.items.len()).ok().filter(|length| *length > 0 && !list.is_set)?;
    let index = index.value.to_number()?.to_whole()?.rem_euclid(length);
    list.items.get(usize::try_from(index).ok()?).map(|item| item.value.clone())
}

fn flatten(arguments: &[Term], work: &mut Work<'_>) -> Answer {
    let mut flat = Vec::new();
    let mut open: Vec<&Term> = only(arguments)?.items()?.iter().rev().collect();
    while let Some(item) = open.pop() {
        work.steps(1)?;
        match &item.value {
            Value::Unknown(..) => return None,
            Value::List(list) => open.extend(list.items.iter().rev()),
            _ => flat.push(item.clone()),
        }
    }
    work.list(flat, false)
}

fn index(arguments: &[Term], work: &mut Work<'_>) -> Answer {
    let [list, wanted] = arguments else { return None };
    for (at, item) in list.value.items()?.iter().enumerate() {
        if equal(&item.value, &wanted.value, work)? {
            return Some(Value::number(Decimal::whole(i128::try_from(at).ok()?)));
        }
    }
    None
}

fn keys(arguments: &[Term], work: &mut Work<'_>) -> Answer {
    let keys = only(arguments)?.map()?.sorted();
    let keys = keys.into_iter().map(|(key, member)| Term::new(Value::Text(key.clone()), member.key_span)).collect();
    work.list(keys, false)
}

fn values(arguments: &[Term], work: &mut Work<'_>) -> Answer {
    let members = only(arguments)?.map()?.sorted();
    let terms = members.into_iter().map(|(_, member)| member.term.clone()).collect();
    work.list(terms, false)
}

/// Of a text, Terraform counts what people take for characters.
fn length(arguments: &[Term]) -> Answer {
    let length = match only(arguments)? {
        Value::List(list) => list.items.len(),
        Value::Map(map) => map.members.len(),
        Value::Text(text) if text.is_ascii() && !text.contains('\r') => text.len(),
        _ => return None,
    };
    Some(Value::number(Decimal::whole(i128::try_from(length).ok()?)))
}

fn lookup(arguments: &[Term]) -> Answer {
    let (map, rest) = arguments.split_first()?;
    let (key, rest) = rest.split_first()?;
    let found = map.value.map()?.get(&key.value.to_text()?);
    found.or(rest.first()).map(|term| term.value.clone())
}

fn merge(arguments: &[Term], work: &mut Work<'_>) -> Answer {
    let mut members: IndexMap<Rc<str>, Member> = IndexMap::new();
    for argument in arguments {
        if matches!(argument.value, Value::Null) {
            continue;
        }
        let map: &Map = argument.value.map()?;
        work.steps(map.members.len())?;
        members.extend(map.members.iter().map(|(key, member)| (key.clone(), member.clone())));
    }
    work.map(members)
}

/// Numbers from a start up to a limit, of which Terraform makes no more than 1,024.
fn range(arguments: &[Term], work: &mut Work<'_>) -> Answer {
    let numbers: Vec<i128> =
        arguments.iter().map(|argument| argument.value.to_number()?.to_whole()).collect::<Option<_>>()?;
    let (start, limit, step) = match numbers.as_slice() {
        [limit] => (0, *limit, 1),
        [start, limit] => (*start, *limit, 1),
        [start, limit, step] => (*start, *limit, *step),
        _ => return None,
    };
    if step < 1 || limit < start {
        return None;
    }
    let mut items = Vec::new();
    let mut next = start;
    while next < limit {
        if items.len() >= 1024 {
            return None;
        }
        items.push(work.term(Value::number(Decimal::whole(next))));
        next = next.checked_add(step)?;
    }
    work.list(items, false)
}

fn reverse(arguments: &[Term], work: &mut Work<'_>) -> Answer {
    let Value::List(list) = only(arguments)? else { return None };
    if list.is_set {
        return None;
    }
    work.list(list.items.iter().rev().cloned().collect(), false)
}

fn union(arguments: &[Term], work: &mut Work<'_>) -> Answer {
    let mut items = Vec::new();
    for argument in arguments {
        let more = argument.value.items()?;
        work.steps(more.len())?;
        items.extend_from_slice(more);
    }
    set_of(&items, work)
}

/// The elements of the first set that all others have too, or else that none of them has.
fn restricted(arguments: &[Term], work: &mut Work<'_>, shared: bool) -> Answer {
    let (first, others) = arguments.split_first()?;
    let mut items = unique(first.value.items()?, work)?;
    for other in others {
        let other = unique(other.value.items()?, work)?;
        let there: HashSet<Option<Rc<str>>> = other.iter().map(|item| item.value.to_text()).collect();
        items.retain(|item| there.contains(&item.value.to_text()) == shared);
    }
    set_of(&items, work)
}

fn slice(arguments: &[Term], work: &mut Work<'_>) -> Answer {
    let [Term { value: Value::List(list), .. }, start, end] = arguments else { return None };
    let (start, end) = (start.value.to_number()?.to_index()?, end.value.to_number()?.to_index()?);
    let items = list.items.get(start..end).filter(|_| !list.is_set)?;
    work.list(items.to_vec(), false)
}

fn sort(arguments: &[Term], work: &mut Work<'_>) -> Answer {
    let items = only(arguments)?.items()?;
    work.steps(items.len())?;
    let mut texts = Vec::with_capacity(items.len());
    for item in items {
        texts.push((item.value.to_text()?, item.span));
    }
    texts.sort_by(|one, other| one.0.cmp(&other.0));
    let items = texts.into_iter().map(|(text, span)| Term::new(Value::Text(text), span)).collect();
    work.list(items, false)
}

fn zip_map(arguments: &[Term], work: &mut Work<'_>) -> Answer {
    let [keys, values] = arguments else { return None };
    let (keys, values) = (keys.value.items()?, values.value.items()?);
    if keys.len() != values.len() {
        return None;
    }
    let mut members = IndexMap::new();
    for (key, value) in keys.iter().zip(values) {
        members.insert(key.value.to_text()?, Member { key_span: key.span, term: value.clone() });
    }
    work.map(members)
}

fn chunks(arguments: &[Term], work: &mut Work<'_>) -> Answer {
    let [list, size] = arguments else { return None };
    let items = list.value.items()?;
    let size = size.value.to_number()?.to_index()?;
    let mut chunks = Vec::new();
    for chunk in items.chunks(if size == 0 { items.len().max(1) } else { size }) {
        let chunk = work.list(chunk.to_vec(), false)?;
        chunks.push(work.term(chunk));
    }
    work.list(chunks, false)
}

/// The values whose keys are among some.
fn matching(arguments: &[Term], work: &mut Work<'_>) -> Answer {
    let [values, keys, wanted] = arguments else { return None };
    let (values, keys, wanted) = (values.value.items()?, keys.value.items()?, wanted.value.items()?);
    if values.len() != keys.len() {
        return None;
    }
    let mut found = Vec::new();
    for (value, key) in values.iter().zip(keys) {
        for wanted in wanted {
            if equal(&key.value, &wanted.value, work)? {
                found.push(value.clone());
                break;
            }
        }
    }
    work.list(found, false)
}

/// All combinations of the elements of lists; of sets it would be a set, whose order is not known here.
fn product(arguments: &[Term], work: &mut Work<'_>) -> Answer {
    let mut rows: Vec<Vec<Term>> = vec![Vec::new()];
    if arguments.len() < 2 {
        return None;
    }
    for argument in arguments {
        let Value::List(list) = &argument.value else { return None };
        if list.is_set || list.items.iter().any(Term::is_unknown) {
            return None;
        }
        work.steps(rows.len().checked_mul(list.items.len())?.checked_mul(arguments.len())?)?;
        rows = rows
            .iter()
            .flat_map(|row| list.items.iter().map(move |item| [row.as_slice(), std::slice::from_ref(item)].concat()))
            .collect();
    }
    let mut found = Vec::with_capacity(rows.len());
    for row in rows {
        let row = work.list(row, false)?;
        found.push(work.term(row));
    }
    work.list(found, false)
}

/// A map of lists of texts, the other way round.
fn transposed(arguments: &[Term], work: &mut Work<'_>) -> Answer {
    let mut turned: IndexMap<Rc<str>, Vec<Rc<str>>> = IndexMap::new();
    for (key, member) in only(arguments)?.map()?.sorted() {
        for item in member.term.value.items()? {
            work.steps(1)?;
            turned.entry(item.value.to_text()?).or_default().push(key.clone());
        }
    }
    let mut members = IndexMap::new();
    for (key, names) in turned {
        let names = names.into_iter().map(|name| work.term(Value::Text(name))).collect();
        let list = work.list(names, false)?;
        members.insert(key, Member { key_span: work.at, term: work.term(list) });
    }
    work.map(members)
}
