//! What stands behind the name of a task: targets of Makefiles, and scripts of npm packages.

use super::pipeline::of_words;
use crate::input::{Input, Related};
use crate::language::shell::{Command, all_commands};
use crate::tables::pipeline_work::{Does, PipelineCalls};
use crate::uses::{self, Uses};

crate::usable! {
    /// The targets of all Makefiles of the run, and the scripts of all npm packages.
    pub Targets {
        inventory: {
            // Which Makefile is meant, the folder of the step says, which no relation knows.
            makefiles: {
                kinds: ["file/Makefile"],
                scope: "cluster",
                reads: ["rules[*].targets", "rules[*].prerequisites", "rules[*].recipe[*]:shell"],
            },
            npm_scripts: { kinds: ["file/NpmPackage"], scope: "cluster", reads: ["scripts.*:shell"] },
        },
        setting: PipelineCalls,
    }
}

/// What a task does.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Task {
    /// The command starts no task of a Makefile or a package.
    None,
    /// What its commands do.
    Known(Vec<Does>),
    /// No file that was read has it.
    Unknown(String),
}

/// How many targets are followed.
const MAX_TARGETS: usize = 200;

/// What the tasks do that a command starts: `make check`, `npm run lint`.
pub fn of_command<P: Uses<Targets>>(input: &Input<'_, P>, command: &Command<'_>) -> Task {
    let words: Vec<&str> = command.program_words().map(|word| word.text()).collect();
    of_line(input, &words)
}

fn of_line<P: Uses<Targets>>(input: &Input<'_, P>, words: &[&str]) -> Task {
    let Some((program, arguments)) = words.split_first() else { return Task::None };
    let is_target = |word: &&&str| !word.starts_with(['-', '$', '.', '/']) && !word.contains('=');
    match (*program, arguments.first().copied()) {
        ("make" | "gmake", _) => {
            let folder = arguments.iter().position(|word| matches!(*word, "-C" | "--directory"));
            let skipped = folder.map(|at| at + 1);
            let targets = arguments.iter().enumerate().filter(|(at, _)| Some(*at) != skipped).map(|(_, word)| word);
            of_targets(input, targets.filter(is_target).copied().collect())
        }
        ("npm" | "pnpm" | "yarn" | "bun", Some("run" | "run-script")) => of_scripts(input, arguments.get(1).copied()),
        ("npm" | "pnpm" | "yarn" | "bun", Some("test" | "t")) => of_scripts(input, Some("test")),
        // What is no command of yarn is a script.
        ("yarn" | "pnpm", Some(name)) if scripts(input, name).next().is_some() => of_scripts(input, Some(name)),
        _ => Task::None,
    }
}

/// What targets do, with what they need and the targets that they make.
fn of_targets<P: Uses<Targets>>(input: &Input<'_, P>, targets: Vec<&str>) -> Task {
    let calls = uses::read::<PipelineCalls, P>(input);
    let files: Vec<Related<'_>> = input.related("makefiles").collect();
    let mut open: Vec<String> = targets.into_iter().map(str::to_owned).collect();
    if open.is_empty() {
        // Without a target make takes the first one.
        let outermost = files.iter().min_by_key(|file| file.name().matches('/').count());
        let rules = outermost.into_iter().flat_map(|file| file.document.get("rules").items());
        let mut names = rules.flat_map(|rule| rule.get("targets").items()).map(|name| name.text());
        open.extend(names.find(|name| !name.starts_with('.')).map(str::to_owned));
    }
    let asked = open.len();
    let (mut does, mut seen): (Vec<Does>, Vec<String>) = (Vec::new(), Vec::new());
    let mut at = 0;
    while let Some(target) = open.get(at).cloned() {
        at += 1;
        if seen.contains(&target) || seen.len() >= MAX_TARGETS {
            continue;
        }
        let mut is_known = false;
        for rule in files.iter().flat_map(|file| file.document.get("rules").items()) {
            if !rule.get("targets").items().any(|name| name.text() == target) {
                continue;
            }
            is_known = true;
            open.extend(rule.get("prerequisites").items().map(|name| name.text().to_owned()));
            for command in rule.get("recipe[*]:shell").items().flat_map(|line| all_commands(&line)) {
                let words = of_recipe(&command);
                let words: Vec<&str> = words.iter().map(String::as_str).collect();
                let Some((program, arguments)) = words.split_first() else { continue };
                if *program == "make" {
                    let made = arguments.iter().filter(|word| !word.starts_with('-') && !word.contains(['=', '$']));
                    open.extend(made.map(|name| (*name).to_owned()));
                } else if let Task::Known(more) = of_line_of_npm(input, &words) {
                    does.extend(more);
                }
                does.extend(of_words(program, arguments, &calls));
            }
        }
        if !is_known && at <= asked {
            return Task::Unknown(format!("no Makefile has a target `{target}`"));
        }
        seen.push(target);
    }
    does.dedup();
    Task::Known(does)
}

/// The words of a command of a recipe: without what make reads of the first (`@`, `-`, `+`), and `$(GO)` as `go`.
fn of_recipe(command: &Command<'_>) -> Vec<String> {
    let mut words: Vec<String> = command.program_words().map(|word| word.text().to_owned()).collect();
    if let Some(first) = words.first_mut() {
        let name = first.trim_start_matches(['@', '-', '+']);
        let variable = name.strip_prefix("$(").or(name.strip_prefix("${"));
        let variable = variable.and_then(|name| name.strip_suffix(')').or(name.strip_suffix('}')));
        *first = match variable {
            Some(variable) => variable.to_ascii_lowercase().replace('_', "-"),
            None => name.rsplit('/').next().unwrap_or_default().to_owned(),
        };
    }
    words
}

fn of_line_of_npm<P: Uses<Targets>>(input: &Input<'_, P>, words: &[&str]) -> Task {
    match words.first() {
        Some(&("npm" | "pnpm" | "yarn" | "bun")) => of_line(input, words),
        _ => Task::None,
    }
}

fn scripts<'d, P: Uses<Targets>>(input: &Input<'d, P>, name: &str) -> impl Iterator<Item = crate::json::View<'d>> {
    let key = [name, ":shell"].concat();
    let found = input.related("npm_scripts").map(move |package| package.document.get("scripts").get(&key));
    found.filter(|script| script.exists())
}

/// What the scripts of that name do, of whatever package.
fn of_scripts<P: Uses<Targets>>(input: &Input<'_, P>, name: Option<&str>) -> Task {
    let calls = uses::read::<PipelineCalls, P>(input);
    let Some(name) = name else { return Task::None };
    let found: Vec<_> = scripts(input, name).collect();
    if found.is_empty() {
        return Task::Unknown(format!("no package has a script `{name}`"));
    }
    let commands = found.iter().flat_map(all_commands);
    let mut does: Vec<Does> = commands
        .flat_map(|command| {
            let words: Vec<&str> = command.program_words().map(|word| word.text()).collect();
            words.split_first().map(|(program, rest)| of_words(program, rest, &calls)).unwrap_or_default()
        })
        .collect();
    does.dedup();
    Task::Known(does)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::json::Json;
    use crate::testing::look;
    use crate::uses::Usable;

    #[test]
    fn tasks_do_what_their_commands_do() {
        let shell = |line: &str| {
            let words: Vec<String> = line.split(' ').map(|word| format!(r#"{{"text":"{word}"}}"#)).collect();
            format!(r#"{{"commands":[{{"words":[{}]}}]}}"#, words.join(","))
        };
        let rule = |target: &str, needs: &str, line: &str| {
            format!(r#"{{"targets":["{target}"],"prerequisites":[{needs}],"recipe[*]:shell":[{}]}}"#, shell(line))
        };
        let rules = [
            rule("check", r#""vet""#, "@$(MAKE) deep"),
            rule("vet", "", "${GO} vet ./..."),
            rule("deep", "", "-go test ./..."),
            rule("web", "", "npm run lint"),
        ];
        let makefiles = format!(r#"[{{"subject":{{}},"document":{{"rules":[{}]}}}}]"#, rules.join(","));
        let packages =
            format!(r#"[{{"subject":{{}},"document":{{"scripts":{{"lint:shell":{}}}}}}}]"#, shell("eslint ."));
        look("", "{}", Targets::QUERIES, &[&makefiles, &packages], |input| {
            let task = |line: &str| {
                let text = shell(line);
                let json = Json::parse(&text).unwrap();
                of_command(input, &all_commands(&json.root())[0])
            };
            assert_eq!(task("make check"), Task::Known(vec![Does::Lint, Does::Test]));
            assert_eq!(task("make -C web V=1 web"), Task::Known(vec![Does::Lint]));
            assert_eq!(task("yarn lint"), Task::Known(vec![Does::Lint]));
            assert_eq!(task("npm run other"), Task::Unknown("no package has a script `other`".into()));
            assert_eq!(task("make"), Task::Known(vec![Does::Lint, Does::Test]));
            assert_eq!(task("make none"), Task::Unknown("no Makefile has a target `none`".into()));
            assert_eq!(task("go test"), Task::None);
        });
    }
}
