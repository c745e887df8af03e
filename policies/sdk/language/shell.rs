//! Commands of a script, as `X:shell` gives them. The model stands in policies/LANGUAGES.md.

use super::mappings;
use crate::json::View;
use std::ops::Deref;

/// A command: simple, or compound with branches.
#[derive(Clone)]
pub struct Command<'d>(View<'d>);

impl<'d> Deref for Command<'d> {
    type Target = View<'d>;

    fn deref(&self) -> &View<'d> {
        &self.0
    }
}

/// A word of a command.
#[derive(Clone)]
pub struct Word<'d>(View<'d>);

impl<'d> Deref for Word<'d> {
    type Target = View<'d>;

    fn deref(&self) -> &View<'d> {
        &self.0
    }
}

/// The name of a program without its folder.
pub fn base_name(program: &str) -> &str {
    program.rsplit('/').next().unwrap_or_default()
}

/// The commands right in something that has `commands`: a tree, a branch, a script that is handed over.
pub fn commands<'d>(parent: &View<'d>) -> impl Iterator<Item = Command<'d>> + use<'d> {
    parent.get("commands").items().map(Command)
}

/// All simple commands in a tree, in the order in which they are written, wherever they stand.
pub fn all_commands<'d>(tree: &View<'d>) -> Vec<Command<'d>> {
    let simple = mappings(tree, |view| view.get("words").exists() && !view.get("kind").exists());
    simple.into_iter().map(Command).collect()
}

/// The variables that a tree assigns, wherever that is, and their values.
pub fn assignments<'d>(tree: &View<'d>) -> Vec<(&'d str, Word<'d>)> {
    let assigning = mappings(tree, |view| view.get("assignments").exists());
    let all = assigning.iter().flat_map(|command| command.get("assignments").items().collect::<Vec<_>>());
    all.map(|assignment| (assignment.get("name").text(), Word(assignment.get("value")))).collect()
}

/// The lists of commands that decide how a tree ends: its own, and those of the branches and subshells in it; none of
/// a substitution or of a script that is handed to another shell.
pub fn lists<'d>(tree: &View<'d>) -> Vec<Vec<Command<'d>>> {
    let mut lists = Vec::new();
    let mut open = vec![tree.clone()];
    while let Some(parent) = open.pop() {
        let list: Vec<Command<'d>> = commands(&parent).collect();
        open.extend(list.iter().flat_map(|command| command.branches().map(|(_, branch)| branch)));
        lists.push(list);
    }
    lists
}

impl<'d> Command<'d> {
    /// Its text for a message: its words, without quotes.
    pub fn line(&self) -> String {
        let words: Vec<&str> = self.words().map(|word| word.text()).collect();
        words.join(" ")
    }

    /// The arguments of its program.
    pub fn arguments(&self) -> impl Iterator<Item = &'d str> + use<'d> {
        self.program_words().skip(1).map(|word| word.text())
    }

    /// The argument behind an option: `app` of `-o app`.
    pub fn value_of(&self, option: &str) -> Option<&'d str> {
        self.arguments().skip_while(|argument| *argument != option).nth(1)
    }

    /// Whether an argument is one of these.
    pub fn has(&self, options: &[&str]) -> bool {
        self.arguments().any(|argument| options.contains(&argument))
    }

    /// Whether it starts its program by one of these: `exec`, `sudo`.
    pub fn is_wrapped_by(&self, wrapper: &str) -> bool {
        self.get("wrappers").items().any(|word| word.text() == wrapper)
    }

    /// The name of its program, behind wrappers such as `sudo` and without the folder; empty where it is not known, and
    /// for a compound command.
    pub fn name(&self) -> &'d str {
        self.get("name").text()
    }

    /// What it is when it is no simple command: `if`, `for`, `subshell` ….
    pub fn kind(&self) -> &'d str {
        self.get("kind").text()
    }

    /// What joins it to the command before it; empty behind `;`.
    pub fn joined(&self) -> &'d str {
        self.get("joined").text()
    }

    /// Its words, wrappers included.
    pub fn words(&self) -> impl Iterator<Item = Word<'d>> + use<'d> {
        self.get("words").items().map(Word)
    }

    /// The words of the program that it starts: its name and the arguments, without wrappers.
    pub fn program_words(&self) -> impl Iterator<Item = Word<'d>> + use<'d> {
        let program = self.get("program").as_i64().unwrap_or(0);
        self.words().skip(usize::try_from(program).unwrap_or(0))
    }

    /// The word that is its sub-command, behind the options before it; empty where that is not known.
    pub fn subcommand(&self) -> &'d str {
        self.subcommand_words().and_then(|mut words| words.next()).map_or("", |word| word.get("text").text())
    }

    /// Its sub-command and the words behind that; `None` where it is not known.
    pub fn subcommand_words(&self) -> Option<impl Iterator<Item = Word<'d>> + use<'d>> {
        let at = self.get("subcommand").as_i64().and_then(|at| usize::try_from(at).ok())?;
        Some(self.words().skip(at))
    }

    /// The lists of commands of a compound command, with their role.
    pub fn branches(&self) -> impl Iterator<Item = (&'d str, View<'d>)> + use<'d> {
        self.get("branches").items().map(|branch| (branch.get("role").text(), branch))
    }

    /// The scripts that it hands to a shell or the like.
    pub fn scripts(&self) -> impl Iterator<Item = View<'d>> + use<'d> {
        self.get("scripts").items()
    }
}

impl<'d> Word<'d> {
    /// Its text without quotes; expansions stand in it as they are written.
    pub fn text(&self) -> &'d str {
        self.get("text").text()
    }

    /// Its text, where nothing is expanded in it.
    pub fn known(&self) -> Option<&'d str> {
        (!self.get("parts").exists()).then(|| self.text())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::json::Json;

    #[test]
    fn assignments_are_found_wherever_they_stand() {
        let text = r#"{"commands":[{"assignments":[{"name":"A","value":{"text":"x"}}]},
            {"name":"b","words":[{"text":"b"}],"assignments":[{"name":"B","value":{"text":"$A","parts":[{"variable":"A"}]}}]}]}"#;
        let json = Json::parse(text).unwrap();
        let found = assignments(&json.root());
        let found: Vec<_> = found.iter().map(|(name, value)| (*name, value.text(), value.known())).collect();
        assert_eq!(found, [("A", "x", Some("x")), ("B", "$A", None)]);
    }

    #[test]
    fn lists_are_those_that_decide() {
        let text = r#"{"commands":[
            {"kind":"if","branches":[{"role":"then","commands":[{"name":"a","words":[{"text":"a"}]}]}]},
            {"name":"b","wrappers":["exec"],"program":1,"words":[
                {"text":"exec"},{"text":"b"},{"text":"-x","parts":[{"commands":[{"name":"c"}]}]}]}]}"#;
        let json = Json::parse(text).unwrap();
        let lists = lists(&json.root());
        let names: Vec<Vec<&str>> = lists.iter().map(|list| list.iter().map(|it| it.name()).collect()).collect();
        assert_eq!(names, [vec!["", "b"], vec!["a"]]);
        let command = &lists[0][1];
        assert_eq!(
            (command.line(), command.is_wrapped_by("exec"), command.has(&["-x"])),
            ("exec b -x".into(), true, true)
        );
        assert_eq!(command.arguments().collect::<Vec<_>>(), ["-x"]);
    }
}
