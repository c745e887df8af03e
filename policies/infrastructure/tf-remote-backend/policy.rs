use policy_sdk::prelude::*;

policy_sdk::rule! {
    /// Terraform state is kept remotely
    ///
    /// A root module, which is one with a `provider` block or a `*.tfvars` file, declares a
    /// `backend` of an allowed type or a `cloud` block inside `terraform`. No backend at all means
    /// local state.
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
    severity: Critical,
    priority: P0,
    effort: Medium,
    factor: "V Build/Release/Run",
    since: "0.1.0",
    applies_to: ["file/TerraformModule"],
    reads: ["has_tfvars", "blocks[*].type", "blocks[*].blocks[*].type", "blocks[*].blocks[*].labels"],
    parameters: {
        /// The backends that count as remote; `cloud` is the block of that name.
        allowed: Vec<String> = policy_sdk::parameter::list(["s3", "gcs", "azurerm", "http", "remote", "cloud"]),
    },
}

fn check(input: &Input<'_, Parameters>, findings: &mut Findings) -> Check {
    let module = &input.document;
    let blocks =
        |kind: &'static str| module.get("blocks").items().filter(move |block| block.get("type").text() == kind);
    let provider = blocks("provider").next();
    if provider.is_none() && !module.get("has_tfvars").is_true() {
        return not_applicable("it is no root module: it has neither a `provider` block nor a `*.tfvars` file");
    }
    let mut backends = 0;
    for block in blocks("terraform").flat_map(|terraform| terraform.get("blocks").items()) {
        let name = match block.get("type").text() {
            "backend" => block.get("labels").item(0).text(),
            "cloud" => "cloud",
            _ => continue,
        };
        backends += 1;
        if !input.parameters.allowed.iter().any(|allowed| allowed == name) {
            let message =
                format!("the backend is `{name}`, expected one of `{}`", input.parameters.allowed.join("`, `"));
            findings.report(&block, message).code("not-remote");
        }
    }
    if backends == 0 {
        let place = blocks("terraform").next().or(provider).unwrap_or_else(|| module.clone());
        findings.report(&place, "the root module declares no `backend`, so its state is a local file").code("missing");
    }
    Ok(())
}
