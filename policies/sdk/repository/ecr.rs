//! Amazon's registry of images, ECR, in Terraform.

use super::terraform_calls::{Made, made};
use crate::input::Input;
use crate::json::View;
use crate::uses::Uses;

crate::usable! {
    /// The private repositories of ECR that the subject, a Terraform module or a plan, makes.
    pub EcrRepositories {
        reads: [
            "resource.aws_ecr_repository", "resource.aws_ecr_repository_creation_template", "module.*.attributes",
        ],
    }
}

/// The repositories of the subject, templates by which ECR makes some itself, and calls of modules that make one.
pub fn repositories<'d, P: Uses<EcrRepositories>>(input: &Input<'d, P>) -> Vec<Made<'d>> {
    let types = ["aws_ecr_repository", "aws_ecr_repository_creation_template"];
    let mut all = made(&input.document, &types, &["terraform-aws-modules/ecr/aws", "cloudposse/ecr/aws"]);
    all.retain(|made| {
        made.call.as_ref().is_none_or(|call| {
            let is_false = |name: &str| call.block.argument(name).known().and_then(View::as_bool) == Some(false);
            let is_public = call.block.argument("repository_type").known().is_some_and(|kind| kind.text() == "public");
            !is_public && !["create", "create_repository", "enabled"].into_iter().any(is_false)
        })
    });
    all
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::look;

    #[test]
    fn repositories_are_private_and_made() {
        let module = r#"{"resource": {"aws_ecr_repository": {"a": {}}, "aws_ecrpublic_repository": {"p": {}},
                "aws_ecr_repository_creation_template": {"t": {}}},
            "module": {"m": {"attributes": {"source": "terraform-aws-modules/ecr/aws"}},
                "public": {"attributes": {"source": "terraform-aws-modules/ecr/aws", "repository_type": "public"}},
                "none": {"attributes": {"source": "terraform-aws-modules/ecr/aws", "create_repository": false}}}}"#;
        look("", module, &[], &[], |input| {
            let called: Vec<String> = repositories(input).into_iter().map(|made| made.called).collect();
            assert_eq!(called, ["aws_ecr_repository.a", "aws_ecr_repository_creation_template.t", "module.m"]);
        });
    }
}
