use policy_sdk::language::shell::{Command, commands, lists};
use policy_sdk::prelude::*;
use policy_sdk::repository::dockerfile::{Instruction, Stages, dockerfile};

policy_sdk::rule! {
    /// What is downloaded is verified before it runs
    ///
    /// No `RUN` pipes or substitutes a download of `curl` or `wget` into an interpreter. A program or archive that is
    /// downloaded and made executable, unpacked or installed, or added by `ADD`, is compared with a checksum or a
    /// signature in the same stage (`sha256sum -c`, `gpg --verify`, `cosign verify`, `ADD --checksum`). Keys of package
    /// repositories are not checked. `curl` fails on an error of the server (`-f`) where something reads what it gets.
    ///
    /// ## Why
    /// Whoever controls the server, its domain, or the way to it runs commands in the build and owns the image. A page
    /// with an error runs too, or is what lies in the image.
    ///
    /// ## Fix
    /// Name the version and compare the checksum that you have read:
    ///
    /// ```dockerfile
    /// ADD --checksum=sha256:… https://example.com/tool-1.2.3.tar.gz /tmp/
    /// RUN curl -fsSLo /tmp/tool https://example.com/tool-1.2.3 \
    ///     && echo "… /tmp/tool" | sha256sum -c && install /tmp/tool /usr/local/bin/tool
    /// ```
    findings: {
        /// A download over plain HTTP is run by a shell
        PlainToShell: High, Certain, covers: ["df-run-no-masked-failure/pipe"];
        /// A download is run by a shell
        PipedToShell: Medium, Certain, covers: ["df-run-no-masked-failure/pipe"];
        /// What is downloaded moves, and nothing verifies it
        Latest: Medium, Likely;
        /// What is downloaded is used, and nothing verifies it
        Unverified: Low, Likely;
        /// An error of the server is taken for what was asked for
        NoFail: Low, Likely;
    },
    priority: P1,
    effort: Medium,
    factor: Security,
    peers: ["HL:DL4006"],
    since: "0.1.0",
    applies_to: ["file/Dockerfile"],
    uses: [Stages],
}

const INTERPRETERS: [&str; 11] =
    ["sh", "bash", "ash", "zsh", "dash", "python", "python3", "perl", "node", "ruby", "source"];

fn check(input: &Input<'_, Parameters>, findings: &mut Findings) -> Check {
    let file = dockerfile(input);
    for stage in &file.stages {
        let is_verified = stage.instructions().any(|it| it.is("RUN") && it.commands().iter().any(verifies));
        for instruction in stage.instructions() {
            match instruction.keyword() {
                "RUN" => judge_run(&instruction, is_verified, findings),
                "ADD" if !is_verified && instruction.flags("checksum").is_empty() => judge_add(&instruction, findings),
                _ => {}
            }
        }
    }
    Ok(())
}

fn judge_run(instruction: &Instruction<'_>, is_verified: bool, findings: &mut Findings) {
    let all = instruction.commands();
    // A download, and the interpreter at the end of its pipeline.
    let piped = lists(&instruction.tree()).into_iter().find_map(|list| {
        let mut download = None;
        list.into_iter().find_map(|command| {
            if !command.joined().starts_with('|') || command.joined() == "||" {
                download = None;
            }
            if download.is_some() && is_interpreter(&command) {
                return download.clone();
            }
            if is_download(&command) {
                download = Some(command);
            }
            None
        })
    });
    // `sh -c "$(curl …)"`, `bash <(curl …)`.
    let substituted = || {
        let runs = all.iter().filter(|command| INTERPRETERS.contains(&command.name()) || command.name() == "eval");
        runs.flat_map(|command| command.words())
            .find_map(|word| word.get("parts").items().find_map(|part| commands(&part).find(is_download)))
    };
    if let Some(download) = piped.or_else(substituted) {
        let from = address(&download);
        let (code, way) = match from.starts_with("http://") {
            true => (Code::PlainToShell, "over plain HTTP, so that anybody on the way can change it"),
            false => (Code::PipedToShell, "and runs before anybody has seen it"),
        };
        findings.report(code, &download, format!("`{}` comes {way}", shown(&download, from)));
        return;
    }
    let downloads: Vec<&Command<'_>> = all.iter().filter(|command| is_download(command) && !is_key(command)).collect();
    let unverified = downloads.iter().find(|_| !is_verified && all.iter().any(uses));
    if let Some(download) = unverified {
        let from = address(download);
        let code = if from.contains("/latest/") { Code::Latest } else { Code::Unverified };
        findings.report(code, download, format!("nothing verifies what comes from `{}`", shown(download, from)));
        return;
    }
    let is_read = |command: &&&Command<'_>| {
        command.get("redirects").exists()
            || command.arguments().any(|argument| has_option(argument, 'o') || has_option(argument, 'O'))
    };
    let fails = |command: &Command<'_>| {
        command.arguments().any(|argument| argument.starts_with("--fail") || has_option(argument, 'f'))
    };
    if let Some(command) = downloads.iter().find(|it| it.name() == "curl" && is_read(it) && !fails(it)) {
        let message = "`curl` writes an error of the server to the file and succeeds, expected `-f`";
        findings.report(Code::NoFail, command, message);
    }
}

fn judge_add(instruction: &Instruction<'_>, findings: &mut Findings) {
    for source in instruction.get("sources").items() {
        let url = source.text();
        if (url.starts_with("https://") || url.starts_with("http://"))
            && !url.ends_with(".git")
            && !url.contains(".git#")
        {
            let code = if url.contains("/latest/") { Code::Latest } else { Code::Unverified };
            findings.report(code, &source, format!("nothing verifies what comes from `{url}`"));
        }
    }
}

fn is_download(command: &Command<'_>) -> bool {
    matches!(command.name(), "curl" | "wget")
}

/// A shell that reads what is piped to it, and no file of its own; not `python -m json.tool` or `perl -pe`.
fn is_interpreter(command: &Command<'_>) -> bool {
    let is_shell = matches!(command.name(), "sh" | "bash" | "ash" | "zsh" | "dash");
    let mut arguments = command.arguments();
    INTERPRETERS.contains(&command.name())
        && arguments.all(|argument| argument == "-" || is_shell && !argument.starts_with("-c") || argument == "-s")
}

/// The address that a command downloads from; empty where it is in a variable.
fn address<'d>(command: &Command<'d>) -> &'d str {
    command.arguments().find(|argument| argument.contains("://")).unwrap_or_default()
}

fn shown(command: &Command<'_>, address: &str) -> String {
    if address.is_empty() { command.line() } else { address.to_owned() }
}

/// Whether options that are written together have a letter: `-fsSL`.
fn has_option(argument: &str, letter: char) -> bool {
    argument.starts_with('-') && !argument.starts_with("--") && argument.contains(letter)
}

/// A key of a package repository, by its name, which the package manager verifies with.
fn is_key(command: &Command<'_>) -> bool {
    let name = address(command).to_ascii_lowercase();
    [".gpg", ".asc", ".key", ".pub", "/gpg", "gpgkey"].iter().any(|end| name.ends_with(end))
        || command.arguments().any(|argument| argument.contains("keyring"))
}

fn verifies(command: &Command<'_>) -> bool {
    match command.name() {
        "sha256sum" | "sha512sum" | "sha1sum" | "shasum" | "md5sum" | "b2sum" | "sha384sum" => true,
        "gpg" | "gpgv" | "gpg2" => command.name() == "gpgv" || command.has(&["--verify"]),
        "cosign" | "minisign" | "slsa-verifier" => true,
        "openssl" => command.has(&["dgst"]),
        _ => false,
    }
}

/// A command that makes what is downloaded run: it is made executable, unpacked or installed.
fn uses(command: &Command<'_>) -> bool {
    match command.name() {
        "chmod" => command
            .arguments()
            .any(|mode| mode.contains("+x") || mode.contains("+rx") || mode.starts_with("7") || mode.starts_with("07")),
        "tar" | "unzip" | "dpkg" | "rpm" | "install" | "gunzip" | "bsdtar" => true,
        "mv" => command.arguments().any(|to| to.contains("/bin")),
        "curl" | "wget" => command.arguments().any(|to| to.starts_with("/usr/") && to.contains("/bin")),
        _ => false,
    }
}
