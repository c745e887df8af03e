use policy_sdk::kubernetes::command::{self, Commands};
use policy_sdk::language::execution::{Execution, executions};
use policy_sdk::language::shell::Word;
use policy_sdk::prelude::*;

policy_sdk::rule! {
    /// Containers run what was built, and build nothing when they start
    ///
    /// What a main container or sidecar of a long-running workload runs, scripts included, installs no packages
    /// (`pip install`, `apk add`, `npm ci`), compiles nothing (`go run`, `cargo build`, `mvn`), starts no server for
    /// development (`npm run dev`, `flask --debug`, `nodemon`), and runs no script from the network (`curl … | sh`).
    ///
    /// Only commands count, never words of a text. What a script only runs under a condition that is not known passes,
    /// and so do packages that are in the image (`pip install --no-index`). Init containers set things up, and are
    /// checked only where `include_init` says so; Jobs are not checked.
    ///
    /// ## Why
    /// Each start fetches and builds something else than was tested, needs the network and write access, and takes
    /// minutes while the other replicas carry the load. Servers for development show their source code in errors and
    /// serve one request at a time.
    ///
    /// ## Fix
    /// Build in the Dockerfile, and start the result:
    ///
    /// ```Dockerfile
    /// RUN npm ci && npm run build
    /// CMD ["node", "dist/server.js"]
    /// ```
    findings: {
        /// It installs packages when it starts
        Install: Medium, Likely;
        /// It compiles when it starts
        Compile: Medium, Likely;
        /// It is a server for development
        Development: Medium, Likely;
        /// It runs a script that it fetches when it starts
        RemoteScript: Medium, Likely;
    },
    priority: P1,
    effort: Medium,
    factor: BuildReleaseRun,
    since: "0.1.0",
    applies_to: [
        "workload/Deployment", "workload/StatefulSet", "workload/DaemonSet", "workload/Rollout", "workload/ReplicaSet",
        "workload/ReplicationController",
    ],
    uses: [Commands],
    reads: ["container.env[*].name", "container.env[*].value"],
    parameters: {
        /// Judge init containers as well.
        include_init: bool = false,
    },
}

fn check(input: &Input<'_, Parameters>, findings: &mut Findings) -> Check {
    let is_judged = |container: &Container<'_>| match container.class {
        Class::Main | Class::Sidecar => true,
        Class::Init => input.parameters.include_init,
        Class::Ephemeral => false,
    };
    for container in input.workload().containers().filter(is_judged) {
        let mut told: Vec<Code> = Vec::new();
        for (step, code, place) in steps(&container) {
            if told.contains(&code) {
                continue;
            }
            told.push(code);
            let what = match code {
                Code::Install => "installs packages when it starts",
                Code::Compile => "compiles when it starts",
                Code::Development => "runs a server for development",
                Code::RemoteScript => "runs a script from the network when it starts",
            };
            let message = format!("{} {what} (`{step}`), expected what the image holds", container.described());
            findings.report(code, &place, message);
        }
    }
    Ok(())
}

/// The commands that run for certain and build something, in order: what they are, and where they stand.
fn steps<'d>(container: &Container<'d>) -> Vec<(String, Code, Word<'d>)> {
    let variables = |name: &str| {
        let mut variables = container.get("env").items();
        let value = variables.find(|variable| variable.get("name").text() == name)?.get("value");
        value.as_str().map(str::to_owned)
    };
    let mut runs: Vec<Execution<'d>> = executions(&command::started(container), &variables);
    runs.retain(|run| run.group == 0);
    let is_download = |run: &Execution<'_>| matches!(run.command.name(), "curl" | "wget");
    let mut found = Vec::new();
    for (at, run) in runs.iter().enumerate() {
        let Some(place) = run.command.program_words().next() else { continue };
        let mut words: Vec<&str> = run.words.iter().map(|word| word.text.as_str()).collect();
        words.first_mut().into_iter().for_each(|program| *program = run.command.name());
        let runs_input = run.command.scripts().any(|script| script.get("unknown").is_true());
        if runs_input
            && run.command.joined() == "|"
            && at.checked_sub(1).is_some_and(|before| is_download(&runs[before]))
        {
            found.push((format!("{} | {}", runs[at - 1].command.name(), words[0]), Code::RemoteScript, place));
        } else if let Some((code, step)) = classify(&words) {
            found.push((step, code, place));
        }
    }
    found
}

/// What a command builds, and the words that say so.
fn classify(words: &[&str]) -> Option<(Code, String)> {
    let mut start = 0;
    while let Some(behind) = runner(&words[start..]) {
        start += behind;
    }
    let (code, length) = build(&words[start..])?;
    let step = match words.get(..start + length)? {
        // What stands between may be a secret.
        [program, _, _, .., option] if start == 0 => format!("{program} … {option}"),
        words => words.join(" "),
    };
    Some((code, step))
}

/// The operands of a command, each with its index among the words.
fn operands<'w>(words: &[&'w str]) -> impl Iterator<Item = (usize, &'w str)> {
    words.iter().copied().enumerate().skip(1).filter(|(_, word)| !word.starts_with('-'))
}

/// Where the command stands that another one runs for a project: `npx …`, `poetry run …`, `python -m …`.
fn runner(words: &[&str]) -> Option<usize> {
    let mut operands = operands(words);
    match (*words.first()?, operands.next()) {
        ("python" | "python3", _) if words.get(1) == Some(&"-m") => Some(2).filter(|at| *at < words.len()),
        ("npx" | "bunx" | "pnpx", Some((at, _))) => Some(at),
        ("poetry" | "uv" | "pipenv", Some((_, "run"))) | ("bundle" | "pnpm" | "npm" | "yarn", Some((_, "exec"))) => {
            operands.next().map(|(at, _)| at)
        }
        _ => None,
    }
}

/// What a command builds by itself, and how many of its words say so.
fn build(words: &[&str]) -> Option<(Code, usize)> {
    let (program, arguments) = words.split_first()?;
    let mut operands = operands(words).map(|(at, word)| (at + 1, word));
    let (end, first) = operands.next().unwrap_or((1, ""));
    let (second_end, second) = operands.next().unwrap_or((end, ""));
    let has = |options: &[&str]| arguments.iter().position(|word| options.contains(word)).map(|at| at + 2);
    Some(match (*program, first) {
        ("python" | "python3", script) if script.ends_with("manage.py") && second == "runserver" => {
            (Code::Development, second_end)
        }
        ("php", script) if script.ends_with("artisan") && second == "serve" => (Code::Development, second_end),
        ("manage.py", "runserver") | ("fastapi" | "next" | "nuxt" | "nuxi" | "astro" | "remix", "dev") => {
            (Code::Development, end)
        }
        ("tsx", "watch") | ("cargo" | "dotnet", "watch") | ("gatsby", "develop") => (Code::Development, end),
        ("ng" | "webpack" | "vue-cli-service", "serve") | ("react-scripts", "start") | ("vite", "dev" | "serve") => {
            (Code::Development, end)
        }
        ("vite", "") => (Code::Development, 1),
        ("nodemon" | "ts-node-dev" | "tsnd" | "air" | "reflex" | "CompileDaemon" | "watchexec" | "watchmedo", _)
        | ("webpack-dev-server", _) => (Code::Development, 1),
        ("node", _) => (Code::Development, has(&["--watch"])?),
        ("flask", _) => (Code::Development, has(&["--reload", "--debug"])?),
        ("uvicorn" | "gunicorn" | "hypercorn", _) => (Code::Development, has(&["--reload"])?),
        ("npm" | "yarn" | "pnpm" | "bun", "run" | "run-script") => (script(second)?, second_end),
        ("yarn" | "pnpm" | "bun", name) if script(name).is_some() => (script(name)?, end),
        ("npm" | "pnpm" | "bun", "install" | "ci" | "i" | "add") | ("yarn", "install" | "add") => (Code::Install, end),
        ("yarn", "") if arguments.is_empty() => (Code::Install, 1),
        ("go", "run" | "build" | "install") | ("cargo", "run" | "build" | "install") | ("dotnet", "run" | "build") => {
            (Code::Compile, end)
        }
        ("mvn" | "mvnw" | "gradle" | "gradlew" | "sbt", _) if !first.is_empty() => (Code::Compile, end),
        ("javac" | "gcc" | "g++" | "rustc" | "tsc", _) if !first.is_empty() => (Code::Compile, 1),
        ("pip" | "pip3", "install") if !is_local(arguments) => (Code::Install, end),
        ("uv", "pip") if second == "install" && !is_local(arguments) => (Code::Install, second_end),
        ("uv", "sync") | ("poetry" | "pipenv" | "conda" | "bundle" | "composer" | "gem", "install") => {
            (Code::Install, end)
        }
        ("apt" | "apt-get" | "yum" | "dnf" | "microdnf" | "zypper", "install") => (Code::Install, end),
        ("apk", "add") if has(&["--no-network"]).is_none() => (Code::Install, end),
        _ => return None,
    })
}

/// What a script of package.json does, by its usual name.
fn script(name: &str) -> Option<Code> {
    let mut parts = name.split(':');
    if parts.any(|part| matches!(part, "dev" | "develop" | "development" | "watch" | "hot")) {
        return Some(Code::Development);
    }
    (name == "build" || name.starts_with("build:")).then_some(Code::Compile)
}

/// Whether pip installs what the image holds.
fn is_local(arguments: &[&str]) -> bool {
    let packages: Vec<&&str> = arguments.iter().filter(|word| !word.starts_with('-')).skip(1).collect();
    let is_file = |word: &&&str| word.ends_with(".whl") || word.starts_with(['/', '.']) && !word.ends_with(".txt");
    arguments.contains(&"--no-index") || !packages.is_empty() && packages.iter().all(is_file)
}
