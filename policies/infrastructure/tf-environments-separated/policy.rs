use policy_sdk::prelude::*;
use policy_sdk::repository::files::{self, RepositoryFiles};
use policy_sdk::settings::Environments;

policy_sdk::rule! {
    /// Each environment has Terraform of its own
    ///
    /// For each of the `environments` that the bundle expects, a repository with Terraform has a folder with a root, a
    /// file of variables or a unit of Terragrunt that is named after it: `environments/prod/main.tf`, `prod.tfvars`,
    /// `live/prod/terragrunt.hcl`, `prod.tf`. Whole words count, so `shop-prod` is one of `prod`. Folders of examples,
    /// tests and modules are skipped.
    ///
    /// Where no environment has any, the repository is laid out in another way (workspaces, a repository for each
    /// environment, a platform that sets variables), and is not checked.
    ///
    /// ## Why
    /// Where one environment is laid out in another way than the others, what is tried in staging is not what runs in
    /// production.
    ///
    /// ## Fix
    /// Give each environment a folder that calls the same modules, with a state and variables of its own:
    ///
    /// ```text
    /// modules/shop/main.tf
    /// environments/dev/main.tf
    /// environments/staging/main.tf
    /// environments/prod/main.tf
    /// ```
    findings: {
        /// An environment has no root, no variables and no unit of Terragrunt
        Missing: Info, Guess;
    },
    priority: P1,
    effort: Medium,
    factor: DevProdParity,
    since: "0.1.0",
    applies_to: ["file/Repository"],
    uses: [RepositoryFiles, Environments],
}

/// Words for the same environment.
const SAME: [&[&str]; 3] = [&["prod", "production", "prd"], &["staging", "stage", "stg"], &["dev", "development"]];
/// Endings of the files that count.
const ENDINGS: [&str; 6] = [".tf", ".tf.json", ".tofu", ".tfvars", ".tfvars.json", ".hcl"];

fn check(input: &Input<'_, Parameters>, findings: &mut Findings) -> Check {
    let environments = input.setting::<Environments>();
    if environments.is_empty() {
        return not_applicable("no `environments` are expected");
    }
    let files = files::files(input);
    let is_code = |path: &str| ENDINGS.iter().any(|ending| path.ends_with(ending));
    let of_terraform: Vec<_> = files
        .iter()
        .filter(|file| {
            is_code(file.path) && !file.is_aside() && !file.path.split('/').any(|folder| folder == "modules")
        })
        .collect();
    let Some(first) = of_terraform.first() else {
        return not_applicable("it has no roots of Terraform");
    };
    let has = |environment: &String| {
        of_terraform.iter().any(|file| file.path.split('/').any(|part| is_of(part, environment)))
    };
    let (there, missing): (Vec<&String>, Vec<&String>) = environments.iter().partition(|it| has(it));
    if there.is_empty() {
        return not_applicable("its Terraform is not laid out by environments");
    }
    let beside =
        of_terraform.iter().find(|file| file.path.split('/').any(|part| is_of(part, there[0]))).unwrap_or(first);
    let named: Vec<String> = missing.iter().map(|environment| format!("`{environment}`")).collect();
    let none = match named.as_slice() {
        [] => return Ok(()),
        [only] => format!("the environment {only} has no Terraform of its own"),
        [first @ .., last] => {
            format!("the environments {} and {last} have no Terraform of their own", first.join(", "))
        }
    };
    findings.report(Code::Missing, &beside.place, format!("{none}, as `{}` has", there[0]));
    Ok(())
}

/// Whether a folder or file is named after an environment.
fn is_of(part: &str, environment: &str) -> bool {
    let same = SAME.iter().find(|words| words.contains(&environment));
    part.split(['-', '_', '.']).any(|word| word == environment || same.is_some_and(|words| words.contains(&word)))
}
