use policy_sdk::parameter::list;
use policy_sdk::prelude::*;
use policy_sdk::repository::files::{self, File, RepositoryFiles};
use policy_sdk::values::image::glob_match;

policy_sdk::rule! {
    /// A bot keeps dependencies up to date
    ///
    /// A repository with manifests of dependencies has a configuration of Dependabot or Renovate. Renovate looks after
    /// everything by itself, wherever its configuration is (`renovate.json`, `.renovaterc`, `.github/`, `.gitlab/`, the key
    /// `renovate` of `package.json`). Dependabot has entries for all manifests of the listed `ecosystems`,
    /// and looks at least as often as `max_interval`; what is in folders of tests, examples and others' code does
    /// not count.
    ///
    /// The rule skips a folder that does not look like a whole repository. Renovate can also be set up for a whole
    /// organisation, without a file in each repository: then switch this rule off.
    ///
    /// ## Why
    /// Vulnerabilities are published every day, for versions that are in use. Where nobody hears of them, updates wait until
    /// there is an incident, and by then they are large and hard.
    ///
    /// ## Fix
    /// Add `.github/dependabot.yml` with an entry for each ecosystem:
    /// ```yaml
    /// version: 2
    /// updates:
    ///   - package-ecosystem: gomod
    ///     directory: /
    ///     schedule: {interval: weekly}
    ///   - package-ecosystem: github-actions
    ///     directory: /
    ///     schedule: {interval: weekly}
    /// ```
    findings: {
        /// There is no configuration of a bot
        Missing: Low, Likely;
        /// Dependabot has no entry for an ecosystem
        Ecosystem: Low, Likely;
        /// Dependabot has an entry for an ecosystem, and passes over some of its manifests
        Directory: Low, Likely;
        /// Dependabot looks too seldom
        Interval: Low, Certain;
    },
    priority: P1,
    effort: Small,
    factor: Dependencies,
    since: "0.1.0",
    applies_to: ["file/Repository"],
    uses: [RepositoryFiles],
    inventory: {
        // There is one configuration, at the top of the repository.
        dependabot: {
            kinds: ["file/Dependabot"],
            scope: "cluster",
            reads: [
                "updates[*].package-ecosystem", "updates[*].directory", "updates[*].directories[*]", "updates[*].schedule.interval", "updates[*].multi-ecosystem-group",
                "multi-ecosystem-groups.*.schedule.interval",
            ],
        },
        // Of each package no more than whether it configures Renovate.
        packages: { kinds: ["file/NpmPackage"], scope: "cluster", reads: ["renovate.extends"] },
    },
    parameters: {
        /// Ecosystems, as Dependabot calls them, that need an entry.
        ecosystems: Vec<String> = list([
            "cargo", "gomod", "npm", "pip", "docker", "github-actions", "terraform", "maven", "gradle", "bundler", "nuget",
            "composer",
        ]),
        /// The longest time between two looks.
        max_interval: Interval = Interval::Monthly,
    },
}

policy_sdk::choice! {
    /// How often Dependabot looks.
    pub Interval {
        Daily = "daily", Weekly = "weekly", Monthly = "monthly", Quarterly = "quarterly",
        Semiannually = "semiannually", Yearly = "yearly",
    }
}

/// From the shortest to the longest.
const INTERVALS: [&str; 6] = ["daily", "weekly", "monthly", "quarterly", "semiannually", "yearly"];

/// Configurations of bots that look after a repository by themselves.
const OTHERS: [&str; 11] = [
    "renovate.json",
    "renovate.json5",
    "renovate.jsonc",
    ".renovaterc",
    ".renovaterc.json",
    ".renovaterc.json5",
    ".renovaterc.jsonc",
    "renovate.config.js",
    ".scala-steward.conf",
    ".pyup.yml",
    "updatecli.yaml",
];

/// Where they are looked for.
const FOLDERS: [&str; 3] = ["", ".github", ".gitlab"];

fn check(input: &Input<'_, Parameters>, findings: &mut Findings) -> Check {
    let files = files::files(input);
    let listed = |ecosystem: &str| input.parameters.ecosystems.iter().any(|it| it == ecosystem);
    let all = files.iter().filter(|file| !file.is_aside()).filter_map(|file| Some((ecosystem(file)?, file)));
    let manifests: Vec<(&str, &File<'_>)> = all.filter(|(ecosystem, _)| listed(ecosystem)).collect();
    let mut present: Vec<(&str, &File<'_>)> = Vec::new();
    for (ecosystem, file) in &manifests {
        if !present.iter().any(|(known, _)| known == ecosystem) {
            present.push((ecosystem, file));
        }
    }
    if present.is_empty() {
        return not_applicable("it has no manifests of dependencies");
    }
    let is_other = |file: &&File<'_>| {
        FOLDERS.contains(&file.folder()) && OTHERS.contains(&file.name()) || file.path.starts_with("updatecli/")
    };
    let mut packages =
        input.related("packages").filter(|package| files::below(input, package.name()) == "package.json");
    if files.iter().any(|file| is_other(&file)) || packages.any(|package| package.document.get("renovate").exists()) {
        return Ok(());
    }
    let is_config =
        |file: &&File<'_>| file.folder() == ".github" && matches!(file.name(), "dependabot.yml" | "dependabot.yaml");
    let Some(config) = files.iter().find(is_config) else {
        if !files::are_whole(&files) {
            return not_evaluated("this folder does not look like a whole repository");
        }
        let named: Vec<&str> = present.iter().map(|(ecosystem, _)| *ecosystem).collect();
        let message = format!("nothing keeps the dependencies up to date, of {}", quoted(&named));
        let report = findings.report(Code::Missing, &input.document.get("path"), message);
        present.iter().fold(report, |report, (_, file)| report.label(&file.place, "a manifest of dependencies"));
        return Ok(());
    };
    let is_it = |it: &Related<'_>| files::below(input, it.name()) == config.path;
    let Some(dependabot) = input.related("dependabot").find(is_it) else {
        return not_evaluated("the configuration of Dependabot cannot be read");
    };
    judge(input, (&present, &manifests), config, &dependabot, findings);
    Ok(())
}

fn judge(
    input: &Input<'_, Parameters>,
    (present, manifests): (&[(&str, &File<'_>)], &[(&str, &File<'_>)]),
    config: &File<'_>,
    dependabot: &Related<'_>,
    findings: &mut Findings,
) {
    let updates: Vec<View<'_>> = dependabot.document.get("updates").items().collect();
    let has =
        |ecosystem: &str| updates.iter().any(|entry| alike(entry.get("package-ecosystem").text()) == alike(ecosystem));
    let without: Vec<_> = present.iter().filter(|(ecosystem, _)| !has(ecosystem)).collect();
    if !without.is_empty() {
        let named: Vec<&str> = without.iter().map(|(ecosystem, _)| *ecosystem).collect();
        let message = format!("Dependabot has no entry for {}", quoted(&named));
        let report = findings.report(Code::Ecosystem, &config.place, message);
        without.iter().fold(report, |report, (_, file)| report.label(&file.place, "a manifest of dependencies"));
    }
    let is_passed_over = |(ecosystem, file): &&(&str, &File<'_>)| {
        has(ecosystem) && !updates.iter().any(|entry| looks_into(entry, ecosystem, file.folder()))
    };
    let passed_over: Vec<_> = manifests.iter().filter(is_passed_over).collect();
    if let Some((_, first)) = passed_over.first() {
        let message = match passed_over.len() - 1 {
            0 => format!("Dependabot does not look at `{}`", first.path),
            more => format!("Dependabot does not look at `{}` and {more} more", first.path),
        };
        let report = findings.report(Code::Directory, &config.place, message);
        passed_over
            .iter()
            .take(5)
            .fold(report, |report, (_, file)| report.label(&file.place, "no entry has its folder"));
    }
    let rank = |interval: &str| INTERVALS.iter().position(|known| *known == interval);
    let max = input.parameters.max_interval;
    let groups = dependabot.document.get("multi-ecosystem-groups");
    for entry in &updates {
        let group = groups.get(entry.get("multi-ecosystem-group").text());
        let own = entry.at("schedule.interval");
        let place = if own.exists() { own } else { group.at("schedule.interval") };
        if rank(place.text()).is_some_and(|rank| Some(rank) > INTERVALS.iter().position(|it| *it == max.as_ref())) {
            let ecosystem = entry.get("package-ecosystem").text();
            let message = format!(
                "Dependabot looks `{}` for updates of `{ecosystem}`, expected `{}` or more often",
                place.text(),
                max.as_ref()
            );
            findings.report(Code::Interval, &config.place, message).label_in(dependabot, &place, "how often it looks");
        }
    }
}

/// Whether an entry is for an ecosystem, and looks into a folder. Members of a workspace are looked at from its own
/// folder, and workflows from that of the repository.
fn looks_into(entry: &View<'_>, ecosystem: &str, folder: &str) -> bool {
    let directories = entry.get("directories").items().chain([entry.get("directory")]);
    let mut directories = directories.filter(View::exists).map(|directory| directory.text().trim_matches('/'));
    let has_workspaces = matches!(ecosystem, "npm" | "cargo" | "pip" | "maven" | "gradle" | "nuget");
    alike(entry.get("package-ecosystem").text()) == ecosystem
        && (ecosystem == "github-actions"
            || directories.any(|directory| {
                let directory = directory.trim_start_matches("./");
                let holds = |outer: &str| glob_match(directory, outer) || directory == "." && outer.is_empty();
                holds(folder) || has_workspaces && files::upwards(folder).any(holds)
            }))
}

/// The ecosystem of a file that names dependencies, as Dependabot calls it.
fn ecosystem(file: &File<'_>) -> Option<&'static str> {
    let name = file.name();
    let lower = name.to_ascii_lowercase();
    let ends = |ending: &str| name.ends_with(ending);
    Some(match name {
        "Cargo.toml" => "cargo",
        "go.mod" => "gomod",
        "package.json" => "npm",
        "pyproject.toml" | "Pipfile" | "setup.py" => "pip",
        "pom.xml" => "maven",
        "build.gradle" | "build.gradle.kts" => "gradle",
        "Gemfile" => "bundler",
        "composer.json" => "composer",
        "Chart.yaml" => "helm",
        "pubspec.yaml" => "pub",
        "mix.exs" => "mix",
        _ if lower.starts_with("requirements") && ends(".txt") => "pip",
        _ if lower == "dockerfile" || lower.starts_with("dockerfile.") || lower.ends_with(".dockerfile") => "docker",
        _ if file.folder() == ".github/workflows" && (ends(".yml") || ends(".yaml")) => "github-actions",
        _ if ends(".tf") => "terraform",
        _ if ends(".csproj") || ends(".fsproj") => "nuget",
        _ => return None,
    })
}

/// Names of Dependabot for the same manifests.
fn alike(ecosystem: &str) -> &str {
    match ecosystem {
        "uv" => "pip",
        "opentofu" => "terraform",
        "bun" => "npm",
        "docker-compose" => "docker",
        other => other,
    }
}

fn quoted(names: &[&str]) -> String {
    names.iter().map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", ")
}
