//! What a container runs, as far as it says so itself: its `command`, its `args`, and the scripts in them.

use super::workload::Container;
use crate::json::View;
use crate::language::shell::{Command, Word, all_commands, commands};

crate::usable! {
    /// The commands of the subject's containers.
    pub Commands {
        reads: [
            "container.command", "container.args",
            "container.command:shell", "container.args:shell", "container.args[*]:shell",
        ],
    }
}

const SHELLS: [&str; 6] = ["sh", "bash", "ash", "dash", "zsh", "ksh"];

/// Programs that start the one that their arguments name.
const STARTERS: [&str; 6] = ["tini", "dumb-init", "catatonit", "env", "gosu", "su-exec"];

/// What a container runs. Where it has no `command`, its arguments are taken for one: the image's entrypoint, which
/// nobody knows, most often runs what it is given.
pub struct Started<'d> {
    /// The commands: a tree each.
    pub trees: Vec<View<'d>>,
    /// What the last command of the first tree is given beyond the words that stand there.
    pub arguments: Vec<Word<'d>>,
}

/// A program and what it is given.
pub struct Invocation<'d> {
    /// The command.
    pub command: Command<'d>,
    /// Its program and the arguments, without wrappers.
    pub words: Vec<Word<'d>>,
}

/// What a container runs, for a rule that uses [`Commands`].
pub fn started<'d>(container: &Container<'d>) -> Started<'d> {
    let (command, args) = (container.get("command:shell"), container.get("args:shell"));
    if container.get("command").is_empty() {
        return Started { trees: vec![args], arguments: Vec::new() };
    }
    let mut trees = vec![command.clone()];
    let last = commands(&command).last();
    let words = last.as_ref().map(Command::program_words).into_iter().flatten();
    let options: Vec<&str> = words.skip(1).map(|word| word.text()).collect();
    let name = last.as_ref().map_or("", Command::name);
    if STARTERS.contains(&name) {
        trees.push(args);
    } else if SHELLS.contains(&name) && last.is_some_and(|last| last.scripts().next().is_none()) {
        let texts = container.get("args");
        let given = options.into_iter().chain(texts.items().map(|text| text.text()));
        // The script is an argument, so the words of the command are all options.
        let script = script_at(given).and_then(|at| at.checked_sub(words_behind_program(&command)));
        trees.extend(script.map(|at| container.get("args[*]:shell").item(at)));
    } else {
        let arguments = commands(&args).next();
        return Started { trees, arguments: arguments.iter().flat_map(Command::words).collect() };
    }
    Started { trees, arguments: Vec::new() }
}

/// All programs that a container starts, in scripts too, with what each is given.
pub fn invocations<'d>(container: &Container<'d>) -> Vec<Invocation<'d>> {
    let Started { trees, arguments } = started(container);
    let mut found: Vec<Invocation<'d>> = trees
        .iter()
        .flat_map(all_commands)
        .map(|command| Invocation { words: command.program_words().collect(), command })
        .collect();
    // A command that gets arguments is the only one of its tree.
    if let Some(first) = found.first_mut() {
        first.words.extend(arguments);
    }
    found
}

fn words_behind_program(tree: &View<'_>) -> usize {
    commands(tree).last().map_or(0, |command| command.program_words().count().saturating_sub(1))
}

/// Which of a shell's arguments is the script: the first behind the options, where one of these is `-c`.
fn script_at<'t>(arguments: impl Iterator<Item = &'t str>) -> Option<usize> {
    let (mut has_script, mut is_value) = (false, false);
    for (at, argument) in arguments.enumerate() {
        if std::mem::take(&mut is_value) || argument == "--" {
            continue;
        }
        let Some(letters) = argument.strip_prefix(['-', '+']) else { return has_script.then_some(at) };
        has_script |= !letters.starts_with('-') && letters.contains('c');
        is_value = !letters.starts_with('-') && letters.contains(['o', 'O']);
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::json::Json;
    use crate::kubernetes::workload::Workload;

    /// A tree of one command of plain words, as the host makes it of a list.
    fn tree(name: &str, words: &[&str], program: usize) -> String {
        let words: Vec<String> = words.iter().map(|word| format!(r#"{{"text":"{word}"}}"#)).collect();
        format!(r#"{{"commands":[{{"name":"{name}","program":{program},"words":[{}]}}]}}"#, words.join(","))
    }

    fn list(words: &[&str]) -> String {
        format!("[{}]", words.iter().map(|word| format!(r#""{word}""#)).collect::<Vec<_>>().join(","))
    }

    /// The programs that a container starts, with their arguments. Each argument is read as a script of one word.
    fn run(name: &str, command: &[&str], args: &[&str]) -> String {
        let each: Vec<String> = args.iter().map(|arg| tree(arg, &[arg], 0)).collect();
        let command_tree = if command.is_empty() { "null".to_owned() } else { tree(name, command, 0) };
        let args_tree = tree(args.first().unwrap_or(&""), args, 0);
        let text = format!(
            r#"{{"pod":{{"spec":{{"containers":[{{"command":{},"command:shell":{command_tree},"args":{},
                "args:shell":{args_tree},"args[*]:shell":[{}]}}]}}}}}}"#,
            list(command),
            list(args),
            each.join(","),
        );
        let json = Json::parse(&text).unwrap();
        let container = Workload::new("Pod", &json.root()).containers().next().unwrap();
        let found = invocations(&container);
        let words =
            |invocation: &Invocation<'_>| invocation.words.iter().map(|word| word.text()).collect::<Vec<_>>().join(" ");
        found.iter().map(words).collect::<Vec<_>>().join("; ")
    }

    #[test]
    fn a_command_goes_on_in_the_arguments() {
        assert_eq!(run("npm", &["npm", "run"], &["dev"]), "npm run dev");
        assert_eq!(run("", &[], &["npm", "run", "dev"]), "npm run dev");
        assert_eq!(run("app", &["/app"], &[]), "/app");
        assert_eq!(run("tini", &["tini", "--"], &["npm", "start"]), "tini --; npm start");
    }

    #[test]
    fn a_script_among_the_arguments_is_read_as_one() {
        assert_eq!(run("sh", &["/bin/sh", "-c"], &["script", "name"]), "/bin/sh -c; script");
        assert_eq!(run("bash", &["bash"], &["-o", "pipefail", "-ec", "script"]), "bash; script");
        assert_eq!(run("sh", &["sh", "-c", "--"], &["script"]), "sh -c --; script");
        assert_eq!(run("sh", &["sh"], &["run.sh", "-c"]), "sh");
        assert_eq!(run("sh", &["sh"], &[]), "sh");
    }
}
