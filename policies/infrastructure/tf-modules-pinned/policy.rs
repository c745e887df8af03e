use policy_sdk::prelude::*;
use policy_sdk::repository::terraform::{Argument, Block};

policy_sdk::rule! {
    /// Modules are pinned to a version
    ///
    /// A call of a module from a registry has a `version` with an upper bound: an exact one, `~> 5.1`, `>= 5.0, < 6.0`.
    /// A call of a module from git or Mercurial names a tag or commit by `ref`, wherever that stands among the
    /// parameters of the address. An archive from a web server has a `checksum`, and one from a bucket names the
    /// version of the object.
    ///
    /// Modules of the same repository (`./network`) need none. A source that is not known, and one of Terraform 0.11
    /// (`modules/network` without `./`), is not evaluated.
    ///
    /// ## Why
    /// Without a version, `terraform init` takes what is newest. The next run of the pipeline then plans with code that
    /// nobody has reviewed, and the same commit gives another result on another day.
    ///
    /// ## Fix
    /// ```hcl
    /// module "vpc" {
    ///   source  = "terraform-aws-modules/vpc/aws"
    ///   version = "~> 6.0"
    /// }
    ///
    /// module "network" {
    ///   source = "git::https://git.example.com/platform/network.git?ref=v1.4.2"
    /// }
    /// ```
    findings: {
        /// A module of a registry has no version
        NoVersion: Medium, Certain;
        /// The version has no upper bound
        OpenRange: Medium, Certain;
        /// A minor version of the module may change
        MinorRange: Info, Certain;
        /// A module from git names no tag or commit
        NoRef: Medium, Certain;
        /// A module from git follows a branch
        Branch: Medium, Certain;
        /// A module from git names no commit, where commits are required
        NotACommit: Medium, Certain;
        /// An archive may be replaced by another one
        Archive: Medium, Certain;
    },
    priority: P1,
    effort: Small,
    factor: Dependencies,
    peers: ["TL:terraform_module_pinned_source", "TL:terraform_module_version", "CK:CKV_TF_1", "CK:CKV_TF_2"],
    since: "0.1.0",
    applies_to: ["file/TerraformModule"],
    reads: ["module.*.attributes.source", "module.*.attributes.version"],
    parameters: {
        /// Whether a module from git has to name a commit: whoever may push can move a tag.
        require_sha: bool = false,
    },
}

/// Names of branches. `HEAD` is that of the default one.
const BRANCHES: [&str; 8] = ["main", "master", "develop", "development", "dev", "trunk", "latest", "HEAD"];
/// The endings by which a web server's answer is an archive, and not the address of a module.
const ARCHIVES: [&str; 7] = [".zip", ".tar.gz", ".tgz", ".tar.bz2", ".tar.xz", ".txz", ".tar"];

fn check(input: &Input<'_, Parameters>, findings: &mut Findings) -> Check {
    let mut unknown = None;
    let mut is_any = false;
    for (name, call) in input.document.get("module").entries() {
        let call = Block::of(call);
        let source = match call.argument("source") {
            Argument::Known(source) => source,
            Argument::Unknown(..) => {
                unknown = Some(format!("the source of the module `{name}` is not known"));
                continue;
            }
            Argument::Absent(_) => continue,
        };
        match Source::of(source.text()) {
            Source::Local => continue,
            Source::Unclear => {
                unknown = Some(format!("what `{}` is, the source of `{name}`, is not known", source.text()))
            }
            Source::Registry => {
                if !judge_version(name, &source, &call, findings) {
                    unknown = Some(format!("the version of the module `{name}` is not known"));
                }
            }
            Source::Repository => judge_ref(name, &source, input.parameters.require_sha, findings),
            Source::Archive(parameter) => {
                if parameter_of(source.text(), parameter).is_none() {
                    let message =
                        format!("the archive of the module `{name}` may change: the address has no `{parameter}`");
                    findings.report(Code::Archive, &source, message);
                }
            }
        }
        is_any = true;
    }
    if !is_any && unknown.is_none() {
        return not_applicable("it calls no modules from elsewhere");
    }
    findings.or_unknown(unknown)
}

/// Where a module comes from.
enum Source {
    Local,
    Registry,
    Repository,
    /// A file that holds still with this parameter of its address.
    Archive(&'static str),
    Unclear,
}

impl Source {
    fn of(source: &str) -> Self {
        let path = source.split('?').next().unwrap_or_default();
        let host = path.split('/').next().unwrap_or_default();
        let is_repository = path.starts_with("git::")
            || path.starts_with("hg::")
            || path.starts_with("git@")
            || ["github.com", "bitbucket.org", "gitlab.com"].contains(&host)
                && path.split('/').nth(3).is_none_or(str::is_empty)
            || path.contains("://") && (path.ends_with(".git") || path.contains(".git//"));
        if source.starts_with("./") || source.starts_with("../") || source.starts_with('/') {
            Self::Local
        } else if is_repository {
            Self::Repository
        } else if path.starts_with("s3::") {
            Self::Archive("version")
        } else if path.starts_with("gcs::") {
            Self::Archive("generation")
        } else if let Some((_, rest)) = path.split_once("://") {
            let address = rest.split_once("//").map_or(rest, |(address, _)| address);
            let is_archive = ARCHIVES.iter().any(|ending| address.ends_with(ending));
            let is_archive = is_archive || parameter_of(source, "archive").is_some();
            if path.starts_with("http") && is_archive { Self::Archive("checksum") } else { Self::Unclear }
        } else {
            // `NAMESPACE/NAME/PROVIDER`, with a host before it perhaps, and a folder behind `//`.
            let address = path.split("//").next().unwrap_or_default();
            let parts = address.split('/').count();
            let has_host = host.contains('.') || host.contains(':');
            if parts == 3 && !has_host || parts == 4 && has_host { Self::Registry } else { Self::Unclear }
        }
    }
}

/// A parameter of an address, unless it is empty.
fn parameter_of<'s>(source: &'s str, name: &str) -> Option<&'s str> {
    let mut parameters = source.split(['?', '&']).skip(1).filter_map(|parameter| parameter.split_once('='));
    parameters.find(|(key, value)| *key == name && !value.is_empty()).map(|(_, value)| value)
}

fn judge_ref(name: &str, source: &View<'_>, needs_sha: bool, findings: &mut Findings) {
    // Mercurial calls it `rev`.
    let Some(reference) = parameter_of(source.text(), "ref").or_else(|| parameter_of(source.text(), "rev")) else {
        let message = format!("the module `{name}` is whatever the default branch holds, expected `?ref=` with a tag");
        findings.report(Code::NoRef, source, message);
        return;
    };
    let is_commit = reference.len() >= 7 && reference.bytes().all(|byte| byte.is_ascii_hexdigit());
    if BRANCHES.contains(&reference) || reference.starts_with("refs/heads/") || reference.starts_with("heads/") {
        let message = format!("the module `{name}` follows the branch `{reference}`, expected a tag or commit");
        findings.report(Code::Branch, source, message).excerpt(reference);
    } else if needs_sha && !is_commit {
        let message = format!("the module `{name}` names `{reference}`, expected a commit");
        findings.report(Code::NotACommit, source, message).excerpt(reference);
    }
}

/// Checks the version of a module from a registry; false where it is not known.
fn judge_version(name: &str, source: &View<'_>, call: &Block<'_>, findings: &mut Findings) -> bool {
    let version = match call.argument("version") {
        Argument::Known(version) => version,
        Argument::Unknown(..) => return false,
        Argument::Absent(_) => {
            let message = format!("the module `{name}` of a registry has no `version`: init takes the newest");
            findings.report(Code::NoVersion, source, message);
            return true;
        }
    };
    match bound(version.text()) {
        Bound::None => {
            let message = format!(
                "the version `{}` of the module `{name}` has no upper bound, expected `~> 1.2`",
                version.text()
            );
            findings.report(Code::OpenRange, &version, message);
        }
        Bound::Minor => {
            let message = format!("the version `{}` of the module `{name}` allows new minor versions", version.text());
            findings.report(Code::MinorRange, &version, message);
        }
        Bound::Patch => {}
    }
    true
}

/// How far the versions of a constraint reach.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Bound {
    Patch,
    Minor,
    None,
}

/// All parts of a constraint hold together, so the narrowest counts. `~> 5` has no upper bound, as only the last number
/// that is given may grow.
fn bound(constraint: &str) -> Bound {
    let of_part = |part: &str| {
        let part = part.trim();
        let version = part.trim_start_matches(['=', '<', '>', '!', '~', ' ']);
        let numbers = version.split('-').next().unwrap_or_default().split('.').count();
        match &part[..part.len() - version.len()].trim() {
            &"~>" if numbers >= 3 => Bound::Patch,
            &"~>" if numbers == 2 => Bound::Minor,
            &"<" | &"<=" => Bound::Minor,
            &"" | &"=" => Bound::Patch,
            _ => Bound::None,
        }
    };
    constraint.split(',').map(of_part).min().unwrap_or(Bound::None)
}
