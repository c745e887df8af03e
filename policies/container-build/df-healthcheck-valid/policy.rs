use policy_sdk::json::Json;
use policy_sdk::language::shell::commands;
use policy_sdk::prelude::*;
use policy_sdk::values::duration::parse_millis;

policy_sdk::rule! {
    /// `HEALTHCHECK` is well-formed
    ///
    /// * What starts like the exec form, `CMD ["…`, is a complete JSON array of strings with nothing
    ///   behind it. A shell test such as `CMD [ -f /ready ]` is not one of that.
    /// * The exec form holds no shell operator (`||`, `>`, …) among its arguments, unless its program, or
    ///   what that starts (`timeout 5 sh -c …`), is a shell.
    /// * `--interval`, `--timeout`, `--start-period` and `--start-interval` are durations as Docker
    ///   reads them (`30s`, `1m30s`), none between 0 and 1 ms, and `--retries` is a whole number.
    ///
    /// Checked is the last `HEALTHCHECK` of each stage that feeds the final image: those before it are dead. So is the
    /// last one behind `ONBUILD`, which images get that are built from it. Kubernetes, and images built in OCI format,
    /// ignore the instruction.
    ///
    /// A `|| exit 1` behind or inside the exec form says nothing that the exit status does not, so
    /// dropping it is a safe fix.
    ///
    /// ## Why
    /// The build does not complain: `["/app", "check"] || exit 1` is no JSON, so it becomes a shell
    /// command named `[/app,`, every check fails at run time, and the container is unhealthy for good.
    ///
    /// ## Fix
    /// Write `CMD ["/app", "check"]`, or the shell form `CMD /app check || exit 1`.
    findings: {
        /// The exec form is no complete JSON array, so a shell runs it
        NotJson: High, Certain;
        /// A shell operator is handed over as an argument
        Operator: High, Certain;
        /// Docker does not know an option: the image will not build
        Option: High, Certain;
    },
    priority: P0,
    effort: Small,
    factor: Disposability,
    since: "0.1.0",
    applies_to: ["file/Dockerfile"],
    reads: [
        "stages[*].feeds_final",
        "stages[*].instructions[*].instruction",
        "stages[*].instructions[*].source",
        "stages[*].instructions[*].flags",
        "stages[*].instructions[*].form",
        "stages[*].instructions[*].exec",
        "stages[*].instructions[*].exec:shell",
        "stages[*].instructions[*].trigger.instruction",
        "stages[*].instructions[*].trigger.source",
        "stages[*].instructions[*].trigger.flags",
        "stages[*].instructions[*].trigger.form",
        "stages[*].instructions[*].trigger.exec",
        "stages[*].instructions[*].trigger.exec:shell",
        "stages[*].instructions[*].trigger.command",
        "stages[*].instructions[*].command",
    ],
}

const OPERATORS: [&str; 10] = ["||", "&&", "|", "&", ";", ">", ">>", "<", "2>", "2>&1"];
const SHELLS: [&str; 9] = ["sh", "bash", "ash", "dash", "zsh", "ksh", "cmd", "powershell", "pwsh"];

fn check(input: &Input<'_, Parameters>, findings: &mut Findings) -> Check {
    let stages = input.document.get("stages").items().filter(|stage| stage.get("feeds_final").is_true());
    for healthcheck in stages.flat_map(|stage| last_healthchecks(&stage)).flatten() {
        judge_flags(&healthcheck.get("flags"), findings);
        match healthcheck.get("form").text() {
            "shell" => judge_shell_form(&healthcheck, findings),
            "exec" => judge_exec_form(&healthcheck, findings),
            _ => {}
        }
    }
    Ok(())
}

/// The stage's own last health check, and the last one that images built from it get.
fn last_healthchecks<'d>(stage: &View<'d>) -> [Option<View<'d>>; 2] {
    let is_healthcheck = |instruction: &View<'d>| instruction.get("instruction").text() == "HEALTHCHECK";
    let instructions = || stage.get("instructions").items();
    let of_children = instructions().map(|instruction| instruction.get("trigger")).filter(is_healthcheck).last();
    [instructions().filter(is_healthcheck).last(), of_children]
}

fn judge_shell_form(healthcheck: &View<'_>, findings: &mut Findings) {
    let command = healthcheck.get("command");
    let text = command.text().trim();
    if !looks_like_exec_form(text) {
        return;
    }
    let message = "it looks like the exec form but is not a JSON array with nothing behind it, so a shell runs it and every check fails at run time";
    let source = healthcheck.get("source");
    let end = array_end(text).filter(|end| is_exit(text[*end..].trim()));
    let kept = end.and_then(|end| written_up_to(source.text(), &text[..end]));
    let fix = kept.map(|kept| Fix::safe("drop what stands behind the exec form").set(&source, kept));
    findings.report(Code::NotJson, &command, message).fix(fix);
}

/// Tells a broken exec form from the shell command `[`, which needs a blank behind it and no commas.
fn looks_like_exec_form(command: &str) -> bool {
    let Some(rest) = command.strip_prefix('[') else { return false };
    let words = rest.trim_start();
    let Some(quote) = words.chars().next().filter(|first| matches!(first, '"' | '\'')) else { return false };
    let behind = words[1..].split_once(quote).map_or("", |(_, behind)| behind.trim_start());
    words.len() == rest.len() || behind.starts_with(',')
}

/// Where the JSON array of strings ends that the text begins with.
fn array_end(text: &str) -> Option<usize> {
    let mut ends = text.match_indices(']').map(|(at, _)| at + 1);
    ends.find(|end| {
        Json::parse(&text[..*end]).is_ok_and(|json| json.root().items().all(|item| item.as_str().is_some()))
    })
}

/// What stands in the source up to and with a part of its command, which BuildKit put together of its lines.
fn written_up_to<'s>(source: &'s str, part: &str) -> Option<&'s str> {
    let ends = source.match_indices(']').map(|(at, _)| &source[..at + 1]);
    ends.into_iter().find(|written| joined(written).ends_with(part))
}

/// An instruction's lines as BuildKit joins them: without continuations, comments and empty lines.
fn joined(source: &str) -> String {
    let lines = source.lines().enumerate().filter(|(index, line)| *index == 0 || !is_passed_over(line));
    lines.map(|(_, line)| line.trim_end().trim_end_matches(['\\', '`'])).collect()
}

/// A comment or an empty line between the lines of an instruction.
fn is_passed_over(line: &str) -> bool {
    let line = line.trim();
    line.is_empty() || line.starts_with('#')
}

/// A source without what ends it in front of a cut: space, continuations, commas, and lines that are skipped.
fn without_tail(source: &str) -> &str {
    let mut kept = source;
    loop {
        let cut = kept.trim_end_matches([' ', '\t', '\r', '\n', '\\', '`', ',']);
        let line = cut.rfind('\n').map_or(0, |end| end + 1);
        kept = if line > 0 && is_passed_over(&cut[line..]) { &cut[..line] } else { return cut };
    }
}

/// `|| exit 1` and the like.
fn is_exit(text: &str) -> bool {
    let mut words = text.split_whitespace();
    let exits = match (words.next(), words.next(), words.next()) {
        (Some("||"), Some("exit"), Some(status)) => status.parse::<u8>().is_ok_and(|status| status > 0),
        (Some("||"), Some("false"), None) => true,
        _ => false,
    };
    exits && words.next().is_none()
}

fn judge_exec_form(healthcheck: &View<'_>, findings: &mut Findings) {
    let words: Vec<View<'_>> = healthcheck.get("exec").items().collect();
    let Some(at) = words.iter().enumerate().position(|(at, word)| is_operator(word.text(), at == 0)) else { return };
    let program = commands(&healthcheck.get("exec:shell")).next().map_or("", |command| command.name());
    if SHELLS.contains(&program) {
        return;
    }
    let source = healthcheck.get("source");
    let tail: Vec<&str> = words[at..].iter().map(View::text).collect();
    let operator = (at > 0 && is_exit(&tail.join(" "))).then(|| operator_at(source.text())).flatten();
    let fix = operator.map(|from| {
        let kept = without_tail(&source.text()[..from]);
        Fix::safe("drop the shell operator").set(&source, format!("{kept}]"))
    });
    let message = format!("`{}` is handed over as an argument, since the exec form runs no shell", words[at].text());
    findings.report(Code::Operator, &words[at], message).fix(fix);
}

/// Where the last argument that begins with `||` stands in an instruction.
fn operator_at(source: &str) -> Option<usize> {
    let is_argument = |at: &usize| {
        let line = source[..*at].rfind('\n').map_or(0, |end| end + 1);
        line == 0 || !is_passed_over(&source[line..])
    };
    source.rmatch_indices("\"||").map(|(at, _)| at).find(is_argument)
}

/// An operator, `|| exit 1` in one piece, or `>/dev/null`. Also, where the name of the program stands, a whole
/// command line with `||`: the exec form takes that for the name.
fn is_operator(word: &str, is_program: bool) -> bool {
    let first = word.split_whitespace().next().unwrap_or_default();
    OPERATORS.contains(&first)
        || first.starts_with(">/")
        || first.starts_with("2>/")
        || is_program && word.contains(" || ")
}

fn judge_flags(flags: &View<'_>, findings: &mut Findings) {
    for option in ["interval", "timeout", "start-period", "start-interval"] {
        for value in flags.get(option).items() {
            let text = value.text();
            let expected = match millis(text) {
                None => "a duration with its unit, such as `30s`",
                Some(millis) if is_below_millisecond(text) || text.starts_with('-') && millis > 0 => {
                    "0 or at least `1ms`"
                }
                Some(_) => continue,
            };
            let message = format!("`--{option}` is `{text}`, expected {expected}: the image will not build");
            findings.report(Code::Option, &value, message);
        }
    }
    for value in flags.get("retries").items().filter(|value| value.text().parse::<u32>().is_err()) {
        let message = format!("`--retries` is `{}`, expected a whole number: the image will not build", value.text());
        findings.report(Code::Option, &value, message);
    }
}

/// A duration that is more than nothing and less than Docker takes, written in micro- or nanoseconds alone.
fn is_below_millisecond(text: &str) -> bool {
    let text = text.trim_start_matches(['+', '-']);
    let (number, least) = match ["us", "µs", "ns"].iter().find_map(|unit| Some((text.strip_suffix(unit)?, *unit))) {
        Some((number, "ns")) => (number, 1_000_000),
        Some((number, _)) => (number, 1_000),
        None => return false,
    };
    let whole = number.split('.').next().unwrap_or_default();
    number.contains(|digit| matches!(digit, '1'..='9')) && whole.parse::<u64>().is_ok_and(|whole| whole < least)
}

/// A duration as Go reads it: unlike elsewhere a number needs its unit, only these there are, and a sign may be before
/// it.
fn millis(text: &str) -> Option<i64> {
    let text = text.strip_prefix(['+', '-']).unwrap_or(text);
    let is_unit = |unit: &str| matches!(unit, "h" | "m" | "s" | "ms" | "us" | "µs" | "ns");
    let mut units = text.split(|c: char| c.is_ascii_digit() || c == '.').filter(|unit| !unit.is_empty());
    let is_go = text == "0" || (text.ends_with(char::is_alphabetic) && units.all(is_unit));
    is_go.then(|| parse_millis(text)).flatten()
}
