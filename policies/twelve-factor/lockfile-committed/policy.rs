use policy_sdk::prelude::*;
use policy_sdk::repository::files::{self, File, RepositoryFiles};

policy_sdk::rule! {
    /// Lock files are committed
    ///
    /// Beside each manifest with dependencies lies the lock file of its tool, or above it, in the folder of the
    /// workspace that it belongs to: `Cargo.lock`, `go.sum`, `package-lock.json` and those of yarn, pnpm and bun,
    /// `uv.lock`, `poetry.lock`, `pdm.lock`, `pylock.toml`, `Pipfile.lock`. A file that `.gitignore` names is not
    /// there.
    ///
    /// The rule skips packages that others depend on, since those lock for themselves: a Rust crate without a program,
    /// an npm package that is published, a Python package that is built. With `libraries` it checks them too. It skips
    /// folders of tests, examples, templates and others' code.
    ///
    /// ## Why
    /// Without a lock file each build takes whatever versions are the newest at that hour. A build that worked
    /// yesterday fails today, two machines run different code, and a malicious release of a dependency is in the next
    /// image.
    ///
    /// ## Fix
    /// Commit the file that the tool writes (`cargo generate-lockfile`, `go mod tidy`, `npm install
    /// --package-lock-only`, `uv lock`), take it out of `.gitignore`, and install from it alone: `cargo build
    /// --locked`, `npm ci`, `uv sync --locked`.
    findings: {
        /// A manifest has dependencies and no lock file
        Missing: Medium, Certain;
    },
    priority: P1,
    effort: Small,
    factor: Dependencies,
    since: "0.1.0",
    applies_to: ["file/Repository"],
    uses: [RepositoryFiles],
    inventory: {
        // All manifests are looked at, since any may belong to the workspace of another; of dependencies only the
        // names.
        cargo: {
            kinds: ["file/CargoPackage"],
            scope: "cluster",
            reads: [
                "package.name", "bin[*].name", "workspace.*.*", "dependencies.*.*", "dev-dependencies.*.*",
                "build-dependencies.*.*", "target.*.dependencies.*.*",
            ],
        },
        go: { kinds: ["file/GoModule"], scope: "cluster", reads: ["require[*].path", "replace[*].path", "replace[*].with"] },
        npm: {
            kinds: ["file/NpmPackage"],
            scope: "cluster",
            reads: [
                "private", "version", "main", "module", "exports", "bin", "types", "files[*]", "workspaces",
                "publishConfig.access", "dependencies.*.*", "devDependencies.*.*", "optionalDependencies.*.*",
            ],
        },
        python: {
            kinds: ["file/PythonProject"],
            scope: "cluster",
            reads: [
                "build-system.build-backend", "project.dependencies[*]", "dependency-groups.*.*",
                "tool.poetry.dependencies.*.*", "tool.poetry.package-mode", "tool.uv.package", "tool.uv.workspace.members",
            ],
        },
    },
    parameters: {
        /// Check packages that others depend on, too.
        libraries: bool = false,
    },
}

/// How a tool calls its manifest, its lock files, and what else makes a folder a workspace.
struct Tool {
    query: &'static str,
    locks: &'static [&'static str],
    workspaces: &'static [&'static str],
}

const TOOLS: [Tool; 4] = [
    Tool { query: "cargo", locks: &["Cargo.lock"], workspaces: &[] },
    Tool { query: "go", locks: &["go.sum", "go.work.sum"], workspaces: &["go.work"] },
    Tool {
        query: "npm",
        locks: &[
            "package-lock.json",
            "npm-shrinkwrap.json",
            "yarn.lock",
            "pnpm-lock.yaml",
            "bun.lock",
            "bun.lockb",
            // That of node2nix.
            "node-packages.nix",
            "deno.lock",
            // Rush keeps the one of all of its projects there.
            "common/config/rush/pnpm-lock.yaml",
        ],
        workspaces: &["pnpm-workspace.yaml", "lerna.json", "rush.json"],
    },
    Tool {
        query: "python",
        locks: &[
            "uv.lock",
            "poetry.lock",
            "pdm.lock",
            "pylock.toml",
            "Pipfile.lock",
            "requirements.txt",
            "requirements.lock",
        ],
        workspaces: &[],
    },
];

fn check(input: &Input<'_, Parameters>, findings: &mut Findings) -> Check {
    let files = files::files(input);
    if !files::are_whole(&files) {
        return not_evaluated("this folder does not look like a whole repository, so a lock file may lie above it");
    }
    let mut judged = 0;
    for tool in &TOOLS {
        judged += judge_tool(input, &files, tool, findings);
    }
    for file in files.iter().filter(|file| file.name() == "Pipfile" && !file.is_aside()) {
        judged += 1;
        if !has(&files, file.folder(), "Pipfile.lock") {
            missing(file, "Pipfile.lock", findings);
        }
    }
    if judged == 0 { not_applicable("it has no manifest of dependencies that it would lock") } else { Ok(()) }
}

/// Checks the manifests of a tool, and counts them.
fn judge_tool(input: &Input<'_, Parameters>, files: &[File<'_>], tool: &Tool, findings: &mut Findings) -> usize {
    let manifests: Vec<(&File<'_>, View<'_>)> = input
        .related(tool.query)
        .filter_map(|it| {
            let path = files::below(input, it.name());
            let at = files.binary_search_by(|file| file.path.cmp(path)).ok()?;
            Some((&files[at], it.document))
        })
        .collect();
    let is_workspace = |folder: &str| {
        let own = manifests.iter().find(|(file, _)| file.folder() == folder);
        own.is_some_and(|(_, manifest)| {
            ["workspace", "workspaces"].iter().any(|field| manifest.get(field).exists())
                || manifest.at("tool.uv.workspace").exists()
        }) || tool.workspaces.iter().any(|name| has(files, folder, name))
    };
    let is_locked = |folder: &str| tool.locks.iter().any(|lock| has(files, folder, lock));
    let mut judged = 0;
    let mut told: Vec<&str> = Vec::new();
    for (file, manifest) in &manifests {
        if file.is_aside() || !needs_lock(input, files, tool, file, manifest) {
            continue;
        }
        judged += 1;
        let workspace = files::upwards(file.folder()).skip(1).find(|folder| is_workspace(folder));
        if is_locked(file.folder()) || workspace.is_some_and(&is_locked) {
            continue;
        }
        // Of a workspace the one lock file is missing, however many members it has.
        let folder = workspace.unwrap_or(file.folder());
        if !told.contains(&folder) {
            told.push(folder);
            let own = manifests.iter().map(|(file, _)| *file).find(|it| it.folder() == folder);
            missing(own.unwrap_or(file), tool.locks[0], findings);
        }
    }
    judged
}

fn missing(file: &File<'_>, lock: &str, findings: &mut Findings) {
    let message = format!("`{}` has dependencies, but no lock file is committed, such as `{lock}`", file.path);
    findings.report(Code::Missing, &file.place, message);
}

/// Whether a folder has a file.
fn has(files: &[File<'_>], folder: &str, name: &str) -> bool {
    let path = if folder.is_empty() { name.to_owned() } else { [folder, "/", name].concat() };
    files.binary_search_by(|file| file.path.cmp(&path)).is_ok()
}

/// Whether a manifest has dependencies that have to be locked where it is.
fn needs_lock(
    input: &Input<'_, Parameters>,
    files: &[File<'_>],
    tool: &Tool,
    file: &File<'_>,
    manifest: &View<'_>,
) -> bool {
    let any = |fields: &[&str]| fields.iter().any(|field| !manifest.at(field).is_empty());
    let (depends, is_library) = match tool.query {
        "cargo" => {
            let sources = if file.folder().is_empty() { "src".to_owned() } else { [file.folder(), "/src"].concat() };
            let is_of_target =
                manifest.get("target").entries().any(|(_, target)| !target.get("dependencies").is_empty());
            let program = [&sources, "/bin/"].concat();
            let is_program = any(&["bin"])
                || has(files, &sources, "main.rs")
                || files.iter().any(|file| file.path.starts_with(&program));
            let depends = any(&["dependencies", "dev-dependencies", "build-dependencies"]) || is_of_target;
            (manifest.get("package").exists() && depends, !is_program)
        }
        "go" => {
            let is_local = |required: &str| {
                let mut replaced = manifest.get("replace").items().filter(|it| it.get("path").text() == required);
                replaced.any(|it| it.get("with").text().starts_with('.'))
            };
            (manifest.get("require").items().any(|it| !is_local(it.get("path").text())), false)
        }
        "npm" => {
            let is_built = any(&["exports", "bin", "files", "publishConfig"])
                || ["main", "module", "types", "exports", "bin"]
                    .iter()
                    .any(|field| !manifest.get(field).text().is_empty());
            let is_library = !manifest.get("private").is_true() && manifest.get("version").exists() && is_built;
            (any(&["dependencies", "devDependencies", "optionalDependencies"]), is_library)
        }
        _ => {
            let poetry = manifest.at("tool.poetry");
            let is_never_built = poetry.get("package-mode").as_bool() == Some(false)
                || manifest.at("tool.uv.package").as_bool() == Some(false);
            let of_poetry = poetry.get("dependencies").entries().any(|(name, _)| name != "python");
            let is_library = !is_never_built && manifest.get("build-system").exists();
            (of_poetry || any(&["project.dependencies", "dependency-groups"]), is_library)
        }
    };
    depends && (input.parameters.libraries || !is_library)
}
