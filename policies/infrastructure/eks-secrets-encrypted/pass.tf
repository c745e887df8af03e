# At the bound.
resource "aws_eks_cluster" "new" {
  name    = "shop"
  version = "1.28"
}

# EKS takes the newest.
resource "aws_eks_cluster" "newest" {
  name = "shop"
}

resource "aws_eks_cluster" "old" {
  name    = "shop"
  version = "1.27"

  encryption_config {
    resources = ["secrets"]
    provider {
      key_arn = aws_kms_key.eks.arn
    }
  }
}

module "eks" {
  source          = "terraform-aws-modules/eks/aws"
  version         = "~> 19.0"
  cluster_version = "1.27"
}

# Reported to checkov as flagged for nothing.
module "old" {
  source          = "terraform-aws-modules/eks/aws"
  version         = "~> 17.1"
  cluster_version = "1.20"
  cluster_encryption_config = [
    {
      provider_key_arn = aws_kms_key.eks.arn
      resources        = ["secrets"]
    }
  ]
}
