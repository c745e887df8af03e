module "eks" {
  source = "terraform-aws-modules/eks/aws"
}

resource "aws_eks_pod_identity_association" "cart" {
  cluster_name    = module.eks.cluster_name
  namespace       = "shop"
  service_account = "cart"
  role_arn        = aws_iam_role.cart.arn
}
