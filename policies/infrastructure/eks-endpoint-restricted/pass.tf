resource "aws_eks_cluster" "ranges" {
  name = "shop"

  vpc_config {
    endpoint_private_access = true
    endpoint_public_access  = true
    public_access_cidrs     = ["203.0.113.0/24", "0.0.0.0/1"]
  }
}

# Reported to tfsec as flagged for nothing: what is off has no ranges.
resource "aws_eks_cluster" "private" {
  name = "shop"

  vpc_config {
    endpoint_private_access = true
    endpoint_public_access  = false
    public_access_cidrs     = ["0.0.0.0/0"]
  }
}

# The module's default is private, with ranges that count for nothing.
module "eks" {
  source  = "terraform-aws-modules/eks/aws"
  version = "~> 21.0"
}

module "ranges" {
  source                               = "terraform-aws-modules/eks/aws"
  version                              = "~> 19.0"
  cluster_endpoint_public_access       = true
  cluster_endpoint_public_access_cidrs = ["203.0.113.0/24"]
}
