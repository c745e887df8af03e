//! Which program a command starts: wrappers such as `sudo -E` and `timeout 5` are skipped, and so are the options of
//! a tool before its sub-command.

use super::syntax::{Start, Word};

/// A program that starts the one named behind its options.
struct Wrapper {
    names: &'static [&'static str],
    /// Options whose value is the next word.
    valued: &'static [&'static str],
    /// Words between the options and the program.
    operands: usize,
    /// Options that stand for one of those words.
    instead: &'static [&'static str],
    /// Options with which it starts nothing.
    starts_nothing: &'static [&'static str],
}

const fn wrapper(names: &'static [&'static str], valued: &'static [&'static str]) -> Wrapper {
    Wrapper { names, valued, operands: 0, instead: &[], starts_nothing: &[] }
}

/// From the manual pages of coreutils, util-linux, findutils, sudo, doas, bash, gosu, su-exec, tini, dumb-init, strace,
/// ltrace, numactl, libfaketime and GNU parallel.
const WRAPPERS: [Wrapper; 29] = [
    Wrapper {
        starts_nothing: &["-S", "--split-string"],
        ..wrapper(&["env"], &["-u", "--unset", "-C", "--chdir", "-a", "--argv0"])
    },
    Wrapper {
        starts_nothing: &["-l", "--list", "-v", "--validate", "-e", "--edit", "-K", "-V", "--version"],
        ..wrapper(
            &["sudo"],
            &[
                "-u",
                "--user",
                "-g",
                "--group",
                "-h",
                "--host",
                "-p",
                "--prompt",
                "-C",
                "--close-from",
                "-D",
                "--chdir",
                "-R",
                "--chroot",
                "-T",
                "--command-timeout",
                "-U",
                "--other-user",
                "-r",
                "--role",
                "-t",
                "--type",
            ],
        )
    },
    wrapper(&["doas"], &["-u", "-C", "-a"]),
    wrapper(&["nice"], &["-n", "--adjustment"]),
    wrapper(&["ionice"], &["-c", "--class", "-n", "--classdata"]),
    Wrapper {
        operands: 1,
        starts_nothing: &["-p", "--pid", "-m", "--max"],
        ..wrapper(&["chrt"], &["-T", "--sched-runtime", "-P", "--sched-period", "-D", "--sched-deadline"])
    },
    Wrapper {
        starts_nothing: &["-p", "--attach"],
        ..wrapper(
            &["strace", "ltrace"],
            &["-a", "-b", "-e", "-E", "-I", "-n", "-o", "-O", "-P", "-s", "-S", "-u", "-X"],
        )
    },
    wrapper(
        &["numactl"],
        &["-C", "--physcpubind", "-N", "--cpunodebind", "-m", "--membind", "-i", "--interleave", "-p", "--preferred"],
    ),
    Wrapper { operands: 1, ..wrapper(&["faketime"], &[]) },
    wrapper(
        &["parallel"],
        &["-j", "--jobs", "-a", "--arg-file", "-n", "-N", "-I", "--delay", "--timeout", "--retries", "--joblog", "-S"],
    ),
    wrapper(&["nohup", "setsid", "eatmydata", "time", "builtin", "fakeroot", "unbuffer", "catatonit"], &["-f", "-o"]),
    Wrapper { operands: 1, ..wrapper(&["timeout", "gtimeout"], &["-k", "--kill-after", "-s", "--signal"]) },
    wrapper(
        &["xargs"],
        &[
            "-n",
            "--max-args",
            "-P",
            "--max-procs",
            "-I",
            "-L",
            "--max-lines",
            "-s",
            "--max-chars",
            "-d",
            "--delimiter",
            "-a",
            "--arg-file",
            "-E",
        ],
    ),
    wrapper(&["exec"], &["-a"]),
    Wrapper { starts_nothing: &["-v", "-V"], ..wrapper(&["command"], &[]) },
    wrapper(&["stdbuf"], &["-i", "--input", "-o", "--output", "-e", "--error"]),
    Wrapper { operands: 1, ..wrapper(&["chroot"], &[]) },
    Wrapper { operands: 1, instead: &["-c", "--cpu-list"], ..wrapper(&["taskset"], &["-c", "--cpu-list"]) },
    Wrapper { operands: 1, ..wrapper(&["gosu", "su-exec"], &[]) },
    wrapper(
        &["setpriv"],
        &["--reuid", "--regid", "--groups", "--inh-caps", "--ambient-caps", "--bounding-set", "--securebits"],
    ),
    Wrapper {
        starts_nothing: &["-c", "--command", "-l", "--login"],
        ..wrapper(&["runuser"], &["-u", "--user", "-g", "--group", "-G", "--supp-group"])
    },
    wrapper(&["tini"], &["-p", "-e"]),
    wrapper(&["dumb-init"], &["-r", "--rewrite"]),
    wrapper(&["busybox", "toybox"], &[]),
    Wrapper {
        operands: 1,
        starts_nothing: &["-c", "--command"],
        ..wrapper(&["flock"], &["-w", "--wait", "--timeout", "-E", "--conflict-exit-code"])
    },
    wrapper(&["nsenter"], &["-t", "--target", "-S", "--setuid", "-G", "--setgid"]),
    wrapper(&["unshare"], &["-R", "--root", "-w", "--wd", "-S", "--setuid", "-G", "--setgid"]),
    wrapper(&["xvfb-run"], &["-n", "--server-num", "-s", "--server-args", "-e", "--error-file", "-f", "-p", "-w"]),
    wrapper(&["watch"], &["-n", "--interval"]),
];

/// Options before the sub-command whose value is the next word, from each tool's own help.
const TOOLS: [(&[&str], &[&str]); 17] = [
    (&["cargo", "cross"], &["--config", "-Z", "-C", "--color", "--manifest-path", "--target-dir"]),
    (&["go"], &["-C"]),
    (&["npm"], &["--prefix", "-C", "-w", "--workspace", "--registry", "--userconfig", "--loglevel", "--cache"]),
    (&["yarn"], &["--cwd", "--registry", "--cache-folder", "--modules-folder"]),
    (&["pnpm"], &["-C", "--dir", "--filter", "-F", "--loglevel", "--reporter"]),
    (&["bun"], &["--cwd", "-c", "--config", "--filter", "-F"]),
    (&["git"], &["-C", "-c", "--git-dir", "--work-tree", "--namespace", "--config-env"]),
    (
        &["docker", "podman", "nerdctl"],
        &["-H", "--host", "-c", "--context", "-l", "--log-level", "--config", "--tlscacert", "-n", "--namespace"],
    ),
    (&["buildah"], &["--root", "--runroot", "--storage-driver", "--log-level"]),
    (
        &["kubectl", "oc"],
        &[
            "-n",
            "--namespace",
            "--context",
            "--cluster",
            "--kubeconfig",
            "-s",
            "--server",
            "--user",
            "--token",
            "--as",
            "-v",
            "--request-timeout",
        ],
    ),
    (&["helm"], &["-n", "--namespace", "--kube-context", "--kubeconfig", "--registry-config"]),
    (&["terraform", "tofu", "terragrunt"], &[]),
    (&["aws"], &["--profile", "--region", "--output", "--endpoint-url", "--query"]),
    (&["gcloud", "gh", "az"], &["--project", "--account", "--configuration", "-R", "--repo", "--subscription"]),
    (&["dotnet", "gradle", "gradlew"], &["-p", "--project-dir", "-c"]),
    (&["apt-get", "apt", "apk", "dnf", "yum", "microdnf"], &["-o", "-c", "-t", "--repository", "-X", "--root", "-p"]),
    (
        &["pip", "pip3", "uv", "poetry"],
        &["--cache-dir", "--log", "--python", "--proxy", "-C", "--directory", "--project"],
    ),
];

/// The name of a program without its folder, and without `.exe`.
pub(super) fn base_name(path: &str) -> &str {
    let name = path.rsplit(['/', '\\']).next().unwrap_or(path);
    name.strip_suffix(".exe").unwrap_or(name)
}

/// Finds the program that words start.
pub(super) fn start(words: &[Word]) -> Start {
    let mut start = Start::default();
    while let Some(name) = words.get(start.program).and_then(Word::known).map(base_name) {
        start.name = Some(name.to_owned());
        let wrapper = WRAPPERS.iter().find(|wrapper| wrapper.names.contains(&name));
        let Some(behind) = wrapper.and_then(|wrapper| wrapper.behind(words, start.program + 1)) else {
            start.subcommand = subcommand(name, words, start.program + 1);
            return start;
        };
        start.wrappers.push(name.to_owned());
        start.program = behind;
        start.name = None;
    }
    start
}

impl Wrapper {
    /// The index of the program that it starts; `None` when it starts none.
    fn behind(&self, words: &[Word], mut at: usize) -> Option<usize> {
        let mut operands = self.operands;
        let mut options = true;
        while let Some(word) = words.get(at) {
            let text = word.known().unwrap_or_default();
            if self.starts_nothing.contains(&text) {
                return None;
            }
            if options && text == "--" {
                options = false;
                at += 1;
            } else if options && text.starts_with('-') {
                operands -= usize::from(operands > 0 && self.instead.contains(&text));
                at += 1 + usize::from(self.valued.contains(&text));
            } else if self.takes_assignments() && is_assignment(&word.text) {
                at += 1;
            } else if operands > 0 {
                operands -= 1;
                options = operands > 0;
                at += 1;
            } else {
                return Some(at);
            }
        }
        None
    }

    fn takes_assignments(&self) -> bool {
        ["env", "sudo", "doas"].iter().any(|name| self.names.contains(name))
    }
}

/// Whether a word is `NAME=…`.
fn is_assignment(word: &str) -> bool {
    word.split_once('=').is_some_and(|(name, _)| {
        !name.is_empty() && name.bytes().all(|byte| byte == b'_' || byte.is_ascii_alphanumeric())
    })
}

/// The index of a tool's sub-command; `None` for other programs, and where it is not there or not known.
fn subcommand(name: &str, words: &[Word], mut at: usize) -> Option<usize> {
    let (_, valued) = TOOLS.iter().find(|(names, _)| names.contains(&name))?;
    loop {
        let text = words.get(at)?.known()?;
        if text == "--" {
            return None;
        }
        if !text.starts_with(['-', '+']) {
            return Some(at);
        }
        at += 1 + usize::from(valued.contains(&text));
    }
}
