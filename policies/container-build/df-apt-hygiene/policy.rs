use policy_sdk::language::shell::Command;
use policy_sdk::prelude::*;
use policy_sdk::repository::dockerfile::{Instruction, Stages, dockerfile};

policy_sdk::rule! {
    /// Packages of the distribution are installed lean
    ///
    /// In the stages that are shipped, `apt-get install` is called with `-y` and `--no-install-recommends`, in one
    /// `RUN` with `apt-get update`, and the lists are removed later in that `RUN`. `apk add` has `--no-cache`, or its
    /// cache is removed; `yum`, `dnf`, `microdnf` and `zypper` clean up behind themselves. A mount on the cache stands
    /// for that, and an `apt.conf` that is written earlier for the options. `apt` is for people.
    ///
    /// Stages that only build are not checked: their layers are not shipped.
    ///
    /// ## Why
    /// What is not needed makes the image larger, and each package has its own vulnerabilities. An `update` in a layer
    /// of its own comes from the cache of the build: months later packages are installed by an index that names files
    /// that no server has.
    ///
    /// ## Fix
    /// ```dockerfile
    /// RUN apt-get update \
    ///     && apt-get install -y --no-install-recommends ca-certificates \
    ///     && rm -rf /var/lib/apt/lists/*
    /// RUN apk add --no-cache ca-certificates
    /// ```
    findings: {
        /// Packages are installed by an index of an earlier layer
        StaleIndex: Medium, Certain;
        /// `apt-get` installs more than is needed, or leaves its lists
        Apt: Low, Certain;
        /// `apk` leaves its cache
        Apk: Low, Certain;
        /// `yum`, `dnf` or `zypper` leaves its cache
        Yum: Low, Certain;
    },
    priority: P1,
    effort: Small,
    factor: Dependencies,
    peers: [
        "HL:DL3009", "HL:DL3014", "HL:DL3015", "HL:DL3019", "HL:DL3027", "HL:DL3032", "HL:DL3036", "HL:DL3040",
        "CK:CKV_DOCKER_5", "CK:CKV_DOCKER_9", "TR:DS-0015", "TR:DS-0017", "TR:DS-0019", "TR:DS-0021", "TR:DS-0025",
        "TR:DS-0029",
    ],
    since: "0.1.0",
    applies_to: ["file/Dockerfile"],
    uses: [Stages],
}

fn check(input: &Input<'_, Parameters>, findings: &mut Findings) -> Check {
    let mut stages = dockerfile(input).shipped();
    stages.reverse();
    let mut has_updated = false;
    // What is configured for all later calls.
    let (mut assumes_yes, mut is_lean) = (false, false);
    for instruction in stages.iter().flat_map(|stage| stage.instructions().collect::<Vec<_>>()) {
        let source = instruction.get("source").text();
        if instruction.is("RUN") {
            let commands = instruction.commands();
            assumes_yes |= source.contains("Assume-Yes") && !source.contains("Assume-Yes \"false");
            is_lean |= source.contains("Install-Recommends");
            judge_apt(&instruction, &commands, has_updated, (assumes_yes, is_lean), findings);
            judge_apk(&instruction, &commands, findings);
            judge_yum(&instruction, &commands, findings);
            has_updated |= commands.iter().any(|command| is_apt(command, "update"));
        }
    }
    Ok(())
}

fn is_apt(command: &Command<'_>, verb: &str) -> bool {
    matches!(command.name(), "apt-get" | "apt") && calls(command, verb)
}

/// Whether the first argument that is no option, or a later one behind an option's value, is a verb.
fn calls(command: &Command<'_>, verb: &str) -> bool {
    command.arguments().filter(|argument| !argument.starts_with('-')).take(2).any(|argument| argument == verb)
}

fn judge_apt(
    instruction: &Instruction<'_>,
    commands: &[Command<'_>],
    has_updated: bool,
    (assumes_yes, is_lean): (bool, bool),
    findings: &mut Findings,
) {
    // A file that lies there already needs no index.
    let is_local = |command: &Command<'_>| {
        let mut packages =
            command.arguments().skip_while(|it| *it != "install").skip(1).filter(|it| !it.starts_with('-'));
        packages.all(|package| package.ends_with(".deb"))
    };
    let is_install = |command: &Command<'_>| is_apt(command, "install") && !is_local(command);
    let Some(at) = commands.iter().position(is_install) else { return };
    let install = &commands[at];
    let updates = commands[..at].iter().any(|command| is_apt(command, "update"));
    let is_cached = instruction.is_mounted("/var/lib/apt/lists") || instruction.is_mounted("/var/lib/apt");
    if has_updated && !updates && !is_cached {
        let message =
            "packages are installed by the index that an earlier `RUN` fetched, expected `apt-get update` in this one";
        findings.report(Code::StaleIndex, install, message);
    }
    let installs = || commands.iter().filter(|command| is_install(command));
    let all_have = |has: &dyn Fn(&str) -> bool| installs().all(|command| command.arguments().any(has));
    let yes = |it: &str| {
        matches!(it, "--yes" | "--assume-yes") || it.contains("Assume-Yes") || is_short(it, 'y') || it == "-qq"
    };
    let lean = |it: &str| it == "--no-install-recommends" || it.contains("Install-Recommends");
    let is_clean = commands[at..].iter().any(|command| {
        command.arguments().any(|it| it.contains("/var/lib/apt") || it.trim_matches('/') == "var/lib")
            || matches!(command.name(), "apt-get" | "apt")
                && (calls(command, "dist-clean") || calls(command, "distclean"))
    });
    let mut missing = Vec::new();
    if !assumes_yes && !all_have(&yes) {
        missing.push("`-y`");
    }
    if !is_lean && !all_have(&lean) {
        missing.push("`--no-install-recommends`");
    }
    // What installs by lists of its own leaves them.
    if (updates || has_updated) && !is_clean && !is_cached {
        missing.push("the removal of `/var/lib/apt/lists`");
    }
    if install.name() == "apt" {
        missing.push("`apt-get` in place of `apt`");
    }
    if !missing.is_empty() {
        let message = format!("packages are installed without {}", missing.join(", "));
        findings.report(Code::Apt, install, message);
    }
}

/// Options that are written together: `-qy`.
fn is_short(argument: &str, letter: char) -> bool {
    argument.len() <= 5 && argument.starts_with('-') && !argument.starts_with("--") && argument.contains(letter)
}

fn judge_apk(instruction: &Instruction<'_>, commands: &[Command<'_>], findings: &mut Findings) {
    let is_add =
        |command: &&Command<'_>| command.name() == "apk" && calls(command, "add") && !command.has(&["--no-cache"]);
    let Some(add) = commands.iter().find(is_add) else { return };
    let is_removed = commands.iter().any(|command| command.arguments().any(|it| it.contains("/var/cache/apk")));
    if is_removed
        || instruction.is_mounted("/var/cache/apk")
        || instruction.is_mounted("/etc/apk/cache")
        || add.has(&["--cache-dir"])
    {
        return;
    }
    let updates = commands.iter().any(|command| command.name() == "apk" && calls(command, "update"));
    let is_configured = add.has(&["-U", "--update", "--update-cache"]) || updates;
    let source = instruction.get("source");
    let written = source.text().matches("apk add").count() == 1;
    let fix = (written && !is_configured)
        .then(|| Fix::safe("keep no cache").set(&source, source.text().replacen("apk add", "apk add --no-cache", 1)));
    findings.report(Code::Apk, add, "`apk add` leaves its index in the image, expected `--no-cache`").fix(fix);
}

fn judge_yum(instruction: &Instruction<'_>, commands: &[Command<'_>], findings: &mut Findings) {
    let is_manager = |command: &Command<'_>| matches!(command.name(), "yum" | "dnf" | "microdnf" | "zypper" | "tdnf");
    let Some(at) = commands.iter().position(|command| is_manager(command) && calls(command, "install")) else { return };
    let name = commands[at].name();
    let is_clean = commands[at..].iter().any(|command| {
        is_manager(command) && command.has(&["clean", "cc"])
            || command.name() == "rm" && command.arguments().any(|it| it.contains("/var/cache"))
    });
    let folder = format!(
        "/var/cache/{}",
        if name == "zypper" {
            "zypp"
        } else if name == "yum" {
            "yum"
        } else {
            "dnf"
        }
    );
    if !is_clean && !instruction.is_mounted(&folder) && !instruction.is_mounted("/var/cache") {
        let message = format!("`{name} install` leaves its cache in the image, expected `{name} clean all` behind it");
        findings.report(Code::Yum, &commands[at], message);
    }
}
