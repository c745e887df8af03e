//! What commands say: the one way to standard output and standard error.
//!
//! Everything that goes to either is made visible here, as a line ([`outln`], [`errln`]) or as a text of our own making
//! ([`print`], [`print_json`]), so that no name, message or error of anybody else can forget it.

use crate::plain::system as system_words;
use crate::visible::{visible, visible_json, visible_lines, visible_styled};
use anstream::adapter::strip_str;
use clap::error::ContextValue;
use std::error::Error as _;
use std::fmt;
use std::io::{self, IsTerminal as _, Write as _};
use std::sync::OnceLock;

/// A line on standard output, whatever the values in it hold.
macro_rules! outln {
    ($($argument:tt)*) => { $crate::cli::terminal::out(format_args!($($argument)*)) };
}
/// A line on standard error, whatever the values in it hold.
macro_rules! errln {
    ($($argument:tt)*) => { $crate::cli::terminal::err(format_args!($($argument)*)) };
}
pub(super) use {errln, outln};

/// The first failure of standard output that somebody has to be told.
static FAILURE: OnceLock<io::Error> = OnceLock::new();

/// A line on standard output.
pub(super) fn out(line: fmt::Arguments<'_>) {
    write(&format!("{}\n", visible(&line.to_string())));
}

/// A line on standard error.
pub(super) fn err(line: fmt::Arguments<'_>) {
    err_text(&format!("{}\n", visible(&system_words(&line.to_string()))));
}

/// Lines on standard output: a text whose values are visible already, or prose, which has lines of its own.
pub(super) fn print(text: &str) {
    write(&visible_lines(text));
}

/// Lines on standard error, likewise.
pub(super) fn print_error(text: &str) {
    err_text(&visible_lines(text));
}

/// A value on standard output, as JSON.
pub(super) fn print_json(value: &impl serde::Serialize) -> serde_json::Result<()> {
    write(&format!("{}\n", visible_json(&serde_json::to_string_pretty(value)?)));
    Ok(())
}

/// A report on standard output, as it was rendered: each form makes its values visible in its own way.
pub(super) fn report(text: &str) {
    write(text);
}

/// Puts a text into the place of the line that the cursor of standard error is on.
pub(super) fn status(text: &str) {
    err_text(&format!("\r\x1b[2K{}", visible(text)));
}

/// Clears the terminal, with the lines above its screen, if standard output is one.
pub(super) fn clear() {
    if io::stdout().is_terminal() {
        write("\x1b[H\x1b[2J\x1b[3J");
    }
}

/// What went wrong with standard output, if anything did.
pub(super) fn failure() -> Option<&'static io::Error> {
    FAILURE.get()
}

fn write(text: &str) {
    match io::stdout().lock().write_all(text.as_bytes()) {
        Ok(()) => {}
        // Whoever read the output has seen enough (`| head`).
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => {}
        // Only the first one is told.
        Err(error) => drop(FAILURE.set(error)),
    }
}

fn err_text(text: &str) {
    // Nobody is left to tell.
    let _ = io::stderr().lock().write_all(text.as_bytes());
}

/// Says what a command line comes to that is no command: help, a version, a usage error.
pub(super) fn usage(error: &clap::Error) {
    let text = usage_text(error);
    let shown = |choice| match choice {
        anstream::ColorChoice::Never => strip_str(&text).to_string(),
        _ => text.clone(),
    };
    if error.use_stderr() {
        err_text(&visible_styled(&shown(anstream::AutoStream::choice(&io::stderr()))));
    } else {
        write(&visible_styled(&shown(anstream::AutoStream::choice(&io::stdout()))));
    }
}

/// clap's own lines and colours, in which what somebody typed is visible.
fn usage_text(error: &clap::Error) -> String {
    let mut typed: Vec<String> = error.source().map(ToString::to_string).into_iter().collect();
    for (_, value) in error.context() {
        match value {
            ContextValue::String(text) => typed.push(text.clone()),
            ContextValue::Strings(texts) => typed.extend(texts.iter().cloned()),
            _ => {}
        }
    }
    typed.retain(|text| visible(text) != *text);
    let text = error.render().ansi().to_string();
    typed.iter().fold(text, |text, typed| text.replace(typed.as_str(), &visible(typed)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_somebody_typed_stays_on_its_line() {
        let command =
            || clap::Command::new("x").arg(clap::Arg::new("n").long("n").value_parser(clap::value_parser!(u8)));
        for typed in ["a\n::error::b\u{1b}[8m", "\u{202e}\r\nb"] {
            for arguments in [vec!["x", typed], vec!["x", "--n", typed]] {
                let error = command().try_get_matches_from(arguments).unwrap_err();
                let text = usage_text(&error);
                assert!(text.contains(&*visible(typed)), "{text:?}");
                assert!(!text.contains(typed), "{text:?}");
            }
        }
    }
}
