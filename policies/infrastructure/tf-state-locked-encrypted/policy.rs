use policy_sdk::prelude::*;
use policy_sdk::repository::terraform::{self, Argument, Block, RootModule};
use policy_sdk::values::semver::SemVer;
use policy_sdk::values::semver_range::{Dialect, Range};

policy_sdk::rule! {
    /// Terraform's state is locked while it is written, and encrypted
    ///
    /// A backend `s3` has `use_lockfile = true` (Terraform and OpenTofu 1.10) or a `dynamodb_table`, and does not
    /// switch encryption off. A backend `http` has a `lock_address`, `oss` a `tablestore_table`. Other backends lock by
    /// themselves.
    ///
    /// A backend that is completed by `-backend-config` or by Terragrunt, as one without `bucket` and `key` is, is not
    /// evaluated: what is missing may be given there. S3 encrypts what it stores anyway, so a block that only leaves
    /// `encrypt` out is only information.
    ///
    /// ## Why
    /// A pipeline and a colleague apply at the same time. Both read the state, both write it, and the one that is
    /// slower overwrites what the other has made: resources that nobody knows of any more, or that Terraform makes
    /// twice.
    ///
    /// ## Fix
    /// ```hcl
    /// backend "s3" {
    ///   bucket       = "<bucket>"
    ///   key          = "<project>/<environment>/terraform.tfstate"
    ///   region       = "<region>"
    ///   encrypt      = true
    ///   use_lockfile = true
    /// }
    /// ```
    ///
    /// Before version 1.10 only `dynamodb_table` locks; it is deprecated since. Everybody, pipelines too, has to run
    /// `terraform init -reconfigure` once.
    findings: {
        /// Two people can write the state at once
        NotLocked: Medium, Certain;
        /// A server of state has no lock
        NoLockAddress: Low, Certain;
        /// Encryption is switched off
        NotEncrypted: Low, Certain;
        /// Encryption is left to S3
        EncryptUnset: Info, Certain;
    },
    priority: P0,
    effort: Small,
    factor: BuildReleaseRun,
    since: "0.1.0",
    applies_to: ["file/TerraformModule"],
    uses: [RootModule],
    reads: ["terraform.backend", "terraform.attributes.required_version"],
}

fn check(input: &Input<'_, Parameters>, findings: &mut Findings) -> Check {
    let settings = input.document.get("terraform");
    let backend = Block::of(settings.get("backend"));
    let kind = backend.label(0);
    if !matches!(kind, "s3" | "http" | "oss") {
        return not_applicable("it has no backend whose locks or encryption are written");
    }
    terraform::applied(input)?;
    let is_absent = |name: &str| matches!(backend.argument(name), Argument::Absent(_));
    if kind == "http" {
        if is_absent("address") {
            return not_evaluated("the backend is completed elsewhere: it has no `address`");
        }
        if is_absent("lock_address") {
            let message = "two people can write the state at once: the backend `http` has no `lock_address`";
            findings.report(Code::NoLockAddress, backend.place(), message);
        }
        return Ok(());
    }
    let name = if kind == "s3" { "key" } else { "bucket" };
    if is_absent("bucket") || is_absent(name) {
        return not_evaluated("the backend is completed elsewhere: it has no `bucket` or no `key`");
    }
    if kind == "oss" {
        if is_absent("tablestore_table") {
            let message = "two people can write the state at once: the backend `oss` has no `tablestore_table`";
            findings.report(Code::NotLocked, backend.place(), message);
        }
        return Ok(());
    }
    let lockfile = backend.argument("use_lockfile");
    let has_lockfile = lockfile.known().is_some_and(View::is_true);
    if !has_lockfile && is_absent("dynamodb_table") {
        let place = if lockfile.known().is_some() { lockfile.place() } else { backend.place() };
        let version = settings.at("attributes.required_version");
        let cure = if may_have_lockfile(version.text()) { "use_lockfile = true" } else { "dynamodb_table" };
        let message =
            format!("two people can write the state at once: the backend does not lock it, expected `{cure}`");
        findings.report(Code::NotLocked, place, message);
    }
    match backend.argument("encrypt") {
        Argument::Known(encrypt) if encrypt.as_bool() == Some(false) => {
            let message = "`encrypt` is `false`, so who writes the state asks for no encryption";
            findings.report(Code::NotEncrypted, &encrypt, message);
        }
        Argument::Absent(place) => {
            let message = "`encrypt` is not set: the state is encrypted with S3's own key only";
            findings.report(Code::EncryptUnset, &place, message);
        }
        Argument::Known(_) | Argument::Unknown(..) => {}
    }
    Ok(())
}

/// Whether the versions that are required may know `use_lockfile`.
fn may_have_lockfile(required: &str) -> bool {
    // A version that Terraform calls `~> 1.9` may be 1.10.
    let newest = ["1.10.0", "1.14.9", "2.0.0"].map(SemVer::parse);
    let Some(range) = Range::parse(required, Dialect::Helm).filter(|_| !required.contains("~>")) else {
        let written = required.split("~>").nth(1).unwrap_or_default().trim();
        // `~> 1.9.0` ends before 1.10.
        return written.matches('.').count() != 2 || written.split('.').nth(1).is_some_and(|minor| minor.len() > 1);
    };
    newest.into_iter().flatten().any(|version| range.contains(&version))
}
