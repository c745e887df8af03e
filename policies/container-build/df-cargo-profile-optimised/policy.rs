use policy_sdk::prelude::*;
use policy_sdk::repository::files::{folder, is_below};

policy_sdk::rule! {
    /// The release profile optimises
    ///
    /// `profile.release` of a Cargo.toml, and profiles that inherit it, have no `opt-level` below 2, and stand at the
    /// root of the workspace: Cargo ignores those of members. That neither `lto` nor `codegen-units` is set is a
    /// remark, for packages that may have a program. `overflow-checks` and `debug-assertions` are choices, and not
    /// checked.
    ///
    /// A package that only says that it is a library (`[lib]` without `[[bin]]`) ships nothing by itself.
    ///
    /// ## Why
    /// Below level 2 a program is many times slower than it has to be. A profile in a member does nothing at all, and
    /// Cargo's warning is lost in the output of the build. `lto` and one unit make programs smaller and a little
    /// faster, and builds slower.
    ///
    /// ## Fix
    /// In the Cargo.toml at the root of the workspace:
    ///
    /// ```toml
    /// [profile.release]
    /// lto = "thin"
    /// codegen-units = 1
    /// ```
    findings: {
        /// The profile hardly optimises
        OptLevel: Medium, Certain;
        /// The profile is in a member of a workspace, where Cargo ignores it
        Ignored: Medium, Certain;
        /// Neither `lto` nor `codegen-units` is set
        Untuned: Info, Guess;
    },
    priority: P0,
    effort: Small,
    factor: BuildReleaseRun,
    since: "0.1.0",
    applies_to: ["file/CargoPackage"],
    reads: ["profile", "package.name", "package.workspace", "workspace", "lib", "bin"],
    inventory: {
        // The root lies in a folder above, which no relation says.
        packages: {
            kinds: ["file/CargoPackage"],
            scope: "cluster",
            reads: ["workspace"],
        },
    },
}

fn check(input: &Input<'_, Parameters>, findings: &mut Findings) -> Check {
    let document = &input.document;
    let profiles = document.get("profile");
    let own = folder(&input.subject.name);
    let is_root = document.get("workspace").exists();
    let root = input.related("packages").find(|other| {
        let folder = folder(other.name());
        other.document.get("workspace").exists() && folder != own && is_below(own, folder)
    });
    if let Some(root) = root.filter(|root| !is_root && !is_excluded(&root.document, own, folder(root.name()))) {
        if let Some((name, profile)) = profiles.entries().next() {
            let message = format!("`profile.{name}` is in a member of a workspace, where Cargo ignores it");
            findings.report(Code::Ignored, &profile, message).label_in(
                &root,
                &root.document.get("workspace"),
                "the workspace",
            );
        }
        return Ok(());
    }
    for (name, profile) in profiles.entries() {
        let level = profile.get("opt-level");
        let inherits = profile.get("inherits");
        let is_release = name == "release" || inherits.text() == "release";
        if is_release && matches!(level.scalar_text(), Some("0" | "1")) {
            let message = format!(
                "`profile.{name}` has the opt-level {}, expected 2, 3, `s` or `z`",
                level.scalar_text().unwrap_or_default()
            );
            findings.report(Code::OptLevel, &level, message);
        }
    }
    let may_ship = is_root || document.get("bin").exists() || !document.get("lib").exists();
    if !may_ship {
        return if findings.is_empty() { not_applicable("the package is a library") } else { Ok(()) };
    }
    let release = profiles.get("release");
    if !release.get("lto").exists() && !release.get("codegen-units").exists() {
        let place = if release.exists() {
            release
        } else if is_root {
            document.get("workspace")
        } else {
            document.at("package.name")
        };
        findings.report(Code::Untuned, &place, "`profile.release` sets neither `lto` nor `codegen-units`");
    }
    Ok(())
}

/// Whether a workspace excludes a folder.
fn is_excluded(root: &View<'_>, own: &str, root_folder: &str) -> bool {
    let below = own.strip_prefix(root_folder).unwrap_or(own).trim_start_matches('/');
    root.at("workspace.exclude").items().any(|excluded| is_below(below, excluded.text().trim_end_matches('/')))
}
