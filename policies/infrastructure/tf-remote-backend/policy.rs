use policy_sdk::prelude::*;
use policy_sdk::repository::terraform::{self, Callers, blocks};
use policy_sdk::tables::terraform_backends::TerraformBackends;

policy_sdk::rule! {
    /// Terraform state is kept remotely
    ///
    /// A root module declares a `backend` of an allowed type or a `cloud` block inside `terraform`. Without one,
    /// and without a wrapper that writes one, state is a local file.
    ///
    /// A root module has a `provider` block without `alias`, is called by no other module, and is neither an
    /// example, a test nor a part of a library, as its folders say (`examples`, `tests`, `modules`, …).
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
    uses: [Callers, TerraformBackends],
    reads: [
        "path", "blocks[*].type", "blocks[*].attributes.alias", "blocks[*].blocks[*].type",
        "blocks[*].blocks[*].labels",
    ],
    parameters: {
        /// The backends that are allowed; `cloud` is the block of that name. Without it, all that keep state remotely.
        allowed: Option<Vec<String>> = None,
    },
}

/// Folders whose modules nobody applies as they are.
const NO_ROOTS: [&str; 9] =
    ["examples", "example", "test", "tests", "fixtures", "testdata", "e2e", "modules", "wrappers"];

fn check(input: &Input<'_, Parameters>, findings: &mut Findings) -> Check {
    let module = &input.document;
    let allowed = allowed(input);
    let mut declared = false;
    for block in blocks(module, "terraform").flat_map(|terraform| terraform.get("blocks").items()) {
        let name = match block.get("type").text() {
            "backend" => block.get("labels").item(0).text(),
            "cloud" => "cloud",
            _ => continue,
        };
        declared = true;
        if !allowed.iter().any(|allowed| allowed == name) {
            let message = format!("the backend is `{name}`, expected one of `{}`", allowed.join("`, `"));
            findings.report(Code::Local, &block, message);
        }
    }
    if declared {
        return Ok(());
    }
    let Some(provider) = blocks(module, "provider").find(|provider| !provider.at("attributes.alias").exists()) else {
        return not_applicable("it is no root module: it has no `provider` block of its own");
    };
    let path = module.get("path").text();
    if let Some(folder) = path.split('/').find(|folder| NO_ROOTS.contains(folder)) {
        return not_applicable(format!("it is no root module: it is in a folder `{folder}`"));
    }
    if let Some(caller) = terraform::caller(input) {
        return not_applicable(format!("it is no root module: `{}` calls it", caller.name()));
    }
    let place = blocks(module, "terraform").next().unwrap_or(provider);
    let message = "the root module declares no `backend`: unless a wrapper writes one, its state is a local file";
    findings.report(Code::Missing, &place, message);
    Ok(())
}

fn allowed(input: &Input<'_, Parameters>) -> Vec<String> {
    let remote = || input.setting::<TerraformBackends>().rows.iter().map(|backend| backend.name.to_string()).collect();
    input.parameters.allowed.clone().unwrap_or_else(remote)
}
