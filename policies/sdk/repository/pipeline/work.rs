//! What steps do.

use super::Step;
use crate::json::View;
use crate::language::shell::{Command, base_name};
use crate::repository::github::{Action, given};
use crate::tables::pipeline_work::{ACTIONS, COMMANDS, Does, PipelineCall, Row, SCRIPTS};

/// What a command or an action does, and where.
#[derive(Clone)]
pub struct Work<'d> {
    /// What it does.
    pub does: Does,
    /// The command, or the `uses`; of a file that is called, the `uses` that calls it.
    pub place: View<'d>,
    /// The command, where it is one. It may be in a file that is called.
    pub command: Option<Command<'d>>,
    /// The inputs of the action, where it is one.
    pub with: View<'d>,
    /// Of which job, and which step of that.
    pub at: (usize, usize),
    /// Where it is among all works.
    pub(super) order: usize,
    /// Whether it is in a file that is called: a reusable workflow, an action of the repository.
    pub is_called: bool,
}

impl Work<'_> {
    /// For a message: the program and its sub-command, with arguments up to the first option, or what is used.
    pub fn name(&self) -> String {
        let Some(command) = &self.command else { return self.place.text().to_owned() };
        let mut words = command.program_words().map(|word| word.text());
        let program = words.next();
        let arguments: Vec<&str> = match command.subcommand_words() {
            Some(words) => words.map(|word| word.text()).collect(),
            None => words.collect(),
        };
        let arguments = arguments.into_iter().take_while(|word| !word.starts_with('-'));
        program.into_iter().chain(arguments).take(3).collect::<Vec<_>>().join(" ")
    }
}

/// What each of the commands and actions of a step does, in their order.
pub(super) fn of_step<'d>(step: &Step<'d>, at: (usize, usize), own: &[PipelineCall]) -> Vec<Work<'d>> {
    let with = step.view.get("with");
    let mut works = Vec::new();
    if let Some(action) = Action::parse(step.uses.text()) {
        let does = of_action(&action, &with, own);
        let work = |does| Work {
            does,
            place: step.uses.clone(),
            command: None,
            with: with.clone(),
            at,
            order: 0,
            is_called: false,
        };
        works.extend(does.into_iter().map(work));
    }
    let commands: Vec<Command<'d>> = step.commands().collect();
    for (index, command) in commands.iter().enumerate() {
        let work = |does| Work {
            does,
            place: (**command).clone(),
            command: Some(command.clone()),
            with: step.view.get("with"),
            at,
            order: 0,
            is_called: false,
        };
        let is_fed = commands.get(index + 1).is_some_and(runs_what_comes);
        let does = of_command(command, own).into_iter().filter(|does| !(is_fed && *does == Does::Smoke));
        works.extend(does.map(work));
    }
    works
}

/// Whether a command takes what comes through a pipe for a file: `curl … | sh`, `| tar x`.
fn runs_what_comes(command: &Command<'_>) -> bool {
    const READERS: [&str; 11] =
        ["sh", "bash", "zsh", "tar", "gpg", "apt-key", "tee", "python", "python3", "gunzip", "unzip"];
    command.joined() == "|" && READERS.contains(&command.name())
}

/// What an action does that gets these inputs.
pub fn of_action(action: &Action<'_>, with: &View<'_>, own: &[PipelineCall]) -> Vec<Does> {
    let name = action.name.to_ascii_lowercase();
    let fits = |call: &str| {
        let mut words = call.split(' ');
        let wanted = words.next().unwrap_or_default().to_ascii_lowercase();
        let is_named = name.strip_prefix(&*wanted).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'));
        is_named && words.all(|condition| holds(condition, with))
    };
    if let Some(does) = own_rows(own, &fits) {
        return does;
    }
    distinct(range(ACTIONS, &action.repository().to_ascii_lowercase()), &fits)
}

/// What a command does.
pub fn of_command(command: &Command<'_>, own: &[PipelineCall]) -> Vec<Does> {
    let Some((program, mut arguments)) = program(command) else { return Vec::new() };
    // `kubectl run smoke --image=… -- curl -f …`, `kubectl exec deployment/x -- npm run migrate`.
    let inner = arguments.iter().position(|argument| *argument == "--").filter(|_| matches!(program, "kubectl" | "oc"));
    let inner = inner.map(|at| arguments.split_off(at)).unwrap_or_default();
    let mut does = of_words(program, &arguments, own);
    if let [_, program, arguments @ ..] = &inner[..] {
        does.extend(of_words(base_name(program), arguments, own));
    }
    does
}

/// What a program does that gets these arguments.
pub fn of_words(program: &str, arguments: &[&str], own: &[PipelineCall]) -> Vec<Does> {
    let fits = |call: &str| {
        let mut words = call.split(' ');
        words.next() == Some(program) && fits_arguments(words, arguments)
    };
    if let Some(does) = own_rows(own, &fits) {
        return does;
    }
    let mut does = distinct(range(COMMANDS, program), &fits);
    if is_script(program) {
        let named = SCRIPTS.iter().filter(|(word, _)| has_word(program, word)).map(|(_, does)| *does);
        does.extend(named);
    }
    if does.contains(&Does::Smoke) && is_download(program, arguments) {
        does.retain(|does| *does != Does::Smoke);
    }
    does
}

/// The program and its arguments; of a script that an interpreter runs, the name of the script.
fn program<'d>(command: &Command<'d>) -> Option<(&'d str, Vec<&'d str>)> {
    const INTERPRETERS: [&str; 7] = ["bash", "sh", "source", ".", "python", "python3", "node"];
    let mut words = command.program_words().map(|word| word.text());
    let name = words.next()?;
    let program = if command.name().is_empty() { base_name(name) } else { command.name() };
    let arguments: Vec<&str> = words.collect();
    let script = arguments.first().filter(|script| INTERPRETERS.contains(&program) && script.contains('.'));
    match script {
        // `python -m pytest` and `python manage.py migrate` are rows of their own.
        Some(script) if !script.starts_with('-') && base_name(script) != "manage.py" => {
            Some((base_name(script), arguments[1..].to_vec()))
        }
        _ => Some((program, arguments)),
    }
}

/// Whether a program is a script, by its name: `smoke.sh`.
fn is_script(program: &str) -> bool {
    const ENDINGS: [&str; 6] = ["sh", "bash", "py", "js", "ts", "mjs"];
    program.rsplit_once('.').is_some_and(|(_, ending)| ENDINGS.contains(&ending)) || program.contains(['-', '_'])
}

/// `curl` and `wget` that fetch a file.
fn is_download(program: &str, arguments: &[&str]) -> bool {
    let kept = |argument: &&str| match *argument {
        "--output" | "--remote-name" | "--output-document" => true,
        other => is_short(other, 'O') || is_short(other, 'o'),
    };
    let into = arguments.iter().skip_while(|argument| !kept(argument)).nth(1).copied().unwrap_or_default();
    matches!(program, "curl" | "wget") && arguments.iter().any(kept) && !matches!(into, "/dev/null" | "-")
}

/// The rows that begin with a program or a repository.
fn range(rows: &'static [Row], key: &str) -> &'static [Row] {
    let start = rows.partition_point(|(call, _)| *call < key);
    let len = rows[start..].iter().take_while(|(call, _)| call.starts_with(key)).count();
    &rows[start..start + len]
}

fn distinct(rows: &[Row], fits: &dyn Fn(&str) -> bool) -> Vec<Does> {
    let mut all = Vec::new();
    for (_, does) in rows.iter().filter(|(call, _)| fits(call)) {
        if !all.contains(does) {
            all.push(*does);
        }
    }
    if all.contains(&Does::Nothing) { Vec::new() } else { all }
}

/// What an organisation says of a call; `None` where it says nothing.
fn own_rows(own: &[PipelineCall], fits: &dyn Fn(&str) -> bool) -> Option<Vec<Does>> {
    let mut rows = own.iter().filter(|row| fits(&row.call)).peekable();
    rows.peek()?;
    Some(rows.map(|row| row.does).filter(|does| *does != Does::Nothing).collect())
}

/// Whether an input is as a condition says: `push=true`, `outputs*=type=registry`.
fn holds(condition: &str, with: &View<'_>) -> bool {
    let Some((name, value)) = condition.split_once('=') else { return false };
    let (name, kind) = match name.strip_suffix(['!', '*']) {
        Some(bare) => (bare, &name[bare.len()..]),
        None => (name, ""),
    };
    let input = given(with, name);
    let text = match input.as_bool() {
        Some(true) => "true",
        Some(false) => "false",
        None => input.scalar_text().unwrap_or_default(),
    };
    let (is_open, is_value) = (text.contains("${{"), text.trim().eq_ignore_ascii_case(value));
    match kind {
        "!" => !is_value,
        "*" => input.exists() && (is_open || text.contains(value)),
        _ => is_value || is_open,
    }
}

/// Whether arguments are as the words of a call say.
fn fits_arguments<'c>(words: impl Iterator<Item = &'c str>, arguments: &[&str]) -> bool {
    let mut rest = arguments;
    for word in words {
        let fits = if let Some(unwanted) = word.strip_prefix('!') {
            !arguments.iter().any(|argument| is_option(argument, unwanted))
        } else if word.starts_with('-') {
            arguments.iter().any(|argument| is_option(argument, word))
        } else if let Some(part) = word.strip_prefix('~') {
            rest.iter()
                .any(|argument| !argument.starts_with('-') && !argument.contains('=') && has_word(argument, part))
        } else {
            match find(rest, word) {
                Some(at) => {
                    rest = &rest[at + 1..];
                    true
                }
                None => false,
            }
        };
        if !fits {
            return false;
        }
    }
    true
}

/// Where a word stands, behind options and their values only.
fn find(arguments: &[&str], word: &str) -> Option<usize> {
    let mut may_be_value = false;
    for (at, argument) in arguments.iter().enumerate() {
        if *argument == word {
            return Some(at);
        }
        let is_option = argument.starts_with(['-', '+']);
        // What is expanded may be options.
        if !is_option && !may_be_value && !argument.starts_with('$') {
            return None;
        }
        may_be_value = is_option && !argument.contains('=');
    }
    None
}

/// Whether an argument is an option: `--push` and `--push=…`, `-f` also as one of `-sSf`.
fn is_option(argument: &str, option: &str) -> bool {
    if let Some(rest) = argument.strip_prefix(option)
        && (rest.is_empty() || rest.starts_with('='))
    {
        return rest != "=false" && rest != "=none";
    }
    let mut letters = option.chars().skip(1);
    matches!((letters.next(), letters.next()), (Some(letter), None) if is_short(argument, letter))
}

/// Whether a letter is one of the short options of an argument.
fn is_short(argument: &str, letter: char) -> bool {
    let letters = argument.strip_prefix('-').unwrap_or_default();
    letters.chars().all(|letter| letter.is_ascii_alphabetic()) && letters.contains(letter)
}

/// Whether a text has a word, of whatever case: `unit-test`, `test:unit` and `./run_tests.sh` have `test` or `tests`.
pub fn has_word(text: &str, word: &str) -> bool {
    text.split(|character: char| !character.is_ascii_alphanumeric()).any(|part| part.eq_ignore_ascii_case(word))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::json::Json;

    fn command(line: &str) -> Vec<Does> {
        let words: Vec<String> = line.split(' ').map(|word| format!(r#"{{"text":"{word}"}}"#)).collect();
        let name = base_name(line.split(' ').next().unwrap());
        let text = format!(r#"{{"commands":[{{"name":"{name}","words":[{}]}}]}}"#, words.join(","));
        let json = Json::parse(&text).unwrap();
        let commands = crate::language::shell::all_commands(&json.root());
        of_command(&commands[0], &[])
    }

    fn action(uses: &str, with: &str) -> Vec<Does> {
        let json = Json::parse(with).unwrap();
        of_action(&Action::parse(uses).unwrap(), &json.root(), &[])
    }

    #[test]
    fn a_name_is_the_program_and_what_it_does() {
        for (line, program, subcommand, expected) in [
            ("kubectl --namespace x set image deploy/a", 0, Some(3), "kubectl set image"),
            ("kubectl set image deploy/a -n x", 0, Some(1), "kubectl set image"),
            ("sudo -E helm --kube-context x upgrade shop --install", 2, Some(5), "helm upgrade shop"),
            ("helm --debug upgrade", 0, Some(2), "helm upgrade"),
            ("terraform -chdir=infra apply -auto-approve", 0, Some(2), "terraform apply"),
            ("./deploy.sh prod --now", 0, None, "./deploy.sh prod"),
            ("./deploy.sh --now prod", 0, None, "./deploy.sh"),
        ] {
            let words: Vec<String> = line.split(' ').map(|word| format!(r#"{{"text":"{word}"}}"#)).collect();
            let subcommand = subcommand.map_or(String::new(), |at| format!(r#","subcommand":{at}"#));
            let text = format!(
                r#"{{"commands":[{{"name":"x","words":[{}],"program":{program}{subcommand}}}]}}"#,
                words.join(",")
            );
            let json = Json::parse(&text).unwrap();
            let command = crate::language::shell::all_commands(&json.root()).remove(0);
            let work = Work {
                does: Does::Deploy,
                place: (*command).clone(),
                with: json.root(),
                command: Some(command),
                at: (0, 0),
                order: 0,
                is_called: false,
            };
            assert_eq!(work.name(), expected, "{line}");
        }
    }

    #[test]
    fn rows_are_in_order() {
        for rows in [COMMANDS, ACTIONS] {
            for pair in rows.windows(2) {
                assert!(pair[0].0 <= pair[1].0 && pair[0] != pair[1], "{pair:?}");
            }
        }
        assert!(ACTIONS.iter().all(|(call, _)| !call.split(' ').next().unwrap().contains(char::is_uppercase)));
    }

    #[test]
    fn commands_are_known_by_their_words() {
        use Does::*;
        for (line, does) in [
            ("cargo test --workspace", &[Test][..]),
            ("cargo --locked nextest run", &[Test]),
            ("go vet ./...", &[Lint]),
            ("make unit-test", &[Test]),
            ("npm run test:unit", &[Test]),
            ("npm run build", &[]),
            ("make VERSION=test build", &[]),
            ("docker build -t test .", &[BuildImage]),
            ("docker --context x buildx build --platform linux/amd64 --push .", &[BuildImage, PushImage]),
            ("docker buildx build --push=false .", &[BuildImage]),
            ("docker run app push", &[]),
            ("docker compose -f x.yaml push", &[PushImage]),
            ("trivy image --exit-code 1 app:1", &[ScanImage]),
            ("trivy -q fs .", &[DependencyAudit]),
            ("kubectl apply -f k8s", &[Deploy]),
            ("kubectl -n shop rollout status deploy/cart", &[VerifyRollout]),
            ("kubectl apply --dry-run=server -f k8s", &[ManifestValidate]),
            ("kubectl apply --dry-run=none -f k8s", &[Deploy]),
            ("helm upgrade --install --wait cart .", &[Deploy, VerifyRollout]),
            ("helm --namespace shop rollback cart", &[Rollback]),
            ("curl -sSf https://shop.example/healthz", &[Smoke]),
            ("curl -fsS --retry 5 https://shop.example/healthz", &[Smoke]),
            ("kubectl run smoke --rm -it --image=x -- curl -f http://cart/health", &[Smoke]),
            ("kubectl exec deployment/cart -- npm run migrate", &[Migrate]),
            ("curl -fsSLo kubectl https://dl.example/kubectl", &[]),
            ("curl -f -o /dev/null https://shop.example/healthz", &[Smoke]),
            ("./scripts/smoke_test.sh", &[Test, Smoke]),
            ("bash scripts/smoke.sh https://x", &[Smoke]),
            ("python -m pytest tests", &[Test]),
            ("./hack/create-kind-cluster.sh", &[TestCluster]),
            ("test -f x", &[]),
            ("terraform -chdir=infra apply -auto-approve", &[InfrastructureApply]),
        ] {
            let mut found = command(line);
            found.sort_by_key(|does| *does as u8);
            assert_eq!(found, does, "{line}");
        }
    }

    #[test]
    fn actions_are_known_by_their_inputs() {
        use Does::*;
        for (uses, with, does) in [
            ("docker/build-push-action@v6", "{}", &[BuildImage][..]),
            ("Docker/Build-Push-Action@v6", r#"{"push":true}"#, &[BuildImage, PushImage]),
            ("docker/build-push-action@v6", r#"{"Push":"${{ x }}"}"#, &[BuildImage, PushImage]),
            ("docker/build-push-action@v6", r#"{"push":"false","sbom":true}"#, &[BuildImage, Sbom]),
            ("docker/build-push-action@v6", r#"{"outputs":"type=image,push=true"}"#, &[BuildImage, PushImage]),
            ("aquasecurity/trivy-action@0.28.0", r#"{"image-ref":"a"}"#, &[ScanImage]),
            ("aquasecurity/trivy-action@0.28.0", r#"{"scan-type":"fs"}"#, &[DependencyAudit]),
            ("aquasecurity/trivy-action@0.28.0", r#"{"scan-type":"config"}"#, &[InfrastructureScan]),
            ("github/codeql-action/analyze@v3", "{}", &[StaticAnalysis]),
            ("github/codeql-action/init@v3", "{}", &[]),
            ("slsa-framework/slsa-github-generator/.github/workflows/g.yml@v2.0.0", "{}", &[Provenance]),
            ("actions/checkout@v4", "{}", &[]),
        ] {
            let mut found = action(uses, with);
            found.sort_by_key(|does| *does as u8);
            assert_eq!(found, does, "{uses} {with}");
        }
    }

    #[test]
    fn an_organisation_says_what_its_own_calls_do() {
        let row = |call: &'static str, does| PipelineCall { call: call.into(), does };
        let own = [row("acme/ship", Does::Deploy), row("acme/ship", Does::VerifyRollout)];
        let json = Json::parse("{}").unwrap();
        let action = Action::parse("acme/ship@v1").unwrap();
        assert_eq!(of_action(&action, &json.root(), &own), [Does::Deploy, Does::VerifyRollout]);
        let none = [row("docker/build-push-action", Does::Nothing)];
        let action = Action::parse("docker/build-push-action@v6").unwrap();
        assert_eq!(of_action(&action, &json.root(), &none), []);
    }
}
