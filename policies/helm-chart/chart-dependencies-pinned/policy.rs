use policy_sdk::prelude::*;
use policy_sdk::repository::files::{folder, joined};
use policy_sdk::repository::helm::dependency::{self, Dependency};
use policy_sdk::repository::helm::is_for_tests;
use policy_sdk::values::semver::SemVer;
use policy_sdk::values::semver_range::{Dialect, Range};

policy_sdk::rule! {
    /// Dependencies of charts are pinned
    ///
    /// A dependency that helm fetches (`https`, `http`, `oci`, or a repository by its alias) has one version, or a
    /// `Chart.lock` lies beside the chart and says which. A range is right with a lock file. A dependency in `charts/`,
    /// as a folder or an archive, is pinned by that, as is one of `file://`.
    ///
    /// A lock file is of the same dependencies: it has the same names and repositories in the same order, versions in
    /// their ranges, and the digest that helm makes of both lists. Helm's first format (`requirements.yaml`,
    /// `requirements.lock`) is checked alike, but for the digest. A repository is not read over plain `http`. Charts in
    /// folders of tests are not checked.
    ///
    /// ## Why
    /// A range installs what was published last, so that the same commit deploys different things on two days, and no
    /// review sees the change. With a lock file of other dependencies `helm dependency build` fails. Over `http`
    /// anybody on the way can put another chart in its place.
    ///
    /// ## Fix
    /// Run `helm dependency update`, and commit the `Chart.lock` that it writes; in pipelines install by it, with
    /// `helm dependency build`. Or write one version:
    ///
    /// ```yaml
    /// dependencies:
    ///   - name: redis
    ///     version: 20.6.2
    ///     repository: https://charts.example.com
    /// ```
    findings: {
        /// A dependency has no single version, and no lock file says which it is
        Unlocked: Medium, Certain;
        /// The lock file is of other dependencies
        OutOfStep: Medium, Certain;
        /// A dependency is fetched over plain HTTP
        PlainHttp: Medium, Certain;
    },
    priority: P1,
    effort: Small,
    factor: Dependencies,
    since: "0.1.0",
    applies_to: ["file/HelmChart", "file/HelmRequirements"],
    reads: ["dependencies"],
    inventory: {
        lock: {
            kinds: ["file/HelmLock"],
            scope: "cluster",
            relation: called {},
            reads: ["dependencies", "digest"],
        },
        vendored: { kinds: ["file/HelmChart"], scope: "cluster", relation: called {}, reads: ["name", "version"] },
        // Of `requirements.yaml` the chart beside it, and through that the same.
        chart: { kinds: ["file/HelmChart"], scope: "cluster", relation: calls {}, reads: [] },
        lock_beside: {
            kinds: ["file/HelmLock"],
            scope: "cluster",
            via: "chart",
            relation: called {},
            reads: ["dependencies", "digest"],
        },
        vendored_beside: {
            kinds: ["file/HelmChart"],
            scope: "cluster",
            via: "chart",
            relation: called {},
            reads: ["name", "version"],
        },
        // Archives are no documents.
        archives: { kinds: ["file/Repository"], scope: "cluster", unless: "lock", reads: ["path", "files[*].path"] },
    },
}

fn check(input: &Input<'_, Parameters>, findings: &mut Findings) -> Check {
    let list = input.document.get("dependencies");
    let dependencies = dependency::listed(&list);
    if dependencies.is_empty() {
        return not_applicable("it has no dependencies");
    }
    if is_for_tests(&input.subject.name) {
        return not_applicable("it is for tests");
    }
    for one in dependencies.iter().filter(|it| it.repository.starts_with("http://")) {
        let message = format!("`{}` is fetched over plain HTTP: `{}`", one.name, one.repository);
        findings.report(Code::PlainHttp, &one.view.get("repository"), message);
    }
    let is_of_first = input.subject.kind == "HelmRequirements";
    let (locks, vendored) = if is_of_first { ("lock_beside", "vendored_beside") } else { ("lock", "vendored") };
    if let Some(lock) = input.related(locks).next() {
        compare(&list, &dependencies, &lock, is_of_first, findings);
        return Ok(());
    }
    let is_there = |one: &Dependency<'_>| {
        input.related(vendored).any(|chart| {
            chart.document.get("name").text() == one.name
                && version(chart.document.get("version").text()).is_none_or(|it| is_within(&it, one.version))
        }) || has_archive(input, one)
    };
    let mut open = dependencies.iter().filter(|it| it.is_remote() && exact(it.version).is_none()).peekable();
    if open.peek().is_some() && input.related("archives").next().is_none() {
        return findings.or_unknown(Some("only some files are checked, so a `Chart.lock` may lie beside it"));
    }
    for one in open.filter(|it| !is_there(it)) {
        let message = match one.version {
            "" => format!("`{}` has no version, and there is no `Chart.lock`, so the latest is installed", one.name),
            range => format!("`{}` has the range `{range}`, and there is no `Chart.lock`", one.name),
        };
        findings.report(Code::Unlocked, &one.view.get("version"), message);
    }
    Ok(())
}

/// Reports the first difference between dependencies and their lock file.
fn compare(
    list: &View<'_>,
    dependencies: &[Dependency<'_>],
    lock: &Related<'_>,
    is_of_first: bool,
    findings: &mut Findings,
) {
    let locked_list = lock.document.get("dependencies");
    let locked = dependency::listed(&locked_list);
    for (at, one) in dependencies.iter().enumerate() {
        let Some(other) = locked.get(at).filter(|other| other.name == one.name) else {
            let message = format!("`{}` is not in the lock file, so `helm dependency build` fails", one.name);
            findings.report(Code::OutOfStep, &one.view.get("name"), message).label_in(lock, &locked_list, "not here");
            return;
        };
        let (asked, got) = (one.repository.trim_end_matches('/'), other.repository.trim_end_matches('/'));
        if !is_of_first && asked != got && !one.is_by_alias() {
            let message = format!("`{}` is locked from `{got}`, so `helm dependency build` fails", one.name);
            let report = findings.report(Code::OutOfStep, &one.view.get("repository"), message);
            report.label_in(lock, &other.view.get("repository"), "another repository");
            return;
        }
        if let Some(got) = version(other.version).filter(|got| one.is_remote() && !is_within(got, one.version)) {
            let message = format!("`{}` is locked at {got}, which `{}` does not allow", one.name, one.version);
            let report = findings.report(Code::OutOfStep, &one.view.get("version"), message);
            report.label_in(lock, &other.view.get("version"), "another version");
            return;
        }
    }
    if let Some(more) = locked.get(dependencies.len()) {
        let message = format!("the lock file has `{}` too, which is no dependency any more", more.name);
        findings.report(Code::OutOfStep, list, message).label_in(lock, &more.view.get("name"), "this one");
        return;
    }
    let digest = lock.document.get("digest");
    if let Some(own) = dependency::lock_digest(list, &locked_list).filter(|own| !is_of_first && own != digest.text()) {
        let message =
            format!("the lock file was written for other fields of these dependencies, whose digest is `{own}`");
        findings.report(Code::OutOfStep, list, message).label_in(lock, &digest, "another digest");
    }
}

/// Whether an archive in `charts/` is of a dependency, in a version that it allows.
fn has_archive(input: &Input<'_, Parameters>, one: &Dependency<'_>) -> bool {
    let charts = joined(folder(&input.subject.name), "charts");
    let begin = [one.name, "-"].concat();
    input.related("archives").any(|repository| {
        let root = repository.document.get("path").text();
        repository.document.get("files").items().any(|file| {
            let path = joined(root, file.get("path").text());
            let name = path.strip_prefix(&charts).and_then(|rest| rest.strip_prefix('/'));
            let found = name.and_then(|name| name.strip_prefix(&begin)).and_then(|rest| rest.strip_suffix(".tgz"));
            found.and_then(version).is_some_and(|found| is_within(&found, one.version))
        })
    })
}

fn version(text: &str) -> Option<SemVer<'_>> {
    SemVer::parse(text)
}

/// The one version that a dependency asks for.
fn exact(text: &str) -> Option<SemVer<'_>> {
    Range::parse(text, Dialect::Helm)?.exact()
}

/// Whether a range has a version; one that cannot be read has all.
fn is_within(version: &SemVer<'_>, range: &str) -> bool {
    range.is_empty() || Range::parse(range, Dialect::Helm).is_none_or(|range| range.contains(version))
}
