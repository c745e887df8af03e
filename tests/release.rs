//! What a release holds, and how others come by it. `.ci/release` makes it, and `.github/workflows` runs that.

use crate::cli::{Home, stderr, stdout};
use policy_host::bundle::Pack;
use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

const VERSION: &str = env!("CARGO_PKG_VERSION");
const PROGRAM: &str = env!("CARGO_BIN_EXE_policy-host");
/// A target whose crates are those of any Linux machine.
const TARGET: &str = "x86_64-unknown-linux-musl";
/// What stands for the program: archives do not look into it.
const FAKE: &str = "#!/bin/sh\necho released \"$@\"\n";

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..").canonicalize().unwrap()
}

fn release(arguments: &[&str]) -> Output {
    let script = root().join(".ci/release/release.py");
    let output = Command::new("python3").arg(script).args(arguments).env("SOURCE_DATE_EPOCH", "1700000000").output();
    let output = output.unwrap();
    assert!(output.status.success(), "{}", stderr(&output));
    output
}

/// Makes the archive of a target, with a program that is none, and gives where it is.
fn archive(target: &str, out: &Path) -> PathBuf {
    let binary = out.join("built");
    fs::create_dir_all(out).unwrap();
    fs::write(&binary, FAKE).unwrap();
    let made = release(&["archive", target, binary.to_str().unwrap(), PROGRAM, out.to_str().unwrap()]);
    fs::remove_file(binary).unwrap();
    PathBuf::from(stdout(&made).trim_end())
}

fn sha256(path: &Path) -> String {
    let sum = Command::new("sha256sum").arg(path).output().unwrap();
    stdout(&sum).split(' ').next().unwrap().to_owned()
}

#[test]
fn a_pack_is_compiled_for_the_target_that_is_named() {
    let home = Home::new();
    let (policies, bundles, out) = (home.path("policies"), home.path("bundles"), home.path("out"));
    fs::create_dir_all(&policies).unwrap();
    fs::create_dir_all(&bundles).unwrap();
    std::os::unix::fs::symlink(root().join("policies/local-dev"), policies.join("local-dev")).unwrap();
    let pack = |target: &str| {
        let [components, policies, bundles, out] =
            [&root().join("target/rules"), &policies, &bundles, &out].map(|path| path.to_str().unwrap().to_owned());
        let places = ["--components", &components, "--policies", &policies, "--bundles", &bundles, "--out", &out];
        home.run(&[&["pack", "--target", target][..], &places].concat())
    };
    for system in ["apple-darwin", "pc-windows-gnu", "unknown-linux-musl"] {
        let target = format!("{}-{system}", std::env::consts::ARCH);
        let made = pack(&target);
        assert_eq!(made.status.code(), Some(0), "{target}: {}", stderr(&made));
        let bytes = fs::read(out.join("embedded.pack")).unwrap();
        let pack: Pack = postcard::from_bytes(&bytes).unwrap();
        let code = pack.components[0].code.unpack();
        assert!(code.windows(target.len()).any(|part| part == target.as_bytes()), "the code does not name {target}");
    }
    let unknown = pack("pdp11-unknown-none");
    assert_eq!(unknown.status.code(), Some(2));
    assert!(stderr(&unknown).starts_with("error: there is no compiler for the target `pdp11-unknown-none`: "));
}

#[test]
fn an_archive_holds_the_program_and_what_belongs_to_it() {
    let home = Home::new();
    let out = home.path("out");
    let made = archive(TARGET, &out);
    let stem = format!("policy-host-{VERSION}-{TARGET}");
    assert_eq!(made, out.join(format!("{stem}.tar.gz")));
    assert!(Command::new("tar").arg("xzf").arg(&made).arg("-C").arg(&out).status().unwrap().success());
    let inside = out.join(&stem);
    let read = |name: &str| fs::read_to_string(inside.join(name)).unwrap_or_else(|error| panic!("{name}: {error}"));

    let run = Command::new(inside.join("policy-host")).arg("eval").output().unwrap();
    assert_eq!(stdout(&run), "released eval\n");
    for name in ["LICENSE", "README.md"] {
        assert_eq!(read(name), fs::read_to_string(root().join(name)).unwrap());
    }
    assert!(read("THIRD-PARTY-LICENSES.txt").contains("\nwasmtime "));

    // Every command that people see has a page, and every shell knows all of them.
    let help = stdout(&Command::new(PROGRAM).arg("help").output().unwrap());
    let commands = help.lines().skip_while(|line| *line != "Commands:").skip(1).take_while(|line| !line.is_empty());
    let commands: BTreeSet<&str> = commands
        .filter(|line| line.starts_with("  ") && !line.starts_with("   "))
        .map(|line| line.split_whitespace().next().unwrap())
        .filter(|command| *command != "help")
        .collect();
    assert!(commands.contains("eval") && commands.contains("completions"), "{help}");
    let completions = ["policy-host.bash", "_policy-host", "policy-host.fish", "_policy-host.ps1"];
    for command in commands {
        assert!(read(&format!("man/man1/policy-host-{command}.1")).starts_with(".ie"), "{command}");
        for file in completions {
            assert!(read(&format!("completions/{file}")).contains(command), "{file} lacks {command}");
        }
    }

    // The inventory is also beside the archive, and names the program by its digest.
    let inventory = read("policy-host.cdx.json");
    assert_eq!(inventory, fs::read_to_string(out.join(format!("{stem}.cdx.json"))).unwrap());
    let inventory: serde_json::Value = serde_json::from_str(&inventory).unwrap();
    let program = &inventory["metadata"]["component"];
    assert_eq!(program["version"], VERSION);
    assert_eq!(program["hashes"][0]["content"].as_str().unwrap(), sha256(&inside.join("policy-host")));
    let names: BTreeSet<&str> =
        inventory["components"].as_array().unwrap().iter().map(|one| one["name"].as_str().unwrap()).collect();
    for linked in ["wasmtime", "ring", "policy-sdk", "container-build"] {
        assert!(names.contains(linked), "{linked} is not in the inventory");
    }
    for not_linked in ["proptest", "insta", "serde_derive"] {
        assert!(!names.contains(not_linked), "{not_linked} is in the inventory");
    }
    let references: BTreeSet<&str> =
        inventory["dependencies"].as_array().unwrap().iter().map(|one| one["ref"].as_str().unwrap()).collect();
    assert_eq!(references.len(), inventory["components"].as_array().unwrap().len() + 1, "each once, and the program");

    // The same inputs, the same bytes.
    let before = sha256(&made);
    assert_eq!(sha256(&archive(TARGET, &home.path("again"))), before);
}

#[test]
fn checksums_and_the_formula_speak_of_the_archives() {
    let home = Home::new();
    let out = home.path("out");
    archive(TARGET, &out);
    archive("aarch64-unknown-linux-musl", &out);
    release(&["finish", out.to_str().unwrap(), "acme/policy-host"]);
    let sums = fs::read_to_string(out.join("SHA256SUMS")).unwrap();
    let sums: BTreeMap<&str, &str> =
        sums.lines().map(|line| line.split_once("  ").unwrap()).map(|(digest, name)| (name, digest)).collect();
    for (name, digest) in &sums {
        assert_eq!(sha256(&out.join(name)), **digest, "{name}");
    }
    let names: Vec<&str> = sums.keys().copied().collect();
    let stem = |target: &str, kind: &str| format!("policy-host-{VERSION}-{target}.{kind}");
    let expected = [
        stem("aarch64-unknown-linux-musl", "cdx.json"),
        stem("aarch64-unknown-linux-musl", "tar.gz"),
        stem(TARGET, "cdx.json"),
        stem(TARGET, "tar.gz"),
        "policy-host.rb".to_owned(),
    ];
    assert_eq!(names, expected);

    let formula = fs::read_to_string(out.join("policy-host.rb")).unwrap();
    let quoted = |line: &str| line.split('"').nth(1).unwrap().to_owned();
    let lines: Vec<&str> = formula.lines().map(str::trim).collect();
    let mut offered = 0;
    for pair in lines.windows(2).filter(|pair| pair[0].starts_with("url ")) {
        let (url, digest) = (quoted(pair[0]), quoted(pair[1]));
        let name = url.rsplit('/').next().unwrap();
        let address = format!("https://github.com/acme/policy-host/releases/download/v{VERSION}/{name}");
        assert_eq!(url, address);
        assert_eq!(sums[name], digest);
        offered += 1;
    }
    assert_eq!(offered, 2, "{formula}");
}

/// The hooks and the action fetch what was released, and nothing else.
#[test]
fn a_hook_runs_the_release_of_its_tag() {
    let home = Home::new();
    let (origin, clone) = (home.path("origin"), home.path("clone"));
    let run = |directory: &Path, program: &str, arguments: &[&str]| {
        let mut command = Command::new(program);
        command.args(arguments).current_dir(directory).env_clear().env("PATH", "/usr/local/bin:/usr/bin:/bin");
        let identity = ["GIT_AUTHOR_NAME", "GIT_AUTHOR_EMAIL", "GIT_COMMITTER_NAME", "GIT_COMMITTER_EMAIL"];
        command.envs(identity.map(|name| (name, "somebody"))).output().unwrap()
    };
    let git = |directory: &Path, arguments: &[&str]| {
        let output = run(directory, "git", arguments);
        assert!(output.status.success(), "{}", stderr(&output));
    };
    home.write("origin/Cargo.toml", &fs::read_to_string(root().join("Cargo.toml")).unwrap());
    fs::create_dir_all(origin.join(".ci/release")).unwrap();
    for script in ["find.sh", "hook.sh"] {
        fs::copy(root().join(".ci/release").join(script), origin.join(".ci/release").join(script)).unwrap();
    }
    git(&origin, &["init", "--quiet"]);
    git(&origin, &["add", "."]);
    git(&origin, &["commit", "--quiet", "--message", "one"]);
    git(&home.path(""), &["clone", "--quiet", origin.to_str().unwrap(), clone.to_str().unwrap()]);
    let hook = || run(&home.path(""), clone.join(".ci/release/hook.sh").to_str().unwrap(), &["eval", "a b"]);
    let refused = |why: &str| {
        let output = hook();
        assert_eq!(output.status.code(), Some(2), "{}", stdout(&output));
        let said = stderr(&output);
        assert!(
            said.contains("there is no policy-host on the PATH, and none can be fetched") && said.contains(why),
            "{said}"
        );
    };

    refused("is not the release v");
    git(&origin, &["tag", "--annotate", "--message", "release", &format!("v{VERSION}")]);
    refused("/releases/download/v");

    let releases = origin.join(format!("releases/download/v{VERSION}"));
    let target = format!("{}-unknown-linux-musl", std::env::consts::ARCH);
    let made = archive(&target, &releases);
    release(&["finish", releases.to_str().unwrap(), "acme/policy-host"]);
    let good = fs::read(&made).unwrap();
    fs::write(&made, [&good[..], b"more"].concat()).unwrap();
    refused("has another checksum than its release says");

    fs::write(&made, &good).unwrap();
    let output = hook();
    assert_eq!(stdout(&output), "released eval a b\n", "{}", stderr(&output));
    // It is fetched once.
    fs::remove_dir_all(&releases).unwrap();
    assert_eq!(stdout(&hook()), "released eval a b\n");
}

#[test]
fn the_repository_passes_its_own_rules() {
    let home = Home::new();
    for bundle in ["strict", "twelve-factor"] {
        let paths = [".github", "Dockerfile", "action.yml"].map(|path| root().join(path).display().to_string());
        let output = home.run(&["eval", "--bundle", bundle, "--fail-on", "info", &paths[0], &paths[1], &paths[2]]);
        assert_eq!(output.status.code(), Some(0), "{bundle}: {}", stdout(&output));
    }
}

/// Every action is held to a commit, with the version that it is.
#[test]
fn workflows_name_actions_by_commits() {
    let mut used = 0;
    for file in fs::read_dir(root().join(".github/workflows")).unwrap() {
        let path = file.unwrap().path();
        for line in fs::read_to_string(&path).unwrap().lines() {
            let Some((_, action)) = line.split_once("uses: ") else { continue };
            let (commit, version) = action.split_once('@').unwrap().1.split_once(" # v").unwrap();
            assert!(commit.len() == 40 && commit.bytes().all(|byte| byte.is_ascii_hexdigit()), "{line}");
            assert!(version.starts_with(|first: char| first.is_ascii_digit()), "{line}");
            used += 1;
        }
    }
    assert!(used > 10, "{used}");
}
