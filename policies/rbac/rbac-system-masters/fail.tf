resource "aws_eks_access_entry" "admin" {
  cluster_name      = "shop"
  principal_arn     = "arn:aws:iam::111122223333:role/admin" # label: the principal
  kubernetes_groups = ["system:masters"]                     # expect[refused high certain]: AWS refuses the access entry
}

module "eks" {
  source = "terraform-aws-modules/eks/aws"

  aws_auth_roles = [
    { rolearn = var.admin, username = "admin", groups = ["system:masters"] }, # expect[mapped]: an identity of IAM gets the group `system:masters`
  ]
}
