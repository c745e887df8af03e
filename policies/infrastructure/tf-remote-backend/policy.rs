use policy_sdk::prelude::*;
use policy_sdk::repository::terraform::{self, Block, RootModule};
use policy_sdk::tables::terraform_backends::TerraformBackends;

policy_sdk::rule! {
    /// Terraform state is kept remotely
    ///
    /// A root module declares a `backend` of an allowed type or a `cloud` block inside `terraform`. Without one,
    /// and without a wrapper that writes one, state is a local file.
    ///
    /// What counts is what is in effect: a backend in an override file (`override.tf`, `*_override.tf`) takes the place
    /// of that of the other files.
    ///
    /// A root module has a `backend`, a `cloud` block or a `provider` block without `alias`, is called by no other
    /// module, and is neither an example, a test nor a part of a library, as its folders say (`examples`, `tests`,
    /// `modules`, …). Terraform skips the `backend` of any other.
    ///
    /// ## Why
    /// Local state lies on one laptop or dies with the CI job: nobody else can plan, two people can
    /// apply at once, and what it lost track of must be imported by hand. It also holds secrets in plain text.
    ///
    /// ## Fix
    /// Make a bucket with versioning and encryption, name it, and run `terraform init -migrate-state`:
    ///
    /// ```hcl
    /// terraform {
    ///   backend "s3" {
    ///     bucket       = "<bucket>"
    ///     key          = "<project>/<environment>/terraform.tfstate"
    ///     region       = "<region>"
    ///     encrypt      = true
    ///     use_lockfile = true
    ///   }
    /// }
    /// ```
    findings: {
        /// The backend is one that keeps state on the disk, or is not allowed
        Local: High, Certain;
        /// A root module declares no backend
        Missing: Medium, Likely;
    },
    priority: P0,
    effort: Medium,
    factor: BuildReleaseRun,
    since: "0.1.0",
    applies_to: ["file/TerraformModule"],
    uses: [RootModule, TerraformBackends],
    reads: [
        "terraform.attributes", "terraform.backend.labels", "terraform.cloud.type", "provider.*[*].type",
        "provider.*[*].attributes.alias",
    ],
    parameters: {
        /// The backends that are allowed; `cloud` is the block of that name. Without it, all that keep state remotely.
        allowed: Option<Vec<String>> = None,
    },
}

fn check(input: &Input<'_, Parameters>, findings: &mut Findings) -> Check {
    let module = &input.document;
    let settings = module.get("terraform");
    let backend = Block::of(settings.get("backend"));
    let declared = match (backend.place().exists(), settings.get("cloud").exists()) {
        (true, _) => Some((backend.place().clone(), backend.label(0))),
        (false, true) => Some((settings.get("cloud"), "cloud")),
        (false, false) => None,
    };
    terraform::applied(input)?;
    if let Some((place, name)) = declared {
        let allowed = allowed(input);
        if !allowed.iter().any(|allowed| allowed == name) {
            let message = format!("the backend is `{name}`, expected one of `{}`", allowed.join("`, `"));
            findings.report(Code::Local, &place, message);
        }
        return Ok(());
    }
    let Some(provider) = terraform::providers(module).find(|provider| !provider.argument("alias").place().exists())
    else {
        return not_applicable("it is no root module: it has no `provider` block of its own");
    };
    let place = if settings.get("attributes").exists() { &settings } else { provider.place() };
    let message = "the root module declares no `backend`: unless a wrapper writes one, its state is a local file";
    findings.report(Code::Missing, place, message);
    Ok(())
}

fn allowed(input: &Input<'_, Parameters>) -> Vec<String> {
    let remote = || input.setting::<TerraformBackends>().rows.iter().map(|backend| backend.name.to_string()).collect();
    input.parameters.allowed.clone().unwrap_or_else(remote)
}
