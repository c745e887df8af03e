use policy_sdk::language::shell::Command;
use policy_sdk::prelude::*;
use policy_sdk::repository::dockerfile::{Stages, dockerfile};

policy_sdk::rule! {
    /// Packages of languages are installed in a version
    ///
    /// In a `RUN`, packages that `pip`, `npm -g`, `gem`, `go install` and `cargo install` fetch by name have a version:
    /// `==` or `@ URL` for pip, `@1.2.3` for npm and Go, `--version` for gem, `--version` or `--locked` for cargo,
    /// `--tag` or `--rev` with `--git`. Requirements and constraints files, paths, wheels, variables, and `pip`,
    /// `setuptools` and `wheel` themselves are right. `npm install` without packages is `npm ci` where a lock file was
    /// copied.
    ///
    /// ## Why
    /// The image that is built tomorrow holds another program, perhaps one that does not work, perhaps one that
    /// somebody has put there.
    ///
    /// ## Fix
    /// Name the version: `pip install gunicorn==23.0.0`, `go install example.com/tool@v1.4.2`, `cargo install --locked
    /// --version 1.2.3 tool`.
    findings: {
        /// A package is installed in whatever version there is
        Unpinned: Low, Certain;
        /// `npm install` may change what the lock file says
        NpmInstall: Low, Likely;
    },
    priority: P1,
    effort: Small,
    factor: Dependencies,
    peers: ["HL:DL3013", "HL:DL3016", "HL:DL3028", "HL:DL3062"],
    since: "0.1.0",
    applies_to: ["file/Dockerfile"],
    uses: [Stages],
}

fn check(input: &Input<'_, Parameters>, findings: &mut Findings) -> Check {
    for stage in &dockerfile(input).stages {
        let mut has_lock = false;
        for instruction in stage.instructions() {
            if matches!(instruction.keyword(), "COPY" | "ADD") {
                let mut sources = instruction.get("sources").items();
                has_lock |=
                    sources.any(|it| it.text().ends_with("package-lock.json") || it.text().ends_with("package*.json"));
            }
            let commands = if instruction.is("RUN") { instruction.commands() } else { Vec::new() };
            for command in &commands {
                let loose = loose(command);
                if !loose.is_empty() {
                    let message = format!(
                        "`{}` is installed by `{}` in whatever version there is",
                        loose.join("`, `"),
                        command.name()
                    );
                    findings.report(Code::Unpinned, command, message);
                } else if has_lock && is_bare_npm(command) {
                    findings.report(
                        Code::NpmInstall,
                        command,
                        "`npm install` may change what the lock file says, expected `npm ci`",
                    );
                }
            }
        }
    }
    Ok(())
}

/// `npm install` and `npm i` without packages.
fn is_bare_npm(command: &Command<'_>) -> bool {
    let mut words = command.arguments().filter(|it| !it.starts_with('-'));
    command.name() == "npm"
        && matches!(words.next(), Some("install" | "i"))
        && words.next().is_none()
        && !command.has(&["-g", "--global"])
}

/// The packages that a command installs without a version.
fn loose<'d>(command: &Command<'d>) -> Vec<&'d str> {
    let words: Vec<&'d str> = command.arguments().collect();
    let has = |options: &[&str]| {
        words.iter().any(|word| options.iter().any(|option| word == option || word.starts_with(&format!("{option}="))))
    };
    let Some(at) = words.iter().position(|word| matches!(*word, "install" | "i" | "add")) else { return Vec::new() };
    let verb = words[at];
    // Behind the verb, without options and their values.
    let named = |valued: &[&str]| {
        let mut rest = words[at + 1..].iter().copied();
        let mut packages = Vec::new();
        while let Some(word) = rest.next() {
            if valued.contains(&word) {
                rest.next();
            } else if !word.starts_with('-') && !word.contains('$') {
                packages.push(word);
            }
        }
        packages
    };
    let is_path = |package: &str| package.starts_with(['.', '/', '~']) || package.contains("://");
    match (command.name(), verb) {
        ("pip" | "pip3" | "pipx" | "python" | "python3", "install")
            if command.name().starts_with("pip") || has(&["pip"]) =>
        {
            if has(&["-r", "--requirement", "-c", "--constraint", "--no-index", "-e", "--editable", "--require-hashes"])
            {
                return Vec::new();
            }
            let valued = [
                "-i",
                "--index-url",
                "--extra-index-url",
                "-t",
                "--target",
                "--prefix",
                "-f",
                "--find-links",
                "--trusted-host",
                "--root",
                "--python",
                "--timeout",
                "--retries",
                "--cache-dir",
                "--platform",
                "--progress-bar",
                "--upgrade-strategy",
                "--no-binary",
                "--only-binary",
            ];
            let mut packages = named(&valued);
            let is_pinned =
                |it: &str| it.contains("==") || it.contains('@') || it.contains(".whl") || it.contains(".tar");
            packages.retain(|it| !is_path(it) && !is_pinned(it) && !matches!(*it, "pip" | "setuptools" | "wheel"));
            packages
        }
        ("npm", _) if has(&["-g", "--global", "--location"]) => {
            let mut packages = named(&["--prefix", "--registry"]);
            let version = |it: &str| {
                it.rsplit_once('@').filter(|(name, _)| !name.is_empty()).map(|(_, version)| version.to_owned())
            };
            packages.retain(|it| {
                !is_path(it)
                    && !it.ends_with(".tgz")
                    && !version(it).is_some_and(|it| {
                        it.starts_with(|first: char| first.is_ascii_digit() || matches!(first, '^' | '~' | 'v'))
                    })
            });
            packages
        }
        ("gem", "install") if !has(&["-v", "--version", "-g", "--file"]) => {
            let mut packages = named(&["-i", "--install-dir", "-s", "--source", "-n", "--bindir"]);
            packages.retain(|it| !it.ends_with(".gem") && !it.contains(':') && !is_path(it));
            packages
        }
        ("go", "install") => {
            let mut packages = named(&["-ldflags", "-tags", "-mod", "-C", "-gcflags"]);
            packages.retain(|it| it.ends_with("@latest") || it.ends_with("@master") || it.ends_with("@main"));
            packages
        }
        ("cargo", "install") if has(&["--git"]) => {
            if has(&["--rev", "--tag"]) {
                Vec::new()
            } else {
                words.into_iter().filter(|it| it.contains("://")).collect()
            }
        }
        ("cargo", "install") if !has(&["--version", "--vers", "--locked", "--path"]) => {
            let valued = [
                "--root",
                "--features",
                "-F",
                "--target",
                "--target-dir",
                "-j",
                "--jobs",
                "--profile",
                "--bin",
                "--registry",
                "--config",
                "--index",
            ];
            let mut packages = named(&valued);
            packages.retain(|it| !it.contains('@'));
            packages
        }
        _ => Vec::new(),
    }
}
