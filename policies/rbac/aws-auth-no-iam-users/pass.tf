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
