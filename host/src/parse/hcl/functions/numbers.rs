//! Functions of numbers.

use super::super::number::Decimal;
use super::super::value::{Term, Value};
use super::super::work::Work;
use super::Answer;
use std::cmp::Ordering;

/// Calls a function of numbers; `None` when it is not one of these.
pub(super) fn call(name: &str, arguments: &[Term], work: &mut Work<'_>) -> Option<Answer> {
    let answer = match name {
        "abs" => one(arguments).and_then(|number| if is_negative(number)? { number.negative() } else { Some(number) }),
        "ceil" => one(arguments).and_then(Decimal::ceil),
        "floor" => one(arguments).and_then(Decimal::floor),
        "signum" => one(arguments).and_then(|number| {
            Some(Decimal::whole(match number.compare(Decimal::whole(0))? {
                Ordering::Less => -1,
                Ordering::Equal => 0,
                Ordering::Greater => 1,
            }))
        }),
        "max" => extreme(arguments, Ordering::Greater),
        "min" => extreme(arguments, Ordering::Less),
        "sum" => sum(arguments, work),
        "parseint" => parse_integer(arguments),
        _ => return None,
    };
    Some(answer.map(Value::number))
}

fn one(arguments: &[Term]) -> Option<Decimal> {
    match arguments {
        [only] => only.value.to_number(),
        _ => None,
    }
}

fn is_negative(number: Decimal) -> Option<bool> {
    Some(number.compare(Decimal::whole(0))? == Ordering::Less)
}

fn extreme(arguments: &[Term], wanted: Ordering) -> Option<Decimal> {
    let (first, rest) = arguments.split_first()?;
    rest.iter().try_fold(first.value.to_number()?, |best, next| {
        let next = next.value.to_number()?;
        Some(if next.compare(best)? == wanted { next } else { best })
    })
}

fn sum(arguments: &[Term], work: &mut Work<'_>) -> Option<Decimal> {
    let [list] = arguments else { return None };
    let items = list.value.items().filter(|items| !items.is_empty())?;
    work.steps(items.len())?;
    items
        .iter()
        .try_fold(Decimal::whole(0), |sum, item| sum.add(item.value.to_number().filter(|number| number.is_binary())?))
}

fn parse_integer(arguments: &[Term]) -> Option<Decimal> {
    let [text, base] = arguments else { return None };
    let base = u32::try_from(base.value.to_number()?.to_whole()?).ok().filter(|base| (2..=36).contains(base))?;
    i128::from_str_radix(&text.value.to_text()?, base).ok().map(Decimal::whole)
}
