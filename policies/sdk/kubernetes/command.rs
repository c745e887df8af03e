//! What a container runs, as far as it says so itself: its `command`, its `args`, and the scripts in them.

use super::workload::Container;
use crate::json::View;
use crate::language::shell::{Command, Word, all_commands, commands};
use crate::language::unread;
use crate::values::image::base_name;
use std::ops::Deref;

crate::usable! {
    /// What the subject's containers run, scripts that they hand to a shell included.
    pub Commands {
        reads: ["container.command:exec", "container.args:shell"],
    }
    /// The same, with what well-known images start where a container only has options for it.
    pub Invocations {
        reads: ["container.image", "container.command:exec", "container.args:shell"],
    }
}

/// What well-known images start where the arguments of a container begin with an option.
const ENTRYPOINTS: [(&str, &str); 9] = [
    ("redis", "redis-server"),
    ("redis-stack-server", "redis-server"),
    ("valkey", "valkey-server"),
    ("keydb", "keydb-server"),
    ("dragonfly", "dragonfly"),
    ("mysql", "mysqld"),
    ("mariadb", "mariadbd"),
    ("postgres", "postgres"),
    ("mongo", "mongod"),
];

/// A program and what it is given.
pub struct Invocation<'d> {
    /// The command.
    pub command: Command<'d>,
    /// Its program, without the folder: where the image decides, what well-known ones start; empty where that is not known.
    pub program: &'d str,
    /// Its program and the arguments, without wrappers; where the image decides, the arguments alone.
    pub words: Vec<Word<'d>>,
}

/// The commands of a container. Where it has no `command`, its arguments are taken for one: the image's entrypoint, which
/// nobody knows, most often runs what it is given.
pub fn started<'d>(container: &Container<'d>) -> View<'d> {
    let line = container.command_line();
    if line.get("image").is_true() { container.get("args:shell") } else { View::clone(&line) }
}

/// All programs that a container starts, in scripts too, with what each is given. A rule that uses [`Invocations`] may
/// ask.
pub fn invocations<'d>(container: &Container<'d>) -> Vec<Invocation<'d>> {
    let entrypoint = entrypoint(container);
    let found = all_commands(&started(container)).into_iter().enumerate();
    found
        .map(|(at, command)| Invocation {
            words: command.program_words().collect(),
            program: entrypoint.filter(|_| at == 0).unwrap_or(command.name()),
            command,
        })
        .collect()
}

/// The program that a container's image starts, where the container only has options for it.
fn entrypoint(container: &Container<'_>) -> Option<&'static str> {
    let line = container.command_line();
    let has_options =
        line.get("image").is_true() && line.words().next().is_some_and(|word| word.text().starts_with('-'));
    let known = ENTRYPOINTS.iter().find(|(image, _)| *image == base_name(container.image()));
    has_options.then(|| known.map_or("", |(_, program)| *program))
}

impl<'d> Container<'d> {
    /// What it runs: its command and arguments as one command. A rule that uses [`Commands`] may ask.
    pub fn command_line(&self) -> CommandLine<'d> {
        CommandLine(self.get("command:exec"))
    }
}

/// What a container runs. Dereferences to the `:exec` tree.
#[derive(Clone)]
pub struct CommandLine<'d>(View<'d>);

impl<'d> Deref for CommandLine<'d> {
    type Target = View<'d>;

    fn deref(&self) -> &View<'d> {
        &self.0
    }
}

impl<'d> CommandLine<'d> {
    /// The words of the command and the arguments, those of scripts not.
    pub fn words(&self) -> impl Iterator<Item = Word<'d>> + use<'d> {
        commands(&self.0).take(1).flat_map(|command| command.words().collect::<Vec<_>>())
    }

    /// The words of the command and of every command in the scripts that it hands to a shell.
    pub fn all_words(&self) -> Vec<Word<'d>> {
        all_commands(&self.0).iter().flat_map(Command::words).collect()
    }

    /// Whether it runs one of these programs, itself or in a script, or hands its name to another one, which may.
    pub fn runs(&self, programs: &[&str]) -> bool {
        let is_named = |name: &str| programs.contains(&name.rsplit('/').next().unwrap_or_default());
        all_commands(&self.0)
            .iter()
            .any(|command| is_named(command.name()) || command.words().any(|word| word.known().is_some_and(is_named)))
    }

    /// Whether it may run something that it does not show: a script that is not known, or was not read. What the image
    /// itself runs is never shown.
    pub fn is_unclear(&self) -> bool {
        let is_unknown = |command: &Command<'_>| command.scripts().any(|script| script.get("unknown").is_true());
        unread(&self.0).is_some() || all_commands(&self.0).iter().any(is_unknown)
    }

    /// The options that it is given, in scripts too, without their dashes: the name, and the value behind `=`.
    pub fn options(&self) -> impl Iterator<Item = (&'d str, Option<&'d str>)> + use<'d> {
        self.all_words().into_iter().filter_map(|word| {
            let option = word.text().strip_prefix('-')?.trim_start_matches('-');
            Some(option.split_once('=').map_or((option, None), |(name, value)| (name, Some(value))))
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::look;

    #[test]
    fn containers_run_their_command_and_arguments() {
        let word = |text: &str| format!(r#"{{"text":"{text}"}}"#);
        let script =
            format!(r#"{{"by":"sh","commands":[{{"name":"ping","words":[{},{}]}}]}}"#, word("ping"), word("-c"));
        let command = format!(
            r#"{{"name":"sh","words":[{},{},{},{}],"scripts":[{script}]}}"#,
            word("sh"),
            word("-c"),
            word("ping -c"),
            word("--leader-elect=false")
        );
        let document = format!(
            r#"{{"pod":{{"spec":{{"containers":[{{"command":["sh"],"command:exec":{{"commands":[{command}]}}}},{{"name":"b"}}]}}}}}}"#
        );
        look("shop", &document, &[], &[], |input| {
            let lines: Vec<_> = input.workload().containers().map(|container| container.command_line()).collect();
            assert_eq!(lines[0].words().count(), 4);
            assert_eq!(lines[0].all_words().len(), 6);
            assert!(lines[0].runs(&["ping"]) && !lines[0].runs(&["sudo"]));
            let options: Vec<_> = lines[0].options().collect();
            assert_eq!(options, [("c", None), ("leader-elect", Some("false")), ("c", None)]);
            assert!(!lines[0].is_unclear());
            assert!(!lines[1].exists() && lines[1].words().next().is_none() && !lines[1].runs(&["ping"]));
        });
    }

    /// A tree of one command of plain words.
    fn tree(words: &[&str], more: &str) -> String {
        let list: Vec<String> = words.iter().map(|word| format!(r#"{{"text":"{word}"}}"#)).collect();
        format!(r#"{{"commands":[{{"name":"{}","words":[{}]}}]{more}}}"#, words[0], list.join(","))
    }

    /// The programs that a container of an image starts, with the words of each.
    fn run(image: &str, command: &[&str], args: &[&str]) -> String {
        let words = [command, args].concat();
        let own = if command.is_empty() { r#","image":true"# } else { "" };
        let document = format!(
            r#"{{"pod":{{"spec":{{"containers":[{{"image":"{image}","command:exec":{},"args:shell":{}}}]}}}}}}"#,
            tree(&words, own),
            if args.is_empty() { "null".to_owned() } else { tree(args, "") }
        );
        look("shop", &document, &[], &[], |input| {
            let found = invocations(&input.workload().containers().next().unwrap());
            let told = |invocation: &Invocation<'_>| {
                let words: Vec<&str> = invocation.words.iter().map(|word| word.text()).collect();
                format!("{}: {}", invocation.program, words.join(" "))
            };
            found.iter().map(told).collect::<Vec<_>>().join("; ")
        })
    }

    #[test]
    fn arguments_alone_are_a_command_or_options_of_what_the_image_starts() {
        assert_eq!(run("shop", &["npm", "run"], &["dev"]), "npm: npm run dev");
        assert_eq!(run("shop", &[], &["npm", "run", "dev"]), "npm: npm run dev");
        assert_eq!(run("redis:7-alpine", &[], &["--appendonly", "yes"]), "redis-server: --appendonly yes");
        assert_eq!(run("redis:7", &[], &["sh", "-c"]), "sh: sh -c");
        assert_eq!(run("shop", &[], &["--port"]), ": --port");
    }
}
