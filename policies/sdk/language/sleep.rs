//! How long a command certainly sleeps.

use super::shell::{Command, commands};
use super::unread;
use crate::json::View;
use crate::values::duration::parse_shell_sleep;

/// How long the commands of a `:shell` tree certainly sleep, in milliseconds.
///
/// Commands run one after the other add up, of a pipeline the longest counts. What runs in the background (`&`), after
/// `||`, or inside `if`, `while`, `until`, `for` and `case` does not count; what runs after `&&` does.
///
/// `None` when nothing sleeps, and when that cannot be told: an argument such as `$DELAY`, a function, a script that is
/// not known, something unread.
pub fn sleep_millis(tree: &View<'_>) -> Option<i64> {
    if unread(tree).is_some() {
        return None;
    }
    list_sleep(tree, MAX_DEPTH).ok().flatten()
}

/// How deep commands in commands are followed.
const MAX_DEPTH: u32 = 24;

/// Milliseconds slept, if any.
type Sleep = Option<i64>;

/// That it cannot be told how long a command sleeps.
struct Unclear;

fn add(a: Sleep, b: Sleep) -> Result<Sleep, Unclear> {
    match (a, b) {
        (Some(a), Some(b)) => a.checked_add(b).map(Some).ok_or(Unclear),
        _ => Ok(a.or(b)),
    }
}

fn list_sleep(parent: &View<'_>, depth: u32) -> Result<Sleep, Unclear> {
    let depth = depth.checked_sub(1).ok_or(Unclear)?;
    let (mut total, mut pipeline) = (None, None);
    let mut is_fallback = false;
    for command in commands(parent) {
        if !command.joined().starts_with('|') || command.joined() == "||" {
            total = add(total, pipeline.take())?;
            is_fallback = command.joined() == "||";
        }
        if !is_fallback && !command.get("background").is_true() {
            pipeline = pipeline.max(command_sleep(&command, depth)?);
        }
    }
    add(total, pipeline)
}

fn command_sleep(command: &Command<'_>, depth: u32) -> Result<Sleep, Unclear> {
    match command.kind() {
        "" => {}
        "group" | "subshell" => {
            return command.branches().try_fold(None, |sum, (_, body)| add(sum, list_sleep(&body, depth)?));
        }
        "function" => return Err(Unclear),
        _ => return Ok(None),
    }
    if command.name() == "sleep" {
        let arguments: Vec<_> = command.program_words().skip(1).collect();
        let sum = arguments.iter().try_fold(0_i64, |sum, word| sum.checked_add(parse_shell_sleep(word.known()?)?));
        return sum.filter(|_| !arguments.is_empty()).map(Some).ok_or(Unclear);
    }
    command.scripts().filter(|script| script.get("by").text() != "trap").try_fold(None, |sum, script| {
        if script.get("unknown").is_true() {
            return Err(Unclear);
        }
        add(sum, list_sleep(&script, depth)?)
    })
}
