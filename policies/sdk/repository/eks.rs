//! Amazon's clusters, EKS, in Terraform.

use super::terraform_calls::{Made, made};
use crate::input::Input;
use crate::uses::Uses;

crate::usable! {
    /// The clusters of EKS that the subject, a Terraform module or a plan, makes.
    pub EksClusters {
        reads: ["resource.aws_eks_cluster", "module.*.attributes"],
    }
}

/// The clusters of the subject, and calls of the module that makes one.
pub fn clusters<'d, P: Uses<EksClusters>>(input: &Input<'d, P>) -> Vec<Made<'d>> {
    let mut all = made(&input.document, &["aws_eks_cluster"], &["terraform-aws-modules/eks/aws"]);
    all.retain(|made| {
        let create = made.argument("create", &["create", "create_eks"]);
        create.known().and_then(|create| create.as_bool()) != Some(false)
    });
    all
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::look;

    #[test]
    fn clusters_are_resources_and_calls() {
        let module = r#"{"resource": {"aws_eks_cluster": {"shop": {"attributes": {}}}},
            "module": {"eks": {"attributes": {"source": "terraform-aws-modules/eks/aws"}},
                "none": {"attributes": {"source": "terraform-aws-modules/eks/aws", "create": false}}}}"#;
        look("", module, &[], &[], |input| {
            let called: Vec<String> = clusters(input).into_iter().map(|made| made.called).collect();
            assert_eq!(called, ["aws_eks_cluster.shop", "module.eks"]);
        });
    }
}
