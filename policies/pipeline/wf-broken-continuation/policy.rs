use policy_sdk::language::shell::{Command, all_commands};
use policy_sdk::prelude::*;

policy_sdk::rule! {
    /// A command that goes on in the next line does go on
    ///
    /// In scripts of workflows, of actions, of Makefiles and of here-documents in Dockerfiles, and in shell scripts, a
    /// backslash that is to join two lines is the last character of its line: no blank and no comment stands behind it. In a
    /// `run: >`, YAML joins the lines itself, and a backslash stands before a blank: that is reported, too.
    ///
    /// Steps for PowerShell and `cmd`, quoted texts and here-documents for other programs do not count. In shell scripts,
    /// which are not read as commands, a line counts where the next one begins with an option. A Dockerfile's own
    /// instructions may have blanks behind the backslash.
    ///
    /// ## Why
    /// The command runs without what stands in the next line, such as the threshold of a test, and gets a blank as an
    /// argument instead. The next line runs as a command of its own, and often nobody sees that it fails.
    ///
    /// ## Fix
    /// Let nothing stand behind the backslash, and put comments on lines of their own above the command:
    ///
    /// ```yaml
    /// - run: |
    ///     # The build fails below this.
    ///     cargo tarpaulin --out xml \
    ///       --fail-under 80
    /// ```
    findings: {
        /// A blank or a comment stands behind the backslash
        Broken: Medium, Certain;
        /// YAML has joined the lines, so that the backslash is part of an argument
        Folded: Medium, Certain;
        /// A blank stands behind the backslash in a shell script, and the next line begins with an option
        InScript: Medium, Likely;
    },
    priority: P1,
    effort: Small,
    factor: BuildReleaseRun,
    since: "0.1.0",
    applies_to: ["file/GitHubWorkflow", "file/GitHubAction", "file/Makefile", "file/Dockerfile", "file/ShellScript"],
    reads: [
        "jobs.*.steps[*].run", "jobs.*.steps[*].run:shell", "runs.steps[*].run", "runs.steps[*].run:shell",
        "rules[*].recipe", "rules[*].recipe[*]:shell", "stages[*].instructions[*].heredocs",
        "stages[*].instructions[*].command:shell", "stages[*].instructions[*].instruction", "lines",
    ],
}

fn check(input: &Input<'_, Parameters>, findings: &mut Findings) -> Check {
    let document = &input.document;
    let jobs = document.get("jobs").entries().map(|(_, job)| job);
    for step in jobs.chain([document.get("runs")]).flat_map(|holder| holder.get("steps").items()) {
        judge(&step.get("run"), &step.get("run:shell"), findings);
    }
    for rule in document.get("rules").items() {
        let recipe: Vec<_> = rule.get("recipe").items().collect();
        for (at, (line, tree)) in recipe.iter().zip(rule.get("recipe[*]:shell").items()).enumerate() {
            // To make, the line ends there; it matters where another one follows.
            if recipe.get(at + 1).is_some_and(|next| next.text().trim_start().starts_with('-')) {
                judge(line, &tree, findings);
            }
        }
    }
    for instruction in document.select("stages[*].instructions[*]") {
        if instruction.get("instruction").text() == "RUN" {
            for heredoc in instruction.get("heredocs").items() {
                judge(&heredoc.get("content"), &instruction.get("command:shell"), findings);
            }
        }
    }
    let lines: Vec<View<'_>> = document.get("lines").items().collect();
    for pair in lines.windows(2) {
        let next = pair[1].text().trim_start();
        let is_option = next.starts_with("--") || next.starts_with('-') && next.len() > 2 && !next.starts_with("- ");
        if is_option && before_broken(pair[0].text()).is_some() && !pair[0].text().trim_start().starts_with('#') {
            let message = format!("something stands behind the backslash, so that the command ends before `{next}`");
            findings.report(Code::InScript, &pair[0], message);
        }
    }
    Ok(())
}

/// Checks a script by its text and its commands.
fn judge(text: &View<'_>, tree: &View<'_>, findings: &mut Findings) {
    if !text.text().contains("\\ ") && !text.text().contains("\\\t") {
        return;
    }
    let commands = all_commands(tree);
    // What stands before the argument that the backslash makes of a blank: of each line that ends so, its last word.
    let mut before: Vec<&str> = commands.iter().filter_map(last_before_blank).collect();
    let mut lines = text.text().lines().peekable();
    while let Some(line) = lines.next() {
        let Some(code) = before_broken(line).filter(|_| !line.trim_start().starts_with('#')) else { continue };
        let last = code.split_whitespace().last().unwrap_or_default().trim_matches(['"', '\'']);
        let Some(at) = before.iter().position(|word| word.ends_with(last)) else { continue };
        before.remove(at);
        let next = lines.peek().map_or("", |next| next.trim());
        let message = format!("something stands behind the backslash, so that the command ends before `{next}`");
        findings.report(Code::Broken, text, message).excerpt(line.trim());
    }
    for word in commands.iter().flat_map(|command| command.words()) {
        let argument = word.text();
        let is_joined = argument.starts_with(' ') && argument.len() > 1 && !argument.starts_with(" #");
        if is_joined && text.text().contains(&[" \\", argument].concat()) {
            let message = format!("the backslash makes the blank before `{}` a part of the argument", argument.trim());
            findings.report(Code::Folded, text, message).excerpt([" \\", argument].concat().trim());
        }
    }
}

/// The word before a last one that is a blank, or before one that is a blank and the sign of a comment; the last one itself
/// where it ends with a blank.
fn last_before_blank<'d>(command: &Command<'d>) -> Option<&'d str> {
    let words: Vec<&str> = command.words().map(|word| word.text()).collect();
    let at = words.iter().position(|word| word.starts_with(" #") || word.starts_with("\t#"));
    let at = at
        .or_else(|| words.len().checked_sub(1))
        .filter(|at| words[*at].starts_with([' ', '\t']) || words[*at].ends_with([' ', '\t']))?;
    let own = words[at].trim_end();
    if own.is_empty() || own.trim_start().starts_with('#') { words.get(at.checked_sub(1)?).copied() } else { Some(own) }
}

/// What stands before a backslash that blanks, or a comment behind them, follow at the end of a line.
fn before_broken(line: &str) -> Option<&str> {
    if let Some((before, _)) = line.split_once("\\ #").or_else(|| line.split_once("\\\t#")) {
        return Some(before).filter(|before| before.ends_with([' ', '\t']));
    }
    let code = line.trim_end_matches([' ', '\t']);
    let is_broken = code.len() < line.len() && !code.ends_with("\\\\");
    code.strip_suffix('\\').filter(|_| is_broken)
}
