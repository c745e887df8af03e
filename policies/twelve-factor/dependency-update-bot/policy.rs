use policy_sdk::parameter::list;
use policy_sdk::prelude::*;
use policy_sdk::repository::files::{self, File, RepositoryFiles};
use policy_sdk::values::image::glob_match;

policy_sdk::rule! {
    /// A bot keeps dependencies up to date
    ///
    /// A repository with manifests of dependencies has a configuration of Dependabot or Renovate. Renovate looks after
    /// everything by itself, wherever its configuration is (`renovate.json`, `.renovaterc`, `.github/`, `.gitlab/`, the
    /// key `renovate` of `package.json`). Dependabot has entries for all manifests of the listed `ecosystems`, and
    /// looks at least as often as `max_interval`; what is in folders of tests, examples and others' code does not
    /// count.
    ///
    /// The rule skips a folder that does not look like a whole repository. Renovate can also be set up for a whole
    /// organisation, without a file in each repository: then switch this rule off.
    ///
    /// ## Why
    /// Vulnerabilities are published every day, for versions that are in use. Where nobody hears of them, updates wait
    /// until there is an incident, and by then they are large and hard.
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
        /// Dependabot has an entry for an ecosystem, and skips some of its manifests
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

/// A file that names dependencies.
struct Manifest<'f, 'd> {
    ecosystem: &'static str,
    file: &'f File<'d>,
}

fn check(input: &Input<'_, Parameters>, findings: &mut Findings) -> Check {
    let files = files::files(input);
    let manifests = manifests(input, &files);
    if manifests.is_empty() {
        return not_applicable("it has no manifests of dependencies");
    }
    if has_other_bot(input, &files) {
        return Ok(());
    }
    let is_config =
        |file: &&File<'_>| file.folder() == ".github" && matches!(file.name(), "dependabot.yml" | "dependabot.yaml");
    let Some(config) = files.iter().find(is_config) else {
        if !files::are_whole(&files) {
            return not_evaluated("this folder does not look like a whole repository");
        }
        let first = first_of_each(&manifests, |_| true);
        let message = format!("nothing keeps the dependencies up to date, of {}", ecosystems(&first));
        let report = findings.report(Code::Missing, &input.document.get("path"), message);
        first.iter().fold(report, |report, it| report.label(&it.file.place, "a manifest of dependencies"));
        return Ok(());
    };
    let is_it = |it: &Related<'_>| files::below(input, it.name()) == config.path;
    let Some(dependabot) = input.related("dependabot").find(is_it) else {
        return not_evaluated("the configuration of Dependabot cannot be read");
    };
    judge_entries(&manifests, config, &dependabot, findings);
    judge_intervals(input, config, &dependabot, findings);
    Ok(())
}

/// The manifests of the listed ecosystems.
fn manifests<'f, 'd>(input: &Input<'d, Parameters>, files: &'f [File<'d>]) -> Vec<Manifest<'f, 'd>> {
    let listed = |ecosystem: &str| input.parameters.ecosystems.iter().any(|it| it == ecosystem);
    let shipped = files.iter().filter(|file| !file.is_aside());
    let manifests = shipped.filter_map(|file| Some(Manifest { ecosystem: ecosystem(file)?, file }));
    manifests.filter(|manifest| listed(manifest.ecosystem)).collect()
}

/// Whether a bot other than Dependabot looks after the repository.
fn has_other_bot(input: &Input<'_, Parameters>, files: &[File<'_>]) -> bool {
    let mut packages = input.related("packages").filter(|it| files::below(input, it.name()) == "package.json");
    let is_config = |file: &File<'_>| {
        FOLDERS.contains(&file.folder()) && OTHERS.contains(&file.name()) || file.path.starts_with("updatecli/")
    };
    files.iter().any(is_config) || packages.any(|package| package.document.get("renovate").exists())
}

/// Of those ecosystems that are meant, the first manifest of each.
fn first_of_each<'m, 'f, 'd>(
    manifests: &'m [Manifest<'f, 'd>],
    is_meant: impl Fn(&str) -> bool,
) -> Vec<&'m Manifest<'f, 'd>> {
    let mut first: Vec<&Manifest<'f, 'd>> = Vec::new();
    for manifest in manifests.iter().filter(|manifest| is_meant(manifest.ecosystem)) {
        if !first.iter().any(|known| known.ecosystem == manifest.ecosystem) {
            first.push(manifest);
        }
    }
    first
}

fn ecosystems(manifests: &[&Manifest<'_, '_>]) -> String {
    manifests.iter().map(|it| format!("`{}`", it.ecosystem)).collect::<Vec<_>>().join(", ")
}

/// Checks whether Dependabot looks at every manifest.
fn judge_entries(manifests: &[Manifest<'_, '_>], config: &File<'_>, dependabot: &Related<'_>, findings: &mut Findings) {
    let updates: Vec<View<'_>> = dependabot.document.get("updates").items().collect();
    let has = |ecosystem: &str| updates.iter().any(|entry| is_for(entry, ecosystem));
    let without = first_of_each(manifests, |ecosystem| !has(ecosystem));
    if !without.is_empty() {
        let message = format!("Dependabot has no entry for {}", ecosystems(&without));
        let report = findings.report(Code::Ecosystem, &config.place, message);
        without.iter().fold(report, |report, it| report.label(&it.file.place, "a manifest of dependencies"));
    }
    let is_passed_over = |it: &&Manifest<'_, '_>| {
        has(it.ecosystem) && !updates.iter().any(|entry| looks_into(entry, it.ecosystem, it.file.folder()))
    };
    let passed_over: Vec<_> = manifests.iter().filter(is_passed_over).collect();
    if let [first, others @ ..] = passed_over.as_slice() {
        let more = if others.is_empty() { String::new() } else { format!(" and {} more", others.len()) };
        let message = format!("Dependabot does not look at `{}`{more}", first.file.path);
        let report = findings.report(Code::Directory, &config.place, message);
        let shown = passed_over.iter().take(5);
        shown.fold(report, |report, it| report.label(&it.file.place, "no entry has its folder"));
    }
}

/// Checks how often Dependabot looks; a time of one's own (`cron`) is not checked.
fn judge_intervals(
    input: &Input<'_, Parameters>,
    config: &File<'_>,
    dependabot: &Related<'_>,
    findings: &mut Findings,
) {
    let rank = |interval: &str| INTERVALS.iter().position(|known| *known == interval);
    let max = input.parameters.max_interval.as_ref();
    let groups = dependabot.document.get("multi-ecosystem-groups");
    for entry in dependabot.document.get("updates").items() {
        let own = entry.at("schedule.interval");
        let of_group = groups.get(entry.get("multi-ecosystem-group").text()).at("schedule.interval");
        let place = if own.exists() { own } else { of_group };
        if rank(place.text()) > rank(max) {
            let (interval, ecosystem) = (place.text(), entry.get("package-ecosystem").text());
            let message =
                format!("Dependabot looks `{interval}` for updates of `{ecosystem}`, expected `{max}` or more often");
            findings.report(Code::Interval, &config.place, message).label_in(dependabot, &place, "how often it looks");
        }
    }
}

fn is_for(entry: &View<'_>, ecosystem: &str) -> bool {
    alike(entry.get("package-ecosystem").text()) == ecosystem
}

/// Whether an entry is for an ecosystem, and looks into a folder. Members of a workspace are looked at from its own
/// folder, and workflows from that of the repository.
fn looks_into(entry: &View<'_>, ecosystem: &str, folder: &str) -> bool {
    let directories = entry.get("directories").items().chain([entry.get("directory")]);
    let mut directories = directories.filter(View::exists).map(|directory| directory.text().trim_matches('/'));
    let has_workspaces = matches!(ecosystem, "npm" | "cargo" | "pip" | "maven" | "gradle" | "nuget");
    is_for(entry, ecosystem)
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
