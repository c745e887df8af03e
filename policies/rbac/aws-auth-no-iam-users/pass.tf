resource "aws_eks_access_entry" "developers" {
  cluster_name      = "shop"
  principal_arn     = "arn:aws:iam::111122223333:role/developers"
  kubernetes_groups = ["developers"]
}

module "eks" {
  source = "terraform-aws-modules/eks/aws"

  access_entries = {
    admin = { principal_arn = "arn:aws:iam::111122223333:role/admin" }
  }
}

# Of something else.
module "team" {
  source    = "./team"
  map_users = [{ userarn = "arn:aws:iam::111122223333:user/alice" }]
}

# A role, as its reference says; a list of roles says nothing of users.
resource "aws_eks_access_entry" "node" {
  cluster_name  = "shop"
  principal_arn = module.karpenter.node_iam_role_arn
}

module "auth" {
  source         = "terraform-aws-modules/eks/aws//modules/aws-auth"
  aws_auth_roles = var.roles
}
