//! Just enough of the POSIX shell to see which commands a script runs, and how long it sleeps.
//! Nothing is expanded: `$VAR`, `$(…)` and globs stay as they are written.

use crate::values::duration::parse_shell_sleep;
use std::borrow::Cow;

/// A token of a script.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Word<'a> {
    /// A word, without its quotes and backslashes.
    Text(Cow<'a, str>),
    /// One of `;`, `&&`, `||`, `|`, `|&`, `&`, newline, `(` and `)`, or a redirection such as `>`,
    /// `>>`, `<`, `>&` or `&>`, whose target is the next word. Never quoted text.
    Operator(&'a str),
}

/// A command without its redirections.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SimpleCommand<'a> {
    /// Its words: assignments, reserved words such as `if`, the program and its arguments.
    pub words: Vec<Cow<'a, str>>,
    /// The operator behind it; empty at the end of the script.
    pub terminator: &'a str,
}

/// Splits a script into words and operators, by the rules of POSIX.1-2024, XCU 2.2 and 2.3, without
/// comments and line continuations. The file descriptor of a redirection (the `2` of `2>&1`) is left
/// out. `None` when a quotation or substitution has no end, and for a here-document, which is not
/// read.
pub fn words(script: &str) -> Option<Vec<Word<'_>>> {
    let mut lexer = Lexer { text: script, at: 0 };
    let mut words = Vec::new();
    loop {
        lexer.skip_blanks();
        let Some(byte) = lexer.peek() else { return Some(words) };
        let start = lexer.at;
        let length = operator_length(lexer.rest());
        if byte == b'#' {
            lexer.at = lexer.find('\n').unwrap_or(script.len());
        } else if length > 0 {
            let operator = lexer.take(length);
            if matches!(operator, "<<" | "<<-") {
                return None;
            }
            words.push(Word::Operator(operator));
        } else {
            let word = lexer.word()?;
            let is_descriptor = script[start..lexer.at].bytes().all(|byte| byte.is_ascii_digit());
            if !(is_descriptor && matches!(lexer.peek(), Some(b'<' | b'>'))) {
                words.push(Word::Text(word));
            }
        }
    }
}

/// The commands of a script in order, whatever compound command they stand in. See [`words`].
pub fn simple_commands(script: &str) -> Option<Vec<SimpleCommand<'_>>> {
    let mut commands = commands(script)?;
    commands.retain(|command| !command.words.is_empty());
    Some(commands)
}

/// The script in a command such as `["sh", "-c", "…"]`: what follows `-c` for `sh`, `bash`, `ash` or
/// `dash`, by name or path, or through `busybox`. `None` when the command runs no such script.
pub fn script<'a>(argv: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let mut arguments = argv.into_iter();
    let mut program = base_name(arguments.next()?);
    if program == "busybox" {
        program = arguments.next()?;
    }
    if !matches!(program, "sh" | "bash" | "ash" | "dash") {
        return None;
    }
    let mut has_script = false;
    while let Some(argument) = arguments.next() {
        if argument == "--" {
            return arguments.next().filter(|_| has_script);
        }
        if !argument.starts_with(['-', '+']) {
            return has_script.then_some(argument);
        }
        if !argument.starts_with("--") {
            has_script |= argument.starts_with('-') && argument.contains('c');
            if argument.contains('o') {
                arguments.next();
            }
        }
    }
    None
}

/// How long a command certainly sleeps, in milliseconds; the command is a container's argument
/// vector, as in an exec hook.
///
/// The command is `sleep` itself (`["sleep", "5"]`, several arguments add up) or a shell with a
/// [`script`]. In a script, commands run one after the other add up, of a pipeline the longest
/// counts. What runs in the background (`&`), after `||`, or inside `if`, `while`, `until`, `for`
/// and `case` does not count; what runs after `&&` does.
///
/// `None` when nothing sleeps, and when that cannot be told: an argument such as `$DELAY`, a
/// function, a here-document, a syntax error.
pub fn sleep_millis<'a>(argv: impl IntoIterator<Item = &'a str>) -> Option<i64> {
    let argv: Vec<Cow<'_, str>> = argv.into_iter().map(Cow::Borrowed).collect();
    command_sleep(&argv, MAX_NESTED_SHELLS).ok().flatten()
}

/// How deep `sh -c` within `sh -c` is followed.
const MAX_NESTED_SHELLS: u32 = 3;

/// Milliseconds slept, if any.
type Sleep = Option<i64>;

/// That it cannot be told how long a command sleeps.
struct Unclear;

fn commands(script: &str) -> Option<Vec<SimpleCommand<'_>>> {
    let mut commands = Vec::new();
    let mut current = Vec::new();
    let mut words = words(script)?.into_iter();
    while let Some(word) = words.next() {
        match word {
            Word::Text(text) => current.push(text),
            Word::Operator(operator) if is_redirection(operator) => {
                let Some(Word::Text(_)) = words.next() else { return None };
            }
            Word::Operator(terminator) => {
                commands.push(SimpleCommand { words: std::mem::take(&mut current), terminator });
            }
        }
    }
    commands.push(SimpleCommand { words: current, terminator: "" });
    Some(commands)
}

fn is_redirection(operator: &str) -> bool {
    operator.contains(['<', '>'])
}

fn base_name(path: &str) -> &str {
    path.rsplit_once('/').map_or(path, |(_, name)| name)
}

/// The bytes of the operator that a text begins with; 0 when it begins with none.
fn operator_length(text: &str) -> usize {
    const OPERATORS: [&str; 20] = [
        "&>>", "<<<", "<<-", "&&", "||", "|&", "&>", ">>", ">&", ">|", "<<", "<&", "<>", "\n", ";", "&", "|", "(", ")",
        ">",
    ];
    match OPERATORS.iter().find(|operator| text.starts_with(**operator)) {
        Some(operator) => operator.len(),
        None => usize::from(text.starts_with('<')),
    }
}

struct Lexer<'a> {
    text: &'a str,
    at: usize,
}

impl<'a> Lexer<'a> {
    fn rest(&self) -> &'a str {
        &self.text[self.at..]
    }

    fn peek(&self) -> Option<u8> {
        self.text.as_bytes().get(self.at).copied()
    }

    fn take(&mut self, length: usize) -> &'a str {
        let taken = &self.rest()[..length];
        self.at += length;
        taken
    }

    /// Where a character next occurs.
    fn find(&self, character: char) -> Option<usize> {
        Some(self.at + self.rest().find(character)?)
    }

    fn skip_blanks(&mut self) {
        loop {
            match self.rest().as_bytes() {
                [b' ' | b'\t', ..] => self.at += 1,
                [b'\\', b'\n', ..] => self.at += 2,
                _ => return,
            }
        }
    }

    fn word(&mut self) -> Option<Cow<'a, str>> {
        let mut word = Cow::Borrowed("");
        while let Some(byte) = self.peek() {
            match byte {
                b' ' | b'\t' | b'\n' | b';' | b'&' | b'|' | b'(' | b')' | b'<' | b'>' => break,
                b'\'' => {
                    self.at += 1;
                    let end = self.find('\'')?;
                    append(&mut word, self.take(end - self.at));
                    self.at += 1;
                }
                b'"' => self.double_quoted(&mut word)?,
                b'\\' => self.escaped(&mut word, |_| true),
                b'$' | b'`' => append(&mut word, self.expansion()?),
                _ => append(&mut word, self.run(|c| " \t\n;&|()<>'\"\\$`".contains(c))),
            }
        }
        Some(word)
    }

    /// Takes everything up to a character that ends it.
    fn run(&mut self, ends: impl Fn(char) -> bool) -> &'a str {
        self.take(self.rest().find(ends).unwrap_or(self.rest().len()))
    }

    fn double_quoted(&mut self, word: &mut Cow<'a, str>) -> Option<()> {
        self.at += 1;
        loop {
            match self.peek()? {
                b'"' => {
                    self.at += 1;
                    return Some(());
                }
                b'\\' => self.escaped(word, |c| "$`\"\\".contains(c)),
                b'$' | b'`' => append(word, self.expansion()?),
                _ => append(word, self.run(|c| "\"\\$`".contains(c))),
            }
        }
    }

    /// A backslash and the character behind it; the backslash stays unless that one is special.
    fn escaped(&mut self, word: &mut Cow<'a, str>, is_special: impl Fn(char) -> bool) {
        let backslash = self.take(1);
        match self.rest().chars().next() {
            Some('\n') => self.at += 1,
            Some(character) if is_special(character) => append(word, self.take(character.len_utf8())),
            _ => append(word, backslash),
        }
    }

    /// `$(…)`, `${…}` or a command in backquotes as a whole, or a lone `$`, as written.
    fn expansion(&mut self) -> Option<&'a str> {
        let start = self.at;
        let opening = self.take(1);
        if opening == "`" {
            self.skip_backquoted()?;
        } else if let Some(b'(' | b'{') = self.peek() {
            self.skip_nested()?;
        }
        Some(&self.text[start..self.at])
    }

    fn skip_backquoted(&mut self) -> Option<()> {
        loop {
            match self.peek()? {
                b'`' => {
                    self.at += 1;
                    return Some(());
                }
                b'\\' => self.at += 2,
                _ => self.at += 1,
            }
        }
    }

    /// Skips from an opening bracket to the one that closes it. Brackets in quotes do not count.
    fn skip_nested(&mut self) -> Option<()> {
        let opening = self.peek()?;
        let closing = if opening == b'(' { b')' } else { b'}' };
        let mut depth = 0_usize;
        let mut is_quoted = false;
        loop {
            match self.peek()? {
                b'"' => is_quoted = !is_quoted,
                byte if byte == opening && !is_quoted => depth += 1,
                byte if byte == closing && !is_quoted => depth -= 1,
                b'\'' if !is_quoted => {
                    self.at += 1;
                    self.at = self.find('\'')?;
                }
                b'\\' => self.at += 1,
                _ => {}
            }
            self.at += 1;
            if depth == 0 {
                return Some(());
            }
        }
    }
}

fn append<'a>(word: &mut Cow<'a, str>, piece: &'a str) {
    if word.is_empty() {
        *word = Cow::Borrowed(piece);
    } else {
        word.to_mut().push_str(piece);
    }
}

/// What a bracket or reserved word opens.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Opening {
    /// The script itself.
    Script,
    /// `(`
    Parenthesis,
    /// `{`
    Brace,
    /// `if`
    If,
    /// `while`, `until`, `for` and `select`
    Loop,
    /// `case`
    Case,
}

impl Opening {
    /// True when what is inside may run never, or more than once.
    fn is_conditional(self) -> bool {
        matches!(self, Self::If | Self::Loop | Self::Case)
    }
}

/// A list of commands that is being read.
struct Frame {
    opening: Opening,
    /// Slept for certain.
    total: Sleep,
    /// Slept in the current list of pipelines joined by `&&` and `||`.
    list: Sleep,
    /// Slept in the current pipeline.
    pipeline: Sleep,
    /// True when the current pipeline runs only after another has failed.
    is_fallback: bool,
}

impl Frame {
    fn new(opening: Opening) -> Self {
        Self { opening, total: None, list: None, pipeline: None, is_fallback: false }
    }

    fn end_pipeline(&mut self, is_fallback: bool) -> Result<(), Unclear> {
        let pipeline = self.pipeline.take();
        if !self.is_fallback {
            self.list = add(self.list, pipeline)?;
        }
        self.is_fallback = is_fallback;
        Ok(())
    }

    fn end_list(&mut self) -> Result<(), Unclear> {
        self.end_pipeline(false)?;
        self.total = add(self.total, self.list.take())?;
        Ok(())
    }
}

fn add(a: Sleep, b: Sleep) -> Result<Sleep, Unclear> {
    match (a, b) {
        (Some(a), Some(b)) => a.checked_add(b).map(Some).ok_or(Unclear),
        _ => Ok(a.or(b)),
    }
}

/// Reads a script once, keeping the lists that are open.
struct ScriptSleep {
    outer: Vec<Frame>,
    frame: Frame,
    /// How many of the open lists are conditional.
    conditions: usize,
    nested_shells: u32,
}

fn script_sleep(script: &str, nested_shells: u32) -> Result<Sleep, Unclear> {
    let frame = Frame::new(Opening::Script);
    let mut reader = ScriptSleep { outer: Vec::new(), frame, conditions: 0, nested_shells };
    for command in commands(script).ok_or(Unclear)? {
        reader.read(&command)?;
    }
    if reader.frame.opening == Opening::Script { Ok(reader.frame.total) } else { Err(Unclear) }
}

impl ScriptSleep {
    fn read(&mut self, command: &SimpleCommand<'_>) -> Result<(), Unclear> {
        let words = self.reserved_words(&command.words)?;
        let counts = self.conditions == 0 && !self.frame.is_fallback && command.terminator != "&";
        let slept = if counts { command_sleep(words, self.nested_shells)? } else { None };
        self.frame.pipeline = self.frame.pipeline.max(slept);
        match command.terminator {
            "&&" => self.frame.end_pipeline(false),
            "||" => self.frame.end_pipeline(true),
            "&" => {
                self.frame.list = None;
                self.frame.pipeline = None;
                self.frame.end_list()
            }
            // A function's parentheses, or a mistake.
            "(" if !words.is_empty() => Err(Unclear),
            "(" => {
                self.open(Opening::Parenthesis);
                Ok(())
            }
            // Behind a pattern.
            ")" if self.frame.opening == Opening::Case => Ok(()),
            ")" => self.close(Opening::Parenthesis),
            "|" | "|&" => Ok(()),
            _ => self.frame.end_list(),
        }
    }

    /// Follows the reserved words at the beginning of a command, and gives what remains of it.
    fn reserved_words<'w, 'a>(&mut self, mut words: &'w [Cow<'a, str>]) -> Result<&'w [Cow<'a, str>], Unclear> {
        while let [first, rest @ ..] = words {
            match &**first {
                "if" => self.open(Opening::If),
                "while" | "until" => self.open(Opening::Loop),
                "for" | "select" => {
                    self.open(Opening::Loop);
                    return Ok(&[]);
                }
                "case" => {
                    self.open(Opening::Case);
                    return Ok(&[]);
                }
                "{" => self.open(Opening::Brace),
                "}" => self.close(Opening::Brace)?,
                "fi" => self.close(Opening::If)?,
                "done" => self.close(Opening::Loop)?,
                "esac" => self.close(Opening::Case)?,
                "function" => return Err(Unclear),
                "then" | "elif" | "else" | "do" | "!" | "time" => {}
                _ => break,
            }
            words = rest;
        }
        Ok(words)
    }

    fn open(&mut self, opening: Opening) {
        self.conditions += usize::from(opening.is_conditional() || self.frame.is_fallback);
        let outer = std::mem::replace(&mut self.frame, Frame::new(opening));
        self.outer.push(outer);
    }

    fn close(&mut self, opening: Opening) -> Result<(), Unclear> {
        if self.frame.opening != opening {
            return Err(Unclear);
        }
        self.frame.end_list()?;
        let slept = self.frame.total;
        self.frame = self.outer.pop().ok_or(Unclear)?;
        self.conditions -= usize::from(opening.is_conditional() || self.frame.is_fallback);
        self.frame.pipeline = self.frame.pipeline.max(slept);
        Ok(())
    }
}

/// How long a command without reserved words sleeps.
fn command_sleep(words: &[Cow<'_, str>], nested_shells: u32) -> Result<Sleep, Unclear> {
    let is_prefix =
        |word: &Cow<'_, str>| matches!(&**word, "exec" | "command" | "busybox" | "/bin/busybox") || is_assignment(word);
    let prefixes = words.iter().take_while(|word| is_prefix(word)).count();
    let words = &words[prefixes..];
    let Some((program, arguments)) = words.split_first() else { return Ok(None) };
    if base_name(program) == "sleep" {
        let sum = arguments.iter().try_fold(0_i64, |sum, argument| sum.checked_add(parse_shell_sleep(argument)?));
        return sum.filter(|_| !arguments.is_empty()).map(Some).ok_or(Unclear);
    }
    match script(words.iter().map(|word| &**word)) {
        Some(script) => script_sleep(script, nested_shells.checked_sub(1).ok_or(Unclear)?),
        None => Ok(None),
    }
}

/// `NAME=value`
fn is_assignment(word: &str) -> bool {
    let name = word.split_once('=').map_or("", |(name, _)| name);
    !name.is_empty()
        && !name.starts_with(|c: char| c.is_ascii_digit())
        && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_')
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn text(text: &str) -> Word<'_> {
        Word::Text(Cow::Borrowed(text))
    }

    fn shell_sleep(script: &str) -> Option<i64> {
        sleep_millis(["sh", "-c", script])
    }

    #[test]
    fn splits_words_and_operators() {
        use Word::Operator as Op;
        for (script, expected) in [
            ("", vec![]),
            ("a  b\tc", vec![text("a"), text("b"), text("c")]),
            (
                "a;b&&c||d|e&",
                vec![
                    text("a"),
                    Op(";"),
                    text("b"),
                    Op("&&"),
                    text("c"),
                    Op("||"),
                    text("d"),
                    Op("|"),
                    text("e"),
                    Op("&"),
                ],
            ),
            ("a\nb", vec![text("a"), Op("\n"), text("b")]),
            ("'a ; b' \"c && d\" e\\;f", vec![text("a ; b"), text("c && d"), text("e;f")]),
            ("'' \"\"", vec![text(""), text("")]),
            ("a'b'\"c\"d", vec![text("abcd")]),
            (r#""\$x \a \"""#, vec![text(r#"$x \a ""#)]),
            ("a \\\n b\\\nc", vec![text("a"), text("bc")]),
            ("a # b ; c\nd#e", vec![text("a"), Op("\n"), text("d#e")]),
            (
                "a 2>&1 >/dev/null 2>>x",
                vec![text("a"), Op(">&"), text("1"), Op(">"), text("/dev/null"), Op(">>"), text("x")],
            ),
            ("a 2 >x", vec![text("a"), text("2"), Op(">"), text("x")]),
            ("a &>x", vec![text("a"), Op("&>"), text("x")]),
            ("(a)", vec![Op("("), text("a"), Op(")")]),
            (
                "a $(b; c \")\" $(d)) `e; f` ${g:-h i}",
                vec![text("a"), text("$(b; c \")\" $(d))"), text("`e; f`"), text("${g:-h i}")],
            ),
            ("\"$(a; b) $c\" $", vec![text("$(a; b) $c"), text("$")]),
            ("${a%)} b", vec![text("${a%)}"), text("b")]),
            ("a\r", vec![text("a\r")]),
            ("é\\é\\", vec![text("éé\\")]),
        ] {
            assert_eq!(words(script), Some(expected), "{script}");
        }
        for script in ["'a", "\"a", "$(a", "`a", "${a", "\"$(a\"", "a `b\\", "a <<X\nX", "$(\\é"] {
            assert_eq!(words(script), None, "{script}");
        }
    }

    #[test]
    fn splits_commands() {
        let split = |script| {
            let commands = simple_commands(script).unwrap();
            commands.iter().map(|command| (command.words.join(" "), command.terminator)).collect::<Vec<_>>()
        };
        assert_eq!(
            split("curl -s 'x y' 2>/dev/null | sh && echo \"a;b\" &\n\nexit"),
            [("curl -s x y".into(), "|"), ("sh".into(), "&&"), ("echo a;b".into(), "&"), ("exit".into(), "")]
        );
        assert_eq!(split(" ; "), []);
        assert_eq!(simple_commands("a >"), None);
        assert_eq!(simple_commands("a > ; b"), None);
    }

    #[test]
    fn finds_the_script_of_a_shell() {
        for (argv, expected) in [
            (&["sh", "-c", "x"][..], Some("x")),
            (&["/bin/bash", "-ec", "x", "y"], Some("x")),
            (&["bash", "-o", "pipefail", "-c", "x"], Some("x")),
            (&["bash", "-euo", "pipefail", "-c", "x"], Some("x")),
            (&["bash", "--norc", "-c", "x"], Some("x")),
            (&["sh", "-c", "-e", "x"], Some("x")),
            (&["sh", "-c", "--", "-x"], Some("-x")),
            (&["/bin/busybox", "sh", "-c", "x"], Some("x")),
            (&["sh", "x.sh"], None),
            (&["sh", "x.sh", "-c", "x"], None),
            (&["sh", "-c"], None),
            (&["sh"], None),
            (&["python", "-c", "x"], None),
            (&["busybox"], None),
            (&[], None),
        ] {
            assert_eq!(script(argv.iter().copied()), expected, "{argv:?}");
        }
    }

    #[test]
    fn finds_sleeps_in_argument_vectors() {
        for (argv, expected) in [
            (&["sleep", "5"][..], Some(5_000)),
            (&["/bin/sleep", "5"], Some(5_000)),
            (&["busybox", "sleep", "5"], Some(5_000)),
            (&["/bin/busybox", "sleep", "5"], Some(5_000)),
            (&["sleep", "1m", "0.5"], Some(60_500)),
            (&["sleep", "0"], Some(0)),
            (&["sh", "-c", "sleep 5 && nginx -s quit"], Some(5_000)),
            (&["/bin/sh", "-c", "sleep 5"], Some(5_000)),
            (&["bash", "-c", "sleep 5; sleep 2m"], Some(125_000)),
            (&["/bin/busybox", "ash", "-c", "sleep 5"], Some(5_000)),
            (&["sleep"], None),
            (&["sleep", "$DELAY"], None),
            (&["sleep", "9223372036854775", "9223372036854775"], None),
            (&["nginx", "-s", "quit"], None),
            (&["echo", "sleep", "5"], None),
            (&["/opt/sleepy", "5"], None),
            (&["sh", "-c", ""], None),
            (&[], None),
        ] {
            assert_eq!(sleep_millis(argv.iter().copied()), expected, "{argv:?}");
        }
    }

    #[test]
    fn counts_only_certain_sleeps_of_scripts() {
        for (script, expected) in [
            ("sleep 5", Some(5_000)),
            ("nginx -s quit; sleep 5", Some(5_000)),
            ("nginx -s quit && sleep 5", Some(5_000)),
            ("sleep 5\nsleep 5\n", Some(10_000)),
            ("# drain\nsleep 5 # seconds", Some(5_000)),
            ("sleep 5 || true", Some(5_000)),
            ("curl x || sleep 5", None),
            ("curl x || sleep 5; sleep 1", Some(1_000)),
            ("curl x || echo && sleep 5", Some(5_000)),
            ("curl x || sleep 3 | sleep 4", None),
            ("sleep 5 & sleep 1", Some(1_000)),
            ("sleep 5 &", None),
            ("a && sleep 5 & sleep 1", Some(1_000)),
            ("sleep 5 | sleep 3", Some(5_000)),
            ("sleep 5 >/dev/null 2>&1", Some(5_000)),
            ("exec sleep 5", Some(5_000)),
            ("X=1 command sleep 5", Some(5_000)),
            ("sleep '5'; \"sleep\" \"1\"", Some(6_000)),
            ("echo 'sleep 5'", None),
            ("echo $(sleep 5)", None),
            ("(sleep 5; sleep 1)", Some(6_000)),
            ("(sleep 5; sleep 1) & sleep 2", Some(2_000)),
            ("{ sleep 5; sleep 1; } && sleep 2", Some(8_000)),
            ("{ sleep 5; } &", None),
            ("true || { sleep 5; sleep 1; }; sleep 2", Some(2_000)),
            ("true || (sleep 5)", None),
            ("if a; then sleep 5; else sleep $X; fi; sleep 1", Some(1_000)),
            ("while ! a; do b; sleep 1; done; sleep 2", Some(2_000)),
            ("for i in 1 2; do sleep 1; done", None),
            ("case $x in a) sleep 5;; b) sleep 6;; esac; sleep 1", Some(1_000)),
            ("if a; then (sleep 5); { sleep 1; }; fi && sleep 3", Some(3_000)),
            ("while a; do for i in x; do sleep 1; done; sleep 1; done", None),
            ("sh -c 'sleep 5; sleep 1'", Some(6_000)),
            ("! sleep 5", Some(5_000)),
            ("sleep", None),
            ("sleep $DELAY", None),
            ("sleep 1; sleep $DELAY", None),
            ("sleep ${DELAY:-5}", None),
            ("f() { sleep 5; }; f", None),
            ("function f { sleep 5; }; f", None),
            ("cat <<EOF\nsleep 5\nEOF", None),
            ("sleep 5; 'open", None),
            ("sleep 5; }", None),
            ("(sleep 5", None),
            ("sleep 5)", None),
            ("if a; then sleep 5", None),
            ("sleep 5; fi", None),
            ("sh -c \"sh -c 'sh -c \\\"sh -c sleep\\\"'\"", None),
        ] {
            assert_eq!(shell_sleep(script), expected, "{script}");
        }
    }

    #[test]
    fn deep_nesting_needs_no_stack() {
        let groups = "( ".repeat(50_000) + "sleep 1" + &" )".repeat(50_000);
        assert_eq!(shell_sleep(&groups), Some(1_000));
        assert_eq!(words(&"$(".repeat(50_000)), None);
    }

    proptest! {
        #[test]
        fn never_panics(other: String, script in "([a-z0-9 ;&|()<>'\"\\\\$`{}#\n=é-]|if |then |fi|do |done|case |esac|sleep 1){0,40}") {
            for script in [&other, &script] {
                let _ = (simple_commands(script), shell_sleep(script), sleep_millis(script.split(' ')));
            }
        }

        #[test]
        fn quoted_text_comes_back(text: String) {
            let quoted = ["'", &text.replace('\'', r"'\''"), "'"].concat();
            prop_assert_eq!(words(&quoted), Some(vec![Word::Text(Cow::Borrowed(&*text))]));
            let escaped: String = text.chars().filter(|c| *c != '\n').flat_map(|c| ['\\', c]).collect();
            let expected: String = text.chars().filter(|c| *c != '\n').collect();
            if !expected.is_empty() {
                prop_assert_eq!(words(&escaped), Some(vec![Word::Text(Cow::Owned(expected))]));
            }
        }

        #[test]
        fn a_sequence_adds_up(seconds in prop::collection::vec(0..10_000_i64, 1..8), joint in "(;|&&|\n| ; : ; )") {
            let script = seconds.iter().map(|seconds| format!("sleep {seconds}")).collect::<Vec<_>>().join(&joint);
            prop_assert_eq!(shell_sleep(&script), Some(seconds.iter().sum::<i64>() * 1000));
        }
    }
}
