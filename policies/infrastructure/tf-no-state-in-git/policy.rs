use policy_sdk::prelude::*;
use policy_sdk::repository::files::{File, RepositoryFiles, files, folder};

policy_sdk::rule! {
    /// Terraform's state and plans are not committed
    ///
    /// The repository has no `*.tfstate`, no backup of one, no plan (`tfplan`, `*.tfplan`, `plan.out`), no folder
    /// `.terraform` or `.terragrunt-cache`, and no `crash.log`, where Terraform or OpenTofu writes them. What
    /// `.gitignore` names is not looked at; `.terraform.lock.hcl` belongs into the repository.
    ///
    /// There is one finding a directory. States that are too short for a resource, and those of tests and examples, are
    /// low.
    ///
    /// ## Why
    /// A state holds every password, key and token that a resource has, in plain text; so does a plan. Git keeps it for
    /// ever, for everybody who can clone. And as soon as two people work, the state in Git is not the one that was
    /// applied last.
    ///
    /// ## Fix
    /// Move the state to a backend (`terraform init -migrate-state`), then:
    ///
    /// ```sh
    /// git rm --cached terraform.tfstate terraform.tfstate.backup
    /// printf '*.tfstate\n*.tfstate.*\n*.tfplan\n.terraform/\n' >> .gitignore
    /// ```
    ///
    /// The history still has it. Change every credential that the state holds.
    findings: {
        /// A state or plan with what it holds is committed
        Committed: High, Certain;
        /// A file whose name is that of a plan is committed
        MaybePlan: High, Likely;
        /// What is committed is empty, of a test, or only a leftover
        Leftover: Low, Likely;
    },
    priority: P0,
    effort: Small,
    factor: Config,
    since: "0.1.0",
    applies_to: ["file/Repository"],
    uses: [RepositoryFiles],
    reads: ["files[*].bytes"],
}

/// The length below which a state has no resource.
const EMPTY: i64 = 240;

/// Folders that Terraform and Terragrunt fill by themselves.
const CACHES: [&str; 2] = [".terraform", ".terragrunt-cache"];

fn check(input: &Input<'_, Parameters>, findings: &mut Findings) -> Check {
    // The directory, the first file there, how bad it is, and how many more there are.
    let mut found: Vec<(String, File<'_>, Code, usize)> = Vec::new();
    let all = files(input);
    let modules: Vec<&str> = all.iter().filter(|file| file.name().ends_with(".tf")).map(File::folder).collect();
    for file in all.iter().cloned() {
        let Some((place, code)) = kind(&file, &modules) else { continue };
        match found.iter_mut().find(|(known, ..)| *known == place) {
            Some((_, first, worst, more)) => {
                *more += 1;
                if rank(code) < rank(*worst) {
                    (*first, *worst) = (file, code);
                }
            }
            None => found.push((place, file, code, 0)),
        }
    }
    for (_, file, code, more) in &found {
        let others = if *more > 0 { format!(" and {more} more there") } else { String::new() };
        let message = match code {
            Code::Committed => format!(
                "`{}`{others} may hold credentials in plain text, and Git keeps its history: change what it holds",
                file.path
            ),
            Code::MaybePlan => format!(
                "`{}`{others} is called like a plan of Terraform, which holds credentials in plain text",
                file.path
            ),
            Code::Leftover => format!("Terraform writes `{}`{others}, and Git should ignore it", file.path),
        };
        findings.report(*code, &file.place, message);
    }
    Ok(())
}

fn rank(code: Code) -> u8 {
    match code {
        Code::Committed => 0,
        Code::MaybePlan => 1,
        Code::Leftover => 2,
    }
}

/// The directory by which a file is known, and how bad it is that it is there; `None` for other files. `modules` are the
/// folders of Terraform's files.
fn kind(file: &File<'_>, modules: &[&str]) -> Option<(String, Code)> {
    let parts: Vec<&str> = file.path.split('/').collect();
    if let Some(at) = parts[..parts.len() - 1].iter().position(|folder| CACHES.contains(folder)) {
        // Terraform keeps the settings of the backend there, with its keys.
        let is_backend = file.name() == "terraform.tfstate" && parts.len() == at + 2 && !file.is_aside();
        return Some((parts[..=at].join("/"), if is_backend { Code::Committed } else { Code::Leftover }));
    }
    let name = file.name();
    let is_state = name.ends_with(".tfstate") || is_backup(name);
    let code = if is_state {
        if file.place.get("bytes").as_i64().is_some_and(|bytes| bytes < EMPTY) {
            Code::Leftover
        } else {
            Code::Committed
        }
    } else if is_plan(name) {
        Code::Committed
    } else if name == "plan.out" {
        Code::MaybePlan
    } else if name == ".terraform.tfstate.lock.info" || name == "crash.log" && modules.contains(&file.folder()) {
        Code::Leftover
    } else {
        return None;
    };
    Some((folder(file.path).to_owned(), if file.is_aside() { Code::Leftover } else { code }))
}

/// Whether a name is that of a plan: `tfplan`, `tfplan-prod`, `tfplan.json`, `prod.tfplan`; `tfplan.go` is not.
fn is_plan(name: &str) -> bool {
    let (stem, ending) = name.split_once('.').unwrap_or((name, ""));
    let is_named = stem.starts_with("tfplan") && matches!(ending, "" | "json" | "out" | "bin" | "binary" | "zip");
    is_named || name.ends_with(".tfplan") || name.ends_with(".tfplan.json")
}

/// Whether a name is that of a backup: `x.tfstate.backup`, `x.tfstate.1700000000.backup`.
fn is_backup(name: &str) -> bool {
    let Some((_, rest)) = name.split_once(".tfstate.") else { return false };
    let number = rest.strip_suffix("backup").map(|number| number.trim_end_matches('.'));
    number.is_some_and(|number| number.bytes().all(|byte| byte.is_ascii_digit()))
}
