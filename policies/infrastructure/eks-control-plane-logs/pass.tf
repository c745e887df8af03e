resource "aws_eks_cluster" "shop" {
  name                      = "shop"
  enabled_cluster_log_types = ["audit", "authenticator"]
}

resource "aws_eks_cluster" "all" {
  name                      = "all"
  enabled_cluster_log_types = ["api", "audit", "authenticator", "controllerManager", "scheduler"]
}

# Their defaults.
module "eks" {
  source  = "terraform-aws-modules/eks/aws"
  version = "~> 20.8"
}

module "from_git" {
  source = "git::https://github.com/terraform-aws-modules/terraform-aws-eks.git?ref=5a267ec4264cdeb529512901119223889463703f"
}

# A part of it that makes no cluster.
module "karpenter" {
  source = "terraform-aws-modules/eks/aws//modules/karpenter"
}
