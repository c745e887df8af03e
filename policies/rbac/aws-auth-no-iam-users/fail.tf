resource "aws_eks_access_entry" "alice" {
  cluster_name  = "shop"
  principal_arn = "arn:aws:iam::111122223333:user/alice" # expect[iam-user]: the IAM user `arn:aws:iam::111122223333:user/alice` may log in
}

resource "aws_eks_access_entry" "ci" {
  cluster_name  = "shop"
  principal_arn = aws_iam_user.ci.arn # expect[iam-user]: the IAM user may log in to the cluster
}

module "eks" {
  source  = "terraform-aws-modules/eks/aws"
  version = "~> 20.0"

  access_entries = {
    bob = {
      principal_arn = "arn:aws-cn:iam::111122223333:user/ops/bob" # expect[iam-user]: user/ops/bob
    }
  }
}

module "old" {
  source          = "terraform-aws-modules/eks/aws"
  version         = "~> 19.0"
  aws_auth_users = [
    { userarn = "arn:aws:iam::111122223333:user/eve", username = "eve", groups = ["developers"] }, # expect[iam-user]: user/eve
  ]
}
