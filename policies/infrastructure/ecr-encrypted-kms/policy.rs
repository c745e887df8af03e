use policy_sdk::prelude::*;
use policy_sdk::repository::ecr::{self, EcrRepositories};
use policy_sdk::repository::terraform::{self, Argument, Callers};
use policy_sdk::settings::RequireOwnKeys;

policy_sdk::rule! {
    /// Images in ECR are encrypted with a key of one's own
    ///
    /// Where the setting `requireOwnKeys` says so, a repository of ECR has the encryption type `KMS` and names a key
    /// (`kms_key`). ECR encrypts all images anyway, with a key of AWS (`AES256`), so without the setting nothing is
    /// asked.
    ///
    /// ## Why
    /// Some rules of an organisation or a regulator ask for keys that one can revoke and whose use is logged. ECR's
    /// own encryption has neither.
    ///
    /// ## Fix
    /// The type of a repository that exists cannot be changed: Terraform deletes the repository **with all of its
    /// images** and makes a new one. Make a second repository, copy the images that run, move the deployments, and
    /// delete the old one last:
    ///
    /// ```hcl
    /// resource "aws_ecr_repository" "api_encrypted" {
    ///   name = "api-encrypted"
    ///
    ///   encryption_configuration {
    ///     encryption_type = "KMS"
    ///     kms_key         = aws_kms_key.ecr.arn
    ///   }
    /// }
    /// ```
    findings: {
        /// A key of AWS encrypts the images
        NoKms: Info, Certain;
        /// The key in KMS is the one that AWS manages
        NoOwnKey: Info, Certain;
    },
    priority: P1,
    effort: Large,
    factor: Security,
    peers: ["CK:CKV_AWS_136", "TR:AWS-0033"],
    since: "0.1.0",
    applies_to: ["file/TerraformModule", "file/TerraformPlan"],
    uses: [Callers, EcrRepositories, RequireOwnKeys],
}

fn check(input: &Input<'_, Parameters>, findings: &mut Findings) -> Check {
    if !input.setting::<RequireOwnKeys>() {
        return not_applicable("keys of one's own are not required: `requireOwnKeys` is not set");
    }
    let repositories = ecr::repositories(input);
    if repositories.is_empty() {
        return not_applicable("it makes no repository of ECR");
    }
    terraform::uncalled(input)?;
    let mut unknown = None;
    for repository in &repositories {
        let [kind, key] = match repository.block.argument("encryption_configuration") {
            // `cloudposse/ecr/aws` takes a mapping.
            Argument::Known(mapping) if repository.call.is_some() => {
                ["encryption_type", "kms_key"].map(|name| Argument::of(mapping.get(name)))
            }
            _ => [
                ("encryption_configuration.encryption_type", "repository_encryption_type"),
                ("encryption_configuration.kms_key", "repository_kms_key"),
            ]
            .map(|(path, name)| repository.argument(path, &[name, "encryption_configuration"])),
        };
        let warning = "the type cannot be changed without deleting the repository and its images";
        match &kind {
            Argument::Unknown(_, expression) => {
                unknown = Some(format!("the encryption of `{}` is not known: {expression}", repository.called));
            }
            Argument::Known(kind) if kind.text().starts_with("KMS") => {
                if let Argument::Absent(place) = &key {
                    let message = format!(
                        "images of `{}` are encrypted with the key that AWS manages, expected `kms_key`; {warning}",
                        repository.called
                    );
                    findings.report(Code::NoOwnKey, place, message);
                }
            }
            Argument::Known(_) | Argument::Absent(_) => {
                let said = kind.known().map_or("not set", View::text);
                let message = format!(
                    "images of `{}` are encrypted with a key of AWS: `encryption_type` is {said}, \
                     expected `KMS`; {warning}",
                    repository.called
                );
                findings.report(Code::NoKms, kind.place(), message);
            }
        }
    }
    findings.or_unknown(unknown)
}
