use policy_sdk::language::shell::{Command, base_name, commands};
use policy_sdk::prelude::*;
use policy_sdk::repository::dockerfile::{Instruction, Stages, dockerfile};

policy_sdk::rule! {
    /// The program gets SIGTERM
    ///
    /// The `ENTRYPOINT` of the image, or its `CMD` where there is no entry point, is a JSON array, or a shell command
    /// whose last program is started by `exec`. So is the script of `["sh", "-c", "…"]`; where that is one command
    /// alone, most shells replace themselves by it, and the finding is milder. A shell behind an init (`tini`,
    /// `dumb-init`) is right. `npm`, `yarn` and `pnpm` are not what the image starts. A `CMD` that is an argument of
    /// the entry point is a JSON array too.
    ///
    /// A `CMD` of the base image, `RUN` and `HEALTHCHECK` are not checked. Images of Windows are another matter.
    ///
    /// ## Why
    /// Kubernetes sends SIGTERM to the first process. A shell does not hand it on: the program is killed after the
    /// grace period, with requests open, and every rollout takes as long as that.
    ///
    /// ## Fix
    /// Write a JSON array, with double quotes and without a comma at the end, or begin the last command with `exec`:
    ///
    /// ```dockerfile
    /// ENTRYPOINT ["/app", "--port=8080"]
    /// CMD exec java $JAVA_OPTS -jar /app.jar
    /// ```
    findings: {
        /// A shell is started, and the program below it
        ShellForm: Medium, Likely;
        /// A value looks like a JSON array and is not one
        NotJson: Medium, Likely;
        /// The entry point gets `/bin/sh -c …` as its arguments
        ShellAsArgument: High, Likely;
        /// A script of `sh -c` does not end with `exec`
        Script: Medium, Likely;
        /// A command of `sh -c` without `exec`, which most shells replace themselves by
        OneCommand: Low, Likely;
        /// A package manager is started, and the program below it
        PackageManager: Medium, Likely;
    },
    priority: P0,
    effort: Small,
    factor: Disposability,
    peers: ["HL:DL3025"],
    since: "0.1.0",
    applies_to: ["file/Dockerfile"],
    uses: [Stages],
}

const INITS: [&str; 7] = ["tini", "dumb-init", "catatonit", "s6-svscan", "init", "tini-static", "docker-init"];

fn check(input: &Input<'_, Parameters>, findings: &mut Findings) -> Check {
    let file = dockerfile(input);
    if file.is_windows() {
        return not_applicable("the image is one of Windows");
    }
    let (entrypoint, command) = file.entry();
    let Some(first) = entrypoint.as_ref().or(command.as_ref()) else {
        return not_applicable("the file does not say what the image starts");
    };
    let has_shell = file.shipped().iter().any(|stage| stage.instructions().any(|it| it.is("SHELL")));
    if first.is_exec() {
        judge_exec_form(first, findings);
    } else {
        // A `CMD` that was ignored would become the arguments.
        let is_safe = !has_shell && (entrypoint.is_none() || command.is_none());
        judge_shell_form(first, is_safe, findings);
    }
    if let (Some(entrypoint), Some(command)) = (&entrypoint, &command)
        && entrypoint.is_exec()
        && !command.is_exec()
        && !starts_arguments(entrypoint)
    {
        let program = entrypoint.get("exec").item(0);
        let message = format!("`{}` gets `/bin/sh -c …` as its arguments, since this is no JSON array", program.text());
        let report =
            findings.report(Code::ShellAsArgument, &command.place(), message).label(&program, "the entry point");
        report.fix(array(command).map(|array| Fix::unsafe_("write a JSON array").set(&command.place(), array)));
    }
    Ok(())
}

/// Whether an entry point runs its arguments as a command: an init, a script, a shell, `env`.
fn starts_arguments(entrypoint: &Instruction<'_>) -> bool {
    let mut words = entrypoint.get("exec").items().map(|word| base_name(word.text()));
    words.any(|word| {
        INITS.contains(&word)
            || word.ends_with(".sh")
            || word.contains("entrypoint")
            || matches!(word, "sh" | "bash" | "env" | "exec" | "gosu" | "su-exec")
    })
}

fn judge_shell_form(instruction: &Instruction<'_>, is_safe: bool, findings: &mut Findings) {
    let place = instruction.place();
    let keyword = instruction.keyword();
    if place.text().trim_start().starts_with("[\"") || place.text().trim_start().starts_with("['") {
        let message = format!(
            "`{keyword}` looks like a JSON array and is not one, so a shell gets it: single quotes or a comma too many"
        );
        findings.report(Code::NotJson, &place, message);
        return;
    }
    let list: Vec<Command<'_>> = commands(&instruction.tree()).collect();
    let Some(last) = list.last().filter(|last| !last.is_wrapped_by("exec") && last.name() != "exec") else { return };
    if list.first().is_some_and(|first| INITS.contains(&first.name())) || last.get("words").is_empty() {
        return;
    }
    if is_manager(last) {
        report_manager(&place, last, findings);
        return;
    }
    let message = format!("a shell is started, and `{}` below it, which gets no SIGTERM", last.name());
    let fix = array(instruction).map(|array| {
        let title = "write a JSON array";
        let fix = if is_safe { Fix::safe(title) } else { Fix::unsafe_(title) };
        fix.set(&place, array)
    });
    findings.report(Code::ShellForm, &place, message).fix(fix);
}

fn judge_exec_form(instruction: &Instruction<'_>, findings: &mut Findings) {
    let place = instruction.place();
    let Some(command) = commands(&instruction.tree()).next() else { return };
    if is_manager(&command) && !instruction.get("exec").items().any(|word| INITS.contains(&base_name(word.text()))) {
        report_manager(&place, &command, findings);
        return;
    }
    let first = instruction.get("exec").item(0);
    let Some(script) =
        command.scripts().next().filter(|_| matches!(base_name(first.text()), "sh" | "bash" | "ash" | "dash"))
    else {
        return;
    };
    let list: Vec<Command<'_>> = commands(&script).collect();
    let Some(last) = list.last().filter(|last| last.kind().is_empty() && !last.is_wrapped_by("exec")) else { return };
    if matches!(last.name(), "exec" | "wait" | "exit" | "") || last.get("background").is_true() {
        return;
    }
    let (code, message) = match list.len() {
        1 => (Code::OneCommand, format!("`{}` is started by a shell without `exec`", last.name())),
        _ => (Code::Script, format!("the script ends with `{}` without `exec`, which gets no SIGTERM", last.name())),
    };
    findings.report(code, &place, message);
}

fn is_manager(command: &Command<'_>) -> bool {
    let mut arguments = command.arguments().filter(|argument| !argument.starts_with('-'));
    matches!(command.name(), "npm" | "yarn" | "pnpm")
        && arguments.next().is_some_and(|verb| matches!(verb, "start" | "run" | "run-script" | "serve" | "dev"))
}

fn report_manager(place: &View<'_>, command: &Command<'_>, findings: &mut Findings) {
    let message = format!(
        "`{}` is started, and the program below it, which may get no SIGTERM: start `node` itself",
        command.line()
    );
    findings.report(Code::PackageManager, place, message);
}

/// A shell command as a JSON array, where a shell does nothing but take it apart.
fn array(instruction: &Instruction<'_>) -> Option<String> {
    const BUILTINS: [&str; 12] =
        ["cd", ".", "source", "eval", "export", "set", "ulimit", "umask", "trap", "wait", "exit", "read"];
    let text = instruction.get("command").text();
    if text.contains(['$', '`', '*', '?', '~', '\\', '<', '>', '|', '&', ';', '(', '{', '#', '\n', '\'', '"', '[', '!'])
    {
        return None;
    }
    let list: Vec<Command<'_>> = commands(&instruction.tree()).collect();
    let [command] = &list[..] else { return None };
    let is_plain =
        command.kind().is_empty() && !command.get("assignments").exists() && !BUILTINS.contains(&command.name());
    let words: Vec<String> = command.words().map(|word| word.text().to_json()).collect();
    is_plain.then(|| format!("[{}]", words.join(", ")))
}
